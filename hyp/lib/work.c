/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/work.h"

#include "lib/spinlock.h"

static struct spinlock work_lock =
	SPINLOCK_INIT(LOCK_WORK); /* guards the list and each item's node and queued */
static struct list work_list = { &work_list, &work_list };
uint32_t work_count; /* written under the lock, read without */

void work_init(struct work *w, void (*fn)(struct work *w))
{
	list_init(&w->node);
	w->fn = fn;
	w->queued = false;
	w->running = false;
}

/* @w is queued, and does not run: it goes on the list. The lock is held. */
static void work_list_add(struct work *w)
{
	list_push_back(&work_list, &w->node);
	atomic_set(&work_count, work_count + 1);
}

void work_queue(struct work *w)
{
	spin_lock(&work_lock);
	if (!w->queued) {
		w->queued = true;
		if (!w->running)
			work_list_add(w);
	}
	spin_unlock(&work_lock);
}

static struct work *work_take(void)
{
	struct work *w = NULL;

	spin_lock(&work_lock);
	if (!list_empty(&work_list)) {
		w = list_entry(work_list.next, struct work, node);
		list_remove(&w->node);
		/* Before it runs: what is queued from now on is for another run. */
		w->queued = false;
		w->running = true;
		atomic_set(&work_count, work_count - 1);
	}
	spin_unlock(&work_lock);
	return w;
}

bool work_run_one(void)
{
	struct work *w = work_pending() ? work_take() : NULL;

	if (!w)
		return false;
	w->fn(w);
	spin_lock(&work_lock);
	w->running = false;
	if (w->queued)
		work_list_add(w);
	spin_unlock(&work_lock);
	return true;
}
