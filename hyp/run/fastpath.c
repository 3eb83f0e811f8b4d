// SPDX-License-Identifier: BSD-2-Clause
/*
 * The fast path: traps that are answered from the vector (arch/switch.S), without the run loop and the way out of the world
 * switch. Each function here decides by registers and CSRs alone whether the trap is its own. If it is not, it has changed
 * nothing and says EXIT, and vcpu_run() has an exit like others. From the first counter on there is no way back.
 *
 * The mode stays IN_GUEST_MODE, unless what is done says otherwise: a kick sends the IPI, and it is taken after the sret.
 */
#include "run/entry.h"

#include "arch/checked.h"
#include "arch/csr.h"
#include "arch/insn.h"
#include "dev/mmio.h"
#include "lib/work.h"
#include "run/access.h"
#include "run/run.h"
#include "sbi/calls.h"
#include "sbi/dispatch.h"
#include "vcpu/vm.h"

/* The tests have a hartvisor without (build/hartvisor-no-fast.bin), to compare the answers of both. */
#ifdef HARTVISOR_NO_FAST_PATH
#define FAST_PATH false
#else
#define FAST_PATH true
#endif

/* --- SBI calls ------------------------------------------------------------------------------------------ */

/* The call has waited for others, and was outside guest mode meanwhile: it enters as the protocol has it. */
static noinline struct next enter_anew(struct vcpu *v)
{
	vcpu_irq_sync(v);
	return next_is(may_enter(v) ? NEXT_GUEST : NEXT_LOOK);
}

/* need_resched is set: perhaps because the call has made another entity runnable here. */
static noinline struct next look_at_queue(struct vcpu *v)
{
	struct pcpu *p = this_pcpu();

	if (!pcpu_must_switch(&v->se, p))
		return next_is(NEXT_GUEST);
	atomic_set(&p->need_resched, 1); /* the run loop looks again */
	return next_is(NEXT_LOOK);
}

/* A call has been answered, and @next is what it comes to: may the guest go on at once? */
static inline struct next fast_end(struct vcpu *v, struct next next)
{
	counter_inc(&v->stats.exits[EXIT_SBI]);
	if (next_why(next) == NEXT_WAKE ||
	    (next_why(next) == NEXT_YIELD && sched_waits(&next_to(next)->se)))
		return next;
	if (vcpu_mode(v) == OUTSIDE_GUEST_MODE)
		return enter_anew(v);
	return atomic_read(&this_pcpu()->need_resched) ? look_at_queue(v) : next_is(NEXT_GUEST);
}

/* Any call, by its extension's handler. */
static noinline struct next fast_call(struct vcpu *v)
{
	struct next next = sbi_dispatch(v);

	return next_why(next) == NEXT_EXIT ? next : fast_end(v, next);
}

static noinline struct next fast_send_ipi(struct vcpu *v)
{
	return fast_end(v, sbi_send_ipi(v));
}

static noinline struct next fast_fence(struct vcpu *v, uint64_t fid)
{
	return fast_end(v, sbi_fence(v, fid));
}

/* What concerns the caller alone is done here: nothing else has to be looked at. */
static inline struct next fast_done(struct vcpu *v, struct next next)
{
	counter_inc(&v->stats.exits[EXIT_SBI]);
	return next;
}

/* The calls that come most are found by comparing. */
struct next fast_ecall(struct guest_regs *r)
{
	struct vcpu *v = container_of(r, struct vcpu, regs);
	uint64_t eid = r->x[REG_A7], fid = r->x[REG_A6];

	if (!FAST_PATH)
		return next_is(NEXT_EXIT);
	if (eid == SBI_EXT_BASE && fid < SBI_BASE_CONSTANTS)
		return fast_done(v, sbi_base_constant(v, fid));
	if (eid == SBI_EXT_TIME && fid == SBI_TIME_SET_TIMER && timer_has_sstc())
		return fast_done(v, sbi_set_timer(v));
	if (eid == SBI_EXT_IPI && fid == SBI_IPI_SEND_IPI)
		return sbi_names_self(v) ? fast_done(v, sbi_ipi_self(v)) : fast_send_ipi(v);
	if (eid == SBI_EXT_RFNC && fid <= SBI_RFNC_REMOTE_SFENCE_VMA) {
		if (!sbi_names_self(v))
			return fast_fence(v, fid);
		return fast_done(v, fid == SBI_RFNC_REMOTE_FENCE_I ? sbi_fence_i_self(v) :
								     sbi_sfence_self(v));
	}
	return fast_call(v);
}

/* --- virtual instructions ------------------------------------------------------------------------------- */

/* A CSR that the guest has not, or not in its mode: as on a hart without it. Counters are read by the long way. */
struct next fast_insn(struct guest_regs *r)
{
	struct vcpu *v = container_of(r, struct vcpu, regs);
	uint64_t insn = csr_read(CSR_STVAL);

	if (!FAST_PATH || insn_may_be_counter(insn))
		return next_is(NEXT_EXIT);
	counter_inc(&v->stats.exits[EXIT_CSR]);
	vcpu_inject_exception(v, EXC_ILLEGAL_INSN, insn);
	return next_is(NEXT_GUEST);
}

/* --- devices -------------------------------------------------------------------------------------------- */

/* Registers that C keeps: switch.S loads them anew only where it is told to. */
#define CALLEE_SAVED UINT64_C(0x0ffc0308)

/* The device has changed its own vcpu's line: hvip is written before the guest goes on. */
static noinline void take_level(struct vcpu *v)
{
	vcpu_irq_sync(v);
	vcpu_irq_flush(v);
}

/*
 * A device has done its work, which may be anything: interrupt its own vcpu, which no kick gets out of here; end its VM, by
 * a request; halt it until the terminal takes more; wake what wants this hart; look at guest memory, after which the vcpu
 * is outside guest mode. May the guest go on at once? @in_place: so, and all registers that changed are where C keeps none.
 */
static always_inline struct next access_end(struct vcpu *v, enum next_why in_place)
{
	/* Work that the device has queued is the pcpu loop's, and no interrupt tells of it. */
	if (vcpu_is_halted(v) || work_pending())
		return next_is(NEXT_LOOK);
	if (vcpu_mode(v) == OUTSIDE_GUEST_MODE) {
		vcpu_irq_sync(v);
		return next_is(may_enter(v) ? in_place : NEXT_LOOK);
	}
	if (vcpu_irq_level_moved(v))
		take_level(v);
	if (vcpu_request_pending(v) || atomic_read(&this_pcpu()->need_resched))
		return next_is(NEXT_LOOK);
	return next_is(in_place);
}

/* What read() of @r would say, if the device says it without more ado. */
static always_inline uint64_t peek(const struct mmio_region *r, uint64_t off, unsigned int len)
{
	return r->ops->peek ? r->ops->peek(r->dev, off, len) : MMIO_NO_PEEK;
}

/* An access of the kind @store to the device @r. */
static always_inline struct next access_device(struct vcpu *v, bool store, gpa_t a,
					       const struct mmio_region *r)
{
	uint64_t off = a.gpa - r->base.gpa, val = 0;
	enum next_why in_place;
	bool peeked = false;
	struct insn_mem m;

	stretch_begin();
	(void)insn_decode_htinst_as(csr_read(CSR_HTINST), store, &m);
	if (store) {
		r->ops->write(r->dev, off, m.len, mmio_truncate(access_value(v, &m), m.len));
	} else {
		val = peek(r, off, m.len);
		peeked = val != MMIO_NO_PEEK;
		if (!peeked)
			val = r->ops->read(r->dev, off, m.len);
	}
	/* Once more from the CSR, rather than to keep all of it in registers during the call. */
	(void)insn_decode_htinst_as(csr_read(CSR_HTINST), store, &m);
	access_done(v, &m, mmio_truncate(val, m.len));
	stretch_end();
	in_place = NEXT_GUEST;
	if (!store && (CALLEE_SAVED >> m.reg & 1)) {
		v->regs.sstatus = csr_read(CSR_SSTATUS);
		in_place = NEXT_GUEST_ALL;
	}
	return peeked ? next_is(in_place) : access_end(v, in_place);
}

static always_inline struct next access_of_kind(struct vcpu *v, uint64_t cause, bool store)
{
	const struct mmio_region *region;
	struct insn_mem m;
	gpa_t a;

	if (!insn_decode_htinst_as(csr_read(CSR_HTINST), store, &m))
		return next_is(NEXT_EXIT);
	a = access_address(csr_read(CSR_HTVAL), csr_read(CSR_STVAL));
	region = mmio_find(v->vm->bus, a, m.len);
	if (region)
		return access_device(v, store, a, region);
	if (v->vm->balloon) /* it may be RAM that the VM has given back */
		return next_is(NEXT_EXIT);
	v->regs.sstatus = csr_read(CSR_SSTATUS);
	access_fault(v, cause, csr_read(CSR_STVAL));
	return next_is(NEXT_GUEST_ALL);
}

/* Two functions, as a store has less to keep for what comes after it. */
static noinline struct next fast_store(struct vcpu *v)
{
	return access_of_kind(v, EXC_STORE_GUEST_FAULT, true);
}

static noinline struct next fast_load(struct vcpu *v)
{
	return access_of_kind(v, EXC_LOAD_GUEST_FAULT, false);
}

/*
 * A guest page fault of a load or a store: an access to a device, if the hardware says which one it is. A vcpu that spins
 * goes the long way, as vcpu_run() has an eye on it.
 */
struct next fast_access(struct guest_regs *r, uint64_t cause)
{
	struct vcpu *v = container_of(r, struct vcpu, regs);

	if (!FAST_PATH || sched_spins(&v->se))
		return next_is(NEXT_EXIT);
	return cause == EXC_STORE_GUEST_FAULT ? fast_store(v) : fast_load(v);
}
