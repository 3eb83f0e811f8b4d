// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/vcpu_alone.h
/* What a vcpu says of itself when the watch asks for a sample. */
#include "fake/vcpu_alone.h"

#define HANDLER UINT64_C(0xffffffff80002000)
#define PC	UINT64_C(0xffffffff80001000)

static struct vcpu_sample *ask(void)
{
	v->sample.fresh = 0;
	v->requests = BIT(REQUEST_WATCH & 63);
	(void)vcpu_handle_requests(v);
	assert_int_equal(v->requests, 0);
	assert_int_equal(v->sample.fresh, 1);
	return &v->sample;
}

static int setup(void **state)
{
	(void)state;
	begin();
	vm.state = VM_RUNNING;
	vcpu_power_on(v);
	v->hsm.state = SBI_HSM_STATE_STARTED;
	v->regs.sepc = PC;
	v->regs.sstatus = SSTATUS_SPP;
	csr_write(CSR_VSTVEC, HANDLER | 1);
	csr_write(CSR_VSEPC, PC + 64);
	csr_write(CSR_VSCAUSE, SCAUSE_INTERRUPT | IRQ_S_TIMER);
	csr_write(CSR_VSTVAL, 0x1234);
	csr_write(CSR_VSATP, 0);
	return 0;
}

static void it_says_where_it_is_and_what_came_last(void **state)
{
	struct vcpu_sample *s = ask();

	(void)state;
	assert_true(s->pc == PC);
	assert_int_equal(s->tval, 0x1234);
	assert_int_equal(s->cause, IRQ_S_TIMER);
	assert_int_equal(s->what, 0);
	csr_write(CSR_VSATP, 1);
	assert_int_equal(ask()->what, SAMPLE_PAGED);
	csr_write(CSR_VSATP, 0);
	v->regs.sstatus = 0;
	assert_int_equal(ask()->what, SAMPLE_USER);
}

/* A sample that has not been looked at stays as it is. */
static void a_fresh_sample_is_not_overwritten(void **state)
{
	(void)state;
	(void)ask();
	v->regs.sepc = PC + 4;
	v->requests = BIT(REQUEST_WATCH & 63);
	(void)vcpu_handle_requests(v);
	assert_true(v->sample.pc == PC);
	assert_true(ask()->pc == PC + 4);
}

/* One trap is told from another by its place, its cause, and whether it was an interrupt. */
static void traps_differ(void **state)
{
	static const uint64_t epcs[] = { PC, PC + 4, PC + 0x1000, PC + 0x1000000 };
	static const uint64_t causes[] = { EXC_ECALL_U,
					   IRQ_S_TIMER,
					   IRQ_S_SOFT,
					   2,
					   13,
					   15,
					   SCAUSE_INTERRUPT | IRQ_S_TIMER,
					   SCAUSE_INTERRUPT | IRQ_S_SOFT };
	uint32_t seen[ARRAY_SIZE(epcs) * ARRAY_SIZE(causes)];
	unsigned int n = 0;

	(void)state;
	for (unsigned int e = 0; e < ARRAY_SIZE(epcs); e++) {
		for (unsigned int c = 0; c < ARRAY_SIZE(causes); c++) {
			csr_write(CSR_VSEPC, epcs[e]);
			csr_write(CSR_VSCAUSE, causes[c]);
			seen[n] = ask()->trap;
			assert_int_equal(ask()->trap, seen[n]);
			for (unsigned int i = 0; i < n; i++)
				assert_int_not_equal(seen[i], seen[n]);
			n++;
		}
	}
}

static void a_system_call_is_one_from_user_mode(void **state)
{
	(void)state;
	csr_write(CSR_VSCAUSE, EXC_ECALL_U);
	assert_int_equal(ask()->what, SAMPLE_SYSCALL);
	csr_write(CSR_VSCAUSE, SCAUSE_INTERRUPT | EXC_ECALL_U);
	assert_int_equal(ask()->what, 0);
}

/* The last trap was in the handler's first 256 bytes, and it is there, not behind it, now. */
static void a_handler_that_traps_is_told(void **state)
{
	static const struct {
		int64_t epc, pc;
		uint64_t cause;
		bool loop;
	} all[] = {
		{ 0, 0, 12, true },
		{ 16, 0, 2, true },
		{ 16, 16, 2, true },
		{ 16, 20, 2, false },
		{ 255, 255, 5, true },
		{ 256, 0, 5, false },
		{ -1, 0, 5, false },
		{ 16, -1, 5, false },
		{ 16, 0, EXC_ECALL_U, false },
		{ 16, 0, SCAUSE_INTERRUPT | IRQ_S_TIMER, false },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(all); i++) {
		(void)teardown(state);
		setup(state);
		csr_write(CSR_VSEPC, HANDLER + (uint64_t)all[i].epc);
		csr_write(CSR_VSCAUSE, all[i].cause);
		v->regs.sepc = HANDLER + (uint64_t)all[i].pc;
		assert_int_equal((ask()->what & SAMPLE_TRAP_LOOP) != 0, all[i].loop);
	}
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(it_says_where_it_is_and_what_came_last),
		TEST(a_fresh_sample_is_not_overwritten),
		TEST(traps_differ),
		TEST(a_system_call_is_one_from_user_mode),
		TEST(a_handler_that_traps_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
