/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SBI calls of a guest (riscv-sbi-doc v2.0). One file per extension, each ending in one entry of
 * type struct sbi_extension; sbi_dispatch.c lists them.
 *
 * The rules that hold for all are kept in one place, the dispatcher: EID and FID are signed 32-bit,
 * an unknown EID or FID is SBI_ERR_NOT_SUPPORTED, all registers but a0 and a1 stay, legacy calls
 * return in a0 alone. Arguments are hostile; no call logs, blocks or loops longer than a vcpu set
 * allows.
 */
#ifndef SBI_SBI_H
#define SBI_SBI_H

#include <hartvisor/pv.h>
#include <hartvisor/sbi.h>

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

struct sbi_ret {
	int64_t error;
	uint64_t value;
};

static inline struct sbi_ret sbi_ok(uint64_t value)
{
	return (struct sbi_ret){ SBI_SUCCESS, value };
}

static inline struct sbi_ret sbi_err(int64_t error)
{
	return (struct sbi_ret){ error, 0 };
}

typedef struct light_end sbi_after_fn(struct vcpu *v);
typedef struct light_end sbi_quick_fn(struct vcpu *v, sbi_after_fn *after);

/* Entries of the tables below: a power of two, by which a FID is masked, so that no speculative call leaves them. */
#define SBI_FIRST_FUNCTIONS 4

struct sbi_extension {
	const char *name;
	uint32_t eid_first, eid_last;
	/* What probe_extension returns for this VM; 0: the VM has it not. NULL: 1, always. */
	uint64_t (*probe)(const struct vm *vm, uint32_t eid);
	/* @a: a0 to a5. The calling vcpu's pc already points behind the ecall. */
	struct sbi_ret (*handle)(struct vcpu *v, uint32_t eid, uint32_t fid, const uint64_t a[6]);
	bool legacy; /* returns in a0 only, and has no FID */
	/*
	 * Bit n: FID n may be answered by a light exit (arch/guest.h): it looks at no registers but
	 * a0 to a5 and at no guest memory, never halts or stops the caller, asks it for nothing by
	 * a request, and gives it interrupts by vcpu_inject_self() alone. It may wait for other vcpus.
	 */
	uint64_t light;
	/* Its first functions, which do nothing: what they answer. The VM always has it: no probe. */
	const uint64_t (*constants)[SBI_FIRST_FUNCTIONS];
	/*
	 * Of an extension without probe: who answers its first functions in a light exit. They do what
	 * handle() does, without the detour; they end by sbi_quick_ok() when they have left nothing to
	 * be looked at, else by sbi_light_end().
	 */
	sbi_quick_fn *const (*quick)[SBI_FIRST_FUNCTIONS];
	uint32_t nr_constants, nr_quick;
};

/*
 * sbi_light_end - the answer to @v's call is @ret. @after is asked whether the guest may go on, if the call
 * yields to somebody, has waited for others, or has made another vcpu runnable here.
 */
static inline struct light_end sbi_light_end(struct vcpu *v, struct sbi_ret ret,
					     sbi_after_fn *after)
{
	v->regs.x[REG_A0] = (uint64_t)ret.error;
	v->regs.x[REG_A1] = ret.value;
	if (v->yield_to || vcpu_mode(v) == OUTSIDE_GUEST_MODE ||
	    atomic_read(&this_pcpu()->need_resched))
		return after(v);
	return light_ends(&v->regs, LIGHT_DONE);
}

/* sbi_quick_ok - the answer to @v's call: SBI_SUCCESS and @value. */
static inline struct light_end sbi_quick_ok(struct vcpu *v, uint64_t value)
{
	v->regs.x[REG_A0] = SBI_SUCCESS;
	v->regs.x[REG_A1] = value;
	return light_ends(&v->regs, LIGHT_DONE);
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

/* sbi_kick - KICK_CPU: end the halt of hart @hartid, and let it run instead of @v. For both numbers. */
struct sbi_ret sbi_kick(struct vcpu *v, uint64_t hartid);

/* sbi_call - do the ecall that @v made: reads a0..a7, advances sepc by 4, writes a0 (and a1). */
void sbi_call(struct vcpu *v);

/* sbi_probe - what probe_extension answers to @vm for @eid. */
uint64_t sbi_probe(const struct vm *vm, uint32_t eid);

/*
 * sbi_hart_set - turn (mask, base) into a set of @vm's vcpus: base = all ones means all of them and
 * the mask is ignored. SBI_SUCCESS, or SBI_ERR_INVALID_PARAM when any named hart does not exist.
 */
static inline int64_t sbi_hart_set(const struct vm *vm, uint64_t mask, uint64_t base, uint64_t *set)
{
	*set = 0;
	if (base == UINT64_MAX) {
		*set = vm_all_vcpus(vm);
		return SBI_SUCCESS;
	}
	/* The base alone names nobody: it need not be a hart unless bit 0 says so. */
	if (mask == 0)
		return SBI_SUCCESS;
	/* In two steps, as a shift by 64 is none. */
	if (base >= vm->nr_vcpus || mask >> 1 >> (vm->nr_vcpus - 1 - base))
		return SBI_ERR_INVALID_PARAM;
	*set = mask << base;
	return SBI_SUCCESS;
}

/* sbi_names_self - does (mask, base) name @v and nobody else? */
static inline bool sbi_names_self(const struct vcpu *v, uint64_t mask, uint64_t base)
{
	return base <= v->id && mask == BIT(v->id - base);
}

/* sbi_send_ipi - VSSIP to each vcpu in @set; for IPI and its legacy form. */
void sbi_send_ipi(struct vm *vm, uint64_t set);

/*
 * sbi_fence_vvma - sfence.vma of [start, start+size) on each vcpu in @set, of address space @asid
 * alone when @by_asid; start = size = 0, or size = all ones: the whole space. For RFENCE and its
 * legacy form.
 */
void sbi_fence_vvma(struct vm *vm, uint64_t set, uint64_t start, uint64_t size, bool by_asid,
		    uint64_t asid);

#endif
