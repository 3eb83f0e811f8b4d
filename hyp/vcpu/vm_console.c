// SPDX-License-Identifier: BSD-2-Clause
/* Consoles of a VM besides its own: their streams, and what the terminal tells the owner of one. */
#include <stdio.h>
#include <string.h>

#include "term/term.h"
#include "vcpu/console.h"

/* What of "VM.label" is seen: the terminal cuts longer names. Of a long one so much at least is the VM's. */
#define NAME_MAX    31
#define VM_NAME_MIN 8

static void input_ready(void *arg)
{
	const struct vm_console *c = arg;

	c->port.input_ready(c->port.dev);
}

static void output_ready(void *arg)
{
	const struct vm_console *c = arg;

	c->port.output_ready(c->port.dev);
	vm_console_room(c->vm);
}

static const char *absent(void *arg, bool *keeps)
{
	const struct vm_console *c = arg;
	const char *why = vm_console_absent(c->vm, keeps);

	return why || !c->absent ? why : c->absent(c->port.dev);
}

static const struct term_owner stream_owner = {
	.input_ready = input_ready,
	.output_ready = output_ready,
	.absent = absent,
};

int vm_add_console(struct vm *vm, struct vm_console *c, const char *label)
{
	const size_t rest = min_u64(strlen(label) + 1, NAME_MAX - VM_NAME_MIN);
	struct vm_console **last = &vm->consoles;
	char name[VM_NAME_MAX + NAME_MAX + 2];

	snprintf(name, sizeof(name), "%.*s.%s", (int)(NAME_MAX - rest), vm->name, label);
	c->vm = vm;
	c->stream = term_stream_new(&vm->arena, name, &stream_owner, c);
	if (!c->stream)
		return HV_ENOMEM;
	while (*last)
		last = &(*last)->next;
	*last = c;
	return HV_OK;
}

const char *vm_console_absent(const struct vm *vm, bool *keeps)
{
	switch ((enum vm_state)atomic_read(&vm->state)) {
	case VM_OFF:
	case VM_CRASHED:
	case VM_FAILED:
	case VM_DESTROYED:
		*keeps = false;
		return "does not run: what is typed goes nowhere (^] o starts it, ^] n: next console)";
	case VM_PAUSING:
	case VM_PAUSED:
		return "is paused: what is typed waits until ^] p lets it go on";
	case VM_RUNNING:
	case VM_BUILDING:
	case VM_STOPPING:
	case VM_STATES:
		break;
	}
	return NULL;
}
