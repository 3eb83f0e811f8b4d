/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work: something a low floor wants done by a higher one, later and without the caller's locks.
 *
 * A work item is queued from any hart and run once by the pcpu loop of whichever pcpu comes first,
 * between two VCPUs. One item never runs on two harts at once: queued while it runs, it runs again afterwards, on the hart
 * that ran it or another. A function that has much to do does one bounded step (about a millisecond) and
 * queues itself again, so that guests on that hart keep their turns.
 */
#ifndef LIB_WORK_H
#define LIB_WORK_H

#include "lib/atomic.h"
#include "lib/list.h"

struct work {
	struct list node; /* guarded by the queue's lock */
	void (*fn)(struct work *w);
	bool queued;  /* is to run; on the list unless it runs now */
	bool running; /* on some hart */
};

void work_init(struct work *w, void (*fn)(struct work *w));

/*
 * work_queue - run @w soon; queued again before it started, it runs once.
 * Context: any hart, any locks but the log's. The caller sees to it that some pcpu leaves its sleep
 * (arch_ipi_self or the next exit serve).
 */
void work_queue(struct work *w);

extern uint32_t work_count; /* work.c's: how many are queued; atomic */

/* work_pending - is anything queued? One load; for the loops that look often. */
static inline bool work_pending(void)
{
	return atomic_read(&work_count) != 0;
}

/* work_run_one - take the oldest item and run it without locks; false when there was none. */
bool work_run_one(void);

#endif
