// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/vcpu/stats.c
/* Every counter of a vcpu is told, from where it was zeroed on; those of a VM that has ended stand still. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vcpu/stats.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"

#define WORDS (sizeof(struct vcpu_counts) / sizeof(uint64_t))

static struct vm vm;
static struct vcpu v;
static uint64_t now, asked_at;

uint64_t timer_now(void)
{
	return now;
}

struct sched_times sched_times(const struct sched_entity *se, uint64_t at)
{
	struct sched_times t;

	assert_ptr_equal(se, &v.se);
	asked_at = at;
	for (size_t i = 0; i < sizeof(t) / sizeof(uint64_t); i++)
		((uint64_t *)&t)[i] = 1000 * (i + 1);
	return t;
}

static int setup(void **state)
{
	(void)state;
	memset(&vm, 0, sizeof(vm));
	memset(&v, 0, sizeof(v));
	v.vm = &vm;
	vm.state = VM_RUNNING;
	v.se.account.switches = 11;
	v.se.account.migrations = 22;
	v.se.account.yields = 33;
	for (size_t i = 0; i < sizeof(v.stats) / sizeof(uint64_t); i++)
		((uint64_t *)&v.stats)[i] = 100 + i;
	now = 5000;
	return 0;
}

/* All that a vcpu has, and each in its own place. */
static void every_counter_is_told(void **state)
{
	struct vcpu_counts got;

	(void)state;
	memset(&got, 0xff, sizeof(got));
	vcpu_stats_read(&v, &got);
	for (size_t i = 0; i < sizeof(got.times) / sizeof(uint64_t); i++)
		assert_int_equal(((uint64_t *)&got.times)[i], 1000 * (i + 1));
	assert_int_equal(got.switches, 11);
	assert_int_equal(got.migrations, 22);
	assert_int_equal(got.yields, 33);
	assert_memory_equal(&got.stats, &v.stats, sizeof(got.stats));
}

static void zeroed_counters_count_from_there(void **state)
{
	struct vcpu_counts got;

	(void)state;
	v.se.account.max_latency = 77;
	vcpu_stats_zero(&v);
	assert_int_equal(v.se.account.max_latency, 0);
	vcpu_stats_read(&v, &got);
	for (size_t i = 0; i < WORDS; i++)
		assert_int_equal(((uint64_t *)&got)[i], 0);
	v.se.account.yields += 5;
	v.stats.exits[0]++;
	v.stats.aborted_entries += 2;
	vcpu_stats_read(&v, &got);
	assert_int_equal(got.yields, 5);
	assert_int_equal(got.stats.exits[0], 1);
	assert_int_equal(got.stats.aborted_entries, 2);
	assert_int_equal(got.switches, 0);
}

/* Without a lock, a copy may be a little older than the beginning. */
static void no_counter_is_below_zero(void **state)
{
	struct vcpu_counts got;

	(void)state;
	vcpu_stats_zero(&v);
	v.se.account.switches--;
	vcpu_stats_read(&v, &got);
	assert_int_equal(got.switches, 0);
}

static void the_times_of_a_vm_that_has_ended_stand_still(void **state)
{
	static const struct {
		enum vm_state state;
		uint64_t ended_at, asked_at;
	} rows[] = {
		{ VM_RUNNING, 3000, 5000 },  { VM_BUILDING, 3000, 5000 },
		{ VM_STOPPING, 3000, 5000 }, { VM_OFF, 3000, 3000 },
		{ VM_CRASHED, 3000, 3000 },  { VM_FAILED, 3000, 3000 },
		{ VM_OFF, 6000, 5000 }, /* it ends just now, on another hart */
	};
	struct vcpu_counts got;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		vm.state = rows[i].state;
		vm.ended_at = rows[i].ended_at;
		vcpu_stats_read(&v, &got);
		assert_int_equal(asked_at, rows[i].asked_at);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_counter_is_told, setup),
		cmocka_unit_test_setup(zeroed_counters_count_from_there, setup),
		cmocka_unit_test_setup(no_counter_is_below_zero, setup),
		cmocka_unit_test_setup(the_times_of_a_vm_that_has_ended_stand_still, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
