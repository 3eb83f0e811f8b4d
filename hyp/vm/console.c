/* SPDX-License-Identifier: BSD-2-Clause */
#include "vm/console.h"

#include "dev/vdev.h"
#include "term/term.h"
#include "vcpu/console.h"

static void input_ready(void *arg)
{
	vuart_input_ready(((struct vm *)arg)->uart);
}

static void output_ready(void *arg)
{
	struct vm *vm = arg;

	vuart_output_ready(vm->uart);
	vm_console_room(vm);
}

static const struct term_owner vm_owner = {
	.input_ready = input_ready,
	.output_ready = output_ready,
};

struct term_stream *vm_console_new(struct vm *vm)
{
	return term_stream_new(&vm->arena, vm->name, &vm_owner, vm);
}
