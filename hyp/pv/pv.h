/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The paravirtual interfaces: what a guest that knows hartvisor asks for, and is told (docs/abi.md, hartvisor/pv.h). All
 * of them are in this room.
 *
 *   pv_part.c   a VM's interfaces as a part of it: its configuration (`pv`, `pv-lock-base`), its node in the guest's tree
 *   vendor.c    the vendor extension's calls: which there are is vm->pv.calls
 *   pvlk.c      the kick by the number of a Linux RFC
 *   sta.c       the standard's call for steal time
 *   steal.c     steal time, and "this vcpu is preempted": when it is set and cleared
 *   pv_lock.c   where the PV-lock structures are
 *   magic.c     the page that a guest reads instead of asking
 *
 * vm->pv is fixed once the VM runs; v->pv is the vcpu's own pcpu's. A structure in guest memory is only
 * written, never believed. What a vcpu's life means for it comes by hooks (vcpu/hooks.h); the run loop calls
 * pv_preempted() and pv_resumes().
 *
 * A halted vcpu is kicked by the calls of vcpu/request.h, as by an IPI: nothing of a kick or of PV_WAIT is kept here.
 */
#ifndef PV_PV_H
#define PV_PV_H

#include <hartvisor/pv.h>

#include "arch/next.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"

/* What a VM has unless its configuration says otherwise. */
#define PV_ALL_CALLS                                                                          \
	(BIT(HARTVISOR_FEATURES) | BIT(HARTVISOR_POLL_IRQ) | BIT(HARTVISOR_MAP_MAGIC_PAGE) |  \
	 BIT(HARTVISOR_KICK_CPU) | BIT(HARTVISOR_PV_WAIT) | BIT(HARTVISOR_PV_LOCK_FEATURES) | \
	 BIT(HARTVISOR_PV_LOCK_PREEMPTED) | BIT(HARTVISOR_YIELD_TO))

/* pv_is_on - does a structure of v->pv have a place? */
static inline bool pv_is_on(gpa_t at)
{
	return at.gpa != UINT64_MAX;
}

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

/* pv_lock_set - PV_LOCK_PREEMPTED: @v's structure, which lies at @a, is written from now on. HV_EFAULT: not RAM. Own pcpu. */
int pv_lock_set(struct vcpu *v, gpa_t a);

/* pv_kick - KICK_CPU: end the halt of hart @hartid, and let it run instead of @v. For both numbers. */
struct next pv_kick(struct vcpu *v, uint64_t hartid);

#endif
