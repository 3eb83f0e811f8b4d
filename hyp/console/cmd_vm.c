/* SPDX-License-Identifier: BSD-2-Clause */
/* What the operator does to the VM whose console is in focus. */
#include "console/cmd.h"
#include "term/term.h"
#include "vcpu/vm.h"

static struct vm *focused_vm(void)
{
	const struct term_stream *s = term_focused();

	for (unsigned int i = 0; s && i < nr_vms; i++)
		if (vms[i]->stream == s)
			return vms[i];
	term_printf("no VM's console is in focus: ^] l lists them");
	return NULL;
}

void cmd_pause(void)
{
	struct vm *vm = focused_vm();

	if (!vm)
		return;
	if (vm_resume(vm))
		term_printf("%s goes on: ^] p pauses it", vm->name);
	else if (vm_pause(vm))
		term_printf("%s is paused: ^] p lets it go on", vm->name);
	else
		term_printf("%s does not run", vm->name);
}

void cmd_reset(void)
{
	struct vm *vm = focused_vm();

	if (vm && !vm_stop(vm, VM_STOP_REBOOT, NULL))
		term_printf("%s does not run", vm->name);
}

void cmd_destroy(void)
{
	struct vm *vm = focused_vm();

	if (vm && !vm_stop(vm, VM_STOP_DESTROY, NULL))
		term_printf("%s does not run", vm->name);
}
