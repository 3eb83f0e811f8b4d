// SPDX-License-Identifier: BSD-2-Clause
/*
 * A vcpu on its own pcpu: loading and saving, requests, halting, blocking.
 */
#include "vcpu/vcpu.h"

#include <hartvisor/sbi.h>
#include <string.h>

#include "arch/csr.h"
#include "arch/fence.h"
#include "arch/guest_state.h"
#include "arch/trace.h"
#include "vcpu/fence.h"
#include "vcpu/hooks.h"
#include "vcpu/hsm.h"
#include "vcpu/irq.h"
#include "vcpu/load.h"
#include "vcpu/vm.h"
#include "vcpu/vtimer.h"
#include "vcpu/wake.h"

#define NO_PCPU UINT32_MAX

/* The host timer of the guest's timer: only a blocked vcpu cares. */
static void timer_fired(struct timer *t)
{
	vcpu_kick(container_of(t, struct vcpu, timer.host));
}

cold struct vcpu *vcpu_new(struct vm *vm, unsigned int id, const struct sched_params *sched)
{
	struct vcpu *v = arena_new(&vm->arena, struct vcpu);

	if (!v)
		return NULL;
	if (hart_features.vlenb) {
		uint64_t size = sizeof(struct guest_vector) + 32 * (uint64_t)hart_features.vlenb;

		v->fp.vector = arena_alloc(&vm->arena, size, 64);
		if (!v->fp.vector)
			return NULL;
	}
	v->vm = vm;
	v->id = id;
	v->place.pcpu = NO_PCPU;
	spin_init(&v->fences.lock, LOCK_FENCES);
	timer_init(&v->timer.host, timer_fired);
	sched_entity_init(&v->se, &vm->group, sched);
	sched_set_label(&v->se, trace_label(vm->id, id));
	vcpu_power_on(v);
	return v;
}

void vcpu_power_on(struct vcpu *v)
{
	/* Atomic, since the host timer of the former life may still be on its way with a kick. */
	atomic_set(&v->mode, OUTSIDE_GUEST_MODE);
	atomic_set(&v->requests, 0);
	v->halt.ends = 0;
	v->halt.again = false;
	v->halt.poll_since = 0;
	v->halt.poll_ticks = 0;
	atomic_set(&v->halt.kicked, 0);
	v->fences.nr = 0;
	v->irq = (struct vcpu_irq){ .hvip = HVIP_UNKNOWN };
	timer_cancel(&v->timer.host);
	v->timer.deadline = TIMER_NEVER;
	v->timer.off = true;
	v->fp.pcpu = NO_PCPU;
	v->fp.vector_pcpu = NO_PCPU;
	memset(&v->fp.regs, 0, sizeof(v->fp.regs));
	v->fp.initial = true;
	if (v->fp.vector)
		memset(v->fp.vector, 0, sizeof(*v->fp.vector) + 32 * (size_t)hart_features.vlenb);
	guest_regs_reset(&v->regs, 0, v->id, 0);
	guest_vs_reset(&v->vs);
	vmid_drop(&v->place.vmid);
	vcpu_call_hooks(power_on, v);
	sched_expedite_end(&v->se);
	atomic_set(&v->sample.fresh, 0);
	atomic_set(&v->debug.pass, 0);
	atomic_set(&v->debug.stopped, 0);
	v->debug.fp_written = false;
	atomic_set(&v->hsm.state, SBI_HSM_STATE_STOPPED);
	atomic_set_release(&v->halt.blocked, 1);
}

noinline void vcpu_assign_vmid(struct vcpu *v)
{
	enum vmid_fence due = vmid_alloc(&v->place.vmid, this_pcpu()->index);

	/* The register first, then the fences; but what another VM has left under the number goes before: mm/vmid.h. */
	v->place.hgatp = gstage_hgatp(&v->vm->gstage, vmid_number(&v->place.vmid));
	if (due == VMID_FENCE_ALL)
		arch_hfence_gvma_all();
	csr_write(CSR_HGATP, v->place.hgatp);
	if (due == VMID_FENCE_ALL)
		arch_hfence_gvma_all();
	if (due != VMID_FENCE_NONE)
		arch_hfence_vvma_all();
}

/* Its local fence.i was made on another hart. */
noinline void vcpu_migrate_in(struct vcpu *v)
{
	arch_fence_i();
	atomic_set(&v->place.pcpu, this_pcpu()->index);
	fence_release(); /* a kicker that finds mode = IN finds this, too: vcpu_kick() */
}

/* RESET: HSM start. Everything that the hart's former life left goes (SBI HSM, hart_start). */
static void reset(struct vcpu *v)
{
	struct pcpu *p = this_pcpu();

	guest_regs_reset(&v->regs, v->hsm.start.gpa, v->id, v->hsm.arg);
	guest_vs_reset(&v->vs);
	guest_vs_restore(&v->vs);
	features_clear_loose(hart_features.loose);
	memset(&v->fp.regs, 0, sizeof(v->fp.regs));
	guest_fp_restore(&v->fp.regs);
	v->fp.initial = true;
	p->fp_initial = true;
	if (v->fp.vector) {
		memset(v->fp.vector, 0, sizeof(*v->fp.vector) + 32 * (size_t)hart_features.vlenb);
		guest_vector_restore(v->fp.vector);
	}
	p->fp_owner = v;
	/* It may have been loaded, stopped, since before its VM began anew: see vcpu_power_on(). */
	csr_write(CSR_HTIMEDELTA, atomic_read(&v->vm->htimedelta));
	csr_write(CSR_HEDELEG, atomic_read(&v->vm->hedeleg));
	vcpu_irq_reset(v);
	vcpu_timer_reset(v);
	vcpu_call_hooks(reset, v);
	v->halt.ends = 0;
	atomic_set(&v->halt.kicked, 0);
	vcpu_fence_all(v);
	arch_fence_i();
	atomic_set(&v->hsm.state, SBI_HSM_STATE_STARTED);
}

/* The hart stops (HSM). Its timer and pending interrupts go with it. */
static void stop(struct vcpu *v)
{
	vcpu_timer_reset(v);
	vcpu_irq_reset(v);
	vcpu_call_hooks(reset, v);
	v->halt.ends = 0;
	/* Release: the next starter writes start_pc, which the last RESET has read. */
	atomic_set_release(&v->hsm.state, SBI_HSM_STATE_STOPPED);
}

/* A trap handler that traps does so within its first instructions. */
#define HANDLER_BYTES 256

/* WATCH: where it is, and what its last trap was. */
static void take_sample(struct vcpu *v)
{
	struct vcpu_sample *s = &v->sample;
	uint64_t handler = csr_read(CSR_VSTVEC) & ~UINT64_C(3);
	uint64_t epc = csr_read(CSR_VSEPC), cause = csr_read(CSR_VSCAUSE);
	unsigned int what = 0;

	if (atomic_read_acquire(&s->fresh))
		return;
	if ((v->regs.sstatus & SSTATUS_SPP) == 0)
		what |= SAMPLE_USER;
	if (csr_read(CSR_VSATP) != 0)
		what |= SAMPLE_PAGED;
	if (cause == EXC_ECALL_U)
		what |= SAMPLE_SYSCALL;
	else if (!(cause & SCAUSE_INTERRUPT) && epc - handler < HANDLER_BYTES &&
		 v->regs.sepc - handler <= epc - handler)
		what |= SAMPLE_TRAP_LOOP;
	s->pc = v->regs.sepc;
	s->tval = csr_read(CSR_VSTVAL);
	s->trap = (uint32_t)(epc ^ cause << 24 ^ cause >> 32);
	s->cause = (uint8_t)cause;
	s->what = (uint8_t)what;
	atomic_set_release(&s->fresh, 1);
}

/* SYNC_STATE: what a debugger has written goes to the hart; all else that it sees comes from there. */
static void sync_state(struct vcpu *v)
{
	struct vcpu_debug *d = &v->debug;
	struct pcpu *p = this_pcpu();

	csr_write(CSR_HEDELEG, atomic_read(&v->vm->hedeleg));
	guest_vs_save(&v->vs);
	if (d->fp_written) {
		guest_fp_restore(&v->fp.regs);
		v->fp.initial = p->fp_initial = false;
		d->fp_written = false;
	} else if (guest_fp_save(&v->regs, &v->fp.regs)) {
		v->fp.initial = p->fp_initial = false;
	}
	atomic_set(&d->pc, v->regs.sepc);
	atomic_set(&d->user, (v->regs.sstatus & SSTATUS_SPP) == 0);
	atomic_set_release(&d->synced, d->synced + 1);
}

static noinline void serve(struct vcpu *v)
{
	/* SLEEP: something wants it not to run: its own hart_stop, or vm_pause(). */
	if (vcpu_check_request(REQUEST_SLEEP, v) &&
	    vcpu_hsm_status(v) == SBI_HSM_STATE_STOP_PENDING)
		stop(v);
	/* RESET before the fences: it empties their queue (KVM has the same order). */
	if (vcpu_check_request(REQUEST_RESET, v))
		reset(v);
	if (vcpu_check_request(REQUEST_TLB_FLUSH, v) ||
	    vcpu_check_request(REQUEST_HFENCE_GVMA_ALL, v)) {
		vmid_drop(&v->place.vmid); /* a fresh name has no entries */
		vcpu_call_hooks(unmapped, v);
		vcpu_make_request(REQUEST_UPDATE_HGATP, v);
	}
	if (vcpu_check_request(REQUEST_UPDATE_HGATP, v))
		vcpu_load_hgatp(v);
	if (vcpu_check_request(REQUEST_FENCE_I, v))
		arch_fence_i();
	if (vcpu_check_request(REQUEST_HFENCE_VVMA_ALL, v))
		vcpu_fence_all(v);
	if (vcpu_check_request(REQUEST_HFENCE, v))
		vcpu_fence_drain(v);
	if (vcpu_check_request(REQUEST_STEAL_UPDATE, v))
		vcpu_call_hooks(update, v);
	if (vcpu_check_request(REQUEST_WATCH, v))
		take_sample(v);
	if (vcpu_check_request(REQUEST_SYNC_STATE, v))
		sync_state(v);
	/* UPDATE_CLOCK: vm_resume(), which has moved the guest's clock. Being here ends the pause. */
	if (vcpu_check_request(REQUEST_UPDATE_CLOCK, v)) {
		csr_write(CSR_HTIMEDELTA, atomic_read(&v->vm->htimedelta));
		vcpu_timer_clock_moved(v);
	}
}

/*
 * Does the halt end? UNHALT is made and consumed here, by the vcpu itself; asking whether to halt writes nothing
 * (KVM dropped UNHALT over a check with side effects).
 */
static always_inline void end_halt(struct vcpu *v)
{
	if (!vcpu_halt_is_over(v))
		return;
	request_make(REQUEST_UNHALT, v);
	if (request_check(REQUEST_UNHALT, v)) {
		uint32_t suspended = SBI_HSM_STATE_SUSPENDED;

		v->halt.ends = 0;
		/* A kick that this overwrites was for this halt. What the kicker wrote before it the
		 * guest sees, and a later kick stays: fence B comes before it runs. */
		atomic_set(&v->halt.kicked, 0);
		(void)atomic_compare_exchange(&v->hsm.state, &suspended, SBI_HSM_STATE_STARTED);
	}
}

enum vcpu_verdict vcpu_handle_requests(struct vcpu *v)
{
	uint32_t hsm;

	if (vcpu_request_pending(v)) {
		if (vcpu_test_request(REQUEST_VM_DEAD, v))
			return VCPU_IS_DEAD; /* never cleared in this life */
		serve(v);
	}
	if (!vm_may_run(v->vm))
		return VCPU_MUST_BLOCK;
	if (vcpu_is_halted(v))
		end_halt(v);
	hsm = atomic_read(&v->hsm.state);
	if (vcpu_is_halted(v) || hsm == SBI_HSM_STATE_STOPPED ||
	    hsm == SBI_HSM_STATE_START_PENDING || hsm == HSM_HELD)
		return VCPU_MUST_BLOCK;
	return VCPU_MAY_RUN;
}

bool vcpu_block(struct vcpu *v)
{
	vcpu_timer_block(v);
	vcpu_irq_hide(v);
	vcpu_block_begin(v);
	if (!vcpu_sleep_is_over(v))
		return true;
	/* The hart that clears `blocked` wakes the vcpu: if a kicker was faster, its sched_wake() is on the way and
	 * must find the vcpu as it expects, so go through the scheduler after all. */
	if (!vcpu_block_end(v))
		return true;
	vcpu_timer_unblock(v);
	return false;
}

void vcpu_inject_exception(struct vcpu *v, uint64_t cause, uint64_t tval)
{
	guest_take_exception(&v->regs, cause, tval);
}
