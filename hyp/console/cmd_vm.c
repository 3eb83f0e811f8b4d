/* SPDX-License-Identifier: BSD-2-Clause */
/* What the operator does to the VM whose console is in focus. */
#include <inttypes.h>

#include "console/cmd.h"
#include "term/term.h"
#include "vcpu/console.h"
#include "vcpu/registry.h"
#include "vm/config_ram.h"
#include "vm/lifecycle.h"
#include "vm/operator.h"

/* With a reference; NULL: there is none, and a line has said so. */
static struct vm *focused_vm(void)
{
	const struct term_stream *s = term_focused();

	for_each_vm(vm) {
		if (vm_has_stream(vm, s))
			return vm;
	}
	term_printf("no VM's console is in focus: ^] l lists them");
	return NULL;
}

/* Why a command has no effect on @vm. */
static void tell_state(const struct vm *vm)
{
	bool can_start = vm->made && vm_has_ended(atomic_read(&vm->state));

	char why[VM_WHY_NOT_MAX];

	term_printf("%s %s%s", vm->name, vm_why_not(vm, why, sizeof(why)),
		    can_start ? ": ^] o starts it" : "");
}

void cmd_start(void)
{
	struct vm *vm = focused_vm();

	if (!vm)
		return;
	if (vm_operate(vm, VM_OP_START))
		term_printf("%s is going to be loaded", vm->name);
	else
		tell_state(vm);
	vm_put(vm);
}

void cmd_pause(void)
{
	struct vm *vm = focused_vm();

	if (!vm)
		return;
	if (vm_operate(vm, VM_OP_RESUME))
		term_printf("%s goes on: ^] p pauses it", vm->name);
	else if (vm_operate(vm, VM_OP_PAUSE))
		term_printf("%s is paused: ^] p lets it go on", vm->name);
	else
		tell_state(vm);
	vm_put(vm);
}

/* Decimal digits. UINT64_MAX: it is no such number. */
static uint64_t number(const char *s)
{
	uint64_t n = 0;

	for (; *s; s++) {
		if (*s < '0' || *s > '9' || n > UINT32_MAX)
			return UINT64_MAX;
		n = n * 10 + (uint64_t)(*s - '0');
	}
	return n;
}

static void keep(const char *line)
{
	struct vm *vm = focused_vm();
	uint64_t mib = number(line), all;

	if (!vm)
		return;
	all = config_ram_bytes(vm->config) >> 20;
	if (mib == 0 || mib > all) {
		term_printf("%s: must be 1 to %" PRIu64 " MiB", vm->name, all);
	} else if (!vm->balloon || !vm_has_life(atomic_read(&vm->state))) {
		tell_state(vm); /* or another one has the focus now */
	} else {
		vm->balloon->aim(vm->balloon, (all - mib) << 20);
		term_printf("%s is asked to keep %" PRIu64 " of %" PRIu64
			    " MiB: ^] l shows what it gives back",
			    vm->name, mib, all);
	}
	vm_put(vm);
}

void cmd_balloon(void)
{
	struct vm *vm = focused_vm();

	if (vm && vm->balloon) {
		line_begin("MiB of memory that this VM is to keep", keep);
	} else {
		term_menu_release();
		if (vm)
			term_printf("%s has no balloon", vm->name);
	}
	if (vm)
		vm_put(vm);
}

static void reset(struct vm *vm)
{
	if (!vm_operate(vm, VM_OP_RESET))
		tell_state(vm);
}

static void destroy(struct vm *vm)
{
	if (!vm_operate(vm, VM_OP_STOP))
		tell_state(vm);
}

/* What has ended needs no question. */
static void ask_about(char key, const char *what, void (*yes)(struct vm *vm))
{
	struct vm *vm = focused_vm();

	if (vm && !vm_has_ended(atomic_read(&vm->state))) {
		ask(key, what, vm, vm->name, yes);
		return;
	}
	term_menu_release();
	if (!vm)
		return;
	tell_state(vm);
	vm_put(vm);
}

void cmd_reset(void)
{
	ask_about('r', "reset", reset);
}

void cmd_destroy(void)
{
	ask_about('k', "destroy", destroy);
}

static void quit(struct vm *vm)
{
	(void)vm;
	lifecycle_shutdown_machine();
}

void cmd_quit(void)
{
	ask('q', "stop", NULL, "all VMs and the machine", quit);
}

void cmd_attach(void)
{
	if (!term_attach())
		term_printf("no VM's console is in focus: ^] l lists them");
}
