/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kind of state (hyp/vm/state_list.h) has five functions, named after it. They are called in the list's order, but
 * for _look(), which is called in the opposite one: what a kind changes on its look the ones before it have looked at.
 *
 *   _exists()     has this machine any of it?
 *   _fresh()      fails the test unless it is as a life begins; changes nothing for good
 *   _mark(round)  a mark that no other VM, and not the next round, makes
 *   _look(round)  is it as marked? If not, state_is_bad()
 *   _unmark()     so that the guest can go on, and print
 */
#ifndef GUEST_STATE_H
#define GUEST_STATE_H

#include <stdbool.h>

extern unsigned long state_id; /* 1 or 2: this VM */

/* state_is_bad - remember the first one; it is told when the UART can print again. */
void state_is_bad(const char *what, unsigned long got, unsigned long want);

static inline void state_check(const char *what, unsigned long got, unsigned long want)
{
	if (got != want)
		state_is_bad(what, got, want);
}

/* state_pattern - @n of this VM and @round: all bits differ from the other VM's, and from the next round's. */
static inline unsigned long state_pattern(unsigned long n, unsigned long round)
{
	unsigned long x = n * 0x9e3779b97f4a7c15UL + 0x5a3c;

	return (state_id + round) & 1 ? x : ~x;
}

#endif
