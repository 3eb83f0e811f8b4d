/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an operator asks of VMs, and why it cannot be had. The console (^]) and the control channel both come here; they differ in how
 * they show the answer.
 */
#ifndef VM_OPERATOR_H
#define VM_OPERATOR_H

#include "vcpu/vm.h"

enum vm_op {
	VM_OP_START,
	VM_OP_PAUSE,
	VM_OP_RESUME,
	VM_OP_RESET,
	VM_OP_STOP,    /* ends its life at once; it can be started again */
	VM_OP_DESTROY, /* takes it away for good (vm/destroy.h) */
};

/*
 * vm_operate - begin to do @op to @vm. False: its state does not allow it (vm_why_not()). VM_OP_PAUSE returns when no vcpu is in the
 * guest. The caller has a reference. Any hart, no locks; not from a vcpu of @vm.
 */
bool vm_operate(struct vm *vm, enum vm_op op);

/*
 * vm_why_not - why an operation has no effect on @vm, as it goes on behind its name: "is running", "does not run". @buf, of @size
 * bytes, may hold it.
 */
#define VM_WHY_NOT_MAX 24
const char *vm_why_not(const struct vm *vm, char *buf, size_t size);

/* vm_remark - what there is to say of its state, or "": why it crashed or cannot be started. */
const char *vm_remark(const struct vm *vm);

/* vm_vcpu_state - if the VM has a life: "running", "ready", "blocked" or "stopped"; else the state of the VM. */
const char *vm_vcpu_state(const struct vcpu *v);
const char *vcpu_state_name(const struct vcpu *v);

/* vm_zero_counts - what @vm's vcpus and devices have counted counts from now on. The caller has a reference. Any hart, no locks. */
void vm_zero_counts(const struct vm *vm);

/* vm_own_memory - bytes of the machine's memory that are neither free, nor a guest's RAM, nor a bundle's that came later; *@image: of
 * hartvisor's image. */
uint64_t vm_own_memory(uint64_t *image);

/* What may be changed while a VM runs. */
#define VM_SET_WEIGHT	BIT(0)
#define VM_SET_CAP	BIT(1)
#define VM_SET_AFFINITY BIT(2)

struct vm_settings {
	uint32_t which;
	uint32_t weight;   /* of each vcpu, and of the VM's task */
	uint32_t cap;	   /* percent of one hart; 0: none */
	uint64_t affinity; /* bit n: hart n; of each vcpu, and of the VM's task */
};

/* vm_affinity - the harts that run of those where @vm's vcpus may, as it was set, or as its node has it. */
uint64_t vm_affinity(const struct vm *vm);

/*
 * vm_set - @vm gets @s, now and in its later lives. NULL, or what is wrong, in words that follow "weight = 0: ", say; then
 * *@wrong is the one that is, and nothing has changed. A vcpu that runs where it may no more has been interrupted, and runs there no more once
 * its hart has looked. One caller at a time; the caller has a reference. Any hart, no locks.
 */
const char *vm_set(struct vm *vm, const struct vm_settings *s, uint32_t *wrong);

#endif
