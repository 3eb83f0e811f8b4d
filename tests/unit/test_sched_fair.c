// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/sched/sched.c hyp/sched/fair.c hyp/sched/fifo.c hyp/sched/cap.c hyp/sched/balance.c
// SOURCES: hyp/sched/yield.c tests/sim/sim.c
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

/* Can everybody get @want at once? Maximum flow by augmenting paths; harts have 1 each. */
static double flow_to[MAX_V][64];
static double hart_used[64];

static bool augment(const struct ideal *p, unsigned int v, double *amount, bool *seen_v, bool *seen_h)
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

/* Max-min by weight: raise all together; who cannot be raised further stays. Nobody exceeds a hart. */
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
			printf("  %2u weight %5.0f affinity %2lx: ideal %.4f got %.4f (%+.2f %%) mig %lu\n", v,
			       p->weight[v], p->affinity[v], p->share[v], got, 100 * e,
			       sim_vcpus[v].se.migrations);
		if (p->share[v] < 0.05)
			continue;
		if (e < 0)
			e = -e;
		if (e > worst)
			worst = e;
	}
	return worst;
}

static int bad;
#define check(x) (bad += !(x))
static double mix(unsigned int harts, unsigned int n, bool affinities, uint64_t seed)
{
	struct ideal p = { .n = n, .harts = harts };
	double worst;

	sim_begin(harts, MAX_V, seed);
	for (unsigned int i = 0; i < n; i++) {
		struct sched_params s = sim_params(50 + (uint32_t)(sim_random() % 350));

		if (affinities) {
			uint64_t a = sim_random() & (BIT(harts) - 1);

			s.affinity = hartset_of(a ? a : 1);
		} else {
			s.affinity = hartset_of(BIT(harts) - 1);
		}
		p.weight[i] = s.weight;
		p.affinity[i] = s.affinity.word[0];
		(void)sim_add(sim_group(0), &s, 1, 0);
	}
	solve(&p);
	sim_start();
	sim_run(SIM_S);
	sim_mark();
	sim_run(10 * SIM_S);
	sim_check();
	worst = worst_error(&p, 10 * SIM_S);
	if (verbose())
		printf("harts %u vcpus %u affinities %d seed %lu: %.2f %%\n", harts, n, affinities, seed,
		       100 * worst);
	sim_end();
	return worst;
}

static void shares_on_one_hart_follow_weights(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= (is_long() ? 200 : 20); seed++)
		check(mix(1, 2 + (unsigned int)seed % 9, false, seed) < 0.01);
}

static void shares_on_many_harts_follow_weights(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= (is_long() ? 300 : 100); seed++)
		check(mix(2 + (unsigned int)seed % 7, 4 + (unsigned int)seed % 20, false, seed) <
			    0.01);
}

static void shares_follow_weights_as_far_as_affinities_allow(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= (is_long() ? 300 : 100); seed++)
		check(mix(2 + (unsigned int)seed % 5, 4 + (unsigned int)seed % 12, true, seed) <
			    0.01);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_on_one_hart_follow_weights),
		cmocka_unit_test(shares_on_many_harts_follow_weights),
		cmocka_unit_test(shares_follow_weights_as_far_as_affinities_allow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
