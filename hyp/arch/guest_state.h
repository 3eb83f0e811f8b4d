/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading, saving and resetting the parts of a guest's processor state, and making it take an
 * exception. All on the vcpu's own pcpu; vcpu/vcpu.c and vcpu/load.h decide when.
 */
#ifndef ARCH_GUEST_STATE_H
#define ARCH_GUEST_STATE_H

#include "arch/csr.h"
#include "arch/features.h"
#include "arch/guest.h"
#include "arch/trap.h"

/* What a guest's own kernel handles: hedeleg, unless a debugger wants something of it. */
#define HEDELEG_GUEST                                                                      \
	(BIT(EXC_INSN_MISALIGNED) | BIT(EXC_INSN_ACCESS) | BIT(EXC_ILLEGAL_INSN) |         \
	 BIT(EXC_BREAKPOINT) | BIT(EXC_LOAD_MISALIGNED) | BIT(EXC_LOAD_ACCESS) |           \
	 BIT(EXC_STORE_MISALIGNED) | BIT(EXC_STORE_ACCESS) | BIT(EXC_ECALL_U) |            \
	 BIT(EXC_INSN_PAGE_FAULT) | BIT(EXC_LOAD_PAGE_FAULT) | BIT(EXC_STORE_PAGE_FAULT) | \
	 BIT(EXC_SOFTWARE_CHECK))

/* guest_hart_setup - each hart once: delegation, and nothing pending or left over. */
void guest_hart_setup(void);

/* Registers as SBI HSM's hart start defines them; the VS CSRs as after reset. */
void guest_regs_reset(struct guest_regs *r, uint64_t pc, uint64_t a0, uint64_t a1);
void guest_vs_reset(struct guest_vs_csrs *s);

/* What the hart has is read once: after each access to a CSR the compiler would read it again. */
static inline void guest_vs_save(struct guest_vs_csrs *s)
{
	const bool senvcfg = hart_features.senvcfg, sstateen0 = hart_features.sstateen0;

	s->vsstatus = csr_read(CSR_VSSTATUS);
	s->vsie = csr_read(CSR_VSIE);
	s->vstvec = csr_read(CSR_VSTVEC);
	s->vsscratch = csr_read(CSR_VSSCRATCH);
	s->vsepc = csr_read(CSR_VSEPC);
	s->vscause = csr_read(CSR_VSCAUSE);
	s->vstval = csr_read(CSR_VSTVAL);
	s->vsatp = csr_read(CSR_VSATP);
	s->scounteren = csr_read(CSR_SCOUNTEREN);
	if (senvcfg)
		s->senvcfg = csr_read(CSR_SENVCFG);
	if (sstateen0)
		s->sstateen0 = csr_read(CSR_SSTATEEN0);
}

static inline void guest_vs_restore(const struct guest_vs_csrs *s)
{
	const bool senvcfg = hart_features.senvcfg, sstateen0 = hart_features.sstateen0;

	csr_write(CSR_VSSTATUS, s->vsstatus);
	csr_write(CSR_VSIE, s->vsie);
	csr_write(CSR_VSTVEC, s->vstvec);
	csr_write(CSR_VSSCRATCH, s->vsscratch);
	csr_write(CSR_VSEPC, s->vsepc);
	csr_write(CSR_VSCAUSE, s->vscause);
	csr_write(CSR_VSTVAL, s->vstval);
	csr_write(CSR_VSATP, s->vsatp);
	csr_write(CSR_SCOUNTEREN, s->scounteren);
	if (senvcfg)
		csr_write(CSR_SENVCFG, s->senvcfg);
	if (sstateen0)
		csr_write(CSR_SSTATEEN0, s->sstateen0);
}

/* fpu.S. sstatus.FS, or VS, must not be Off: guest_hart_setup() sets both, and every entry writes them again. */
void arch_fp_save(struct guest_fp *fp);
void arch_fp_restore(const struct guest_fp *fp);
void arch_vector_save(struct guest_vector *v);
void arch_vector_restore(const struct guest_vector *v);
void arch_fp_csr_save(struct guest_fp *fp);
void arch_fp_csr_restore(const struct guest_fp *fp);
void arch_vector_csrs_save(struct guest_vector *v);

/* *_save_dirty: save all of it, and mark it clean. *_restore: restore all of it. */
void guest_fp_save_dirty(struct guest_regs *r, struct guest_fp *fp);
void guest_fp_restore(const struct guest_fp *fp);
void guest_vector_save_dirty(struct guest_regs *r, struct guest_vector *v);
void guest_vector_restore(const struct guest_vector *v);

static inline bool is_dirty(uint64_t status, unsigned int shift)
{
	return ((status >> shift) & XS_DIRTY) == XS_DIRTY;
}

/*
 * guest_fp_save, guest_vector_save - save what may have changed since the last restore. Own pcpu, loaded, @r as the last
 * exit left it. guest_fp_save() returns whether one of f0 to f31 may have changed. @v may be NULL.
 *
 * When a guest writes a register, hardware marks sstatus.FS (VS) dirty (privileged specification, "vsstatus"), so
 * that field decides about the registers. It cannot decide about the CSRs. QEMU (10.0) does not mark it when a CSR
 * instruction writes fcsr, vcsr or vstart, nor when an instruction only raises a flag; and vsstatus does not tell
 * either once the guest's kernel has turned its own FS off. So the CSRs are saved always.
 */
static inline bool guest_fp_save(struct guest_regs *r, struct guest_fp *fp)
{
	if (is_dirty(r->sstatus, SSTATUS_FS_SHIFT)) {
		guest_fp_save_dirty(r, fp);
		return true;
	}
	arch_fp_csr_save(fp);
	return false;
}

static inline void guest_vector_save(struct guest_regs *r, struct guest_vector *v)
{
	if (!v)
		return;
	if (is_dirty(r->sstatus, SSTATUS_VS_SHIFT))
		guest_vector_save_dirty(r, v);
	else
		arch_vector_csrs_save(v);
}

/* guest_take_exception - the loaded guest in @r takes exception @cause with @tval. */
void guest_take_exception(struct guest_regs *r, uint64_t cause, uint64_t tval);

#endif
