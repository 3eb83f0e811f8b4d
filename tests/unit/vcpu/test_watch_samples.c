// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/watch.h
/* How many samples the watch wants before it points at a guest, of which vcpus, and what begins their count anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/watch.h"

static void traps(bool in_its_handler)
{
	says[0].what = in_its_handler ? SAMPLE_TRAP_LOOP : SAMPLE_PAGED;
}

/* The first sample is asked for after 3 s, and seen a second later. */
static void eight_traps_in_a_row_are_enough(void **state)
{
	(void)state;
	traps(true);
	seconds(9);
	assert_true(silent());
	seconds(1);
	assert_true(hinted("traps for ever"));
}

static void a_trap_elsewhere_begins_the_row_anew(void **state)
{
	(void)state;
	traps(true);
	seconds(9);
	traps(false);
	seconds(1);
	traps(true);
	seconds(7); /* seven in a row, that one, and seven more */
	assert_true(silent());
	seconds(1);
	assert_true(hinted("traps for ever"));
}

static void a_sign_of_life_begins_the_row_anew(void **state)
{
	(void)state;
	traps(true);
	seconds(9);
	written_at = now + 1;
	seconds(10);
	assert_true(silent());
	seconds(1);
	assert_true(hinted("traps for ever"));
}

/* In many places for so long that only the place is to be found, and then in one: 16 samples and no fewer. */
static void spins_for(unsigned int samples)
{
	for (unsigned int i = 0; i < 41; i++) {
		says[0].pc = LOOP + (i + 1) * 0x1000;
		seconds(1);
	}
	says[0].pc = LOOP;
	seconds(samples);
}

static void fifteen_samples_near_one_place_are_enough(void **state)
{
	spins_for(15);
	assert_true(silent());
	seconds(1);
	assert_true(hinted("near pc 0xffffffff80001000"));
	/* Near is what a loop and its callees take: 128 bytes both ways. */
	for (int64_t off = -129; off <= 128; off = off == -129 ? -128 :
						   off == -128 ? 127 :
								 off + 1) {
		setup(state);
		spins_for(15);
		assert_true(silent());
		says[0].pc = LOOP + (uint64_t)off;
		seconds(1);
		assert_int_equal(hinted("near pc "), off >= -128 && off <= 127);
	}
}

static void the_vcpu_that_spins_is_named(void **state)
{
	(void)state;
	does[0] = SLEEPS;
	does[1] = RUNS;
	seconds(31);
	assert_true(hinted("vcpu 1 in supervisor mode"));
}

static void a_long_spin_is_not_forgotten_while_another_vcpu_works(void **state)
{
	(void)state;
	does[1] = RUNS;
	for (unsigned int i = 0; i < 247; i++) {
		says[1].pc = LOOP + i * 0x1000;
		seconds(1);
	}
	assert_true(silent());
	seconds(19);
	assert_true(hinted("no sign of life"));
}

/* It may be in the hypervisor, or wait for a hart: what it does is not known. */
static void a_vcpu_without_samples_is_not_judged(void **state)
{
	(void)state;
	does[1] = RUNS;
	mute[1] = true;
	seconds(100);
	assert_true(silent());
	mute[1] = false;
	seconds(20);
	assert_true(hinted("no sign of life"));
}

static void user_mode_a_while_ago_is_no_sign_of_life(void **state)
{
	(void)state;
	says[0].what = SAMPLE_PAGED | SAMPLE_USER;
	seconds(5);
	says[0].what = SAMPLE_PAGED;
	seconds(40);
	assert_int_equal(fake_log_count, 1);
}

static void only_a_vm_that_runs_is_looked_at(void **state)
{
	(void)state;
	vm.state = VM_BUILDING;
	seconds(100);
	assert_int_equal(asked, 0);
	assert_true(silent());
}

static void samples_are_taken_after_three_seconds(void **state)
{
	(void)state;
	seconds(2);
	assert_int_equal(asked, 0);
	seconds(1);
	assert_int_equal(asked, 1);
}

/* The list and the log name the same vcpu and place, also when another vcpu does the same later. */
static void what_was_found_first_stays(void **state)
{
	(void)state;
	traps(true);
	seconds(11);
	assert_true(hinted("vcpu 0 traps for ever in its trap handler at pc 0xffffffff80001000"));
	does[1] = RUNS;
	says[1] = (struct vcpu_sample){ .pc = LOOP + 0x100000, .what = SAMPLE_TRAP_LOOP };
	seconds(30);
	assert_true(hinted("vcpu 0 traps for ever in its trap handler at pc 0xffffffff80001000"));
	assert_int_equal(fake_log_count, 1);
}

static void every_vm_is_looked_at(void **state)
{
	struct vm off = { .state = VM_OFF };

	(void)state;
	vms[0] = &off;
	vms[1] = &vm;
	nr_vms = 2;
	seconds(31);
	assert_true(hinted("no sign of life"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
		TEST(eight_traps_in_a_row_are_enough),
		TEST(a_trap_elsewhere_begins_the_row_anew),
		TEST(a_sign_of_life_begins_the_row_anew),
		TEST(fifteen_samples_near_one_place_are_enough),
		TEST(the_vcpu_that_spins_is_named),
		TEST(a_long_spin_is_not_forgotten_while_another_vcpu_works),
		TEST(a_vcpu_without_samples_is_not_judged),
		TEST(user_mode_a_while_ago_is_no_sign_of_life),
		TEST(only_a_vm_that_runs_is_looked_at),
		TEST(samples_are_taken_after_three_seconds),
		TEST(what_was_found_first_stays),
		TEST(every_vm_is_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
