// SPDX-License-Identifier: BSD-2-Clause
#include "vm/operator.h"

#include <hartvisor/sbi.h>
#include <stdio.h>

#include "dev/virtio/look.h"
#include "mm/page.h"
#include "vcpu/hsm.h"
#include "vcpu/registry.h"
#include "vcpu/timed.h"
#include "vcpu/vcpu.h"
#include "vm/bundle_store.h"
#include "vm/config.h"
#include "vm/destroy.h"
#include "vm/lifecycle.h"

bool vm_operate(struct vm *vm, enum vm_op op)
{
	switch (op) {
	case VM_OP_START:
		return vm_start(vm);
	case VM_OP_PAUSE:
		return vm_pause(vm);
	case VM_OP_RESUME:
		return vm_resume(vm);
	case VM_OP_RESET:
		return vm_stop(vm, VM_STOP_REBOOT, NULL);
	case VM_OP_STOP:
		return vm_stop(vm, VM_STOP_DESTROY, NULL);
	case VM_OP_DESTROY:
		return vm_destroy(vm);
	}
	return false;
}

const char *vm_why_not(const struct vm *vm, char *buf, size_t size)
{
	enum vm_state state = atomic_read(&vm->state);

	if (!vm->made)
		return "cannot be started: the log says why";
	if (vm_has_ended(state))
		return "does not run";
	snprintf(buf, size, "is %s", vm_state_name(state));
	return buf;
}

const char *vm_remark(const struct vm *vm)
{
	if (atomic_read(&vm->state) == VM_FAILED)
		return vm->made ? "not loaded: the log says why" :
				  "cannot be started: the log says why";
	return atomic_read(&vm->waits) ? "not started yet" : vm->stop_why;
}

const char *vcpu_state_name(const struct vcpu *v)
{
	if (vcpu_hsm_status(v) == SBI_HSM_STATE_STOPPED)
		return "stopped";
	switch (sched_state(&v->se)) {
	case SCHED_RUNNING:
		return "running";
	case SCHED_RUNNABLE:
		return "ready";
	default:
		return "blocked";
	}
}

/* A VM without a life has no vcpu in any other state. */
const char *vm_vcpu_state(const struct vcpu *v)
{
	enum vm_state state = atomic_read(&v->vm->state);

	return vm_has_life(state) || state == VM_STOPPING ? vcpu_state_name(v) :
							    vm_state_name(state);
}

extern char __image_start[], __image_end[];

/* The allocator never had the image. */
uint64_t vm_own_memory(uint64_t *image)
{
	uint64_t own;

	*image = (uint64_t)(__image_end - __image_start);
	own = page_total() - page_free_bytes() + *image;
	own -= min_u64(own, bundle_store_memory());
	for_each_vm(vm)
		own -= min_u64(own, gstage_ram_bytes(&vm->gstage));
	return own;
}

void vm_zero_counts(const struct vm *vm)
{
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		vcpu_stats_zero(vm->vcpus[i]);
		vcpu_timed_zero(vm->vcpus[i]);
	}
	virtio_zero(vm);
}

/* --- settings ------------------------------------------------------------------------------------- */

static_assert(SCHED_WEIGHT_MIN == 1 && SCHED_WEIGHT_MAX == 10000 && VM_MAX_VCPUS == 64,
	      "the sentences below");

static const char *wrong_weight(const struct vm *vm, uint32_t weight)
{
	if (weight < SCHED_WEIGHT_MIN || weight > SCHED_WEIGHT_MAX)
		return "must be 1 to 10000";
	if (vm->config->sched.class != SCHED_CLASS_FAIR)
		return "must not be given with class \"fifo\"";
	return NULL;
}

/* Vcpus that the configuration gives class fifo have none, and stay as they are. */
static void set_weight(struct vm *vm, uint32_t weight)
{
	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		sched_set_weight(&vm->vcpus[i]->se, weight);
	if (vm->life)
		sched_set_weight(&vm->task, weight);
}

static uint64_t online(void)
{
	return nr_pcpus < 64 ? BIT(nr_pcpus) - 1 : UINT64_MAX;
}

uint64_t vm_affinity(const struct vm *vm)
{
	return atomic_read(&vm->config->affinity) & online();
}

static void set_affinity(struct vm *vm, uint64_t affinity)
{
	const struct pcpu_set set = pcpu_set_from_mask(affinity);

	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		sched_set_affinity(&vm->vcpus[i]->se, &set);
	if (vm->life)
		sched_set_affinity(&vm->task, &set);
}

const char *vm_set(struct vm *vm, const struct vm_settings *s, uint32_t *wrong)
{
	/* Its own copy, in its arena; const for all others, and these words are atomic. */
	struct vm_config *own = (struct vm_config *)(uintptr_t)vm->config;
	const char *why;

	*wrong = VM_SET_WEIGHT;
	why = s->which & VM_SET_WEIGHT ? wrong_weight(vm, s->weight) : NULL;
	if (why)
		return why;
	*wrong = VM_SET_CAP;
	if ((s->which & VM_SET_CAP) && s->cap > 100 * VM_MAX_VCPUS)
		return "must be 0 (none) to 6400";
	*wrong = VM_SET_AFFINITY;
	if ((s->which & VM_SET_AFFINITY) && (!s->affinity || s->affinity & ~online()))
		return "must be harts that run";
	if (s->which & VM_SET_WEIGHT) {
		atomic_set(&own->sched.weight, s->weight);
		set_weight(vm, s->weight);
	}
	if (s->which & VM_SET_CAP) {
		atomic_set(&own->cap, s->cap);
		if (vm->nr_vcpus)
			sched_group_set_cap(&vm->group, s->cap, vm->life ? &vm->task : NULL);
	}
	if (s->which & VM_SET_AFFINITY) {
		atomic_set(&own->affinity, s->affinity);
		set_affinity(vm, s->affinity);
	}
	return NULL;
}
