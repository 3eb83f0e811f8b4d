// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/watch.h
/* The watch points at guests that have stopped, and at no others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/watch.h"

static void a_kernel_that_spins_is_pointed_at_once(void **state)
{
	(void)state;
	seconds(29);
	assert_true(silent());
	seconds(2);
	assert_true(strstr(fake_log_text,
			   "a: seems to have panicked, or spins: no output, no user mode, no sleep "
			   "for 30 s, vcpu 0 in supervisor mode near pc 0xffffffff80001000\n") !=
		    NULL);
	assert_true(hinted("no sign of life for 31 s: vcpu 0 "));
	seconds(600);
	assert_int_equal(fake_log_count, 1);
	written_at = now + 1;
	seconds(1);
	assert_false(hinted(""));
	seconds(60);
	assert_true(hinted("no sign of life"));
	assert_int_equal(fake_log_count, 1);
}

/* Each look counts what was written before it; the silence begins there, not a look later. */
static void output_at_the_moment_of_a_look_is_counted_once(void **state)
{
	(void)state;
	written_at = now;
	seconds(29);
	assert_true(silent());
	seconds(1);
	assert_true(hinted("no sign of life for 30 s: "));
}

static void accesses_to_devices_are_a_sign_of_life_once(void **state)
{
	(void)state;
	vcpus[0].stats.exits[EXIT_MMIO] = 1000;
	seconds(30);
	assert_true(silent());
	seconds(1);
	assert_true(hinted("no sign of life for 30 s: "));
}

static void a_watchdog_resets_what_shows_no_life(void **state)
{
	(void)state;
	vm.watchdog = 10 * SECOND;
	seconds(9);
	assert_int_equal(resets, 0);
	seconds(2);
	assert_int_equal(resets, 1);
	assert_non_null(strstr(fake_log_text, "a: watchdog: no sign of life for 10 s\n"));
	seconds(60);
	assert_int_equal(resets, 1);
	/* The next life has as long. */
	vm.state = VM_RUNNING;
	vm.watch = (struct vm_watch){ .since = now };
	seconds(9);
	assert_int_equal(resets, 1);
	seconds(2);
	assert_int_equal(resets, 2);
}

/* It works in many places of its kernel, which is no hang that can be named, and no sign of life either. */
static void a_watchdog_needs_no_one_place(void **state)
{
	(void)state;
	vm.watchdog = 20 * SECOND;
	for (unsigned int i = 0; i < 25; i++) {
		says[0].pc = LOOP + i % 3 * 0x1000;
		seconds(1);
	}
	assert_int_equal(resets, 1);
}

static void a_watchdog_leaves_alone_what_lives(void **state)
{
	(void)state;
	vm.watchdog = 10 * SECOND;
	for (unsigned int i = 0; i < 100; i++) {
		says[0].what = i % 8 == 7 ? SAMPLE_PAGED | SAMPLE_USER : SAMPLE_PAGED;
		seconds(1);
	}
	written_at = now + 1;
	seconds(9);
	/* What says nothing, since it waits for a hart, may be in user mode. */
	does[1] = RUNS;
	mute[1] = true;
	seconds(60);
	assert_int_equal(resets, 0);
	vm.state = VM_PAUSED;
	mute[1] = false;
	seconds(60);
	assert_int_equal(resets, 0);
}

static void an_event_tells_once(void **state)
{
	(void)state;
	seconds(29);
	assert_int_equal(hangs, 0);
	seconds(60);
	assert_int_equal(hangs, 1);
}

static void a_new_life_is_told_of_again(void **state)
{
	(void)state;
	seconds(40);
	vm.watch = (struct vm_watch){ .since = now };
	seconds(40);
	assert_int_equal(fake_log_count, 2);
}

static void timer_interrupts_of_a_spinning_kernel_do_not_hide_it(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 40; i++) {
		says[0].pc = i % 8 == 3 ? LOOP + 0x100000 : LOOP + i % 16 * 4;
		seconds(1);
	}
	assert_int_equal(fake_log_count, 1);
}

static void a_kernel_that_works_in_many_places_is_left_alone(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 200; i++) {
		says[0].pc = LOOP + i % 3 * 0x1000;
		seconds(1);
	}
	assert_true(silent());
}

static void user_mode_is_a_sign_of_life(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 200; i++) {
		says[0].what = i % 20 == 7 ? SAMPLE_PAGED | SAMPLE_USER : SAMPLE_PAGED;
		seconds(1);
	}
	assert_true(silent());
}

static void another_system_call_is_a_sign_of_life_and_an_old_one_is_none(void **state)
{
	(void)state;
	says[0].what |= SAMPLE_SYSCALL;
	for (unsigned int i = 0; i < 200; i++) {
		says[0].trap = i / 8;
		seconds(1);
	}
	assert_true(silent());
	seconds(40);
	assert_int_equal(fake_log_count, 1);
}

/* It copies: its samples fall in one system call nearly always, and the same one, in one loop of the kernel. */
static void a_sample_between_two_like_calls_is_a_sign_of_life(void **state)
{
	(void)state;
	says[0].what |= SAMPLE_SYSCALL;
	tick_every = 60;
	seconds(300);
	assert_true(silent());
	tick_every = 0;
	seconds(40);
	assert_int_equal(fake_log_count, 1);
}

/* Between looks only those are asked of which nothing is known. */
static void what_is_known_is_asked_for_once_a_second(void **state)
{
	unsigned int before;

	(void)state;
	seconds(20);
	assert_in_range(asked, 8 * 16, 8 * 17 + 1);
	seconds(20);
	assert_true(hinted("no sign of life"));
	before = asked;
	seconds(10);
	assert_int_equal(asked, before + 10);
}

static void output_devices_sleep_and_a_pause_are_signs_of_life(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 400; i++) {
		bool now_and_then = i % 25 == 0;

		if (now_and_then && i < 100)
			written_at = now + 1;
		if (now_and_then && i >= 100 && i < 200)
			vcpus[1].stats.exits[EXIT_MMIO]++;
		does[1] = now_and_then && i >= 200 && i < 300 ? DOZES : SLEEPS;
		vm.state = now_and_then && i >= 300 ? VM_PAUSED : VM_RUNNING;
		seconds(1);
	}
	assert_true(silent());
}

static void the_other_vcpu_has_to_spin_too_or_to_sleep_for_good(void **state)
{
	(void)state;
	does[1] = RUNS;
	for (unsigned int i = 0; i < 100; i++) {
		says[1].pc = LOOP + i * 0x1000;
		seconds(1);
	}
	assert_true(silent());
	seconds(40);
	assert_int_equal(fake_log_count, 1);
}

static void a_program_without_paging_is_shown_and_not_logged(void **state)
{
	(void)state;
	says[0].what = 0;
	seconds(40);
	assert_true(hinted("vcpu 0 in supervisor mode near pc 0xffffffff80001000"));
	assert_int_equal(fake_log_count, 0);
}

static void a_trap_handler_that_traps_is_pointed_at_soon(void **state)
{
	(void)state;
	says[0] = (struct vcpu_sample){
		.pc = 0x80200100, .tval = 0x1234, .cause = 12, .what = SAMPLE_TRAP_LOOP
	};
	seconds(9);
	assert_true(silent());
	seconds(6);
	assert_int_equal(fake_log_count, 1);
	assert_true(
		strstr(fake_log_text,
		       "traps for ever in its own trap handler, vcpu 0 at pc 0x80200100 (scause 12, stval 0x1234)") !=
		NULL);
	assert_true(
		hinted("vcpu 0 traps for ever in its trap handler at pc 0x80200100, scause 12"));
}

static void a_trap_in_the_handler_now_and_then_is_nothing(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 200; i++) {
		says[0].pc = LOOP + i % 3 * 0x1000;
		says[0].what = i % 7 ? SAMPLE_TRAP_LOOP : SAMPLE_PAGED;
		seconds(1);
	}
	assert_true(silent());
}

static void guests_that_live_are_not_disturbed(void **state)
{
	(void)state;
	does[0] = does[1] = DOZES;
	seconds(100);
	does[0] = does[1] = SLEEPS;
	seconds(100);
	assert_int_equal(asked, 0);
	/* One that computes is asked now and then. */
	does[0] = RUNS;
	says[0].what = SAMPLE_USER;
	seconds(100);
	assert_in_range(asked, 20, 26); /* every 4 s */
	assert_true(silent());
}

static void a_round_over_many_vcpus_is_made_in_pieces(void **state)
{
	uint64_t began = now + SECOND;

	(void)state;
	for (unsigned int i = 0; i < VM_MAX; i++)
		vms[i] = &vm;
	nr_vms = VM_MAX;
	now += SECOND;
	armed->fn(armed);
	assert_int_equal(looks, 32); /* VMs of two vcpus */
	assert_in_range(armed->deadline, now + 1, now + SECOND / 10);
	now = armed->deadline;
	armed->fn(armed); /* and the rest; the next round is a second after this one */
	assert_int_equal(looks, VM_MAX);
	assert_int_equal(fake_vm_refs, 0);
	assert_int_equal(armed->deadline, began + SECOND);
	/* One piece is enough for 64 vcpus. */
	vm.nr_vcpus = 1;
	now = armed->deadline;
	armed->fn(armed);
	assert_int_equal(looks, 2 * VM_MAX);
	assert_int_equal(armed->deadline, now + SECOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_kernel_that_spins_is_pointed_at_once, setup),
		cmocka_unit_test_setup(output_at_the_moment_of_a_look_is_counted_once, setup),
		cmocka_unit_test_setup(accesses_to_devices_are_a_sign_of_life_once, setup),
		cmocka_unit_test_setup(a_new_life_is_told_of_again, setup),
		cmocka_unit_test_setup(a_watchdog_resets_what_shows_no_life, setup),
		cmocka_unit_test_setup(a_watchdog_needs_no_one_place, setup),
		cmocka_unit_test_setup(a_watchdog_leaves_alone_what_lives, setup),
		cmocka_unit_test_setup(an_event_tells_once, setup),
		cmocka_unit_test_setup(timer_interrupts_of_a_spinning_kernel_do_not_hide_it, setup),
		cmocka_unit_test_setup(a_kernel_that_works_in_many_places_is_left_alone, setup),
		cmocka_unit_test_setup(user_mode_is_a_sign_of_life, setup),
		cmocka_unit_test_setup(another_system_call_is_a_sign_of_life_and_an_old_one_is_none,
				       setup),
		cmocka_unit_test_setup(a_sample_between_two_like_calls_is_a_sign_of_life, setup),
		cmocka_unit_test_setup(what_is_known_is_asked_for_once_a_second, setup),
		cmocka_unit_test_setup(output_devices_sleep_and_a_pause_are_signs_of_life, setup),
		cmocka_unit_test_setup(the_other_vcpu_has_to_spin_too_or_to_sleep_for_good, setup),
		cmocka_unit_test_setup(a_program_without_paging_is_shown_and_not_logged, setup),
		cmocka_unit_test_setup(a_trap_handler_that_traps_is_pointed_at_soon, setup),
		cmocka_unit_test_setup(a_trap_in_the_handler_now_and_then_is_nothing, setup),
		cmocka_unit_test_setup(guests_that_live_are_not_disturbed, setup),
		cmocka_unit_test_setup(a_round_over_many_vcpus_is_made_in_pieces, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
