/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scheduler knows entities, not guests: something that can be runnable or blocked and that a pcpu
 * runs for a slice. A vcpu embeds one; the entities of a VM are one group. So is a task: work that is done for a
 * VM in steps (clearing and loading its RAM, say), for which that VM pays as for its vcpus.
 *
 * Each pcpu has a queue of the entities that wait for it; the one that runs is not on it. An entity
 * belongs to one queue at a time (se->pcpu), whose lock guards its state and links. Waking takes only
 * that lock; code that moves an entity between queues takes one lock at a time, never two.
 *
 * On a pcpu's way: sched_pick() gives an entity and marks it on_cpu; when it stops, sched_put() says
 * why, or sched_switch(), which gives the next one, too. se->on_cpu stays set while the vcpu's guest state
 * is still loaded in that pcpu's CSRs, and such an entity is neither moved nor stolen; sched_unloaded()
 * clears it.
 *
 * The next entity, in this order (the rooms):
 *   fifo.c     class fifo: the highest priority first, for as long as it likes
 *   fair.c     class fair: shares by weight, earliest eligible virtual deadline first (EEVDF)
 *   cap.c      a group that has used up its cap leaves the queues until its next period
 *   place.c    where an entity begins, and where it goes when its affinity changes
 *   balance.c  where a woken entity goes, what an idle pcpu takes, how queues keep in step
 *   rest.c     an entity that sleeps on a hart for which nothing else waits
 *   yield.c    directed yield: an entity gives what it has of its slice to a sibling
 *   loan.c     handing over: an entity wakes a sibling and lends it the hart until it sleeps again
 *   expedite.c what is to end comes before all others
 *   task.c     an entity that is no vcpu
 *   sched.c    the queues themselves
 *   account.c  what became of an entity's time
 *   change.c   what an operator changes while entities run
 *   trace.c    what the timeline is told
 *   times.c    how long what was woken waited, while that is measured
 *
 * Time is in ticks of the host's clock. A pcpu that has only one entity needs no timer for it:
 * sched_next_look() says when, if ever, it has to look again.
 */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include "arch/pcpu_set.h"
#include "arch/timer.h"
#include "arch/trace.h"
#include "lib/histogram.h"
#include "lib/list.h"
#include "lib/spinlock.h"

#define SCHED_WEIGHT_MIN     1
#define SCHED_WEIGHT_DEFAULT 100
#define SCHED_WEIGHT_MAX     10000
#define SCHED_SLICE_US	     3000 /* of class fair, unless configured */
#define SCHED_SLICE_US_MIN   100
#define SCHED_SLICE_US_MAX   100000
#define SCHED_PRIORITIES     32 /* of class fifo: 0 to 31, 31 is the most urgent */
#define SCHED_CAP_PERIOD_NS  100000000

enum sched_state {
	SCHED_BLOCKED,	/* waits for sched_wake() */
	SCHED_RUNNABLE, /* on its pcpu's queue; or throttled, until its group's next period */
	SCHED_RUNNING,	/* picked by its pcpu */
};

enum sched_class {
	SCHED_CLASS_FAIR,
	SCHED_CLASS_FIFO,
};

/* What an entity may ask for. Slice 0: the class's default; for fifo that is no slice at all. */
struct sched_params {
	struct pcpu_set affinity;
	enum sched_class class;
	uint32_t weight;   /* fair */
	uint32_t priority; /* fifo */
	uint32_t slice_us;
};

/*
 * The entities of a VM. They share a cap, and yield to each other.
 */
struct sched_group {
	struct sched_entity *members; /* all, linked by next_member; fixed once they run */
	uint32_t nr_members;
	uint32_t spins;	 /* atomic: counts spins as they begin; orders their waiters */
	uint32_t rounds; /* atomic: a spinner that was tried in this round is not tried again */
	uint64_t stopped_at; /* atomic, host time from which waiting is not counted as steal; 0: it is counted */

	struct spinlock lock; /* LOCK_SCHED_GROUP; guards the rest */
	uint64_t quota;	      /* ticks in a period; 0: no cap; atomic for those without the lock */
	uint64_t period;
	uint64_t period_end;
	int64_t pool; /* what is left; below zero: what the next period owes */
	bool timer_armed;
	struct timer timer;    /* the next period, when a member waits for it */
	struct list throttled; /* entities, by node */
};

/* fair.c: virtual time */
struct sched_fair {
	struct sched_entity *parent, *left, *right;
	uint64_t heap; /* the tree's balance: a random number */
	int64_t vtime; /* grows by ticks << SHIFT / weight; queued: on the queue's axis */
	int64_t vdeadline;
	int64_t min_vtime;   /* the least in its subtree */
	int64_t lag;	     /* while off the queues: what it is owed; if it migrates: its place */
	int64_t left_at;     /* the queue's time when it left */
	uint64_t remainder;  /* of the division by weight */
	uint64_t request;    /* ticks that it asks for next */
	uint64_t burst;	     /* ticks it uses to run until it blocks: the average */
	uint64_t this_burst; /* since it was woken */
};

/* yield.c: what siblings know of one that spins, as hints */
struct sched_spin {
	bool on;	/* own pcpu: its last exit was WRS.NTO; read by its siblings */
	bool renewed;	/* own pcpu: it did something else since its last WRS.NTO */
	uint32_t order; /* atomic: when it began, in group->spins */
	uint32_t tried; /* atomic: the round (group->rounds) in which it was last yielded to */
};

/* times.c: how long it waited between a wake and its run, while that is measured. With the lock of its queue; others read it without */
struct sched_waits {
	struct histogram woken;
	uint64_t kicked_at; /* when it was woken while its hart slept for it */
};

/* account.c: what became of its time, in ticks; read by others without a lock */
struct sched_account {
	uint64_t since; /* when it came into its state */
	uint64_t run;	/* written by its pcpu */
	uint64_t wait;	/* runnable, not running: steal. Written by the pcpu that picks it */
	uint64_t block; /* written by the waker */
	uint64_t switches;
	uint64_t migrations;
	uint64_t max_latency; /* from a wake until it ran */
	uint64_t yields;      /* directed yields that it received */
	uintptr_t waits;      /* atomic: the address of a struct sched_waits, or 0 (times.c) */
};

/* Guarded by the lock of pcpu's queue, but for what says otherwise. No room but this one looks into it. */
struct sched_entity {
	struct list node; /* fifo: among its priority; throttled: of the group */
	struct list scan; /* waiting: all of this queue, for pcpus that take from it */
	uint32_t state;	  /* enum sched_state */
	uint32_t pcpu;	  /* whose queue; changes only while RUNNABLE and not on_cpu, or BLOCKED */
	uint32_t on_cpu;  /* atomic; its context is loaded on se->pcpu */
	uint32_t wakeups; /* a wake that came while it ran: sched_put(BLOCK) then stays runnable */
	uint32_t resting; /* RUNNING, and asleep: see sched_rest_begin(). Atomic for the console */
	uint8_t level;	  /* where it waits: its list of class fifo, or LEVEL_TREE (runq.h) */
	bool uncapped; /* a task's: its group's cap is none of its own. See sched_task_set_capped() */
	bool queued;   /* waits on pcpu's queue; RUNNABLE and not: throttled, or on its way */
	bool migrates;	    /* between two queues: its vtime is to stay the same */
	bool woken;	    /* has not run since it was blocked */
	uint64_t slice_end; /* host time */
	uint64_t budget_end; /* host time: what it took of its group's pool lasts until then; TIMER_NEVER: it took nothing */
	uint32_t weight;	  /* atomic for those without the lock */
	struct pcpu_set affinity; /* the same */

	/* fixed */
	bool (*step)(struct sched_entity *se); /* a task's: sched_task_init(). NULL: a vcpu */
	enum sched_class class;
	uint32_t priority;
	uint64_t slice;		   /* ticks; 0: none (fifo) */
	struct sched_group *group; /* or NULL */
	struct sched_entity *next_member;
	uint32_t label; /* in the timeline: trace_label() */

	struct sched_fair fair;
	struct sched_spin spin;
	struct sched_account account;
};

/* sched_init - @nr queues. Called once, before any entity. HV_ENOMEM. */
int sched_init(unsigned int nr, uint64_t ticks_per_second);

/* sched_set_pcpus - no more than @nr pcpus have come, the first ones. Before there is any entity. */
void sched_set_pcpus(unsigned int nr);

/* sched_init_pcpu - each pcpu once, after sched_init(): its queue is its own. */
void sched_init_pcpu(void);

/* sched_group_init - a group whose members together get at most @cap percent of one hart; 0: no cap. */
void sched_group_init(struct sched_group *g, uint32_t cap);

/*
 * sched_group_set_cap - from now on the members of @g, and its @task, which may be NULL, together get at most @cap percent of one hart;
 * 0: no cap, and what waits for the next period goes on then. sched_set_weight - @se has @weight, not 0, from now on; what it is owed
 * stays the same time. Class fifo has no weights, and stays as it is. One caller at a time for a group. Any hart; take runq locks, and that of the group.
 */
void sched_group_set_cap(struct sched_group *g, uint32_t cap, struct sched_entity *task);
void sched_set_weight(struct sched_entity *se, uint32_t weight);

/*
 * sched_set_affinity - @se may run on @set from now on, some of which are online. When it returns @se may be running elsewhere still, but is
 * picked there no more. One caller at a time for an entity. Any hart; takes runq locks, one at a time.
 *
 * sched_must_unload - own pcpu, which has nothing to run, and the context of @se loaded: must that leave, so that an entity can be moved?
 */
void sched_set_affinity(struct sched_entity *se, const struct pcpu_set *set);
bool sched_must_unload(const struct sched_entity *se);

/* sched_group_exit - no timer of @g fires any more: its members are to be forgotten. */
static inline void sched_group_exit(struct sched_group *g)
{
	timer_cancel(&g->timer);
}

/*
 * sched_group_stop - from @now on no member's waiting is counted, as the caller keeps them from running
 * and stops their clocks, too. sched_group_go - it is again. One caller at a time; takes runq locks.
 */
void sched_group_stop(struct sched_group *g, uint64_t now);
void sched_group_go(struct sched_group *g, uint64_t now);

/*
 * sched_entity_init - BLOCKED, on the pcpu of its affinity that has fewest of its siblings, then fewest
 * entities. @g NULL: it has no siblings and no cap; @p NULL: all defaults. No other member of @g is
 * being added meanwhile.
 */
void sched_entity_init(struct sched_entity *se, struct sched_group *g,
		       const struct sched_params *p);

/*
 * sched_task_init - @se is a task of group @g: BLOCKED, with the class, weight and affinity of @p. It shares the group's
 * cap. It is no sibling of the vcpus, so nothing yields to it, and it is none of the group's members. While it runs its
 * pcpu calls @step again and again, without locks (run/task.c). @step does a bounded part, some 10,000 instructions at
 * most, since that is what a more urgent entity may have to wait for. False: nothing is left to do, until sched_wake().
 */
void sched_task_init(struct sched_entity *se, struct sched_group *g, const struct sched_params *p,
		     bool (*step)(struct sched_entity *se));

/* sched_task_set_capped - own pcpu, in its step: from now on the group's cap holds for @se, or it does not. */
void sched_task_set_capped(struct sched_entity *se, bool capped);

/* sched_set_label - what the timeline calls @se (trace_label()). Before it runs. */
static inline void sched_set_label(struct sched_entity *se, uint32_t label)
{
	se->label = label;
}

/* sched_label - as it was set. */
static inline uint32_t sched_label(const struct sched_entity *se)
{
	return se->label;
}

/*
 * The timeline, on a hart that writes events. sched_trace_begin - this hart has just begun to: what runs here? sched_trace_state - what
 * @se does now. Each takes one runq lock.
 */
void sched_trace_begin(void);
void sched_trace_state(struct sched_entity *se);

/* sched_state - what @se does; a hint, without a lock. */
static inline enum sched_state sched_state(const struct sched_entity *se)
{
	return (enum sched_state)atomic_read(&se->state);
}

/* sched_pcpu - the pcpu whose queue @se belongs to; a hint, without a lock. */
static inline uint32_t sched_pcpu(const struct sched_entity *se)
{
	return atomic_read(&se->pcpu);
}

/*
 * sched_has_left - is @se blocked, and has left its hart? The hart looks at it a last time before that (sched_unloaded()).
 * True for ever if nothing wakes it.
 */
static inline bool sched_has_left(const struct sched_entity *se)
{
	return atomic_read_acquire(&se->state) == SCHED_BLOCKED &&
	       !atomic_read_acquire(&se->on_cpu);
}

/* sched_affinity - where @se may run. */
static inline const struct pcpu_set *sched_affinity(const struct sched_entity *se)
{
	return &se->affinity;
}

/* sched_is_task - is @se a task, not a vcpu? */
static inline bool sched_is_task(const struct sched_entity *se)
{
	return se->step != NULL;
}

/* sched_entity_exit - forget a blocked entity (it no longer counts for its pcpu). */
void sched_entity_exit(struct sched_entity *se);

/*
 * sched_wake - make @se runnable. From any hart, any time; a wake of an entity that runs is
 * remembered, so that a block which is just being decided does not lose it. Puts it on an idle pcpu's
 * queue, else on its last one's, and sees to it that this pcpu looks (by an IPI if it sleeps, ran
 * without a timer, or must be preempted). Returns true when @se was blocked.
 * Locks: takes one runq lock; the caller holds none of floor 4 or below.
 */
bool sched_wake(struct sched_entity *se);

/*
 * sched_expedite - from now on @se comes before all others wherever it waits, whatever their class and priority. For an
 * entity that needs its pcpu for a moment only, to end. Between two such entities, or turns of one, what waits of class
 * fifo has a turn. It still waits for its group's next period when the cap is used up. sched_expedite_end - as before.
 * Each takes one runq lock.
 */
void sched_expedite(struct sched_entity *se);
void sched_expedite_end(struct sched_entity *se);

/* sched_pick - the next entity for this pcpu, now RUNNING and on_cpu, its slice started; NULL: idle. */
struct sched_entity *sched_pick(uint64_t now);

enum sched_reason {
	SCHED_PREEMPTED, /* still runnable */
	SCHED_YIELDED,	 /* the same, of its own will */
	SCHED_BLOCKS,	 /* wait for sched_wake(), unless one came meanwhile */
};

/* sched_running - what this pcpu was given last. */
struct sched_entity *sched_running(void);

/* sched_put - the running entity @se of this pcpu stops. */
void sched_put(struct sched_entity *se, enum sched_reason why, uint64_t now);

/* sched_switch - @se stops, and the next one is picked: sched_put() and sched_pick() in one go. */
struct sched_entity *sched_switch(struct sched_entity *se, enum sched_reason why, uint64_t now);

/* sched_unloaded - @se's context left this pcpu's CSRs: it may be moved now. */
void sched_unloaded(struct sched_entity *se);

/* sched_others_wait - is anything queued for this pcpu besides what runs? One load. */
bool sched_others_wait(void);

/*
 * sched_should_switch - this pcpu, which runs @se: must it be put? Its slice or its group's cap is used
 * up, or an entity with a better claim waits. Reads no clock when it is alone and has no cap.
 */
bool sched_should_switch(struct sched_entity *se);

/* sched_next_look - when @se, which runs here, must be looked at again; TIMER_NEVER: it is alone. */
uint64_t sched_next_look(const struct sched_entity *se);

/*
 * sched_yield_to - @from, which runs here, gives the rest of its slice to @to, a waiting entity of its
 * group, fetched from another pcpu's queue if its affinity allows. They exchange their claims on time,
 * so that for all others nothing changes. True: put @from as YIELDED now, @to is picked next.
 */
bool sched_yield_to(struct sched_entity *from, struct sched_entity *to);

/*
 * sched_switch_to - sched_yield_to(), and when @asleep, sched_wake(@to) before: @to is a sibling that sleeps, and a call
 * that wakes it is often a question to it. So where the two are peers @to gets the hart on loan (loan.c).
 */
enum sched_switched {
	SCHED_GO_ON,	/* @from runs on */
	SCHED_PUT_ME,	/* put @from as YIELDED: @to is picked next */
	SCHED_SWITCHED, /* @to runs here already: sched_running() */
};
enum sched_switched sched_switch_to(struct sched_entity *from, struct sched_entity *to,
				    bool asleep);

/*
 * sched_hand_back - @se, which was handed its hart, blocks: if no other event has changed this queue, the lender
 * runs here again, and is returned. NULL: nothing was done, and it takes sched_switch().
 */
struct sched_entity *sched_hand_back(struct sched_entity *se, uint64_t now);

/* sched_task_step - a step of the task @se, which runs here. False: nothing is left to do, until sched_wake(). */
static inline bool sched_task_step(struct sched_entity *se)
{
	return se->step(se);
}

/* sched_waits - is @se waiting for a hart? A hint, without a lock. */
static inline bool sched_waits(const struct sched_entity *se)
{
	return atomic_read(&se->state) == SCHED_RUNNABLE;
}

/*
 * sched_spin_yield - @from, which runs here, executed WRS.NTO: something that it waits for did not
 * happen. Yields to a preempted sibling that may make it happen: first those that do not spin
 * themselves, the longest waiting first; then, as locks have queues, the one that has been spinning longest and
 * was not tried since one of them got on. False: go on spinning.
 */
bool sched_spin_yield(struct sched_entity *from);

/* sched_spins - was WRS.NTO what @se left its guest by last? Own pcpu, or a hint. */
static inline bool sched_spins(const struct sched_entity *se)
{
	return se->spin.on;
}

/* sched_set_spins - own pcpu: it was, or was not. A change says that it did something else before. */
static inline void sched_set_spins(struct sched_entity *se, bool on)
{
	if (on == se->spin.on)
		return;
	atomic_set(&se->spin.on, on);
	se->spin.renewed = true;
}

/* sched_spin_renew - own pcpu: it did something else since its last WRS.NTO. */
static inline void sched_spin_renew(struct sched_entity *se)
{
	se->spin.renewed = true;
}

/*
 * sched_rest_begin - @se, which runs here alone, will sleep without leaving the hart: for others it is
 * idle, and a wake interrupts it. False: it was woken just now, or another one waits, or it has a cap: put
 * it. sched_rest_end - it goes on, or is to be put after all. In between the time is that of a block.
 */
bool sched_rest_begin(struct sched_entity *se, uint64_t now);
void sched_rest_end(struct sched_entity *se, uint64_t now);

/*
 * sched_take_wake - @se, which runs here, goes on by itself although another hart has decided to wake it:
 * wait until it has, and forget the wake. That hart is on its way to sched_wake(), and waits for no guest.
 */
void sched_take_wake(struct sched_entity *se);

/*
 * sched_idle_begin - this pcpu has found nothing to run: it is idle for others from now on. False: there
 * is something after all. sched_idle_end - it looks at its queue again.
 */
bool sched_idle_begin(void);
void sched_idle_end(void);

/* sched_waited_ticks - how long @se has been runnable without running, up to when it last began to run: steal. */
static inline uint64_t sched_waited_ticks(const struct sched_entity *se)
{
	return atomic_read(&se->account.wait);
}

/* sched_run_ticks - how long @se has run, up to when it was last put. */
static inline uint64_t sched_run_ticks(const struct sched_entity *se)
{
	return atomic_read(&se->account.run);
}

/* sched_ran_ticks - how long @se has run until @now. Its own pcpu, while it runs or has not been put. */
static inline uint64_t sched_ran_ticks(const struct sched_entity *se, uint64_t now)
{
	return atomic_read(&se->account.run) + now - atomic_read(&se->account.since);
}

/* What an entity has done with its time until now, in ticks. */
struct sched_times {
	uint64_t run;
	uint64_t wait; /* runnable, and not running: steal */
	uint64_t block;
};

/* How often something was done to an entity. */
struct sched_counts {
	uint64_t switches, migrations, yields;
	uint64_t max_latency; /* ticks, from a wake until it ran */
};

/* sched_counts - of @se; from any hart, without a lock: a snapshot. */
static inline struct sched_counts sched_counts(const struct sched_entity *se)
{
	return (struct sched_counts){
		.switches = atomic_read(&se->account.switches),
		.migrations = atomic_read(&se->account.migrations),
		.yields = atomic_read(&se->account.yields),
		.max_latency = atomic_read(&se->account.max_latency),
	};
}

/* sched_measure_waits - @w, of zeroes, is where @se's waits are counted while a hart measures times (arch/trace.h). It stays as long as @se. */
static inline void sched_measure_waits(struct sched_entity *se, struct sched_waits *w)
{
	atomic_set_release(&se->account.waits, (uintptr_t)w);
}

/* sched_clear_latency - max_latency begins anew. */
static inline void sched_clear_latency(struct sched_entity *se)
{
	atomic_set(&se->account.max_latency, 0);
}

/* sched_times - of @se until host time @now, its present state included; from any hart, without a lock: a snapshot. */
struct sched_times sched_times(const struct sched_entity *se, uint64_t now);

/* sched_queue_length - entities waiting on pcpu @p (a snapshot, for the console). */
unsigned int sched_queue_length(unsigned int p);

#endif
