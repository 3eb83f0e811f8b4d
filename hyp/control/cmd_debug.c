// SPDX-License-Identifier: BSD-2-Clause
/* What a debugger wants of a VM and its vcpus. */
#include <hartvisor/sbi.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "control/cmd.h"
#include "control/debug.h"
#include "lib/errno.h"
#include "vcpu/debug.h"
#include "vcpu/hsm.h"
#include "vcpu/registry.h"
#include "vcpu/vcpu.h"
#include "vm/debug.h"
#include "vm/lifecycle.h"

/* --- attach, stop, go ----------------------------------------------------------------------------- */

void control_debug_abandon(void)
{
	vm_debug_detach();
	control_memory_abandon();
}

bool control_debug_attached(struct control_request *r)
{
	if (vm_debug_is_attached(r->vm))
		return true;
	control_fail(r, "%s: debug.attach first", r->vm->name);
	return false;
}

struct vcpu *control_debug_vcpu(struct control_request *r, unsigned int n)
{
	const char *word = n < r->nr_words ? r->words[index_below(n, CONTROL_WORDS)] : "";
	uint64_t id;

	if (control_parse_number(word, UINT32_MAX, &id) && vm_vcpu(r->vm, id))
		return vm_vcpu(r->vm, id);
	control_fail(r, "%s: vcpu %.20s: must be 0 to %u", r->vm->name, word, r->vm->nr_vcpus - 1);
	return NULL;
}

bool cmd_control_debug_attach(struct control_request *r)
{
	if (!vm_debug_attach(r->vm))
		control_fail(r, "a debugger is attached already: debug.detach first");
	return false;
}

bool cmd_control_debug_detach(struct control_request *r)
{
	(void)r;
	vm_debug_detach();
	return false;
}

bool cmd_control_debug_stop(struct control_request *r)
{
	char why[VM_WHY_NOT_MAX];

	if (control_debug_attached(r) && !vm_debug_stop(r->vm))
		control_fail(r, "%s %s", r->vm->name, vm_why_not(r->vm, why, sizeof(why)));
	return false;
}

bool cmd_control_debug_go(struct control_request *r)
{
	struct vcpu *only = NULL;

	if (!control_debug_attached(r))
		return false;
	if (r->nr_words > 3) {
		only = control_debug_vcpu(r, 3);
		if (!only)
			return false;
	}
	if (!vm_debug_go(r->vm, only))
		control_fail(r, "%s is not paused", r->vm->name);
	return false;
}

bool cmd_control_debug_pass(struct control_request *r)
{
	struct vcpu *v = control_debug_attached(r) ? control_debug_vcpu(r, 3) : NULL;

	if (v && !vm_debug_pass(v))
		control_fail(r, "%s is not paused", r->vm->name);
	return false;
}

/* --- state ---------------------------------------------------------------------------------------- */

static void write_slots(struct json *j, const struct vm *vm)
{
	struct gstage_slot slot;

	json_open(j, "slots", '[');
	for (unsigned int i = 0; gstage_slot_at(&vm->gstage, i, &slot); i++) {
		json_open(j, NULL, '{');
		json_number(j, "address", slot.gpa.gpa);
		json_number(j, "bytes", slot.size);
		json_bool(j, "ram", slot.kind == GSTAGE_RAM);
		json_close(j, '}');
	}
	json_close(j, ']');
}

/* Of a VM: its state, how often it was paused until now, what is memory, and its vcpus' states. */
bool cmd_control_debug_state(struct control_request *r)
{
	struct json *j = &r->json;
	const struct vm *vm = r->vm;
	enum vm_state state = atomic_read(&vm->state);

	json_string(j, "state", vm_state_name(state));
	json_number(j, "pauses", atomic_read(&vm->pauses));
	json_bool(j, "attached", vm_debug_is_attached(vm));
	if (vm_has_life(state))
		write_slots(j, vm);
	json_open(j, "vcpus", '[');
	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		json_number(j, NULL, vcpu_hsm_status(vm->vcpus[index_below(i, VM_MAX_VCPUS)]));
	json_close(j, ']');
	return false;
}

/* --- registers ------------------------------------------------------------------------------------ */

static struct vm_debug_regs regs; /* of the answer that is being written */

static void write_hex(struct json *j, const char *name, uint64_t value)
{
	char text[2 + 16 + 1];

	(void)snprintf(text, sizeof(text), "0x%" PRIx64, value);
	json_string(j, name, text);
}

static void write_array(struct json *j, const char *name, const uint64_t *values, unsigned int n)
{
	json_open(j, name, '[');
	for (unsigned int i = 0; i < n; i++)
		write_hex(j, NULL, values[i]);
	json_close(j, ']');
}

static void write_csrs(struct json *j)
{
	const struct guest_vs_csrs *vs = &regs.vs;

	json_open(j, "csrs", '{');
	write_hex(j, "sstatus", vs->vsstatus);
	write_hex(j, "sie", vs->vsie);
	write_hex(j, "stvec", vs->vstvec);
	write_hex(j, "sscratch", vs->vsscratch);
	write_hex(j, "sepc", vs->vsepc);
	write_hex(j, "scause", vs->vscause);
	write_hex(j, "stval", vs->vstval);
	write_hex(j, "satp", vs->vsatp);
	json_close(j, '}');
}

enum { ASK, WAIT, CSRS, FP };

/* @v's state is to be here, and not on its way out of a hart. True: it is waited for. */
static bool waits_for(struct control_request *r, struct vcpu *v)
{
	if (r->step == ASK) {
		r->at = vcpu_debug_ask(v);
		r->step = WAIT;
	}
	/* One that is not paused any more may well sleep, and never answer. */
	r->undecided = atomic_read(&r->vm->state) == VM_PAUSED && !vcpu_debug_is_synced(v, r->at);
	return r->undecided;
}

/* False: the answer is complete, or an error. */
static bool begin_regs(struct control_request *r, struct vcpu *v)
{
	if (waits_for(r, v))
		return true;
	if (!vm_debug_regs(v, &regs)) {
		control_fail(r, "%s is not paused", r->vm->name);
		return false;
	}
	write_hex(&r->json, "pc", regs.regs.sepc);
	json_bool(&r->json, "user", (regs.regs.sstatus & SSTATUS_SPP) == 0);
	write_array(&r->json, "x", regs.regs.x, 32);
	r->step = CSRS;
	return true;
}

bool cmd_control_debug_regs(struct control_request *r)
{
	switch (r->step) {
	case ASK:
	case WAIT: {
		struct vcpu *v = control_debug_vcpu(r, 3);

		return v && begin_regs(r, v);
	}
	case CSRS:
		write_csrs(&r->json);
		r->step = FP;
		return true;
	default:
		write_array(&r->json, "f", regs.floats.f, 32);
		write_hex(&r->json, "fcsr", regs.floats.fcsr);
		return false;
	}
}

/* NAME=VALUE: pc, x1 to x31, f0 to f31, fcsr. False: the answer is an error. */
static bool parse_reg(struct control_request *r, const char *word, unsigned int *n, uint64_t *value)
{
	const char *equals = strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : strlen(word);
	char name[8];

	for (*n = 1; *n <= DEBUG_FCSR; ++*n) {
		if (*n == DEBUG_FCSR)
			(void)snprintf(name, sizeof(name), "fcsr");
		else if (*n == DEBUG_PC)
			(void)snprintf(name, sizeof(name), "pc");
		else
			(void)snprintf(name, sizeof(name), "%c%u", *n < DEBUG_PC ? 'x' : 'f',
				       *n < DEBUG_PC ? *n : *n - DEBUG_F0);
		if (strlen(name) == len && memcmp(name, word, len) == 0)
			break;
	}
	if (*n > DEBUG_FCSR) {
		control_fail(r, "%.40s: no such register: must be pc, x1 to x31, f0 to f31 or fcsr",
			     word);
		return false;
	}
	if (equals && control_parse_number(equals + 1, UINT64_MAX, value))
		return true;
	control_fail(r, "%.40s: must be a register, = and a decimal number", word);
	return false;
}

bool cmd_control_debug_set(struct control_request *r)
{
	struct vcpu *v = control_debug_attached(r) ? control_debug_vcpu(r, 3) : NULL;
	uint64_t value;
	unsigned int n;

	if (!v)
		return false;
	if (waits_for(r, v))
		return true;
	if (r->nr_words != 5)
		control_fail(
			r,
			"debug.set: must be followed by a VM's name, a vcpu and REGISTER=NUMBER");
	else if (parse_reg(r, r->words[4], &n, &value) && !vm_debug_set_reg(v, n, value))
		control_fail(r, "%s is not paused", r->vm->name);
	return false;
}

/* --- breakpoints ---------------------------------------------------------------------------------- */

static bool parse_address(struct control_request *r, unsigned int words, gpa_t *a)
{
	if (r->nr_words == words && control_parse_number(r->words[3], UINT64_MAX / 16, &a->gpa))
		return true;
	control_fail(
		r, "%s: must be followed by a VM's name and a guest-physical address, in decimal%s",
		r->command->name, words == 5 ? ", and 2 or 4 bytes" : "");
	return false;
}

bool cmd_control_debug_break(struct control_request *r)
{
	uint64_t len;
	gpa_t a;

	if (!control_debug_attached(r) || !parse_address(r, 5, &a))
		return false;
	if (!control_parse_number(r->words[4], 4, &len) || (len != 2 && len != 4) || a.gpa % 2) {
		control_fail(r, "debug.break: an instruction has 2 or 4 bytes, at an even address");
		return false;
	}
	switch (vm_debug_set_break(r->vm, a, (unsigned int)len)) {
	case HV_OK:
		break;
	case HV_EOVERFLOW:
		control_fail(r, "there are %d breakpoints already", DEBUG_BREAKS);
		break;
	default:
		control_fail(r, "%s: 0x%" PRIx64 ": no RAM is there that the guest may write",
			     r->vm->name, a.gpa);
		break;
	}
	return false;
}

bool cmd_control_debug_clear(struct control_request *r)
{
	gpa_t a;

	if (control_debug_attached(r) && parse_address(r, 4, &a) &&
	    vm_debug_clear_break(r->vm, a) != HV_OK)
		control_fail(r, "%s: 0x%" PRIx64 ": no breakpoint is there", r->vm->name, a.gpa);
	return false;
}

/* --- samples -------------------------------------------------------------------------------------- */

static struct {
	char name[VM_NAME_MAX + 1];
	uint64_t asked[VM_MAX_VCPUS];
	struct vcpu_set running;
} sample;

static void ask_all(const struct vm *vm)
{
	memcpy(sample.name, vm->name, sizeof(sample.name));
	sample.running = vcpu_set_none();
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		struct vcpu *v = vm->vcpus[index_below(i, VM_MAX_VCPUS)];

		if (sched_state(&v->se) != SCHED_RUNNING)
			continue;
		vcpu_set_add(&sample.running, i);
		sample.asked[i] = vcpu_debug_ask_sample(v);
	}
}

/* Has each that ran answered, or stopped to run? */
static bool all_have_answered(const struct vm *vm)
{
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		const struct vcpu *v = vm->vcpus[index_below(i, VM_MAX_VCPUS)];

		if (vcpu_set_has(sample.running, i) && !vcpu_debug_is_synced(v, sample.asked[i]) &&
		    sched_state(&v->se) == SCHED_RUNNING && vm_may_run(vm))
			return false;
	}
	return true;
}

static void write_sample(struct json *j, const struct vcpu *v)
{
	bool user;
	uint64_t pc = vcpu_debug_pc(v, &user);

	json_open(j, NULL, '{');
	if (vcpu_set_has(sample.running, v->id) &&
	    vcpu_debug_is_synced(v, sample.asked[v->id % VM_MAX_VCPUS])) {
		write_hex(j, "pc", pc);
		json_bool(j, "user", user);
	} else {
		json_string(j, "state", vm_vcpu_state(v));
	}
	json_close(j, '}');
}

/* The VM may have gone since the answer began. */
static bool write_next_sample(struct control_request *r)
{
	struct vm *vm = vm_get_by_name(sample.name);
	bool more = vm && r->vcpu < vm->nr_vcpus;

	if (more)
		write_sample(&r->json, vm->vcpus[index_below(r->vcpu++, VM_MAX_VCPUS)]);
	else
		json_close(&r->json, ']');
	if (vm)
		vm_put(vm);
	return more;
}

bool cmd_control_debug_sample(struct control_request *r)
{
	if (r->step == ASK) {
		ask_all(r->vm);
		r->step = WAIT;
	}
	if (r->step == WAIT) {
		r->undecided = !all_have_answered(r->vm);
		if (r->undecided)
			return true;
		json_open(&r->json, "vcpus", '[');
		r->step = CSRS;
		return true;
	}
	return write_next_sample(r);
}
