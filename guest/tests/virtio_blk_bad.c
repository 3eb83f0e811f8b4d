// SPDX-License-Identifier: BSD-2-Clause
/*
 * A hostile driver of disks: requests that are cut, misplaced, too long or out of range. The first disk has an overlay (boot
 * argument overlay= says how many bytes), the second one cannot be written. After each case both must work once they have
 * been reset, and memory that no request named must be as it was. rounds=: how often all cases are gone through.
 */
#include "fdt.h"
#include "string.h"
#include "test.h"
#include "uart.h"
#include "virtio.h"

GUEST("virtio_blk_bad");

#define SIZE   128 /* of the queue */
#define SECTOR 512u
#define R      0
#define W      VRING_WRITE

enum { IN = 0, OUT = 1, FLUSH = 4, GET_ID = 8, DISCARD = 11, WRITE_ZEROES = 13 };
enum { OK, IOERR, UNSUPP, REJECT, ANY };

struct buf {
	uint64_t at;
	uint32_t len;
	uint16_t flags;
};

struct range {
	uint64_t sector;
	uint32_t sectors, flags;
};

static struct virtio disk, read_only, *dev = &disk;
static struct virtq q;
static struct vring ring;
static struct {
	uint32_t type, reserved;
	uint64_t sector;
} header;
static volatile uint8_t status;
static _Alignas(4096) uint8_t before[4096], data[65536], after[4096];
static uint8_t first[SECTOR]; /* of the image */
static _Alignas(4096) struct vring_desc table[512];
static struct range ranges[64];
static uint64_t sectors;
static unsigned int nr_cases;

#define AT(p)	((uint64_t)(uintptr_t)(p))
#define RAM_END (machine.ram_base + machine.ram_size)
#define HEADER                                 \
	{                                      \
		AT(&header), sizeof(header), R \
	}
#define STATUS                    \
	{                         \
		AT(&status), 1, W \
	}
#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* --- what is checked ------------------------------------------------------------------------------ */

static void set_up(struct virtio *d)
{
	dev = d;
	CHECK(virtio_begin(dev, VIRTIO_F_INDIRECT));
	CHECK(virtq_init(&q, dev, 0, SIZE, &ring));
	virtio_go(dev);
	status = 0x55;
}

static void is(uint32_t type, uint64_t sector)
{
	header.type = type;
	header.reserved = 0xffffffff;
	header.sector = sector;
}

static void chain(const struct buf *b, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		virtq_desc(&q, i, b[i].at, b[i].len,
			   (uint16_t)(b[i].flags | (i + 1 < nr ? VRING_NEXT : 0)),
			   (uint16_t)(i + 1));
}

static bool plain(struct virtio *d, uint32_t type, uint64_t sector)
{
	const struct buf b[] = { HEADER, { AT(data), SECTOR, type == IN ? W : R }, STATUS };
	uint32_t head, len;

	set_up(d);
	is(type, sector);
	chain(b, 3);
	virtq_offer(&q, 0);
	virtq_notify(&q);
	return virtq_used(&q, &head, &len) && status == OK && !virtio_broken(d);
}

static void works(const char *name)
{
	if (!plain(&read_only, IN, 0) || memcmp(data, first, SECTOR) != 0)
		test_fail("%s: the other disk does not work any more", name);
	memset(data, (int)(0x80 + nr_cases % 64), SECTOR);
	if (!plain(&disk, OUT, 8))
		test_fail("%s: the disk does not write any more", name);
	memset(data, 0, SECTOR);
	if (!plain(&disk, IN, 8) || data[0] != 0x80 + nr_cases % 64 || data[511] != data[0])
		test_fail("%s: the disk does not read any more", name);
	if (!plain(&disk, IN, 0) || memcmp(data, first, SECTOR) != 0)
		test_fail("%s: the image is not as it was", name);
	for (unsigned int i = 0; i < sizeof(before); i++)
		if (before[i] != 0x5a || after[i] != 0x5a)
			test_fail("%s: memory that was not named has changed", name);
	nr_cases++;
}

static void check(const char *name, unsigned int expect)
{
	uint32_t head, len;
	bool used = virtq_used(&q, &head, &len), broken = virtio_broken(dev);

	if (expect != ANY && (used != (expect != REJECT) || broken != (expect == REJECT)))
		test_fail("%s: used %d, asks for a reset %d", name, used, broken);
	if (expect < REJECT && status != expect)
		test_fail("%s: status %u, not %u", name, status, expect);
	works(name);
}

static void ask(const char *name, unsigned int expect, const struct buf *b, unsigned int nr)
{
	chain(b, nr);
	virtq_offer(&q, 0);
	virtq_notify(&q);
	check(name, expect);
}

#define ASK(name, expect, ...)                             \
	do {                                               \
		const struct buf bufs[] = { __VA_ARGS__ }; \
		ask((name), (expect), bufs, LEN(bufs));    \
	} while (0)

/* --- where header, data and status are ------------------------------------------------------------ */

static void place(const char *name, uint64_t at, unsigned int expect)
{
	set_up(&disk);
	is(IN, 0);
	ASK(name, expect, { at, 16, R }, { AT(data), SECTOR, W }, STATUS);
	set_up(&disk);
	is(IN, 0);
	ASK(name, expect, HEADER, { at, SECTOR, W }, STATUS);
	set_up(&disk);
	is(OUT, 16);
	ASK(name, expect, HEADER, { at, SECTOR, R }, STATUS);
	set_up(&disk);
	is(IN, 0);
	ASK(name, expect, HEADER, { AT(data), SECTOR, W }, { at, 1, W });
}

static void test_places(void)
{
	place("address 0", 0, REJECT);
	place("no memory", 0x40000000, REJECT);
	place("the UART", UART_BASE, REJECT);
	place("its own registers", disk.base, REJECT);
	place("behind RAM", RAM_END, REJECT);
	place("at the last address", UINT64_MAX, REJECT);
	place("beyond Sv57x4", 1UL << 59, REJECT);
	set_up(&disk);
	is(IN, 0);
	ASK("data across the end of RAM", REJECT, HEADER, { RAM_END - 256, SECTOR, W }, STATUS);
	set_up(&disk);
	is(OUT, 16);
	ASK("data to read across it", REJECT, HEADER, { RAM_END - 256, SECTOR, R }, STATUS);
	set_up(&disk);
	is(IN, 0);
	ASK("a header across it", REJECT, { RAM_END - 8, 16, R }, { AT(data), SECTOR, W }, STATUS);
	set_up(&disk);
	is(IN, 0);
	ASK("data in the last bytes of RAM", OK, HEADER, { RAM_END - SECTOR, SECTOR, W }, STATUS);
	set_up(&disk);
	is(IN, 0);
	ASK("odd data", OK, HEADER, { AT(data) + 1, SECTOR, W }, STATUS);
}

/* The device reads, or counts, what it has just written. */
static void test_own(void)
{
	const uint64_t own[] = { AT(&header), AT(&status) - 100, AT(ring.desc), AT(&ring.avail),
				 AT(&ring.used) };

	for (unsigned int i = 0; i < LEN(own); i++) {
		set_up(&disk);
		is(IN, 0);
		ASK("its own header, status, ring", IOERR, HEADER, { own[i], 16, W }, STATUS);
	}
	set_up(&disk);
	is(IN, 0);
	ASK("data into the descriptors", ANY, HEADER, { AT(ring.desc), SECTOR, W }, STATUS);
	set_up(&disk);
	is(IN, 0);
	ASK("data into the available ring", ANY, HEADER, { AT(&ring.avail), SECTOR, W }, STATUS);
	set_up(&disk);
	is(IN, 0);
	ASK("data into the used ring", ANY, HEADER, { AT(&ring.used), SECTOR, W }, STATUS);
	set_up(&disk);
	is(GET_ID, 0);
	ASK("the status is the header", ANY, HEADER, { AT(&header), 16, W }, { AT(&header), 1, W });
}

/* --- how it is cut -------------------------------------------------------------------------------- */

static void test_cuts(void)
{
	const uint64_t h = AT(&header);

	for (uint32_t n = 0; n < 16; n++) {
		set_up(&disk);
		is(IN, 0);
		ASK("a header that is cut off", REJECT, { h, n, R }, { AT(data), SECTOR, W },
		    STATUS);
	}
	for (uint32_t n = 1; n < 16; n++) {
		set_up(&disk);
		is(IN, 0);
		ASK("a header in two", OK, { h, n, R }, { h + n, 16 - n, R },
		    { AT(data), SECTOR, W }, STATUS);
	}
	set_up(&disk);
	is(OUT, 16);
	ASK("header and data in one", OK, { h, 16, R }, { AT(data), 1, R },
	    { AT(data) + 1, 511, R }, STATUS);
	set_up(&disk);
	is(IN, 0);
	ASK("data and status in one", ANY, HEADER, { AT(data), SECTOR + 1, W });
	set_up(&disk);
	is(IN, 0);
	ASK("no status", REJECT, HEADER);
	set_up(&disk);
	ASK("a status alone", REJECT, STATUS);
	set_up(&disk);
	is(IN, 0);
	ASK("a status of no byte, data of one", OK, HEADER, STATUS, { AT(data), 0, W });
	set_up(&disk);
	is(OUT, 0);
	ASK("data behind the status", REJECT, HEADER, STATUS, { AT(data), SECTOR, R });
	set_up(&disk);
	is(IN, 0);
	ASK("a read into what is to be read", OK, HEADER, { AT(data), SECTOR, R }, STATUS);
	set_up(&disk);
	is(OUT, 0);
	ASK("a write of what is to be written", OK, HEADER, { AT(data), SECTOR, W }, STATUS);
}

static void long_request(const char *name, unsigned int expect, unsigned int nr, bool loop)
{
	set_up(&disk);
	is(IN, 0);
	table[0] = (struct vring_desc){ AT(&header), 16, VRING_NEXT, 1 };
	for (unsigned int i = 1; i + 1 < nr; i++)
		table[i] =
			(struct vring_desc){ AT(data) + i, 1, W | VRING_NEXT, (uint16_t)(i + 1) };
	table[nr - 1] = (struct vring_desc){ AT(&status), 1, loop ? W | VRING_NEXT : W, 1 };
	ASK(name, expect, { AT(table), nr * 16, VRING_INDIRECT });
}

static void test_long(void)
{
	long_request("128 descriptors", IOERR, 128, false); /* 126 bytes are no sector */
	long_request("129 descriptors", REJECT, 129, false);
	long_request("512 descriptors", REJECT, 512, false);
	long_request("a circle", REJECT, 16, true);
	set_up(&disk);
	is(IN, 0);
	ASK("4 GiB - 513", IOERR, HEADER, { AT(data), 0xfffffdff, W }, STATUS);
	set_up(&disk);
	is(IN, 0);
	ASK("4 GiB - 1024", IOERR, HEADER, { AT(data), 0xfffffc00, W }, STATUS);
	set_up(&disk);
	is(OUT, 0);
	ASK("4 GiB - 1024 to write", IOERR, HEADER, { AT(data), 0xfffffc00, R }, STATUS);
	set_up(&disk);
	is(IN, 0);
	ASK("4 GiB", REJECT, HEADER, { AT(data), 0xffffffff, W }, STATUS);
}

/* --- what it says --------------------------------------------------------------------------------- */

static void range_of_disk(const char *name, unsigned int expect, uint64_t sector, uint32_t len)
{
	set_up(&disk);
	is(IN, sector);
	ASK(name, expect, HEADER, { AT(data), len, W }, STATUS);
	set_up(&disk);
	is(OUT, sector);
	ASK(name, expect, HEADER, { AT(data), len, R }, STATUS);
}

static void test_sectors(void)
{
	range_of_disk("no byte", OK, 0, 0);
	range_of_disk("no byte behind the end", OK, sectors, 0);
	range_of_disk("one byte", IOERR, 0, 1);
	range_of_disk("a sector but one byte", IOERR, 0, SECTOR - 1);
	range_of_disk("a sector and one byte", IOERR, 0, SECTOR + 1);
	range_of_disk("behind the end", IOERR, sectors, SECTOR);
	range_of_disk("across the end", IOERR, sectors - 1, 2 * SECTOR);
	range_of_disk("the last sector there is", IOERR, UINT64_MAX, SECTOR);
	range_of_disk("around to 0 in bytes", IOERR, 1UL << 55, SECTOR);
	range_of_disk("a bit further", IOERR, (1UL << 55) + 1, SECTOR);
	range_of_disk("the sign", IOERR, 1UL << 63, SECTOR);
	range_of_disk("32 bits and more", IOERR, 1UL << 32, SECTOR);
}

static void test_types(void)
{
	static const uint32_t unknown[] = { 2,	3,  5,	6,  7,	    9,		10,
					    12, 14, 15, 24, 0x8000, 0x80000000, 0xffffffff };

	for (unsigned int i = 0; i < LEN(unknown); i++) {
		set_up(&disk);
		is(unknown[i], 0);
		ASK("an unknown type", UNSUPP, HEADER, { AT(data), SECTOR, W }, STATUS);
	}
	set_up(&disk);
	is(FLUSH, UINT64_MAX);
	ASK("a flush with data", OK, HEADER, { AT(data), 3, R }, { AT(data), 3, W }, STATUS);
	for (uint32_t n = 0; n < 65536; n = n * 7 + 3) {
		set_up(&disk);
		is(GET_ID, UINT64_MAX);
		ASK("a name of any length", OK, HEADER, { AT(data), n, W }, STATUS);
	}
	set_up(&disk);
	is(GET_ID, 0);
	ASK("a name for the UART", REJECT, HEADER, { UART_BASE, 20, W }, STATUS);
	set_up(&read_only);
	is(OUT, 0);
	ASK("a write of what is read-only", IOERR, HEADER, { AT(first), SECTOR, R }, STATUS);
	set_up(&read_only);
	is(DISCARD, 0);
	ASK("a discard of what is read-only", UNSUPP, HEADER, { AT(ranges), 16, R }, STATUS);
	set_up(&read_only);
	is(WRITE_ZEROES, 0);
	ASK("zeroes of what is read-only", UNSUPP, HEADER, { AT(ranges), 16, R }, STATUS);
}

static void zero(const char *name, unsigned int expect, uint64_t sector, uint32_t n, uint32_t flags)
{
	for (uint32_t type = DISCARD; type <= WRITE_ZEROES; type += 2) {
		set_up(&disk);
		is(type, 0);
		ranges[0] = (struct range){ sector, n, flags };
		ASK(name, expect, HEADER, { AT(ranges), 16, R }, STATUS);
	}
}

static void descriptions(const char *name, unsigned int expect, uint64_t at, uint32_t bytes)
{
	set_up(&disk);
	is(DISCARD, 0);
	for (unsigned int i = 0; i < LEN(ranges); i++)
		ranges[i] = (struct range){ 8, 8, 0 };
	ASK(name, expect, HEADER, { at, bytes, R }, STATUS);
}

static void test_ranges(void)
{
	zero("no sector", OK, 0, 0, 0);
	zero("behind the end", IOERR, sectors, 1, 0);
	zero("across the end", IOERR, sectors - 1, 2, 0);
	zero("all sectors there are", IOERR, 0, 0xffffffff, 0);
	zero("around to 0", IOERR, UINT64_MAX, 2, 0);
	zero("around to 0 in bytes", IOERR, 1UL << 55, 8, 0);
	zero("an unknown flag", UNSUPP, 8, 8, 2);
	zero("all flags", UNSUPP, 8, 8, 0xffffffff);
	descriptions("no description", IOERR, AT(ranges), 0);
	descriptions("one byte of it", IOERR, AT(ranges), 1);
	descriptions("15 bytes of it", IOERR, AT(ranges), 15);
	descriptions("17 bytes of it", IOERR, AT(ranges), 17);
	descriptions("32 of them", OK, AT(ranges), 32 * 16);
	descriptions("33 of them", IOERR, AT(ranges), 33 * 16);
	descriptions("one in the UART", REJECT, UART_BASE, 16);
	descriptions("one across the end of RAM", REJECT, RAM_END - 8, 16);
}

/* --- an overlay that is full, and the configuration ----------------------------------------------- */

static void test_full(void)
{
	const uint64_t pages = machine_arg("overlay", 0) / 4096;
	unsigned int got = OK, n = 0;

	for (; got == OK && n < pages + 1 && n < sectors / 8; n++)
		got = plain(&disk, OUT, 8 * n + 4) ? OK : status;
	if (got != IOERR || virtio_broken(&disk))
		test_fail("%u blocks were written to an overlay of %lu pages", n,
			  (unsigned long)pages);
	set_up(&disk);
	is(DISCARD, 0);
	ranges[0] = (struct range){ 0, (uint32_t)(sectors / 8 * 8), 0 };
	{
		const struct buf b[] = { HEADER, { AT(ranges), 16, R }, STATUS };

		chain(b, 3);
	}
	virtq_offer(&q, 0);
	virtq_notify(&q);
	CHECK(status == OK);
	/* The first sector is as the image has it again. */
	memcpy(data, first, SECTOR);
	CHECK(plain(&disk, OUT, 0));
	works("an overlay that was full");
}

static void test_config(void)
{
	for (unsigned long off = 0; off < 0xf00; off += 4)
		*virtio_reg(&disk, VIRTIO_CONFIG + off) = 0xffffffff;
	CHECK(*virtio_reg(&disk, VIRTIO_CONFIG) == sectors);
	CHECK(*virtio_reg(&disk, VIRTIO_CONFIG + 4) == 0);
	works("a configuration that cannot be written");
}

void guest_main(void)
{
	memset(before, 0x5a, sizeof(before));
	memset(after, 0x5a, sizeof(after));
	CHECK(virtio_find(&disk, VIRTIO_ID_BLOCK, 0));
	CHECK(virtio_find(&read_only, VIRTIO_ID_BLOCK, 1));
	sectors = *virtio_reg(&disk, VIRTIO_CONFIG);
	CHECK(plain(&disk, IN, 0));
	memcpy(first, data, SECTOR);
	works("at first");
	for (unsigned long n = machine_arg("rounds", 1); n; n--) {
		nr_cases = 0;
		test_places();
		test_own();
		test_cuts();
		test_long();
		test_sectors();
		test_types();
		test_ranges();
		test_full();
		test_config();
		print("virtio_blk_bad: %u cases\n", nr_cases);
	}
}
