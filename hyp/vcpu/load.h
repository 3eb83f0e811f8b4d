/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The world of a vcpu on a pcpu: loading and saving what stays in the hart between two entries. In line in the
 * run loop, which has no register to keep here: the world switch has used up all of them.
 */
#ifndef VCPU_LOAD_H
#define VCPU_LOAD_H

#include "arch/csr.h"
#include "arch/guest_state.h"
#include "mm/vmid.h"
#include "vcpu/irq.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"
#include "vcpu/vtimer.h"

#define HVIP_UNKNOWN UINT64_MAX

/* vcpu_assign_vmid - a fresh VMID on this pcpu, and hgatp with it. vcpu_migrate_in - @v was loaded on another pcpu before. */
void vcpu_assign_vmid(struct vcpu *v);
void vcpu_migrate_in(struct vcpu *v);

/* vcpu_load_hgatp - hgatp with a VMID that is @v's own on this pcpu. */
static inline void vcpu_load_hgatp(struct vcpu *v)
{
	if (vmid_is_current(&v->place.vmid, this_pcpu()->index))
		csr_write(CSR_HGATP, v->place.hgatp);
	else
		vcpu_assign_vmid(v);
}

/*
 * The hart keeps the registers of the vcpu that used them last. They need no restore when that vcpu is @v and @v has
 * not been loaded elsewhere since. f0 to f31 need none either when both vcpus have written none since reset: all are
 * zero (state Initial of the privileged specification). fcsr does: it may differ all the same (guest_fp_save()).
 */
static inline void vcpu_load_fp(struct vcpu *v, struct pcpu *p)
{
	if (p->fp_owner != v || v->fp.pcpu != p->index) {
		if (p->fp_initial && v->fp.initial) {
			arch_fp_csr_restore(&v->fp.regs);
		} else {
			guest_fp_restore(&v->fp.regs);
			p->fp_initial = v->fp.initial;
		}
	}
	p->fp_owner = v;
	v->fp.pcpu = p->index;
	if (!v->fp.vector)
		return;
	if (p->vector_owner != v || v->fp.vector_pcpu != p->index)
		guest_vector_restore(v->fp.vector);
	p->vector_owner = v;
	v->fp.vector_pcpu = p->index;
}

/* vcpu_load - put @v's state into the CSRs of @p, this pcpu. Nothing else is loaded here. */
static always_inline void vcpu_load(struct vcpu *v, struct pcpu *p)
{
	const struct vm *vm = v->vm;

	if (v->place.pcpu != p->index)
		vcpu_migrate_in(v);
	csr_write(CSR_HTIMEDELTA, atomic_read(&vm->htimedelta));
	csr_write(CSR_HCOUNTEREN, vm->hcounteren);
	csr_write(CSR_HEDELEG, atomic_read(&vm->hedeleg));
	if (hart_features.henvcfg)
		csr_write(CSR_HENVCFG, vm->henvcfg);
	vcpu_load_hgatp(v);
	guest_vs_restore(&v->vs);
	if (hart_features.loose)
		features_clear_loose(hart_features.loose);
	vcpu_load_fp(v, p);
	v->irq.hvip = HVIP_UNKNOWN;
	p->current = v;
	vcpu_timer_unblock(v);
}

/* vcpu_put - save the state of @v, loaded on @p, this pcpu; afterwards it may be loaded elsewhere. */
static always_inline void vcpu_put(struct vcpu *v, struct pcpu *p)
{
	vcpu_timer_block(v);
	guest_vs_save(&v->vs);
	if (guest_fp_save(&v->regs, &v->fp.regs))
		v->fp.initial = p->fp_initial = false;
	guest_vector_save(&v->regs, v->fp.vector);
	/* No walk, however speculative, may combine this guest's vsatp with the next one's hgatp. */
	csr_write(CSR_VSATP, 0);
	/* Nothing of the guest's may end a WFI of this hart. */
	csr_write(CSR_VSIE, 0);
	csr_write(CSR_HVIP, 0);
	p->current = NULL;
}

/* vcpu_put_for_good - vcpu_put() of a vcpu whose VM ends: its G-stage tables may be freed afterwards. */
static inline void vcpu_put_for_good(struct vcpu *v, struct pcpu *p)
{
	vcpu_put(v, p);
	vmid_park(p->index);
}

#endif
