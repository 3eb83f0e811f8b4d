/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A scene: harts that run the real pcpu_loop() with guests that do what their script says, and outsiders
 * that ask for things.
 *
 *     scene(1, 1, 1, own_hart);
 *     runs(0, idles);
 *     outsider("sender", posts, 0);
 *     explore(4, final_common);
 *
 * What must hold is checked in the guest, at every instruction of it (guest.c), and at each end, when
 * every vcpu is done or asleep (the final_ functions). HV_LONG=1 explores further.
 *
 * A program of scenes is LIKE this file, which names what it is made of:
 *
 * SOURCES: hyp/vcpu/request.c hyp/vcpu/vcpu.c hyp/vcpu/irq.c hyp/vcpu/fence.c hyp/vcpu/hsm.c
 * SOURCES: hyp/pv/steal.c hyp/pv/magic.c hyp/vcpu/vm.c hyp/vcpu/guest_mem.c hyp/vcpu/vtimer.c hyp/vcpu/vm_mem.c
 * SOURCES: hyp/vcpu/poll.c hyp/sched/sched.c hyp/sched/account.c hyp/sched/fair.c hyp/sched/fifo.c hyp/sched/expedite.c hyp/sched/task.c
 * SOURCES: hyp/sched/cap.c hyp/sched/balance.c hyp/sched/yield.c hyp/sched/loan.c hyp/sched/place.c hyp/sched/rest.c
 * SOURCES: hyp/run/vcpu_run.c hyp/run/fastpath.c hyp/dev/mmio.c hyp/run/pcpu_loop.c hyp/run/task.c hyp/run/rest.c hyp/arch/smp.c hyp/arch/guest.c hyp/arch/features.c hyp/arch/timer.c
 * SOURCES: tests/unit/explorer/thread.c tests/unit/explorer/memory.c tests/unit/explorer/state.c
 * SOURCES: tests/unit/explorer/search.c tests/unit/explorer/trace.c tests/unit/explorer/world.c
 * SOURCES: tests/unit/explorer/guest.c tests/unit/explorer/actors.c tests/unit/explorer/scene.c
 * SOURCES: tests/unit/fake/hart.c tests/unit/fake/probe.c tests/unit/fake/no_magic_page.c
 * SOURCES: hyp/sbi/ipi.c hyp/sbi/rfence.c hyp/pv/vendor.c tests/unit/fake/call_table.c
 * SANITIZE: none
 * CFLAGS: -O2
 * INCLUDE: tests/unit/explorer
 */
#ifndef EXPLORER_SCENE_H
#define EXPLORER_SCENE_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include "explorer/explorer.h"
#include "explorer/world.h"

/* Which vcpu may run where: the affinity that scene() takes. */
extern const uint64_t own_hart[VCPUS_MAX], first_hart[VCPUS_MAX], any_hart[VCPUS_MAX];

/* Scripts. */
extern const enum guest_op runs_on[], takes[], waits_kick[], waits_kick_idle[], idles[],
	arms_and_idles[], arms_and_takes[], arms_and_halts[];

/*
 * scene - @harts pcpus that run guests and @others more for outsiders; @vcpus of which number i may run
 * on the pcpus in affinity[i].
 */
void scene(unsigned int harts, unsigned int others, unsigned int vcpus, const uint64_t affinity[]);

/* runs - vcpu @i has been running for a while when the scene begins, and is at its pcpu's queue. */
void runs(unsigned int i, const enum guest_op *script);

/* outsider - a thread on a pcpu without guests, which does @fn(@arg). */
void outsider(const char *name, void (*fn)(void *arg), uintptr_t arg);

/* explore - every order with so many preemptions, @final() at each end of one. */
#define explore(preemptions, final) explore_to(__func__, preemptions, final)
void explore_to(const char *name, unsigned int preemptions, void (*final)(void));

/* explore_cell - one of very many small scenes. */
void explore_cell(const char *name, void (*final)(void));

/* --- ends ------------------------------------------------------------------------------------------ */

/* nothing_is_left - no vcpu has slept over something. all_are_done - no outsider waits. */
void nothing_is_left(void);
void all_are_done(void);

/* final_common - both, and every interrupt was seen. */
void final_common(void);

/* --- what outsiders do ------------------------------------------------------------------------------ */

void asks_fence_i(void *set);
void kicks_request(void *i);
void posts(void *i);
void posts_twice(void *i);
void throws(void *i);
void throws_and_throws(void *i);
void pauses(void *unused);
void pauses_and_resumes(void *unused);

/* toggles_twice - twice: lets a VM that is paused go on, else pauses it, as the operator's key does. */
void toggles_twice(void *unused);

/* time_passes - once vcpu @i has armed its timer by ARM: till after its deadline, in two steps. */
void time_passes(void *i);
void pauses_before_time_passes(void *i);

/* pauses_over_deadline - once vcpu @i has armed its timer: the VM is paused till after its time. Then time_passes(). */
void pauses_over_deadline(void *i);

/* --- programs ---------------------------------------------------------------------------------------- */

/* Each halt goes through the scheduler, or not. */
int rest_off(void **state);
int rest_on(void **state);

#define WITHOUT_REST(test)                                             \
	{                                                              \
#test " (without rest)", test, rest_off, rest_on, NULL \
	}

/* The timers of harts and guests come by SBI. Then no vcpu rests. */
int sstc_off(void **state);
int sstc_on(void **state);

#define WITHOUT_SSTC(test)                                             \
	{                                                              \
#test " (without Sstc)", test, sstc_off, sstc_on, NULL \
	}

/* The one argument of a program: the scenes whose name matches it. */
#define run_scenes(tests, argc, argv)                      \
	({                                                 \
		if ((argc) > 1)                            \
			cmocka_set_test_filter((argv)[1]); \
		cmocka_run_group_tests(tests, NULL, NULL); \
	})

#endif
