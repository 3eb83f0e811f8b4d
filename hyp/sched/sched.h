/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scheduler knows entities, not guests: something that can be runnable or blocked and that a pcpu
 * runs for a slice. A vcpu embeds one.
 *
 * Each pcpu has a queue of the entities that wait for it; the one that runs is not on it. An entity
 * belongs to one queue at a time (se->pcpu), whose lock guards its state and links. Waking takes only
 * that lock; an idle pcpu takes waiting entities from others' queues (one lock at a time, never two).
 *
 * On a pcpu's way: sched_pick() gives an entity and marks it on_cpu; when it stops, sched_put() says
 * why. se->on_cpu stays set while the vcpu's guest state is still loaded in that pcpu's CSRs, and such
 * an entity is neither moved nor stolen; sched_unloaded() clears it.
 */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include "lib/list.h"

#define SCHED_SLICE_NS 10000000 /* 10 ms */

enum sched_state {
	SCHED_BLOCKED,	/* waits for sched_wake() */
	SCHED_RUNNABLE, /* on its pcpu's queue */
	SCHED_RUNNING,	/* picked by its pcpu */
};

struct sched_entity {
	struct list node;
	uint32_t state;	   /* enum sched_state; guarded by the queue's lock */
	uint32_t pcpu;	   /* whose queue; changes only while RUNNABLE and not on_cpu, or BLOCKED */
	uint32_t on_cpu;   /* atomic; its context is loaded on se->pcpu */
	uint32_t wakeups;  /* a wake that came while it ran: sched_put(BLOCK) then stays runnable */
	uint64_t affinity; /* bit n: may run on pcpu n */
	uint64_t slice_end; /* host time, ticks */
	uint64_t run_ticks; /* time it ran; written by its pcpu */
	uint64_t switches;
	uint64_t migrations;
};

/* sched_init - @nr queues. Called once, before any entity. HV_ENOMEM. */
int sched_init(unsigned int nr, uint64_t ticks_per_second);

/* sched_entity_init - BLOCKED, on the pcpu of @affinity that has fewest entities. */
void sched_entity_init(struct sched_entity *se, uint64_t affinity);

/* sched_entity_exit - forget a blocked entity (it no longer counts for its pcpu). */
void sched_entity_exit(struct sched_entity *se);

/*
 * sched_wake - make @se runnable. From any hart, any time; a wake of an entity that runs is
 * remembered, so that a block which is just being decided does not lose it. Puts it on an idle pcpu's
 * queue, else on its last one's, and sees to it that this pcpu looks (by an IPI if it sleeps or must
 * be preempted). Returns true when @se was blocked.
 * Locks: takes one runq lock; the caller holds none of floor 4 or below.
 */
bool sched_wake(struct sched_entity *se);

/* sched_pick - the next entity for this pcpu, now RUNNING and on_cpu, its slice started; NULL: idle. */
struct sched_entity *sched_pick(uint64_t now);

enum sched_reason {
	SCHED_PREEMPTED, /* still runnable: to the queue's tail */
	SCHED_YIELDED,	 /* the same, of its own will */
	SCHED_BLOCKS,	 /* wait for sched_wake(), unless one came meanwhile */
};

/* sched_put - the running entity @se of this pcpu stops. */
void sched_put(struct sched_entity *se, enum sched_reason why, uint64_t now);

/* sched_unloaded - @se's context left this pcpu's CSRs: it may be moved now. */
void sched_unloaded(struct sched_entity *se);

/* sched_others_wait - is anything queued for this pcpu besides what runs? One load. */
bool sched_others_wait(void);

/* sched_queue_length - entities waiting on pcpu @p (a snapshot, for the console). */
unsigned int sched_queue_length(unsigned int p);

#endif
