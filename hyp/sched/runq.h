/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inside of the scheduler: what its files know of a queue, and of each other. In line is what a wake, a switch or a
 * yield does each time; the rest is in sched.c, or in the file that a function is named after.
 */
#ifndef SCHED_RUNQ_H
#define SCHED_RUNQ_H

#include "lib/atomic.h"
#include "sched/fair.h"
#include "sched/sched.h"

/* Where an entity waits: a priority of class fifo, or one of these. */
#define LEVEL_EXPEDITED SCHED_PRIORITIES       /* before all priorities; of either class */
#define LEVEL_TREE	(SCHED_PRIORITIES + 1) /* class fair's */

struct fifo {
	uint64_t used; /* bit n: level[n] has entities */
	struct list level[LEVEL_EXPEDITED + 1];
};

struct runq {
	struct spinlock lock;	      /* LOCK_RUNQ */
	uint32_t index;		      /* its pcpu */
	uint32_t nr_waiting;	      /* atomic reads without the lock */
	uint32_t nr_entities;	      /* that call this queue theirs; atomic */
	uint32_t preempt;	      /* atomic: one that waits has a better claim than what runs */
	uint32_t urgency;	      /* atomic: of what runs: 0 nothing, 1 fair, 2 + level fifo */
	struct sched_entity *running; /* written by its pcpu, under the lock */
	uintptr_t group;	      /* atomic, only to compare: whose is what runs */
	uint64_t charged_at;	      /* until when it is accounted for; atomic */
	/* by directed yield: waits, and is to be picked first; of class fair: meanwhile not in the tree */
	struct sched_entity *next;
	uint64_t next_slice_end;
	bool next_first; /* even before class fifo */
	bool lent;	 /* own pcpu: there is a lender, or was until the loan was settled */
	bool expedited;	 /* what was picked last was expedited: class fifo has the next turn */
	/* RUNNABLE; `running` has its hart on loan (loan.c), and nothing else waits here */
	struct sched_entity *lender;
	struct fair fair;
	struct fifo fifo;
	struct list tasks;		   /* of class fair that wait, by node */
	uint64_t fair_at;		   /* when class fair was picked last */
	struct list scan;		   /* all that wait */
	uint64_t next_balance;		   /* own pcpu */
	const struct sched_entity *loaded; /* own pcpu: picked last */
	struct list away; /* own pcpu: misplaced entities, RUNNABLE, by node; to be sent (place.c) */
} __attribute__((aligned(64)));

extern struct runq *runqs;
extern unsigned int nr_runqs;
extern uint64_t sched_default_slice; /* ticks of SCHED_SLICE_US */
extern struct pcpu_set sched_idle;   /* pcpus that sleep or are about to; atomic */
extern struct pcpu_set sched_loaded; /* pcpus on whose queue something waits; atomic */
extern int64_t sched_time_of_all;    /* where some queue's virtual time was lately; atomic */

#ifdef HARTVISOR_SIM
extern uint64_t sched_steps; /* tree nodes, list entries and queues that were looked at */
#define sched_step() (sched_steps++)
#else
#define sched_step() ((void)0)
#endif

/* --- The timeline: trace.c, where trace_is_on(), and with the lock of the entity's queue --- */

/* @se was put because of @why (enum sched_reason, or TRACE_LENDS); @se runs from now on, as @how says (enum trace_how). */
void sched_trace_put(const struct sched_entity *se, unsigned int why, uint32_t unused);
void sched_trace_run(const struct sched_entity *se, unsigned int how, uint32_t unused);
void sched_trace_wake(const struct sched_entity *se, uint32_t to, uint32_t unused);
void sched_trace_rest(const struct sched_entity *se, bool begins, uint32_t unused);
void sched_trace_migrate(const struct sched_entity *se, uint32_t to, uint32_t from);
void sched_trace_steal(const struct sched_entity *se, uint32_t from, uint32_t unused);

/* --- How long a wake takes: times.c, where trace_is_timed(), and with the lock of the entity's queue --- */

/* @se, which was woken, runs after it has @waited. @se was woken while its hart sleeps for it (rest.c); it goes on at @now. */
void sched_time_wake(struct sched_entity *se, uint64_t waited, uint32_t unused);
void sched_time_kick(struct sched_entity *se);
void sched_time_rested(struct sched_entity *se, uint64_t now, uint32_t unused);

/* --- What is asked of an entity --- */

static inline uint32_t urgency_of(const struct sched_entity *se)
{
	return se->level == LEVEL_TREE ? 1 : 2 + (uint32_t)se->level;
}

/* runq_own_level - where @se waits by its class and priority. */
static inline uint8_t runq_own_level(const struct sched_entity *se)
{
	return se->class == SCHED_CLASS_FIFO ? se->priority % SCHED_PRIORITIES : LEVEL_TREE;
}

static inline bool sched_is_capped(const struct sched_entity *se)
{
	return se->group && atomic_read(&se->group->quota) != 0 && !se->uncapped;
}

/* --- The queue of a pcpu or an entity, and its lock --- */

static inline struct runq *this_runq(void)
{
	return this_pcpu()->runq;
}

/* loan.c: @q as if nothing had been lent. Its lock is held. */
void loan_settle(struct runq *q, uint64_t now);

/* runq_lock, runq_trylock - @q's lock. What has lent its hart is back among those that wait there, as all but loan.c expect. */
static inline void runq_lock(struct runq *q)
{
	spin_lock(&q->lock);
	if (q->lender)
		loan_settle(q, timer_now());
}

static inline bool runq_trylock(struct runq *q)
{
	if (!spin_trylock(&q->lock))
		return false;
	if (q->lender)
		loan_settle(q, timer_now());
	return true;
}

/*
 * runq_lock_entity - runq_lock() of the queue that @se belongs to. se->pcpu may change until the lock is held, so
 * look again.
 */
static inline struct runq *runq_lock_entity(struct sched_entity *se)
{
	for (;;) {
		uint32_t i = atomic_read(&se->pcpu);
		struct runq *q = &runqs[i];

		runq_lock(q);
		/* Acquire: it came from a queue whose lock we do not take; see runq_change(). */
		if (i == atomic_read_acquire(&se->pcpu))
			return q;
		spin_unlock(&q->lock);
	}
}

/* runq_init_entity - sched_entity_init(), but @se becomes no member of @g. */
void runq_init_entity(struct sched_entity *se, struct sched_group *g, const struct sched_params *p);

/* runq_change - @se, on no list, belongs to pcpu @to from now on. @from's lock is held. */
void runq_change(struct runq *from, struct sched_entity *se, uint32_t to);

/* --- What became of an entity's time --- */

/* sched_waited - how long @se, which is RUNNABLE, has waited: see sched_group_stop(). */
static inline uint64_t sched_waited(const struct sched_entity *se, uint64_t now)
{
	uint64_t since = atomic_read(&se->account.since);
	uint64_t stopped = se->group ? atomic_read(&se->group->stopped_at) : 0;

	if (stopped && stopped < now)
		now = stopped;
	return now > since ? now - since : 0;
}

/*
 * runq_account_put, runq_account_wake - what lies behind @se was running; was being blocked. @now may be a little before what another
 * hart has found since it was read; then no time has passed.
 */
static inline void runq_account_put(struct sched_entity *se, uint64_t now)
{
	uint64_t ran;

	if (now <= se->account.since)
		return;
	ran = now - se->account.since;
	atomic_set(&se->account.run, se->account.run + ran);
	se->fair.this_burst += ran;
	atomic_set(&se->account.since, now);
}

static inline void runq_account_sleep(struct sched_entity *se, uint64_t now)
{
	if (now <= se->account.since)
		return;
	atomic_set(&se->account.block, se->account.block + (now - se->account.since));
	atomic_set(&se->account.since, now);
}

static inline void runq_account_wake(struct sched_entity *se, uint64_t now)
{
	runq_account_sleep(se, now);
	if (se->class == SCHED_CLASS_FAIR)
		fair_woken(se);
}

/* runq_account_wait - what lies behind @se was waiting; how long. */
static inline uint64_t runq_account_wait(struct sched_entity *se, uint64_t now)
{
	uint64_t waited = sched_waited(se, now);

	atomic_set(&se->account.wait, se->account.wait + waited);
	if (now > se->account.since)
		atomic_set(&se->account.since, now);
	return waited;
}

static inline void runq_account_run(struct sched_entity *se, uint64_t now)
{
	uint64_t waited = runq_account_wait(se, now);

	if (se->woken && waited > se->account.max_latency)
		se->account.max_latency = waited;
	if (trace_is_timed() && se->woken)
		trace_call(sched_time_wake, se, waited, 0);
	se->woken = false;
	atomic_set(&se->account.switches, se->account.switches + 1);
}

/* runq_remember_wake - @se, which is not blocked, is woken. */
static inline void runq_remember_wake(struct sched_entity *se)
{
	if (se->state == SCHED_RUNNING)
		se->wakeups++;
	if (se->resting && trace_is_timed())
		sched_time_kick(se);
}

/* runq_charge_to - @se pays for the time of @q until @now; NULL: no entity does. Its lock is held. */
static inline void runq_charge_to(struct runq *q, struct sched_entity *se, uint64_t now)
{
	/* The clocks of two harts may differ by a hair. */
	if (now <= q->charged_at)
		return;
	if (se && se->class == SCHED_CLASS_FAIR && !se->resting)
		fair_charge(&q->fair, se, now - q->charged_at);
	atomic_set(&q->charged_at, now);
}

/* runq_charge - what runs pays. No loan. */
static inline void runq_charge(struct runq *q, uint64_t now)
{
	runq_charge_to(q, q->running, now);
}

/* --- What waits. The lock of the queue is held --- */

void fifo_init(struct fifo *f);
void fifo_insert(struct fifo *f, struct sched_entity *se, bool front);
void fifo_remove(struct fifo *f, struct sched_entity *se);
struct sched_entity *fifo_first_of(const struct fifo *f, uint64_t levels);

/* fifo_first - the one that has waited longest of the highest priority, or NULL. */
static inline struct sched_entity *fifo_first(const struct fifo *f)
{
	return f->used ? fifo_first_of(f, f->used) : NULL;
}

/* runq_inc_waiting, runq_dec_waiting - waits on @q: what is read without its lock. */
static inline void runq_inc_waiting(struct runq *q)
{
	atomic_set(&q->nr_waiting, q->nr_waiting + 1);
	if (q->nr_waiting == 1)
		pcpu_set_atomic_set(&sched_loaded, q->index);
}

static inline void runq_dec_waiting(struct runq *q)
{
	atomic_set(&q->nr_waiting, q->nr_waiting - 1);
	if (q->nr_waiting == 0)
		(void)pcpu_set_atomic_clear(&sched_loaded, q->index);
}

/* runq_insert_fair, runq_remove_fair - @se, to wait in the tree of @q. */
static inline void runq_insert_fair(struct runq *q, struct sched_entity *se)
{
	fair_insert(&q->fair, se);
	if (sched_is_task(se))
		list_push_back(&q->tasks, &se->node);
}

static inline void runq_remove_fair(struct runq *q, struct sched_entity *se)
{
	fair_remove(&q->fair, se);
	if (sched_is_task(se))
		list_remove(&se->node);
}

/* runq_wait_on - @se, which counts on @q already, waits there. */
static inline void runq_wait_on(struct runq *q, struct sched_entity *se, bool front)
{
	if (se->level == LEVEL_TREE)
		runq_insert_fair(q, se);
	else
		fifo_insert(&q->fifo, se, front);
	list_push_back(&q->scan, &se->scan);
	se->queued = true;
	runq_inc_waiting(q);
}

/*
 * runq_add - @se, RUNNABLE and on no queue, waits on @q, whose lock is held. True: its pcpu must be told
 * (smp_resched), without the lock.
 */
bool runq_add(struct runq *q, struct sched_entity *se, uint64_t now);

/* runq_take - @se, which waits on @q, off it and on its way to another queue; its state is unchanged. No loan. */
void runq_take(struct runq *q, struct sched_entity *se);

/* runq_name_next - @se, which waits on @q, is picked next; NULL: none in particular. Its lock is held. */
static inline void runq_name_next(struct runq *q, struct sched_entity *se)
{
	if (q->next && q->next->level == LEVEL_TREE)
		fair_insert(&q->fair, q->next);
	if (se && se->level == LEVEL_TREE)
		fair_remove(&q->fair, se);
	q->next = se;
}

/* --- What runs. The lock of the queue is held --- */

/* runq_begin_slices - @running, of class fair, was alone and had no slices: they begin to count. */
static inline void runq_begin_slices(struct sched_entity *running, uint64_t now)
{
	fair_renew(running);
	atomic_set(&running->slice_end, now + fair_left(running));
}

/* runq_begin - @se, on no queue, is what runs here from now on. Its lock is held. */
static inline void runq_begin(struct runq *q, struct sched_entity *se, uint64_t slice_end,
			      uint64_t now)
{
	atomic_set(&se->state, SCHED_RUNNING);
	atomic_set(&se->on_cpu, 1);
	atomic_set(&se->slice_end, slice_end);
	q->running = se;
	if (q->next)
		runq_name_next(q, NULL);
	atomic_set(&q->preempt, 0);
	atomic_set(&q->urgency, urgency_of(se));
	atomic_set(&q->group, (uintptr_t)se->group);
	runq_account_run(se, now);
	if (trace_is_on())
		trace_call(sched_trace_run, se, TRACE_PICKED, 0);
}

/* --- Where an entity may be: place.c --- */

/* runq_may_have - may @se run on @q's pcpu? With the lock of the queue that it belongs to; else a hint. */
static inline bool runq_may_have(const struct runq *q, const struct sched_entity *se)
{
	return (atomic_read(&se->affinity.word[PCPU_SET_WORDS == 1 ? 0 : q->index / 64]) &
		BIT(q->index % 64)) != 0;
}

/* place_first - where @se, of an affinity that is not empty, begins. */
uint32_t place_first(const struct sched_entity *se);

/*
 * place_put_away - own pcpu: @se, which @q has chosen, may not run here. The lock is held. place_send - those that were put away wait elsewhere,
 * unless their context is loaded here still. place_unloaded - the context of @se, which is misplaced here, has left. No locks.
 */
void place_put_away(struct runq *q, struct sched_entity *se);
void place_send(struct runq *q);
void place_unloaded(struct sched_entity *se);

/* --- What the policies decide --- */

/*
 * expedite_take_turn - something that is expedited waits on @q, where @levels have entities: it is next, or what else waits
 * of class fifo, in turns. Returns the levels to choose from. Its lock is held.
 */
uint64_t expedite_take_turn(struct runq *q, uint64_t levels);

/*
 * loan_begin - @from, which runs here, lends its hart to @to, a sibling that sleeps here: @to is woken, and is what runs.
 * False: nothing was done, since the two are no peers or something else has a claim. Takes the lock.
 */
bool loan_begin(struct sched_entity *from, struct sched_entity *to);

/* cap_set - @g gets @cap percent of one hart from now on; 0: no cap. */
void cap_set(struct sched_group *g, uint32_t cap);

bool cap_take_part(struct sched_entity *se, uint64_t now);
void cap_return_part(struct sched_entity *se, uint64_t now);

/* cap_take - time for @se, which is to run, from its group's pool; false: there is none. */
static inline bool cap_take(struct sched_entity *se, uint64_t now)
{
	return !sched_is_capped(se) || cap_take_part(se, now);
}

/* cap_give_back - what it did not use, or used too much. */
static inline void cap_give_back(struct sched_entity *se, uint64_t now)
{
	if (sched_is_capped(se))
		cap_return_part(se, now);
}

/* cap_extend - more of the cap, if there is more. */
static inline bool cap_extend(struct sched_entity *se, uint64_t now)
{
	/* There was a cap when it took a part. */
	if (!sched_is_capped(se)) {
		se->budget_end = TIMER_NEVER;
		return true;
	}
	cap_give_back(se, now);
	return cap_take(se, now);
}

/* cap_throttle - @se, RUNNABLE and off the queue, waits for the next period. Its queue's lock is held. */
void cap_throttle(struct sched_entity *se, uint64_t now);
/* cap_is_out - would cap_take() fail just now? */
bool cap_is_out(const struct sched_entity *se, uint64_t now);

uint32_t balance_place_of_many(const struct sched_entity *se);
void balance_loaded_queue(struct runq *me, uint64_t now);
void balance_call_one_idle(const struct sched_entity *se);

/* balance_place - where @se, just woken, is to wait. Its queue's lock is held. */
static inline uint32_t balance_place(const struct sched_entity *se)
{
	return nr_runqs == 1 ? se->pcpu : balance_place_of_many(se);
}

/* balance_init - the period, from the clock. */
void balance_init(uint64_t ticks_per_second);
/* balance_pull - something that waits elsewhere, for this pcpu now, RUNNING; or NULL. */
struct sched_entity *balance_pull(const struct runq *me, uint64_t now);
/* balance_queue - now and then: move one of those that wait on this pcpu to where it is better off. */
static inline void balance_queue(struct runq *me, uint64_t now)
{
	if (nr_runqs > 1 && atomic_read(&me->nr_waiting) != 0)
		balance_loaded_queue(me, now);
}

/* balance_call_idle - @se waits: if there is an idle pcpu for it, get it to look. No locks. */
static inline void balance_call_idle(const struct sched_entity *se)
{
	if (nr_runqs > 1)
		balance_call_one_idle(se);
}

#endif
