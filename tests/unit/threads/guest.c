/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads: guests that do anything at random, and what they leave for. */
#include "threads/machine.h"

#include <inttypes.h>

#include <hartvisor/sbi.h>

#include "arch/csr.h"
#include "arch/guest.h"
#include "arch/guest_state.h"
#include "arch/timer.h"
#include "fake/light_sbi.h"
#include "run/run.h"
#include "vcpu/fence.h"
#include "vcpu/guest_mem.h"
#include "vcpu/hsm.h"
#include "vcpu/irq.h"
#include "vcpu/vtimer.h"

uint32_t calm;

void hart_fenced(enum hart_fence kind)
{
	struct vcpu *v = this_pcpu()->current;

	if (v)
		write_now(&guest_of(v)->fenced[kind], read_now(&guest_of(v)->asked[kind]));
}

static void check_in_guest(const struct vcpu *v, const struct guest *g)
{
	struct machine *mc = machine_of(v);
	uint64_t returned[NR_HART_FENCES], requests, inject;
	uint64_t before = __atomic_load_n(&mc->newest, __ATOMIC_SEQ_CST);
	uint64_t now = hart_time() + csr_read(CSR_HTIMEDELTA);

	for (int k = 0; k < NR_HART_FENCES; k++)
		returned[k] = read_now(&g->returned[k]);
	if (read_now(&mc->vm.state) == VM_PAUSED)
		broken("vcpu %u runs while its VM is paused", v->id);
	if (read_now(&mc->dead))
		broken("vcpu %u runs after its VM has ended", v->id);
	if (read_now(&v->hsm) != SBI_HSM_STATE_STARTED)
		broken("vcpu %u runs in HSM state %u", v->id, read_now(&v->hsm));
	if (csr_read(CSR_HTIMEDELTA) != read_now(&mc->vm.htimedelta))
		broken("vcpu %u runs with a clock of before", v->id);
	if ((int64_t)(now - before) < 0)
		broken("vcpu %u: the clock went back from %" PRIu64 " to %" PRIu64, v->id, before,
		       now);
	(void)__atomic_compare_exchange_n(&mc->newest, &before, now, false, __ATOMIC_SEQ_CST,
					  __ATOMIC_SEQ_CST);
	if (this_pcpu()->current != v)
		broken("vcpu %u runs where it is not loaded", v->id);
	for (int k = 0; k < NR_HART_FENCES; k++)
		if (read_now(&g->fenced[k]) < returned[k])
			broken("vcpu %u runs without its fence %d", v->id, k);
	requests = read_now(&v->requests);
	inject = read_now(&v->irq.inject);
	if ((requests || inject) && read_now(&g->calls) == 0 &&
	    !hart_ipi_pending(this_pcpu()->index))
		broken("vcpu %u runs with requests %#" PRIx64 " inject %#" PRIx64 " unseen", v->id,
		       requests, inject);
}

#define ALL_IRQS (BIT(IRQ_S_SOFT) | BIT(IRQ_S_TIMER) | BIT(IRQ_S_EXT))

/* RESET leaves vsie zero: what was posted before counts no more. */
static void guest_boot(struct guest *g)
{
	write_now(&g->seen, read_now(&g->posted));
	write_now(&g->timer, 0);
	write_now(&g->caught, read_now(&g->thrown));
	csr_write(CSR_VSIE, ALL_IRQS);
}

static bool guest_timer_due(void)
{
	if (!timer_has_sstc())
		return (csr_read(CSR_HVIP) & BIT(IRQ_VS_TIMER)) != 0;
	return csr_read(CSR_VSTIMECMP) != UINT64_MAX &&
	       hart_time() + csr_read(CSR_HTIMEDELTA) >= csr_read(CSR_VSTIMECMP);
}

/* True: it leaves, to cancel its timer by a call, or to claim the external interrupt. */
static bool guest_interrupts(struct guest *g)
{
	if (csr_read(CSR_HVIP) & BIT(IRQ_VS_SOFT)) {
		csr_clear(CSR_HVIP, BIT(IRQ_VS_SOFT));
		chaos();
		write_now(&g->seen, read_now(&g->posted));
		add_now(&progress, 1);
	}
	g->op = CLAIM;
	if (guest_timer_due()) {
		g->op = TIMER_OFF;
		if (!timer_has_sstc())
			return true;
		g->op = CLAIM;
		csr_write(CSR_VSTIMECMP, UINT64_MAX);
		write_now(&g->timer, 0);
		add_now(&did.timers, 1);
	}
	return (csr_read(CSR_HVIP) & BIT(IRQ_VS_EXT)) != 0;
}

/* It runs after a sleep. Whatever is pending now may have ended it; a kick alone leaves nothing to be seen. */
static void sleep_has_ended(struct guest *g)
{
	uint32_t kind = read_now(&g->slept) - 1;
	uint64_t hvip = csr_read(CSR_HVIP);

	write_now(&g->slept, 0);
	write_now(&g->waits, 0);
	if (kind >= NR_VCPU_SLEEPS)
		return;
	if (kind == SLEEP_STOPPED)
		add_now(&did.ended[kind][BY_START], 1);
	else if (hvip & BIT(IRQ_VS_SOFT))
		add_now(&did.ended[kind][BY_IPI], 1);
	else if (hvip & BIT(IRQ_VS_EXT))
		add_now(&did.ended[kind][BY_LEVEL], 1);
	else if (guest_timer_due())
		add_now(&did.ended[kind][BY_TIMER], 1);
	else
		add_now(&did.ended[kind][BY_KICK], 1);
}

/* What was thrown to it and has not been seen: then it does not wait. */
static bool guest_catches(struct guest *g)
{
	uint64_t thrown = read_now(&g->thrown);
	bool news = thrown != read_now(&g->caught);

	write_now(&g->caught, thrown);
	return news;
}

static enum guest_op guest_wants(void)
{
	static const enum guest_op likely[] = { WFI,  WFI,  WFI,  SUSPEND, YIELD, KICK, READ,
						READ, SEND, SEND, FENCE,   TIMER, NOP,	WAIT };

	if (read_now(&calm))
		return WFI;
	if (chance(400) == 0)
		return STOP;
	if (chance(3000) == 0)
		return REBOOT;
	return likely[chance(ARRAY_SIZE(likely))];
}

static uint64_t guest_leaves(struct guest *g)
{
	for (unsigned int steps = (unsigned int)chance(12);; steps--) {
		uint64_t sip = csr_read(CSR_SIP);
		const struct vcpu *v = this_pcpu()->current;

		if (sip & BIT(IRQ_S_SOFT))
			return SCAUSE_INTERRUPT | IRQ_S_SOFT;
		if (sip & BIT(IRQ_S_TIMER))
			return SCAUSE_INTERRUPT | IRQ_S_TIMER;
		check_in_guest(v, g);
		if (csr_read(CSR_VSIE) == 0)
			guest_boot(g);
		if (guest_interrupts(g))
			return EXC_ECALL_VS;
		if (steps == 0) {
			g->op = guest_wants();
			if (guest_catches(g) && g->op == WAIT)
				g->op = NOP;
			return EXC_ECALL_VS;
		}
		chaos();
	}
}

/* The calls that may be light, at random, are. */
static enum light_verdict calls_light(struct guest *g, struct guest_regs *r, light_fn *light)
{
	if ((g->op != SEND && g->op != FENCE && g->op != KICK) || chance(2))
		return LIGHT_NOT;
	r->x[REG_A7] = g->op == FENCE ? SBI_EXT_RFNC : SBI_EXT_IPI;
	r->x[REG_A6] = 0;
	add_now(&did.light, 1);
	return light_verdict(light(r));
}

bool guest_enter(struct guest_regs **regs, light_fn *light)
{
	struct guest_regs *r = *regs;
	const struct vcpu *v = container_of(r, struct vcpu, regs);
	struct guest *g = guest_of(v);
	enum light_verdict verdict;

	if (__atomic_exchange_n(&g->inside, 1, __ATOMIC_RELAXED))
		broken("vcpu %u runs twice", v->id);
	write_now(&g->stays, g->stays + 1);
	sleep_has_ended(g);
	do {
		uint64_t cause = guest_leaves(g);

		hart_trap(cause, 0);
		verdict = cause == EXC_ECALL_VS ? calls_light(g, r, light) : LIGHT_NOT;
	} while (verdict == LIGHT_DONE);
	write_now(&g->inside, 0);
	return verdict == LIGHT_LEAVE;
}

/* What both kinds of exits do. */
struct sbi_ret light_sbi_call(struct vcpu *v, uint32_t eid, uint32_t fid, const uint64_t a[6])
{
	struct machine *mc = machine_of(v);

	(void)eid, (void)fid, (void)a;
	if (guest_of(v)->op == SEND) {
		struct vcpu *to = v->vm->vcpus[chance(VCPUS)];

		if (to == v)
			posts_to_itself(v);
		else
			posts(to);
	} else if (guest_of(v)->op == KICK) {
		v->yield_to = v->vm->vcpus[chance(VCPUS)];
		throws(v->yield_to);
	} else {
		fences(mc, chance(BIT(VCPUS)), chance(2) ? HART_FENCE_I : HART_FENCE_VVMA);
	}
	return sbi_ok(0);
}

static void goes_to_sleep(struct vcpu *v, enum vcpu_sleep kind)
{
	write_now(&guest_of(v)->slept, 1 + (uint32_t)kind);
	if (kind == SLEEP_STOPPED)
		vcpu_hsm_stop(v);
	else if (kind == SLEEP_SUSPEND)
		vcpu_hsm_suspend(v);
	else
		vcpu_halt(v, kind);
}

enum exit_result vcpu_handle_exit(struct vcpu *v, uint64_t cause)
{
	struct machine *mc = machine_of(v);
	uint64_t byte;

	if (cause == (SCAUSE_INTERRUPT | IRQ_S_SOFT)) {
		csr_clear(CSR_SIP, BIT(IRQ_S_SOFT));
		return EXIT_GOES_ON;
	}
	if (cause == (SCAUSE_INTERRUPT | IRQ_S_TIMER)) {
		timer_run();
		return EXIT_GOES_ON;
	}
	switch (guest_of(v)->op) {
	case NOP:
		return EXIT_GOES_ON;
	case WFI:
		add_now(&did.halts, 1);
		goes_to_sleep(v, chance(2) ? SLEEP_PV_WAIT_IRQ : SLEEP_WFI);
		return EXIT_GOES_ON;
	case WAIT:
		add_now(&did.halts, 1);
		write_now(&guest_of(v)->waits, 1);
		goes_to_sleep(v, SLEEP_PV_WAIT);
		return EXIT_GOES_ON;
	case SUSPEND:
		goes_to_sleep(v, SLEEP_SUSPEND);
		return EXIT_GOES_ON;
	case YIELD:
		return EXIT_SPINS;
	case KICK:
		(void)light_sbi_call(v, 0, 0, NULL);
		return EXIT_YIELDS;
	case READ:
		(void)vcpu_read_guest(v, gpa(0), &byte, sizeof(byte));
		return EXIT_GOES_ON;
	case STOP:
		goes_to_sleep(v, SLEEP_STOPPED);
		return EXIT_GOES_ON;
	case SEND:
	case FENCE:
		(void)light_sbi_call(v, 0, 0, NULL);
		return EXIT_GOES_ON;
	case TIMER:
		write_now(&guest_of(v)->timer, 1);
		vcpu_timer_set(v, hart_time() + csr_read(CSR_HTIMEDELTA) +
					  chance(chance(2) ? 100000 : 3000000));
		return EXIT_GOES_ON;
	case TIMER_OFF:
		vcpu_timer_set(v, UINT64_MAX);
		write_now(&guest_of(v)->timer, 0);
		add_now(&did.timers, 1);
		return EXIT_GOES_ON;
	case CLAIM:
		claims(v);
		return EXIT_GOES_ON;
	case REBOOT:
		reboots(mc);
		return EXIT_GOES_ON;
	}
	return EXIT_GOES_ON;
}
