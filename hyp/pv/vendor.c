// SPDX-License-Identifier: BSD-2-Clause
/*
 * hartvisor's own calls (hartvisor/pv.h, docs/abi.md): what the standard has no call for. Which of them a
 * VM has is vm->pv.calls; one that it has not is answered like one that does not exist.
 */
#include "dev/mmio.h"
#include "lib/errno.h"
#include "pv/pv.h"
#include "sbi/sbi.h"
#include "vcpu/hsm.h"
#include "pv/magic.h"
#include "pv/steal.h"

static uint64_t vendor_probe(const struct vm *vm, uint32_t eid)
{
	return eid == sbi_vendor_eid() && vm->pv.calls != 0;
}

/* As an IPI to a hart that is off: it is not taken, and the hart's start (RESET) begins without it. */
static bool is_off(const struct vcpu *v)
{
	uint64_t hsm = vcpu_hsm_status(v);

	return hsm == SBI_HSM_STATE_STOPPED || hsm == SBI_HSM_STATE_START_PENDING;
}

struct next pv_kick(struct vcpu *v, uint64_t hartid)
{
	struct vcpu *target = vm_vcpu(v->vm, hartid);

	if (!target)
		return sbi_err(v, SBI_ERR_INVALID_PARAM);
	if (is_off(target))
		return sbi_ok(v, 0);
	(void)sbi_ok(v, 0);
	if (target != v)
		return next_yield(target, vcpu_unhalt_claim(target));
	vcpu_unhalt(v);
	return next_is(NEXT_GUEST);
}

static struct next pv_wait(struct vcpu *v, uint64_t flags)
{
	if (flags & ~HARTVISOR_PV_WAIT_IRQ)
		return sbi_err(v, SBI_ERR_INVALID_PARAM);
	vcpu_halt(v, flags & HARTVISOR_PV_WAIT_IRQ ? SLEEP_PV_WAIT_IRQ : SLEEP_PV_WAIT);
	return sbi_ok(v, 0);
}

static struct next pv_lock_features(struct vcpu *v, uint64_t fid)
{
	bool known = fid == HARTVISOR_PV_LOCK_FEATURES || fid == HARTVISOR_PV_LOCK_PREEMPTED;

	return known ? sbi_ok(v, 0) : sbi_err(v, SBI_ERR_NOT_SUPPORTED);
}

/* The structure is written from now on: a guest that never asks never finds its memory changed. */
static struct next pv_lock_preempted(struct vcpu *v)
{
	gpa_t at = gpa_add(v->vm->pv.locks, (uint64_t)v->id * HARTVISOR_PV_LOCK_SIZE);

	if (v->vm->pv.locks.gpa == 0 || pv_lock_set(v, at) != HV_OK)
		return sbi_err(v, SBI_ERR_NOT_SUPPORTED);
	return sbi_ok(v, at.gpa);
}

/* What is named and waits for a hart gets this one. */
static struct next yield_to(struct vcpu *v, uint64_t hartid)
{
	struct vcpu *target = vm_vcpu(v->vm, hartid);

	if (!target)
		return sbi_err(v, SBI_ERR_INVALID_PARAM);
	(void)sbi_ok(v, 0);
	return target != v ? next_yield(target, false) : next_is(NEXT_GUEST);
}

/* Outside of RAM, which is mapped, and of devices, which are not. */
static struct next map_magic_page(struct vcpu *v, uint64_t at)
{
	if (at == HARTVISOR_MAGIC_UNMAP)
		return sbi_err(v, pv_magic_unmap(v) == HV_OK ? SBI_SUCCESS : SBI_ERR_INVALID_STATE);
	if (!is_aligned(at, PAGE_SIZE))
		return sbi_err(v, SBI_ERR_INVALID_PARAM);
	if (mmio_overlaps(v->vm->bus, gpa(at), PAGE_SIZE))
		return sbi_err(v, SBI_ERR_INVALID_ADDRESS);
	switch (pv_magic_map(v, gpa(at))) {
	case HV_OK:
		return sbi_ok(v, 0);
	case HV_ENOMEM:
		return sbi_err(v, SBI_ERR_FAILED);
	default:
		return sbi_err(v, SBI_ERR_INVALID_ADDRESS);
	}
}

static bool has_call(const struct vm *vm, uint64_t fid)
{
	return fid < 64 && (vm->pv.calls & BIT(fid));
}

/* Those that are not for the fast path. */
static struct next call_outside(struct vcpu *v, uint64_t fid)
{
	switch (fid) {
	case HARTVISOR_POLL_IRQ:
		return sbi_ok(v, 0); /* that it left is all: pending interrupts go in with it */
	case HARTVISOR_MAP_MAGIC_PAGE:
		return map_magic_page(v, sbi_arg(v, 0));
	case HARTVISOR_PV_WAIT:
		return pv_wait(v, sbi_arg(v, 0));
	case HARTVISOR_PV_LOCK_PREEMPTED:
		return pv_lock_preempted(v);
	default:
		return sbi_err(v, SBI_ERR_NOT_SUPPORTED);
	}
}

static struct next vendor_handle(struct vcpu *v, uint64_t fid)
{
	if (!has_call(v->vm, fid))
		return sbi_err(v, SBI_ERR_NOT_SUPPORTED);
	switch (fid) {
	case HARTVISOR_FEATURES:
		return sbi_ok(v, v->vm->pv.calls);
	case HARTVISOR_KICK_CPU:
		return sbi_arg(v, 0) == 0 ? pv_kick(v, sbi_arg(v, 1)) :
					    sbi_err(v, SBI_ERR_INVALID_PARAM);
	case HARTVISOR_PV_LOCK_FEATURES:
		return pv_lock_features(v, sbi_arg(v, 0));
	case HARTVISOR_YIELD_TO:
		return yield_to(v, sbi_arg(v, 0));
	case HARTVISOR_MMU_OP: /* RFENCE does its work */
		return sbi_err(v, SBI_ERR_NOT_SUPPORTED);
	default:
		return sbi_is_fast(v) ? sbi_exit() : call_outside(v, fid);
	}
}

const struct sbi_extension sbi_ext_vendor = {
	.name = "hartvisor",
	.eid_first = HARTVISOR_SBI_EXT_VENDOR_BASE,
	.eid_last = HARTVISOR_SBI_EXT_VENDOR_BASE | HARTVISOR_SBI_EXT_VENDOR_MASK,
	.probe = vendor_probe,
	.handle = vendor_handle,
};
