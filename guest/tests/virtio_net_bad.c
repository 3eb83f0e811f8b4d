// SPDX-License-Identifier: BSD-2-Clause
/*
 * A hostile driver of two network devices on one switch: headers that fit no packet, commands that are cut, buffers that are
 * misplaced or too small. After each case a packet must come from one device to the other once both have been reset, and memory
 * that no request named must be as it was. rounds=: how often all cases are gone through.
 */
#include "fdt.h"
#include "string.h"
#include "test.h"
#include "uart.h"
#include "virtio.h"

GUEST("virtio_net_bad");

#define SIZE 64 /* of each queue */
#define R    0
#define W    VRING_WRITE
#define HDR  12u
#define BUF  2048u

#define F_CSUM	   (1UL << 0)
#define F_GCSUM	   (1UL << 1)
#define F_GTSO	   (3UL << 7)
#define F_TSO	   (3UL << 11)
#define F_MRG	   (1UL << 15)
#define F_CTRL	   (7UL << 17 & ~(1UL << 19))
#define F_CTRL_MAC (1UL << 23)
#define PLAIN	   (VIRTIO_F_INDIRECT | F_CTRL | F_CTRL_MAC)
#define ALL	   (PLAIN | F_CSUM | F_GCSUM | F_GTSO | F_TSO | F_MRG)

enum { RX, TX, CTRL, QUEUES };
enum expect { WORK, REJECT, IGNORE };

struct header {
	uint8_t flags, gso_type;
	uint16_t hdr_len, gso_size, csum_start, csum_offset, num_buffers;
};

static struct virtio devs[2];
static struct virtq qs[2][QUEUES];
static struct vring rings[2][QUEUES];
static _Alignas(4096) uint8_t before[4096], packet[65536 + 4096], inbox[SIZE][BUF], bytes[4096],
	after[4096];
static uint8_t macs[2][6];
static unsigned int nr_cases;

#define AT(p)	((uint64_t)(uintptr_t)(p))
#define RAM_END (machine.ram_base + machine.ram_size)

/* --- a driver ------------------------------------------------------------------------------------- */

static void give(unsigned int d, unsigned int i, uint64_t at, uint32_t len)
{
	virtq_desc(&qs[d][RX], i, at, len, W, 0);
	virtq_offer(&qs[d][RX], (uint16_t)i);
}

static void set_up(unsigned int d, uint64_t features, bool with_inbox)
{
	CHECK(virtio_begin(&devs[d], features));
	for (unsigned int i = 0; i < QUEUES; i++)
		CHECK(virtq_init(&qs[d][i], &devs[d], i, SIZE, &rings[d][i]));
	virtio_go(&devs[d]);
	for (unsigned int i = 0; with_inbox && i < SIZE; i++)
		give(d, i, AT(inbox[i]), BUF);
}

static void begin(void)
{
	set_up(0, ALL, false);
	set_up(1, PLAIN | F_MRG, true);
}

/* A packet of TCP from device @from to the other one, with its header in front. */
static void build(unsigned int from, bool v6)
{
	uint8_t *p = packet + HDR;
	const unsigned int tcp = v6 ? 54 : 34;

	memset(packet, 0, HDR + 200);
	for (unsigned int i = 0; i < 6; i++) {
		p[i] = macs[1 - from][i];
		p[6 + i] = macs[from][i];
	}
	p[12] = v6 ? 0x86 : 0x08;
	p[13] = v6 ? 0xdd : 0x00;
	p[14] = v6 ? 0x60 : 0x45;
	p[20] = v6 ? 6 : 0x40;
	p[23] = 6;
	p[tcp + 12] = 0x50;
}

/* One buffer as a chain of queue @queue of device @d. True: it has been used. */
static bool ask(unsigned int d, unsigned int queue, uint64_t at, uint64_t len, uint16_t flags)
{
	uint32_t head, used;

	virtq_desc(&qs[d][queue], 1, at, (uint32_t)len, flags, 2);
	virtq_offer(&qs[d][queue], 1);
	virtq_notify(&qs[d][queue]);
	return virtq_used(&qs[d][queue], &head, &used) && head == 1;
}

static unsigned int came(unsigned int d, uint32_t *len)
{
	uint32_t head;
	unsigned int n = 0;

	while (virtq_used(&qs[d][RX], &head, len))
		n++;
	return n;
}

static void works(const char *name)
{
	uint32_t len = 0;

	set_up(0, PLAIN, false);
	set_up(1, PLAIN, true);
	build(0, false);
	if (!ask(0, TX, AT(packet), HDR + 100, R) || came(1, &len) != 1 || len != HDR + 100 ||
	    virtio_broken(&devs[0]) || virtio_broken(&devs[1]))
		test_fail("%s: no packet comes any more", name);
	for (unsigned int i = 0; i < sizeof(before); i++)
		if (before[i] != 0x5a || after[i] != 0x5a)
			test_fail("%s: memory that was not named has changed", name);
	nr_cases++;
}

/* Device 0 has used the chain, or asks for a reset; device 1 does not. */
static void check(const char *name, bool used, enum expect expect)
{
	if (used != (expect == WORK) || virtio_broken(&devs[0]) != (expect == REJECT) ||
	    virtio_broken(&devs[1]))
		test_fail("%s: used %d, ask for a reset: %d, %d", name, used,
			  virtio_broken(&devs[0]), virtio_broken(&devs[1]));
	works(name);
}

/* --- headers -------------------------------------------------------------------------------------- */

/* @passes: how many packets the other device gets, which takes no segments and no checksums. */
static const struct header_case {
	struct header h;
	uint32_t len;
	bool v6;
	unsigned int passes;
} headers[] = {
	{ { 1, 0, 0, 0, 34, 16, 0 }, 1514, false, 1 },
	{ { 1, 0, 0, 0, 14, 0, 0 }, 100, false, 1 },
	{ { 1, 0, 0, 0, 0, 0, 0 }, 100, false, 0 },
	{ { 1, 0, 0, 0, 13, 16, 0 }, 100, false, 0 },
	{ { 1, 0, 0, 0, 99, 0, 0 }, 100, false, 0 },
	{ { 1, 0, 0, 0, 98, 0, 0 }, 100, false, 1 },
	{ { 1, 0, 0, 0, 34, 65535, 0 }, 100, false, 0 },
	{ { 1, 0, 0, 0, 65535, 0, 0 }, 100, false, 0 },
	{ { 1, 0, 0, 0, 65535, 65535, 0 }, 100, false, 0 },
	{ { 1, 0, 0, 0, 34, 64, 0 }, 100, false, 1 },
	{ { 1, 0, 0, 0, 34, 65, 0 }, 100, false, 0 },
	{ { 1, 0, 0, 0, 191, 0, 0 }, 1514, false, 0 },
	{ { 1, 0, 65535, 65535, 34, 16, 65535 }, 1514, false, 1 },
	{ { 0xfe, 0, 65535, 65535, 65535, 65535, 65535 }, 100, false, 1 },
	{ { 1, 1, 54, 1448, 34, 16, 0 }, 40000, false, 28 },
	{ { 1, 1, 65535, 1448, 34, 16, 0 }, 40000, false, 28 },
	{ { 0, 1, 54, 1448, 34, 16, 0 }, 40000, false, 0 },
	{ { 1, 1, 54, 0, 34, 16, 0 }, 40000, false, 0 },
	{ { 1, 1, 54, 1, 34, 16, 0 }, 40000, false, 0 },
	{ { 1, 1, 54, 47, 34, 16, 0 }, 40000, false, 0 },
	{ { 1, 1, 54, 48, 34, 16, 0 }, 65000, false, SIZE }, /* then it is full */
	{ { 1, 1, 54, 65535, 34, 16, 0 }, 40000, false, 0 },
	{ { 1, 1, 54, 1461, 34, 16, 0 }, 40000, false, 0 },
	{ { 1, 1, 54, 1448, 33, 16, 0 }, 40000, false, 0 },
	{ { 1, 1, 54, 1448, 34, 6, 0 }, 40000, false, 0 },
	{ { 1, 1, 54, 1448, 34, 16, 0 }, 54, false, 0 },
	{ { 1, 1, 54, 1448, 34, 16, 0 }, 14, false, 0 },
	{ { 1, 4, 54, 1448, 34, 16, 0 }, 40000, false, 0 },
	{ { 1, 1, 74, 1428, 54, 16, 0 }, 40000, true, 0 },
	{ { 1, 4, 74, 1428, 54, 16, 0 }, 40000, true, 28 },
	{ { 1, 3, 42, 1448, 34, 6, 0 }, 40000, false, 0 },
	{ { 1, 5, 42, 1448, 34, 6, 0 }, 40000, false, 0 },
	{ { 1, 0x81, 54, 1448, 34, 16, 0 }, 40000, false, 0 },
	{ { 1, 0xff, 54, 1448, 34, 16, 0 }, 40000, false, 0 },
	{ { 0, 0, 0, 0, 0, 0, 0 }, 1515, false, 0 },
	{ { 0, 0, 0, 0, 0, 0, 0 }, 65535, false, 0 },
	{ { 0, 0, 0, 0, 0, 0, 0 }, 69000, false, 0 },
	{ { 0, 0, 0, 0, 0, 0, 0 }, 13, false, 0 },
	{ { 0, 0, 0, 0, 0, 0, 0 }, 0, false, 0 },
};

static void test_headers(void)
{
	for (unsigned int i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		uint32_t len;
		unsigned int n;
		bool used;

		begin();
		build(0, headers[i].v6);
		memcpy(packet, &headers[i].h, HDR);
		used = ask(0, TX, AT(packet), HDR + headers[i].len, R);
		n = came(1, &len);
		if (n != headers[i].passes)
			test_fail("header %u: %u packets", i, n);
		check("a header", used, WORK);
	}
}

/* Tags, sources and destinations that are not for it to choose. */
static void lost(const char *name, unsigned int at, uint16_t val)
{
	uint32_t len;

	begin();
	build(0, false);
	packet[HDR + at] = (uint8_t)(val >> 8);
	packet[HDR + at + 1] = (uint8_t)val;
	if (!ask(0, TX, AT(packet), HDR + 100, R) || came(1, &len) != 0)
		test_fail("%s: comes", name);
	check(name, true, WORK);
}

static void test_frames(void)
{
	uint32_t len;

	lost("a tag", 12, 0x8100);
	lost("a service tag", 12, 0x88a8);
	lost("an old tag", 12, 0x9100);
	lost("from a group", 6, 0x0100);
	lost("from all", 6, 0xffff);
	begin();
	build(0, false);
	memset(packet + HDR + 6, 0, 6);
	CHECK(ask(0, TX, AT(packet), HDR + 100, R) && came(1, &len) == 0);
	works("from 0");
	begin();
	build(0, false);
	memcpy(packet + HDR + 6, macs[1], 6);
	CHECK(ask(0, TX, AT(packet), HDR + 100, R) && came(1, &len) == 0);
	works("from the other's address");
	begin();
	build(0, false);
	memcpy(packet + HDR, macs[0], 6);
	CHECK(ask(0, TX, AT(packet), HDR + 100, R) && came(1, &len) == 0);
	works("to itself");
	begin();
	for (unsigned int i = 0; i < 1000; i++) {
		build(0, false);
		packet[HDR + 10] = (uint8_t)(i >> 8);
		packet[HDR + 11] = (uint8_t)i;
		(void)ask(0, TX, AT(packet), HDR + 60, R);
	}
	works("a thousand addresses");
}

/* --- commands ------------------------------------------------------------------------------------- */

static const struct {
	const char *bytes;
	uint32_t len;
} commands[] = {
#define C(b)                     \
	{                        \
		b, sizeof(b) - 1 \
	}
	C("\0"),
	C("\0\0"),
	C("\0\0\1\1"),
	C("\0\2\1"),
	C("\0\5\1"),
	C("\0\377\1"),
	C("\1"),
	C("\1\0"),
	C("\1\0\0\0\0"),
	C("\1\0\0\0\0\0"),
	C("\1\0\0\0\0\0\0\0\0"),
	C("\1\0\0\0\0\0\0\0\0\0\1"),
	C("\1\0\1\0\0\0\0\0\0\0"),
	C("\1\0\377\377\377\377\0\0\0\0"),
	C("\1\0\0\0\0\0\377\377\377\377"),
	C("\1\0\1\0\0\0\2\0\0\0\0\1\1\0\0\0"),
	C("\1\0\253\252\252\52\0\0\0\0\0\0\0\0\0\0"),
	C("\1\1"),
	C("\1\1\2\0\0\0\0"),
	C("\1\1\2\0\0\0\0\1\1"),
	C("\1\1\1\0\0\0\0\1"),
	C("\1\1\0\0\0\0\0\0"),
	C("\1\2\2\0\0\0\0\1"),
	C("\2\0\1\0"),
	C("\2\1\1\0"),
	C("\3\0"),
	C("\4\0\1\0"),
	C("\4\0\0\0"),
	C("\4\0\377\377"),
	C("\5\0\0\0\0\0\0\0\0\0"),
	C("\377\377"),
};

static bool command(uint64_t at, uint32_t len, uint64_t answer, uint32_t room)
{
	uint32_t head, used;

	bytes[4000] = 0xee;
	virtq_desc(&qs[0][CTRL], 0, at, len, VRING_NEXT, 1);
	virtq_desc(&qs[0][CTRL], 1, answer, room, W, 0);
	virtq_offer(&qs[0][CTRL], 0);
	virtq_notify(&qs[0][CTRL]);
	return virtq_used(&qs[0][CTRL], &head, &used) && used == 1;
}

static void test_commands(void)
{
	for (unsigned int i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		bool used;

		begin();
		memcpy(bytes, commands[i].bytes, commands[i].len);
		used = command(AT(bytes), commands[i].len, AT(bytes + 4000), 1);
		if (bytes[4000] != 1)
			test_fail("command %u: answered %u", i, bytes[4000]);
		check("a command", used, WORK);
	}
	memset(bytes, 0, 3);
	begin();
	check("no place for an answer", command(AT(bytes), 3, AT(bytes + 4000), 0), REJECT);
	begin();
	check("an answer to the UART", command(AT(bytes), 3, UART_BASE, 1), REJECT);
	begin();
	check("an answer behind RAM", command(AT(bytes), 3, RAM_END, 1), REJECT);
	begin();
	check("an answer of 4 GiB", command(AT(bytes), 3, AT(bytes + 4000), 0xfffffff0), WORK);
}

/* --- places --------------------------------------------------------------------------------------- */

static void sends(const char *name, uint64_t at, uint64_t len, uint16_t flags, enum expect expect)
{
	begin();
	build(0, false);
	check(name, ask(0, TX, at, len, flags), expect);
}

/* The second buffer of a packet. The first one is right. */
static void sends_more(const char *name, uint64_t at, uint32_t len, uint16_t flags,
		       enum expect expect)
{
	begin();
	build(0, false);
	virtq_desc(&qs[0][TX], 2, at, len, flags, 1);
	check(name, ask(0, TX, AT(packet), HDR + 14, VRING_NEXT), expect);
}

/* Device 0 has one buffer, and the other one sends to it. */
static void receives(const char *name, uint64_t at, uint32_t len, uint16_t flags,
		     enum expect expect)
{
	uint32_t head, used;

	begin();
	virtq_desc(&qs[0][RX], 0, at, len, flags, 0);
	virtq_offer(&qs[0][RX], 0);
	virtq_notify(&qs[0][RX]);
	build(1, false);
	if (!ask(1, TX, AT(packet), HDR + 1000, R))
		test_fail("%s: the sender suffers", name);
	check(name, virtq_used(&qs[0][RX], &head, &used), expect);
}

static void test_places(void)
{
	sends("address 0", 0, 100, R, REJECT);
	sends("no memory", 0x40000000, 100, R, REJECT);
	sends("the UART", UART_BASE, 100, R, REJECT);
	sends("its own registers", devs[0].base, 100, R, REJECT);
	sends("behind RAM", RAM_END, 100, R, REJECT);
	sends("across the end of RAM", RAM_END - 20, 100, R, REJECT);
	sends("around the last address", UINT64_MAX - 3, 100, R, REJECT);
	sends("a buffer to write", AT(packet), 100, W, REJECT);
	sends("no byte", AT(packet), 0, R, REJECT);
	sends("less than a header", AT(packet), HDR - 1, R, REJECT);
	sends("4 GiB", AT(packet), 0xffffffff, R, WORK);
	sends("a table that is none", AT(packet), 17, VRING_INDIRECT, REJECT);
	sends_more("more at address 0", 0, 100, R, REJECT);
	sends_more("more of the UART", UART_BASE, 100, R, REJECT);
	sends_more("more behind RAM", RAM_END, 100, R, REJECT);
	sends_more("more to write", AT(packet), 100, W, REJECT);
	sends_more("a circle", AT(packet), 1, VRING_NEXT, REJECT);
	receives("a buffer to read", AT(inbox), BUF, R, REJECT);
	receives("a buffer of nothing", AT(inbox), 0, W, REJECT);
	for (uint32_t n = 1; n < HDR; n++)
		receives("a buffer for less than a header", AT(inbox), n, W, REJECT);
	for (uint32_t n = HDR; n < HDR + 1000; n += 247)
		receives("a buffer for less than the packet", AT(inbox), n, W, IGNORE);
	receives("a buffer for the packet", AT(inbox), HDR + 1000, W, WORK);
	receives("a buffer of 4 GiB", AT(inbox), 0xffffffff, W, WORK);
	receives("buffer at address 0", 0, BUF, W, REJECT);
	receives("buffer at the UART", UART_BASE, BUF, W, REJECT);
	receives("buffer at its own registers", devs[0].base, BUF, W, REJECT);
	receives("buffer at the other's registers", devs[1].base, BUF, W, REJECT);
	receives("buffer behind RAM", RAM_END, BUF, W, REJECT);
	receives("buffer across the end of RAM", RAM_END - 20, BUF, W, REJECT);
	receives("buffer around the last address", UINT64_MAX - 3, BUF, W, REJECT);
	receives("the last bytes of RAM", RAM_END - HDR - 1000, HDR + 1000, W, WORK);
}

/* Its own rings, and the other's, as buffers: what is destroyed is its own. */
static void test_rings(void)
{
	for (unsigned int d = 0; d < 2; d++) {
		for (unsigned int i = 0; i < QUEUES; i++) {
			begin();
			give(0, 0, AT(&rings[d][i]), sizeof(rings[d][i]));
			virtq_notify(&qs[0][RX]);
			build(1, false);
			(void)ask(1, TX, AT(packet), HDR + 1400, R);
			works("a ring as a buffer");
		}
	}
	for (unsigned int i = 0; i < QUEUES; i++) {
		begin();
		virtq_offer(&qs[0][i], 0xffff);
		virtq_notify(&qs[0][i]);
		build(1, false);
		(void)ask(1, TX, AT(packet), HDR + 100, R);
		check("no such head", false, REJECT);
	}
}

static void find_devices(void)
{
	for (unsigned int d = 0; d < 2; d++) {
		CHECK(virtio_find(&devs[d], VIRTIO_ID_NET, d));
		for (unsigned int i = 0; i < 6; i++)
			macs[d][i] = *(volatile uint8_t *)(devs[d].base + VIRTIO_CONFIG + i);
	}
}

void guest_main(void)
{
	memset(before, 0x5a, sizeof(before));
	memset(after, 0x5a, sizeof(after));
	find_devices();
	works("at first");
	for (unsigned long n = machine_arg("rounds", 1); n; n--) {
		nr_cases = 0;
		test_headers();
		test_frames();
		test_commands();
		test_places();
		test_rings();
		print("virtio_net_bad: %u cases\n", nr_cases);
	}
}
