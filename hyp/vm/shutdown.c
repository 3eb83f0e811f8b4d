// SPDX-License-Identifier: BSD-2-Clause
/* The end of the machine: when it comes, and how. */
#include <hartvisor/sbi.h>
#include <string.h>

#include "arch/cpu.h"
#include "arch/sbi_call.h"
#include "lib/log.h"
#include "term/term.h"
#include "vcpu/registry.h"
#include "vm/lifecycle.h"

static bool stays_on; /* hartvisor.stay */

void lifecycle_stay(bool stay)
{
	stays_on = stay;
}

void lifecycle_shutdown_machine(void)
{
	term_drain();
	sbi_host_shutdown(SBI_SRST_TYPE_SHUTDOWN);
	log_error("the firmware did not power the machine off; halting");
	term_drain();
	for (;;)
		cpu_wait_for_interrupt();
}

void lifecycle_check_all_ended(void)
{
	char waits[VM_NAME_MAX + 1] = "";

	for_each_vm(vm) {
		if (!vm_has_ended(atomic_read(&vm->state))) {
			vm_put(vm);
			return;
		}
		if (atomic_read(&vm->waits))
			memcpy(waits, vm->name, sizeof(waits));
	}
	if (waits[0]) {
		log_info("no VM runs; %s has not been started yet: ^] o starts the VM in focus",
			 waits);
		return;
	}
	if (stays_on) {
		log_info("all VMs have ended; the machine stays on: ^] o starts the VM in focus");
		return;
	}
	log_info("all VMs have ended; powering off");
	lifecycle_shutdown_machine();
}
