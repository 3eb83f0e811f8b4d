// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/sched/test_classes.c
// SOURCES: hyp/sched/trace.c
// CFLAGS: -DFAKE_TRACE
/* What the timeline is told of entities agrees with itself, and with their accounts to the tick, whatever happens to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/trace.h"
#include "sim/sim.h"

#define MAX_V 64

enum is { BLOCKED, READY, RUNS };

/* As a reader of the timeline has it. */
static struct {
	enum is is;
	uint64_t since, ran_before; /* while it runs */
	uint64_t runs;		    /* ticks in intervals that have ended */
	unsigned int hart;
} seen[MAX_V];

static uint64_t stray, told[NR_TRACE_EVENTS], how_run[4], last_at[MAX_PCPUS];
static uint32_t runs_here[MAX_PCPUS];

void trace_event_at(uint64_t at, enum trace_event id, uint32_t label, unsigned int n, uint64_t a,
		    uint64_t b)
{
	unsigned int hart = this_pcpu()->index;
	__typeof__(seen[0]) *s = &seen[label % MAX_V];

	(void)b;
	told[id]++;
	switch (id) {
	case TRACE_RUN:
		assert_true(s->is == READY ||
			    (s->is == BLOCKED && (n == TRACE_ON_LOAN || n == TRACE_RESTED)));
		assert_true(at >= s->since);
		s->is = RUNS;
		s->since = at;
		how_run[n % 4]++;
		s->ran_before = a;
		s->hart = hart;
		break;
	case TRACE_READY:
	case TRACE_HALT:
		assert_int_equal(s->is, RUNS);
		assert_int_equal(s->hart, hart);
		assert_int_equal(at - s->since, a - s->ran_before);
		s->runs += at - s->since;
		s->since = at;
		s->is = id == TRACE_READY ? READY : BLOCKED;
		break;
	case TRACE_WAKE:
		assert_int_equal(s->is, BLOCKED);
		assert_true(n < nr_runqs);
		s->is = READY;
		s->since = at;
		break;
	default:
		break;
	}
	if (id == TRACE_RUN || id == TRACE_READY || id == TRACE_HALT) {
		/* What begins on a hart does not begin before the end of what was there. */
		assert_true(at >= last_at[hart] || id != TRACE_RUN);
		last_at[hart] = at;
	}
}

void trace_event(enum trace_event id, uint32_t label, unsigned int n, uint64_t a, uint64_t b)
{
	trace_event_at(sim_now, id, label, n, a, b);
}

/* Ticks that events are late. */
static uint64_t late;

uint64_t trace_time(uint64_t at)
{
	return at + late;
}

void trace_runs(uint32_t label)
{
	runs_here[this_pcpu()->index] = label;
}

static void begin(unsigned int harts, uint64_t seed)
{
	memset(seen, 0, sizeof(seen));
	memset(last_at, 0, sizeof(last_at));
	sim_begin(harts, MAX_V, seed);
	for (unsigned int i = 0; i < harts; i++)
		pcpus[i]->trace.at = &stray;
}

static void check(void)
{
	for (unsigned int i = 0; i < sim_nr_vcpus; i++) {
		const struct sched_entity *se = &sim_vcpus[i].se;

		assert_int_equal(seen[i].runs, se->account.run);
		assert_int_equal(seen[i].is, se->state == SCHED_RUNNING && !se->resting ? RUNS :
					     se->state == SCHED_RUNNABLE		? READY :
											  BLOCKED);
	}
	for (unsigned int h = 0; h < nr_runqs; h++)
		if (sim_running(h))
			assert_int_equal(runs_here[h], sim_running(h)->id);
}

static void sleep_on_the_hart(unsigned int hart)
{
	struct sim_vcpu *v = sim_running(hart);

	if (!v || !sched_rest_begin(&v->se, sim_now))
		return;
	check();
	sched_rest_end(&v->se, sim_now);
}

/* Hand the hart to a sibling that sleeps, which may answer at once. */
static void ask_a_sibling(unsigned int hart)
{
	for (unsigned int i = 0; sim_running(hart) && i < sim_nr_vcpus; i++) {
		if (sim_vcpus[i].se.state != SCHED_BLOCKED || !sim_hand_over(hart, &sim_vcpus[i]))
			continue;
		check();
		sim_run(10);
		if (sim_running(hart) == &sim_vcpus[i])
			sim_stop_for_next(hart, SCHED_BLOCKS);
		return;
	}
}

static void one_event(unsigned int harts)
{
	unsigned int hart = (unsigned int)sim_random() % harts;
	struct sim_vcpu *v = &sim_vcpus[sim_random() % sim_nr_vcpus];

	sim_become(hart);
	switch (sim_random() % 7) {
	case 0:
		(void)sched_wake(&v->se);
		break;
	case 1:
		sim_step_hart(hart);
		break;
	case 2:
		if (sim_running(hart))
			sim_stop_for_next(hart, (enum sched_reason)(sim_random() % 3));
		break;
	case 3:
		if (sim_running(hart) && sched_yield_to(&sim_running(hart)->se, &v->se))
			sim_stop_for_next(hart, SCHED_YIELDED);
		break;
	case 4:
		ask_a_sibling(hart);
		break;
	case 5:
		sleep_on_the_hart(hart);
		break;
	default:
		sim_run(sim_random() % SIM_MS);
	}
}

static void the_timeline_agrees_with_the_accounts(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		unsigned int harts = 1 + (unsigned int)seed % 4;

		begin(harts, seed);
		for (unsigned int vm = 0; vm < 8; vm++) {
			struct sched_group *g =
				sim_group(sim_random() % 4 ? 0 : 20 + sim_random() % 300);
			uint32_t weight = 1 + sim_random() % 200; /* of peers, which hand over */

			for (unsigned int i = 0; i <= vm % 4; i++) {
				struct sched_params p = sim_params(weight);
				struct sim_vcpu *v =
					sim_add(g, &p, SIM_MS, sim_random() % 2 ? SIM_MS : 0);

				v->random = true;
				sched_set_label(&v->se, v->id);
			}
		}
		sim_start();
		for (unsigned int i = 0; i < 2000; i++) {
			one_event(harts);
			check();
		}
		sim_end();
	}
	for (enum trace_event id = TRACE_RUN; id <= TRACE_STEAL; id++)
		assert_true(told[id] > 0);
	for (unsigned int how = TRACE_PICKED; how <= TRACE_RESTED; how++)
		assert_true(how_run[how] > 0);
}

/* It is woken between a hart's look at the clock and its pick. */
static void a_clock_that_was_read_early_turns_no_time_back(void **state)
{
	struct sched_params p = sim_params(100);
	struct sim_vcpu *v;
	uint64_t early;

	(void)state;
	begin(1, 1);
	v = sim_add(NULL, &p, SIM_MS, 0);
	sched_set_label(&v->se, v->id);
	sim_become(0);
	sim_now = 500;
	early = sim_now;
	sim_now = 900;
	(void)sched_wake(&v->se);
	assert_ptr_equal(sched_pick(early), &v->se);
	sim_now = 1000;
	sched_put(&v->se, SCHED_BLOCKS, sim_now);
	assert_int_equal(seen[v->id].runs, 100);
	assert_int_equal(v->se.account.run, 100);
	sim_end();
}

/* An event that comes behind a later one says what is counted until then. */
static void a_late_event_has_its_account(void **state)
{
	struct sched_params p = sim_params(100);
	struct sim_vcpu *v;

	(void)state;
	begin(1, 1);
	v = sim_add(NULL, &p, SIM_MS, 0);
	sched_set_label(&v->se, v->id);
	sim_become(0);
	(void)sched_wake(&v->se);
	sim_now = 500;
	late = 30;
	assert_ptr_equal(sched_pick(sim_now), &v->se);
	late = 0;
	sim_now = 600;
	sched_put(&v->se, SCHED_PREEMPTED, sim_now);
	assert_int_equal(seen[v->id].runs, 70);
	assert_int_equal(v->se.account.run, 100);
	assert_ptr_equal(sched_pick(sim_now), &v->se);
	sim_now = 700;
	late = 40;
	sched_put(&v->se, SCHED_BLOCKS, sim_now);
	late = 0;
	assert_int_equal(seen[v->id].runs, 70 + 140);
	sim_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_timeline_agrees_with_the_accounts),
		cmocka_unit_test(a_clock_that_was_read_early_turns_no_time_back),
		cmocka_unit_test(a_late_event_has_its_account),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
