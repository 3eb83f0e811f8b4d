// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/debug_world.h
/* A debugger's hold on a VM: which of its vcpus run, their registers, and that nothing of it stays. */
#include "fake/debug_world.h"

/* --- attach and detach -------------------------------------------------------------------------------- */

static void breakpoints_come_here_while_it_is_attached(void **state)
{
	(void)state;
	assert_false(vm_debug_is_attached(&vm));
	attach();
	assert_true(vm_debug_is_attached(&vm));
	assert_false(vm_debug_is_attached(&other));
	assert_int_equal(vm.hedeleg, NO_BREAKPOINTS);
	assert_int_equal(synced[0] + synced[1], 2);
	assert_false(vm_debug_attach(&other));
	settle();
	vm_debug_detach();
	assert_false(vm_debug_is_attached(&vm));
	assert_int_equal(vm.hedeleg, HEDELEG_GUEST);
	assert_int_equal(synced[0] + synced[1], 2);
	attach();
}

/* Its VM has been destroyed; another one may even have its name. */
static void a_vm_that_is_gone_keeps_no_debugger(void **state)
{
	(void)state;
	attach();
	vms[vm.id] = NULL;
	strcpy(other.name, "vm");
	assert_false(vm_debug_is_attached(&other));
	vm_debug_detach();
	assert_int_equal(other.pauses, 0);
	attach();
	assert_true(vm_debug_attach(&other));
}

static void a_debugger_that_goes_lets_go_of_all(void **state)
{
	uint8_t before[2];

	(void)state;
	memcpy(before, ram, 2);
	attach();
	assert_int_equal(vm_debug_set_break(&vm, gpa(RAM), 2), HV_OK);
	assert_true(vm_debug_stop(&vm));
	assert_true(vm_debug_go(&vm, &vcpus[1]));
	assert_true(vm_debug_stop(&vm));
	vm_debug_detach();
	assert_memory_equal(ram, before, 2);
	assert_int_equal(vm.state, VM_RUNNING);
	assert_int_equal(vcpus[0].hsm.state, SBI_HSM_STATE_STARTED);
}

static void a_vm_that_runs_is_paused_to_take_breakpoints_out(void **state)
{
	(void)state;
	attach();
	assert_int_equal(vm_debug_set_break(&vm, gpa(RAM), 2), HV_OK);
	vm_debug_detach();
	assert_int_equal(vm.pauses, 1);
	assert_int_equal(vm.state, VM_RUNNING);
}

static void what_an_operator_has_paused_stays_so(void **state)
{
	(void)state;
	assert_true(vm_pause(&vm));
	attach();
	assert_true(vm_debug_stop(&vm));
	vm_debug_detach();
	assert_int_equal(vm.state, VM_PAUSED);
}

/* It was not asked for since a breakpoint paused it. */
static void a_breakpoint_s_pause_ends_with_the_debugger(void **state)
{
	(void)state;
	attach();
	assert_true(vcpu_debug_break(&vcpus[1]));
	assert_int_equal(vm.state, VM_PAUSED);
	vm_debug_detach();
	assert_int_equal(vm.state, VM_RUNNING);
}

/* --- breakpoints that are met ------------------------------------------------------------------------- */

static void a_breakpoint_pauses_its_vm_once(void **state)
{
	(void)state;
	assert_false(vcpu_debug_break(&vcpus[0]));
	attach();
	assert_true(vcpu_debug_break(&vcpus[0]));
	assert_int_equal(vm.state, VM_PAUSED);
	assert_int_equal(events, 1);
	/* The other one was on its way at the same time. It meets it again. */
	assert_true(vcpu_debug_break(&vcpus[1]));
	assert_int_equal(events, 1);
	assert_false(vcpu_debug_stopped(&vcpus[1]));
	assert_true(vcpu_debug_stopped(&vcpus[0]));
	assert_false(vcpu_debug_stopped(&vcpus[0]));
	vm_break_event = NULL;
	vm.state = VM_RUNNING;
	assert_true(vcpu_debug_break(&vcpus[0]));
}

/* It has seen the breakpoint, and has not paused the VM yet. */
static void a_debugger_that_goes_meanwhile_leaves_no_pause(void **state)
{
	(void)state;
	attach();
	vcpus[0].debug.stopped =
		1; /* of an earlier one, which another hart's detach has not seen */
	detaches_meanwhile = true;
	assert_true(vcpu_debug_break(&vcpus[1]));
	assert_int_equal(vm.state, VM_RUNNING);
	assert_int_equal(events, 0);
	vcpus[0].debug.stopped = 1;
	attach();
	assert_int_equal(vcpus[0].debug.stopped, 0);
}

static void the_guest_s_own_is_passed_once(void **state)
{
	(void)state;
	attach();
	assert_false(vm_debug_pass(&vcpus[0]));
	assert_int_equal(vcpus[0].debug.pass, 0);
	assert_true(vm_debug_stop(&vm));
	assert_true(vm_debug_pass(&vcpus[0]));
	assert_true(vm_debug_go(&vm, NULL));
	assert_false(vcpu_debug_break(&vcpus[0]));
	assert_int_equal(vm.state, VM_RUNNING);
	assert_true(vcpu_debug_break(&vcpus[0]));
}

/* --- which of them run ----------------------------------------------------------------------------- */

/* It was let go on since a breakpoint stopped it, and the operator has paused it. */
static void a_stop_of_before_does_not_count(void **state)
{
	(void)state;
	attach();
	assert_true(vcpu_debug_break(&vcpus[0]));
	assert_true(vm_debug_go(&vm, NULL));
	assert_true(vm_pause(&vm));
	vm_debug_detach();
	assert_int_equal(vm.state, VM_PAUSED);
}

static void one_goes_and_the_others_are_held(void **state)
{
	(void)state;
	attach();
	assert_false(vm_debug_go(&vm, NULL));
	assert_true(vm_debug_stop(&vm));
	settle();
	assert_true(vm_debug_go(&vm, &vcpus[0]));
	assert_int_equal(vm.state, VM_RUNNING);
	assert_true(vcpu_hsm_is_started(&vcpus[0]));
	assert_false(vcpu_hsm_is_started(&vcpus[1]));
	assert_int_equal(vcpu_hsm_status(&vcpus[1]), SBI_HSM_STATE_STARTED);
	assert_int_equal(synced[1], 0);
	assert_true(vm_debug_stop(&vm));
	assert_true(vm_debug_go(&vm, &vcpus[1]));
	assert_false(vcpu_hsm_is_started(&vcpus[0]));
	assert_true(vcpu_hsm_is_started(&vcpus[1]));
	assert_int_equal(synced[1], 1);
	assert_true(vm_debug_stop(&vm));
	assert_true(vm_debug_go(&vm, NULL));
	assert_true(vcpu_hsm_is_started(&vcpus[0]));
}

static void a_hart_that_is_not_started_is_not_held(void **state)
{
	(void)state;
	attach();
	vcpus[1].hsm.state = SBI_HSM_STATE_STOPPED;
	assert_true(vm_debug_stop(&vm));
	assert_true(vm_debug_go(&vm, &vcpus[0]));
	assert_int_equal(vcpus[1].hsm.state, SBI_HSM_STATE_STOPPED);
}

static void a_vm_that_has_ended_does_not_stop(void **state)
{
	(void)state;
	attach();
	vm.state = VM_OFF;
	assert_false(vm_debug_stop(&vm));
	assert_false(vm_debug_go(&vm, &vcpus[0]));
	assert_true(vcpu_hsm_is_started(&vcpus[1]));
}

/* --- registers ---------------------------------------------------------------------------------------- */

static void registers_are_those_of_a_vm_that_is_paused(void **state)
{
	static struct vm_debug_regs r;

	(void)state;
	vcpus[1].regs.sepc = 1;
	vcpus[1].vs.vsatp = 2;
	assert_false(vm_debug_regs(&vcpus[1], &r));
	vcpus[1].fp.regs.f[3] = 4;
	assert_true(vm_pause(&vm));
	assert_true(vm_debug_regs(&vcpus[1], &r));
	assert_int_equal(r.regs.sepc, 1);
	assert_int_equal(r.vs.vsatp, 2);
	assert_int_equal(r.floats.f[3], 4);
}

static void registers_are_written_where_they_are(void **state)
{
	(void)state;
	assert_false(vm_debug_set_reg(&vcpus[0], 5, 6));
	assert_int_equal(vcpus[0].regs.x[5], 0);
	assert_true(vm_pause(&vm));
	assert_true(vm_debug_set_reg(&vcpus[0], 5, 6));
	assert_int_equal(vcpus[0].regs.x[5], 6);
	assert_true(vm_debug_set_reg(&vcpus[0], DEBUG_PC, 0x1235));
	assert_int_equal(vcpus[0].regs.sepc, 0x1234);
	assert_int_equal(synced[0], 0);
	assert_false(vcpus[0].debug.fp_written);
	assert_true(vm_debug_set_reg(&vcpus[0], DEBUG_F0 + 31, 7));
	assert_int_equal(vcpus[0].fp.regs.f[31], 7);
	assert_true(vcpus[0].debug.fp_written);
	assert_int_equal(synced[0], 1);
	assert_true(vm_debug_set_reg(&vcpus[0], DEBUG_F0 + 3, 9));
	assert_int_equal(vcpus[0].fp.regs.f[3], 9);
	assert_true(vm_debug_set_reg(&vcpus[0], DEBUG_FCSR, 8));
	assert_int_equal(vcpus[0].fp.regs.fcsr, 8);
}

static void a_vcpu_answers_by_a_count(void **state)
{
	uint64_t asked = vcpu_debug_ask(&vcpus[1]);
	bool user = false;

	(void)state;
	assert_int_equal(synced[1], 1);
	assert_int_equal(sampled, 0);
	assert_false(vcpu_debug_is_synced(&vcpus[1], asked));
	vcpus[1].debug.synced++;
	assert_true(vcpu_debug_is_synced(&vcpus[1], asked));
	vcpus[1].debug.pc = 4711;
	vcpus[1].debug.user = 1;
	assert_int_equal(vcpu_debug_pc(&vcpus[1], &user), 4711);
	assert_true(user);
	(void)vcpu_debug_ask_sample(&vcpus[1]);
	assert_int_equal(sampled, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(breakpoints_come_here_while_it_is_attached),
		TEST(a_vm_that_is_gone_keeps_no_debugger),
		TEST(a_debugger_that_goes_lets_go_of_all),
		TEST(a_vm_that_runs_is_paused_to_take_breakpoints_out),
		TEST(what_an_operator_has_paused_stays_so),
		TEST(a_breakpoint_s_pause_ends_with_the_debugger),
		TEST(a_breakpoint_pauses_its_vm_once),
		TEST(a_debugger_that_goes_meanwhile_leaves_no_pause),
		TEST(the_guest_s_own_is_passed_once),
		TEST(a_stop_of_before_does_not_count),
		TEST(one_goes_and_the_others_are_held),
		TEST(a_hart_that_is_not_started_is_not_held),
		TEST(a_vm_that_has_ended_does_not_stop),
		TEST(registers_are_those_of_a_vm_that_is_paused),
		TEST(registers_are_written_where_they_are),
		TEST(a_vcpu_answers_by_a_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
