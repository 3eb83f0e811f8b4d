/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Remote fences between vcpus of one VM (SBI RFENCE). A target in guest mode gets a request and the
 * IPI, and the caller waits until it has left; a target that does not run is only marked, and takes a
 * fresh VMID or fences before its next entry. Nobody waits for a vcpu that is not running.
 */
#ifndef VCPU_FENCE_H
#define VCPU_FENCE_H

#include "vcpu/vcpu.h"
#include "vcpu/vm.h"

/* vm_fence_i - fence.i on every vcpu in @set before it next executes a guest instruction. */
void vm_fence_i(struct vm *vm, uint64_t set);

/* vm_fence_vvma - sfence.vma of [f->start, +size) (whole space, one ASID or all) on every vcpu in @set. */
void vm_fence_vvma(struct vm *vm, uint64_t set, const struct vcpu_fence *f);

/* vm_fence_others - the same; @set is not empty and the caller not in it. */
void vm_fence_others(struct vm *vm, uint64_t set, const struct vcpu_fence *f);

/* vcpu_fence_drain / vcpu_fence_all - own pcpu, loaded: do what the HFENCE and HFENCE_VVMA_ALL requests
 * ask, under the VMID that hgatp holds. */
void vcpu_fence_drain(struct vcpu *v);
void vcpu_fence_all(struct vcpu *v);

#endif
