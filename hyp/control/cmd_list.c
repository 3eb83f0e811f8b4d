// SPDX-License-Identifier: BSD-2-Clause
/* The list of VMs, and the walk over them and their vcpus. */
#include <stdio.h>
#include <string.h>

#include "arch/timer.h"
#include "control/cmd.h"
#include "lib/log.h"
#include "vcpu/registry.h"
#include "vcpu/vcpu.h"
#include "vcpu/watch.h"
#include "vm/config_ram.h"
#include "vm/lifecycle.h"

/* --- the walk ------------------------------------------------------------------------------------- */

enum { BEGIN, NEXT_VM, VCPUS };

static_assert(VCPUS < CONTROL_WALKED, "cmd.h");

/* The VM from r->vm_id on, with a reference; NULL: there are no more. */
static struct vm *next_vm(struct control_request *r)
{
	for (; r->vm_id < VM_MAX; r->vm_id++) {
		struct vm *vm = vm_get(r->vm_id);

		if (vm)
			return vm;
	}
	return NULL;
}

static bool begin_vm(struct control_request *r,
		     void (*vm_fields)(struct json *j, const struct vm *vm))
{
	struct vm *vm = next_vm(r);

	if (!vm) {
		json_close(&r->json, ']');
		return false;
	}
	memcpy(r->vm_name, vm->name, sizeof(r->vm_name));
	json_open(&r->json, NULL, '{');
	json_string(&r->json, "name", vm->name);
	vm_fields(&r->json, vm);
	json_open(&r->json, "vcpus", '[');
	vm_put(vm);
	r->vcpu = r->part = 0;
	r->step = VCPUS;
	return true;
}

/* The VM may have gone since its object was begun, and another one may have its id. */
static void write_vcpu(struct control_request *r,
		       bool (*vcpu_fields)(struct json *j, const struct vcpu *v, unsigned int part))
{
	struct vm *vm = vm_get(r->vm_id);
	bool same = vm && strcmp(vm->name, r->vm_name) == 0 && r->vcpu < vm->nr_vcpus;

	if (same && r->part == 0)
		json_open(&r->json, NULL, '{');
	if (same && vcpu_fields(&r->json, vm->vcpus[index_below(r->vcpu, VM_MAX_VCPUS)], r->part)) {
		r->part++;
	} else if (same || r->part) {
		json_close(&r->json, '}');
		r->part = 0;
		r->vcpu++;
	} else {
		json_close(&r->json, ']');
		json_close(&r->json, '}');
		r->vm_id++;
		r->step = NEXT_VM;
	}
	if (vm)
		vm_put(vm);
}

bool control_walk(struct control_request *r, void (*vm_fields)(struct json *j, const struct vm *vm),
		  bool (*vcpu_fields)(struct json *j, const struct vcpu *v, unsigned int part))
{
	switch (r->step) {
	case BEGIN:
		json_number(&r->json, "t", log_time_us());
		json_open(&r->json, "vms", '[');
		r->step = NEXT_VM;
		return true;
	case NEXT_VM:
		return begin_vm(r, vm_fields);
	default:
		write_vcpu(r, vcpu_fields);
		return true;
	}
}

/* --- the list ------------------------------------------------------------------------------------- */

static void write_share(struct json *j, const struct vm_config *cfg)
{
	uint32_t weight = atomic_read(&cfg->sched.weight);

	if (cfg->sched.class == SCHED_CLASS_FIFO) {
		json_string(j, "class", "fifo");
		json_number(j, "priority", cfg->sched.priority);
	} else {
		json_string(j, "class", "fair");
		json_number(j, "weight", weight ? weight : SCHED_WEIGHT_DEFAULT);
	}
	json_number(j, "cap", atomic_read(&cfg->cap));
}

static void list_vm(struct json *j, const struct vm *vm)
{
	enum vm_state state = atomic_read(&vm->state);
	char hint[96];

	json_number(j, "id", vm->id + 1);
	json_string(j, "state", vm_state_name(state));
	json_string(j, "remark", vm_remark(vm));
	json_string(j, "hint",
		    vm_has_life(state) && vm_watch_hint(vm, hint, sizeof(hint)) ? hint : "");
	if (!vm->config)
		return;
	json_number(j, "memory", config_ram_bytes(vm->config));
	json_number(j, "memory_used", gstage_ram_bytes(&vm->gstage));
	write_share(j, vm->config);
	json_open(j, "affinity", '[');
	for (unsigned int i = 0; i < nr_pcpus; i++)
		if (vm_affinity(vm) & BIT(i))
			json_number(j, NULL, i);
	json_close(j, ']');
}

static bool list_vcpu(struct json *j, const struct vcpu *v, unsigned int part)
{
	struct sched_times t = sched_times(&v->se, timer_now());

	(void)part;
	json_string(j, "state", vm_vcpu_state(v));
	json_number(j, "hart", sched_pcpu(&v->se));
	json_number(j, "run_ns", timer_ticks_to_ns(t.run));
	return false;
}

bool cmd_control_list(struct control_request *r)
{
	return control_walk(r, list_vm, list_vcpu);
}
