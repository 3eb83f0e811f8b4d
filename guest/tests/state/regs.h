/* SPDX-License-Identifier: BSD-2-Clause */
/* Kinds of state that a hart has: registers, counters, the timer. */
#include "csr.h"
#include "fdt.h"
#include "fpregs.h"
#include "test.h"
#include "time.h"
#include "trap.h"
#include "state.h"

/* --- gprs: hold() marks them, and looks --- */

static bool gprs_exists(void)
{
	return true;
}

static void gprs_fresh(void)
{
	for (int i = 1; i < 32; i++)
		if (i != 10 && i != 11 && boot_regs[i])
			test_fail("x%d holds %lx at start", i, boot_regs[i]);
}

static void gprs_mark(unsigned long round)
{
	(void)round;
}

static void gprs_look(unsigned long round)
{
	(void)round;
}

static void gprs_unmark(void)
{
}

/* --- fp --- */

static struct fp fp_want, fp_got;

static bool fp_exists(void)
{
	return true;
}

static void fp_fresh(void)
{
	fp_store(&fp_got);
	for (int i = 0; i < 32; i++)
		if (fp_got.f[i])
			test_fail("f%d holds %lx at start", i, fp_got.f[i]);
	CHECK_EQ(fp_got.fcsr, 0);
}

static void fp_mark(unsigned long round)
{
	for (unsigned long i = 0; i < 32; i++)
		fp_want.f[i] = state_pattern(i, round);
	fp_want.fcsr = (round + state_id) % 5 << 5 | (state_pattern(9, round) & 31);
	fp_load(&fp_want);
}

static void fp_look(unsigned long round)
{
	(void)round;
	fp_store(&fp_got);
	for (int i = 0; i < 32; i++)
		state_check("an FP register", fp_got.f[i], fp_want.f[i]);
	state_check("fcsr", fp_got.fcsr, fp_want.fcsr);
}

static void fp_unmark(void)
{
	fp_want = (struct fp){ { 0 }, 0 };
	fp_load(&fp_want);
}

/* --- vector --- */

#define CSR_VCSR  0x00f
#define CSR_VLENB 0xc22

static struct vec vec_want, vec_got;
static unsigned long vcsr_want;

static bool vector_exists(void)
{
	return machine_has("v");
}

static unsigned long vector_words(void)
{
	unsigned long vlenb = csr_read(CSR_VLENB);

	CHECK(vlenb <= VLEN_MAX / 8);
	return 32 * vlenb / 8;
}

static void vector_fresh(void)
{
	vec_store(&vec_got, csr_read(CSR_VLENB));
	for (unsigned long i = 0; i < vector_words(); i++)
		if (vec_got.v[i])
			test_fail("a vector register holds %lx at start", vec_got.v[i]);
	CHECK_EQ(csr_read(CSR_VCSR), 0);
}

static void vector_mark(unsigned long round)
{
	for (unsigned long i = 0; i < vector_words(); i++)
		vec_want.v[i] = state_pattern(i, round);
	vec_want.vl = 1 + ((state_id + round) & 1);
	vec_want.vtype = ((state_id + round) & 1 ? 3 : 2) << 3; /* e64 or e32, m1 */
	vcsr_want = state_pattern(5, round) & 7;
	vec_load(&vec_want, csr_read(CSR_VLENB));
	csr_write(CSR_VCSR, vcsr_want);
}

static void vector_look(unsigned long round)
{
	(void)round;
	vec_store(&vec_got, csr_read(CSR_VLENB));
	for (unsigned long i = 0; i < vector_words(); i++)
		state_check("a vector register", vec_got.v[i], vec_want.v[i]);
	state_check("vl", vec_got.vl, vec_want.vl);
	state_check("vtype", vec_got.vtype, vec_want.vtype);
	state_check("vcsr", csr_read(CSR_VCSR), vcsr_want);
}

static void vector_unmark(void)
{
	for (unsigned long i = 0; i < vector_words(); i++)
		vec_want.v[i] = 0;
	vec_load(&vec_want, csr_read(CSR_VLENB));
	csr_write(CSR_VCSR, 0);
}

/* --- counters: what user mode may read of them, scounteren says --- */

#define SCOUNTEREN_AT_START 7

static unsigned long counters_want;

static bool counters_exists(void)
{
	return machine_has("zicntr");
}

static unsigned long user_cycle(unsigned long unused)
{
	(void)unused;
	return csr_read(0xc00);
}

static unsigned long user_time(unsigned long unused)
{
	(void)unused;
	return csr_read(0xc01);
}

static unsigned long user_instret(unsigned long unused)
{
	(void)unused;
	return csr_read(0xc02);
}

/* cycle and instret are hartvisor's to emulate: where they are allowed they read as zero. */
static void counters_check_user(unsigned long allowed)
{
	static unsigned long (*const reads[])(unsigned long) = { user_cycle, user_time,
								 user_instret };

	for (unsigned int i = 0; i < 3; i++) {
		unsigned long value = 0;
		struct trap t =
			TRAP_TRY(value = user_call(reads[i], 0, hold_stack + sizeof(hold_stack)));

		state_check("user mode's reading of a counter", t.count, !(allowed >> i & 1));
		if (t.count)
			state_check("its trap", t.cause, CAUSE_ILLEGAL);
		else if (i != 1)
			state_check("cycle or instret", value, 0);
	}
}

static void counters_fresh(void)
{
	CHECK_EQ(csr_read(scounteren), SCOUNTEREN_AT_START);
}

/* hold() reads the time in user mode. */
static void counters_mark(unsigned long round)
{
	counters_want = (state_pattern(3, round >> 1) & 5) | ((round | state_id) & 1 ? 2 : 0);
	csr_write(scounteren, counters_want);
}

static void counters_look(unsigned long round)
{
	(void)round;
	state_check("scounteren", csr_read(scounteren), counters_want);
	counters_check_user(counters_want);
}

static void counters_unmark(void)
{
	for (unsigned long allowed = 0; allowed < 8; allowed++) {
		csr_write(scounteren, allowed);
		counters_check_user(allowed);
	}
	csr_write(scounteren, SCOUNTEREN_AT_START);
}

/* --- timer --- */

static unsigned long timer_at;

static bool timer_exists(void)
{
	return true;
}

static bool timer_is_pending(void)
{
	return csr_read(sip) & 1UL << IRQ_TIMER;
}

static void timer_fresh(void)
{
	CHECK(!timer_is_pending());
}

/* Soon, or never in this test. */
static void timer_mark(unsigned long round)
{
	timer_at = (state_id + round) & 1 ? time_in_us(500) : time_in_ms(3600000);
	timer_set(timer_at);
}

static void timer_look(unsigned long round)
{
	unsigned long before = time_now();
	bool pending = timer_is_pending();
	unsigned long after = time_now();

	(void)round;
	if (before >= timer_at)
		state_check("the timer that is due", pending, true);
	if (after < timer_at)
		state_check("the timer that is not due", pending, false);
}

static void timer_unmark(void)
{
	timer_set(~0UL);
}
