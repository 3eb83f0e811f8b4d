/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the registers of a call to its handler and back: the one dispatch of SBI calls, in line, because
 * light exits have it on their way (run/fastpath.c); sbi_call() is the other user.
 */
#ifndef SBI_DISPATCH_H
#define SBI_DISPATCH_H

#include "sbi/sbi.h"

/* Where an EID's extension stands; two in one place do not compile (-Woverride-init). */
#define SBI_SLOT(eid) (((eid) ^ ((eid) >> 5)) & 31)

extern const struct sbi_extension *const sbi_extensions[32];

/*
 * EIDs and FIDs are signed 32-bit integers, so a register holds one in sign-extended form; anything
 * else is no number of an extension or function at all (riscv-sbi-doc, "Binary Encoding").
 */
static inline uint64_t int32_in_register(uint32_t n)
{
	return (uint64_t)(int64_t)(int32_t)n;
}

/* sbi_find_range - the extension that serves @eid among others, or NULL. */
static inline const struct sbi_extension *sbi_find_range(uint64_t eid)
{
	if (eid <= SBI_EXT_LEGACY_SHUTDOWN)
		return &sbi_ext_legacy;
	if (eid - HARTVISOR_SBI_EXT_VENDOR_BASE <= HARTVISOR_SBI_EXT_VENDOR_MASK)
		return &sbi_ext_vendor;
	return NULL;
}

/* sbi_find - the extension that serves @eid and that @vm has, or NULL. */
static inline const struct sbi_extension *sbi_find(const struct vm *vm, uint64_t eid)
{
	const struct sbi_extension *ext = sbi_extensions[SBI_SLOT(eid)];

	if (!ext || int32_in_register(ext->eid_first) != eid)
		ext = sbi_find_range(eid);
	return ext && ext->probe && ext->probe(vm, (uint32_t)eid) == 0 ? NULL : ext;
}

/* sbi_handle - the call in @v's registers is @ext's, has a FID, and not as a legacy one: do it. */
static inline struct sbi_ret sbi_handle(struct vcpu *v, const struct sbi_extension *ext)
{
	const uint64_t *x = v->regs.x;

	return ext->handle(v, (uint32_t)x[REG_A7], (uint32_t)x[REG_A6], &x[REG_A0]);
}

/* sbi_unknown - the call in @v's registers is nobody's. */
static inline void sbi_unknown(struct vcpu *v)
{
	v->regs.x[REG_A0] = (uint64_t)SBI_ERR_NOT_SUPPORTED;
	if (v->regs.x[REG_A7] > SBI_EXT_LEGACY_LAST)
		v->regs.x[REG_A1] = 0;
}

/* sbi_answer - the call in @v's registers is @ext's, NULL: nobody's. Do it, whatever it is. */
void sbi_answer(struct vcpu *v, const struct sbi_extension *ext);

#endif
