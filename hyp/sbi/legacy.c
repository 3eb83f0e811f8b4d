// SPDX-License-Identifier: BSD-2-Clause
/*
 * The legacy extensions (riscv-sbi-doc, "Legacy Extensions"): one EID each, no FID, the answer in
 * a0 alone. Old guests have nothing else. Hart masks lie in guest-virtual memory.
 */
#include "arch/csr.h"
#include "sbi/sbi.h"
#include "term/term.h"
#include "vcpu/console.h"
#include "vcpu/fence.h"
#include "vcpu/guest_mem.h"
#include "vcpu/irq.h"
#include "vcpu/vtimer.h"

/* The answer to each call: a0 alone. */
static int64_t console_put(struct vcpu *v, uint64_t ch)
{
	char c = (char)(uint8_t)ch;

	if (v->vm->stream)
		(void)vcpu_console_write(v, &c, 1);
	return SBI_SUCCESS;
}

/* The byte, or -1. */
static int64_t console_get(struct vm *vm)
{
	char c;

	if (!vm->stream || term_stream_read(vm->stream, &c, 1) == 0)
		return -1;
	return (uint8_t)c;
}

/*
 * The set that the mask at @addr names: one bit per hart, in as many 64-bit words as the VM needs,
 * and that is one. NULL: all.
 */
static int64_t mask_read(struct vcpu *v, uint64_t addr, struct vcpu_set *set)
{
	uint64_t mask;

	static_assert(VM_MAX_VCPUS <= 64, "the mask is one word");
	if (addr == 0)
		return sbi_hart_set(v->vm, 0, UINT64_MAX, set);
	if (vcpu_read_guest_virt_u64(v, gva(addr), &mask))
		return SBI_ERR_INVALID_ADDRESS;
	return sbi_hart_set(v->vm, mask, 0, set);
}

/* The four whose first argument is a mask. */
static int64_t masked_call(struct vcpu *v, uint64_t eid)
{
	struct vcpu_set set;
	int64_t err = mask_read(v, sbi_arg(v, 0), &set);

	if (err || vcpu_set_empty(set))
		return err;
	switch (eid) {
	case SBI_EXT_LEGACY_SEND_IPI:
		sbi_send_ipi_set(v->vm, set);
		break;
	case SBI_EXT_LEGACY_REMOTE_FENCE_I:
		vm_fence_i(v->vm, set);
		break;
	default:
		sbi_fence_vvma(v->vm, set, sbi_arg(v, 1), sbi_arg(v, 2),
			       eid == SBI_EXT_LEGACY_REMOTE_SFENCE_VMA_ASID, sbi_arg(v, 3));
		break;
	}
	return SBI_SUCCESS;
}

static int64_t call(struct vcpu *v, uint64_t eid)
{
	switch (eid) {
	case SBI_EXT_LEGACY_SET_TIMER:
		vcpu_timer_set(v, sbi_arg(v, 0));
		return SBI_SUCCESS;
	case SBI_EXT_LEGACY_CONSOLE_PUTCHAR:
		return console_put(v, sbi_arg(v, 0));
	case SBI_EXT_LEGACY_CONSOLE_GETCHAR:
		return console_get(v->vm);
	case SBI_EXT_LEGACY_CLEAR_IPI:
		return vcpu_irq_take_soft(v);
	case SBI_EXT_LEGACY_SEND_IPI:
	case SBI_EXT_LEGACY_REMOTE_FENCE_I:
	case SBI_EXT_LEGACY_REMOTE_SFENCE_VMA:
	case SBI_EXT_LEGACY_REMOTE_SFENCE_VMA_ASID:
		return masked_call(v, eid);
	case SBI_EXT_LEGACY_SHUTDOWN:
		if (vcpu_console_is_out(v))
			vm_stop(v->vm, VM_STOP_POWEROFF, "SBI shutdown");
		return SBI_SUCCESS;
	default:
		return SBI_ERR_NOT_SUPPORTED;
	}
}

static struct next legacy_handle(struct vcpu *v, uint64_t fid)
{
	(void)fid;
	if (sbi_is_fast(v))
		return sbi_exit();
	v->regs.x[REG_A0] = (uint64_t)call(v, v->regs.x[REG_A7]);
	return next_is(NEXT_GUEST);
}

const struct sbi_extension sbi_ext_legacy = {
	.name = "legacy",
	.eid_first = SBI_EXT_LEGACY_SET_TIMER,
	.eid_last = SBI_EXT_LEGACY_SHUTDOWN,
	.handle = legacy_handle,
};
