/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SBI calls of a guest (riscv-sbi-doc v2.0). One file per extension, each ending in one entry of
 * type struct sbi_extension; sbi_dispatch.c lists them.
 *
 * EID and FID are signed 32-bit numbers in sign-extended form: they are compared as 64 bits, so that whatever else is in a7
 * or a6 is unknown. An unknown EID or FID is SBI_ERR_NOT_SUPPORTED, all registers but a0 and a1 stay, legacy calls
 * return in a0 alone. Arguments are hostile; no call logs, blocks or loops longer than a vcpu set
 * allows.
 */
#ifndef SBI_SBI_H
#define SBI_SBI_H

#include <hartvisor/pv.h>
#include <hartvisor/sbi.h>

#include "arch/next.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"

/* What BASE says of us: specification 2.0 (major in bits 30:24), and hartvisor's own version. */
#define SBI_SPEC_VERSION 0x02000000
#define SBI_IMPL_VERSION 0x00000100

/* 0x0 to 0xf: the legacy extensions and the numbers kept for more of them. They answer in a0 alone. */
#define SBI_EXT_LEGACY_LAST 0x0f

/* The machine as the firmware reports it: filled by main at boot, read by guests through BASE. */
struct sbi_ids {
	uint64_t mvendorid, marchid, mimpid;
};
extern struct sbi_ids sbi_ids;

struct sbi_extension {
	const char *name;
	uint32_t eid_first, eid_last;
	/* What probe_extension returns for this VM; 0: the VM has it not. NULL: 1, always. */
	uint64_t (*probe)(const struct vm *vm, uint32_t eid);
	/*
	 * Does the call in @v's registers, function @fid, and answers it there: sbi_ok(), sbi_err(). Returns what comes
	 * next. Own pcpu, no locks.
	 *
	 * The fast path calls it, too, while @v is in guest mode still. A function that looks at guest memory, halts or
	 * stops @v, makes it a request or takes interrupts from it says NEXT_EXIT there before it does anything
	 * (sbi_is_fast()), and is called again outside guest mode. Others may wait for other vcpus, and give @v
	 * interrupts by vcpu_inject_self().
	 */
	struct next (*handle)(struct vcpu *v, uint64_t fid);
};

/* sbi_is_fast - is @v's call being answered by the fast path? */
static inline bool sbi_is_fast(const struct vcpu *v)
{
	return vcpu_mode(v) != OUTSIDE_GUEST_MODE;
}

/* sbi_exit - the call is not for the fast path. */
static inline struct next sbi_exit(void)
{
	return next_is(NEXT_EXIT);
}

/* sbi_arg - argument a@n of @v's call, until it is answered. */
static inline uint64_t sbi_arg(const struct vcpu *v, unsigned int n)
{
	return v->regs.x[(REG_A0 + n) % 32];
}

/* sbi_answer - the answer to @v's call, in a0 and a1. sbi_ok, sbi_err - and the guest goes on. */
static inline void sbi_answer(struct vcpu *v, int64_t error, uint64_t value)
{
	v->regs.x[REG_A0] = (uint64_t)error;
	v->regs.x[REG_A1] = value;
}

static inline struct next sbi_ok(struct vcpu *v, uint64_t value)
{
	sbi_answer(v, SBI_SUCCESS, value);
	return next_is(NEXT_GUEST);
}

static inline struct next sbi_err(struct vcpu *v, int64_t error)
{
	sbi_answer(v, error, 0);
	return next_is(NEXT_GUEST);
}

extern const struct sbi_extension sbi_ext_base, sbi_ext_time, sbi_ext_ipi, sbi_ext_rfence,
	sbi_ext_hsm, sbi_ext_srst, sbi_ext_dbcn, sbi_ext_sta, sbi_ext_legacy, sbi_ext_vendor,
	sbi_ext_pvlk;

/* sbi_vendor_eid - of hartvisor's own extension: what BASE says of the machine decides. */
static inline uint32_t sbi_vendor_eid(void)
{
	return HARTVISOR_SBI_EXT_VENDOR_BASE |
	       (uint32_t)(sbi_ids.mvendorid & HARTVISOR_SBI_EXT_VENDOR_MASK);
}

/*
 * sbi_call - the call in @v's registers, outside guest mode: sbi_dispatch(), and sepc goes behind the ecall, or stays at it
 * when @v sleeps and tries again.
 */
struct next sbi_call(struct vcpu *v);

/* sbi_probe - what probe_extension answers to @vm for @eid. */
uint64_t sbi_probe(const struct vm *vm, uint32_t eid);

/*
 * sbi_hart_set - turn (mask, base) into a set of @vm's vcpus: base = all ones means all of them and
 * the mask is ignored. SBI_SUCCESS, or SBI_ERR_INVALID_PARAM when any named hart does not exist.
 */
static inline int64_t sbi_hart_set(const struct vm *vm, uint64_t mask, uint64_t base,
				   struct vcpu_set *set)
{
	*set = vcpu_set_none();
	if (base == UINT64_MAX) {
		*set = vm_all_vcpus(vm);
		return SBI_SUCCESS;
	}
	/* The base alone names no hart: it need not be one unless bit 0 is set. */
	if (mask == 0)
		return SBI_SUCCESS;
	/* In two steps, as a shift by 64 is none. */
	if (base >= vm->nr_vcpus || mask >> 1 >> (vm->nr_vcpus - 1 - base))
		return SBI_ERR_INVALID_PARAM;
	set->bits = mask << base;
	return SBI_SUCCESS;
}

/* sbi_one_hart - the vcpu that (a0, a1) of the call, as mask and base, names, in the form that most guests use; else NULL. */
static inline struct vcpu *sbi_one_hart(const struct vcpu *v)
{
	uint64_t base = sbi_arg(v, 1);

	if (sbi_arg(v, 0) != 1 || base >= v->vm->nr_vcpus)
		return NULL;
	return v->vm->vcpus[base % VM_MAX_VCPUS];
}

/* sbi_names_self - does (a0, a1) of the call, as mask and base, name @v and no other? */
static inline bool sbi_names_self(const struct vcpu *v)
{
	uint64_t mask = sbi_arg(v, 0), base = sbi_arg(v, 1);

	return base <= v->id && mask == BIT(v->id - base);
}

/* sbi_send_ipi_set - VSSIP to each vcpu in @set; for IPI and its legacy form. */
void sbi_send_ipi_set(struct vm *vm, struct vcpu_set set);

/*
 * sbi_fence_vvma - sfence.vma of [start, start+size) on each vcpu in @set, of address space @asid
 * alone when @by_asid; start = size = 0, or size = all ones: the whole space. For RFENCE and its
 * legacy form.
 */
void sbi_fence_vvma(struct vm *vm, struct vcpu_set set, uint64_t start, uint64_t size, bool by_asid,
		    uint64_t asid);

#endif
