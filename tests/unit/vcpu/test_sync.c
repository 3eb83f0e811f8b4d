// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/vcpu_alone.h
/* SYNC_STATE: what a debugger sees of a vcpu comes from its hart, and what it has written goes there. */
#include "fake/vcpu_alone.h"

#define PC UINT64_C(0xffffffff80001000)

static int setup(void **state)
{
	(void)state;
	begin();
	vm.state = VM_PAUSED;
	vm.hedeleg = 0x1234;
	vcpu_power_on(v);
	v->hsm.state = SBI_HSM_STATE_STARTED;
	v->regs.sepc = PC;
	v->regs.sstatus = SSTATUS_SPP;
	csr_write(CSR_VSATP, 0x77);
	csr_write(CSR_HEDELEG, 0);
	memset(&fp_in_hart, 0, sizeof(fp_in_hart));
	return 0;
}

static enum vcpu_verdict serve(void)
{
	v->requests = BIT(REQUEST_SYNC_STATE & 63);
	return vcpu_handle_requests(v);
}

static void it_counts_when_all_of_it_is_there(void **state)
{
	uint64_t before = v->debug.synced;

	(void)state;
	assert_int_equal(serve(), VCPU_MUST_BLOCK);
	assert_int_equal(v->requests, 0);
	assert_int_equal(v->debug.synced, before + 1);
	assert_true(v->debug.pc == PC);
	assert_int_equal(v->debug.user, 0);
	assert_int_equal(v->vs.vsatp, 0x77);
	assert_int_equal(csr_read(CSR_HEDELEG), 0x1234);
	v->regs.sstatus = 0;
	(void)serve();
	assert_int_equal(v->debug.user, 1);
}

static void registers_that_were_written_go_to_the_hart_once(void **state)
{
	(void)state;
	v->fp.initial = this_pcpu()->fp_initial = true;
	v->fp.regs.f[9] = 4711;
	(void)serve();
	assert_int_equal(fp_in_hart.f[9], 0);
	v->debug.fp_written = true;
	(void)serve();
	assert_int_equal(fp_in_hart.f[9], 4711);
	assert_false(v->debug.fp_written);
	/* They are not zero any more, whatever the guest does. */
	assert_false(v->fp.initial);
	assert_false(this_pcpu()->fp_initial);
	fp_in_hart.f[9] = 1;
	(void)serve();
	assert_int_equal(fp_in_hart.f[9], 1);
}

/* The guest has written some: they are saved, and are not as at first. */
static void what_the_guest_has_written_is_saved(void **state)
{
	(void)state;
	v->fp.initial = this_pcpu()->fp_initial = true;
	v->regs.sstatus = SSTATUS_SPP | SSTATUS_FS;
	(void)serve();
	assert_false(v->fp.initial);
	assert_false(this_pcpu()->fp_initial);
	assert_int_not_equal(v->regs.sstatus & SSTATUS_FS, SSTATUS_FS);
}

static void one_that_is_held_sleeps_while_its_vm_runs(void **state)
{
	(void)state;
	vm.state = VM_RUNNING;
	assert_int_equal(serve(), VCPU_MAY_RUN);
	v->hsm.state = HSM_HELD;
	assert_int_equal(serve(), VCPU_MUST_BLOCK);
	assert_int_equal(vcpu_hsm_status(v), SBI_HSM_STATE_STARTED);
	/* What ends its halt does not end that it is held. */
	vcpu_halt(v, SLEEP_WFI);
	atomic_set(&v->halt.kicked, 1);
	assert_int_equal(serve(), VCPU_MUST_BLOCK);
	assert_false(vcpu_is_halted(v));
	assert_true(vcpu_block(v));
}

static void a_hart_that_starts_has_its_vm_s_hedeleg(void **state)
{
	(void)state;
	vm.state = VM_RUNNING;
	v->hsm.state = SBI_HSM_STATE_START_PENDING;
	v->requests = BIT(REQUEST_RESET & 63);
	(void)vcpu_handle_requests(v);
	assert_int_equal(csr_read(CSR_HEDELEG), 0x1234);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_counts_when_all_of_it_is_there),
		TEST(registers_that_were_written_go_to_the_hart_once),
		TEST(what_the_guest_has_written_is_saved),
		TEST(one_that_is_held_sleeps_while_its_vm_runs),
		TEST(a_hart_that_starts_has_its_vm_s_hedeleg),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
