/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order of locks in unit tests (hyp/lib/lock_rank.h): each thread is a hart, and a lock that is taken out of order
 * fails the test. The functions are weak, so that a program can have harts of its own.
 */
#include "lib/lock_rank.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

static _Thread_local struct held_locks held;
static _Thread_local char wrong[256];

__attribute__((weak)) struct held_locks *lock_rank_held(void)
{
	return &held;
}

__attribute__((weak)) void lock_rank_wrong(const char *taken, const char *outer)
{
	snprintf(wrong, sizeof(wrong), "%s is taken%s%s", taken,
		 outer ? " while this is held: " : "", outer ? outer : "");
	mock_assert(0, wrong, __FILE__, __LINE__);
}

/* The last test of a program would not miss a lock that nothing gives up. */
__attribute__((destructor)) static void nothing_is_held_at_the_end(void)
{
	if (held.ranks == 0)
		return;
	fprintf(stderr, "locks are held at the end: ranks %#x\n", held.ranks);
	_exit(1);
}
