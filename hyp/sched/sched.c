// SPDX-License-Identifier: BSD-2-Clause
/*
 * The queues: one per pcpu, with what waits in class fifo and in class fair.
 */
#include "sched/sched.h"

#include "arch/smp.h"
#include "arch/timer.h"
#include "lib/atomic.h"
#include "lib/errno.h"
#include "lib/spinlock.h"
#include "mm/page.h"
#include "sched/runq.h"

struct runq *runqs;
unsigned int nr_runqs;
struct pcpu_set sched_idle;
struct pcpu_set sched_loaded;
static uint64_t ticks_per_ms;
uint64_t sched_default_slice;

#ifdef HARTVISOR_SIM
uint64_t sched_steps;
#endif

cold int sched_init(unsigned int nr, uint64_t ticks_per_second)
{
	uint64_t size = align_up(nr * sizeof(struct runq), PAGE_SIZE);

	runqs = page_alloc_zeroed(size, PAGE_SIZE);
	if (!runqs)
		return HV_ENOMEM;
	nr_runqs = nr;
	sched_idle = sched_loaded = pcpu_set_first(0);
	ticks_per_ms = max_u64(ticks_per_second / 1000, 1);
	sched_default_slice = SCHED_SLICE_US * ticks_per_ms / 1000 + 1;
	balance_init(ticks_per_second);
	for (unsigned int i = 0; i < nr; i++) {
		struct runq *q = &runqs[i];

		spin_init(&q->lock, LOCK_RUNQ);
		q->index = i;
		fair_init(&q->fair, UINT64_C(0x9e3779b97f4a7c15) * (i + 1));
		fifo_init(&q->fifo);
		list_init(&q->scan);
		list_init(&q->tasks);
		list_init(&q->away);
	}
	return HV_OK;
}

/* The others look at queues already, and find the last ones as empty as all. */
void sched_set_pcpus(unsigned int nr)
{
	atomic_set(&nr_runqs, nr);
}

void sched_init_pcpu(void)
{
	this_pcpu()->runq = &runqs[this_pcpu()->index];
}

/* --- entities --------------------------------------------------------------------------------------- */

static uint64_t slice_of(enum sched_class class, uint32_t us)
{
	if (us == 0 && class == SCHED_CLASS_FAIR)
		us = SCHED_SLICE_US;
	return us * ticks_per_ms / 1000 + (us != 0);
}

cold void runq_init_entity(struct sched_entity *se, struct sched_group *g,
			   const struct sched_params *p)
{
	struct pcpu_set online = pcpu_set_first(nr_runqs);

	*se = (struct sched_entity){
		.state = SCHED_BLOCKED,
		.class = p ? p->class : SCHED_CLASS_FAIR,
		.weight = p && p->weight ? p->weight : SCHED_WEIGHT_DEFAULT,
		.priority = p ? p->priority % SCHED_PRIORITIES : 0,
		.affinity = p ? pcpu_set_and(&p->affinity, &online) : online,
		.budget_end = TIMER_NEVER,
		.account.since = timer_now(),
		.group = g,
	};
	list_init(&se->node);
	list_init(&se->scan);
	se->slice = slice_of(se->class, p ? p->slice_us : 0);
	se->fair.request = se->slice;
	if (pcpu_set_empty(&se->affinity))
		se->affinity = online;
	se->level = runq_own_level(se);
	se->pcpu = place_first(se);
	atomic_fetch_add(&runqs[se->pcpu].nr_entities, 1);
}

void sched_entity_init(struct sched_entity *se, struct sched_group *g, const struct sched_params *p)
{
	runq_init_entity(se, g, p);
	if (g) {
		se->next_member = g->members;
		g->members = se;
		g->nr_members++;
	}
}

cold void sched_entity_exit(struct sched_entity *se)
{
	struct runq *q = runq_lock_entity(se);

	atomic_fetch_sub(&q->nr_entities, 1);
	spin_unlock(&q->lock);
}

/* --- queues ----------------------------------------------------------------------------------------- */

static void no_longer_waits(struct runq *q, struct sched_entity *se)
{
	if (se->level != LEVEL_TREE)
		fifo_remove(&q->fifo, se);
	else if (q->next != se)
		runq_remove_fair(q, se);
	list_remove(&se->scan);
	se->queued = false;
	if (q->next == se)
		q->next = NULL;
	runq_dec_waiting(q);
}

/*
 * How long class fifo runs before what is expedited, or a task, has a turn beside it. Without one, a VM that is starved could
 * not be reset. A task's turns are longer and as much rarer: part of each is spent on the way in and out, and on a slow machine
 * (QEMU) a coroutine that an interrupt leaves after a few microseconds would not get on at all.
 */
static inline uint64_t fifo_turn(const struct runq *q)
{
	return q->fifo.used >> LEVEL_EXPEDITED ? ticks_per_ms : 10 * ticks_per_ms;
}

static inline bool task_waits(const struct runq *q)
{
	return !list_empty(&q->tasks);
}

static bool preempts(const struct runq *q, const struct sched_entity *se)
{
	const struct sched_entity *running = q->running;

	if (se->level == LEVEL_EXPEDITED)
		return true;
	if (se->class == SCHED_CLASS_FIFO)
		return urgency_of(se) > urgency_of(running) || running->level == LEVEL_EXPEDITED;
	return running->class == SCHED_CLASS_FAIR && fair_preempts(&q->fair, se, running);
}

bool runq_add(struct runq *q, struct sched_entity *se, uint64_t now)
{
	struct sched_entity *running = q->running;
	bool first = q->nr_waiting == 0;
	bool in_turn = false;

	runq_charge(q, now);
	if (running && first && running->class == SCHED_CLASS_FAIR)
		runq_begin_slices(running, now);
	if (se->class == SCHED_CLASS_FAIR)
		fair_join(&q->fair, se);
	runq_wait_on(q, se, false);
	if (!running)
		return true;
	if (preempts(q, se)) {
		atomic_set(&q->preempt, 1);
		return true;
	}
	if (running->class == SCHED_CLASS_FIFO && task_waits(q)) {
		in_turn = running->slice_end > now + fifo_turn(q);
		atomic_set(&running->slice_end, min_u64(running->slice_end, now + fifo_turn(q)));
	}
	return first || in_turn; /* it ran without a timer, or with a later one */
}

void runq_take(struct runq *q, struct sched_entity *se)
{
	no_longer_waits(q, se);
	if (se->class == SCHED_CLASS_FAIR)
		fair_migrate(&q->fair, se);
}

/* Whatever was written to @se before is seen by a hart that finds it on @to. */
void runq_change(struct runq *from, struct sched_entity *se, uint32_t to)
{
	atomic_fetch_sub(&from->nr_entities, 1);
	atomic_fetch_add(&runqs[to].nr_entities, 1);
	atomic_set(&se->account.migrations, se->account.migrations + 1);
	if (trace_is_on())
		trace_call(sched_trace_migrate, se, to, from->index);
	atomic_set_release(&se->pcpu, to);
}

/* --- waking ----------------------------------------------------------------------------------------- */

/* In one piece, as sched_switch(). */
__attribute__((flatten)) bool sched_wake(struct sched_entity *se)
{
	struct runq *q = runq_lock_entity(se);
	uint64_t now;
	uint32_t to;
	bool tell;

	if (se->state != SCHED_BLOCKED) {
		bool rests = se->resting;

		runq_remember_wake(se);
		spin_unlock(&q->lock);
		if (rests) /* it sees the interrupt, if not in its WFI, then before it */
			smp_kick(pcpu_set_of(q->index));
		return rests;
	}
	now = timer_now();
	runq_account_wake(se, now);
	se->woken = true;
	to = balance_place(se);
	/* From here on it is RUNNABLE. On no list yet: another waker finds that there is
	 * nothing to do; only one waker can find it BLOCKED. */
	atomic_set(&se->state, SCHED_RUNNABLE);
	if (trace_is_on())
		trace_call(sched_trace_wake, se, to, 0);
	if (to != se->pcpu) {
		runq_change(q, se, to);
		spin_unlock(&q->lock);
		q = &runqs[to];
		runq_lock(q);
	}
	tell = runq_add(q, se, now);
	spin_unlock(&q->lock);
	if (tell)
		smp_resched(to);
	balance_call_idle(se);
	return true;
}

/* --- running ---------------------------------------------------------------------------------------- */

/* The next of those that wait. A directed yield comes before class fair, and before class fifo when
 * an entity of that class yielded. */
static struct sched_entity *choose(struct runq *q, uint64_t now)
{
	uint64_t levels = q->fifo.used;
	struct sched_entity *se;

	if (levels >> LEVEL_EXPEDITED)
		levels = expedite_take_turn(q, levels);
	else if (levels && task_waits(q) && now >= q->fair_at + fifo_turn(q))
		return list_entry(q->tasks.next, struct sched_entity, node);
	se = levels ? fifo_first_of(&q->fifo, levels) : NULL;
	if (q->next && (!se || q->next_first))
		return q->next;
	return se ? se : fair_first(&q->fair);
}

static uint64_t slice_end_of(const struct runq *q, const struct sched_entity *se, uint64_t now)
{
	uint64_t end = now + se->slice;

	if (se->class != SCHED_CLASS_FIFO)
		end = now + fair_left(se);
	else if (!se->slice)
		end = TIMER_NEVER;
	if (!(q->fifo.used >> LEVEL_EXPEDITED) && !task_waits(q))
		return end;
	/* Taking turns. What is expedited has the shorter ones, since it needs a moment only; and so has a task. */
	if (se->level < SCHED_PRIORITIES)
		return min_u64(end, now + fifo_turn(q));
	if (se->level != LEVEL_EXPEDITED && !sched_is_task(se))
		return end;
	if (!(q->fifo.used & ~BIT(LEVEL_EXPEDITED)))
		return end;
	return now + (se->level == LEVEL_EXPEDITED ? ticks_per_ms / 100 : ticks_per_ms / 10) + 1;
}

/* The next one that may run. On the way entities leave the queue if the cap of their group is used up, or if they are misplaced (place.c). */
static inline struct sched_entity *take_first(struct runq *q, uint64_t now)
{
	struct sched_entity *se;

	runq_charge(q, now);
	while ((se = choose(q, now)) != NULL) {
		uint64_t end = se == q->next ? q->next_slice_end : slice_end_of(q, se, now);

		if (!runq_may_have(q, se)) {
			place_put_away(q, se);
			continue;
		}
		no_longer_waits(q, se);
		if (se->level == LEVEL_TREE)
			q->fair_at = now;
		if (cap_take(se, now)) {
			runq_begin(q, se, end, now);
			break;
		}
		if (se->class == SCHED_CLASS_FAIR)
			fair_leave(&q->fair, se);
		cap_throttle(se, now);
	}
	return se;
}

/* Its state says RUNNING already: from the other queue's lock on it was this pcpu's. */
static noinline struct sched_entity *take_from_others(struct runq *q, uint64_t now)
{
	struct sched_entity *se = balance_pull(q, now);

	if (!se)
		return NULL;
	now = timer_now(); /* it waited until here */
	runq_lock(q);
	runq_charge(q, now);
	if (se->class == SCHED_CLASS_FAIR)
		fair_join(&q->fair, se);
	(void)cap_take(se, now); /* without any: it is put again at once */
	runq_begin(q, se, slice_end_of(q, se, now), now);
	spin_unlock(&q->lock);
	return se;
}

/* @se is what take_first() found. */
static inline struct sched_entity *picked(struct runq *q, struct sched_entity *se, uint64_t now)
{
	if (!list_empty(&q->away))
		place_send(q);
	if (!se)
		se = take_from_others(q, now);
	if (!se)
		return NULL;
	/* When another one's state is loaded here sched_unloaded() will do it: that one can go, then. */
	if (!q->loaded || q->loaded == se)
		balance_queue(q, now);
	q->loaded = se;
	return se;
}

struct sched_entity *sched_pick(uint64_t now)
{
	struct runq *q = this_runq();
	struct sched_entity *se;

	runq_lock(q);
	se = take_first(q, now);
	spin_unlock(&q->lock);
	return picked(q, se, now);
}

/* It stays runnable. */
static void put_back(struct runq *q, struct sched_entity *se, enum sched_reason why, uint64_t now)
{
	bool in_turn;

	atomic_set(&se->state, SCHED_RUNNABLE);
	if (se->class == SCHED_CLASS_FAIR) {
		fair_renew(se);
		if (why == SCHED_YIELDED && !q->next)
			fair_yielded(se);
	}
	/* One that a higher priority interrupts goes on afterwards before its equals, and so does one that takes turns. */
	in_turn = se->level < SCHED_PRIORITIES &&
		  (q->fifo.used >> LEVEL_EXPEDITED || task_waits(q));
	runq_wait_on(q, se, why == SCHED_PREEMPTED && (now < se->slice_end || in_turn));
}

static inline void put(struct runq *q, struct sched_entity *se, enum sched_reason why, uint64_t now)
{
	/* A directed yield has charged the entity for all its time already. */
	if (why == SCHED_YIELDED && q->next)
		now = q->charged_at;
	runq_charge(q, now);
	runq_account_put(se, now);
	cap_give_back(se, now);
	q->running = NULL;
	atomic_set(&q->urgency, 0);
	atomic_set(&q->group, 0);
	if (why != SCHED_BLOCKS || se->wakeups) {
		put_back(q, se, why, now);
	} else {
		if (se->class == SCHED_CLASS_FAIR) {
			fair_blocks(se);
			fair_leave(&q->fair, se);
		}
		atomic_set(&se->state, SCHED_BLOCKED);
	}
	se->wakeups = 0;
	if (trace_is_on())
		trace_call(sched_trace_put, se, why, 0);
}

void sched_put(struct sched_entity *se, enum sched_reason why, uint64_t now)
{
	struct runq *q = this_runq();

	runq_lock(q);
	put(q, se, why, now);
	spin_unlock(&q->lock);
}

/* The way of each switch: in one piece, as calls would cost more than what they do. */
struct sched_entity *__attribute__((flatten))
sched_switch(struct sched_entity *se, enum sched_reason why, uint64_t now)
{
	struct runq *q = this_runq();
	struct sched_entity *next;

	runq_lock(q);
	put(q, se, why, now);
	next = take_first(q, now);
	spin_unlock(&q->lock);
	return picked(q, next, now);
}

/* @se is no longer on_cpu. */
static noinline void may_move(struct runq *q, struct sched_entity *se)
{
	if (!list_empty(&q->away))
		place_send(q);
	if (!runq_may_have(q, se))
		place_unloaded(se);
	fence_full(); /* pairs with the one in sched_idle_begin() */
	if (atomic_read(&se->state) == SCHED_RUNNABLE)
		balance_call_idle(se);
	balance_queue(q, timer_now());
}

void sched_unloaded(struct sched_entity *se)
{
	struct runq *q = this_runq();

	if (q->loaded == se)
		q->loaded = NULL;
	atomic_set_release(&se->on_cpu, 0);
	if (nr_runqs > 1)
		may_move(q, se);
}

struct sched_entity *sched_running(void)
{
	return this_runq()->running;
}

bool sched_others_wait(void)
{
	return atomic_read(&this_runq()->nr_waiting) != 0;
}

bool sched_should_switch(struct sched_entity *se)
{
	const struct runq *q = this_runq();
	bool others = atomic_read(&q->nr_waiting) != 0;
	uint64_t now;

	if (!runq_may_have(q, se))
		return true;
	if (!others && se->budget_end == TIMER_NEVER)
		return false;
	if (others && atomic_read(&q->preempt))
		return true;
	now = timer_now();
	/* It may run on for ever, so what waits for it must get a chance to go elsewhere. */
	if (others && se->class == SCHED_CLASS_FIFO)
		balance_queue(this_runq(), now);
	if (now >= se->budget_end && !cap_extend(se, now))
		return true;
	return others && now >= atomic_read(&se->slice_end);
}

uint64_t sched_next_look(const struct sched_entity *se)
{
	uint64_t at = se->budget_end;

	if (!sched_others_wait())
		return at;
	if (se->class == SCHED_CLASS_FIFO && nr_runqs > 1)
		at = min_u64(at, this_runq()->next_balance);
	return min_u64(at, atomic_read(&se->slice_end));
}
