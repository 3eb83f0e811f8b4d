/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inside of the scheduler: what its files know of a queue, and of each other.
 *
 * Virtual time. Each queue has an axis of its own; fair.v is the mean of its entities' vtime by weight,
 * the one that runs included, and advances by time / weights. fair.v + fair.offset can be compared
 * between queues: balance.c keeps them in step by moving entities to the queue that is ahead.
 */
#ifndef SCHED_RUNQ_H
#define SCHED_RUNQ_H

#include "lib/atomic.h"
#include "sched/sched.h"

#define VTIME_SHIFT 16

struct fair {
	struct sched_entity *root; /* waiting, by deadline */
	int64_t v;		   /* atomic for those without the lock */
	int64_t rem;		   /* sum of weight * (vtime - v): 0 <= rem < weight */
	uint64_t weight;	   /* of all, and of the one that runs; atomic */
	int64_t offset;		   /* atomic */
	uint64_t random;
};

struct fifo {
	uint32_t used; /* bit n: level[n] has entities */
	struct list level[SCHED_PRIORITIES];
};

struct runq {
	struct spinlock lock; /* after the device locks, before the timer queue's */
	uint32_t index;	      /* its pcpu */
	uint32_t nr_waiting;  /* atomic reads without the lock */
	uint32_t nr_entities; /* that call this queue theirs; atomic */
	uint32_t preempt;     /* atomic: one that waits has a better claim than what runs */
	uint32_t urgency;     /* atomic: of what runs: 0 nothing, 1 fair, 2 + priority fifo */
	struct sched_entity *running; /* written by its pcpu, under the lock */
	uintptr_t group;	      /* atomic, only to compare: whose is what runs */
	uint64_t charged_at;	      /* until when it is accounted for; atomic */
	struct sched_entity *next;    /* by directed yield: waiting, to be picked first */
	uint64_t next_slice_end;
	bool next_first; /* even before class fifo */
	struct fair fair;
	struct fifo fifo;
	struct list scan;		   /* all that wait */
	uint64_t next_balance;		   /* own pcpu */
	const struct sched_entity *loaded; /* own pcpu: picked last */
	uint32_t probe;			   /* own pcpu */
} __attribute__((aligned(64)));

extern struct runq *runqs;
extern unsigned int nr_runqs;
extern struct hartset sched_idle;   /* pcpus that sleep or are about to; atomic */
extern struct hartset sched_loaded; /* pcpus on whose queue something waits; atomic */

#ifdef HARTVISOR_SIM
extern uint64_t sched_steps; /* tree nodes, list entries and queues that were looked at */
#define sched_step() (sched_steps++)
#else
#define sched_step() ((void)0)
#endif

static inline struct runq *this_runq(void)
{
	return &runqs[this_pcpu()->index];
}

static inline uint32_t urgency_of(const struct sched_entity *se)
{
	return se->class == SCHED_CLASS_FIFO ? 2 + se->priority : 1;
}

static inline bool sched_is_capped(const struct sched_entity *se)
{
	return se->group && se->group->quota != 0;
}

/* --- sched.c --- */

/* sched_waited - how long @se, which is RUNNABLE, has waited: see sched_group_stop(). */
static inline uint64_t sched_waited(const struct sched_entity *se, uint64_t now)
{
	uint64_t since = atomic_read(&se->since);
	uint64_t stopped = se->group ? atomic_read(&se->group->stopped_at) : 0;

	if (stopped && stopped < now)
		now = stopped;
	return now > since ? now - since : 0;
}

/* runq_lock_entity - lock the queue that @se belongs to. */
struct runq *runq_lock_entity(struct sched_entity *se);

/* runq_charge - account for what runs on @q until @now. Its lock is held. */
void runq_charge(struct runq *q, uint64_t now);

/*
 * runq_add - @se, RUNNABLE and on no queue, waits on @q, whose lock is held. True: its pcpu must be told
 * (smp_resched), without the lock.
 */
bool runq_add(struct runq *q, struct sched_entity *se, uint64_t now);

/* runq_account_put, runq_account_wake - what lies behind @se was running; was being blocked. */
void runq_account_put(struct sched_entity *se, uint64_t now);
void runq_account_wake(struct sched_entity *se, uint64_t now);

/* runq_take - @se, which waits on @q, off it and on its way to another queue; its state is unchanged. */
void runq_take(struct runq *q, struct sched_entity *se);

/* runq_change - @se, on no list, belongs to pcpu @to from now on. @from's lock is held. */
void runq_change(struct runq *from, struct sched_entity *se, uint32_t to);

/* --- fair.c: all with the queue's lock --- */

void fair_init(struct fair *f, uint64_t seed);
/* fair_charge - the one that runs ran for @delta ticks. */
void fair_charge(struct fair *f, struct sched_entity *se, uint64_t delta);
/* fair_join - @se counts from now on; its lag becomes its place. fair_leave - and back. */
void fair_join(struct fair *f, struct sched_entity *se);
void fair_leave(struct fair *f, struct sched_entity *se);
/* fair_migrate - leave, to join another queue with the same claim: same place in the common time. */
void fair_migrate(struct fair *f, struct sched_entity *se);
/* fair_insert, fair_remove - into and out of those that wait. It has joined. */
void fair_insert(struct fair *f, struct sched_entity *se);
void fair_remove(struct fair *f, struct sched_entity *se);
/* fair_first - who runs next of those that wait, or NULL. */
struct sched_entity *fair_first(const struct fair *f);
/* fair_preempts - does @se, which waits, come before @running? */
bool fair_preempts(const struct fair *f, const struct sched_entity *se,
		   const struct sched_entity *running);
/* fair_woken - how much to ask for after a sleep. fair_blocks - what it used before it. */
void fair_woken(struct sched_entity *se);
void fair_blocks(struct sched_entity *se);
/* fair_renew - if its request has been served it asks for the next. */
void fair_renew(struct sched_entity *se);
/* fair_left - ticks of its request that are left. */
uint64_t fair_left(const struct sched_entity *se);
/* fair_yielded - it lets those go first whose deadline is before its next one. */
void fair_yielded(struct sched_entity *se);
/* fair_exchange - @a, which runs, and @b, which waits, change places in time. */
void fair_exchange(struct fair *f, struct sched_entity *a, struct sched_entity *b);

/* --- fifo.c --- */

void fifo_init(struct fifo *f);
void fifo_insert(struct fifo *f, struct sched_entity *se, bool front);
void fifo_remove(struct fifo *f, struct sched_entity *se);
struct sched_entity *fifo_first(const struct fifo *f);

/* --- cap.c --- */

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

/* cap_throttle - @se, RUNNABLE and off the queue, waits for the next period. Its queue's lock is held. */
void cap_throttle(struct sched_entity *se, uint64_t now);
/* cap_is_out - would cap_take() fail just now? */
bool cap_is_out(const struct sched_entity *se, uint64_t now);

/* --- balance.c --- */

/* balance_place - where @se, just woken, is to wait. Its queue's lock is held. */
uint32_t balance_place(const struct sched_entity *se);
/* balance_init - the period, from the clock. */
void balance_init(uint64_t ticks_per_second);
/* balance_steal - something that waits elsewhere, for this pcpu now: RUNNING and on_cpu; or NULL. */
struct sched_entity *balance_steal(const struct runq *me, uint64_t now);
/* balance_queue - now and then: move one of those that wait on this pcpu to where it is better off. */
void balance_queue(struct runq *me, uint64_t now);
/* balance_call_idle - @se waits: if there is an idle pcpu for it, get it to look. No locks. */
void balance_call_idle(const struct sched_entity *se);
/* balance_time_of_all - where virtual time is elsewhere, for a queue that begins to have entities. */
int64_t balance_time_of_all(void);

#endif
