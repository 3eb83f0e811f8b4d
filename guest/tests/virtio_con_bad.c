// SPDX-License-Identifier: BSD-2-Clause
/*
 * A hostile driver of the console device with two ports: messages that are cut, of ports and kinds that there are not, buffers
 * that are misplaced or too small, bytes printed by the configuration. After each case the device must work once it has been
 * reset, and memory that no request named must be as it was. rounds=: how often all cases are gone through. typed=1: the
 * operator types "abc" to the first port each time that this says TYPE.
 */
#include "fdt.h"
#include "string.h"
#include "test.h"
#include "uart.h"
#include "virtio.h"

GUEST("virtio_con_bad");

#define SIZE  16 /* of each queue */
#define PORTS 2
#define R     0
#define W     VRING_WRITE

enum { RX, TX, CTRL_RX, CTRL_TX, RX1, TX1, QUEUES };
enum {
	DEVICE_READY,
	PORT_ADD,
	PORT_REMOVE,
	PORT_READY,
	CONSOLE_PORT,
	RESIZE,
	PORT_OPEN,
	PORT_NAME
};
enum expect { WORK, REJECT, IGNORE };

#define F_MULTIPORT 2

struct message {
	uint32_t id;
	uint16_t event, value;
};

static struct virtio dev;
static struct virtq qs[QUEUES];
static struct vring rings[QUEUES];
static _Alignas(4096) uint8_t before[4096], inbox[SIZE][64], bytes[4096], after[4096];
static unsigned int nr_cases, told[8]; /* by event, since the last set-up */

#define AT(p)	((uint64_t)(uintptr_t)(p))
#define RAM_END (machine.ram_base + machine.ram_size)

/* --- a driver ------------------------------------------------------------------------------------- */

static void give_inbox(unsigned int i)
{
	virtq_desc(&qs[CTRL_RX], i, AT(inbox[i]), sizeof(inbox[i]), W, 0);
	virtq_offer(&qs[CTRL_RX], (uint16_t)i);
}

static void set_up(uint64_t features, bool with_inbox)
{
	memset(told, 0, sizeof(told));
	CHECK(virtio_begin(&dev, features | VIRTIO_F_INDIRECT));
	for (unsigned int i = 0; i < QUEUES; i++)
		CHECK(virtq_init(&qs[i], &dev, i, SIZE, &rings[i]));
	virtio_go(&dev);
	for (unsigned int i = 0; with_inbox && i < SIZE; i++)
		give_inbox(i);
	if (with_inbox)
		virtq_notify(&qs[CTRL_RX]);
}

static void begin(void)
{
	set_up(F_MULTIPORT, true);
}

/* All that the device has told, and the buffers go back to it. */
static unsigned int listen(void)
{
	uint32_t head, len;
	unsigned int n = 0;

	while (virtq_used(&qs[CTRL_RX], &head, &len)) {
		const struct message *m = (const struct message *)inbox[head % SIZE];

		CHECK(head < SIZE && len >= sizeof(*m) && m->id < PORTS && m->event < 8);
		told[m->event]++;
		n++;
		give_inbox(head % SIZE);
		virtq_notify(&qs[CTRL_RX]);
	}
	return n;
}

static bool say(unsigned int queue, uint64_t at, uint32_t len, uint16_t flags)
{
	uint32_t head, used;

	virtq_desc(&qs[queue], 1, at, len, flags, 2);
	virtq_offer(&qs[queue], 1);
	virtq_notify(&qs[queue]);
	return virtq_used(&qs[queue], &head, &used) && head == 1 && used == 0;
}

static bool tell(uint32_t id, uint16_t event, uint16_t value)
{
	*(struct message *)bytes = (struct message){ id, event, value };
	return say(CTRL_TX, AT(bytes), sizeof(struct message), R);
}

static void works(const char *name)
{
	begin();
	if (!tell(0, DEVICE_READY, 1) || listen() != PORTS || told[PORT_ADD] != PORTS)
		test_fail("%s: the device adds no ports any more", name);
	if (!tell(1, PORT_READY, 1) || listen() == 0 || told[PORT_NAME] != 1)
		test_fail("%s: the port does not come any more", name);
	bytes[0] = '.';
	if (!say(TX, AT(bytes), 1, R) || virtio_broken(&dev))
		test_fail("%s: the port does not print any more", name);
	for (unsigned int i = 0; i < sizeof(before); i++)
		if (before[i] != 0x5a || after[i] != 0x5a)
			test_fail("%s: memory that was not named has changed", name);
	nr_cases++;
}

static void check(const char *name, bool used, enum expect expect)
{
	if (used != (expect == WORK) || virtio_broken(&dev) != (expect == REJECT))
		test_fail("%s: used %d, asks for a reset %d", name, used, virtio_broken(&dev));
	works(name);
}

/* --- messages to the device ----------------------------------------------------------------------- */

/* It is taken, and nothing follows from it. */
static void no_effect(const char *name, uint32_t id, uint16_t event, uint16_t value)
{
	begin();
	if (!tell(id, event, value) || listen() != 0)
		test_fail("%s: message %u to port %u is not taken, or answered", name, event, id);
	check(name, true, WORK);
}

static void test_messages(void)
{
	static const uint32_t ports[] = { PORTS, 7, 8, 31, 0x80000000, 0xffffffff };

	for (unsigned int i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		no_effect("ready: no such port", ports[i], PORT_READY, 1);
		no_effect("open: no such port", ports[i], PORT_OPEN, 1);
	}
	for (uint16_t event = 0; event < 8; event++)
		no_effect("value 0", 0, event, 0);
	no_effect("value 2", 0, DEVICE_READY, 2);
	no_effect("value 0xffff", 1, PORT_READY, 0xffff);
	no_effect("the device's own message: add", 0, PORT_ADD, 1);
	no_effect("the device's own message: remove", 0, PORT_REMOVE, 1);
	no_effect("the device's own message: console", 1, CONSOLE_PORT, 1);
	no_effect("the device's own message: resize", 0, RESIZE, 1);
	no_effect("the device's own message: name", 0, PORT_NAME, 1);
	no_effect("event 8", 0, 8, 1);
	no_effect("event 0x100", 0, 0x100, 1);
	no_effect("event 0xffff", 0, 0xffff, 1);
	no_effect("all ones", 0xffffffff, 0xffff, 0xffff);
}

static void test_cut_messages(void)
{
	for (uint32_t n = 0; n < sizeof(struct message); n++) {
		begin();
		*(struct message *)bytes = (struct message){ 0, DEVICE_READY, 1 };
		if (!say(CTRL_TX, AT(bytes), n, R) || listen() != 0)
			test_fail("%u bytes of a message: not taken, or answered", n);
		check("a message that is cut off", true, WORK);
	}
	for (uint32_t n = 1; n < sizeof(struct message); n++) {
		begin();
		*(struct message *)bytes = (struct message){ 0, DEVICE_READY, 1 };
		virtq_desc(&qs[CTRL_TX], 2, AT(bytes) + n, (uint32_t)sizeof(struct message) - n, R,
			   0);
		if (!say(CTRL_TX, AT(bytes), n, VRING_NEXT) || listen() != PORTS)
			test_fail("a message in two, cut at %u: not taken", n);
		check("a message in two", true, WORK);
	}
	for (uint32_t n = sizeof(struct message) + 1; n < 4096; n = n * 5 + 1) {
		begin();
		*(struct message *)bytes = (struct message){ 0, DEVICE_READY, 1 };
		if (!say(CTRL_TX, AT(bytes), n, R) || listen() != PORTS)
			test_fail("a message of %u bytes: not taken", n);
		check("a message with more behind it", true, WORK);
	}
}

static void bad(const char *name, unsigned int queue, uint64_t at, uint32_t len, uint16_t flags)
{
	begin();
	check(name, say(queue, at, len, flags), REJECT);
}

/* What the device is to read. */
static void test_places(void)
{
	static const uint8_t out[] = { CTRL_TX, TX, TX1 };

	for (unsigned int i = 0; i < sizeof(out); i++) {
		bad("address 0", out[i], 0, 8, R);
		bad("no memory", out[i], 0x40000000, 8, R);
		bad("the UART", out[i], UART_BASE, 8, R);
		bad("its own registers", out[i], dev.base, 8, R);
		bad("behind RAM", out[i], RAM_END, 8, R);
		bad("across the end of RAM", out[i], RAM_END - 4, 8, R);
		bad("around the last address", out[i], UINT64_MAX - 3, 8, R);
		bad("a buffer to write", out[i], AT(bytes), 8, W);
		begin();
		virtq_desc(&qs[out[i]], 2, AT(bytes), 0, VRING_NEXT, 1);
		check("a circle", say(out[i], AT(bytes), 0, VRING_NEXT), REJECT);
		bad("a table that is none", out[i], AT(bytes), 17, VRING_INDIRECT);
		begin();
		check("no byte at all", say(out[i], AT(bytes), 0, R), WORK);
		begin();
		virtq_offer(&qs[out[i]], 0xffff);
		virtq_notify(&qs[out[i]]);
		check("no such head", false, REJECT);
	}
}

/* --- messages from the device --------------------------------------------------------------------- */

static void inbox_is(const char *name, uint64_t at, uint32_t len, uint16_t flags)
{
	uint32_t head, used;

	set_up(F_MULTIPORT, false);
	virtq_desc(&qs[CTRL_RX], 0, at, len, flags, 0);
	virtq_offer(&qs[CTRL_RX], 0);
	virtq_notify(&qs[CTRL_RX]);
	if (virtio_broken(&dev) || !tell(0, DEVICE_READY, 1))
		test_fail("%s: too early", name);
	check(name, virtq_used(&qs[CTRL_RX], &head, &used), REJECT);
}

static void test_inbox(void)
{
	uint32_t head, len;

	for (uint32_t n = 0; n < sizeof(struct message); n++)
		inbox_is("no room for a message", AT(inbox), n, W);
	inbox_is("address 0", 0, 64, W);
	inbox_is("the UART", UART_BASE, 64, W);
	inbox_is("behind RAM", RAM_END, 64, W);
	inbox_is("across the end of RAM", RAM_END - 4, 64, W);
	inbox_is("a buffer to read", AT(inbox), 64, R);
	/* The first message fits; the name has more bytes than the second buffer. */
	set_up(F_MULTIPORT, false);
	virtq_desc(&qs[CTRL_RX], 0, AT(inbox), sizeof(inbox[0]), W, 0);
	virtq_desc(&qs[CTRL_RX], 1, AT(inbox[1]), sizeof(struct message) + 1, W, 0);
	virtq_offer(&qs[CTRL_RX], 0);
	virtq_offer(&qs[CTRL_RX], 1);
	virtq_notify(&qs[CTRL_RX]);
	CHECK(tell(1, PORT_READY, 1));
	(void)virtq_used(&qs[CTRL_RX], &head, &len);
	check("no room for a name", virtq_used(&qs[CTRL_RX], &head, &len), REJECT);
}

/* A message asked for a thousand times is owed once. */
static void test_many(void)
{
	set_up(F_MULTIPORT, false);
	for (unsigned int i = 0; i < 1000; i++)
		CHECK(tell(0, DEVICE_READY, 1) && tell(0, PORT_READY, 1) && tell(1, PORT_READY, 1));
	for (unsigned int i = 0; i < SIZE; i++)
		give_inbox(i);
	virtq_notify(&qs[CTRL_RX]);
	CHECK(listen() <= PORTS * 5 && told[PORT_ADD] == PORTS && told[PORT_NAME] == PORTS);
	check("a thousand messages that are not read", true, WORK);
	begin();
	for (unsigned int i = 0; i < 1000; i++)
		CHECK(tell(i % 2, PORT_OPEN, i % 3 != 0));
	CHECK(listen() == 0);
	check("a thousand times open and shut", true, WORK);
}

/* --- queues, and the configuration ---------------------------------------------------------------- */

static void test_queues(void)
{
	for (uint32_t i = QUEUES; i < 70; i += i < 20 ? 1 : 25) {
		begin();
		*virtio_reg(&dev, VIRTIO_QUEUE_SEL) = i;
		CHECK(*virtio_reg(&dev, VIRTIO_QUEUE_SIZE_MAX) == 0);
		*virtio_reg(&dev, VIRTIO_QUEUE_READY) = 1;
		CHECK(*virtio_reg(&dev, VIRTIO_QUEUE_READY) == 0);
		*virtio_reg(&dev, VIRTIO_QUEUE_NOTIFY) = i;
		check("queues of a port that there is not", false, IGNORE);
	}
	bytes[0] = 'x';
	set_up(0, false);
	check("the second port without MULTIPORT", say(TX1, AT(bytes), 1, R), IGNORE);
	set_up(0, false);
	check("a message without MULTIPORT", tell(0, DEVICE_READY, 1), IGNORE);
	set_up(0, false);
	check("the first port without MULTIPORT", say(TX, AT(bytes), 1, R), WORK);
}

static void write_as(unsigned long at, unsigned int width)
{
	if (width == 1)
		*(volatile uint8_t *)at = 'e';
	else if (width == 2)
		*(volatile uint16_t *)at = 'e';
	else if (width == 4)
		*(volatile uint32_t *)at = 'e';
	else
		*(volatile uint64_t *)at = 'e';
}

static void test_emergency(void)
{
	const uint32_t ports = *virtio_reg(&dev, VIRTIO_CONFIG + 4);

	for (unsigned int width = 1; width <= 8; width *= 2) {
		*virtio_reg(&dev, VIRTIO_STATUS) = 0;
		write_as(dev.base + VIRTIO_CONFIG + 8, width);
		works("a byte before any set-up");
		begin();
		write_as(dev.base + VIRTIO_CONFIG + 8, width);
		check("a byte of a device that works", true, WORK);
		begin();
		CHECK(!say(TX, 0, 8, R) && virtio_broken(&dev));
		write_as(dev.base + VIRTIO_CONFIG + 8, width);
		works("a byte of a device that is broken");
		for (unsigned long off = 0; off < 0xf00; off += width)
			if (off != 8)
				write_as(dev.base + VIRTIO_CONFIG + off, width);
		CHECK(*virtio_reg(&dev, VIRTIO_CONFIG + 4) == ports);
		works("the rest of its configuration");
	}
	for (unsigned int i = 0; i < 256; i++)
		*virtio_reg(&dev, VIRTIO_CONFIG + 8) = 0xffffff00 + i;
	works("each byte there is");
}

/* --- input ---------------------------------------------------------------------------------------- */

static void input(const char *name, uint64_t at, uint32_t len, uint16_t flags, enum expect expect)
{
	uint32_t head = 0, used = 0;
	bool done = false;

	begin();
	CHECK(tell(0, PORT_OPEN, 1));
	print("TYPE %s\n", name);
	virtq_desc(&qs[RX], 0, at, len, flags, 0);
	virtq_offer(&qs[RX], 0);
	virtq_notify(&qs[RX]);
	while (!virtio_broken(&dev) && !done)
		done = virtq_used(&qs[RX], &head, &used);
	if (done && (used == 0 || used > len))
		test_fail("%s: %u bytes of %u", name, used, len);
	check(name, done, expect);
}

static void test_input(void)
{
	input("one byte", AT(bytes), 1, W, WORK);
	input("a page", AT(bytes), sizeof(bytes), W, WORK);
	input("4 GiB - 1", AT(bytes), 0xffffffff, W, WORK);
	input("no byte", AT(bytes), 0, W, REJECT);
	input("a buffer to read", AT(bytes), 8, R, REJECT);
	input("the UART", UART_BASE, 8, W, REJECT);
	input("behind RAM", RAM_END, 8, W, REJECT);
	input("around the last address", UINT64_MAX - 3, 8, W, REJECT);
	input("the last byte of RAM", RAM_END - 1, 1, W, WORK);
}

void guest_main(void)
{
	memset(before, 0x5a, sizeof(before));
	memset(after, 0x5a, sizeof(after));
	CHECK(virtio_find(&dev, VIRTIO_ID_CONSOLE, 0));
	works("at first");
	for (unsigned long n = machine_arg("rounds", 1); n; n--) {
		nr_cases = 0;
		test_messages();
		test_cut_messages();
		test_places();
		test_inbox();
		test_many();
		test_queues();
		test_emergency();
		if (machine_arg("typed", 0))
			test_input();
		print("virtio_con_bad: %u cases\n", nr_cases);
	}
}
