// SPDX-License-Identifier: BSD-2-Clause
#include "vcpu/watch.h"

#include <inttypes.h>
#include <stdio.h>

#include "arch/timer.h"
#include "lib/log.h"
#include "vcpu/console.h"
#include "vcpu/vcpu.h"
#include "vcpu/registry.h"

/* How often all VMs are looked at, and in between those of them that show no life. */
#define LOOK_PERIOD_NS	 UINT64_C(1000000000)
#define SAMPLE_PERIOD_NS UINT64_C(125000000)

/* A round over many vcpus is made in pieces, so that no guest on this hart waits for all of it. */
#define VCPUS_AT_ONCE 64
#define PIECE_GAP_NS  UINT64_C(10000000)

/* So long without a sign of life: samples are taken; it is said that the VM spins. */
#define SAMPLE_AFTER_NS UINT64_C(3000000000)
#define SPINS_AFTER_NS	UINT64_C(30000000000)

/*
 * A loop that waits, and what it calls, is smaller than this. Timer interrupts go on in a panicked Linux, so
 * some samples lie elsewhere: at most one for four near the place.
 */
#define NEAR_BYTES   256
#define NEAR_ENOUGH  15
#define FAR_FRACTION 4

#define LOOPS_ENOUGH 8

static struct timer watch_timer;
void (*vm_watch_event)(const struct vm *vm);

/* The round over the VMs that goes on, and when the next one is a look at all of them. Only the timer's function is here. */
static struct {
	unsigned int next_vm;
	uint64_t began, look_at;
	bool looks;  /* else it takes samples only */
	bool doubts; /* some VM shows no life, and nothing is known of it yet */
} watch_round;

/*
 * Did @vm show life since the last look, as far as can be seen from outside? Adds to @busy the vcpus that
 * ran and did not sleep. One that only waited for a hart had no chance to show anything.
 */
static bool shows_life(struct vm *vm, uint64_t now, struct vcpu_set *busy)
{
	bool life = vm_written_at(vm) > vm->watch.since;
	uint64_t mmio = 0;

	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		struct vcpu *v = vm->vcpus[i];
		struct sched_times t = sched_times(&v->se, now);
		uint32_t used = (uint32_t)t.run, slept = (uint32_t)t.block;
		bool was_used = used != v->watch.used, has_slept = slept != v->watch.slept;

		v->watch.used = used;
		v->watch.slept = slept;
		mmio += atomic_read(&v->stats.exits[EXIT_MMIO]);
		if (was_used && has_slept)
			life = true;
		else if (was_used)
			vcpu_set_add(busy, i);
	}
	life |= mmio != vm->watch.mmio;
	vm->watch.mmio = mmio;
	return life;
}

static void lives(struct vm *vm, uint64_t now)
{
	vm->watch.since = now;
	vm->watch.doubted = vcpu_set_none();
	atomic_set(&vm->watch.found, WATCH_NOTHING);
	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		vm->vcpus[i]->watch.near = vm->vcpus[i]->watch.far = vm->vcpus[i]->watch.loops = 0;
}

static void count_up(uint8_t *count)
{
	if (*count < UINT8_MAX)
		(*count)++;
}

static void count_place(struct vcpu_watch *w, uint64_t pc)
{
	if (w->near && pc - w->place + NEAR_BYTES / 2 < NEAR_BYTES) {
		count_up(&w->near);
		return;
	}
	count_up(&w->far);
	if (w->near == 0 || w->far > 1 + w->near / FAR_FRACTION) {
		w->place = pc;
		w->near = 1;
		w->far = 0;
	}
}

/* Take what @v says of itself into account: of its place, once a look. True: it shows life. */
static bool sample_shows_life(struct vcpu *v)
{
	const struct vcpu_sample *s = &v->sample;
	struct vcpu_watch *w = &v->watch;
	/* vscause stays after the trap: a system call is news when it is another one than last time. */
	bool new_syscall = (s->what & SAMPLE_SYSCALL) && s->trap != w->trap;

	w->trap = s->trap;
	if (!(s->what & SAMPLE_TRAP_LOOP))
		w->loops = 0;
	else if (!w->counted)
		count_up(&w->loops);
	if (!w->counted)
		count_place(w, s->pc);
	w->counted = true;
	return (s->what & SAMPLE_USER) || new_syscall;
}

static bool spins(const struct vcpu_watch *w)
{
	return w->near >= NEAR_ENOUGH;
}

static void say(struct vm *vm)
{
	const struct vm_watch *w = &vm->watch;

	if (w->found == WATCH_TRAPS)
		log_warn("%s: traps for ever in its own trap handler, vcpu %u at pc 0x%" PRIx64
			 " (scause %u, stval 0x%" PRIx64
			 "): is the kernel linked for another address (load, entry)?",
			 vm->name, w->vcpu, w->pc, w->cause, w->tval);
	else
		log_warn("%s: seems to have panicked, or spins: no output, no user mode, no sleep "
			 "for %" PRIu64 " s, vcpu %u in supervisor mode near pc 0x%" PRIx64,
			 vm->name, SPINS_AFTER_NS / UINT64_C(1000000000), w->vcpu, w->pc);
}

static void found(struct vm *vm, const struct vcpu *v, enum vm_watch_found what)
{
	struct vm_watch *w = &vm->watch;

	if (w->found == what)
		return;
	atomic_set(&w->found, WATCH_NOTHING);
	w->vcpu = v->id;
	w->pc = v->watch.place;
	w->cause = v->sample.cause;
	w->tval = v->sample.tval;
	atomic_set_release(&w->found, what);
	if (vm_watch_event)
		vm_watch_event(vm);
	/* Programs without paging poll and spin on purpose: the list shows them, the log does not. */
	if (w->told || (what == WATCH_SPINS && !(v->sample.what & SAMPLE_PAGED)))
		return;
	w->told = true;
	say(vm);
}

/* False: it has no watchdog, or it is not time for it yet. */
static bool watchdog_resets(struct vm *vm, uint64_t now)
{
	if (!vm->watchdog || now - vm->watch.since < vm->watchdog)
		return false;
	log_warn("%s: watchdog: no sign of life for %" PRIu64 " s", vm->name,
		 timer_ticks_to_ns(now - vm->watch.since) / UINT64_C(1000000000));
	(void)vm_stop(vm, VM_STOP_REBOOT, NULL);
	return true;
}

/* The samples of the vcpus in @busy, of a VM without a sign of life since vm->watch.since. */
static void judge(struct vm *vm, struct vcpu_set busy, uint64_t now)
{
	const struct vcpu *spinner = NULL;
	struct vcpu *v;
	bool all = true, heard = true;

	vm_for_each_vcpu(v, vm, busy) {
		if (!atomic_read_acquire(&v->sample.fresh)) {
			all = all && spins(&v->watch);
			heard = heard && v->watch.counted;
			continue;
		}
		if (sample_shows_life(v)) {
			atomic_set_release(&v->sample.fresh, 0);
			lives(vm, now);
			return;
		}
		if (v->watch.loops >= LOOPS_ENOUGH)
			found(vm, v, WATCH_TRAPS);
		if (!spinner)
			spinner = v;
		all = all && spins(&v->watch);
	}
	if (all && spinner && vm->watch.found == WATCH_NOTHING &&
	    now - vm->watch.since >= timer_ns_to_ticks(SPINS_AFTER_NS))
		found(vm, spinner, WATCH_SPINS);
	vm_for_each_vcpu(v, vm, busy)
		atomic_set_release(&v->sample.fresh, 0);
	/* One that has not said what it does may be in user mode. */
	if (heard && watchdog_resets(vm, now))
		return;
	(void)vcpus_make_request(vm, busy, REQUEST_WATCH);
}

static void look(struct vm *vm, enum vm_state state, uint64_t now)
{
	struct vcpu_set busy = vcpu_set_none();

	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		vm->vcpus[i]->watch.counted = false;
	if (shows_life(vm, now, &busy) || vcpu_set_empty(busy) || vm_is_paused(state))
		lives(vm, now);
	else if (now - vm->watch.since >= timer_ns_to_ticks(SAMPLE_AFTER_NS))
		vm->watch.doubted = busy;
}

static void visit(struct vm *vm, uint64_t now)
{
	struct vm_watch *w = &vm->watch;
	enum vm_state state = atomic_read(&vm->state);

	if (!vm_has_life(state))
		return;
	if (watch_round.looks)
		look(vm, state, now);
	if (!vm_is_paused(state) && !vcpu_set_empty(w->doubted) &&
	    (watch_round.looks || w->found == WATCH_NOTHING))
		judge(vm, w->doubted, now);
	watch_round.doubts |= !vcpu_set_empty(w->doubted) && w->found == WATCH_NOTHING;
}

static uint64_t next_round_at(uint64_t now)
{
	uint64_t sample_at = watch_round.began + timer_ns_to_ticks(SAMPLE_PERIOD_NS);

	if (watch_round.doubts && sample_at < watch_round.look_at)
		return max_u64(sample_at, now + timer_ns_to_ticks(PIECE_GAP_NS));
	return watch_round.look_at;
}

static void visit_some(struct timer *t)
{
	uint64_t now = timer_now();
	unsigned int visited = 0;

	if (watch_round.next_vm == 0) {
		watch_round.began = now;
		watch_round.doubts = false;
		watch_round.looks = now >= watch_round.look_at;
		if (watch_round.looks)
			watch_round.look_at = now + timer_ns_to_ticks(LOOK_PERIOD_NS);
	}
	for (; watch_round.next_vm < VM_MAX && visited < VCPUS_AT_ONCE; watch_round.next_vm++) {
		struct vm *vm = vm_get(watch_round.next_vm);

		if (!vm)
			continue;
		visit(vm, now);
		visited += vm->nr_vcpus;
		vm_put(vm);
	}
	if (watch_round.next_vm < VM_MAX) {
		timer_arm(t, now + timer_ns_to_ticks(PIECE_GAP_NS));
		return;
	}
	watch_round.next_vm = 0;
	timer_arm(t, next_round_at(now));
}

void watch_start(void)
{
	watch_round.look_at = timer_now() + timer_ns_to_ticks(LOOK_PERIOD_NS);
	timer_init(&watch_timer, visit_some);
	timer_arm(&watch_timer, watch_round.look_at);
}

bool vm_watch_hint(const struct vm *vm, char *out, size_t size)
{
	const struct vm_watch *w = &vm->watch;
	uint64_t seconds;

	switch (atomic_read_acquire(&w->found)) {
	case WATCH_TRAPS:
		(void)snprintf(out, size,
			       "vcpu %u traps for ever in its trap handler at pc 0x%" PRIx64
			       ", scause %u",
			       w->vcpu, w->pc, w->cause);
		return true;
	case WATCH_SPINS:
		seconds = timer_ticks_to_ns(timer_now() - w->since) / UINT64_C(1000000000);
		(void)snprintf(out, size,
			       "no sign of life for %" PRIu64
			       " s: vcpu %u in supervisor mode near pc 0x%" PRIx64,
			       seconds, w->vcpu, w->pc);
		return true;
	default:
		return false;
	}
}
