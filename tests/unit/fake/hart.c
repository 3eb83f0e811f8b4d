/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake/hart.h"

#include "arch/csr.h"
#include "arch/guest_state.h"
#include "arch/mmu.h"
#include "arch/sbi_call.h"
#include "arch/smp.h"
#include "fake/pcpu.h"

/* Every CSR that is kept, as an index. 0: reads as zero, writes are forgotten. */
enum { SLOT_NONE, SLOTS_END = 40 };

static const uint8_t slots[4096] = {
	[CSR_SSTATUS] = 1,     [CSR_SCAUSE] = 2,     [CSR_STVAL] = 3,	    [CSR_STIMECMP] = 4,
	[CSR_VSSTATUS] = 5,    [CSR_VSIE] = 6,	     [CSR_VSTVEC] = 7,	    [CSR_VSSCRATCH] = 8,
	[CSR_VSEPC] = 9,       [CSR_VSCAUSE] = 10,   [CSR_VSTVAL] = 11,	    [CSR_VSATP] = 12,
	[CSR_SCOUNTEREN] = 13, [CSR_VSTIMECMP] = 14, [CSR_HTIMEDELTA] = 15, [CSR_HCOUNTEREN] = 16,
	[CSR_HGATP] = 17,      [CSR_HVIP] = 18,	     [CSR_SIE] = 19,
};

static struct hart {
	uint64_t csr[SLOTS_END];
	uint32_t ipi; /* by any hart */
} harts[HARTS_MAX];

static struct pcpu hart_pcpus[HARTS_MAX], nowhere = { .hartid = 63, .index = 63 };

_Thread_local struct pcpu *fake_this_pcpu = &hart_pcpus[0];

static const uint64_t vs_irqs = BIT(IRQ_S_SOFT) | BIT(IRQ_S_TIMER) | BIT(IRQ_S_EXT);

void harts_setup(unsigned int nr)
{
	for (unsigned int i = 0; i < MAX_PCPUS; i++)
		pcpus[i] = &nowhere;
	for (unsigned int i = 0; i < nr; i++) {
		hart_pcpus[i] = (struct pcpu){ .hartid = i, .index = i, .online = 1 };
		pcpus[i] = &hart_pcpus[i];
		harts[i] = (struct hart){ .csr[19] = vs_irqs,
					  .csr[4] = UINT64_MAX,
					  .csr[14] = UINT64_MAX };
	}
	nr_pcpus = nr;
	fake_pcpu_become(0);
	hart_features = (struct hart_features){ .sstc = true };
}

void fake_pcpu_become(unsigned int index)
{
	fake_this_pcpu = &hart_pcpus[index];
}

static struct hart *here(void)
{
	return &harts[this_pcpu()->index];
}

bool hart_ipi_pending(unsigned int index)
{
	return __atomic_load_n(&harts[index].ipi, __ATOMIC_RELAXED) != 0;
}

void hart_clear_ipi(unsigned int index)
{
	__atomic_store_n(&harts[index].ipi, 0, __ATOMIC_RELAXED);
}

uint64_t hart_csr(unsigned int index, unsigned int csr)
{
	return harts[index].csr[slots[csr & 4095]];
}

bool hart_wfi_ends(unsigned int index)
{
	uint64_t hie = (hart_csr(index, CSR_VSIE) & vs_irqs) << 1, now = hart_time_of(index);
	uint64_t vstimecmp = hart_csr(index, CSR_VSTIMECMP);

	return hart_ipi_pending(index) || now >= hart_csr(index, CSR_STIMECMP) ||
	       (hart_csr(index, CSR_HVIP) & hie) != 0 ||
	       ((hie & BIT(IRQ_VS_TIMER)) && vstimecmp != UINT64_MAX &&
		now + hart_csr(index, CSR_HTIMEDELTA) >= vstimecmp);
}

void hart_trap(uint64_t cause, uint64_t tval)
{
	csr_write(CSR_SCAUSE, cause);
	csr_write(CSR_STVAL, tval);
}

uint64_t fake_csr_read(unsigned int csr)
{
	const struct hart *h = here();

	switch (csr) {
	case CSR_SIP:
		return (hart_ipi_pending(this_pcpu()->index) ? BIT(IRQ_S_SOFT) : 0) |
		       (hart_time() >= h->csr[slots[CSR_STIMECMP]] ? BIT(IRQ_S_TIMER) : 0);
	case CSR_HIE:
		return (h->csr[slots[CSR_VSIE]] & vs_irqs) << 1;
	case CSR_VSIP:
		return h->csr[slots[CSR_HVIP]] >> 1 & vs_irqs;
	case CSR_TIME:
		return hart_time();
	default:
		return h->csr[slots[csr & 4095]];
	}
}

void fake_csr_write(unsigned int csr, uint64_t val)
{
	struct hart *h = here();

	if (csr == CSR_SIP) {
		if (!(val & BIT(IRQ_S_SOFT)))
			hart_clear_ipi(this_pcpu()->index);
		return;
	}
	if (csr == CSR_HGATP && val != h->csr[slots[CSR_HGATP]])
		hart_fenced(HART_FENCE_GVMA); /* a fresh name has no entries */
	if (slots[csr & 4095] != SLOT_NONE)
		h->csr[slots[csr & 4095]] = val;
}

void fake_fence(enum fake_fence kind, uint64_t gva, uint64_t asid)
{
	(void)gva, (void)asid;
	switch (kind) {
	case FAKE_FENCE_I:
		hart_fenced(HART_FENCE_I);
		break;
	case FAKE_HFENCE_GVMA_ALL:
		hart_fenced(HART_FENCE_GVMA);
		break;
	case FAKE_HFENCE_VVMA_ALL:
	case FAKE_HFENCE_VVMA_ADDR:
	case FAKE_HFENCE_VVMA_ASID:
	case FAKE_HFENCE_VVMA_ADDR_ASID:
		hart_fenced(HART_FENCE_VVMA);
		break;
	default: /* no hart of these programs has a register to be kicked by, or tables of hartvisor's */
		break;
	}
}

/* The firmware: IPIs, and a timer when there is no Sstc. */
struct sbi_call_ret sbi_call_host(uint64_t eid, uint64_t fid, uint64_t arg0, uint64_t arg1,
				  uint64_t arg2, uint64_t arg3, uint64_t arg4, uint64_t arg5)
{
	(void)fid, (void)arg2, (void)arg3, (void)arg4, (void)arg5;
	if (eid == SBI_EXT_TIME)
		here()->csr[slots[CSR_STIMECMP]] = arg0;
	if (eid != SBI_EXT_IPI)
		return (struct sbi_call_ret){ 0, 0 };
	hart_ipi(arg0 << arg1);
	for (uint64_t s = arg0 << arg1; s; s &= s - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(s);

		if (i >= nr_pcpus)
			hart_ipi_to_no_hart();
		else
			__atomic_store_n(&harts[i].ipi, 1, __ATOMIC_RELAXED);
	}
	return (struct sbi_call_ret){ 0, 0 };
}

/* --- what the sources link with and these programs never call ----------------------------------- */

void secondary_entry(void);

void secondary_entry(void)
{
}

hpa_t image_hpa(const void *sym)
{
	return hpa((uintptr_t)sym);
}

void arch_fp_save(struct guest_fp *fp)
{
	(void)fp;
}

void arch_fp_restore(const struct guest_fp *fp)
{
	(void)fp;
}

void arch_fp_csr_restore(const struct guest_fp *fp)
{
	(void)fp;
}

void arch_fp_csr_save(struct guest_fp *fp)
{
	(void)fp;
}

void arch_vector_csrs_save(struct guest_vector *v)
{
	(void)v;
}

void arch_vector_save(struct guest_vector *v)
{
	(void)v;
}

void arch_vector_restore(const struct guest_vector *v)
{
	(void)v;
}

int guest_hlvx_hu(gva_t a, uint16_t *out)
{
	(void)a, (void)out;
	return -1;
}

int guest_hlv_d(gva_t a, uint64_t *out)
{
	(void)a, (void)out;
	return -1;
}
