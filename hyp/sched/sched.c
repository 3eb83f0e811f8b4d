// SPDX-License-Identifier: BSD-2-Clause
/*
 * Round robin with one queue per pcpu. An entity that is alone on its pcpu gets no slice timer; the
 * first one that comes to wait behind it makes that pcpu arm one (smp_resched).
 */
#include "sched/sched.h"

#include "arch/smp.h"
#include "arch/timer.h"
#include "lib/atomic.h"
#include "lib/errno.h"
#include "lib/spinlock.h"
#include "mm/page.h"

struct runq {
	struct spinlock lock;	      /* after the device locks, before the timer queue's */
	struct list waiting;	      /* RUNNABLE entities, the next one first */
	uint32_t nr_waiting;	      /* atomic reads without the lock */
	uint32_t nr_entities;	      /* that call this queue theirs; atomic */
	struct sched_entity *running; /* written by its pcpu, under the lock */
	uint64_t picked_at;
};

static struct runq *runqs;
static unsigned int nr_runqs;
static uint64_t slice_ticks;

int sched_init(unsigned int nr, uint64_t ticks_per_second)
{
	uint64_t size = align_up(nr * sizeof(struct runq), PAGE_SIZE);

	runqs = page_alloc_zeroed(size, PAGE_SIZE);
	if (!runqs)
		return HV_ENOMEM;
	nr_runqs = nr;
	slice_ticks = ticks_per_second / (UINT64_C(1000000000) / SCHED_SLICE_NS);
	for (unsigned int i = 0; i < nr; i++) {
		spin_init(&runqs[i].lock);
		list_init(&runqs[i].waiting);
	}
	return HV_OK;
}

static struct runq *this_runq(void)
{
	return &runqs[this_pcpu()->index];
}

/*
 * runq_lock_entity - lock the queue that @se belongs to. se->pcpu may change until the lock is held, so
 * look again.
 */
static struct runq *runq_lock_entity(struct sched_entity *se)
{
	for (;;) {
		uint32_t i = atomic_read(&se->pcpu);

		spin_lock(&runqs[i].lock);
		if (i == atomic_read(&se->pcpu))
			return &runqs[i];
		spin_unlock(&runqs[i].lock);
	}
}

void sched_entity_init(struct sched_entity *se, uint64_t affinity)
{
	uint64_t online = nr_runqs == 64 ? UINT64_MAX : BIT(nr_runqs) - 1;
	unsigned int best = 0;
	uint32_t fewest = UINT32_MAX;

	*se = (struct sched_entity){ .state = SCHED_BLOCKED };
	list_init(&se->node);
	se->affinity = affinity & online ? affinity & online : online;
	for (unsigned int i = 0; i < nr_runqs; i++) {
		uint32_t n = atomic_read(&runqs[i].nr_entities);

		if ((se->affinity & BIT(i)) && n < fewest) {
			fewest = n;
			best = i;
		}
	}
	se->pcpu = best;
	atomic_fetch_add(&runqs[best].nr_entities, 1);
}

void sched_entity_exit(struct sched_entity *se)
{
	struct runq *q = runq_lock_entity(se);

	atomic_fetch_sub(&q->nr_entities, 1);
	spin_unlock(&q->lock);
}

/*
 * An idle pcpu for @se, or its own. Only a hint: nobody else's lock is taken for it. But on_cpu is
 * acquired: where @se goes must see the state that was saved where it leaves (sched_unloaded).
 */
static uint32_t place(const struct sched_entity *se)
{
	if (atomic_read(&pcpus[se->pcpu]->idle) || atomic_read_acquire(&se->on_cpu))
		return se->pcpu;
	for (unsigned int i = 0; i < nr_runqs; i++)
		if ((se->affinity & BIT(i)) && atomic_read(&pcpus[i]->idle) &&
		    atomic_read(&runqs[i].nr_waiting) == 0)
			return i;
	return se->pcpu;
}

static void enqueue(struct runq *q, struct sched_entity *se)
{
	se->state = SCHED_RUNNABLE;
	list_push_back(&q->waiting, &se->node);
	atomic_set(&q->nr_waiting, q->nr_waiting + 1);
}

static void dequeue(struct runq *q, struct sched_entity *se)
{
	list_remove(&se->node);
	atomic_set(&q->nr_waiting, q->nr_waiting - 1);
}

/* With @from's lock held and @se off every list: @se now belongs to pcpu @to. */
static void change_queue(struct runq *from, struct sched_entity *se, uint32_t to)
{
	atomic_fetch_sub(&from->nr_entities, 1);
	atomic_fetch_add(&runqs[to].nr_entities, 1);
	se->migrations++;
	atomic_set(&se->pcpu, to);
}

bool sched_wake(struct sched_entity *se)
{
	struct runq *q = runq_lock_entity(se);
	uint32_t to;

	if (se->state != SCHED_BLOCKED) {
		if (se->state == SCHED_RUNNING)
			se->wakeups++;
		spin_unlock(&q->lock);
		return false;
	}
	to = place(se);
	if (to != se->pcpu) {
		/* BLOCKED and on no list: whoever else wakes it finds it by the new queue's lock. Only
		 * one waker can find it BLOCKED, so claim it before the locks change hands. */
		se->state = SCHED_RUNNABLE;
		change_queue(q, se, to);
		spin_unlock(&q->lock);
		q = &runqs[to];
		spin_lock(&q->lock);
	}
	enqueue(q, se);
	spin_unlock(&q->lock);
	smp_resched(to);
	return true;
}

/* Take one waiting entity from another queue for this idle pcpu. */
static struct sched_entity *steal_from(struct runq *q, uint32_t me)
{
	struct sched_entity *found = NULL;

	if (atomic_read(&q->nr_waiting) == 0 || !spin_trylock(&q->lock))
		return NULL;
	list_for_each(n, &q->waiting) {
		struct sched_entity *se = list_entry(n, struct sched_entity, node);

		if ((se->affinity & BIT(me)) && !atomic_read_acquire(&se->on_cpu)) {
			found = se;
			break;
		}
	}
	if (found) {
		dequeue(q, found);
		change_queue(q, found, me);
		found->state =
			SCHED_RUNNING; /* under the old lock: no waker may enqueue it again */
		atomic_set(&found->on_cpu, 1);
	}
	spin_unlock(&q->lock);
	return found;
}

static struct sched_entity *steal(uint32_t me)
{
	for (unsigned int i = 1; i < nr_runqs; i++) {
		struct sched_entity *se = steal_from(&runqs[(me + i) % nr_runqs], me);

		if (se)
			return se;
	}
	return NULL;
}

static struct sched_entity *take_first(struct runq *q)
{
	struct sched_entity *se = NULL;

	spin_lock(&q->lock);
	if (!list_empty(&q->waiting)) {
		se = list_entry(q->waiting.next, struct sched_entity, node);
		dequeue(q, se);
		se->state = SCHED_RUNNING;
		atomic_set(&se->on_cpu, 1);
	}
	q->running = se;
	spin_unlock(&q->lock);
	return se;
}

struct sched_entity *sched_pick(uint64_t now)
{
	struct runq *q = this_runq();
	struct sched_entity *se = take_first(q);

	if (!se) {
		se = steal(this_pcpu()->index);
		if (!se)
			return NULL;
		spin_lock(&q->lock);
		q->running = se;
		spin_unlock(&q->lock);
	}
	q->picked_at = now;
	se->slice_end = now + slice_ticks;
	se->switches++;
	return se;
}

void sched_put(struct sched_entity *se, enum sched_reason why, uint64_t now)
{
	struct runq *q = this_runq();

	spin_lock(&q->lock);
	se->run_ticks += now - q->picked_at;
	q->running = NULL;
	if (why != SCHED_BLOCKS || se->wakeups)
		enqueue(q, se);
	else
		se->state = SCHED_BLOCKED;
	se->wakeups = 0;
	spin_unlock(&q->lock);
}

void sched_unloaded(struct sched_entity *se)
{
	atomic_set_release(&se->on_cpu, 0);
}

bool sched_others_wait(void)
{
	return atomic_read(&this_runq()->nr_waiting) != 0;
}

unsigned int sched_queue_length(unsigned int p)
{
	return atomic_read(&runqs[p].nr_waiting);
}
