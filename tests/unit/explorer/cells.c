/* SPDX-License-Identifier: BSD-2-Clause */
/* The explorer's cells: what comes while a vcpu sleeps, and how it went to sleep. */
#include "explorer/cells.h"

#include <hartvisor/sbi.h>
#include <stdio.h>

#include "vcpu/hsm.h"
#include "vcpu/irq.h"

const char *const sleep_names[NR_VCPU_SLEEPS] = {
#define X(kind, name, ends) name,
	VCPU_SLEEPS(X)
#undef X
};

const struct way ways[] = {
	{ .name = "blocks", .sstc = true },
	{ .name = "blocks, no Sstc", .sstc = false },
	{ .name = "rests", .sstc = true, .rests = true },
	{ .name = "polls", .sstc = true, .polls = true },
	{ .name = "polls, no Sstc", .sstc = false, .polls = true },
	{ .name = "polls, then rests", .sstc = true, .polls = true, .rests = true },
	{ .name = NULL },
};

static void raises_line(void *i)
{
	struct vcpu *v = vcpu((unsigned int)(uintptr_t)i);

	calls(BIT(v->id), 1);
	vcpu_set_level(v, IRQ_VS_EXT, true);
	calls(BIT(v->id), -1);
}

static bool is_stopped(void *v)
{
	return ((struct vcpu *)v)->hsm.state == SBI_HSM_STATE_STOPPED;
}

static void starts(void *i)
{
	struct vcpu *v = vcpu((unsigned int)(uintptr_t)i);

	calls(BIT(v->id), 1);
	do
		explorer_wait(is_stopped, v);
	while (vcpu_hsm_start(v, gpa(0x1000), 7) != HV_OK);
	calls(BIT(v->id), -1);
}

static void ends_the_vm(void *unused)
{
	uint64_t all = vm_all_vcpus(&world.vm).bits;

	(void)unused;
	calls(all, 1);
	(void)vm_stop(&world.vm, VM_STOP_DESTROY, NULL);
	calls(all, -1);
}

const struct reason reasons[] = {
	{ .name = "kick", .bit = WAKE_KICK, .outsider = throws },
	{ .name = "ipi", .bit = WAKE_IRQ, .outsider = posts },
	{ .name = "level", .bit = WAKE_IRQ, .outsider = raises_line },
	{ .name = "timer", .bit = WAKE_TIMER, .outsider = time_passes, .timer = true },
	{ .name = "ipi, masked", .bit = 0, .outsider = posts, .masked = true },
	{ .name = "level, masked", .bit = 0, .outsider = raises_line, .masked = true },
	{ .name = "timer, masked",
	  .bit = 0,
	  .outsider = time_passes,
	  .timer = true,
	  .masked = true },
	{ .name = "fence", .bit = 0, .outsider = kicks_request },
	{ .name = "pause and resume", .bit = 0, .outsider = pauses_and_resumes },
	{ .name = "destroy", .bit = WAKE_REQUEST, .outsider = ends_the_vm },
	{ .name = "start", .bit = WAKE_REQUEST, .outsider = starts, .only_stop = true },
	{ .name = NULL },
};

static enum vcpu_sleep kind_now;
static const struct way *way_now;
static const struct reason *reason_now;

bool cell_is_possible(enum vcpu_sleep kind, const struct way *way, const struct reason *r)
{
	if (kind == SLEEP_PAUSED || (r->only_stop && kind != SLEEP_STOPPED))
		return false;
	/* Only a halt is polled for; only one that an interrupt ends is a rest. */
	return !(way->polls && kind == SLEEP_STOPPED) &&
	       !(way->rests && !(sleep_ends(kind) & WAKE_IRQ));
}

void cell_begin(enum vcpu_sleep kind, const struct way *way, const struct reason *r,
		unsigned int others, unsigned int vcpus)
{
	static const enum guest_op plain[] = { SLEEP, END }, with_timer[] = { ARM, SLEEP, END };
	struct guest *g = &world.guests[0];

	kind_now = kind;
	way_now = way;
	reason_now = r;
	(void)(way->rests ? rest_on(NULL) : rest_off(NULL));
	(void)(way->sstc ? sstc_on(NULL) : sstc_off(NULL));
	scene(1, others, vcpus, first_hart);
	runs(0, r->timer ? with_timer : plain);
	vcpu(0)->vs.vsie = r->masked ? 0 : ALL_IRQS;
	g->sleep = kind;
	g->masked = r->masked;
	if (way->polls) {
		world.vm.halt_poll_max = 4 * POLL_STEP;
		vcpu(0)->halt.poll_ticks = 2 * POLL_STEP;
	}
}

void cell_explore(const char *what, void (*final)(void))
{
	char name[96];

	snprintf(name, sizeof(name), "%s %s%s: %s", sleep_names[kind_now], way_now->name, what,
		 reason_now->name);
	explore_cell(name, reason_now->outsider == ends_the_vm ? final_ended : final);
}

void final_ended(void)
{
	if (world.vm.active != 0 || world.buried != 1 || vcpu(0)->se.state != SCHED_BLOCKED)
		explorer_fail("the vcpu did not end");
}

void final_woken(void)
{
	const struct guest *g = &world.guests[0];

	nothing_is_left();
	all_are_done();
	if (g->slept != 1 || g->woken != 1)
		explorer_fail("slept %u times, woken %u times", g->slept, g->woken);
}

void final_asleep(void)
{
	nothing_is_left();
	all_are_done();
	if (world.guests[0].slept != 1)
		explorer_fail("it did not sleep");
}
