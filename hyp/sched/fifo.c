// SPDX-License-Identifier: BSD-2-Clause
/* Class fifo: a list for each level, and a word that says which ones are used. */
#include "sched/runq.h"

void fifo_init(struct fifo *f)
{
	f->used = 0;
	for (unsigned int i = 0; i <= LEVEL_EXPEDITED; i++)
		list_init(&f->level[i]);
}

void fifo_insert(struct fifo *f, struct sched_entity *se, bool front)
{
	struct list *level = &f->level[se->level];

	sched_step();
	if (front)
		list_push_front(level, &se->node);
	else
		list_push_back(level, &se->node);
	f->used |= BIT(se->level);
}

void fifo_remove(struct fifo *f, struct sched_entity *se)
{
	sched_step();
	list_remove(&se->node);
	if (list_empty(&f->level[se->level]))
		f->used &= ~BIT(se->level);
}

struct sched_entity *fifo_first_of(const struct fifo *f, uint64_t levels)
{
	sched_step();
	return list_entry(f->level[63 - __builtin_clzll(levels)].next, struct sched_entity, node);
}
