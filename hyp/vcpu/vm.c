// SPDX-License-Identifier: BSD-2-Clause
#include "vcpu/vm.h"

#include <string.h>

#include "arch/timer.h"
#include "vcpu/vcpu.h"

struct vm *vms[VM_MAX];
unsigned int nr_vms;

bool vm_stop(struct vm *vm, enum vm_stop how, const char *why)
{
	uint32_t running = VM_RUNNING;

	if (!atomic_compare_exchange(&vm->state, &running, VM_STOPPING))
		return false;
	atomic_set(&vm->stop, how);
	vm->stop_why[0] = '\0';
	if (why)
		(void)strncat(vm->stop_why, why, sizeof(vm->stop_why) - 1);
	(void)vm_make_all_vcpus_request(vm, REQUEST_VM_DEAD);
	return true;
}

bool vm_pause(struct vm *vm)
{
	if (atomic_read(&vm->state) != VM_RUNNING || atomic_exchange(&vm->paused, 1))
		return false;
	/*
	 * SLEEP makes those outside look at `paused` before they enter, OUTSIDE_GUEST_MODE gets the
	 * others out, and waits. The bits come first: who is not seen in guest mode sees his bit.
	 */
	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		vcpu_make_request(REQUEST_SLEEP, vm->vcpus[i]);
	(void)vm_make_all_vcpus_request(vm, REQUEST_OUTSIDE_GUEST_MODE);
	vm->paused_at = timer_now();
	/* It may have been ending already, and the next life begins unpaused. From here on it cannot:
	 * nobody is in the guest to ask for it. */
	if (atomic_read(&vm->state) != VM_RUNNING || !atomic_read(&vm->paused))
		return false;
	sched_group_stop(&vm->group, vm->paused_at);
	return true;
}

bool vm_resume(struct vm *vm)
{
	uint64_t now;

	/* One that ended while it was paused stays so: its clock and vcpus are the next life's. */
	if (atomic_read(&vm->state) != VM_RUNNING || !atomic_read(&vm->paused))
		return false;
	/*
	 * Every vcpu takes the new clock over with UNBLOCK before it enters again: the bits are there
	 * before `paused` falls, since one that is awake enters as soon as it sees that.
	 */
	now = timer_now();
	atomic_set(&vm->htimedelta, vm->htimedelta - (now - vm->paused_at));
	sched_group_go(&vm->group, now);
	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		vcpu_make_request(REQUEST_UNBLOCK, vm->vcpus[i]);
	atomic_set_release(&vm->paused, 0);
	(void)vm_make_all_vcpus_request(vm, REQUEST_UNBLOCK);
	return true;
}

int vm_give_back_ram(struct vm *vm, gpa_t base, uint64_t size)
{
	struct gstage_ram pieces[GSTAGE_MAX_RAM];
	unsigned int nr;
	int err;

	spin_lock(&vm->lock);
	err = gstage_unmap_ram(&vm->gstage, base, size, pieces, ARRAY_SIZE(pieces), &nr);
	if (err == HV_OK) {
		(void)vm_make_all_vcpus_request(vm, REQUEST_TLB_FLUSH);
		gstage_free_pieces(&vm->gstage, pieces, nr);
	}
	spin_unlock(&vm->lock);
	return err;
}
