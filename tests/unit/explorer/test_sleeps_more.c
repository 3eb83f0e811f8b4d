// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/explorer/scene.h
// SOURCES: tests/unit/explorer/cells.c
/*
 * The vcpu protocol in every order: each reason to wake, while the sleeper's VM is paused and goes on, while it has
 * its hart on loan from a sibling, and while it has others beside it.
 */
#include "explorer/cells.h"

static void (*scene_of)(enum vcpu_sleep kind, const struct way *way, const struct reason *r);

static void each_cell(enum vcpu_sleep kind)
{
	for (const struct way *w = ways; w->name; w++)
		for (const struct reason *r = reasons; r->name; r++)
			if (cell_is_possible(kind, w, r) && r->outsider != pauses_and_resumes)
				scene_of(kind, w, r);
}

static void each_halt(void (*fn)(enum vcpu_sleep kind, const struct way *way,
				 const struct reason *r))
{
	scene_of = fn;
	each_cell(SLEEP_WFI);
	each_cell(SLEEP_PV_WAIT);
	each_cell(SLEEP_STOPPED);
}

/* The reason comes before, within and after the pause. A guest's clock stands still meanwhile, so for a timer host
 * time passes once more afterwards. */
static void pauses_and_goes_on(enum vcpu_sleep kind, const struct way *way, const struct reason *r)
{
	bool ends = (sleep_ends(kind) & r->bit) != 0;

	if (way->polls)
		return;
	cell_begin(kind, way, r, 2, 1);
	world.guests[0].must_sleep = !ends;
	outsider("operator", r->timer ? pauses_before_time_passes : pauses_and_resumes, 0);
	outsider(r->name, r->outsider, 0);
	cell_explore(", with a pause", ends ? final_woken : final_asleep);
}

static void no_pause_on_the_way_loses_a_wake_up(void **state)
{
	(void)state;
	each_halt(pauses_and_goes_on);
}

/* It may be in its sleep already, or on its way, or not yet: a paused VM's vcpu sleeps. */
static void stays_paused(enum vcpu_sleep kind, const struct way *way, const struct reason *r)
{
	if (way->polls)
		return;
	cell_begin(kind, way, r, 2, 1);
	outsider("operator", pauses, 0);
	outsider(r->name, r->outsider, 0);
	cell_explore(", paused", nothing_is_left);
}

static void nothing_ends_a_pause_but_its_end(void **state)
{
	(void)state;
	each_halt(stays_paused);
}

/* A sibling on the same hart ends the first sleep, and lends its hart until the second one, which the reason ends.
 * Kicks of both may be one, and a timer's interrupt may end both sleeps. */
static void sleeps_on_loan(enum vcpu_sleep kind, const struct way *way, const struct reason *r)
{
	static const enum guest_op lends[] = { YIELD, HAND_OVER, IDLE },
				   plain[] = { SLEEP, SLEEP, IDLE },
				   with_timer[] = { ARM, SLEEP, SLEEP, IDLE };

	if (kind == SLEEP_STOPPED)
		return;
	cell_begin(kind, way, r, 1, 2);
	world.guests[0].script = r->timer ? with_timer : plain;
	runs(1, lends);
	outsider(r->name, r->outsider, 0);
	cell_explore(", on loan", (sleep_ends(kind) & r->bit) ? final_common : nothing_is_left);
}

static void a_loan_loses_no_wake_up(void **state)
{
	(void)state;
	each_halt(sleeps_on_loan);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_pause_on_the_way_loses_a_wake_up),
		cmocka_unit_test(nothing_ends_a_pause_but_its_end),
		cmocka_unit_test(a_loan_loses_no_wake_up),
	};

	return run_scenes(tests, argc, argv);
}
