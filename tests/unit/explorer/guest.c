/* SPDX-License-Identifier: BSD-2-Clause */
/* The explorer's scenes: guests, which do what their script says, and what they leave for. */
#include <hartvisor/sbi.h>

#include "arch/csr.h"
#include "arch/guest.h"
#include "arch/guest_state.h"
#include "explorer/explorer.h"
#include "explorer/world.h"
#include "fake/light_sbi.h"
#include "run/run.h"
#include "vcpu/guest_mem.h"
#include "vcpu/hsm.h"
#include "vcpu/irq.h"
#include "vcpu/vtimer.h"

static bool interrupt_here(void *p)
{
	unsigned int index = ((struct pcpu *)p)->index;

	return hart_ipi_pending(index) || hart_time_of(index) >= hart_csr(index, CSR_STIMECMP);
}

/* Each instruction: may it run at all, and is nothing overdue? */
static void check_in_guest(const struct vcpu *v)
{
	const struct guest *g = guest_of(v);
	bool ipi = hart_ipi_pending(this_pcpu()->index);

	if (world.vm.state == VM_PAUSED)
		explorer_fail("vcpu %u runs while its VM is paused", v->id);
	if (world.must_not_run)
		explorer_fail("vcpu %u runs though it must not", v->id);
	if (v->hsm != SBI_HSM_STATE_STARTED)
		explorer_fail("vcpu %u runs in HSM state %u", v->id, v->hsm);
	if (csr_read(CSR_HTIMEDELTA) != v->vm->htimedelta)
		explorer_fail("vcpu %u runs with a clock of before", v->id);
	if ((int64_t)(world.time + v->vm->htimedelta - world.newest) < 0)
		explorer_fail("vcpu %u: the clock went back from %lu to %lu", v->id, world.newest,
			      world.time + v->vm->htimedelta);
	world.newest = world.time + v->vm->htimedelta;
	if (timer_has_sstc() && v->timer.armed)
		explorer_fail("vcpu %u runs, and the stand-in for its timer is armed", v->id);
	if (g->calls == 0 && !ipi) {
		if (v->requests)
			explorer_fail("vcpu %u runs with requests %#lx unseen", v->id, v->requests);
		if (v->irq.inject)
			explorer_fail("vcpu %u runs with an interrupt not flushed", v->id);
	}
	for (int k = 0; k < NR_HART_FENCES; k++)
		if (g->fenced[k] < g->returned[k])
			explorer_fail("vcpu %u runs without its fence", v->id);
}

static void guest_take_interrupt(struct guest *g)
{
	csr_clear(CSR_HVIP, BIT(IRQ_VS_SOFT));
	explorer_step();
	g->seen = g->posted;
}

/* The same, or an interrupt of the guest's. */
static bool anything_here(void *p)
{
	return hart_wfi_ends(((struct pcpu *)p)->index);
}

/* VSTIP, which without Sstc is hvip's, and vsie has it enabled. */
static bool guest_timer_due(const struct vcpu *v)
{
	uint64_t when = csr_read(CSR_VSTIMECMP);

	if (!(csr_read(CSR_HIE) & BIT(IRQ_VS_TIMER)))
		return false;
	if (!timer_has_sstc())
		return (csr_read(CSR_HVIP) & BIT(IRQ_VS_TIMER)) != 0;
	return when != TIMER_NEVER && timer_now() + v->vm->htimedelta >= when;
}

/* What ARM or ARM_LATE asks for. */
static uint64_t guest_deadline(const struct vcpu *v)
{
	return timer_now() + v->vm->htimedelta +
	       (guest_of(v)->op == ARM ? TIMER_TICKS : 100 * TIMER_TICKS);
}

/* True: it leaves, to cancel it by a call. */
static bool guest_take_timer(struct guest *g)
{
	g->ticks++;
	g->op = TICK;
	if (!timer_has_sstc())
		return true;
	csr_write(CSR_VSTIMECMP, TIMER_NEVER);
	return false;
}

/* One instruction. True: it leaves. */
static bool guest_step(const struct vcpu *v, struct guest *g)
{
	bool irq = (csr_read(CSR_HVIP) & csr_read(CSR_HIE) & BIT(IRQ_VS_SOFT)) != 0;

	g->op = g->script[g->at];
	switch (g->op) {
	case END:
		explorer_wait(interrupt_here, this_pcpu());
		return false;
	case TAKE:
		if (irq)
			guest_take_interrupt(g);
		else if (!guest_timer_due(v))
			explorer_wait(anything_here, this_pcpu());
		else if (guest_take_timer(g))
			break;
		return false;
	case IDLE:
		if (irq) {
			guest_take_interrupt(g);
			return false;
		}
		if (guest_timer_due(v) && !guest_take_timer(g))
			return false;
		if (g->op == IDLE && (csr_read(CSR_HVIP) & csr_read(CSR_HIE) & BIT(IRQ_VS_EXT)))
			g->op = CLAIM;
		break;
	case CATCH:
	case CATCH_IDLE:
		if (irq && g->op == CATCH_IDLE) {
			guest_take_interrupt(g);
			return false;
		}
		if (explorer_load(&g->thrown, sizeof(g->thrown), false) != g->caught) {
			g->caught = explorer_load(&g->thrown, sizeof(g->thrown), false);
			return false;
		}
		break;
	case ARM:
	case ARM_LATE:
		if (!g->masked)
			csr_set(CSR_VSIE, BIT(IRQ_S_SOFT) | BIT(IRQ_S_TIMER));
		g->at++;
		if (!timer_has_sstc())
			break; /* by a call */
		csr_write(CSR_VSTIMECMP, guest_deadline(v));
		g->armed = g->op == ARM;
		return false;
	case ENABLE:
		csr_write(CSR_VSIE, BIT(IRQ_S_SOFT));
		g->at++;
		return false;
	default:
		g->at++;
		break;
	}
	hart_trap(EXC_ECALL_VS, 0);
	return true;
}

bool guest_enter(struct guest_regs **regs, light_fn *light)
{
	struct guest_regs *r = *regs;
	const struct vcpu *v = container_of(r, struct vcpu, regs);
	struct guest *g = guest_of(v);

	g->entries++;
	g->woken = g->slept;
	if (g->slept && g->must_sleep)
		explorer_fail("vcpu %u: nothing was to end its sleep", v->id);
	for (;;) {
		explorer_step();
		check_in_guest(v);
		if (hart_ipi_pending(this_pcpu()->index)) {
			hart_trap(SCAUSE_INTERRUPT | IRQ_S_SOFT, 0);
			return false;
		}
		if (timer_now() >= csr_read(CSR_STIMECMP)) {
			hart_trap(SCAUSE_INTERRUPT | IRQ_S_TIMER, 0);
			return false;
		}
		if (!guest_step(v, g))
			continue;
		if (g->op != LIGHT_FENCE && g->op != LIGHT_IPI)
			return false;
		r->x[REG_A7] = g->op == LIGHT_IPI ? SBI_EXT_IPI : SBI_EXT_RFNC;
		r->x[REG_A6] = 0;
		if (light_verdict(light(r)) == LIGHT_LEAVE)
			return true;
	}
}

/* As sbi/ipi.c: who sleeps on the caller's hart is handed it. */
static void posts_from(struct vcpu *v, unsigned int i)
{
	if (atomic_read(&vcpu(i)->blocked) &&
	    atomic_read(&vcpu(i)->se.pcpu) == atomic_read(&v->se.pcpu))
		v->yield_to = vcpu(i);
	posts_to(i);
}

struct sbi_ret light_sbi_call(struct vcpu *v, uint32_t eid, uint32_t fid, const uint64_t a[6])
{
	uint64_t others = vm_all_vcpus(v->vm) & ~BIT(v->id);

	(void)fid, (void)a;
	if (eid == SBI_EXT_RFNC)
		fence_i(others);
	else
		for (; others; others &= others - 1)
			posts_from(v, (unsigned int)__builtin_ctzll(others));
	return sbi_ok(0);
}

static void goes_to_sleep(struct vcpu *v, struct guest *g)
{
	g->slept++;
	if (g->sleep == SLEEP_STOPPED)
		vcpu_hsm_stop(v);
	else if (g->sleep == SLEEP_SUSPEND)
		vcpu_hsm_suspend(v);
	else
		vcpu_halt(v, g->sleep);
}

enum exit_result vcpu_handle_exit(struct vcpu *v, uint64_t cause)
{
	uint8_t byte;

	if (cause == (SCAUSE_INTERRUPT | IRQ_S_TIMER)) {
		timer_run();
		return EXIT_GOES_ON;
	}
	if (cause & SCAUSE_INTERRUPT) {
		csr_clear(CSR_SIP, BIT(IRQ_S_SOFT));
		return EXIT_GOES_ON;
	}
	switch (guest_of(v)->op) {
	case IDLE:
	case WFI:
		vcpu_halt(v, SLEEP_WFI);
		return EXIT_GOES_ON;
	case SLEEP:
		goes_to_sleep(v, guest_of(v));
		return EXIT_GOES_ON;
	case ARM:
	case ARM_LATE:
		vcpu_timer_set(v, guest_deadline(v));
		guest_of(v)->armed = guest_of(v)->op == ARM;
		return EXIT_GOES_ON;
	case CLAIM:
		vcpu_set_level(v, IRQ_VS_EXT, false);
		return EXIT_GOES_ON;
	case TICK:
		vcpu_timer_set(v, TIMER_NEVER);
		return EXIT_GOES_ON;
	case YIELD:
		return EXIT_SPINS;
	case CATCH:
		vcpu_halt(v, SLEEP_PV_WAIT);
		return EXIT_GOES_ON;
	case CATCH_IDLE:
		vcpu_halt(v, SLEEP_PV_WAIT_IRQ);
		return EXIT_GOES_ON;
	case THROW:
		throws_to(1 - v->id);
		v->yield_to = vcpu(1 - v->id);
		return EXIT_YIELDS;
	case HAND_OVER:
		v->yield_to = vcpu(1 - v->id);
		vcpu_unhalt(v->yield_to);
		return EXIT_YIELDS;
	case READ:
		(void)vcpu_read_guest(v, gpa(0), &byte, 1);
		return EXIT_GOES_ON;
	case STOP:
		vcpu_hsm_stop(v);
		return EXIT_GOES_ON;
	case FENCE_OTHERS:
		fence_i(vm_all_vcpus(v->vm) & ~BIT(v->id));
		return EXIT_GOES_ON;
	default:
		return EXIT_GOES_ON;
	}
}
