// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/life.h
/* Making a VM from its configuration: what it is made of, and what is said when there is not enough for it. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "arch/guest_state.h"
#include "arch/csr.h"
#include "arch/smp.h"
#include "fake/life.h"
#include "fake/page.h"
#include "fake/said.h"
#include "mm/page.h"
#include "vcpu/registry.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm_part.h"

/* It is there with its name and reason, cannot be started, and holds no guest memory. */
static void is_failed(struct vm *vm)
{
	assert_non_null(vm);
	assert_int_equal(vm->state, VM_FAILED);
	assert_false(vm->made);
	assert_int_equal(vm->gstage.nr_ram, 0);
	assert_false(vm_start(vm));
	assert_false(vm_stop(vm, VM_STOP_DESTROY, NULL));
	assert_int_equal(vm->state, VM_FAILED);
	assert_false(life_task_pending());
}

static void a_vm_is_what_its_configuration_says(void **state)
{
	struct vm *vm;

	(void)state;
	nr_pcpus = 4;
	life.cfg.cpus = 3;
	life.cfg.affinity = 0; /* each vcpu has a hart of its own */
	life.cfg.cap = 70;
	life.cfg.halt_poll_us = 50;
	life.cfg.sched.weight = 300;
	vm = life_create_alone(&life.cfg);
	assert_string_equal(vm->name, "one");
	assert_memory_equal(vm->config, &life.cfg, sizeof(life.cfg)); /* a copy */
	assert_int_equal(vm->id, 0);
	assert_int_equal(vm->state, VM_BUILDING);
	assert_true(vm->made);
	assert_int_equal(vm->waits, 0);
	assert_int_equal(vm->nr_vcpus, 3);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(vm->vcpus[i]->id, i);
		assert_ptr_equal(vm->vcpus[i]->vm, vm);
	}
	assert_int_equal(life_count("cap 70"), 1);
	assert_int_equal(vm->halt_poll_max, 50000); /* ns, which are ticks here */
	/* Guests read the time, and no counter that shows what neighbours do. */
	assert_int_equal(vm->hcounteren, HCOUNTEREN_TM);
	assert_int_equal(vm->hedeleg, HEDELEG_GUEST);
	assert_int_equal(vm->henvcfg, 0x1234);
	/* Its task runs where any of its vcpus may, by the VM's weight and cap. */
	assert_int_equal(vm->task.affinity.word[0], 7);
	assert_int_equal(vm->task.weight, 300);
	assert_ptr_equal(vm->task.group, &vm->group);
	assert_int_equal(vm->gstage.ram_bytes, LIFE_RAM);
	assert_true(gstage_is_ram(&vm->gstage, gpa(GUEST_RAM_BASE), LIFE_RAM));
	assert_false(gstage_is_ram(&vm->gstage, gpa(GUEST_RAM_BASE), LIFE_RAM + 1));
	assert_int_equal(fake_log_count, 0);
}

/* Not on a hart where none of the VM's vcpus may run. */
static void the_task_of_a_vm_stays_on_its_harts(void **state)
{
	struct vm *vm;

	(void)state;
	nr_pcpus = 5;
	life.cfg.affinity = BIT(2) | BIT(4);
	vm = life_create_alone(&life.cfg);
	assert_int_equal(vm->task.affinity.word[0], BIT(2) | BIT(4));
}

static void a_vm_that_waits_for_its_start_is_off(void **state)
{
	struct vm *vm;

	(void)state;
	life.cfg.autostart = false;
	vm = life_create_alone(&life.cfg);
	assert_int_equal(vm->state, VM_OFF);
	assert_int_equal(vm->waits, 1);
	assert_true(vm->made);
	assert_true(vm_start(vm));
	life_run_all();
	assert_int_equal(vm->state, VM_RUNNING);
	assert_int_equal(vm->waits, 0);
}

static void a_vm_with_an_error_in_its_configuration_is_not_made(void **state)
{
	struct vm *vm;

	(void)state;
	life.cfg.failed = true;
	vm = life_create_alone(&life.cfg);
	is_failed(vm);
	assert_int_equal(vm->nr_vcpus, 0);
	assert_int_equal(fake_log_count, 0); /* the parser has said it */
}

static void what_there_is_no_memory_for_is_told(void **state)
{
	static const char *const parts[] = { "vcpu", "bus", "stream", "plic", "uart" };

	for (unsigned int i = 0; i < ARRAY_SIZE(parts); i++) {
		assert_int_equal(life_setup(state), 0);
		life.cannot_make = parts[i];
		is_failed(life_create_alone(&life.cfg));
		assert_logged("one: no memory left for its vcpus and devices");
		assert_int_equal(fake_log_count, 1);
		/* What was made before it goes. */
		assert_int_equal(life_count("plic destroyed"), i > 3);
		assert_int_equal(life_count("uart destroyed"), 0);
		(void)life_teardown(state);
	}
	assert_int_equal(life_setup(state), 0);
	life.prepare_fails = true;
	is_failed(life_create_alone(&life.cfg));
	assert_logged("one: no memory left for its loader");
	(void)life_teardown(state);
}

/* They have said it themselves. */
static void wrong_images_and_a_part_that_refuses_make_no_vm(void **state)
{
	(void)state;
	life.begin_fails = true;
	is_failed(life_create_alone(&life.cfg));
	life.begin_fails = false;
	life.refuses = "uart";
	is_failed(life_create_alone(&life.cfg2));
	assert_int_equal(life_count("plic destroyed"), 1);
	assert_int_equal(fake_log_count, 0);
}

/* Nothing is kept, the part is named, and it is tried again when the VM is started. */
static void a_part_that_cannot_be_mapped_keeps_its_vm_from_starting(void **state)
{
	uint64_t before;
	struct vm *vm;

	(void)state;
	life.cfg.autostart = 0;
	vm = life_create_alone(&life.cfg);
	assert_int_equal(life.maps, 0); /* it has no RAM either */
	before = page_free_bytes();
	life.map_error = HV_EEXIST;
	assert_true(vm_start(vm));
	life_run_all();
	assert_int_equal(vm->state, VM_FAILED);
	assert_int_equal(life.maps, 1);
	assert_logged("config: /one/uart: cannot be mapped into the VM: something else is at its "
		      "addresses");
	assert_int_equal(page_free_bytes(), before);
	assert_false(gstage_has_root(&vm->gstage));
	fake_log_reset();
	life.map_error = HV_ENOMEM;
	assert_true(vm_start(vm));
	life_run_all();
	assert_logged("config: /one/uart: cannot be mapped into the VM: no memory is left for its "
		      "page tables, or no slot");
	life.map_error = HV_OK;
	assert_true(vm_start(vm));
	life_run_until(vm, VM_RUNNING);
	assert_int_equal(life.maps, 3);
	life_end(vm, VM_STOP_REBOOT);
	life_run_until(vm, VM_RUNNING);
	assert_int_equal(life.maps, 3); /* a reboot keeps the tables */
}

/* While it is made, when it starts by itself. */
static void a_part_that_cannot_be_mapped_at_boot_is_named(void **state)
{
	(void)state;
	life.map_error = HV_EINVAL;
	assert_int_equal(life_create_alone(&life.cfg)->state, VM_FAILED);
	assert_logged(
		"config: /one/uart: cannot be mapped into the VM: its addresses are not within "
		"what the VM's G-stage addresses");
}

static void parts_are_told_when_the_vm_goes_on(void **state)
{
	struct vm *vm = life_create();

	(void)state;
	life_run_until(vm, VM_RUNNING);
	assert_false(vm_resume(vm));
	assert_int_equal(life.resumes, 0);
	assert_true(vm_pause(vm));
	assert_int_equal(life.resumes, 0);
	assert_true(vm_resume(vm));
	assert_int_equal(life.resumes, 1);
	assert_false(vm_resume(vm));
	assert_int_equal(life.resumes, 1);
}

/* A part's window lies behind all RAM, and the tables reach it. */
static void the_tables_reach_the_windows_of_parts(void **state)
{
	struct vm *vm;
	gpa_t first, second;

	(void)state;
	life.cfg.autostart = 0;
	vm = life_create_alone(&life.cfg);
	assert_int_equal(vm_window_room(vm), BIT(41) - GIB(3));
	assert_int_equal(vm_new_window(vm, BIT(41) - GIB(3) + 1, &first), HV_EINVAL);
	assert_int_equal(vm_new_window(vm, 0, &first), HV_EINVAL);
	assert_int_equal(vm_new_window(vm, GIB(1) + 1, &first), HV_OK);
	assert_int_equal(first.gpa, GIB(3));
	assert_int_equal(vm_new_window(vm, BIT(41) - GIB(5), &second), HV_OK);
	assert_int_equal(second.gpa, GIB(5));
	assert_int_equal(vm_window_room(vm), 0);
	assert_int_equal(vm_new_window(vm, 1, &first), HV_EINVAL);
	vm->windows.end += 1; /* the tables would have to be wider than the machine's */
	assert_true(vm_start(vm));
	life_run_all();
	assert_int_equal(vm->state, VM_FAILED);
	vm->windows.end -= 1;
	assert_true(vm_start(vm));
	life_run_until(vm, VM_RUNNING);
}

static void too_little_memory_is_told_and_kept_for_the_others(void **state)
{
	uint64_t before;
	struct vm *vm;

	(void)state;
	life.cfg.memory = LIFE_MACHINE;
	vm = life_create_alone(&life.cfg);
	assert_int_equal(vm->state, VM_FAILED);
	assert_true(vm->made); /* once there is more it can be started */
	assert_logged(
		"config: /one: memory = 16 MiB: only 15 MiB of the machine are left, give less");
	assert_int_equal(vm->gstage.nr_ram, 0);
	before = page_free_bytes();
	assert_true(before > MIB(15));
	vm = life_create_alone(&life.cfg2);
	assert_int_equal(vm->state, VM_BUILDING);
}

/* Ranges of 2 and 4 MiB, as they stand in a tree; the last one's address is to be filled in. */
static uint8_t ranges[] = {
	0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20, 0, 0, /* at 4 GiB */
	0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, /* at 2 TiB */
};

static void ram_may_lie_in_several_ranges(void **state)
{
	struct vm *vm;

	(void)state;
	ranges[16 + 2] = 1; /* at 1 TiB */
	life.cfg.memory = MIB(4);
	life.cfg.extra_ram = ranges;
	life.cfg.nr_extra_ram = 2;
	vm = life_create_alone(&life.cfg);
	life_run_until(vm, VM_RUNNING);
	assert_true(gstage_is_ram(&vm->gstage, gpa(GUEST_RAM_BASE), MIB(4)));
	assert_true(gstage_is_ram(&vm->gstage, gpa(GIB(4)), MIB(2)));
	assert_true(gstage_is_ram(&vm->gstage, gpa(GIB(1024)), MIB(4)));
	assert_false(gstage_is_ram(&vm->gstage, gpa(GIB(4)), MIB(2) + 1));
	assert_int_equal(vm->gstage.ram_bytes, MIB(10));
	assert_logged("one: started: 1 vcpu, 10 MiB");
	life_write_secrets(vm);
	lifecycle_stay(true);
	life_end(vm, VM_STOP_POWEROFF);
	life_run_all();
	assert_int_equal(vm->gstage.nr_ram, 0);
	life_pool_is_clean();
}

static void what_the_ranges_have_too_much_is_told(void **state)
{
	(void)state;
	ranges[16 + 2] = 1;
	life.cfg.memory = LIFE_MACHINE - MIB(6);
	life.cfg.extra_ram = ranges;
	life.cfg.nr_extra_ram = 2;
	assert_int_equal(life_create_alone(&life.cfg)->state, VM_FAILED);
	assert_logged(
		"config: /one: memory + extra-memory = 16 MiB: only 15 MiB of the machine are "
		"left, give less");
	ranges[16 + 2] = 2;
	life.cfg.memory = MIB(4);
	(void)life_teardown(state);
	assert_int_equal(life_setup(state), 0);
	life.cfg.memory = MIB(4);
	life.cfg.extra_ram = ranges;
	life.cfg.nr_extra_ram = 2;
	is_failed(life_create_alone(&life.cfg));
	assert_logged("config: /one: memory + extra-memory up to 0x200003fffff: must end at "
		      "0x1ffffffffff or lower, all that this machine's G-stage addresses");
}

/* As much as a G-stage addresses is not too much to be given later. */
static void large_memory_is_wrong_only_while_there_is_none(void **state)
{
	struct vm *vm;

	(void)state;
	life.cfg.memory = BIT(41) - GUEST_RAM_BASE;
	vm = life_create_alone(&life.cfg);
	assert_int_equal(vm->state, VM_FAILED);
	assert_true(vm->made);
	assert_logged(
		"config: /one: memory = 2095104 MiB: only 15 MiB of the machine are left, give less");
	assert_int_equal(fake_log_count, 1);
}

/* Also when nothing is to be allocated yet. RAM does not begin at 0: less than 2^41 bytes may end too high. */
static void more_than_a_g_stage_addresses_is_told(void **state)
{
	for (int autostart = 0; autostart < 2; autostart++) {
		assert_int_equal(life_setup(state), 0);
		life.cfg.memory = BIT(41) - GUEST_RAM_BASE + MIB(2);
		life.cfg.autostart = autostart;
		is_failed(life_create_alone(&life.cfg));
		assert_logged("config: /one: memory up to 0x200001fffff: must end at 0x1ffffffffff "
			      "or lower, all that this machine's G-stage addresses");
		assert_int_equal(fake_log_count, 1);
		(void)life_teardown(state);
	}
}

static void a_machine_without_any_memory_has_no_vm(void **state)
{
	(void)state;
	fake_page_starve(0);
	assert_null(vm_create(&life.cfg));
	assert_null(vm_get_by_name("one"));
	assert_logged("one: no memory left");
	fake_page_feed();
	/* Enough for itself, and none for anything in it. */
	fake_page_starve(align_up(sizeof(struct vm), PAGE_SIZE));
	assert_null(vm_create(&life.cfg));
	assert_null(vm_get_by_name("one"));
	fake_page_feed();
}

/* --- affinity -------------------------------------------------------------------------------------------- */

static void a_vcpu_without_a_hart_that_runs_makes_no_vm(void **state)
{
	(void)state;
	nr_pcpus = 2;
	life.cfg.affinity = BIT(2) | BIT(63);
	is_failed(life_create_alone(&life.cfg));
	assert_logged(
		"config: /one: affinity of vcpu 0: none of these harts runs: must name one of 0 "
		"to 1");
	assert_int_equal(fake_log_count, 1);
}

/* Of several vcpus the third one has none. */
static void the_vcpu_without_a_hart_is_named(void **state)
{
	(void)state;
	nr_pcpus = 2;
	life.cfg.cpus = 4;
	life.cfg.affinity = 0;
	is_failed(life_create_alone(&life.cfg));
	assert_logged(
		"config: /one: affinity of vcpu 2: none of these harts runs: must name one of 0 "
		"to 1");
}

/* Once for all vcpus that say the same. */
static void harts_that_do_not_run_are_told_and_the_others_used(void **state)
{
	struct vm *vm;

	(void)state;
	nr_pcpus = 2;
	life.cfg.cpus = 3;
	life.cfg.affinity = BIT(1) | BIT(2) | BIT(63);
	vm = life_create_alone(&life.cfg);
	assert_int_equal(vm->state, VM_BUILDING);
	assert_logged(
		"config: /one: affinity of vcpu 0: host cpus that do not run: 2 63; must be 0 to "
		"1; the others are used");
	assert_int_equal(fake_log_count, 1);
}

/* It is what a VM without a list of harts has. */
static void all_harts_are_no_list(void **state)
{
	(void)state;
	life.cfg.affinity = UINT64_MAX;
	assert_int_equal(life_create_alone(&life.cfg)->state, VM_BUILDING);
	assert_int_equal(fake_log_count, 0);
}

#define test(fn) cmocka_unit_test_setup_teardown(fn, life_setup, life_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_vm_is_what_its_configuration_says),
		test(the_task_of_a_vm_stays_on_its_harts),
		test(a_vm_that_waits_for_its_start_is_off),
		test(a_vm_with_an_error_in_its_configuration_is_not_made),
		cmocka_unit_test(what_there_is_no_memory_for_is_told),
		test(wrong_images_and_a_part_that_refuses_make_no_vm),
		test(a_part_that_cannot_be_mapped_keeps_its_vm_from_starting),
		test(a_part_that_cannot_be_mapped_at_boot_is_named),
		test(parts_are_told_when_the_vm_goes_on),
		test(the_tables_reach_the_windows_of_parts),
		test(too_little_memory_is_told_and_kept_for_the_others),
		test(ram_may_lie_in_several_ranges),
		test(what_the_ranges_have_too_much_is_told),
		test(large_memory_is_wrong_only_while_there_is_none),
		cmocka_unit_test(more_than_a_g_stage_addresses_is_told),
		test(a_machine_without_any_memory_has_no_vm),
		test(a_vcpu_without_a_hart_that_runs_makes_no_vm),
		test(the_vcpu_without_a_hart_is_named),
		test(harts_that_do_not_run_are_told_and_the_others_used),
		test(all_harts_are_no_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
