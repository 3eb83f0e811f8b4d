/* SPDX-License-Identifier: BSD-2-Clause */
#include "tlb/hart.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "arch/csr.h"
#include "arch/fence.h"
#include "arch/pcpu.h"
#include "arch/pte.h"

#define LEVELS	  3
#define WORD_MARK UINT64_C(0x6f00000000000000)
#define IDENTITY  ((struct tlb_page){ TLB_PAGES, 0 }) /* MODE = Bare: nothing that a VM has */
#define NOTHING	  ((struct tlb_page){ TLB_NOWHERE, 0 })

struct vs_entry {
	uint16_t gpas; /* bits */
	struct tlb_answers both;
};

/* All that is cached under one VMID. */
struct vmid_entries {
	struct tlb_answers g[TLB_GPAS], table[TLB_GPAS][LEVELS - 1];
	struct vs_entry vs[TLB_ASIDS][2][TLB_GVAS];
};

static struct tlb_hart {
	uint64_t csr[4096];
	struct tlb_page root; /* hgatp's */
	struct vmid_entries of[TLB_VMIDS];
	uint64_t last_vmid; /* which one the last of these is */
	uint32_t code[TLB_VMS];
} harts[TLB_HARTS];

void (*tlb_between)(void);

static uint8_t version_of[TLB_VMS];
static unsigned int vmid_bits;
static const char *failed;

static const uint8_t gpa_page[TLB_GPAS] = { 16, 17, 18, 19, 20, 22, 24, 32 };
/* With VS-stage translation off a guest's virtual pages are these. */
static const uint8_t bare_gpa[TLB_GVAS] = { RAM_DATA_A, RAM_DATA_B, HOLE_NEAR, HOLE_FAR };

uint64_t tlb_gpa(enum tlb_gpa i)
{
	return (uint64_t)gpa_page[i] << PAGE_SHIFT;
}

enum tlb_gpa tlb_bare_gpa(unsigned int gva)
{
	return bare_gpa[gva];
}

void tlb_fail(const char *what)
{
	if (!failed)
		failed = what;
}

const char *tlb_failed(void)
{
	return failed;
}

static struct tlb_hart *here(void)
{
	return &harts[this_pcpu()->index];
}

void tlb_setup(unsigned int vmidlen)
{
	memset(harts, 0, sizeof(harts));
	memset(version_of, 0, sizeof(version_of));
	tlb_memory_setup();
	vmid_bits = vmidlen;
	failed = NULL;
}

bool tlb_has(const struct tlb_answers *set, struct tlb_page p)
{
	for (unsigned int i = 0; i < set->n; i++)
		if (set->a[i].page == p.page && set->a[i].life == p.life)
			return true;
	return false;
}

/* Of a set that is full nothing more is remembered: a TLB may have forgotten the rest. */
void tlb_add(struct tlb_answers *set, struct tlb_page p)
{
	if (set->n < ARRAY_SIZE(set->a) && !tlb_has(set, p))
		set->a[set->n++] = p;
}

uint64_t tlb_vsatp(enum tlb_gpa table, unsigned int asid)
{
	return SATP_MODE_SV39 << SATP_MODE_SHIFT | (uint64_t)asid << 44 | gpa_page[table];
}

uint64_t tlb_guest_word(unsigned int gpa)
{
	return gpa < TLB_GPAS ? WORD_MARK | gpa : 0;
}

/* --- the G-stage ------------------------------------------------------------------------------------ */

static pte_t entry_of(unsigned int table, unsigned int page, unsigned int level)
{
	unsigned int index = page >> (level * PT_INDEX_BITS);

	return tlb_words(
		table)[index & (level == LEVELS - 1 ? 4 * PT_ENTRIES - 1 : PT_ENTRIES - 1)];
}

/* The page that leaf @e at @level says that @page is. */
static struct tlb_page leaf_page(pte_t e, unsigned int page, unsigned int level)
{
	uint64_t mask = (pte_level_size(level) >> PAGE_SHIFT) - 1;

	return tlb_page(hpa(pte_hpa(e).hpa + ((page & mask) << PAGE_SHIFT)));
}

static bool points_to_table(pte_t e)
{
	return pte_is_valid(e) && !pte_is_leaf(e);
}

struct tlb_page tlb_walk(uint64_t hgatp, enum tlb_gpa gpa)
{
	struct tlb_page table = tlb_page(hpa((hgatp & (BIT(44) - 1)) << PAGE_SHIFT));

	for (unsigned int level = LEVELS - 1;; level--) {
		pte_t e = entry_of(table.page, gpa_page[gpa], level);

		if (!pte_is_valid(e))
			return NOTHING;
		if (level == 0 || !points_to_table(e))
			return leaf_page(e, gpa_page[gpa], level);
		table = tlb_page(pte_hpa(e));
	}
}

/* What the entry for @gpa in @table, a table of @level, leads to. */
static void walk_one(struct vmid_entries *v, unsigned int gpa, struct tlb_page table,
		     unsigned int level)
{
	pte_t e;

	if (!tlb_page_lives(table)) {
		tlb_fail("a hart walks a G-stage table that was freed");
		return;
	}
	e = entry_of(table.page, gpa_page[gpa], level);
	if (!pte_is_valid(e))
		tlb_add(&v->g[gpa], NOTHING);
	else if (level > 0 && points_to_table(e))
		tlb_add(&v->table[gpa][level - 1], tlb_page(pte_hpa(e)));
	else
		tlb_add(&v->g[gpa], leaf_page(e, gpa_page[gpa], level));
}

static void walk_g(const struct tlb_hart *h, struct vmid_entries *v, unsigned int gpa)
{
	if (h->csr[CSR_HGATP] >> HGATP_MODE_SHIFT == HGATP_MODE_BARE) {
		tlb_add(&v->g[gpa], IDENTITY);
		return;
	}
	walk_one(v, gpa, h->root, LEVELS - 1);
	for (unsigned int level = LEVELS - 1; level-- > 0;)
		for (unsigned int i = 0; i < v->table[gpa][level].n; i++)
			walk_one(v, gpa, v->table[gpa][level].a[i], level);
}

/* --- the VS-stage ----------------------------------------------------------------------------------- */

static uint64_t vmid_of(const struct tlb_hart *h)
{
	return h->csr[CSR_HGATP] >> HGATP_VMID_SHIFT & HGATP_VMID_MASK;
}

static struct vmid_entries *entries_of(struct tlb_hart *h)
{
	uint64_t vmid = vmid_of(h);

	if (vmid < TLB_VMIDS - 1)
		return &h->of[vmid];
	/* Only one of the others is remembered. */
	if (vmid != h->last_vmid)
		memset(&h->of[TLB_VMIDS - 1], 0, sizeof(h->of[0]));
	h->last_vmid = vmid;
	return &h->of[TLB_VMIDS - 1];
}

static struct vs_entry *vs_entries(const struct tlb_hart *h, struct vmid_entries *v)
{
	uint64_t vsatp = h->csr[CSR_VSATP];

	return v->vs[vsatp >> 44 & (TLB_ASIDS - 1)][vsatp >> SATP_MODE_SHIFT == 0];
}

static int table_of(uint64_t vsatp)
{
	for (int i = 0; i < TLB_GPAS; i++)
		if (gpa_page[i] == (vsatp & (BIT(44) - 1)))
			return i;
	return -1;
}

/* The page table lies wherever the G-stage may say that it does. */
static uint16_t walk_vs(uint64_t vsatp, const struct vmid_entries *v, unsigned int gva)
{
	uint16_t gpas = 0;
	int table = table_of(vsatp);

	if (vsatp >> SATP_MODE_SHIFT == 0)
		return (uint16_t)BIT(bare_gpa[gva]);
	if (table < 0)
		return TLB_NO_GPA;
	for (unsigned int i = 0; i < v->g[table].n; i++) {
		unsigned int page = v->g[table].a[i].page;
		uint64_t word = page < TLB_PAGES ? tlb_words(page)[gva] : 0;

		gpas |= (word & ~(uint64_t)(TLB_GPAS - 1)) == WORD_MARK ?
				BIT(word & (TLB_GPAS - 1)) :
				TLB_NO_GPA;
	}
	return gpas;
}

static void walk_both(const struct tlb_hart *h, struct vmid_entries *v, unsigned int gva)
{
	struct vs_entry *e = &vs_entries(h, v)[gva];

	e->gpas |= walk_vs(h->csr[CSR_VSATP], v, gva);
	if (e->gpas & TLB_NO_GPA)
		tlb_add(&e->both, NOTHING);
	for (unsigned int gpa = 0; gpa < TLB_GPAS; gpa++)
		for (unsigned int i = 0; (e->gpas & BIT(gpa)) && i < v->g[gpa].n; i++)
			tlb_add(&e->both, v->g[gpa].a[i]);
}

/* --- steps ------------------------------------------------------------------------------------------ */

static void speculate(struct tlb_hart *h)
{
	struct vmid_entries *v = entries_of(h);

	for (unsigned int gpa = 0; gpa < TLB_GPAS; gpa++)
		walk_g(h, v, gpa);
	for (unsigned int gva = 0; gva < TLB_GVAS; gva++)
		walk_both(h, v, gva);
	if (tlb_page_lives(h->root) && tlb_page_owner(h->root) < TLB_VMS)
		h->code[tlb_page_owner(h->root)] |= 1u << version_of[tlb_page_owner(h->root)];
}

void tlb_step(void)
{
	static bool inside;

	tlb_note();
	for (unsigned int i = 0; i < TLB_HARTS; i++)
		speculate(&harts[i]);
	if (inside || !tlb_between)
		return;
	inside = true;
	tlb_between();
	inside = false;
}

uint64_t fake_csr_read(unsigned int csr)
{
	return here()->csr[csr & 4095];
}

void fake_csr_write(unsigned int csr, uint64_t val)
{
	struct tlb_hart *h = here();
	bool matters = csr == CSR_HGATP || csr == CSR_VSATP;

	if (matters)
		tlb_step();
	if (csr == CSR_HGATP) {
		if (val >> HGATP_MODE_SHIFT != HGATP_MODE_SV39X4)
			val = 0; /* the only other mode is Bare */
		val &= ~(HGATP_VMID_MASK << HGATP_VMID_SHIFT) | (BIT(vmid_bits) - 1)
									<< HGATP_VMID_SHIFT;
		h->root = val ? tlb_page(hpa((val & (BIT(44) - 1)) << PAGE_SHIFT)) : NOTHING;
	}
	h->csr[csr & 4095] = val;
	if (matters)
		tlb_step();
}

/* --- fences ----------------------------------------------------------------------------------------- */

/* All VMIDs: G-stage entries, and those of both stages. */
static void forget_g_stage(void)
{
	struct tlb_hart *h = here();

	tlb_step();
	for (unsigned int i = 0; i < TLB_VMIDS; i++) {
		memset(h->of[i].g, 0, sizeof(h->of[i].g));
		memset(h->of[i].table, 0, sizeof(h->of[i].table));
		for (unsigned int n = 0; n < TLB_ASIDS * 2 * TLB_GVAS; n++)
			(&h->of[i].vs[0][0][0])[n].both.n = 0;
	}
	tlb_step();
}

/* hgatp's VMID: VS-stage entries, and those of both stages. @gva, @asid: all, if they are the number. */
static void forget(unsigned int gva, unsigned int asid)
{
	struct vmid_entries *v;

	tlb_step();
	v = entries_of(here());
	for (unsigned int a = 0; a < TLB_ASIDS; a++)
		for (unsigned int i = 0; i < TLB_GVAS; i++)
			for (unsigned int bare = 0; bare < 2; bare++)
				if ((asid == TLB_ASIDS || a == asid) &&
				    (gva == TLB_GVAS || i == gva))
					v->vs[a][bare][i] = (struct vs_entry){ 0 };
	tlb_step();
}

static unsigned int index_of(uint64_t gva)
{
	return gva >> PAGE_SHIFT & (TLB_GVAS - 1);
}

static void forget_code(void)
{
	tlb_step();
	memset(here()->code, 0, sizeof(here()->code));
	tlb_step();
}

void fake_fence(enum fake_fence kind, uint64_t gva, uint64_t asid)
{
	switch (kind) {
	case FAKE_FENCE_I:
		forget_code();
		break;
	case FAKE_HFENCE_GVMA_ALL:
		forget_g_stage();
		break;
	case FAKE_HFENCE_VVMA_ALL:
		forget(TLB_GVAS, TLB_ASIDS);
		break;
	case FAKE_HFENCE_VVMA_ADDR:
		forget(index_of(gva), TLB_ASIDS);
		break;
	case FAKE_HFENCE_VVMA_ASID:
		forget(TLB_GVAS, asid & (TLB_ASIDS - 1));
		break;
	case FAKE_HFENCE_VVMA_ADDR_ASID:
		forget(index_of(gva), asid & (TLB_ASIDS - 1));
		break;
	default: /* hartvisor's own tables are test_hostmap.c's */
		break;
	}
}

/* --- what a guest does ------------------------------------------------------------------------------ */

const struct tlb_answers *tlb_use(unsigned int gva)
{
	struct tlb_hart *h = here();

	speculate(h);
	return &vs_entries(h, entries_of(h))[gva].both;
}

void tlb_code(unsigned int owner, unsigned int version)
{
	tlb_step();
	version_of[owner] = (uint8_t)version;
}

uint32_t tlb_fetch(unsigned int owner)
{
	speculate(here());
	return here()->code[owner];
}
