// SPDX-License-Identifier: BSD-2-Clause
#include "vm/lifecycle.h"

#include <hartvisor/sbi.h>
#include <inttypes.h>
#include <string.h>

#include "arch/cpu.h"
#include "arch/csr.h"
#include "arch/isa.h"
#include "arch/sbi_call.h"
#include "arch/smp.h"
#include "dev/mmio.h"
#include "dev/vdev.h"
#include "irqchip/vplic.h"
#include "lib/log.h"
#include "mm/page.h"
#include "term/term.h"
#include "vcpu/hsm.h"
#include "vcpu/magic.h"
#include "vm/loader.h"
#include "vm/pv.h"
#include "vm/text.h"

/* Guest RAM cleared in one step of work, before a life and after the last one. */
#define CLEAR_STEP MIB(4)

/* A VM that ends and starts again and again does so at this pace: each time costs others the clearing
 * and loading, and lines of the log. */
#define RESTART_PERIOD_NS UINT64_C(1000000000)

enum phase { PHASE_CLEAR, PHASE_BEGIN_LOAD, PHASE_LOAD, PHASE_RUN, PHASE_WIPE };

/* What the life cycle remembers of a VM between two steps. */
struct vm_life {
	struct vm *vm;
	struct vrtc *rtc;
	enum phase phase;
	uint64_t cleared;
	uint64_t started_at;
	struct loader loader;
	struct timer restart;
};

static struct vm_life *lives[VM_MAX]; /* index = vm->id */

uint64_t boot_time;

const char *vm_state_name(enum vm_state state)
{
	static const char *const names[] = {
		[VM_BUILDING] = "loading", [VM_RUNNING] = "running", [VM_STOPPING] = "stopping",
		[VM_OFF] = "off",	   [VM_CRASHED] = "crashed", [VM_FAILED] = "failed",
	};

	return (unsigned int)state < ARRAY_SIZE(names) ? names[state] : "?";
}

static bool has_ended(enum vm_state s)
{
	return s == VM_OFF || s == VM_CRASHED || s == VM_FAILED;
}

void lifecycle_shutdown_machine(void)
{
	term_drain();
	sbi_host_shutdown(SBI_SRST_TYPE_SHUTDOWN);
	log_error("the firmware did not power the machine off; halting");
	term_drain();
	for (;;)
		cpu_wait_for_interrupt();
}

void lifecycle_check_all_ended(void)
{
	for (unsigned int i = 0; i < nr_vms; i++)
		if (!has_ended(atomic_read(&vms[i]->state)))
			return;
	log_info("all VMs have ended; powering off");
	lifecycle_shutdown_machine();
}

/*
 * It will not run (again). Its RAM is wiped in steps of work and then goes back; until then it is "off" with
 * its memory taken. Its objects stay for the console.
 */
static void finish(struct vm *vm, enum vm_state state)
{
	struct vm_life *life = lives[vm->id];

	if (vm->stream)
		term_stream_flush(vm->stream);
	life->phase = PHASE_WIPE;
	life->cleared = 0;
	(void)vm_set_state(vm, state);
	work_queue(&vm->life);
}

/* Every vcpu has left its hart for good, and no hart walks the tables any more (vcpu_put_for_good). */
static void give_back(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		vcpu_magic_free(vm->vcpus[i]);
	gstage_destroy(&vm->gstage);
}

/* What the guest of this life wrote into its devices, and what was typed for it, is not the next one's. */
static void reset_devices(struct vm *vm)
{
	vrtc_reset(lives[vm->id]->rtc); /* no alarm rings in an ended VM */
	term_stream_discard_input(vm->stream);
	vuart_reset(vm->uart);
}

/* The operator looks at a VM that will never say anything: show another one. */
static void give_focus_away(const struct vm *vm)
{
	if (term_focused() != vm->stream)
		return;
	for (unsigned int i = 0; i < nr_vms; i++) {
		if (vms[i]->stream && !has_ended(atomic_read(&vms[i]->state))) {
			term_focus(vms[i]->stream);
			return;
		}
	}
}

static void fail(struct vm *vm)
{
	finish(vm, VM_FAILED);
	log_error("%s: not started, for the reason above", vm->name);
	give_focus_away(vm);
	lifecycle_check_all_ended();
}

static void start(struct vm *vm, const struct loader_result *at)
{
	struct vm_life *life = lives[vm->id];

	vplic_reset(vm->plic);
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		vcpu_magic_reset(vm->vcpus[i]);
		vcpu_power_on(vm->vcpus[i]);
	}
	life->started_at = timer_now();
	vm_begin_life(vm, life->started_at);
	life->phase = PHASE_RUN;
	(void)vcpu_hsm_prepare(vm->vcpus[0], at->entry.gpa, at->fdt.gpa);
	/* RUNNING before the kick, so that the guest may end at once. The operator may even before that,
	 * so nothing of the VM is written from here on; a kick too many does no harm. */
	(void)vm_set_state(vm, VM_RUNNING);
	log_info("%s: started: %u vcpu%s, %" PRIu64 " MiB, %" PRIu64 " us after hartvisor",
		 vm->name, vm->nr_vcpus, vm->nr_vcpus == 1 ? "" : "s", vm->gstage.ram_bytes >> 20,
		 timer_ticks_to_ns(life->started_at - boot_time) / 1000);
	vcpu_kick(vm->vcpus[0]);
}

/* False: all of its RAM is clear. */
static bool clear_step(struct vm_life *life)
{
	uint64_t done = gstage_clear_step(&life->vm->gstage, life->cleared, CLEAR_STEP);

	life->cleared += done;
	return done != 0;
}

/* One step on the way to RUNNING, or to having nothing any more. True: call again. */
static bool build_step(struct vm *vm)
{
	struct vm_life *life = lives[vm->id];
	int err;

	switch (life->phase) {
	case PHASE_CLEAR:
		if (!clear_step(life))
			life->phase = PHASE_BEGIN_LOAD;
		return true;
	case PHASE_BEGIN_LOAD:
		if (loader_begin(&life->loader, vm, vm->config) != HV_OK)
			break;
		life->phase = PHASE_LOAD;
		return true;
	case PHASE_LOAD:
		err = loader_step(&life->loader);
		if (err > 0)
			return true;
		if (err < 0)
			break;
		start(vm, &life->loader.result);
		return false;
	case PHASE_WIPE:
		if (clear_step(life))
			return true;
		give_back(vm);
		life->phase = PHASE_RUN;
		return false;
	case PHASE_RUN:
		return false;
	}
	fail(vm);
	return false;
}

static void rebuild(struct vm *vm)
{
	struct vm_life *life = lives[vm->id];

	life->phase = PHASE_CLEAR;
	life->cleared = 0;
	(void)vm_set_state(vm, VM_BUILDING);
	work_queue(&vm->life);
}

static void restart_timer(struct timer *t)
{
	rebuild(container_of(t, struct vm_life, restart)->vm);
}

static void restart(struct vm *vm)
{
	struct vm_life *life = lives[vm->id];
	uint64_t period = timer_ns_to_ticks(RESTART_PERIOD_NS);

	if (timer_now() - life->started_at >= period)
		rebuild(vm);
	else
		timer_arm(&life->restart, life->started_at + period);
}

static void crashed(struct vm *vm)
{
	if (vm->config->on_crash != ON_CRASH_RESTART) {
		log_error("%s: crashed: %s", vm->name, vm->stop_why);
		finish(vm, VM_CRASHED);
		lifecycle_check_all_ended();
		return;
	}
	log_error("%s: crashed: %s; restarting", vm->name, vm->stop_why);
	restart(vm);
}

/* The last vcpu has left. */
static void ended(struct vm *vm)
{
	reset_devices(vm);
	switch ((enum vm_stop)atomic_read(&vm->stop)) {
	case VM_STOP_REBOOT:
		log_info("%s: rebooting", vm->name);
		restart(vm);
		break;
	case VM_STOP_CRASH:
		crashed(vm);
		break;
	case VM_STOP_NONE:
	case VM_STOP_POWEROFF:
	case VM_STOP_DESTROY:
		log_info("%s: %s", vm->name,
			 atomic_read(&vm->stop) == VM_STOP_DESTROY ? "destroyed" : "powered off");
		finish(vm, VM_OFF);
		lifecycle_check_all_ended();
		break;
	}
}

static void life_work(struct work *w)
{
	struct vm *vm = container_of(w, struct vm, life);

	if (atomic_read_acquire(&vm->state) == VM_STOPPING)
		ended(vm);
	else if (build_step(vm))
		work_queue(w);
}

static void input_ready(void *arg)
{
	vuart_input_ready(((struct vm *)arg)->uart);
}

static bool make_devices(struct vm *vm, struct vm_life *life)
{
	vm->bus = mmio_bus_new(&vm->arena);
	if (!vm->bus)
		return false;
	vm->plic = vplic_new(vm);
	vm->stream = term_stream_new(&vm->arena, vm->name, input_ready, vm);
	if (!vm->plic || !vm->stream)
		return false;
	vm->uart = vuart_new(vm);
	life->rtc = vrtc_new(vm);
	return vm->uart && life->rtc && vsyscon_new(vm) == HV_OK;
}

static bool make_vcpus(struct vm *vm, const struct vm_config *cfg)
{
	sched_group_init(&vm->group, cfg->cap);
	vm->halt_poll_max = timer_ns_to_ticks((uint64_t)cfg->halt_poll_us * 1000);
	for (unsigned int i = 0; i < cfg->cpus; i++) {
		struct sched_params p;

		config_vcpu_sched(cfg, i, &p);
		vm->vcpus[i] = vcpu_new(vm, i, &p);
		if (!vm->vcpus[i])
			return false;
		vm->nr_vcpus = i + 1;
	}
	return true;
}

static bool make_ram(struct vm *vm, const struct vm_config *cfg)
{
	uint64_t limit = GUEST_RAM_BASE + cfg->memory;
	int err = gstage_init(&vm->gstage, limit);

	if (err == HV_OK)
		err = gstage_alloc_ram(&vm->gstage, gpa(GUEST_RAM_BASE), cfg->memory);
	if (err == HV_OK)
		return true;
	gstage_destroy(&vm->gstage);
	if (err == HV_ENOMEM)
		log_error("config: %s: memory = %" PRIu64 " MiB: only %" PRIu64
			  " MiB of the machine are left, give less",
			  cfg->path, cfg->memory >> 20, page_free_bytes() >> 20);
	else
		log_error("config: %s: memory = %" PRIu64 " MiB: more than this machine's G-stage "
			  "can address",
			  cfg->path, cfg->memory >> 20);
	return false;
}

/* Warn of the host cpus in @affinity that do not run and are not in @told yet. No list at all means every host cpu. */
static void warn_of_absent(const struct vm_config *cfg, unsigned int id, uint64_t affinity,
			   uint64_t *told)
{
	uint64_t absent = affinity == UINT64_MAX ? 0 : affinity & ~*told;
	char list[120];
	struct text t;

	text_begin(&t, list, sizeof(list));
	for (unsigned int i = nr_pcpus; i < 64; i++)
		if (absent & BIT(i))
			text_add(&t, " %u", i);
	*told |= absent;
	if (t.len != 0)
		log_warn("config: %s: affinity of vcpu %u: host cpus that do not run:%s; must be 0 "
			 "to %u; the others are used",
			 cfg->path, id, list, nr_pcpus - 1);
}

/* Each vcpu must have a hart that runs. */
static bool check_affinity(const struct vm_config *cfg)
{
	struct hartset online = hartset_first(nr_pcpus);
	uint64_t told = 0;

	for (unsigned int i = 0; i < cfg->cpus; i++) {
		struct sched_params p;
		struct hartset both;

		config_vcpu_sched(cfg, i, &p);
		both = hartset_and(&p.affinity, &online);
		if (!hartset_empty(&both)) {
			warn_of_absent(cfg, i, p.affinity.word[0], &told);
			continue;
		}
		log_error("config: %s: affinity of vcpu %u: none of these harts runs: must name "
			  "one of 0 to %u",
			  cfg->path, i, nr_pcpus - 1);
		return false;
	}
	return true;
}

static bool make(struct vm *vm, const struct vm_config *cfg)
{
	struct vm_life *life = arena_new(&vm->arena, struct vm_life);

	if (!life)
		return false;
	lives[vm->id] = life;
	life->vm = vm;
	timer_init(&life->restart, restart_timer);
	work_init(&vm->life, life_work);
	vm->henvcfg = isa_guest_henvcfg();
	vm->hcounteren = HCOUNTEREN_TM; /* the others would show what neighbours do */
	/* What is wrong with the images can be said before any memory is spent on them. */
	if (!check_affinity(cfg) || loader_begin(&life->loader, vm, cfg) != HV_OK ||
	    !make_ram(vm, cfg))
		return false;
	if (!make_vcpus(vm, cfg) || !make_devices(vm, life)) {
		log_error("%s: no memory left for its vcpus and devices", vm->name);
		gstage_destroy(&vm->gstage);
		return false;
	}
	if (pv_init(vm, cfg, &life->loader) != HV_OK) {
		gstage_destroy(&vm->gstage);
		return false;
	}
	return true;
}

struct vm *vm_create(const struct vm_config *cfg)
{
	struct vm *vm = page_alloc_zeroed(align_up(sizeof(struct vm), PAGE_SIZE), PAGE_SIZE);

	if (!vm) {
		log_error("%s: no memory left", cfg->name);
		return NULL;
	}
	memcpy(vm->name, cfg->name, sizeof(vm->name));
	vm->config = cfg;
	vm->id = nr_vms;
	vm->state = VM_FAILED;
	spin_init(&vm->lock);
	spin_init(&vm->transition);
	arena_init(&vm->arena);
	vms[nr_vms++] = vm;
	if (cfg->failed || !make(vm, cfg))
		return vm;
	atomic_set(&vm->state, VM_BUILDING);
	work_queue(&vm->life);
	return vm;
}
