// SPDX-License-Identifier: BSD-2-Clause
#include "arch/features.h"

#include "arch/csr.h"
#include "arch/trap.h"
#include "lib/atomic.h"

struct hart_features hart_features;

/* What of the CSRs in csr_list.h that are CLEARED exists here. */
static uint32_t loose_here(void)
{
	return (uint32_t)((csr_probe_vsiselect() ? LOOSE_SISELECT : 0) |
			  (csr_probe_vsctrctl() ? LOOSE_CTR : 0) |
			  (csr_probe_scontext() ? LOOSE_SCONTEXT : 0) |
			  (csr_probe_jvt() ? LOOSE_JVT : 0));
}

bool features_has_d(void)
{
	csr_set(CSR_SSTATUS, SSTATUS_FS);
	return arch_fp_probe();
}

struct hart_features features_probe(void)
{
	struct hart_features f = {
		.senvcfg = csr_probe_senvcfg(),
		.sstateen0 = csr_probe_sstateen0(),
		.henvcfg = csr_probe_henvcfg(),
		.hstateen0 = csr_probe_hstateen0(),
		.sstc = csr_probe_vstimecmp(),
		.instret = csr_probe_instret(),
	};

	if (!f.hstateen0)
		f.loose = loose_here();
	csr_set(CSR_SSTATUS, SSTATUS_VS);
	if ((csr_read(CSR_SSTATUS) & SSTATUS_VS) && csr_probe_vlenb())
		f.vlenb = (uint32_t)csr_read(CSR_VLENB);
	csr_clear(CSR_SSTATUS, SSTATUS_VS);
	return f;
}

void features_probe_boot(bool vector)
{
	hart_features = features_probe();
	if (!vector)
		hart_features.vlenb = 0;
}

/* All but the vector length as one number: bit 0 senvcfg, then henvcfg, sstateen0, hstateen0, vstimecmp; from 8 on loose. */
static uint32_t csrs_of(const struct hart_features *f)
{
	return (uint32_t)(f->senvcfg | f->henvcfg << 1 | f->sstateen0 << 2 | f->hstateen0 << 3 |
			  f->sstc << 4) |
	       f->loose << 8;
}

struct hart_misfit features_compare(const struct hart_features *f)
{
	uint32_t here = csrs_of(f), boot = csrs_of(&hart_features);

	if (here != boot)
		return (struct hart_misfit){ "the set of optional CSRs", here, boot };
	/* Without vectors for guests their length does not matter. */
	if (hart_features.vlenb && f->vlenb != hart_features.vlenb)
		return (struct hart_misfit){ "vlenb", f->vlenb, hart_features.vlenb };
	return (struct hart_misfit){ NULL, 0, 0 };
}

struct hart_misfit features_misfit(void)
{
	struct hart_features f;
	struct hart_misfit m;

	if (!features_has_d())
		return (struct hart_misfit){ "D", 0, 1 };
	f = features_probe();
	m = features_compare(&f);
	if (!m.what && !f.instret)
		atomic_set(&hart_features.instret, false);
	return m;
}

void features_close(void)
{
	if (csr_probe_hstateen1())
		csr_write(CSR_HSTATEEN1, 0);
	if (csr_probe_hstateen2())
		csr_write(CSR_HSTATEEN2, 0);
	if (csr_probe_hstateen3())
		csr_write(CSR_HSTATEEN3, 0);
	if (csr_probe_hvictl()) {
		csr_write(CSR_HVIEN, 0);
		csr_write(CSR_HVICTL, 0);
	}
	features_clear_loose(loose_here());
}

/*
 * With V = 1, siselect and sctrctl are vsiselect and vsctrctl; the others have no VS copy. SCTRCLR zeroes every
 * record, whatever sctrdepth says (Control Transfer Records, "Supervisor CTR Clear Instruction").
 */
void features_clear_loose(uint32_t loose)
{
	if (loose & LOOSE_SISELECT)
		csr_write(CSR_VSISELECT, 0);
	if (loose & LOOSE_CTR) {
		csr_write(CSR_VSCTRCTL, 0);
		csr_write(CSR_SCTRCTL, 0);
		arch_sctrclr();
		csr_write(CSR_SCTRSTATUS, 0);
	}
	if (loose & LOOSE_SCONTEXT)
		csr_write(CSR_SCONTEXT, 0);
	if (loose & LOOSE_JVT)
		csr_write(CSR_JVT, 0);
}
