/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A vm: a guest. What the run loop and the device models need of it; making, ending and describing it
 * is floor 7's.
 *
 * states: BUILDING -> RUNNING -> STOPPING -> OFF | CRASHED, or -> BUILDING again for a reboot.
 * RUNNING -> PAUSING -> PAUSED -> RUNNING: a pause. PAUSING ends when the last vcpu is out of the guest; the guest's
 * clock stands still while it is PAUSED, and a resume has no effect before. A VM that ends while it is paused is STOPPING.
 * BUILDING -> STOPPING: an operator ends or resets it while it is loaded. BUILDING -> FAILED: it could not be loaded.
 * OFF, CRASHED, FAILED -> BUILDING: an operator starts it (again). A VM that could not be made is FAILED for ever.
 * OFF, CRASHED, FAILED -> DESTROYED: it is taken away (vm/destroy.h), and found no more (vcpu/registry.h).
 *
 * Every transition is made by one function (vm.c, set_state), which knows the table of legal ones. vm->transition makes
 * one at a time, whichever hart takes it: an operator, the guest, a timer or the life cycle. It is held for a few
 * stores and requests, and never while waiting for a vcpu.
 */
#ifndef VCPU_VM_H
#define VCPU_VM_H

#include "lib/atomic.h"
#include "lib/index.h"
#include "lib/spinlock.h"
#include "mm/arena.h"
#include "mm/gstage.h"
#include "sched/sched.h"
#include "vcpu/vcpu_set.h"
#include "vcpu/watch.h"

#define VM_MAX	    64
#define VM_NAME_MAX 31

/* Phandles of the guest's tree: below these are those of nodes that each VM has; vcpu @n's controller is at
 * VM_PHANDLE_INTC + n; parts get what follows from VM_PHANDLE_PARTS on. */
#define VM_PHANDLE_CPU	 0x100
#define VM_PHANDLE_INTC	 0x200
#define VM_PHANDLE_PARTS 0x300

/* RUNNING is 0, since each entry asks for it. */
enum vm_state {
	VM_RUNNING,
	VM_PAUSING, /* no vcpu enters the guest; some may still be in it */
	VM_PAUSED,  /* no vcpu is in the guest */
	VM_BUILDING,
	VM_STOPPING, /* all vcpus have been told; the life cycle goes on when none is active */
	VM_OFF,
	VM_CRASHED,
	VM_FAILED,
	VM_DESTROYED,
	VM_STATES,
};

enum vm_stop {
	VM_STOP_NONE,
	VM_STOP_POWEROFF,
	VM_STOP_REBOOT,
	VM_STOP_CRASH,	 /* the guest did what ends it; vm->stop_why says what */
	VM_STOP_DESTROY, /* by the operator */
};

/* How far the end of a VM is for which there is no reference any more (vm/destroy.h). */
enum vm_reap { REAP_OUTPUT, REAP_CALLS, REAP_TIMERS, REAP_ENTITIES, REAP_MEMORY };

struct mmio_bus;
struct term_stream;
struct vcpu;
struct vm_config;
struct vm_life;
struct virqchip;
struct virtio_slots;
struct vm_part_of;
struct vm_reserved;

/* The paravirtual interfaces that a VM has (hartvisor/pv.h). */
struct vm_pv {
	uint64_t calls; /* bit n: FID n of the vendor extension; 0: it has none */
	bool pvlk;	/* KICK_CPU by its other number, too */
	gpa_t locks;	/* of vcpu 0's PV-lock structure, the others' follow; 0: not placed yet */
};

/* What the device that is the guest's end of a console wants to be told. Any hart, no locks of term held. */
struct vm_console_port {
	void (*input_ready)(void *dev);	 /* the stream has input; NULL: there is no such device */
	void (*output_ready)(void *dev); /* the stream has room again */
	void *dev;
};

/*
 * The device by which a VM gives memory back (dev/virtio/balloon.c): some of its RAM may be holes (mm/gstage.h). What is needed
 * comes again, of zeroes, in steps. @v: a vcpu of the VM in an exit of its own. It is to try again when the answer is true,
 * perhaps after a sleep, as the host may have no memory left.
 */
struct vm_balloon {
	/* touch - the RAM at @a is needed. False: it is no hole; or, with @v NULL, the host has no memory. In a bracket of
	 * vm_mem.h, or with @v not NULL; any locks of ranks before LOCK_PAGES but LOCK_VM. */
	bool (*touch)(struct vm_balloon *b, struct vcpu *v, gpa_t a);
	/* fault - a guest page fault at @a. False: that is no RAM. */
	bool (*fault)(struct vm_balloon *b, struct vcpu *v, gpa_t a);
	/* aim - the operator wants the VM to give back @bytes in all. Any hart, no locks; the caller has a reference. */
	void (*aim)(struct vm_balloon *b, uint64_t bytes);
};

/* A console besides the VM's own, in the memory of its device (vm_add_console()). */
struct vm_console {
	struct vm *vm;
	struct term_stream *stream;
	struct vm_console_port port;
	/* Why what is typed is not read, while the VM runs; NULL: it is. With the term lock held. */
	const char *(*absent)(void *dev);
	struct vm_console *next;
};

/* Guest-physical addresses that are no RAM, which parts map something at (vm_new_window()). */
struct vm_windows {
	uint64_t next;	/* where the next one comes */
	uint64_t end;	/* of the last one; 0: there is none */
	uint64_t limit; /* what the machine's G-stage addresses */
};

struct vm {
	char name[VM_NAME_MAX + 1];
	unsigned int id;
	/* LOCK_VM_TRANSITION; guards writing state, stop, paused_at, htimedelta */
	struct spinlock transition;
	uint32_t state; /* enum vm_state, atomic */
	uint32_t stop;	/* enum vm_stop, atomic: the first one to stop it wins */
	char stop_why[80];
	bool doomed; /* guarded by `transition`: it is to be destroyed, and builds no more */
	bool made; /* all its objects are there; false: its configuration or a lack of memory forbids it */
	uint32_t waits; /* atomic; 1: does not start by itself, and has not been started yet */
	unsigned int
		told; /* the task's, while it is STOPPING: vcpus that have been woken for their end */
	uint32_t active; /* atomic: vcpus that have not yet seen VM_DEAD; 0: none of this life is left */
	uint32_t pauses;      /* counts them; guarded by `transition` */
	uint64_t ended_at;    /* atomic; host time, of a VM that has ended */
	uint64_t paused_at;   /* host time; PAUSED: since then the guest's clock stands still */
	struct spinlock lock; /* LOCK_VM: G-stage writers */

	struct arena arena;
	struct gstage gstage;
	uint32_t mem_open; /* atomic; device code may use its memory (vcpu/vm_mem.h) */
	uint32_t dma;	   /* atomic: requests that devices of the machine have, with parts of it */
	uint64_t mem_gen;  /* atomic; counts the changes that make a pointer into it invalid */
	unsigned int nr_vcpus;
	struct vcpu *vcpus[VM_MAX_VCPUS]; /* index = vcpu id = guest hart id */
	uint64_t htimedelta;		  /* atomic; guest time = host time + it */
	uint64_t henvcfg;
	uint64_t hcounteren;
	uint64_t hedeleg; /* atomic; HEDELEG_GUEST, and without breakpoints while it has a debugger */
	uint32_t debugged; /* atomic: it has one (vm/debug.h) */

	struct vm_pv pv;	  /* fixed once it runs */
	struct sched_group group; /* of its vcpus; made before the first of them */
	uint64_t halt_poll_max;	  /* ticks; 0: none (vcpu/poll.h) */
	uint64_t watchdog;	  /* ticks; 0: none (vcpu/watch.h) */

	struct mmio_bus *bus;
	struct virqchip *irqchip;	      /* its interrupt controller (irqchip/virqchip.h) */
	struct virtio_slots *virtio;	      /* dev/virtio/transport.h */
	struct vm_balloon *balloon;	      /* NULL: all of its RAM is there; then fixed */
	struct vm_part_of *parts, *last_part; /* as they were made (vcpu/vm_part.h); then fixed */
	struct vm_reserved *reserved;	      /* of its RAM */
	uint32_t nr_phandles;		      /* that vm_new_phandle() has given */
	struct vm_windows windows;	      /* behind its RAM */
	struct vm_console_port console;	      /* a device that shows it */
	struct term_stream *stream;	      /* its console */
	struct vm_console *consoles;	      /* further ones, as they were made; then fixed */
	struct vcpu_set console_waits;	/* atomic: sleep until there is room (vcpu/console.h) */
	const struct vm_config *config; /* its own copy */
	struct sched_entity task;	/* made and ended by it, in steps (vm/lifecycle.c) */
	struct vm_life *life; /* the life cycle's; NULL: it could not be made, and has no task */
	struct vm_watch watch;
	struct vcpu_timed *timed; /* of all its vcpus, or NULL (timed.h) */

	uint32_t refs; /* atomic: vcpu/registry.h */
	void (*release)(struct vm *vm);
	enum vm_reap reaped; /* the reaper's */
	struct list dying;
};

/* vm_vcpu - the vcpu with guest hart id @hartid, or NULL. */
static inline struct vcpu *vm_vcpu(const struct vm *vm, uint64_t hartid)
{
	if (hartid >= vm->nr_vcpus)
		return NULL;
	return vm->vcpus[index_below(hartid, vm->nr_vcpus)];
}

/* vm_all_vcpus - the set of all of its vcpus. */
static inline struct vcpu_set vm_all_vcpus(const struct vm *vm)
{
	return vcpu_set_first(vm->nr_vcpus);
}

/* vm_lowest_vcpu - the vcpu of @vm with the lowest id in @set, which is not empty. */
static inline struct vcpu *vm_lowest_vcpu(const struct vm *vm, struct vcpu_set set)
{
	return vm->vcpus[bit_first(set.bits)];
}

/* vm_for_each_vcpu - @v is each vcpu of @vm in @set, as the set was at the beginning, in the order of their ids. */
#define vm_for_each_vcpu(v, vm, set)                                              \
	for (struct vcpu_set left_ = (set);                                       \
	     !vcpu_set_empty(left_) && (((v) = vm_lowest_vcpu(vm, left_)), true); \
	     left_ = vcpu_set_rest(left_))

/* vm_set_state - @vm goes to state @to. False: not from the state that it has (the table in vm.c). */
bool vm_set_state(struct vm *vm, enum vm_state to);

/* Told of each transition, with vm->transition held, for the log and for the control channel; NULL: nothing is. Written while there
 * is no VM. */
extern void (*vm_state_trace)(const struct vm *vm, enum vm_state from, enum vm_state to);
extern void (*vm_state_event)(const struct vm *vm, enum vm_state from, enum vm_state to);

/* vm_trace_state - this hart writes to the timeline that @vm went from state @from to @to; the same one twice: that it is in it. */
void vm_trace_state(const struct vm *vm, enum vm_state from, enum vm_state to);

/* vm_may_run - may a vcpu of @vm enter the guest? Acquires what was written before the VM began, or went on. */
static inline bool vm_may_run(const struct vm *vm)
{
	return atomic_read_acquire(&vm->state) == VM_RUNNING;
}

/* vm_is_paused - does @state mean that the VM has a life, which an operator keeps from running? */
static inline bool vm_is_paused(enum vm_state state)
{
	return state == VM_PAUSING || state == VM_PAUSED;
}

/* vm_has_life - does @state mean that the VM's guest runs, or is paused? */
static inline bool vm_has_life(enum vm_state state)
{
	return state == VM_RUNNING || vm_is_paused(state);
}

/* vm_has_ended - does @state mean that the VM has no life, nor is going to have one unless it is started? */
static inline bool vm_has_ended(enum vm_state state)
{
	return state == VM_OFF || state == VM_CRASHED || state == VM_FAILED ||
	       state == VM_DESTROYED;
}

/*
 * vm_begin_life - the life cycle's, BUILDING -> RUNNING: all vcpus are active, none is paused, and the guest's clock
 * starts at host time @now. False: it is not BUILDING any more, an operator has stopped it.
 */
bool vm_begin_life(struct vm *vm, uint64_t now);

/*
 * vm_start - begin to build a @vm that has ended (again). Returns at once; the life cycle does it. False: it has not
 * ended, or it can never be started (vm->made). Context: any hart, no locks.
 */
bool vm_start(struct vm *vm);

/*
 * vm_stop - begin to end @vm, which runs or is being built: every vcpu gets VM_DEAD and none enters the guest again.
 * The first call decides @how; returns false when another call was first. @why: a short text for the log, with
 * VM_STOP_CRASH. Returns at once; the life cycle finishes it. The caller may be one of its vcpus.
 * Context: any hart, no locks.
 *
 * vm_stop_step - the task's, while a VM that is STOPPING has active vcpus: wake some of those that sleep, so that they
 * end. False: all have been woken; the last one to end wakes the task.
 */
bool vm_stop(struct vm *vm, enum vm_stop how, const char *why);
bool vm_stop_step(struct vm *vm);

/*
 * vm_pause - when it returns true no vcpu of @vm is in the guest, and none enters before vm_resume().
 * The guest's clock stands still meanwhile. False: it is not running, it is paused already or being paused, or it
 * ended just now.
 * vm_resume - go on. False: it was not paused (being paused is not enough), or has ended since.
 * Context: any hart; not from a vcpu of @vm; no locks.
 */
bool vm_pause(struct vm *vm);
bool vm_resume(struct vm *vm);

/* vm_guest_time - guest time at host time @now; while @vm is paused, that of when the pause began. No runq lock. */
uint64_t vm_guest_time(struct vm *vm, uint64_t now);

/*
 * vm_give_back_ram - take [base, base+size) from @vm: unmap it, flush every vcpu and wait (TLB_FLUSH), so
 * that neither a hart's TLB nor a reader of the tables has it any more, and only then free the pages.
 * Accesses of the guest get access faults from then on. HV_EINVAL, HV_ENOMEM: as gstage_unmap_ram().
 * Takes vm->lock; no vcpu needs it on its way out of a guest.
 */
int vm_give_back_ram(struct vm *vm, gpa_t base, uint64_t size);

#endif
