// SPDX-License-Identifier: BSD-2-Clause
/* What vcpus have counted, and that they count anew. */
#include "arch/timer.h"
#include "control/cmd.h"
#include "vcpu/registry.h"
#include "vcpu/vcpu.h"
#include "vm/lifecycle.h"

static void stats_vm(struct json *j, const struct vm *vm)
{
	json_string(j, "state", vm_state_name(atomic_read(&vm->state)));
}

static void stats_vcpu(struct json *j, const struct vcpu *v)
{
	struct vcpu_counts c;
	const struct vcpu_stats *s = &c.stats;

	vcpu_stats_read(v, &c);
	json_string(j, "state", vm_vcpu_state(v));
	json_number(j, "hart", sched_pcpu(&v->se));
	json_number(j, "run_ns", timer_ticks_to_ns(c.times.run));
	json_number(j, "steal_ns", timer_ticks_to_ns(c.times.wait));
	json_number(j, "block_ns", timer_ticks_to_ns(c.times.block));
	json_number(j, "switches", c.switches);
	json_number(j, "migrations", c.migrations);
	json_number(j, "yields_to", c.yields);
	json_number(j, "worst_ns", timer_ticks_to_ns(sched_counts(&v->se).max_latency));
	json_number(j, "wakeups", s->wakeups);
	json_number(j, "polls_won", s->polls_won);
	json_number(j, "kicks", s->kicks_asked);
	json_number(j, "ipis_sent", s->ipis_sent);
	json_number(j, "ipis_saved", s->ipis_saved);
	json_number(j, "spurious", s->spurious_exits);
	json_number(j, "aborted", s->aborted_entries);
	json_open(j, "exits", '{');
	for (unsigned int i = 0; i < NR_VCPU_EXITS; i++)
		json_number(j, vcpu_exit_names[i], s->exits[i]);
	json_close(j, '}');
}

/* A VM at a time: of all that would be a long stretch. */
static bool zero(struct control_request *r)
{
	for (; r->vm_id < VM_MAX; r->vm_id++) {
		struct vm *vm = vm_get(r->vm_id);

		if (!vm)
			continue;
		for (unsigned int i = 0; i < vm->nr_vcpus; i++)
			vcpu_stats_zero(vm->vcpus[i]);
		vm_put(vm);
		r->vm_id++;
		return true;
	}
	return false;
}

bool cmd_control_stats(struct control_request *r)
{
	return r->nr_words > 2 ? zero(r) : control_walk(r, stats_vm, stats_vcpu);
}
