/* SPDX-License-Identifier: BSD-2-Clause */
/* The explorer's scenes: setting one up, and what must hold at its end. */
#include "explorer/scene.h"

#include <hartvisor/pv.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hartvisor/sbi.h>

#include "arch/csr.h"
#include "fake/hart.h"
#include "fake/pcpu.h"
#include "run/run.h"

const uint64_t own_hart[VCPUS_MAX] = { BIT(0), BIT(1), BIT(2) };
const uint64_t first_hart[VCPUS_MAX] = { BIT(0), BIT(0), BIT(0) };
const uint64_t any_hart[VCPUS_MAX] = { UINT64_MAX, UINT64_MAX, UINT64_MAX };

const enum guest_op runs_on[] = { END };
const enum guest_op takes[] = { TAKE };
const enum guest_op waits_kick[] = { WAIT_KICK };
const enum guest_op waits_kick_idle[] = { WAIT_KICK_IDLE };
const enum guest_op idles[] = { IDLE };
const enum guest_op arms_and_idles[] = { ARM, NOP, IDLE };
const enum guest_op arms_and_takes[] = { ARM, TAKE };
const enum guest_op arms_and_halts[] = { ARM, NOP, WFI, IDLE };

static bool no_rest; /* each halt goes through the scheduler */
static bool no_sstc; /* timers come by SBI */

int rest_off(void **state)
{
	(void)state;
	no_rest = true;
	return 0;
}

int rest_on(void **state)
{
	(void)state;
	no_rest = false;
	return 0;
}

int sstc_off(void **state)
{
	(void)state;
	no_sstc = true;
	return 0;
}

int sstc_on(void **state)
{
	(void)state;
	no_sstc = false;
	return 0;
}

static void run_hart(void *arg)
{
	(void)arg;
	pcpu_loop();
}

static void name_words(void)
{
	char text[32];

	for (unsigned int i = 0; i < world.vm.nr_vcpus; i++) {
		struct vcpu *v = vcpu(i);
		const struct {
			const void *at;
			const char *name;
		} words[] = { { &v->mode, "mode" },
			      { &v->requests, "requests" },
			      { &v->guest_seq, "guest_seq" },
			      { &v->irq.inject, "inject" },
			      { &v->irq.levels, "levels" },
			      { &v->hsm.state, "hsm" },
			      { &v->halt.blocked, "blocked" },
			      { &v->halt.kicked, "kicked" },
			      { &v->place.pcpu, "last_pcpu" },
			      { &v->se.pcpu, "se.pcpu" },
			      { &v->se.on_cpu, "se.on_cpu" },
			      { &v->fences.lock, "fence_lock" } };

		for (unsigned int k = 0; k < ARRAY_SIZE(words); k++) {
			snprintf(text, sizeof(text), "vcpu %u %s", i, words[k].name);
			explorer_name(words[k].at, text);
		}
	}
	explorer_name(&world.vm.state, "vm state");
	explorer_name(&world.vm.htimedelta, "vm htimedelta");
	explorer_name(&world.table, "table");
	for (unsigned int i = 0; i < world.harts; i++) {
		snprintf(text, sizeof(text), "pcpu %u need_resched", i);
		explorer_name(&pcpus[i]->need_resched, text);
		snprintf(text, sizeof(text), "pcpu %u idle", i);
		explorer_name(&pcpus[i]->idle, text);
	}
}

static struct vcpu *new_vcpu(unsigned int id, uint64_t affinity)
{
	struct sched_params p = { .affinity = pcpu_set_from_mask(affinity) };

	return vcpu_new(&world.vm, id, &p);
}

void scene(unsigned int harts, unsigned int others, unsigned int vcpus, const uint64_t affinity[])
{
	static const char *const names[] = { "hart 0", "hart 1", "hart 2" };

	/* What the scene before armed while it was set up is on its queue still. */
	for (unsigned int i = 0; i < world.vm.nr_vcpus; i++)
		timer_cancel(&vcpu(i)->timer.host);
	world_begin(harts, others);
	timer_setup(10000000, !no_sstc);
	assert_int_equal(sched_init(harts, 10000000), 0);
	for (unsigned int i = harts; i-- > 0;) {
		fake_pcpu_become(i);
		sched_init_pcpu();
	}
	explorer_begin();
	spin_init(&world.vm.lock, LOCK_VM);
	spin_init(&world.vm.transition, LOCK_VM_TRANSITION);
	world.vm.state = VM_RUNNING;
	world.vm.pv.calls = BIT(HARTVISOR_KICK_CPU);
	world.vm.bus = explorer_bus();
	world.time = 1000;
	/* A vcpu with a cap never rests; so large a cap changes nothing else. */
	sched_group_init(&world.vm.group, no_rest ? 100 * HARTS_MAX : 0);
	for (unsigned int i = 0; i < vcpus; i++) {
		static const enum guest_op end[] = { END };

		world.vm.vcpus[i] = new_vcpu(i, affinity[i]);
		world.vm.nr_vcpus = i + 1;
		world.guests[i].script = end;
		explorer_quiet(&vcpu(i)->stats, sizeof(struct vcpu_stats));
	}
	world.vm.active = vcpus;
	world.vm.told = vcpus;
	sched_task_init(&world.vm.task, &world.vm.group, NULL, world_task_step);
	name_words();
	for (unsigned int i = 0; i < harts; i++)
		explorer_thread(names[i], pcpus[i], run_hart, NULL);
}

void outsider(const char *name, void (*fn)(void *arg), uintptr_t arg)
{
	static unsigned int next;

	next = next < world.harts || next + 1 >= nr_pcpus ? world.harts : next + 1;
	explorer_thread(name, pcpus[next], fn, (void *)arg);
}

void runs(unsigned int i, const enum guest_op *script)
{
	world.guests[i].script = script;
	vcpu(i)->hsm.state = SBI_HSM_STATE_STARTED;
	vcpu(i)->vs.vsie = BIT(IRQ_S_SOFT);
	vcpu(i)->halt.blocked = 0;
	sched_wake(&vcpu(i)->se);
	world.ipis = 0;
	for (unsigned int h = 0; h < nr_pcpus; h++) {
		hart_clear_ipi(h);
		pcpus[h]->need_resched = 0;
	}
}

static void tidy(void)
{
	for (unsigned int i = 0; i < world.vm.nr_vcpus; i++) {
		struct vcpu *v = vcpu(i);

		memset(&v->stats, 0, sizeof(v->stats));
		v->se.account.switches = v->se.account.migrations = v->se.account.run = 0;
		world.guests[i].entries = world.guests[i].entries ? 1 : 0;
	}
	for (unsigned int i = 0; i < nr_pcpus; i++)
		pcpus[i]->ipis_sent = pcpus[i]->ipis_taken = 0;
}

static const uint64_t no_wakeup =
	BIT(REQUEST_SLEEP & REQUEST_MASK) | BIT(REQUEST_TLB_FLUSH & REQUEST_MASK) |
	BIT(REQUEST_UPDATE_HGATP & REQUEST_MASK) | BIT(REQUEST_FENCE_I & REQUEST_MASK) |
	BIT(REQUEST_HFENCE & REQUEST_MASK) | BIT(REQUEST_HFENCE_VVMA_ALL & REQUEST_MASK) |
	BIT(REQUEST_HFENCE_GVMA_ALL & REQUEST_MASK);

static uint64_t timer_deadline(const struct vcpu *v)
{
	if (!timer_has_sstc())
		return v->timer.deadline;
	return v->timer.off ? v->vs.vstimecmp : hart_csr(v->se.pcpu, CSR_VSTIMECMP);
}

static bool timer_is_set(const struct vcpu *v)
{
	return timer_deadline(v) != TIMER_NEVER;
}

/* Either the host timer, or, while it rests, its own. */
static bool timer_wakes(const struct vcpu *v)
{
	return v->timer.off ? v->timer.host.armed : v->se.resting;
}

static bool timer_is_due(const struct vcpu *v)
{
	return timer_is_set(v) &&
	       hart_time_of(v->se.pcpu) + world.vm.htimedelta >= timer_deadline(v);
}

/* What the guest has enabled, as hie shows it. */
static uint64_t enabled_irqs(const struct vcpu *v)
{
	bool loaded = pcpus[v->se.pcpu]->current == v;

	return (loaded ? hart_csr(v->se.pcpu, CSR_VSIE) : v->vs.vsie) << 1;
}

/* @v sleeps: nothing that ends its sleep may hold. */
static void check_sleep(const struct vcpu *v)
{
	unsigned int ends = world.vm.state != VM_RUNNING ? sleep_ends(SLEEP_PAUSED) :
			    vcpu_is_halted(v)		 ? v->halt.ends :
							   sleep_ends(SLEEP_STOPPED);
	uint64_t irqs = v->irq.inject | v->irq.levels, enabled = enabled_irqs(v);

	if (v->requests & ~no_wakeup)
		explorer_fail("vcpu %u sleeps with requests %#lx", v->id, v->requests);
	if (!v->se.resting && hart_csr(v->se.pcpu, CSR_VSTIMECMP) != TIMER_NEVER &&
	    pcpus[v->se.pcpu]->current == v)
		explorer_fail("vcpu %u sleeps, and its vstimecmp will end each WFI", v->id);
	if ((ends & WAKE_KICK) && v->halt.kicked)
		explorer_fail("vcpu %u sleeps with a kick", v->id);
	if ((ends & WAKE_IRQ) && (irqs & enabled) != 0)
		explorer_fail("vcpu %u sleeps with an interrupt pending", v->id);
	if (!(enabled & BIT(IRQ_VS_TIMER)))
		ends &= ~(unsigned int)WAKE_TIMER;
	if (!(ends & WAKE_TIMER) && v->timer.host.armed && world.vm.state == VM_RUNNING)
		explorer_fail("vcpu %u sleeps, and its timer will wake it for nothing", v->id);
	if ((ends & WAKE_TIMER) && timer_is_due(v))
		explorer_fail("vcpu %u sleeps though its timer is due", v->id);
	if ((ends & WAKE_TIMER) && timer_is_set(v) && !timer_wakes(v))
		explorer_fail("vcpu %u sleeps and its timer does not wake it", v->id);
}

/* Every vcpu is done or asleep: none may have slept over something. */
void nothing_is_left(void)
{
	for (unsigned int i = 0; i < world.vm.nr_vcpus; i++) {
		const struct vcpu *v = vcpu(i);

		if (v->requests & BIT(REQUEST_VM_DEAD))
			continue; /* never cleared */
		if (v->se.state == SCHED_RUNNABLE)
			explorer_fail("vcpu %u waits for a hart that sleeps", i);
		if (v->se.state == SCHED_RUNNING && !v->se.resting &&
		    (v->requests || v->irq.inject))
			explorer_fail("vcpu %u runs on, with requests %#lx inject %#lx", i,
				      v->requests, v->irq.inject);
		if (v->se.state != SCHED_BLOCKED && !v->se.resting)
			continue;
		if (!v->halt.blocked)
			explorer_fail("vcpu %u sleeps though it was woken", i);
		check_sleep(v);
	}
}

void all_are_done(void)
{
	for (unsigned int i = world.harts; i < nr_pcpus; i++)
		if (!explorer_done(i))
			explorer_fail("an outsider waits for ever");
}

void final_common(void)
{
	nothing_is_left();
	all_are_done();
	for (unsigned int i = 0; i < world.vm.nr_vcpus; i++)
		if (world.guests[i].seen != world.guests[i].posted &&
		    world.guests[i].script[world.guests[i].at] != END)
			explorer_fail("vcpu %u saw %lu of %lu interrupts", i, world.guests[i].seen,
				      world.guests[i].posted);
}

static bool long_run(void)
{
	return getenv("HV_LONG") != NULL;
}

static void explore_within(const char *name, unsigned int preemptions, uint64_t max_states,
			   void (*final)(void))
{
	const struct explorer_options o = {
		.name = name,
		.preemptions = long_run() ? preemptions + 2 : preemptions,
		.max_states = max_states,
		.tidy = tidy,
		.final = final,
	};

	bool good = explorer_run(&o);

	if (!good && getenv("HV_FAIL_FAST"))
		exit(1);
	assert_true(good);
}

void explore_to(const char *name, unsigned int preemptions, void (*final)(void))
{
	explore_within(name, preemptions, long_run() ? 1500000 : 60000, final);
}

void explore_cell(const char *name, void (*final)(void))
{
	explore_within(name, 2, long_run() ? 300000 : 8000, final);
}
