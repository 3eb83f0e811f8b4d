/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM's paravirtual interfaces, and where in its RAM the PV-lock structures are.
 */
#ifndef VM_PV_H
#define VM_PV_H

#include <hartvisor/pv.h>

#include "vm/config.h"

/* What a VM has unless its configuration says otherwise. */
#define PV_ALL_CALLS                                                                          \
	(BIT(HARTVISOR_FEATURES) | BIT(HARTVISOR_POLL_IRQ) | BIT(HARTVISOR_MAP_MAGIC_PAGE) |  \
	 BIT(HARTVISOR_KICK_CPU) | BIT(HARTVISOR_PV_WAIT) | BIT(HARTVISOR_PV_LOCK_FEATURES) | \
	 BIT(HARTVISOR_PV_LOCK_PREEMPTED) | BIT(HARTVISOR_YIELD_TO))

/* pv_lock_size - bytes of @vm's PV-lock structures, one after the other. */
static inline uint64_t pv_lock_size(const struct vm *vm)
{
	return (uint64_t)vm->nr_vcpus * HARTVISOR_PV_LOCK_SIZE;
}

/*
 * pv_lock_place - vcpu 0's PV-lock structure is to be at @base, the others' behind it. Before @vm runs.
 * HV_ENXIO: it has no PV locks; HV_EEXIST: they have a place; HV_EINVAL: not aligned to 64, or not wholly
 * in its RAM. An error changes nothing.
 */
int pv_lock_place(struct vm *vm, gpa_t base);

#endif
