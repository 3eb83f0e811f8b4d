// SPDX-License-Identifier: BSD-2-Clause
/* The timeline's commands. What has to wait for all harts says nothing meanwhile, and is called again in the next step. */
#include <string.h>

#include "arch/timer.h"
#include "arch/trace.h"
#include "control/cmd.h"
#include "control/trace.h"
#include "mm/page.h"
#include "vcpu/registry.h"
#include "vcpu/vcpu.h"
#include "vm/lifecycle.h"

#define MEMORY	"memory="
#define MIB_MAX 64 /* of a ring */

/* --- trace.on ------------------------------------------------------------------------------------- */

enum { ASK, WAIT, VMS, HEAD, EVENTS };

static bool take_kind(const char *word, uint32_t *kinds)
{
	for (unsigned int i = 0; i < NR_TRACE_KINDS; i++) {
		if (strcmp(word, trace_kinds[i]) != 0)
			continue;
		*kinds |= (uint32_t)BIT(i);
		return true;
	}
	return false;
}

/* False: it has failed. */
static bool parse(struct control_request *r, uint64_t *mib, uint32_t *kinds)
{
	*mib = 1;
	*kinds = 0;
	for (unsigned int i = 2; i < r->nr_words; i++) {
		const char *word = r->words[index_below(i, CONTROL_WORDS)];

		if (strncmp(word, MEMORY, strlen(MEMORY)) == 0) {
			if (control_parse_number(word + strlen(MEMORY), MIB_MAX, mib) && *mib > 0)
				continue;
			control_fail(r, "trace.on: %.40s: must be 1 to %d MiB for each hart", word,
				     MIB_MAX);
			return false;
		}
		if (take_kind(word, kinds))
			continue;
		control_fail(r,
			     "trace.on: %.40s: must be memory=MIB, sched, exits, kicks or devices",
			     word);
		return false;
	}
	*kinds = *kinds ? *kinds | (uint32_t)BIT(TRACE_KIND_LIFE) :
			  (uint32_t)BIT(NR_TRACE_KINDS) - 1;
	return true;
}

static bool ask(struct control_request *r)
{
	uint64_t mib;
	uint32_t kinds;

	if (!parse(r, &mib, &kinds))
		return false;
	if (control_trace_state() != CONTROL_TRACE_OFF) {
		control_fail(r, "there is a trace already: trace.off ends it");
		return false;
	}
	if (!control_trace_on(MIB(mib), kinds)) {
		control_fail(r, "no memory for %u rings of %u MiB: %u MiB are free", nr_pcpus,
			     (unsigned int)mib, (unsigned int)(page_free_bytes() >> 20));
		return false;
	}
	r->at = MIB(mib);
	r->step = WAIT;
	return true;
}

/* What there is, a VM a call: its name, its state, and those of its vcpus. */
static bool tell_vm(struct control_request *r)
{
	struct vm *vm = r->vm_id < VM_MAX ? vm_get(r->vm_id) : NULL;

	if (r->vm_id >= VM_MAX)
		return false;
	r->vm_id++;
	if (!vm)
		return true;
	vm_trace_state(vm, atomic_read(&vm->state), atomic_read(&vm->state));
	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		sched_trace_state(&vm->vcpus[index_below(i, VM_MAX_VCPUS)]->se);
	vm_put(vm);
	return true;
}

static void write_head(struct control_request *r)
{
	struct json *j = &r->json;

	json_number(j, "timebase", timer_frequency());
	json_number(j, "harts", nr_pcpus);
	json_number(j, "memory", r->at * nr_pcpus);
	json_open(j, "states", '[');
	for (unsigned int i = 0; i < VM_STATES; i++)
		json_string(j, NULL, vm_state_name((enum vm_state)i));
	json_close(j, ']');
	json_open(j, "events", '[');
}

static void write_event(struct json *j, const struct trace_name *e)
{
	json_open(j, NULL, '[');
	json_string(j, NULL, e->name);
	json_string(j, NULL, e->n);
	json_string(j, NULL, e->a);
	json_string(j, NULL, e->b);
	json_close(j, ']');
}

bool cmd_control_trace_on(struct control_request *r)
{
	switch (r->step) {
	case ASK:
		return ask(r);
	case WAIT:
		r->step += control_trace_is_settled();
		return true;
	case VMS:
		r->step += !tell_vm(r);
		return true;
	case HEAD:
		write_head(r);
		r->step++;
		return true;
	default:
		write_event(&r->json, &trace_names[index_below(r->step - EVENTS, NR_TRACE_EVENTS)]);
		r->step++;
		if (r->step < EVENTS + NR_TRACE_EVENTS)
			return true;
		json_close(&r->json, ']');
		return false;
	}
}

/* --- the others ----------------------------------------------------------------------------------- */

/* False: it has failed. */
static bool there_is_one(struct control_request *r)
{
	if (control_trace_state() != CONTROL_TRACE_OFF)
		return true;
	control_fail(r, "there is no trace: trace.on begins one");
	return false;
}

bool cmd_control_trace_read(struct control_request *r)
{
	struct json *j = &r->json;
	unsigned int packets, hart;
	uint64_t bytes;

	if (!there_is_one(r))
		return false;
	packets = control_trace_pick(&hart, &bytes);
	json_number(j, "hart", hart);
	json_number(j, "packets", packets);
	json_number(j, "bytes", bytes);
	r->frame = (struct control_frame){ bytes, control_trace_get, control_trace_sent };
	return false;
}

/* True: not all harts have stopped, or it has failed. */
static bool stop(struct control_request *r, bool *more)
{
	*more = false;
	if (r->step == 0) {
		if (!there_is_one(r))
			return true;
		control_trace_stop();
		r->step = 1;
	}
	*more = !control_trace_is_settled();
	return *more;
}

bool cmd_control_trace_stop(struct control_request *r)
{
	bool more;

	if (!stop(r, &more))
		json_number(&r->json, "lost", control_trace_lost());
	return more;
}

bool cmd_control_trace_off(struct control_request *r)
{
	bool more;

	if (!stop(r, &more))
		control_trace_free();
	return more;
}
