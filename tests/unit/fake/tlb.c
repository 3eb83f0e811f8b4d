/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake/tlb.h"

#include <stddef.h>
#include <string.h>

#include "arch/csr.h"
#include "arch/fence.h"
#include "arch/pcpu.h"

#define VMIDS 8
#define ASIDS 2

struct tag {
	unsigned int vmid, asid, bare;
};

/* Sets of pages: bit n = page n. */
static struct tlb_hart {
	uint64_t csr[4096];
	uint16_t g[VMIDS][TLB_GPAS];
	uint16_t vs[VMIDS][ASIDS][2][TLB_GVAS];
	uint16_t both[VMIDS][ASIDS][2][TLB_GVAS];
} harts[TLB_HARTS];

static uint8_t g_tables[TLB_VMS][TLB_GPAS];
static bool freed[TLB_VMS];
static uint8_t memory[TLB_HPAS][TLB_GVAS]; /* what each page says as a guest's page table */
static unsigned int vmid_bits;
static const char *failed;

static struct tlb_hart *here(void)
{
	return &harts[this_pcpu()->index];
}

static void fail(const char *what)
{
	if (!failed)
		failed = what;
}

const char *tlb_failed(void)
{
	return failed;
}

void tlb_setup(unsigned int vmidlen)
{
	memset(harts, 0, sizeof(harts));
	memset(memory, TLB_NOWHERE, sizeof(memory));
	for (unsigned int vm = 0; vm < TLB_VMS; vm++) {
		freed[vm] = false;
		for (unsigned int gpa = 0; gpa < TLB_GPAS; gpa++)
			g_tables[vm][gpa] = (uint8_t)((vm + 1) * TLB_GPAS + gpa);
	}
	vmid_bits = vmidlen;
	failed = NULL;
}

uint64_t tlb_root(unsigned int vm)
{
	return vm + 1;
}

uint64_t tlb_vsatp(unsigned int gpa, unsigned int asid)
{
	return SATP_MODE_SV39 << SATP_MODE_SHIFT | (uint64_t)asid << 44 | gpa;
}

void tlb_map(unsigned int vm, unsigned int gpa, uint8_t hpa)
{
	g_tables[vm][gpa] = hpa;
}

void tlb_free_tables(unsigned int vm)
{
	freed[vm] = true;
}

void tlb_new_tables(unsigned int vm)
{
	freed[vm] = false;
}

void tlb_guest_maps(unsigned int vm, unsigned int table, unsigned int gva, uint8_t gpa)
{
	memory[g_tables[vm][table]][gva] = gpa;
}

/* --- walks ---------------------------------------------------------------------------------------- */

static uint16_t page_set(uint8_t page)
{
	return page == TLB_NOWHERE ? 0 : (uint16_t)(1u << page);
}

/* Where memory says that @gpa is, by this hgatp. */
static uint16_t walk_g(uint64_t hgatp, unsigned int gpa)
{
	uint64_t root = hgatp & (BIT(44) - 1);

	if (hgatp >> HGATP_MODE_SHIFT == HGATP_MODE_BARE)
		return page_set((uint8_t)gpa);
	if (root == 0 || root > TLB_VMS) {
		fail("the hart walks from a root that is none");
		return 0;
	}
	if (freed[root - 1])
		fail("the hart walks G-stage tables that were freed");
	return page_set(g_tables[root - 1][gpa]);
}

static struct tag tag_now(const struct tlb_hart *h)
{
	uint64_t vsatp = h->csr[CSR_VSATP];

	return (struct tag){
		.vmid = (h->csr[CSR_HGATP] >> HGATP_VMID_SHIFT) & (VMIDS - 1),
		.asid = (vsatp >> 44) & (ASIDS - 1),
		.bare = vsatp >> SATP_MODE_SHIFT == 0,
	};
}

/* Guest-physical pages of @gva: the page table lies wherever the G-stage may say that it does. */
static uint16_t walk_vs(const struct tlb_hart *h, struct tag t, unsigned int gva)
{
	unsigned int table = h->csr[CSR_VSATP] & (TLB_GPAS - 1);
	uint16_t gpas = 0;

	if (t.bare)
		return page_set((uint8_t)gva);
	for (unsigned int hpa = 0; hpa < TLB_HPAS; hpa++)
		if (h->g[t.vmid][table] & page_set((uint8_t)hpa))
			gpas |= page_set(memory[hpa][gva]);
	return gpas;
}

/* Cache all that can be. */
static void speculate(void)
{
	struct tlb_hart *h = here();
	struct tag t = tag_now(h);

	for (unsigned int gpa = 0; gpa < TLB_GPAS; gpa++)
		h->g[t.vmid][gpa] |= walk_g(h->csr[CSR_HGATP], gpa);
	for (unsigned int gva = 0; gva < TLB_GVAS; gva++) {
		uint16_t *gpas = &h->vs[t.vmid][t.asid][t.bare][gva];

		*gpas |= walk_vs(h, t, gva);
		for (unsigned int gpa = 0; gpa < TLB_GPAS; gpa++)
			if (*gpas & page_set((uint8_t)gpa))
				h->both[t.vmid][t.asid][t.bare][gva] |= h->g[t.vmid][gpa];
	}
}

void tlb_guest_uses(unsigned int vm)
{
	struct tlb_hart *h = here();
	struct tag t = tag_now(h);
	uint64_t vsatp = h->csr[CSR_VSATP];

	if ((h->csr[CSR_HGATP] & (BIT(44) - 1)) != tlb_root(vm))
		fail("another VM's root is loaded");
	speculate();
	for (unsigned int gva = 0; gva < TLB_GVAS; gva++) {
		uint8_t gpa = t.bare ? (uint8_t)gva :
				       memory[g_tables[vm][vsatp & (TLB_GPAS - 1)]][gva];
		uint16_t right = gpa == TLB_NOWHERE ? 0 : page_set(g_tables[vm][gpa]);

		if (h->both[t.vmid][t.asid][t.bare][gva] & ~right)
			fail("a guest's access may go to where its tables do not lead");
	}
}

/* --- what hartvisor does --------------------------------------------------------------------------- */

uint64_t fake_csr_read(unsigned int csr)
{
	speculate();
	return here()->csr[csr & 4095];
}

void fake_csr_write(unsigned int csr, uint64_t val)
{
	speculate();
	if (csr == CSR_HGATP && val >> HGATP_MODE_SHIFT == HGATP_MODE_BARE)
		val = 0;
	if (csr == CSR_HGATP)
		val &= ~(HGATP_VMID_MASK << HGATP_VMID_SHIFT) | (BIT(vmid_bits) - 1)
									<< HGATP_VMID_SHIFT;
	here()->csr[csr & 4095] = val;
	speculate();
}

/* All VMIDs: G-stage entries, and those of both stages. */
void arch_hfence_gvma_all(void)
{
	speculate();
	memset(here()->g, 0, sizeof(here()->g));
	memset(here()->both, 0, sizeof(here()->both));
	speculate();
}

/* hgatp's VMID: VS-stage entries, and those of both stages. @gva, @asid: all, if they are the number. */
static void forget(unsigned int gva, unsigned int asid)
{
	struct tlb_hart *h = here();
	unsigned int vmid = tag_now(h).vmid;

	speculate();
	for (unsigned int a = 0; a < ASIDS; a++)
		for (unsigned int v = 0; v < TLB_GVAS; v++)
			for (unsigned int bare = 0; bare < 2; bare++)
				if ((asid == ASIDS || a == asid) && (gva == TLB_GVAS || v == gva)) {
					h->vs[vmid][a][bare][v] = 0;
					h->both[vmid][a][bare][v] = 0;
				}
	speculate();
}

void arch_hfence_vvma_all(void)
{
	forget(TLB_GVAS, ASIDS);
}

void arch_hfence_vvma_addr(uint64_t gva)
{
	forget((gva >> PAGE_SHIFT) & (TLB_GVAS - 1), ASIDS);
}

void arch_hfence_vvma_asid(uint64_t asid)
{
	forget(TLB_GVAS, asid & (ASIDS - 1));
}

void arch_hfence_vvma_addr_asid(uint64_t gva, uint64_t asid)
{
	forget((gva >> PAGE_SHIFT) & (TLB_GVAS - 1), asid & (ASIDS - 1));
}
