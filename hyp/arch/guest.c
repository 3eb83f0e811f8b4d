// SPDX-License-Identifier: BSD-2-Clause
#include "arch/guest_state.h"

#include "arch/csr.h"

static uint64_t set_xs(uint64_t status, unsigned int shift, uint64_t xs)
{
	return (status & ~(3UL << shift)) | (xs << shift);
}

void guest_hart_setup(void)
{
	/* What the guest's own kernel can handle never comes here; only what MIDELEG/MEDELEG of the
	 * firmware and the W-masks leave sticks. */
	csr_write(CSR_HEDELEG, HEDELEG_GUEST);
	csr_write(CSR_HIDELEG, BIT(IRQ_VS_SOFT) | BIT(IRQ_VS_TIMER) | BIT(IRQ_VS_EXT));
	csr_write(CSR_HGEIE, 0);
	csr_write(CSR_HVIP, 0);
	csr_write(CSR_VSIE, 0);
	/* Both are active in HS-mode, and reset leaves vsatp undefined: no walk from a value not ours. */
	csr_write(CSR_VSATP, 0);
	csr_write(CSR_HGATP, 0);
	if (hart_features.sstc)
		csr_write(CSR_VSTIMECMP, UINT64_MAX);
	/* ENVCFG: guests have senvcfg. Everything else that Smstateen gates stays closed. */
	if (hart_features.hstateen0)
		csr_write(CSR_HSTATEEN0, HSTATEEN0_ENVCFG);
	features_close();
	csr_write(CSR_SIE, BIT(IRQ_S_SOFT) | BIT(IRQ_S_TIMER) | BIT(IRQ_S_EXT));
	/* FP and vector CSRs are saved and restored from now on: guest_fp_save(). */
	csr_set(CSR_SSTATUS, SSTATUS_FS | SSTATUS_VS);
}

void guest_regs_reset(struct guest_regs *r, uint64_t pc, uint64_t a0, uint64_t a1)
{
	*r = (struct guest_regs){ .sepc = pc };
	r->x[REG_A0] = a0;
	r->x[REG_A1] = a1;
	/* SPP: sret goes to VS-mode, not VU. FS and VS gate the guest's own fields (both must be on). */
	r->sstatus = SSTATUS_SPP | SSTATUS_SPIE | SSTATUS_UXL_64;
	r->sstatus = set_xs(r->sstatus, SSTATUS_FS_SHIFT, XS_CLEAN);
	if (hart_features.vlenb)
		r->sstatus = set_xs(r->sstatus, SSTATUS_VS_SHIFT, XS_CLEAN);
	/* VTW: WFI and WRS.NTO come to us. */
	r->hstatus = HSTATUS_VSXL_64 | HSTATUS_SPV | HSTATUS_SPVP | HSTATUS_VTW;
}

void guest_vs_reset(struct guest_vs_csrs *s)
{
	/* scounteren as OpenSBI leaves it: user programs read the time; what hcounteren closes stays
	 * closed to them, too. */
	*s = (struct guest_vs_csrs){ .vsstatus = SSTATUS_UXL_64,
				     .vstimecmp = UINT64_MAX,
				     .scounteren = HCOUNTEREN_CY | HCOUNTEREN_TM | HCOUNTEREN_IR };
}

void guest_fp_save_dirty(struct guest_regs *r, struct guest_fp *fp)
{
	csr_set(CSR_SSTATUS, SSTATUS_FS);
	arch_fp_save(fp);
	r->sstatus = set_xs(r->sstatus, SSTATUS_FS_SHIFT, XS_CLEAN);
}

void guest_fp_restore(const struct guest_fp *fp)
{
	csr_set(CSR_SSTATUS, SSTATUS_FS);
	arch_fp_restore(fp);
}

void guest_vector_save_dirty(struct guest_regs *r, struct guest_vector *v)
{
	csr_set(CSR_SSTATUS, SSTATUS_VS);
	arch_vector_save(v);
	r->sstatus = set_xs(r->sstatus, SSTATUS_VS_SHIFT, XS_CLEAN);
}

void guest_vector_restore(const struct guest_vector *v)
{
	csr_set(CSR_SSTATUS, SSTATUS_VS);
	arch_vector_restore(v);
}

/*
 * As hardware takes a trap into VS-mode (privileged specification, "Trap Entry"): vsstatus.SPP and
 * SPIE remember where from, SIE goes off, and the hart goes on at vstvec in VS-mode. Exceptions always
 * go to its base. vsstatus is in the CSR: the vcpu is loaded.
 */
void guest_take_exception(struct guest_regs *r, uint64_t cause, uint64_t tval)
{
	uint64_t vsstatus = csr_read(CSR_VSSTATUS);

	csr_write(CSR_VSEPC, r->sepc);
	csr_write(CSR_VSCAUSE, cause);
	csr_write(CSR_VSTVAL, tval);
	vsstatus &= ~(SSTATUS_SPP | SSTATUS_SPIE);
	if (r->sstatus & SSTATUS_SPP)
		vsstatus |= SSTATUS_SPP;
	if (vsstatus & SSTATUS_SIE)
		vsstatus |= SSTATUS_SPIE;
	csr_write(CSR_VSSTATUS, vsstatus & ~SSTATUS_SIE);
	r->sstatus |= SSTATUS_SPP;
	r->sepc = csr_read(CSR_VSTVEC) & ~3UL;
}
