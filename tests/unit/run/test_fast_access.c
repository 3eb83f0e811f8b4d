// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/run_vcpu.h
/* The fast path of accesses to devices: what the device is asked for, what the guest gets, and when the vcpu leaves. */
#include "fake/run_vcpu.h"

#include "arch/insn.h"
#include "dev/mmio.h"
#include "run/entry.h"

#define BASE		UINT64_C(0x10000000)
#define SIZE		0x100
#define LD(funct3, rd)	(0x01u | (funct3) << 12 | (rd) << 7)
#define ST(funct3, rs2) (0x21u | (funct3) << 12 | (uint64_t)(rs2) << 20)
#define LONG		2u /* of 32 bits, not compressed */
#define A0		10
#define S1		9

/* --- a device that remembers what it is asked for ------------------------------------------------------- */

static uint64_t asked_off, asked_val, answer;
static unsigned int asked_len;
static void (*in_device)(void);

static uint64_t dev_read(void *dev, uint64_t off, unsigned int len)
{
	called("read");
	assert_ptr_equal(dev, &answer);
	assert_int_equal(one.mode, IN_GUEST_MODE);
	asked_off = off;
	asked_len = len;
	if (in_device)
		in_device();
	return answer;
}

static void dev_write(void *dev, uint64_t off, unsigned int len, uint64_t val)
{
	called("write");
	assert_ptr_equal(dev, &answer);
	assert_int_equal(one.mode, IN_GUEST_MODE);
	asked_off = off;
	asked_len = len;
	asked_val = val;
	if (in_device)
		in_device();
}

/* What a device says without more ado, from offset 0x20 on. */
static uint64_t dev_peek(void *dev, uint64_t off, unsigned int len)
{
	assert_ptr_equal(dev, &answer);
	asked_len = len;
	if (off < 0x20)
		return MMIO_NO_PEEK;
	called("peek");
	return off;
}

static const struct mmio_ops ops = { dev_read, dev_write, NULL },
			     peeked = { dev_read, dev_write, dev_peek };
static struct mmio_bus bus;

static int begin(void **state)
{
	(void)setup(state);
	memset(&bus, 0, sizeof(bus));
	assert_int_equal(mmio_add(&bus, gpa(BASE), SIZE, &ops, &answer, "device"), HV_OK);
	vm.bus = &bus;
	in_device = NULL;
	answer = 0x8182838485868788;
	asked_val = 0;
	for (unsigned int i = 1; i < 32; i++)
		one.regs.x[i] = UINT64_C(0x1111111111111111) * (i % 15 + 1);
	one.regs.sepc = 0x80200000;
	one.mode = IN_GUEST_MODE;
	return 0;
}

static enum next_why trap(uint64_t cause, uint64_t htinst, uint64_t a)
{
	one.mode = IN_GUEST_MODE;
	csr_write(CSR_HTINST, htinst);
	csr_write(CSR_HTVAL, a >> 2);
	csr_write(CSR_STVAL, 0xffffffc000000000 | (a & 0xfff)); /* where the guest has it mapped */
	csr_write(CSR_SSTATUS, 0x5555);
	return next_why(fast_access(&one.regs, cause));
}

static enum next_why load(unsigned int funct3, unsigned int rd, uint64_t a)
{
	return trap(EXC_LOAD_GUEST_FAULT, LD(funct3, rd) | LONG, a);
}

static enum next_why store(unsigned int funct3, unsigned int rs2, uint64_t a)
{
	return trap(EXC_STORE_GUEST_FAULT, ST(funct3, rs2) | LONG, a);
}

/* Nothing has been done: the long way finds all as it was. */
static void nothing_done(const struct guest_regs *before)
{
	assert_memory_equal(&one.regs, before, sizeof(*before));
	assert_int_equal(one.mode, IN_GUEST_MODE);
	assert_int_equal(one.guest_seq, 0);
	assert_int_equal(one.stats.exits[EXIT_MMIO] + one.stats.exits[EXIT_GUEST_FAULT], 0);
	CALLS("");
}

/* --- each test ------------------------------------------------------------------------------------------ */

static void loads_of_each_width_are_extended(void **state)
{
	static const uint64_t got[] = { 0xffffffffffffff88,
					0xffffffffffff8788,
					0xffffffff85868788,
					0x8182838485868788,
					0x88,
					0x8788,
					0x85868788 };

	for (unsigned int f = 0; f < 7; f++) {
		begin(state);
		assert_int_equal(load(f, A0, BASE + 8), NEXT_GUEST);
		assert_true(one.regs.x[A0] == got[f]);
		assert_int_equal(asked_off, 8);
		assert_int_equal(asked_len, 1u << (f & 3));
		assert_true(one.regs.sepc == 0x80200004);
		assert_int_equal(one.mode, IN_GUEST_MODE);
		assert_int_equal(one.stats.exits[EXIT_MMIO], 1);
		CALLS("read ");
	}
}

static void stores_of_each_width_write_no_more(void **state)
{
	static const uint64_t got[] = { 0xbb, 0xbbbb, 0xbbbbbbbb, 0xbbbbbbbbbbbbbbbb };

	for (unsigned int f = 0; f < 4; f++) {
		struct guest_regs before;

		begin(state);
		before = one.regs;
		assert_int_equal(store(f, A0, BASE + 16), NEXT_GUEST);
		assert_true(asked_val == got[f]);
		assert_int_equal(asked_off, 16);
		assert_int_equal(asked_len, 1u << f);
		before.sepc += 4;
		assert_memory_equal(&one.regs, &before, sizeof(before));
		assert_int_equal(one.stats.exits[EXIT_MMIO], 1);
		CALLS("write ");
	}
	begin(state);
	assert_int_equal(store(3, 0, BASE), NEXT_GUEST);
	assert_true(asked_val == 0); /* x0 */
}

static void the_next_instruction_is_two_or_four_bytes_on(void **state)
{
	(void)state;
	assert_int_equal(trap(EXC_LOAD_GUEST_FAULT, LD(2, A0), BASE), NEXT_GUEST);
	assert_true(one.regs.sepc == 0x80200002);
	assert_int_equal(trap(EXC_STORE_GUEST_FAULT, ST(2, A0), BASE), NEXT_GUEST);
	assert_true(one.regs.sepc == 0x80200004);
}

/* What switch.S has not in place is loaded anew: gp, s0 to s11. Into x0 nothing is loaded. */
static void registers_that_c_keeps_are_loaded_anew(void **state)
{
	for (unsigned int rd = 0; rd < 32; rd++) {
		bool kept = rd == 3 || rd == 8 || rd == 9 || (rd >= 18 && rd <= 27);

		begin(state);
		assert_int_equal(load(3, rd, BASE), kept ? NEXT_GUEST_ALL : NEXT_GUEST);
		assert_true(one.regs.x[rd] == (rd ? answer : 0));
		assert_true(one.regs.sstatus == (kept ? 0x5555 : 0)); /* loaded with them */
		begin(state);
		assert_int_equal(store(3, rd, BASE), NEXT_GUEST);
	}
}

static void what_is_no_access_as_the_hardware_tells_it_is_left_alone(void **state)
{
	static const struct {
		uint64_t cause, htinst;
	} all[] = {
		{ EXC_LOAD_GUEST_FAULT, 0 },
		{ EXC_LOAD_GUEST_FAULT, 0x3000 }, /* a walk of the guest's own */
		{ EXC_STORE_GUEST_FAULT, 0x3020 },
		{ EXC_LOAD_GUEST_FAULT, LD(7, A0) | LONG },
		{ EXC_STORE_GUEST_FAULT, ST(4, A0) | LONG },
		{ EXC_LOAD_GUEST_FAULT, ST(2, A0) | LONG }, /* not what scause says */
		{ EXC_STORE_GUEST_FAULT, LD(2, A0) | LONG },
		{ EXC_LOAD_GUEST_FAULT, LD(2, A0) | LONG | 1u << 15 }, /* behind its beginning */
		{ EXC_LOAD_GUEST_FAULT, LD(2, A0) | LONG | UINT64_C(1) << 32 },
		{ EXC_STORE_GUEST_FAULT, 0x2f | 2u << 12 }, /* AMO */
		{ EXC_LOAD_GUEST_FAULT, 0x07 | 3u << 12 },  /* FLD */
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(all); i++) {
		struct guest_regs before;

		begin(state);
		before = one.regs;
		assert_int_equal(trap(all[i].cause, all[i].htinst, BASE), NEXT_EXIT);
		nothing_done(&before);
	}
}

/* vcpu_run() watches it, and must see each exit. */
static void a_vcpu_that_spins_goes_the_long_way(void **state)
{
	struct guest_regs before = one.regs;

	(void)state;
	one.se.spin.on = true;
	before = one.regs;
	assert_int_equal(load(2, A0, BASE), NEXT_EXIT);
	nothing_done(&before);
}

static void where_nothing_is_the_guest_takes_an_access_fault(void **state)
{
	static const uint64_t nowhere[] = { BASE - 8, BASE + SIZE, BASE + 2 /* misaligned */, 0 };

	for (unsigned int i = 0; i < ARRAY_SIZE(nowhere); i++) {
		for (unsigned int s = 0; s < 2; s++) {
			begin(state);
			assert_int_equal(s ? store(2, A0, nowhere[i]) : load(2, A0, nowhere[i]),
					 NEXT_GUEST_ALL);
			CALLS("inject ");
			assert_int_equal(injected, s ? EXC_STORE_ACCESS : EXC_LOAD_ACCESS);
			assert_true(injected_tval == csr_read(CSR_STVAL));
			assert_true(one.regs.sepc == 0x80200000);
			assert_int_equal(one.stats.exits[EXIT_GUEST_FAULT], 1);
			assert_int_equal(one.stats.exits[EXIT_MMIO], 0);
			assert_true(one.regs.sstatus ==
				    0x5555); /* taken from there, and loaded from there */
		}
	}
	/* The last bytes of it are the device's, and what goes beyond them is of no device. */
	begin(state);
	assert_int_equal(load(3, A0, BASE + SIZE - 8), NEXT_GUEST);
	assert_int_equal(load(2, A0, BASE + SIZE - 4), NEXT_GUEST);
}

static void asks(void)
{
	one.requests = BIT(3);
}

static void wants_the_hart(void)
{
	this_pcpu()->need_resched = 1;
}

static void halts(void)
{
	one.halt.ends = sleep_ends(SLEEP_WFI);
}

static void queues_work(void)
{
	work_count = 1;
}

/* It is done, and the guest does not go on: the run loop sees to what the device has asked for. */
static void what_a_device_asks_for_is_seen_to(void **state)
{
	static void (*const all[])(void) = { asks, wants_the_hart, halts, queues_work };

	for (unsigned int i = 0; i < ARRAY_SIZE(all); i++) {
		begin(state);
		in_device = all[i];
		assert_int_equal(load(3, S1, BASE), NEXT_LOOK);
		assert_true(one.regs.x[S1] == answer);
		assert_true(one.regs.sepc == 0x80200004);
		CALLS("read ");
	}
}

static void interrupts(void)
{
	one.irq.levels = BIT(IRQ_VS_EXT);
}

/* Without an IPI to itself, and without leaving. */
static void a_device_interrupts_its_own_vcpu(void **state)
{
	(void)state;
	in_device = interrupts;
	csr_write(CSR_HVIP, BIT(IRQ_VS_SOFT));
	assert_int_equal(store(2, A0, BASE), NEXT_GUEST);
	assert_int_equal(csr_read(CSR_HVIP), BIT(IRQ_VS_EXT) | BIT(IRQ_VS_SOFT));
	assert_int_equal(one.guest_seq, 0);
}

/* What the guest has cleared itself stays cleared. */
static void a_line_that_falls_takes_no_other_bit_along(void **state)
{
	(void)state;
	one.irq.hvip = BIT(IRQ_VS_EXT) | BIT(IRQ_VS_SOFT);
	one.irq.shadow = BIT(IRQ_VS_SOFT);
	csr_write(CSR_HVIP, BIT(IRQ_VS_EXT));
	assert_int_equal(load(2, A0, BASE), NEXT_GUEST);
	assert_int_equal(csr_read(CSR_HVIP), 0);
}

static void looks_at_memory(void)
{
	vcpu_leave(&one);
}

static void looks_at_memory_and_is_asked(void)
{
	vcpu_leave(&one);
	asks();
}

/* One that was outside guest mode meanwhile enters as the protocol has it. */
static void an_access_that_was_outside_enters_anew(void **state)
{
	(void)state;
	in_device = looks_at_memory;
	one.irq.inject = BIT(IRQ_VS_SOFT);
	assert_int_equal(store(2, A0, BASE), NEXT_GUEST);
	assert_int_equal(one.mode, IN_GUEST_MODE);
	assert_int_equal(csr_read(CSR_HVIP), BIT(IRQ_VS_SOFT));
	begin(state);
	in_device = looks_at_memory_and_is_asked;
	assert_int_equal(load(2, S1, BASE), NEXT_LOOK);
}

/* Nothing is looked at afterwards, as nothing can have changed. */
static void what_a_device_says_at_once_ends_there(void **state)
{
	(void)state;
	bus.regions[0].ops = &peeked;
	one.requests = BIT(3);
	assert_int_equal(load(0, A0, BASE + 0x81), NEXT_GUEST);
	assert_true(one.regs.x[A0] == 0xffffffffffffff81);
	assert_int_equal(asked_len, 1);
	CALLS("peek ");
	assert_int_equal(load(4, S1, BASE + 0x81), NEXT_GUEST_ALL);
	assert_true(one.regs.x[S1] == 0x81);
	assert_int_equal(one.stats.exits[EXIT_MMIO], 2);
	one.requests = 0;
	assert_int_equal(load(3, A0, BASE + 0x18), NEXT_GUEST);
	assert_true(one.regs.x[A0] == answer);
	CALLS("peek peek read ");
	assert_int_equal(store(3, A0, BASE + 0x40), NEXT_GUEST);
	CALLS("peek peek read write ");
}

static void waits_for_room(void)
{
	one.halt.again = true;
	halts();
}

/* The terminal takes no more: the store is executed again when it does. */
static void a_store_that_waits_is_tried_again(void **state)
{
	(void)state;
	in_device = waits_for_room;
	assert_int_equal(store(0, A0, BASE), NEXT_LOOK);
	assert_true(one.regs.sepc == 0x80200000);
	assert_false(one.halt.again);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup(fn, begin)
	const struct CMUnitTest tests[] = {
		TEST(loads_of_each_width_are_extended),
		TEST(stores_of_each_width_write_no_more),
		TEST(the_next_instruction_is_two_or_four_bytes_on),
		TEST(registers_that_c_keeps_are_loaded_anew),
		TEST(what_is_no_access_as_the_hardware_tells_it_is_left_alone),
		TEST(a_vcpu_that_spins_goes_the_long_way),
		TEST(where_nothing_is_the_guest_takes_an_access_fault),
		TEST(what_a_device_asks_for_is_seen_to),
		TEST(a_device_interrupts_its_own_vcpu),
		TEST(a_line_that_falls_takes_no_other_bit_along),
		TEST(an_access_that_was_outside_enters_anew),
		TEST(what_a_device_says_at_once_ends_there),
		TEST(a_store_that_waits_is_tried_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
