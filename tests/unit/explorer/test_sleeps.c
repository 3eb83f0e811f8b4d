// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/explorer/scene.h
// SOURCES: tests/unit/explorer/cells.c
/* The vcpu protocol in every order: each sleep, each way into it, against each reason to wake. */
#include "explorer/cells.h"

static void one_cell(enum vcpu_sleep kind, const struct way *way, const struct reason *r)
{
	bool ends = (sleep_ends(kind) & r->bit) != 0;

	cell_begin(kind, way, r, 1, 1);
	world.guests[0].must_sleep = !ends;
	outsider(r->name, r->outsider, 0);
	cell_explore("", ends ? final_woken : final_asleep);
}

static void each_reason(enum vcpu_sleep kind)
{
	for (const struct way *w = ways; w->name; w++)
		for (const struct reason *r = reasons; r->name; r++)
			if (cell_is_possible(kind, w, r))
				one_cell(kind, w, r);
}

#define EACH_REASON(kind)                                \
	static void each_reason_and_##kind(void **state) \
	{                                                \
		(void)state;                             \
		each_reason(SLEEP_##kind);               \
	}

EACH_REASON(WFI)
EACH_REASON(SUSPEND)
EACH_REASON(PV_WAIT)
EACH_REASON(PV_WAIT_IRQ)
EACH_REASON(STOPPED)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_reason_and_WFI),
		cmocka_unit_test(each_reason_and_SUSPEND),
		cmocka_unit_test(each_reason_and_PV_WAIT),
		cmocka_unit_test(each_reason_and_PV_WAIT_IRQ),
		cmocka_unit_test(each_reason_and_STOPPED),
	};

	return run_scenes(tests, argc, argv);
}
