// SPDX-License-Identifier: BSD-2-Clause
/*
 * A hostile peer of memory that VMs share. It has two regions: it may write the first one, and only read the second. After each
 * case its doorbell must ring, its entropy device must work, and the second region must be as it was.
 *
 * Boot arguments: rounds=, how often all cases are gone through; peer=1, another VM fills the second region, and is waited for;
 * scribble=MS, it does no case, but writes into the first region and rings everything for so long.
 */
#include <hartvisor/shared.h>

#include "csr.h"
#include "fdt.h"
#include "plic.h"
#include "pv.h"
#include "random.h"
#include "string.h"
#include "time.h"
#include "trap.h"
#include "victim.h"

GUEST("shared_bad");

#define BOX    (machine.shared[0])
#define NOTICE (machine.shared[1])
#define PAGE   4096UL

#define STA_SET_SHMEM 0

static uint64_t notice_is;
static uint32_t me;

static volatile uint32_t *reg(unsigned long off)
{
	return (volatile uint32_t *)(BOX.regs + off);
}

static uint64_t notice_sum(void)
{
	const volatile uint64_t *p = (const volatile uint64_t *)NOTICE.base;
	uint64_t sum = 0;

	for (unsigned long i = 0; i < NOTICE.size / 8; i += 8)
		sum = sum * 31 + p[i];
	return sum;
}

/* Other peers may ring at any time, so only its own bit is looked at. */
static void works(const char *name)
{
	*reg(HARTVISOR_SHARED_PENDING) = UINT32_MAX;
	*reg(HARTVISOR_SHARED_ENABLE) = 1u << me;
	*reg(HARTVISOR_SHARED_RING) = me;
	WANT(name, *reg(HARTVISOR_SHARED_PENDING) & 1u << me);
	WANT(name, *plic_pending(BOX.irq) & 1u << BOX.irq);
	*reg(HARTVISOR_SHARED_PENDING) = 1u << me;
	WANT(name, !(*reg(HARTVISOR_SHARED_PENDING) & 1u << me));
	*reg(HARTVISOR_SHARED_ENABLE) = 0;
	WANT(name, *reg(HARTVISOR_SHARED_ENABLE) == 0);
	WANT(name, *reg(HARTVISOR_SHARED_PEER) == me && *reg(HARTVISOR_SHARED_ACCESS) == 1);
	if (notice_sum() != notice_is)
		test_fail("%s: memory that may only be read has changed", name);
	victim_works(name);
}

/* --- registers ------------------------------------------------------------------------------------ */

static uint64_t read_as(unsigned long at, unsigned int len)
{
	switch (len) {
	case 1:
		return *(volatile uint8_t *)at;
	case 2:
		return *(volatile uint16_t *)at;
	case 4:
		return *(volatile uint32_t *)at;
	default:
		return *(volatile uint64_t *)at;
	}
}

static void write_as(unsigned long at, unsigned int len, uint64_t val)
{
	switch (len) {
	case 1:
		*(volatile uint8_t *)at = (uint8_t)val;
		break;
	case 2:
		*(volatile uint16_t *)at = (uint16_t)val;
		break;
	case 4:
		*(volatile uint32_t *)at = (uint32_t)val;
		break;
	default:
		*(volatile uint64_t *)at = val;
		break;
	}
}

/* Another width than 32 bits reads 0 and writes nothing. */
static void test_widths(void)
{
	static const unsigned int widths[] = { 1, 2, 8 };

	for (unsigned int w = 0; w < 3; w++) {
		for (unsigned long off = 0; off <= HARTVISOR_SHARED_ENABLE; off += 4) {
			if (off % widths[w])
				continue;
			*reg(HARTVISOR_SHARED_ENABLE) = 0;
			WANT("a width", read_as(BOX.regs + off, widths[w]) == 0);
			write_as(BOX.regs + off, widths[w], UINT64_MAX);
			WANT("a width", *reg(HARTVISOR_SHARED_ENABLE) == 0);
			works("another width");
		}
	}
}

/* What stands in no register, and what lies across two. An exception is an answer, too. */
static void test_offsets(void)
{
	static const unsigned long offsets[] = { 0x20, 0x24, 0x80, 0x400, 0xff8, 0xffc },
				   across[] = { 0x01, 0x02, 0x03, 0x12, 0x15, 0x16, 0x1b, 0xffd };

	for (unsigned int i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		WANT("no register", *reg(offsets[i]) == 0);
		*reg(offsets[i]) = UINT32_MAX;
		WANT("no register", *reg(offsets[i]) == 0);
		works("no register");
	}
	for (unsigned int i = 0; i < sizeof(across) / sizeof(across[0]); i++) {
		(void)TRAP_TRY((void)read_as(BOX.regs + across[i], 4));
		(void)TRAP_TRY(write_as(BOX.regs + across[i], 4, UINT32_MAX));
		works("across two registers");
	}
}

static void test_read_only_registers(void)
{
	for (unsigned long off = 0; off <= HARTVISOR_SHARED_ALIVE; off += 4) {
		uint32_t was = *reg(off);

		*reg(off) = ~was;
		WANT("a register to read", *reg(off) == was);
		works("a register to read is written");
	}
	WANT("the doorbell", *reg(HARTVISOR_SHARED_RING) == 0);
	works("the doorbell is read");
	*reg(HARTVISOR_SHARED_ENABLE) = UINT32_MAX;
	WANT("all enabled", *reg(HARTVISOR_SHARED_ENABLE) == 0xffff);
	works("all are enabled");
	(void)TRAP_TRY(__asm__ volatile("jalr %0" ::"r"(BOX.regs) : "ra", "memory"));
	works("registers are executed");
}

/* --- rings ---------------------------------------------------------------------------------------- */

static void test_rings(void)
{
	static const uint32_t numbers[] = { 15,	 16,  17,   31,		32,	    33,
					    255, 256, 1000, 0x7fffffff, 0x80000000, 0xfffffffe };

	for (unsigned int i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		*reg(HARTVISOR_SHARED_PENDING) = 1u << me;
		*reg(HARTVISOR_SHARED_RING) = numbers[i];
		WANT("no peer", !(*reg(HARTVISOR_SHARED_PENDING) & 1u << me));
		works("a ring for no peer");
	}
	*reg(HARTVISOR_SHARED_PENDING) = 0;
	WANT("nothing taken", !(*reg(HARTVISOR_SHARED_PENDING) & 1u << 15));
	works("no ring is taken");
	*reg(HARTVISOR_SHARED_ENABLE) = UINT32_MAX;
	for (unsigned int i = 0; i < 3000; i++)
		*reg(HARTVISOR_SHARED_RING) = i % 3 ? me : HARTVISOR_SHARED_ALL;
	works("thousands of rings");
	for (unsigned int i = 0; i < 3000; i++) {
		*reg(HARTVISOR_SHARED_RING) = me;
		*reg(HARTVISOR_SHARED_ENABLE) = i % 2 ? UINT32_MAX : 0;
	}
	works("its line goes up and down");
}

/* --- memory --------------------------------------------------------------------------------------- */

static void refused(const char *name, struct trap t, unsigned long cause)
{
	if (t.count != 1 || t.cause != cause)
		test_fail("%s: %lu traps, cause %lu", name, t.count, t.cause);
	works(name);
}

#define STORE(insn, at)                                                                          \
	refused(insn,                                                                            \
		TRAP_TRY(__asm__ volatile(insn " %0, (%1)" ::"r"(~0UL), "r"((unsigned long)(at)) \
					  : "memory")),                                          \
		CAUSE_STORE_ACCESS)

static void test_stores(void)
{
	const unsigned long first = NOTICE.base, end = NOTICE.base + NOTICE.size;
	unsigned long v = 1;

	STORE("sb", first);
	STORE("sh", first);
	STORE("sw", first);
	STORE("sd", first);
	STORE("sb", end - 1);
	STORE("sd", end - 8);
	STORE("sd", first + PAGE);
	refused("amoswap.d",
		TRAP_TRY(__asm__ volatile("amoswap.d %0, %0, (%1)"
					  : "+r"(v)
					  : "r"(first)
					  : "memory")),
		CAUSE_STORE_ACCESS);
	refused("sc.d",
		TRAP_TRY(__asm__ volatile("lr.d %0, (%1); sc.d %0, %0, (%1)"
					  : "+&r"(v)
					  : "r"(first)
					  : "memory")),
		CAUSE_STORE_ACCESS);
	refused("executed",
		TRAP_TRY(__asm__ volatile("jalr %0" ::"r"(first)
					  : "ra", "memory")),
		CAUSE_FETCH_ACCESS);
}

/* Regions are far from each other, and nothing is between them. */
static void test_ends(void)
{
	for (unsigned int i = 0; i < 2; i++) {
		const unsigned long end = machine.shared[i].base + machine.shared[i].size;

		refused("a load behind the end", TRAP_TRY((void)read_as(end, 8)),
			CAUSE_LOAD_ACCESS);
		refused("a store behind the end", TRAP_TRY(write_as(end, 8, 0)),
			CAUSE_STORE_ACCESS);
		(void)TRAP_TRY((void)read_as(end - 4, 8));
		works("a load across the end");
	}
	(void)TRAP_TRY(write_as(BOX.base + BOX.size - 4, 8, 0));
	works("a store across the end");
	refused("a load before the first", TRAP_TRY((void)read_as(BOX.base - 8, 8)),
		CAUSE_LOAD_ACCESS);
}

/* --- as memory of a device ------------------------------------------------------------------------ */

enum expect { WORK, REJECT };

/* A buffer of the entropy device. */
static void buffer(const char *name, uint64_t at, uint32_t len, enum expect expect)
{
	uint32_t head, used;
	bool is_used;

	victim_begin(0);
	set(VIRTIO_QUEUE_READY, 1);
	virtio_go(&dev);
	virtq_desc(&q, 3, at, len, VRING_WRITE, 0);
	virtq_offer(&q, 3);
	virtq_notify(&q);
	is_used = virtq_used(&q, &head, &used);
	WANT(name, is_used == (expect == WORK) && virtio_broken(&dev) == (expect == REJECT));
	works(name);
}

/* The parts of its ring. */
static void place(const char *name, uint64_t desc, uint64_t avail, uint64_t used,
		  enum expect expect)
{
	victim_begin(0);
	virtq_place(&dev, desc, avail, used);
	set(VIRTIO_QUEUE_READY, 1);
	virtio_go(&dev);
	virtq_desc(&q, 3, AT(target), 16, VRING_WRITE, 0);
	virtq_offer(&q, 3);
	virtq_notify(&q);
	WANT(name, virtio_broken(&dev) == (expect == REJECT));
	works(name);
}

static void test_device(void)
{
	const uint64_t end = BOX.base + BOX.size;

	buffer("a buffer there", BOX.base, 64, WORK);
	buffer("its last bytes", end - 64, 64, WORK);
	buffer("a buffer across its end", end - 32, 64, REJECT);
	buffer("a buffer behind its end", end, 64, REJECT);
	buffer("a buffer that may only be read", NOTICE.base, 64, REJECT);
	buffer("the last byte of it", NOTICE.base + NOTICE.size - 1, 1, REJECT);
	buffer("the registers", BOX.regs, 64, REJECT);
	place("used in what may only be read", AT(ring.desc), AT(&ring.avail), NOTICE.base, REJECT);
	place("used behind the end", AT(ring.desc), AT(&ring.avail), end, REJECT);
	place("used in the registers", AT(ring.desc), AT(&ring.avail), BOX.regs, REJECT);
	place("used there", AT(ring.desc), AT(&ring.avail), BOX.base, WORK);
	place("avail behind the end", AT(ring.desc), end, AT(&ring.used), REJECT);
	place("descriptors behind the end", end, AT(&ring.avail), AT(&ring.used), REJECT);
}

/* --- as memory of a call -------------------------------------------------------------------------- */

static void call(const char *name, struct sbiret r, bool works_there)
{
	if ((r.error == 0) != works_there)
		test_fail("%s: %ld", name, r.error);
	works(name);
}

static void test_calls(void)
{
	const uint64_t end = BOX.base + BOX.size;
	const unsigned long sta = SBI_EXT_STA;

	call("DBCN reads into it",
	     sbi_call(SBI_EXT_DBCN, SBI_DBCN_CONSOLE_READ, 16, NOTICE.base, 0, 0, 0), false);
	call("DBCN reads behind the end",
	     sbi_call(SBI_EXT_DBCN, SBI_DBCN_CONSOLE_READ, 16, end, 0, 0, 0), false);
	call("DBCN writes from behind the end",
	     sbi_call(SBI_EXT_DBCN, SBI_DBCN_CONSOLE_WRITE, 16, end, 0, 0, 0), false);
	call("DBCN writes across the end",
	     sbi_call(SBI_EXT_DBCN, SBI_DBCN_CONSOLE_WRITE, 16, end - 8, 0, 0, 0), false);
	call("steal time in it", sbi_call(sta, STA_SET_SHMEM, NOTICE.base, 0, 0, 0, 0), false);
	call("steal time behind the end", sbi_call(sta, STA_SET_SHMEM, end, 0, 0, 0, 0), false);
	call("steal time in the registers", sbi_call(sta, STA_SET_SHMEM, BOX.regs, 0, 0, 0, 0),
	     false);
	call("steal time there", sbi_call(sta, STA_SET_SHMEM, BOX.base, 0, 0, 0, 0), true);
	call("no more steal time", sbi_call(sta, STA_SET_SHMEM, ~0UL, ~0UL, 0, 0, 0), true);
	call("a magic page in it", pv_call(HARTVISOR_MAP_MAGIC_PAGE, NOTICE.base, 0), false);
	call("a magic page in the other", pv_call(HARTVISOR_MAP_MAGIC_PAGE, BOX.base, 0), false);
	call("a magic page at the registers", pv_call(HARTVISOR_MAP_MAGIC_PAGE, BOX.regs, 0),
	     false);
}

/* --- a peer that writes where others have their rings ------------------------------------------------ */

/*
 * The device's ring is in the region. What the device does is the scribbler's choice; nothing else is. The buffer is there, too,
 * or the device would write behind it whatever length the scribbler says.
 */
static void test_ring_in_region(void)
{
	static const unsigned long parts[] = { 0, PAGE, 2 * PAGE };

	for (unsigned int i = 0; i < 200; i++) {
		victim_begin(VIRTIO_F_INDIRECT | (i % 2 ? VIRTIO_F_EVENT_IDX : 0));
		virtq_place(&dev, BOX.base + parts[0], BOX.base + parts[1], BOX.base + parts[2]);
		set(VIRTIO_QUEUE_READY, 1);
		virtio_go(&dev);
		for (unsigned int n = 0; n < 20; n++) {
			*(volatile uint64_t *)(BOX.base + parts[0]) = BOX.base + 4 * PAGE;
			*(volatile uint64_t *)(BOX.base + parts[0] + 8) = 16 | (uint64_t)VRING_WRITE
										       << 32;
			*(volatile uint16_t *)(BOX.base + parts[1] + 2) = (uint16_t)(n + 1);
			set(VIRTIO_QUEUE_NOTIFY, 0);
		}
	}
	works("a ring in the region");
}

static void scribble(unsigned long ms)
{
	unsigned long until = time_in_ms(ms), state = 0x5eed;
	volatile uint64_t *p = (volatile uint64_t *)BOX.base;

	while (time_now() < until) {
		unsigned long r = random_next(&state);

		/* Small numbers are indices, lengths and flags more often than others are. */
		p[r % (3 * PAGE / 8)] = r & 1UL << 40 ? r >> 48 : r;
		if (r % 64 == 0)
			*reg(HARTVISOR_SHARED_RING) = r & 1UL << 41 ? HARTVISOR_SHARED_ALL :
								      (uint32_t)(r >> 50);
	}
}

/* The other VM fills it from its beginning on. */
static void wait_for_notice(void)
{
	unsigned long limit = time_in_ms(60000);

	while (*(volatile uint64_t *)(NOTICE.base + NOTICE.size - 64) == 0)
		if (time_now() > limit)
			test_fail("nothing is written");
}

void guest_main(void)
{
	CHECK_EQ(machine.nr_shared, 2);
	CHECK(!BOX.read_only && NOTICE.read_only);
	me = *reg(HARTVISOR_SHARED_PEER);
	if (machine_arg("scribble", 0)) {
		scribble(machine_arg("scribble", 0));
		return;
	}
	if (machine_arg("peer", 0))
		wait_for_notice();
	notice_is = notice_sum();
	*plic_priority(BOX.irq) = 1;
	victim_find();
	for (unsigned long n = machine_arg("rounds", 1); n; n--) {
		nr_cases = 0;
		test_widths();
		test_offsets();
		test_read_only_registers();
		test_rings();
		test_stores();
		test_ends();
		test_device();
		test_calls();
		test_ring_in_region();
		print("shared_bad: %u cases\n", nr_cases);
	}
}
