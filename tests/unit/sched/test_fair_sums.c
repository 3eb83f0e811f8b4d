// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/sched/sched.c hyp/sched/account.c hyp/sched/fair.c hyp/sched/fifo.c hyp/sched/cap.c hyp/sched/balance.c
// SOURCES: hyp/sched/expedite.c hyp/sched/task.c hyp/sched/yield.c hyp/sched/loan.c hyp/sched/place.c hyp/sched/rest.c tests/sim/sim.c tests/sim/check.c
// CFLAGS: -DHARTVISOR_SIM -DMAX_PCPUS=192 -O2 -Itests
/* Class fair alone, without a queue: its tree, and the sums of weights and lags, whatever is done to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/errno.h"
#include "sched/runq.h"
#include "sim/sim.h"

#define NR 24

static struct fair fair;
static struct sched_entity entities[NR];
static enum { AWAY, WAITS, RUNS } where[NR];
static uint64_t seed;

static uint64_t draw(uint64_t below)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (seed >> 33) % below;
}

/* v is the mean of all places by weight, to the last bit; each of the tree's nodes knows the least place below it. */
static unsigned int check_tree(const struct sched_entity *n, int64_t *least)
{
	unsigned int nr = 1;
	int64_t below = n->fair.vtime, at;

	if (n->fair.left) {
		assert_true(n->fair.left->fair.parent == n &&
			    n->fair.left->fair.vdeadline <= n->fair.vdeadline);
		assert_true(n->fair.left->fair.heap <= n->fair.heap);
		nr += check_tree(n->fair.left, &at);
		below = at < below ? at : below;
	}
	if (n->fair.right) {
		assert_true(n->fair.right->fair.parent == n &&
			    n->fair.right->fair.vdeadline >= n->fair.vdeadline);
		assert_true(n->fair.right->fair.heap <= n->fair.heap);
		nr += check_tree(n->fair.right, &at);
		below = at < below ? at : below;
	}
	assert_true(n->fair.min_vtime == below);
	*least = below;
	return nr;
}

static void check_sums(void)
{
	uint64_t weight = 0;
	unsigned int waiting = 0;
	int64_t rem = 0, least;

	for (unsigned int i = 0; i < NR; i++) {
		if (where[i] == AWAY)
			continue;
		weight += entities[i].weight;
		rem += (int64_t)entities[i].weight * (entities[i].fair.vtime - fair.v);
		waiting += where[i] == WAITS;
	}
	assert_int_equal(fair.weight, weight);
	assert_true(fair.rem == rem && (weight == 0 || (rem >= 0 && (uint64_t)rem < weight)));
	assert_int_equal(fair.root ? check_tree(fair.root, &least) : 0, waiting);
}

/* Of those that are owed something the one that is due first; if none is, the one that is due first. */
static const struct sched_entity *first_by_looking(void)
{
	const struct sched_entity *best = NULL;
	bool eligible = false;

	for (unsigned int i = 0; i < NR; i++) {
		const struct sched_entity *se = &entities[i];
		bool owed = se->fair.vtime <= fair.v;

		if (where[i] != WAITS || (eligible && !owed))
			continue;
		if (!best || (owed && !eligible) || se->fair.vdeadline < best->fair.vdeadline)
			best = se;
		eligible |= owed;
	}
	return best;
}

static void step(void)
{
	unsigned int i = (unsigned int)draw(NR);
	struct sched_entity *se = &entities[i];
	const struct sched_entity *first;

	if (where[i] == AWAY) {
		fair_join(&fair, se);
		fair_insert(&fair, se);
		where[i] = WAITS;
	} else if (where[i] == WAITS) {
		fair_remove(&fair, se);
		where[i] = RUNS;
	} else if (draw(3) != 0) {
		fair_charge(&fair, se, draw(20000));
		fair_renew(se);
		fair_insert(&fair, se);
		where[i] = WAITS;
	} else {
		fair_leave(&fair, se);
		where[i] = AWAY;
	}
	check_sums();
	first = fair_first(&fair);
	/* Of several with one deadline any. */
	assert_true(!first == !first_by_looking());
	if (first) {
		assert_true(first->fair.vdeadline == first_by_looking()->fair.vdeadline);
		assert_int_equal(first->fair.vtime <= fair.v,
				 first_by_looking()->fair.vtime <= fair.v);
	}
}

static int begin(void **state)
{
	(void)state;
	seed = 1;
	fair_init(&fair, 42);
	for (unsigned int i = 0; i < NR; i++) {
		static const uint32_t weights[] = { 1, 100, 100, 333, 10000 };

		entities[i] = (struct sched_entity){ .weight = weights[i % 5],
						     .slice = 30000,
						     .fair.request = 30000 };
		where[i] = AWAY;
	}
	return 0;
}

static void sums_hold_whatever_is_done(void **state)
{
	(void)state;
	for (unsigned int n = 0; n < 20000; n++)
		step();
}

static void one_that_yields_is_due_after_two_slices(void **state)
{
	struct sched_entity *se = &entities[3];

	(void)state;
	se->fair.vtime = 12345;
	fair_yielded(se);
	assert_true(se->fair.vdeadline == 12345 + 2 * ticks_to_virtual(30000, se));
}

/* Each takes over what the other was owed and had left, as the time that it is. */
static void an_exchange_moves_claims_of_time(void **state)
{
	for (unsigned int other = 1; other < 5; other++) {
		struct sched_entity *a = &entities[1], *b = &entities[other == 1 ? 6 : other];
		int64_t lag_a, lag_b, left_a, left_b;
		int64_t wa, wb;

		(void)begin(state);
		wa = (int64_t)a->weight;
		wb = (int64_t)b->weight;
		fair_join(&fair, a);
		fair_join(&fair, b);
		where[a - entities] = where[b - entities] = RUNS;
		fair_charge(&fair, a, 7000);
		lag_a = fair.v - a->fair.vtime;
		lag_b = fair.v - b->fair.vtime;
		left_a = a->fair.vdeadline - a->fair.vtime;
		left_b = b->fair.vdeadline - b->fair.vtime;
		fair_exchange(&fair, a, b);
		check_sums();
		/* To within what the division leaves. */
		assert_in_range((a->fair.vdeadline - a->fair.vtime) * wa - left_b * wb + wa, 0,
				2 * wa);
		assert_in_range((b->fair.vdeadline - b->fair.vtime) * wb - left_a * wa + wb, 0,
				2 * wb);
		assert_in_range((fair.v - a->fair.vtime) * wa - lag_b * wb + 20000, 0, 40000);
		assert_in_range((fair.v - b->fair.vtime) * wb - lag_a * wa + 20000, 0, 40000);
	}
}

/* Clocks of two harts may differ: what is before the last charge costs nothing, and the clock stays. */
static void time_that_goes_back_is_not_charged(void **state)
{
	static struct runq q;
	struct sched_entity *se = &entities[1];
	int64_t before;

	(void)state;
	fair_join(&q.fair, se);
	q.charged_at = 1000;
	before = se->fair.vtime;
	runq_charge_to(&q, se, 999);
	runq_charge_to(&q, se, 1000);
	assert_true(se->fair.vtime == before);
	assert_int_equal(q.charged_at, 1000);
	runq_charge_to(&q, se, 1007);
	assert_true(se->fair.vtime == before + ticks_to_virtual(7, se));
	assert_int_equal(q.charged_at, 1007);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(sums_hold_whatever_is_done, begin),
		cmocka_unit_test_setup(one_that_yields_is_due_after_two_slices, begin),
		cmocka_unit_test_setup(an_exchange_moves_claims_of_time, begin),
		cmocka_unit_test_setup(time_that_goes_back_is_not_charged, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
