/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Output of many rows, one row a run of the menu's work item: 64 VMs of 64 vcpus have 12,000 rows of statistics. Between
 * two rows guests have the hart, for as long as the timer takes, and the wire decides how fast it goes. Keys that are
 * typed meanwhile wait for the end, which ^] c brings on at once.
 */
#include "arch/timer.h"
#include "console/cmd.h"
#include "lib/atomic.h"
#include "term/term.h"

/* From one row to the next: guests' turn. */
#define ROW_PERIOD_NS UINT64_C(50000)

static bool (*print_row)(bool first); /* NULL: nothing is printed */
static bool is_first;
static uint64_t next_at;
static uint32_t cancels; /* atomic; ^] c typed and not taken yet */
static struct timer timer;

static void timer_fired(struct timer *t)
{
	(void)t;
	menu_wake();
}

void table_init(void)
{
	print_row = NULL;
	cancels = 0;
	timer_init(&timer, timer_fired);
}

void table_cancel_typed(void)
{
	(void)atomic_fetch_add(&cancels, 1);
}

/* When its turn comes there is nothing to be ended any more. */
void cmd_cancel(void)
{
	(void)atomic_fetch_sub(&cancels, 1);
}

void table_begin(bool (*row)(bool first))
{
	print_row = row;
	is_first = true;
	next_at = 0;
	term_hold(true);
}

static void end(void)
{
	print_row = NULL;
	term_hold(false);
}

bool table_step(struct work *w)
{
	uint64_t now = timer_now();

	if (!print_row)
		return false;
	if (atomic_read(&cancels)) {
		term_printf("(the rest is left out)");
		end();
		return false;
	}
	if (now < next_at || !term_own_room(w))
		return true; /* the timer, or the wire, wakes the menu */
	if (!print_row(is_first)) {
		end();
		return false;
	}
	is_first = false;
	next_at = timer_now() + timer_ns_to_ticks(ROW_PERIOD_NS);
	timer_arm(&timer, next_at);
	return true;
}
