// SPDX-License-Identifier: BSD-2-Clause
/* The end of the machine: when it comes, and how. */
#include <hartvisor/sbi.h>

#include "arch/cpu.h"
#include "arch/sbi_call.h"
#include "lib/log.h"
#include "term/term.h"
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
	const struct vm *waits = NULL;

	for (unsigned int i = 0; i < nr_vms; i++) {
		if (!vm_has_ended(atomic_read(&vms[i]->state)))
			return;
		if (atomic_read(&vms[i]->waits))
			waits = vms[i];
	}
	if (waits) {
		log_info("no VM runs; %s has not been started yet: ^] o starts the VM in focus",
			 waits->name);
		return;
	}
	if (stays_on) {
		log_info("all VMs have ended; the machine stays on: ^] o starts the VM in focus");
		return;
	}
	log_info("all VMs have ended; powering off");
	lifecycle_shutdown_machine();
}
