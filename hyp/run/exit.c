// SPDX-License-Identifier: BSD-2-Clause
/*
 * Exits, by cause. Whatever a guest did is answered by the architecture: an emulated access, an
 * exception of its own, an SBI error.
 */
#include "arch/csr.h"
#include "arch/insn.h"
#include "arch/timer.h"
#include "arch/trace.h"
#include "dev/mmio.h"
#include "platform/driver.h"
#include "run/access.h"
#include "run/run.h"
#include "sbi/sbi.h"
#include "vcpu/console.h"
#include "vcpu/debug.h"
#include "vcpu/guest_mem.h"
#include "vcpu/irq.h"
#include "vcpu/vm.h"

/* Each in a function of its own, so that none pays for what another one saves on the stack. */
#define exit_handler static noinline struct next

exit_handler handle_interrupt(struct vcpu *v, uint64_t irq)
{
	switch (irq) {
	case IRQ_S_SOFT:
		/* Being here is the answer to a kick; what it was for is in requests and queues. */
		counter_inc(&v->stats.exits[EXIT_IRQ_SOFT]);
		csr_clear(CSR_SIP, BIT(IRQ_S_SOFT));
		this_pcpu()->ipis_taken++;
		if (trace_is_asked())
			pcpu_follow_trace();
		if (!vcpu_request_pending(v) && !vcpu_irq_posted(v) &&
		    !atomic_read(&this_pcpu()->need_resched))
			counter_inc(&v->stats.spurious_exits);
		break;
	case IRQ_S_TIMER:
		counter_inc(&v->stats.exits[EXIT_IRQ_TIMER]);
		timer_run();
		break;
	case IRQ_S_EXT:
		counter_inc(&v->stats.exits[EXIT_IRQ_EXTERNAL]);
		host_irq_handle();
		break;
	default: /* nothing else is enabled in sie */
		counter_inc(&v->stats.exits[EXIT_OTHER]);
		csr_clear(CSR_SIE, BIT(irq & 63));
		break;
	}
	return next_is(NEXT_GUEST);
}

static bool from_vu(const struct vcpu *v)
{
	return (v->regs.sstatus & SSTATUS_SPP) == 0;
}

/*
 * The guest has zicntr for `time`, which it reads itself; cycle and instret would show what neighbours
 * do, and read as zero (as under KVM; Linux's legacy PMU driver reads them and must not fault). In
 * VU-mode the guest's own scounteren decides.
 */
static bool read_counter(struct vcpu *v, uint32_t insn)
{
	uint32_t csr = insn >> 20;
	bool reads_only = ((insn >> 12) & 2) && ((insn >> 15) & 31) == 0; /* csrrs, csrrc of x0 */
	unsigned int rd = insn >> 7;

	if (!insn_may_be_counter(insn) || !reads_only)
		return false;
	if (from_vu(v) && !(csr_read(CSR_SCOUNTEREN) & BIT(csr & 31)))
		return false;
	if (rd & 31)
		v->regs.x[rd & 31] = 0;
	v->regs.sepc += 4;
	return true;
}

/* Is there a WFI or WRS.NTO at @pc, the very one if @tval says which? */
static bool waits_at(struct vcpu *v, uint64_t pc, uint64_t tval, uint32_t *insn)
{
	if (vcpu_fetch_insn(v, gva(pc), insn) != HV_OK || (tval != 0 && *insn != tval))
		return false;
	return insn_decode_virtual(*insn) == INSN_WFI || insn_decode_virtual(*insn) == INSN_WRS_NTO;
}

static bool is_page_end(uint64_t pc)
{
	return (pc & (PAGE_SIZE - 1)) >= PAGE_SIZE - 4;
}

/*
 * QEMU 10.0 reports a WFI or WRS.NTO at the end of a page with the next page's address: it has moved pc on
 * when the instruction traps, and takes back only the offset in the page. So when there is none where sepc
 * points, look where it came from. Where both pages have one sepc is believed.
 */
static void correct_sepc(struct vcpu *v, uint64_t tval, uint32_t *insn)
{
	uint64_t sepc = v->regs.sepc;
	uint32_t found;

	if (waits_at(v, sepc, tval, &found) || !waits_at(v, sepc - PAGE_SIZE, tval, &found))
		return;
	v->regs.sepc = sepc - PAGE_SIZE;
	*insn = found;
}

/* The instruction that trapped, where stval does not say; 0: it cannot be read any more. */
static noinline uint32_t trapped_insn(struct vcpu *v, uint64_t tval)
{
	uint32_t insn = (uint32_t)tval;

	if (insn == 0 && vcpu_fetch_insn(v, gva(v->regs.sepc), &insn) != HV_OK)
		insn = 0;
	if (is_page_end(v->regs.sepc))
		correct_sepc(v, tval, &insn);
	return insn;
}

static inline struct next halt(struct vcpu *v)
{
	counter_inc(&v->stats.exits[EXIT_WFI]);
	v->regs.sepc += 4;
	vcpu_halt(v, SLEEP_WFI);
	return next_is(NEXT_GUEST);
}

/*
 * Virtual-instruction exceptions: WFI and WRS.NTO are ours; everything else is what a hart without the
 * hypervisor extension calls illegal. stval may be 0 instead of the instruction (QEMU's WRS.NTO
 * and CBOs), and the fetch may itself fault, when the guest has remapped the page meanwhile: then the
 * guest simply runs into it again.
 */
exit_handler handle_other_virtual_insn(struct vcpu *v, uint64_t tval)
{
	uint32_t insn = (uint32_t)tval;

	if (insn == 0 || is_page_end(v->regs.sepc))
		insn = trapped_insn(v, tval);
	if (insn == 0) {
		counter_inc(&v->stats.exits[EXIT_OTHER]);
		return next_is(NEXT_GUEST);
	}
	switch (insn_decode_virtual(insn)) {
	case INSN_WFI:
		if (from_vu(v)) /* user mode may not halt the hart */
			break;
		return halt(v);
	case INSN_WRS_NTO:
		counter_inc(&v->stats.exits[EXIT_WRS]);
		v->regs.sepc += 4;
		return next_is(NEXT_SPIN);
	case INSN_CSR:
		if (!read_counter(v, insn))
			break;
		counter_inc(&v->stats.exits[EXIT_CSR]);
		return next_is(NEXT_GUEST);
	case INSN_WRS_STO:
	case INSN_OTHER:
		break;
	}
	counter_inc(&v->stats.exits[EXIT_CSR]);
	vcpu_inject_exception(v, EXC_ILLEGAL_INSN, insn);
	return next_is(NEXT_GUEST);
}

/* The one that comes most, when nothing about it is in doubt, before all others. */
static struct next handle_virtual_insn(struct vcpu *v, uint64_t tval)
{
	if (tval == INSN_CODE_WFI && !is_page_end(v->regs.sepc) && !from_vu(v))
		return halt(v);
	return handle_other_virtual_insn(v, tval);
}

/* What a guest page fault left in the CSRs, read before anything of ours can fault. */
struct guest_fault {
	uint64_t cause, tval, htval, htinst;
};

static struct next inject_access_fault(struct vcpu *v, const struct guest_fault *t)
{
	access_fault(v, t->cause, t->tval);
	return next_is(NEXT_GUEST);
}

/* True: @m was an access to one of the VM's devices, and is done. */
static cold bool do_mmio(struct vcpu *v, gpa_t a, const struct insn_mem *m)
{
	uint64_t val = 0;

	if (m->store ? mmio_write(v->vm->bus, a, m->len, access_value(v, m)) != HV_OK :
		       mmio_read(v->vm->bus, a, m->len, &val) != HV_OK)
		return false;
	access_done(v, m, val);
	return true;
}

/*
 * A fault of the guest's own page-table walk (pseudo htinst) is never an
 * access to a device: its tables are outside its memory.
 */
cold exit_handler handle_guest_fault(struct vcpu *v, uint64_t cause)
{
	const struct guest_fault t = { cause, csr_read(CSR_STVAL), csr_read(CSR_HTVAL),
				       csr_read(CSR_HTINST) };
	gpa_t a = access_address(t.htval, t.tval);
	struct insn_mem m;
	uint32_t insn;
	bool decoded;

	if (v->vm->balloon && v->vm->balloon->fault(v->vm->balloon, v, a)) {
		counter_inc(&v->stats.exits[EXIT_GUEST_FAULT]);
		return next_is(NEXT_GUEST);
	}
	if (cause == EXC_INSN_GUEST_FAULT || insn_htinst_is_pseudo(t.htinst))
		return inject_access_fault(v, &t);
	if (t.htinst != 0) {
		decoded = insn_decode_htinst(t.htinst, &m);
	} else {
		if (vcpu_fetch_insn(v, gva(v->regs.sepc), &insn) != HV_OK)
			return next_is(NEXT_GUEST); /* as above: let the guest run into it again */
		/* stval is where it faulted. What begins in the page before is no access to this one's device. */
		decoded = insn_decode_mem(insn, &m) &&
			  (insn_mem_low(insn, v->regs.x) & (m.len - 1u)) == 0;
	}
	if (!decoded || m.store != (cause == EXC_STORE_GUEST_FAULT) || !do_mmio(v, a, &m))
		return inject_access_fault(v, &t);
	return next_is(NEXT_GUEST);
}

exit_handler handle_ecall(struct vcpu *v)
{
	counter_inc(&v->stats.exits[EXIT_SBI]);
	return sbi_call(v);
}

/* Not delegated by this machine's hedeleg, so it comes here: the guest's own. */
exit_handler pass_on(struct vcpu *v, uint64_t cause)
{
	uint64_t tval = csr_read(CSR_STVAL);

	counter_inc(&v->stats.exits[EXIT_OTHER]);
	vcpu_inject_exception(v, cause & 63, tval);
	return next_is(NEXT_GUEST);
}

/* Not delegated while the VM has a debugger. */
exit_handler handle_breakpoint(struct vcpu *v)
{
	if (!vcpu_debug_break(v))
		return pass_on(v, EXC_BREAKPOINT);
	counter_inc(&v->stats.exits[EXIT_OTHER]);
	return next_is(NEXT_GUEST);
}

struct next vcpu_handle_exit(struct vcpu *v, uint64_t cause)
{
	if (cause & SCAUSE_INTERRUPT)
		return handle_interrupt(v, cause & ~SCAUSE_INTERRUPT);
	switch (cause) {
	case EXC_ECALL_VS:
		return handle_ecall(v);
	case EXC_VIRTUAL_INSN:
		return handle_virtual_insn(v, csr_read(CSR_STVAL));
	case EXC_INSN_GUEST_FAULT:
	case EXC_LOAD_GUEST_FAULT:
	case EXC_STORE_GUEST_FAULT:
		return handle_guest_fault(v, cause);
	case EXC_BREAKPOINT:
		return handle_breakpoint(v);
	default:
		return pass_on(v, cause);
	}
}
