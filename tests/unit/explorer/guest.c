/* SPDX-License-Identifier: BSD-2-Clause */
/* The explorer's scenes: guests, which do what their script says, and what they leave for. */
#include <hartvisor/pv.h>
#include <hartvisor/sbi.h>

#include "arch/csr.h"
#include "arch/guest.h"
#include "arch/guest_state.h"
#include "explorer/explorer.h"
#include "explorer/world.h"
#include "dev/mmio.h"
#include "run/run.h"
#include "sbi/dispatch.h"
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
	if (v->hsm.state != SBI_HSM_STATE_STARTED)
		explorer_fail("vcpu %u runs in HSM state %u", v->id, v->hsm.state);
	if (csr_read(CSR_HTIMEDELTA) != v->vm->htimedelta)
		explorer_fail("vcpu %u runs with a clock of before", v->id);
	if ((int64_t)(world.time + v->vm->htimedelta - world.newest) < 0)
		explorer_fail("vcpu %u: the clock went back from %lu to %lu", v->id, world.newest,
			      world.time + v->vm->htimedelta);
	world.newest = world.time + v->vm->htimedelta;
	if (timer_has_sstc() && v->timer.host.armed)
		explorer_fail("vcpu %u runs, and the host timer for its timer is armed", v->id);
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
	case WAIT_KICK:
	case WAIT_KICK_IDLE:
		if (irq && g->op == WAIT_KICK_IDLE) {
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

/* --- what it leaves for, by the fast path or the long way ----------------------------------------------- */

static void asked_for(unsigned int i, enum hart_fence kind, uint64_t *asked)
{
	asked[i] = ++world.guests[i].asked[kind];
}

static void returned_for(unsigned int i, enum hart_fence kind, const uint64_t *asked)
{
	uint64_t *r = &world.guests[i].returned[kind];

	*r = max_u64(*r, asked[i]);
}

/* The call that @op makes, in its registers. One vcpu is named as Linux names it. */
static void puts_call(const struct vcpu *v, uint64_t *x, enum guest_op op)
{
	uint64_t others = vm_all_vcpus(v->vm).bits & ~BIT(v->id),
		 base = (uint64_t)__builtin_ctzll(others);

	x[REG_A0] = others >> base;
	x[REG_A1] = base;
	x[REG_A2] = 0x1000;
	x[REG_A3] = 0x1000;
	x[REG_A6] = 0;
	switch (op) {
	case FAST_IPI:
		x[REG_A7] = SBI_EXT_IPI;
		break;
	case FAST_SFENCE:
		x[REG_A6] = SBI_RFNC_REMOTE_SFENCE_VMA;
		x[REG_A7] = SBI_EXT_RFNC;
		break;
	case KICK_OTHER:
	case HAND_OVER:
		x[REG_A0] = 0;
		x[REG_A6] = HARTVISOR_KICK_CPU;
		x[REG_A7] = HARTVISOR_SBI_EXT_VENDOR_BASE;
		break;
	default:
		x[REG_A7] = SBI_EXT_RFNC;
		break;
	}
}

/* @answer is fast_ecall() or sbi_dispatch(). */
static struct next calls_hypervisor(struct vcpu *v, enum guest_op op,
				    struct next (*answer)(struct vcpu *v))
{
	uint64_t others = vm_all_vcpus(v->vm).bits & ~BIT(v->id), asked[VCPUS_MAX];
	enum hart_fence kind = op == FAST_SFENCE ? HART_FENCE_VVMA : HART_FENCE_I;
	bool fence = op == FENCE_OTHERS || op == FAST_FENCE || op == FAST_SFENCE;
	struct next next;

	for (unsigned int i = 0; i < v->vm->nr_vcpus; i++) {
		if (!(others & BIT(i)))
			continue;
		if (fence)
			asked_for(i, kind, asked);
		else if (op == FAST_IPI)
			world.guests[i].posted++;
		else if (op == KICK_OTHER)
			throws_without_kick(i);
	}
	puts_call(v, v->regs.x, op);
	calls(others, 1);
	next = answer(v);
	calls(others, -1);
	for (unsigned int i = 0; fence && i < v->vm->nr_vcpus; i++)
		if (others & BIT(i))
			returned_for(i, kind, asked);
	return next;
}

static struct next by_fast_path(struct vcpu *v)
{
	return fast_ecall(&v->regs);
}

static struct next by_dispatch(struct vcpu *v)
{
	return sbi_dispatch(v);
}

/* A device with one register: a byte by which its vcpu's line goes up or down. */
#define DEVICE UINT64_C(0x10000000)

static uint64_t device_read(void *dev, uint64_t off, unsigned int len)
{
	(void)dev, (void)off, (void)len;
	return 0;
}

static void device_write(void *dev, uint64_t off, unsigned int len, uint64_t val)
{
	(void)dev, (void)off, (void)len;
	vcpu_set_level(this_pcpu()->current, IRQ_VS_EXT, val != 0);
}

static const struct mmio_ops device_ops = { device_read, device_write, NULL };

struct mmio_bus *explorer_bus(void)
{
	static struct mmio_bus bus;

	if (bus.nr == 0)
		(void)mmio_add(&bus, gpa(DEVICE), 8, &device_ops, &bus, "device");
	return &bus;
}

/* sb a0, (a1) */
static struct next stores(struct vcpu *v, bool high)
{
	v->regs.x[REG_A0] = high;
	csr_write(CSR_HTINST, 0x21u | 2u | (uint64_t)REG_A0 << 20);
	csr_write(CSR_HTVAL, DEVICE >> 2);
	csr_write(CSR_STVAL, 0);
	return fast_access(&v->regs, EXC_STORE_GUEST_FAULT);
}

/* What it leaves for, if that is for the fast path. */
static struct next by_way_of_vector(struct vcpu *v, enum guest_op op)
{
	switch (op) {
	case KICK_OTHER:
	case HAND_OVER:
	case FAST_FENCE:
	case FAST_SFENCE:
	case FAST_IPI:
		return calls_hypervisor(v, op, by_fast_path);
	case CLAIM:
	case RAISE:
		return stores(v, op == RAISE);
	default:
		return next_is(NEXT_EXIT);
	}
}

struct next guest_enter(struct guest_regs **regs)
{
	struct vcpu *v = container_of(*regs, struct vcpu, regs);
	struct guest *g = guest_of(v);

	g->entries++;
	g->woken = g->slept;
	if (g->slept && g->must_sleep)
		explorer_fail("vcpu %u: nothing was to end its sleep", v->id);
	for (;;) {
		struct next next;

		explorer_step();
		check_in_guest(v);
		if (hart_ipi_pending(this_pcpu()->index)) {
			hart_trap(SCAUSE_INTERRUPT | IRQ_S_SOFT, 0);
			return next_is(NEXT_EXIT);
		}
		if (timer_now() >= csr_read(CSR_STIMECMP)) {
			hart_trap(SCAUSE_INTERRUPT | IRQ_S_TIMER, 0);
			return next_is(NEXT_EXIT);
		}
		if (!guest_step(v, g))
			continue;
		next = by_way_of_vector(v, g->op);
		if (next_why(next) != NEXT_GUEST)
			return next;
	}
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

struct next vcpu_handle_exit(struct vcpu *v, uint64_t cause)
{
	uint8_t byte;

	if (cause == (SCAUSE_INTERRUPT | IRQ_S_TIMER)) {
		timer_run();
		return next_is(NEXT_GUEST);
	}
	if (cause & SCAUSE_INTERRUPT) {
		csr_clear(CSR_SIP, BIT(IRQ_S_SOFT));
		return next_is(NEXT_GUEST);
	}
	switch (guest_of(v)->op) {
	case IDLE:
	case WFI:
		vcpu_halt(v, SLEEP_WFI);
		return next_is(NEXT_GUEST);
	case SLEEP:
		goes_to_sleep(v, guest_of(v));
		return next_is(NEXT_GUEST);
	case ARM:
	case ARM_LATE:
		vcpu_timer_set(v, guest_deadline(v));
		guest_of(v)->armed = guest_of(v)->op == ARM;
		return next_is(NEXT_GUEST);
	case CLAIM: /* one that spins goes the long way */
		vcpu_set_level(v, IRQ_VS_EXT, false);
		return next_is(NEXT_GUEST);
	case TICK:
		vcpu_timer_set(v, TIMER_NEVER);
		return next_is(NEXT_GUEST);
	case YIELD:
		return next_is(NEXT_SPIN);
	case WAIT_KICK:
		vcpu_halt(v, SLEEP_PV_WAIT);
		return next_is(NEXT_GUEST);
	case WAIT_KICK_IDLE:
		vcpu_halt(v, SLEEP_PV_WAIT_IRQ);
		return next_is(NEXT_GUEST);
	case READ:
		(void)vcpu_read_guest(v, gpa(0), &byte, 1);
		return next_is(NEXT_GUEST);
	case STOP:
		vcpu_hsm_stop(v);
		return next_is(NEXT_GUEST);
	case FENCE_OTHERS:
		return calls_hypervisor(v, FENCE_OTHERS, by_dispatch);
	default:
		return next_is(NEXT_GUEST);
	}
}
