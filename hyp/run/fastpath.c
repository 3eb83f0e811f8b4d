// SPDX-License-Identifier: BSD-2-Clause
/*
 * The fast path: traps that are answered from the vector (arch/switch.S), without the run loop and the way out of the world
 * switch. An ecall is looked at with the caller-saved registers put away (fast_ecall), an access to a device with all of
 * them (fast_trap). What is not for the fast path it leaves as it was: LIGHT_NOT, and vcpu_run() has an exit like others.
 */
#include "run/entry.h"

#include "arch/checked.h"
#include "arch/csr.h"
#include "arch/insn.h"
#include "dev/mmio.h"
#include "lib/work.h"
#include "run/access.h"
#include "run/run.h"
#include "sbi/dispatch.h"
#include "vcpu/vm.h"

/* The tests have a hartvisor without (build/hartvisor-no-light.bin), to compare the answers of both. */
#ifdef HARTVISOR_NO_LIGHT_EXITS
#define LIGHT_EXITS false
#else
#define LIGHT_EXITS true
#endif

/* --- SBI calls ------------------------------------------------------------------------------------------ */

/* What a call in a light exit has left to be done, for its own vcpu or hart. */
static noinline struct light_end after_light(struct vcpu *v)
{
	struct pcpu *p = this_pcpu();

	if (v->hands_over)
		return light_ends(&v->regs, LIGHT_LEAVE);
	if (v->yield_to && !sched_waits(&v->yield_to->se))
		v->yield_to = NULL;
	/* It has waited for others, and was not to be waited for meanwhile: enter as the protocol has it. */
	if (vcpu_mode(v) == OUTSIDE_GUEST_MODE) {
		vcpu_irq_sync(v);
		if (!may_enter(v))
			return light_ends(&v->regs, LIGHT_LEAVE);
	}
	if (v->yield_to)
		return light_ends(&v->regs, LIGHT_LEAVE);
	if (atomic_read(&p->need_resched) && pcpu_must_switch(&v->se, p)) {
		atomic_set(&p->need_resched, 1); /* the run loop looks again */
		return light_ends(&v->regs, LIGHT_LEAVE);
	}
	return light_ends(&v->regs, LIGHT_DONE);
}

static noinline struct light_end light_do(struct vcpu *v, const struct sbi_extension *ext)
{
	counter_inc(&v->stats.exits[EXIT_SBI]);
	return sbi_light_end(v, sbi_handle(v, ext), after_light);
}

/* Function @fid of @ext, which the VM has. */
static inline struct light_end light_call(struct vcpu *v, uint64_t fid,
					  const struct sbi_extension *ext)
{
	if (fid >= 64 || !(ext->light & BIT(fid)))
		return light_ends(&v->regs, LIGHT_NOT);
	return light_do(v, ext);
}

/* The same of an extension that the VM may or may not have. */
static noinline struct light_end light_probe(struct vcpu *v, uint64_t fid,
					     const struct sbi_extension *ext)
{
	if (!ext->probe || ext->probe(v->vm, (uint32_t)v->regs.x[REG_A7]))
		return light_call(v, fid, ext);
	counter_inc(&v->stats.exits[EXIT_SBI]);
	sbi_unknown(v);
	return light_ends(&v->regs, LIGHT_DONE);
}

/*
 * A light exit: most SBI calls need a few registers and a word or two of the vcpu, so they are answered
 * from the trap vector, by the same handlers as from vcpu_handle_exit(). The mode stays IN_GUEST_MODE:
 * a kick sends the IPI, and it is taken after the sret.
 */
struct light_end fast_ecall(struct guest_regs *r)
{
	struct vcpu *v = container_of(r, struct vcpu, regs);
	const struct sbi_extension *ext = sbi_extensions[SBI_SLOT(r->x[REG_A7])];
	uint64_t fid = r->x[REG_A6];

	if (!LIGHT_EXITS)
		return light_ends(&v->regs, LIGHT_NOT);
	if (!ext || int32_in_register(ext->eid_first) != r->x[REG_A7]) {
		ext = sbi_find_range(r->x[REG_A7]);
		if (ext)
			return light_probe(v, fid, ext);
		counter_inc(&v->stats.exits[EXIT_SBI]);
		sbi_unknown(v);
		return light_ends(&v->regs, LIGHT_DONE);
	}
	if (fid < ext->nr_constants) {
		counter_inc(&v->stats.exits[EXIT_SBI]);
		return sbi_quick_ok(v, (*ext->constants)[fid % SBI_FIRST_FUNCTIONS]);
	}
	if (fid < ext->nr_quick) {
		counter_inc(&v->stats.exits[EXIT_SBI]);
		return (*ext->quick)[fid % SBI_FIRST_FUNCTIONS](v, after_light);
	}
	return ext->probe ? light_probe(v, fid, ext) : light_call(v, fid, ext);
}

/* --- devices -------------------------------------------------------------------------------------------- */

/* Registers that C keeps: switch.S loads them anew only where it is told to. */
#define CALLEE_SAVED UINT64_C(0x0ffc0308)

/*
 * An access of the kind @store to the device @r. Meanwhile the vcpu is not in guest mode, as in any exit: a device may
 * interrupt its own vcpu, end its VM, or halt it until the terminal takes more. It enters anew as the protocol has it; when
 * it may not, vcpu_run() goes on.
 */
static always_inline struct light_end access_device(struct vcpu *v, bool store, gpa_t a,
						    const struct mmio_region *r)
{
	uint64_t off = a.gpa - r->base.gpa, val = 0;
	struct insn_mem m;

	stretch_begin();
	vcpu_leave(v);
	vcpu_irq_sync(v);
	(void)insn_decode_htinst_as(csr_read(CSR_HTINST), store, &m);
	if (store)
		r->ops->write(r->dev, off, m.len, mmio_truncate(access_value(v, &m), m.len));
	else
		val = r->ops->read(r->dev, off, m.len);
	/* Once more from the CSR, rather than to keep all of it in registers during the call. */
	(void)insn_decode_htinst_as(csr_read(CSR_HTINST), store, &m);
	access_done(v, &m, mmio_truncate(val, m.len));
	stretch_end();
	/* Work that the device has queued is the pcpu loop's, and no interrupt tells of it. */
	if (vcpu_is_halted(v) || work_pending() || !may_enter(v))
		return light_ends(&v->regs, LIGHT_LEAVE);
	return light_ends(&v->regs,
			  !store && (CALLEE_SAVED >> m.reg & 1) ? LIGHT_DONE_ALL : LIGHT_DONE);
}

static always_inline struct light_end fast_access(struct vcpu *v, uint64_t cause, bool store)
{
	const struct mmio_region *region;
	struct insn_mem m;
	gpa_t a;

	if (!insn_decode_htinst_as(csr_read(CSR_HTINST), store, &m))
		return light_ends(&v->regs, LIGHT_NOT);
	a = access_address(csr_read(CSR_HTVAL), csr_read(CSR_STVAL));
	region = mmio_find(v->vm->bus, a, m.len);
	if (region)
		return access_device(v, store, a, region);
	access_fault(v, cause, csr_read(CSR_STVAL));
	return light_ends(&v->regs, LIGHT_DONE_ALL);
}

/*
 * A guest page fault of a load or a store: an access to a device, if the hardware says which one it is. A vcpu that spins
 * goes the long way, as vcpu_run() has an eye on it.
 */
struct light_end fast_trap(struct guest_regs *r, uint64_t cause)
{
	struct vcpu *v = container_of(r, struct vcpu, regs);

	if (!LIGHT_EXITS || v->se.spinning)
		return light_ends(r, LIGHT_NOT);
	return cause == EXC_STORE_GUEST_FAULT ? fast_access(v, cause, true) :
						fast_access(v, cause, false);
}
