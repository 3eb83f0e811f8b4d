/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads: guests that do anything at random, and what they leave for. */
#include "threads/machine.h"

#include <inttypes.h>

#include <hartvisor/pv.h>
#include <hartvisor/sbi.h>

#include "arch/csr.h"
#include "arch/guest.h"
#include "arch/guest_state.h"
#include "arch/timer.h"
#include "dev/mmio.h"
#include "run/run.h"
#include "sbi/dispatch.h"
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
	if (read_now(&v->hsm.state) != SBI_HSM_STATE_STARTED)
		broken("vcpu %u runs in HSM state %u", v->id, read_now(&v->hsm.state));
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

/* --- what it leaves for, by the fast path or the long way, at random ------------------------------------- */

typedef struct next answer_fn(struct vcpu *v);

static struct next by_fast_path(struct vcpu *v)
{
	add_now(&did.fast, 1);
	return fast_ecall(&v->regs);
}

static struct next by_dispatch(struct vcpu *v)
{
	return sbi_dispatch(v);
}

static void puts_call(uint64_t *x, uint64_t eid, uint64_t fid, uint64_t a0, uint64_t a1)
{
	x[REG_A0] = a0;
	x[REG_A1] = a1;
	x[REG_A2] = 0x1000;
	x[REG_A3] = chance(3) ? 0x1000 : UINT64_MAX;
	x[REG_A6] = fid;
	x[REG_A7] = eid;
}

/* To one, as Linux names it, or to any set. */
static struct next sends(struct vcpu *v, answer_fn *answer)
{
	uint64_t set = chance(2) ? BIT(chance(VCPUS)) : chance(BIT(VCPUS));
	uint64_t base = chance(2) && set ? (uint64_t)__builtin_ctzll(set) : 0;
	struct next next;

	puts_call(v->regs.x, SBI_EXT_IPI, SBI_IPI_SEND_IPI, set >> base, base);
	post_begins(machine_of(v), set);
	next = answer(v);
	post_ends(machine_of(v), set);
	return next;
}

static struct next fences_others(struct vcpu *v, answer_fn *answer)
{
	uint64_t set = chance(2) ? BIT(chance(VCPUS)) : chance(BIT(VCPUS));
	uint64_t base = chance(2) && set ? (uint64_t)__builtin_ctzll(set) : 0;
	enum hart_fence kind = chance(2) ? HART_FENCE_I : HART_FENCE_VVMA;
	struct fence_call call;
	struct next next;

	puts_call(v->regs.x, SBI_EXT_RFNC,
		  kind == HART_FENCE_I ? SBI_RFNC_REMOTE_FENCE_I : SBI_RFNC_REMOTE_SFENCE_VMA,
		  set >> base, base);
	fence_begins(machine_of(v), set, kind, &call);
	next = answer(v);
	fence_ends(machine_of(v), &call);
	return next;
}

static struct next kicks(struct vcpu *v, answer_fn *answer)
{
	unsigned int to = (unsigned int)chance(VCPUS);

	add_now(&guest_of(v->vm->vcpus[to])->thrown, 1);
	puts_call(v->regs.x, HARTVISOR_SBI_EXT_VENDOR_BASE, HARTVISOR_KICK_CPU, 0, to);
	return answer(v);
}

/* A device, where a store claims the external interrupt. */
#define DEVICE UINT64_C(0x10000000)

static uint64_t device_read(void *dev, uint64_t off, unsigned int len)
{
	(void)dev, (void)off, (void)len;
	return 0;
}

static void device_write(void *dev, uint64_t off, unsigned int len, uint64_t val)
{
	(void)dev, (void)off, (void)len, (void)val;
	claims(this_pcpu()->current);
}

static const struct mmio_ops device_ops = { device_read, device_write, NULL };

void add_device(struct mmio_bus *bus)
{
	if (bus->nr == 0)
		(void)mmio_add(bus, gpa(DEVICE), 8, &device_ops, bus, "device");
}

/* sb a0, (a1) */
static struct next stores(struct vcpu *v)
{
	csr_write(CSR_HTINST, 0x21u | 2u | (uint64_t)REG_A0 << 20);
	csr_write(CSR_HTVAL, DEVICE >> 2);
	csr_write(CSR_STVAL, 0);
	add_now(&did.fast, 1);
	return fast_access(&v->regs, EXC_STORE_GUEST_FAULT);
}

static struct next by_way_of_vector(struct vcpu *v, enum guest_op op)
{
	if (chance(2))
		return next_is(NEXT_EXIT);
	switch (op) {
	case SEND:
		return sends(v, by_fast_path);
	case FENCE:
		return fences_others(v, by_fast_path);
	case KICK:
		return kicks(v, by_fast_path);
	case CLAIM:
		return stores(v);
	default:
		return next_is(NEXT_EXIT);
	}
}

struct next guest_enter(struct guest_regs **regs)
{
	struct vcpu *v = container_of(*regs, struct vcpu, regs);
	struct guest *g = guest_of(v);
	struct next next;

	if (__atomic_exchange_n(&g->inside, 1, __ATOMIC_RELAXED))
		broken("vcpu %u runs twice", v->id);
	write_now(&g->stays, g->stays + 1);
	sleep_has_ended(g);
	do {
		uint64_t cause = guest_leaves(g);

		hart_trap(cause, 0);
		next = cause == EXC_ECALL_VS ? by_way_of_vector(v, g->op) : next_is(NEXT_EXIT);
	} while (next_why(next) == NEXT_GUEST);
	write_now(&g->inside, 0);
	return next;
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

struct next vcpu_handle_exit(struct vcpu *v, uint64_t cause)
{
	struct machine *mc = machine_of(v);
	uint64_t byte;

	if (cause == (SCAUSE_INTERRUPT | IRQ_S_SOFT)) {
		csr_clear(CSR_SIP, BIT(IRQ_S_SOFT));
		return next_is(NEXT_GUEST);
	}
	if (cause == (SCAUSE_INTERRUPT | IRQ_S_TIMER)) {
		timer_run();
		return next_is(NEXT_GUEST);
	}
	switch (guest_of(v)->op) {
	case NOP:
		return next_is(NEXT_GUEST);
	case WFI:
		add_now(&did.halts, 1);
		goes_to_sleep(v, chance(2) ? SLEEP_PV_WAIT_IRQ : SLEEP_WFI);
		return next_is(NEXT_GUEST);
	case WAIT:
		add_now(&did.halts, 1);
		write_now(&guest_of(v)->waits, 1);
		goes_to_sleep(v, SLEEP_PV_WAIT);
		return next_is(NEXT_GUEST);
	case SUSPEND:
		goes_to_sleep(v, SLEEP_SUSPEND);
		return next_is(NEXT_GUEST);
	case YIELD:
		return next_is(NEXT_SPIN);
	case KICK:
		return kicks(v, by_dispatch);
	case READ:
		(void)vcpu_read_guest(v, gpa(0), &byte, sizeof(byte));
		return next_is(NEXT_GUEST);
	case STOP:
		goes_to_sleep(v, SLEEP_STOPPED);
		return next_is(NEXT_GUEST);
	case SEND:
		return sends(v, by_dispatch);
	case FENCE:
		return fences_others(v, by_dispatch);
	case TIMER:
		write_now(&guest_of(v)->timer, 1);
		vcpu_timer_set(v, hart_time() + csr_read(CSR_HTIMEDELTA) +
					  chance(chance(2) ? 100000 : 3000000));
		return next_is(NEXT_GUEST);
	case TIMER_OFF:
		vcpu_timer_set(v, UINT64_MAX);
		write_now(&guest_of(v)->timer, 0);
		add_now(&did.timers, 1);
		return next_is(NEXT_GUEST);
	case CLAIM:
		claims(v);
		return next_is(NEXT_GUEST);
	case REBOOT:
		reboots(mc);
		return next_is(NEXT_GUEST);
	}
	return next_is(NEXT_GUEST);
}
