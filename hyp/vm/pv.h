/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM's paravirtual interfaces: how configuration and device tree call them, and where in its RAM the
 * PV-lock structures are.
 */
#ifndef VM_PV_H
#define VM_PV_H

#include <hartvisor/pv.h>

#include "vm/config.h"

struct pv_feature {
	const char *name;
	uint64_t calls; /* bit n: FID n of the vendor extension */
};

#define PV_NR_FEATURES 6
extern const struct pv_feature pv_features[PV_NR_FEATURES];

/* pv_all - all of them, with FEATURES itself: what a VM has unless its configuration says otherwise. */
uint64_t pv_all(void);

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
