/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A vm: a guest. What the run loop and the device models need of it; making, ending and describing it
 * is floor 7's.
 *
 * states: BUILDING -> RUNNING -> STOPPING -> OFF | CRASHED, or -> BUILDING again for a reboot;
 * FAILED: its configuration or its loading was wrong, it never ran.
 */
#ifndef VCPU_VM_H
#define VCPU_VM_H

#include "lib/index.h"
#include "lib/spinlock.h"
#include "lib/work.h"
#include "mm/arena.h"
#include "mm/gstage.h"
#include "sched/sched.h"

#define VM_MAX	     64
#define VM_MAX_VCPUS 64
#define VM_NAME_MAX  31

enum vm_state {
	VM_BUILDING,
	VM_RUNNING,
	VM_STOPPING, /* all vcpus have been told; the life cycle goes on when none is active */
	VM_OFF,
	VM_CRASHED,
	VM_FAILED,
};

enum vm_stop {
	VM_STOP_NONE,
	VM_STOP_POWEROFF,
	VM_STOP_REBOOT,
	VM_STOP_CRASH,	 /* the guest did what ends it; vm->stop_why says what */
	VM_STOP_DESTROY, /* by the operator */
};

struct mmio_bus;
struct term_stream;
struct vcpu;
struct vm_config;
struct vplic;
struct vuart;

/* The paravirtual interfaces that a VM has (hartvisor/pv.h). */
struct vm_pv {
	uint64_t calls; /* bit n: FID n of the vendor extension; 0: it has none */
	bool pvlk;	/* KICK_CPU by its other number, too */
	gpa_t locks;	/* of vcpu 0's PV-lock structure, the others' follow; 0: not placed yet */
};

struct vm {
	char name[VM_NAME_MAX + 1];
	unsigned int id;
	uint32_t state; /* enum vm_state, atomic */
	uint32_t stop;	/* enum vm_stop, atomic: the first one to stop it wins */
	char stop_why[80];
	uint32_t active;      /* atomic: vcpus that have not yet seen VM_DEAD */
	uint32_t paused;      /* atomic; 1: no vcpu enters the guest (vm_pause) */
	uint64_t paused_at;   /* host time */
	struct spinlock lock; /* outermost: life cycle and G-stage writers */

	struct arena arena;
	struct gstage gstage;
	unsigned int nr_vcpus;
	struct vcpu *vcpus[VM_MAX_VCPUS]; /* index = vcpu id = guest hart id */
	uint64_t htimedelta;		  /* atomic; guest time = host time + it */
	uint64_t henvcfg;
	uint64_t hcounteren;

	struct vm_pv pv;	  /* fixed once it runs */
	struct sched_group group; /* of its vcpus; made before the first of them */
	uint64_t halt_poll_max;	  /* ticks; 0: none (vcpu/poll.h) */

	struct mmio_bus *bus;
	struct vplic *plic;
	struct vuart *uart;
	struct term_stream *stream; /* its console */
	const struct vm_config *config;
	struct work life; /* reset and end, in steps (vm/lifecycle.c) */
};

extern struct vm *vms[VM_MAX]; /* [0, nr_vms), fixed after boot */
extern unsigned int nr_vms;

/* vm_vcpu - the vcpu with guest hart id @hartid, or NULL. */
static inline struct vcpu *vm_vcpu(const struct vm *vm, uint64_t hartid)
{
	if (hartid >= vm->nr_vcpus)
		return NULL;
	return vm->vcpus[index_below(hartid, vm->nr_vcpus)];
}

/* vm_all_vcpus - the set of all of its vcpus. */
static inline uint64_t vm_all_vcpus(const struct vm *vm)
{
	return vm->nr_vcpus == 64 ? UINT64_MAX : BIT(vm->nr_vcpus) - 1;
}

/*
 * vm_stop - begin to end @vm: every vcpu gets VM_DEAD and none enters the guest again. The first call
 * decides @how; returns false when somebody was first. @why: a short text for the log, with
 * VM_STOP_CRASH. Returns at once; the life cycle finishes it. The caller may be one of its vcpus.
 * Context: any hart, no locks.
 */
bool vm_stop(struct vm *vm, enum vm_stop how, const char *why);

/*
 * vm_pause - when it returns true no vcpu of @vm is in the guest, and none enters before vm_resume().
 * The guest's clock stands still meanwhile. False: it is not running, or paused already.
 * vm_resume - go on. False: it was not paused, or has ended since.
 * Context: one operator at a time; not from a vcpu of @vm; no locks.
 */
bool vm_pause(struct vm *vm);
bool vm_resume(struct vm *vm);

/*
 * vm_give_back_ram - take [base, base+size) from @vm: unmap it, flush every vcpu and wait (TLB_FLUSH), so
 * that neither a hart's TLB nor a reader of the tables has it any more, and only then free the pages.
 * Accesses of the guest get access faults from then on. HV_EINVAL, HV_ENOMEM: as gstage_unmap_ram().
 * Takes vm->lock; nobody needs it on his way out of a guest.
 */
int vm_give_back_ram(struct vm *vm, gpa_t base, uint64_t size);

#endif
