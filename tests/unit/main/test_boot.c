// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/boot_world.h
/* The boot on a machine where all is well, and what of it stands when the boot hart comes to its loop. */
#include <stdarg.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "arch/csr.h"
#include "fake/boot_world.h"
#include "mm/gstage.h"
#include "mm/hostmap.h"

#define IRQS (BIT(IRQ_S_SOFT) | BIT(IRQ_S_TIMER) | BIT(IRQ_S_EXT))

static void boots(void)
{
	boot_machine();
	if (!boot->runs)
		fail_msg("%s", boot->console);
}

static void says(const char *line)
{
	if (!strstr(boot->console, line))
		fail_msg("not said: %s\nbut: %s", line, boot->console);
}

/* @a is called, and @b after it. */
static void comes_before(const char *a, const char *b)
{
	const char *first = strstr(boot->order, a), *then = strstr(boot->order, b);

	if (!first || !then || first > then)
		fail_msg("%s, then %s: %s", a, b, boot->order);
}

/* --- all is well ---------------------------------------------------------------------------------------- */

static void each_step_says_what_it_found(void **state)
{
	(void)state;
	boot->cpus = 4;
	boots();
	says("hartvisor, started on hart 0 at 0x40200000\n");
	says("machine: 4 harts, 64 MiB, time base 10000000 Hz\n");
	says("4 of 4 harts run; 63 MiB free for VMs\n");
	assert_null(strstr(boot->console, "error"));
	assert_null(strstr(boot->console, "warning"));
}

/* Each line begins with the time since the first one; what comes before the time base is known, with 0. */
static void lines_have_the_time_since_the_boot(void **state)
{
	(void)state;
	boots();
	assert_true(strncmp(boot->console, "[hartvisor] 0.000000 ", 21) == 0);
	says("[hartvisor] 0.0000");
	says("\n0.0000"); /* the terminal puts its own prefix */
}

/* To the firmware's console as long as there is no terminal, and never again afterwards. */
static void the_log_moves_to_the_terminal(void **state)
{
	(void)state;
	boots();
	assert_non_null(strstr(boot->early, "time base 10000000 Hz\r\n"));
	assert_null(strstr(boot->early, "harts run"));
	assert_non_null(strstr(boot->early, "[hartvisor] "));
}

static void steps_that_stand_on_others_come_after_them(void **state)
{
	(void)state;
	boots();
	comes_before("map_fdt", "map_memory");
	comes_before("map_memory", "sched_init");
	comes_before("sched_init", "term_init");
	comes_before("term_init", "menu_init");
	comes_before("term_init", "panic_set_hook");
	/* Guests' seeds are made of it. */
	comes_before("random_add", "vm_create");
	/* No VM is made for a hart that does not come. */
	comes_before("sched_set_pcpus", "vm_create");
	comes_before("vm_create", "term_focus");
	comes_before("term_focus", "lifecycle_begin");
	comes_before("lifecycle_begin", "term_guests_run");
	comes_before("term_guests_run", "watch_start");
}

/* --- what is armed stays armed ------------------------------------------------------------------------------ */

static void what_one_step_arms_no_later_step_undoes(void **state)
{
	(void)state;
	boot->cpus = 4;
	boots();
	for (unsigned int i = 0; i < 4; i++) {
		const struct boot_hart *h = &boot->hart[i];

		assert_string_equal(h->undone, "");
		assert_int_equal(h->sie, IRQS);
		assert_int_equal(h->runq, 1);
		assert_true(h->hedeleg != 0);
		/* Open for every source, by a write: 0 is not what a reset leaves. */
		assert_int_equal(boot->plic_threshold[2 * i + 1], 1);
	}
	/* The firmware left a timer that is due, on every hart. */
	assert_int_equal(boot->hart[0].stimecmp, boot->fires_at);
	for (unsigned int i = 1; i < 4; i++)
		assert_int_equal(boot->hart[i].stimecmp, UINT64_MAX);
	/* Typed characters arrive: UART, its source, and the boot hart's context. */
	assert_int_equal(boot->uart_ier & 1, 1);
	assert_int_equal(boot->plic_priority, 1);
	assert_int_equal(boot->plic_enable, BIT(10));
}

static void the_same_on_a_boot_hart_that_is_not_the_first(void **state)
{
	(void)state;
	boot->cpus = 3;
	boot->boot_hart = 2;
	boots();
	for (unsigned int i = 0; i < 3; i++) {
		assert_string_equal(boot->hart[i].undone, "");
		assert_int_equal(boot->hart[i].sie, IRQS);
	}
	assert_int_equal(boot->hart[2].index, 0);
	assert_int_equal(boot->hart[0].index, 1);
	assert_int_equal(boot->hart[1].index, 2);
	assert_int_equal(boot->plic_enable, BIT(10));
	assert_int_equal(boot->hart[2].stimecmp, boot->fires_at);
	says("started on hart 2 ");
}

/* --- stacks and tables -------------------------------------------------------------------------------------- */

static void the_rest_of_the_boot_runs_in_the_final_tables_on_a_guarded_stack(void **state)
{
	uint64_t tops[2 * 4];
	unsigned int n = 0;

	(void)state;
	boot->cpus = 4;
	boots();
	assert_int_equal(boot->switched_to, boot->hart[0].stack_top);
	assert_int_equal(boot->satp_there >> 60, 8);
	assert_int_equal(boot->satp_there, boot->hart[0].satp);
	for (unsigned int i = 0; i < 4; i++) {
		tops[n++] = boot->hart[i].stack_top;
		if (i > 0) /* the boot hart's is a page of the image */
			tops[n++] = boot->hart[i].emergency_sp;
	}
	assert_true(boot->hart[0].emergency_sp != 0);
	for (unsigned int i = 0; i < n; i++) {
		assert_true(tops[i] > STACK_MAP_BASE);
		for (unsigned int j = 0; j < i; j++)
			assert_true(tops[i] != tops[j]);
	}
}

/* --- memory ---------------------------------------------------------------------------------------------------- */

static void nothing_that_is_in_use_is_in_the_allocator(void **state)
{
	(void)state;
	boot->modules = 192;
	boots();
	assert_true(boot->free_is_free);
	assert_int_equal(boot_setup(state), 0);
	boot->initrd = 0;
	boot->bundle_offset = 0x10008;
	boots();
	assert_true(boot->free_is_free);
}

/* By all harts for the probe of hgatp; one that may still come keeps it. */
static void the_empty_root_is_given_back_by_the_last_hart(void **state)
{
	uint64_t all;

	(void)state;
	boot->cpus = 3;
	boots();
	all = boot->free_bytes;
	assert_int_equal(boot_setup(state), 0);
	boot->cpus = 3;
	boot->absent = 2;
	boots();
	assert_int_equal(boot->free_bytes, all - GSTAGE_ROOT_SIZE);
}

/* --- harts -------------------------------------------------------------------------------------------------------- */

static void a_hart_that_does_not_come_leaves_no_gap(void **state)
{
	(void)state;
	boot->cpus = 5;
	boot->absent = BIT(1) | BIT(3);
	boots();
	assert_int_equal(boot->nr_pcpus, 3);
	assert_int_equal(boot->runqs, 5);
	assert_int_equal(boot->hart[2].index, 1);
	assert_int_equal(boot->hart[4].index, 2);
	assert_false(boot->hart[1].online || boot->hart[3].online);
	assert_true(boot->hart[2].online && boot->hart[4].online);
	says("hart 1: left out: ");
	says("hart 3: left out: ");
	says("3 of 5 harts run; ");
}

static void harts_that_cannot_run_guests_are_left_out_with_a_word(void **state)
{
	(void)state;
	boot->cpus = 4;
	boot->no_h_in_tree = BIT(1);
	boot->no_d_in_tree = BIT(2);
	boots();
	assert_int_equal(boot->nr_pcpus, 2);
	assert_int_equal(boot->hart[3].index, 1);
	says("hart 1: left out: it has no H extension\n");
	says("hart 2: left out: it has no D extension\n");
	says("2 of 4 harts run; ");
}

/* It finds that out itself, and stops. */
static void harts_that_differ_from_the_boot_hart_are_left_out_with_a_word(void **state)
{
	(void)state;
	boot->cpus = 4;
	boot->odd_csrs = BIT(1);
	boot->odd_hgatp = BIT(2);
	boots();
	assert_int_equal(boot->nr_pcpus, 2);
	assert_int_equal(boot->hart[3].index, 1);
	assert_false(boot->hart[1].online || boot->hart[2].online);
	says("hart 1: left out: the set of optional CSRs has to be as on the boot hart: ");
	says("hart 2: left out: ");
}

static void what_harts_and_firmware_are_is_told_to_guests(void **state)
{
	(void)state;
	boots();
	assert_int_equal(boot->ids[0], 0x111);
	assert_int_equal(boot->ids[1], 0x222);
	assert_int_equal(boot->ids[2], 0x333);
	assert_int_equal(boot->cboz, 64);
	/* Guests see what is in memory, so nothing has to be written back for them. */
	assert_int_equal(boot->cbom, 0);
	assert_false(boot->guest_v || boot->guest_svpbmt);
	assert_int_equal(boot_setup(state), 0);
	boot->isa = "rv64imafdcvh_zicbom_zicboz_zicntr_zicsr_zifencei_sstc_svpbmt";
	boot->vlenb = 16;
	boots();
	assert_true(boot->guest_v && boot->guest_svpbmt);
	assert_int_equal(boot->cbom, 128);
	/* The tree promises vectors, and the firmware has closed them. */
	assert_int_equal(boot_setup(state), 0);
	boot->isa = "rv64imafdcvh_zicbom_zicboz_zicntr_zicsr_zifencei_sstc_svpbmt";
	boots();
	assert_false(boot->guest_v);
}

/* --- the last words of a panic -------------------------------------------------------------------------------------- */

static void a_panic_says_whose_exit_was_handled(void **state)
{
	(void)state;
	boots();
	assert_string_equal(boot->last_words,
			    "[hartvisor] loaded: linux/3, sepc 0x8888, ra 0x9999, a7 0xa7, a6 "
			    "0xa6, requests 0x21, mode 1, 77 stays\n");
	assert_non_null(strstr(boot->order, "watch_start term_drain term_drain"));
}

#define test(fn) cmocka_unit_test_setup(fn, boot_setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(each_step_says_what_it_found),
		test(lines_have_the_time_since_the_boot),
		test(the_log_moves_to_the_terminal),
		test(steps_that_stand_on_others_come_after_them),
		test(what_one_step_arms_no_later_step_undoes),
		test(the_same_on_a_boot_hart_that_is_not_the_first),
		test(the_rest_of_the_boot_runs_in_the_final_tables_on_a_guarded_stack),
		test(nothing_that_is_in_use_is_in_the_allocator),
		test(the_empty_root_is_given_back_by_the_last_hart),
		test(a_hart_that_does_not_come_leaves_no_gap),
		test(harts_that_cannot_run_guests_are_left_out_with_a_word),
		test(harts_that_differ_from_the_boot_hart_are_left_out_with_a_word),
		test(what_harts_and_firmware_are_is_told_to_guests),
		test(a_panic_says_whose_exit_was_handled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
