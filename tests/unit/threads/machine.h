/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vcpu protocol on real threads under TSan: what the programs share. chance.c has the luck and the bad
 * luck, world.c what the hypervisor's sources call, actors.c the threads that ask for things, guest.c the guests
 * that do anything at random and their exits.
 *
 * HV_SEED=n repeats a run as far as threads can, HV_ROUNDS=n says how long, HV_LONG=1 is a soak.
 *
 * SOURCES: hyp/vcpu/request.c hyp/vcpu/vcpu.c hyp/vcpu/irq.c hyp/vcpu/fence.c hyp/vcpu/hsm.c
 * SOURCES: hyp/pv/steal.c hyp/pv/magic.c hyp/vcpu/vm.c hyp/vcpu/guest_mem.c hyp/vcpu/vtimer.c hyp/vcpu/vm_mem.c
 * SOURCES: hyp/vcpu/poll.c hyp/sched/sched.c hyp/sched/account.c hyp/sched/fair.c hyp/sched/fifo.c hyp/sched/expedite.c hyp/sched/task.c
 * SOURCES: hyp/sched/cap.c hyp/sched/balance.c hyp/sched/yield.c hyp/sched/loan.c hyp/sched/place.c hyp/sched/rest.c hyp/lib/work.c
 * SOURCES: hyp/run/vcpu_run.c hyp/run/fastpath.c hyp/dev/mmio.c hyp/run/pcpu_loop.c hyp/run/task.c hyp/run/rest.c hyp/arch/smp.c hyp/arch/guest.c hyp/arch/features.c
 * SOURCES: hyp/arch/timer.c hyp/mm/vmid.c
 * SOURCES: tests/unit/threads/chance.c tests/unit/threads/world.c tests/unit/fake/hart.c tests/unit/fake/probe.c
 * SOURCES: tests/unit/fake/no_magic_page.c
 * SOURCES: hyp/sbi/ipi.c hyp/sbi/rfence.c hyp/pv/vendor.c tests/unit/fake/call_table.c
 * SANITIZE: thread
 * INCLUDE: tests/unit/threads
 */
#ifndef THREADS_MACHINE_H
#define THREADS_MACHINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "fake/hart.h"
#include "vcpu/vm.h"

#define VMS	      2
#define VCPUS	      3 /* of each VM */
#define ALL_VCPUS     (VMS * VCPUS)
#define PAGE_WORDS    8
#define WATCHDOG_SECS 30 /* without any progress; HV_WATCHDOG */
#define NS_PER_TICK   2	 /* of a 10 MHz clock that runs 200 times as fast */

#define read_now(p)	__atomic_load_n((p), __ATOMIC_RELAXED)
#define write_now(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define add_now(p, n)	__atomic_fetch_add((p), (n), __ATOMIC_RELAXED)

enum guest_op {
	NOP,
	WFI,
	SUSPEND,
	WAIT,
	YIELD,
	KICK,
	READ,
	STOP,
	SEND,
	FENCE,
	TIMER,
	TIMER_OFF,
	CLAIM,
	REBOOT
};

/* What the test knows of a vcpu. */
struct guest {
	enum guest_op op; /* own hart, as `at` */
	uint32_t inside;
	uint32_t calls; /* of others on their way to it */
	uint64_t posted, seen;
	uint64_t raised, claimed; /* the level line; raised under line */
	pthread_mutex_t line;
	uint64_t thrown, caught; /* with kicks: by others into its memory, and seen by it */
	uint32_t waits;		 /* for a kick alone */
	uint32_t slept; /* 1 + the sleep (enum vcpu_sleep) that it went into; 0: none since it ran */
	uint32_t timer; /* armed */
	uint64_t stays;
	uint64_t asked[NR_HART_FENCES], returned[NR_HART_FENCES], fenced[NR_HART_FENCES];
};

struct machine {
	struct vm vm;
	struct guest guests[VCPUS];
	pthread_rwlock_t life; /* written while it begins anew: no thread may ask for anything then */
	uint32_t dead;	       /* no vcpu may be in the guest */
	uint64_t newest;       /* time of the guest that was seen */
	uint64_t *table;       /* the page that readers find; atomic */
	uint64_t pages[2][PAGE_WORDS];
	unsigned int lives;
};

extern struct machine machines[VMS];
extern uint32_t calm;	 /* guests do nothing of their own */
extern uint32_t the_end; /* harts go home */
extern uint64_t operations, progress, seed;

/* What was seen to end a sleep. */
enum ended_by { BY_KICK, BY_IPI, BY_LEVEL, BY_TIMER, BY_START, NR_ENDED_BY };

/* How often, for the last line. */
extern struct did {
	unsigned int injects, levels, fences, flushes, pauses, starts, reboots, reads, timers,
		halts, fast;
	unsigned int ended[NR_VCPU_SLEEPS][NR_ENDED_BY];
} did;

static inline struct machine *machine_of(const struct vcpu *v)
{
	return container_of(v->vm, struct machine, vm);
}

static inline struct guest *guest_of(const struct vcpu *v)
{
	return &machine_of(v)->guests[v->id];
}

/* chance - one of [0, n). rng_begin - the calling thread's, by the seed. */
uint64_t chance(uint64_t n);
void rng_begin(unsigned int thread);

/* chaos - now and then another thread goes on here. */
void chaos(void);

/* broken - say it, and how to repeat it; the program ends. */
_Noreturn void broken(const char *fmt, ...);

/* from_environment - the number in @name, or @otherwise. */
unsigned int from_environment(const char *name, unsigned int otherwise);

/* harts_begin - @harts that run guests and @others more, with @sstc or timers by SBI; no vcpu runs yet. */
void harts_begin(unsigned int harts, unsigned int others, bool sstc);

/* hart - a thread: pcpu_loop() on pcpu @index. harts_end - they go home. */
void *hart(void *index);
void harts_end(unsigned int harts, pthread_t threads[]);

/* --- actors.c --------------------------------------------------------------------------------------- */

/* calls - @n calls more, or fewer, are on their way to @set of @mc: they may still run as before. */
void calls(struct machine *mc, uint64_t set, int n);

/* fences - the vcpus of @set have fenced when it returns. */
void fences(struct machine *mc, uint64_t set, enum hart_fence kind);

/* fence_begins, fence_ends - around a call of a guest's that does the same. */
struct fence_call {
	uint64_t set, asked[VCPUS];
	enum hart_fence kind;
};
void fence_begins(struct machine *mc, uint64_t set, enum hart_fence kind, struct fence_call *c);
void fence_ends(struct machine *mc, const struct fence_call *c);

/* posts - VSSIP to @v. post_begins, post_ends - around a call of a guest's that does so for @set. */
void posts(struct vcpu *v);
void post_begins(struct machine *mc, uint64_t set);
void post_ends(struct machine *mc, uint64_t set);

/* throws - what @v waits for with a kick: a word of its memory, then the call. */
void throws(struct vcpu *v);

/* raises - the external line of @v. claims - @v itself lowers it. */
void raises(struct vcpu *v);
void claims(struct vcpu *v);

void frees(struct machine *mc);
void pauses(struct machine *mc);

/* moves - and another one: @v may run on some of @harts harts from now on. */
void moves(struct vcpu *v, unsigned int harts);

/* toggles - another operator: lets a VM that is paused go on, else pauses it for a while. */
void toggles(struct machine *mc);

void reboots(struct machine *mc);
void starts(struct machine *mc);

/* begin_life - all vcpus as at power on, the first one starts. life_work - when the last life has ended. */
void begin_life(struct machine *mc);
bool life_step(struct sched_entity *se);

/* add_device - to @bus, the one where a store claims; guest.c. */
void add_device(struct mmio_bus *bus);

#endif
