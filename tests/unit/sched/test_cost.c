// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/sched/sched.c hyp/sched/account.c hyp/sched/fair.c hyp/sched/fifo.c hyp/sched/cap.c hyp/sched/balance.c
// SOURCES: hyp/sched/expedite.c hyp/sched/task.c hyp/sched/yield.c hyp/sched/loan.c hyp/sched/place.c hyp/sched/rest.c tests/sim/sim.c tests/sim/check.c
// SANITIZE: none
// CFLAGS: -DHARTVISOR_SIM -DMAX_PCPUS=1024 -O2 -Itests
/*
 * What a decision costs, in steps (tree nodes, list entries and other queues that were looked at), for
 * 10 to 16,384 vcpus: a table, and a plot in build/sched-cost.svg.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "sim/sim.h"

#define ROWS 12

struct row {
	unsigned int vcpus;
	double steps[3]; /* on 1 hart, on 16, on one hart per 16 vcpus */
};

static struct row rows[ROWS];
static unsigned int nr_rows;

/* Straight between powers of two. */
static double binary_log(double x)
{
	double n = 0;

	for (; x >= 2; x /= 2)
		n++;
	return n + x - 1;
}

static double steps_per_decision(unsigned int harts, unsigned int vcpus)
{
	uint64_t steps, decisions;

	sim_begin(harts, vcpus, vcpus);
	for (unsigned int i = 0; i < vcpus; i++) {
		struct sched_params p = sim_params(50 + (uint32_t)(sim_random() % 350));

		sim_add(sim_group(0), &p, SIM_MS, i % 4 == 3 ? 5 * SIM_MS : 0)->random = true;
	}
	sim_start();
	sim_run(20 * SIM_MS);
	steps = sched_steps;
	decisions = sim_decisions;
	sim_run(vcpus > 4096 ? 40 * SIM_MS : 200 * SIM_MS);
	steps = sched_steps - steps;
	decisions = sim_decisions - decisions;
	sim_end();
	return (double)steps / (double)decisions;
}

static void write_svg(const char *path)
{
	static const char *const colour[] = { "#1b6ca8", "#c0392b", "#2e8b57" };
	static const char *const name[] = { "1 hart", "16 harts", "1 hart per 16 vcpus" };
	FILE *f = fopen(path, "w");

	if (!f)
		return;
	fprintf(f, "<svg xmlns='http://www.w3.org/2000/svg' width='640' height='400' "
		   "font-family='sans-serif' font-size='12'>\n<rect width='640' height='400' "
		   "fill='white'/>\n<text x='320' y='20' text-anchor='middle'>steps per scheduling "
		   "decision</text>\n");
	for (int y = 0; y <= 80; y += 20)
		fprintf(f,
			"<line x1='60' x2='620' y1='%d' y2='%d' stroke='#ddd'/><text x='50' y='%d' "
			"text-anchor='end'>%d</text>\n",
			360 - 4 * y, 360 - 4 * y, 364 - 4 * y, y);
	for (unsigned int i = 0; i < nr_rows; i++)
		fprintf(f, "<text x='%.0f' y='378' text-anchor='middle'>%u</text>\n",
			60 + 50 * binary_log(rows[i].vcpus / 8.0), rows[i].vcpus);
	for (int s = 0; s < 3; s++) {
		fprintf(f, "<polyline fill='none' stroke='%s' stroke-width='2' points='",
			colour[s]);
		for (unsigned int i = 0; i < nr_rows; i++)
			if (rows[i].steps[s] > 0)
				fprintf(f, "%.0f,%.1f ", 60 + 50 * binary_log(rows[i].vcpus / 8.0),
					360 - 4 * rows[i].steps[s]);
		fprintf(f, "'/>\n<text x='80' y='%d' fill='%s'>%s</text>\n", 50 + 16 * s, colour[s],
			name[s]);
	}
	fprintf(f, "<text x='340' y='395' text-anchor='middle'>vcpus</text>\n</svg>\n");
	fclose(f);
}

static void a_decision_costs_no_more_than_the_logarithm(void **state)
{
	static const unsigned int sizes[] = { 10,  16,	 32,   64,   128,  256,
					      512, 1024, 2048, 4096, 8192, 16384 };

	(void)state;
	printf("steps per decision\n%8s %10s %10s %22s\n", "vcpus", "1 hart", "16 harts",
	       "1 hart per 16 vcpus");
	for (unsigned int i = 0; i < ROWS; i++) {
		struct row *r = &rows[nr_rows++];
		unsigned int n = sizes[i], harts = n < 16 ? 1 : n / 16;

		r->vcpus = n;
		r->steps[0] = steps_per_decision(1, n);
		r->steps[1] = steps_per_decision(16, n);
		r->steps[2] = steps_per_decision(harts, n);
		printf("%8u %10.1f %10.1f %22.1f\n", n, r->steps[0], r->steps[1], r->steps[2]);
		/* A treap's paths are some 2 ln n long; each decision walks a few of them. */
		for (int s = 0; s < 3; s++)
			assert_true(r->steps[s] < 12 + 8 * binary_log(n));
	}
	/* Harts that are added together with their vcpus cost nothing more. */
	assert_true(rows[ROWS - 1].steps[2] < 2 * rows[3].steps[2] + 4);
	write_svg("build/sched-cost.svg");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_decision_costs_no_more_than_the_logarithm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
