// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/sched/sched.c hyp/sched/account.c hyp/sched/fair.c hyp/sched/fifo.c hyp/sched/cap.c hyp/sched/balance.c
// SOURCES: hyp/sched/expedite.c hyp/sched/task.c hyp/sched/yield.c hyp/sched/loan.c hyp/sched/place.c hyp/sched/rest.c tests/sim/sim.c tests/sim/check.c
// CFLAGS: -DHARTVISOR_SIM -DMAX_PCPUS=64 -O2 -Itests
/* Shares, latency and bounds of class fair, in the simulator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim/sim.h"

#define MAX_V 64

static bool is_long(void)
{
	return getenv("HV_LONG") != NULL;
}

static bool verbose(void)
{
	return getenv("HV_TEST_VERBOSE") != NULL;
}

/* --- the ideal: a fluid that is divided by weight, as far as affinities allow ------------------------ */

struct ideal {
	unsigned int n, harts;
	double weight[MAX_V];
	uint64_t affinity[MAX_V];
	double share[MAX_V];
};

/* Can all vcpus get @want at once? Maximum flow by augmenting paths; harts have 1 each. */
static double flow_to[MAX_V][64];
static double hart_used[64];

static bool augment(const struct ideal *p, unsigned int v, double *amount, bool *seen_v,
		    bool *seen_h)
{
	seen_v[v] = true;
	for (unsigned int h = 0; h < p->harts; h++) {
		double room = 1 - hart_used[h];

		if (!(p->affinity[v] & BIT(h)) || seen_h[h])
			continue;
		seen_h[h] = true;
		if (room > 1e-12) {
			if (room < *amount)
				*amount = room;
			flow_to[v][h] += *amount;
			hart_used[h] += *amount;
			return true;
		}
		for (unsigned int u = 0; u < p->n; u++) {
			double a = flow_to[u][h] < *amount ? flow_to[u][h] : *amount;

			if (seen_v[u] || a < 1e-12)
				continue;
			if (augment(p, u, &a, seen_v, seen_h)) {
				flow_to[u][h] -= a;
				flow_to[v][h] += a;
				*amount = a;
				return true;
			}
		}
	}
	return false;
}

static bool feasible(const struct ideal *p, const double *want)
{
	for (unsigned int v = 0; v < MAX_V; v++)
		for (unsigned int h = 0; h < 64; h++)
			flow_to[v][h] = 0;
	for (unsigned int h = 0; h < 64; h++)
		hart_used[h] = 0;
	for (unsigned int v = 0; v < p->n; v++) {
		double left = want[v];

		while (left > 1e-9) {
			bool seen_v[MAX_V] = { 0 }, seen_h[64] = { 0 };
			double a = left;

			if (!augment(p, v, &a, seen_v, seen_h))
				return false;
			left -= a;
		}
	}
	return true;
}

/* Max-min by weight: raise all together; one that cannot be raised further stays. None exceeds a hart. */
static void solve(struct ideal *p)
{
	bool fixed[MAX_V] = { 0 };
	unsigned int left = p->n;
	double level = 0;

	while (left) {
		double lo = level, hi = 2, want[MAX_V];

		for (int i = 0; i < 40; i++) {
			double mid = (lo + hi) / 2;
			bool ok = true;

			for (unsigned int v = 0; v < p->n; v++) {
				want[v] = fixed[v] ? p->share[v] : mid * p->weight[v];
				ok = ok && want[v] <= 1;
			}
			if (ok && feasible(p, want))
				lo = mid;
			else
				hi = mid;
		}
		level = lo;
		for (unsigned int v = 0; v < p->n; v++)
			if (!fixed[v])
				p->share[v] = level * p->weight[v];
		for (unsigned int v = 0; v < p->n; v++) {
			if (fixed[v])
				continue;
			for (unsigned int u = 0; u < p->n; u++)
				want[u] = p->share[u];
			want[v] += 1e-4;
			if (want[v] > 1 || !feasible(p, want)) {
				fixed[v] = true;
				left--;
			}
		}
	}
}

/* The worst error of a share against its ideal, of those that are owed at least 5 % of a hart. */
static double worst_error(const struct ideal *p, uint64_t period)
{
	double worst = 0;

	for (unsigned int v = 0; v < p->n; v++) {
		double got = (double)sim_ran(&sim_vcpus[v]) / (double)period;
		double e = (got - p->share[v]) / p->share[v];

		if (verbose())
			printf("  %2u weight %5.0f affinity %2lx: ideal %.4f got %.4f (%+.2f %%) mig %lu\n",
			       v, p->weight[v], p->affinity[v], p->share[v], got, 100 * e,
			       sim_vcpus[v].se.account.migrations);
		if (p->share[v] < 0.05)
			continue;
		if (e < 0)
			e = -e;
		if (e > worst)
			worst = e;
	}
	return worst;
}

/* Anywhere, half of the harts, or just one. */
static uint64_t some_affinity(unsigned int harts)
{
	uint64_t all = BIT(harts) - 1, half = BIT((harts + 1) / 2) - 1;

	switch (sim_random() % 4) {
	case 0:
		return BIT(sim_random() % harts);
	case 1:
		return half;
	case 2:
		return all & ~half ? all & ~half : all;
	default:
		return all;
	}
}

static double mix(unsigned int harts, unsigned int n, bool affinities, uint64_t seed)
{
	struct ideal p = { .n = n, .harts = harts };
	double worst;

	sim_begin(harts, MAX_V, seed);
	for (unsigned int i = 0; i < n; i++) {
		struct sched_params s = sim_params(50 + (uint32_t)(sim_random() % 350));

		s.affinity = pcpu_set_from_mask(affinities ? some_affinity(harts) : BIT(harts) - 1);
		p.weight[i] = s.weight;
		p.affinity[i] = s.affinity.word[0];
		(void)sim_add(sim_group(0), &s, 1, 0);
	}
	solve(&p);
	/* One that is owed nearly a whole hart hardly ever waits, so it cannot be moved: not promised. */
	for (unsigned int i = 0; affinities && i < n; i++) {
		if (p.share[i] > 0.8) {
			sim_end();
			return 0;
		}
	}
	sim_start();
	sim_run(SIM_S);
	sim_mark();
	sim_run(10 * SIM_S);
	sim_check();
	worst = worst_error(&p, 10 * SIM_S);
	if (verbose())
		printf("harts %u vcpus %u affinities %d seed %lu: %.2f %%\n", harts, n, affinities,
		       seed, 100 * worst);
	sim_end();
	return worst;
}

static void shares_on_one_hart_follow_weights(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= (is_long() ? 200 : 20); seed++)
		assert_true(mix(1, 2 + (unsigned int)seed % 9, false, seed) < 0.01);
}

static void shares_on_many_harts_follow_weights(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= (is_long() ? 300 : 40); seed++)
		assert_true(mix(2 + (unsigned int)seed % 7, 4 + (unsigned int)seed % 20, false,
				seed) < 0.01);
}

static void shares_follow_weights_as_far_as_affinities_allow(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= (is_long() ? 300 : 40); seed++) {
		unsigned int harts = 2 + (unsigned int)seed % 6;

		assert_true(mix(harts, 2 * harts + (unsigned int)seed % 8, true, seed) < 0.01);
	}
}

/* --- sleepers: what a fluid would give them on one hart ---------------------------------------------- */

struct fluid {
	double weight, run, sleep; /* ms; sleep 0: busy */
	double left, wake, got;
	bool asleep;
};

static void fluid_run(struct fluid *f, unsigned int n, double end)
{
	double now = 0;

	while (now < end) {
		double w = 0, step = end - now;

		for (unsigned int i = 0; i < n; i++)
			w += f[i].asleep ? 0 : f[i].weight;
		for (unsigned int i = 0; i < n; i++) {
			double d = f[i].asleep	     ? f[i].wake - now :
				   f[i].sleep == 0.0 ? step :
						       f[i].left * w / f[i].weight;

			if (d < step)
				step = d;
		}
		now += step;
		for (unsigned int i = 0; i < n; i++) {
			if (f[i].asleep) {
				if (f[i].wake <= now + 1e-9) {
					f[i].asleep = false;
					f[i].left = f[i].run;
				}
				continue;
			}
			f[i].got += step * f[i].weight / w;
			f[i].left -= step * f[i].weight / w;
			if (f[i].sleep != 0.0 && f[i].left < 1e-9) {
				f[i].asleep = true;
				f[i].wake = now + f[i].sleep;
			}
		}
	}
}

static void sleepers_get_what_an_ideal_division_gives_them(void **state)
{
	unsigned int off = 0, samples = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= (is_long() ? 300 : 40); seed++) {
		struct fluid f[8] = { 0 };
		unsigned int n = 3 + (unsigned int)seed % 5;

		sim_begin(1, MAX_V, seed);
		for (unsigned int i = 0; i < n; i++) {
			struct sched_params s = sim_params(50 + (uint32_t)(sim_random() % 350));
			uint64_t run = (1 + sim_random() % 40) * SIM_MS / 2;
			uint64_t sleep = i % 2 ? (1 + sim_random() % 40) * SIM_MS / 2 : 0;

			f[i] = (struct fluid){ s.weight,
					       (double)run / 1e6,
					       (double)sleep / 1e6,
					       (double)run / 1e6,
					       0,
					       0,
					       false };
			(void)sim_add(sim_group(0), &s, run, sleep);
		}
		sim_start();
		sim_run(10 * SIM_S);
		sim_check();
		fluid_run(f, n, 10000);
		for (unsigned int i = 0; i < n; i++) {
			double got = (double)sim_ran(&sim_vcpus[i]) / 1e6;
			double e = (got - f[i].got) / f[i].got;

			if (verbose())
				printf("seed %lu: %u of %u weight %.0f run %.1f sleep %.1f: ideal %.0f "
				       "got %.0f ms (%+.2f %%)\n",
				       seed, i, n, f[i].weight, f[i].run, f[i].sleep, f[i].got, got,
				       100 * e);
			/* One per cent of the time there was; of its own, when that is not little. */
			assert_true(got - f[i].got < 100 && f[i].got - got < 100);
			if (f[i].got > 1000 && (e > 0.01 || e < -0.01))
				off++;
			samples++;
		}
		sim_end();
	}
	/* One or the other ends its period just after a run that the fluid has half of. */
	assert_true(off * 50 <= samples);
}

/* --- latency ----------------------------------------------------------------------------------------- */

static void a_light_sleeper_is_served_within_a_slice_under_full_load(void **state)
{
	(void)state;
	for (unsigned int busy = 1; busy <= 16; busy *= 2) {
		struct sched_params s = sim_params(100);
		struct sim_vcpu *v;

		sim_begin(1, MAX_V, busy);
		for (unsigned int i = 0; i < busy; i++)
			(void)sim_add(sim_group(0), &s, 1, 0);
		v = sim_add(sim_group(0), &s, SIM_MS / 20, 10 * SIM_MS);
		v->random = true;
		sim_start();
		sim_run(SIM_S);
		v->se.account.max_latency = 0;
		sim_run(10 * SIM_S);
		if (verbose())
			printf("light sleeper beside %u busy ones: worst %lu us, mean %lu us\n",
			       busy, v->se.account.max_latency / 1000,
			       v->se.account.wait / v->se.account.switches / 1000);
		assert_true(v->se.account.max_latency <= SCHED_SLICE_US * UINT64_C(1000));
		assert_true(v->se.account.wait / v->se.account.switches < busy * SIM_MS / 20);
		sim_end();
	}
}

static void no_vcpu_starves(void **state)
{
	struct sched_params light = sim_params(SCHED_WEIGHT_MIN),
			    heavy = sim_params(SCHED_WEIGHT_MAX);
	struct sim_vcpu *v;

	(void)state;
	sim_begin(2, MAX_V, 1);
	v = sim_add(sim_group(0), &light, 1, 0);
	for (unsigned int i = 0; i < 3; i++)
		(void)sim_add(sim_group(0), &heavy, 1, 0);
	/* Those that sleep a lot ask for little, and early; they must not shut it out. */
	for (unsigned int i = 0; i < 20; i++)
		(void)sim_add(sim_group(0), &heavy, SIM_MS / 10, SIM_MS / 10);
	sim_start();
	sim_run(600 * SIM_S);
	/* 2 harts of 120001 to 230001 parts: about 5 ms; it has got slices, and not too few. */
	assert_true(sim_ran(v) >= 2 * SIM_MS);
	sim_end();
}

static void three_on_two_harts_get_two_thirds_each(void **state)
{
	struct sched_params s = sim_params(100);

	(void)state;
	sim_begin(2, MAX_V, 1);
	for (unsigned int i = 0; i < 3; i++)
		(void)sim_add(sim_group(0), &s, 1, 0);
	sim_start();
	sim_run(10 * SIM_S);
	for (unsigned int i = 0; i < 3; i++)
		assert_in_range(sim_ran(&sim_vcpus[i]), 6600 * SIM_MS, 6733 * SIM_MS);
	sim_end();
}

static void one_alone_on_its_hart_is_never_looked_at(void **state)
{
	struct sched_params s = sim_params(100);
	uint64_t decisions;

	(void)state;
	sim_begin(4, MAX_V, 1);
	for (unsigned int i = 0; i < 4; i++)
		(void)sim_add(sim_group(0), &s, 1, 0);
	sim_start();
	sim_run(SIM_S);
	decisions = sim_decisions;
	for (unsigned int i = 0; i < 4; i++)
		assert_true(sched_next_look(sim_running(i) ? &sim_running(i)->se : NULL) ==
			    TIMER_NEVER);
	sim_run(100 * SIM_S);
	assert_int_equal(sim_decisions, decisions);
	for (unsigned int i = 0; i < 4; i++)
		assert_true(sim_ran(&sim_vcpus[i]) == 101 * SIM_S);
	sim_end();
}

static void siblings_are_spread_before_they_are_stacked(void **state)
{
	struct sched_params s = sim_params(100);
	struct sched_group *g;
	uint64_t used = 0;

	(void)state;
	sim_begin(4, MAX_V, 1);
	for (unsigned int i = 0; i < 3; i++)
		(void)sim_add(sim_group(0), &s, 1, 0);
	g = sim_group(0);
	for (unsigned int i = 0; i < 4; i++)
		used |= BIT(sim_add(g, &s, 1, 0)->se.pcpu);
	assert_true(used == 0xf);
	sim_end();
}

static void wide_slices_and_small_weights_stay_within_64_bits(void **state)
{
	(void)state;
	sim_begin(2, MAX_V, 3);
	for (unsigned int i = 0; i < 30; i++) {
		struct sched_params s = sim_params(i % 2 ? SCHED_WEIGHT_MIN : SCHED_WEIGHT_MAX);

		s.slice_us = i % 3 ? SCHED_SLICE_US_MAX : SCHED_SLICE_US_MIN;
		sim_add(sim_group(0), &s, SIM_MS, i % 5 ? 0 : SIM_S)->random = true;
	}
	sim_start();
	for (unsigned int i = 0; i < 60; i++) {
		sim_run(10 * SIM_S);
		sim_check();
	}
	sim_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_on_one_hart_follow_weights),
		cmocka_unit_test(shares_on_many_harts_follow_weights),
		cmocka_unit_test(shares_follow_weights_as_far_as_affinities_allow),
		cmocka_unit_test(sleepers_get_what_an_ideal_division_gives_them),
		cmocka_unit_test(a_light_sleeper_is_served_within_a_slice_under_full_load),
		cmocka_unit_test(no_vcpu_starves),
		cmocka_unit_test(three_on_two_harts_get_two_thirds_each),
		cmocka_unit_test(one_alone_on_its_hart_is_never_looked_at),
		cmocka_unit_test(siblings_are_spread_before_they_are_stacked),
		cmocka_unit_test(wide_slices_and_small_weights_stay_within_64_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
