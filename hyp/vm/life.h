/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the life cycle remembers of a VM between two steps. Written by the VM's task, so by one hart at a time;
 * other VMs' tasks read `phase`. Of lifecycle.c and destroy.c alone.
 */
#ifndef VM_LIFE_H
#define VM_LIFE_H

#include "arch/smp.h"
#include "vm/loader.h"

enum life_phase {
	PHASE_NONE, /* runs, or has ended and has no RAM */
	/* of a VM that is BUILDING, in this order */
	PHASE_WAIT, /* until begin_at */
	PHASE_RAM,
	PHASE_CLEAR,
	PHASE_BEGIN_LOAD,
	PHASE_LOAD,
	PHASE_VCPUS,
	/* of one that has ended */
	PHASE_WIPE,
};

struct vm_life {
	struct vm *vm;
	uint32_t phase; /* enum life_phase, atomic */
	uint64_t cleared;
	unsigned int vcpus; /* so many have been made ready, or have had their pages given back */
	bool resets;	    /* its life has ended: `part` is to be reset next */
	struct vm_part_of *part;
	uint64_t started_at;
	uint64_t begin_at; /* PHASE_WAIT: host time */
	struct loader loader;
	struct timer restart;
};

#endif
