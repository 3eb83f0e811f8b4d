/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cells: a sleep of vcpu/sleep.h, a way into it, and something that comes. What that table says of the pair is
 * what must be: the reason ends the sleep, whenever it comes, or it never does. A cell is a scene, explored
 * like any other, but small, since there are hundreds.
 */
#ifndef EXPLORER_CELLS_H
#define EXPLORER_CELLS_H

#include "explorer/scene.h"

#define ALL_IRQS (BIT(IRQ_S_SOFT) | BIT(IRQ_S_TIMER) | BIT(IRQ_S_EXT))

/* How the vcpu goes to sleep, and what wakes: with Sstc its own timer, without the host's in its stead. */
struct way {
	const char *name;
	bool rests, polls, sstc;
};

struct reason {
	const char *name;
	unsigned int bit; /* enum wake_reason; 0: it ends no sleep */
	void (*outsider)(void *i);
	bool timer;	/* the guest arms its timer first */
	bool masked;	/* the guest has enabled no interrupt */
	bool only_stop; /* it is for a hart that is stopped */
};

extern const char *const sleep_names[NR_VCPU_SLEEPS];

/* Each ends with one that has no name. */
extern const struct way ways[];
extern const struct reason reasons[];

/* cell_is_possible - can there be such a cell? */
bool cell_is_possible(enum vcpu_sleep kind, const struct way *way, const struct reason *r);

/* cell_begin - a scene with @harts pcpus for @vcpus, of which vcpu 0 goes into @kind by @way, and @others. */
void cell_begin(enum vcpu_sleep kind, const struct way *way, const struct reason *r,
		unsigned int others, unsigned int vcpus);

/* cell_explore - @what: in which scene. */
void cell_explore(const char *what, void (*final)(void));

/* final_ended - its VM has. final_woken, final_asleep - its one sleep has ended; it sleeps. */
void final_ended(void);
void final_woken(void);
void final_asleep(void);

#endif
