// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/vm/boot_order.c
/* Which VM is loaded when, at boot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vm/boot_order.h"

#define VMS 8

static struct vm machines[VMS];
static struct vm_config configs[VMS];
static unsigned int woken[64], nr_woken;

bool sched_wake(struct sched_entity *se)
{
	const struct vm *vm = container_of(se, struct vm, task);

	assert_true(boot_order_is_turn(vm));
	woken[nr_woken++] = vm->id;
	return true;
}

void sched_task_set_capped(struct sched_entity *se, bool capped)
{
	assert_true(se->uncapped);
	se->uncapped = !capped;
}

static struct vm *add(unsigned int id, uint8_t priority, uint64_t affinity)
{
	struct vm *vm = &machines[id];

	configs[id] = (struct vm_config){ .boot_priority = priority };
	*vm = (struct vm){ .id = id,
			   .config = &configs[id],
			   .task.affinity = pcpu_set_from_mask(affinity) };
	boot_order_add(vm);
	assert_true(vm->task.uncapped);
	assert_false(boot_order_is_turn(vm));
	return vm;
}

static void begin(void)
{
	nr_woken = 0;
	boot_order_begin();
}

/* Each that loads is done at once; in which order they came. */
static void assert_order(const unsigned int *ids, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		assert_true(nr_woken > i);
		assert_int_equal(woken[i], ids[i]);
		boot_order_done(&machines[ids[i]]);
		assert_false(machines[ids[i]].task.uncapped);
	}
	assert_int_equal(nr_woken, n);
}

static void the_highest_goes_first_and_equals_as_they_stand(void **state)
{
	static const unsigned int order[] = { 3, 1, 4, 0, 2, 5 };

	(void)state;
	add(0, 0, 1);
	add(1, 7, 1);
	add(2, 0, 1);
	add(3, 255, 1);
	add(4, 7, 1);
	add(5, 0, 1);
	begin();
	assert_int_equal(nr_woken, 1);
	assert_order(order, 6);
}

static void as_many_load_at_once_as_there_are_harts_for_them(void **state)
{
	(void)state;
	for (unsigned int id = 0; id < 5; id++)
		add(id, 0, 3);
	begin();
	assert_int_equal(nr_woken, 2);
	assert_true(woken[0] == 0 && woken[1] == 1);
	assert_false(boot_order_is_turn(&machines[2]));
	boot_order_done(&machines[1]);
	assert_int_equal(nr_woken, 3);
	assert_int_equal(woken[2], 2);
	boot_order_done(&machines[2]);
	boot_order_done(&machines[0]);
	assert_int_equal(nr_woken, 5);
	boot_order_done(&machines[3]);
	boot_order_done(&machines[4]);
	assert_int_equal(nr_woken, 5);
}

/* Hart 0 is taken by the first two of those that may use nothing else; hart 1 is not to stay idle for that. */
static void one_that_waits_for_its_hart_holds_up_no_other_elsewhere(void **state)
{
	(void)state;
	add(0, 9, 1);
	add(1, 8, 1);
	add(2, 0, 2);
	add(3, 0, 3);
	begin();
	assert_int_equal(nr_woken, 2);
	assert_true(woken[0] == 0 && woken[1] == 2);
	boot_order_done(&machines[0]);
	assert_int_equal(woken[2], 1);
	boot_order_done(&machines[2]);
	assert_int_equal(woken[3], 3);
	boot_order_done(&machines[1]);
	boot_order_done(&machines[3]);
}

static void one_that_is_ended_before_its_turn_is_passed_over(void **state)
{
	(void)state;
	for (unsigned int id = 0; id < 3; id++)
		add(id, 0, 1);
	begin();
	boot_order_done(&machines[1]); /* by an operator */
	assert_int_equal(nr_woken, 1);
	boot_order_done(&machines[0]);
	assert_int_equal(nr_woken, 2);
	assert_int_equal(woken[1], 2);
	boot_order_done(&machines[2]);
	boot_order_done(&machines[2]); /* its later lives are no matter of boot */
	assert_true(boot_order_is_turn(&machines[2]));
	assert_int_equal(nr_woken, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_highest_goes_first_and_equals_as_they_stand),
		cmocka_unit_test(as_many_load_at_once_as_there_are_harts_for_them),
		cmocka_unit_test(one_that_waits_for_its_hart_holds_up_no_other_elsewhere),
		cmocka_unit_test(one_that_is_ended_before_its_turn_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
