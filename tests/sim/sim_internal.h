/* SPDX-License-Identifier: BSD-2-Clause */
/* What the simulator and its check of invariants share. */
#ifndef SIM_SIM_INTERNAL_H
#define SIM_SIM_INTERNAL_H

#include "sim/sim.h"

#define SIM_GROUPS_MAX 20000

struct sim_hart {
	struct pcpu pcpu;
	struct sim_vcpu *running;
	struct sim_vcpu *loaded;
	uint64_t since;
	uint64_t generation; /* events of older ones are void */
	bool kicked;
};

extern struct sim_hart *sim_harts;
extern unsigned int sim_nr_harts;
extern struct sched_group *sim_groups[SIM_GROUPS_MAX];
extern unsigned int sim_nr_groups;

/* sim_fail - an invariant is broken: says which, and of what, and ends the program. */
void sim_fail(const char *what, unsigned int index);

#endif
