/* SPDX-License-Identifier: BSD-2-Clause */
/* From the registers of a call to its handler; in line, for sbi_call() and the fast path (run/fastpath.c). */
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
static inline uint64_t sbi_int32_in_register(uint32_t n)
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

	if (!ext || sbi_int32_in_register(ext->eid_first) != eid)
		ext = sbi_find_range(eid);
	return ext && ext->probe && ext->probe(vm, (uint32_t)eid) == 0 ? NULL : ext;
}

/*
 * sbi_dispatch - the call in @v's registers, by its extension's handler: reads a0 to a7, writes a0, and a1 unless it is a
 * legacy call. EXIT only on the fast path.
 */
static inline struct next sbi_dispatch(struct vcpu *v)
{
	uint64_t *x = v->regs.x;
	const struct sbi_extension *ext = sbi_find(v->vm, x[REG_A7]);

	if (ext)
		return ext->handle(v, x[REG_A6]);
	x[REG_A0] = (uint64_t)SBI_ERR_NOT_SUPPORTED;
	if (x[REG_A7] > SBI_EXT_LEGACY_LAST)
		x[REG_A1] = 0;
	return next_is(NEXT_GUEST);
}

#endif
