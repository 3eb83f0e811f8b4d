// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/life.h
/* Starts: with and without memory for it, by itself and by an operator; and the machine's end, when no VM is left to be started. */
#include <stdarg.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "fake/life.h"
#include "arch/memmap.h"
#include "fake/log.h"
#include "mm/page.h"

/* All that is free but @left bytes. Returns the largest piece. */
static hpa_t take_memory(uint64_t left, uint64_t *size)
{
	hpa_t first, a;

	life_takes_memory();

	*size = min_u64(page_largest(PAGE_SIZE), align_down(page_free_bytes() - left, PAGE_SIZE));
	assert_true(page_alloc(*size, PAGE_SIZE, &first));
	while (page_free_bytes() > left)
		assert_true(page_alloc(min_u64(page_largest(PAGE_SIZE), page_free_bytes() - left),
				       PAGE_SIZE, &a));
	return first;
}

static void a_vm_without_memory_is_told_and_starts_when_there_is_some(void **state)
{
	struct vm *vm = life_create();
	uint64_t size;
	hpa_t taken;

	(void)state;
	life_run_until(vm, VM_RUNNING);
	life_end(vm, VM_STOP_POWEROFF);
	life_run_all();
	taken = take_memory(MIB(1), &size);
	assert_true(vm_start(vm));
	life_run_all();
	assert_int_equal(vm->state, VM_FAILED);
	assert_non_null(
		strstr(fake_log_text, "memory = 2 MiB: only 1 MiB of the machine are left"));
	assert_non_null(strstr(fake_log_text, "one: not started, for the reason above"));
	page_free(taken, size);
	assert_true(vm_start(vm));
	life_run_all();
	assert_int_equal(vm->state, VM_RUNNING);
}

static void a_start_waits_for_the_memory_of_a_vm_that_is_wiped(void **state)
{
	struct vm *vm, *two;
	uint64_t size;

	(void)state;
	life.cfg2.autostart = false;
	two = vm_create(&life.cfg2);
	vm = life_create();
	life_run_until(vm, VM_RUNNING);
	(void)take_memory(MIB(1), &size);
	assert_true(vm_stop(vm, VM_STOP_DESTROY, NULL));
	assert_true(vm_start(two));
	for (int i = 0; i < 20; i++) {
		life_run_all(); /* it sleeps in between, as it may be the more urgent one */
		assert_int_equal(two->state, VM_BUILDING);
		life_timer_fires();
	}
	life_run_all();
	/* some vcpu of the other one has not left yet */
	life_last_vcpu_leaves(vm);
	life_run_all();
	assert_int_equal(vm->state, VM_OFF);
	life.armed->fn(life.armed);
	life_run_all();
	assert_int_equal(two->state, VM_RUNNING);
}

static void a_vm_that_does_not_start_by_itself_is_off_and_has_no_memory(void **state)
{
	struct vm *vm;
	uint64_t before = page_free_bytes();

	(void)state;
	life.cfg.autostart = false;
	vm = life_create();
	assert_int_equal(vm->state, VM_OFF);
	assert_false(life_task_pending());
	assert_true(before - page_free_bytes() < MIB(1));
	assert_true(vm_start(vm));
	life_run_all();
	assert_int_equal(vm->state, VM_RUNNING);
}

static void the_machine_goes_off_with_the_last_vm(void **state)
{
	struct vm *vm = vm_create(&life.cfg);

	(void)state;
	lifecycle_begin();
	life_run_until(vm, VM_RUNNING);
	life_end(vm, VM_STOP_POWEROFF);
	life_run_to_power_off();
	assert_true(life.power_is_off);
	assert_non_null(strstr(fake_log_text, "all VMs have ended; powering off"));
}

static void the_machine_stays_on_when_told_so(void **state)
{
	struct vm *vm = vm_create(&life.cfg);

	(void)state;
	lifecycle_stay(true);
	lifecycle_begin();
	life_run_until(vm, VM_RUNNING);
	life_end(vm, VM_STOP_POWEROFF);
	life_run_to_power_off();
	assert_false(life.power_is_off);
	assert_non_null(strstr(fake_log_text, "all VMs have ended; the machine stays on"));
	assert_true(vm_start(vm));
	life_run_all();
	assert_int_equal(vm->state, VM_RUNNING);
}

/* It has not ended before it has been started. */
static void the_machine_stays_on_for_a_vm_that_waits_for_its_start(void **state)
{
	struct vm *vm = vm_create(&life.cfg), *two;

	(void)state;
	life.cfg2.autostart = false;
	two = vm_create(&life.cfg2);
	lifecycle_begin();
	life_run_until(vm, VM_RUNNING);
	life_end(vm, VM_STOP_POWEROFF);
	life_run_to_power_off();
	assert_false(life.power_is_off);
	assert_non_null(strstr(fake_log_text, "no VM runs; two has not been started yet"));
	assert_true(vm_start(two));
	life_run_all();
	assert_int_equal(two->state, VM_RUNNING);
	life_end(two, VM_STOP_POWEROFF);
	life_run_to_power_off();
	assert_true(life.power_is_off);
}

#define test(fn) cmocka_unit_test_setup_teardown(fn, life_setup, life_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_vm_without_memory_is_told_and_starts_when_there_is_some),
		test(a_start_waits_for_the_memory_of_a_vm_that_is_wiped),
		test(a_vm_that_does_not_start_by_itself_is_off_and_has_no_memory),
		test(the_machine_goes_off_with_the_last_vm),
		test(the_machine_stays_on_when_told_so),
		test(the_machine_stays_on_for_a_vm_that_waits_for_its_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
