/* SPDX-License-Identifier: BSD-2-Clause */
#include "vm/console.h"

#include "term/term.h"
#include "vcpu/console.h"

static void input_ready(void *arg)
{
	const struct vm *vm = arg;

	if (vm->console.input_ready)
		vm->console.input_ready(vm->console.dev);
}

static void output_ready(void *arg)
{
	struct vm *vm = arg;

	if (vm->console.output_ready)
		vm->console.output_ready(vm->console.dev);
	vm_console_room(vm);
}

static const char *absent(void *arg, bool *keeps)
{
	return vm_console_absent(arg, keeps);
}

static const struct term_owner vm_owner = {
	.input_ready = input_ready,
	.output_ready = output_ready,
	.absent = absent,
};

struct term_stream *vm_console_new(struct vm *vm)
{
	return term_stream_new(&vm->arena, vm->name, &vm_owner, vm);
}
