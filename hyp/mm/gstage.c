// SPDX-License-Identifier: BSD-2-Clause
#include "mm/gstage.h"

#include <string.h>

#include "arch/csr.h"
#include "arch/memmap.h"
#include "lib/atomic.h"
#include "lib/copy.h"
#include "mm/page.h"

/* Levels of tables, from Sv39x4's on; bit n: n levels. Written once, before the first VM. */
static unsigned int levels_there;

/* hgatp.MODE of Sv39x4, Sv48x4, Sv57x4 are 8, 9, 10 (privileged specification, "hgatp"). */
static uint64_t levels_mode(unsigned int levels)
{
	return HGATP_MODE_SV39X4 + (levels - 3);
}

static uint64_t levels_limit(unsigned int levels)
{
	return BIT(PAGE_SHIFT + PT_INDEX_BITS * levels + 2);
}

/* Bit n: hgatp takes the mode of n levels. */
static unsigned int probe_levels(hpa_t root)
{
	unsigned int there = 0;

	for (unsigned int levels = 3; levels <= 5; levels++) {
		uint64_t value = levels_mode(levels) << HGATP_MODE_SHIFT | root.hpa >> PAGE_SHIFT;

		csr_write(CSR_HGATP, value);
		if (csr_read(CSR_HGATP) >> HGATP_MODE_SHIFT == levels_mode(levels))
			there |= 1u << levels;
	}
	csr_write(CSR_HGATP, 0);
	return there;
}

cold int gstage_probe(hpa_t root)
{
	levels_there = probe_levels(root);
	return levels_there ? HV_OK : HV_ENOTSUP;
}

struct hart_misfit gstage_misfit(hpa_t root)
{
	unsigned int there = probe_levels(root);

	if (there == levels_there)
		return (struct hart_misfit){ NULL, 0, 0 };
	return (struct hart_misfit){ "the set of hgatp's modes", there, levels_there };
}

static int init_tables(struct gstage *gs, unsigned int levels)
{
	int err = pgtable_init(&gs->pt, levels, 2);

	if (err == HV_OK)
		gs->hgatp = levels_mode(levels) << HGATP_MODE_SHIFT |
			    ptr_to_hpa(gs->pt.root).hpa >> PAGE_SHIFT;
	return err;
}

cold int gstage_init(struct gstage *gs, uint64_t limit)
{
	memset(gs, 0, sizeof(*gs));
	for (unsigned int levels = 3; levels <= 5; levels++) {
		if ((levels_there & (1u << levels)) && limit <= levels_limit(levels))
			return init_tables(gs, levels);
	}
	return HV_ENOTSUP;
}

uint64_t gstage_limit(void)
{
	unsigned int levels = 5;

	while (levels > 3 && !(levels_there & (1u << levels)))
		levels--;
	return levels_limit(levels);
}

/* --- RAM --- */

/*
 * One contiguous piece for guest-physical addresses from @at on, aligned as they are for the
 * largest leaves that are of use. Returns its size; 0: none.
 */
static uint64_t piece_alloc(gpa_t at, uint64_t left, hpa_t *out)
{
	static const uint64_t aligns[] = { GIB(1), MIB(2), PAGE_SIZE };

	for (unsigned int i = 0; i < ARRAY_SIZE(aligns); i++) {
		uint64_t align = aligns[i], size;

		if (left < align || !is_aligned(at.gpa, align))
			continue;
		if (page_alloc(left, align, out))
			return left;
		size = min_u64(left, align_down(page_largest(align), align));
		if (page_alloc(size, align, out))
			return size;
	}
	return 0;
}

/* Keeps the list ordered; there is room. */
static void ram_insert(struct gstage *gs, struct gstage_ram piece)
{
	unsigned int i = gs->nr_ram;

	for (; i > 0 && gs->ram[i - 1].gpa.gpa > piece.gpa.gpa; i--)
		gs->ram[i] = gs->ram[i - 1];
	gs->ram[i] = piece;
	gs->nr_ram++;
	gs->ram_bytes += piece.size;
}

/* Take back what lies in [base, base+size); all of it are whole pieces. */
static void ram_remove(struct gstage *gs, gpa_t base, uint64_t size)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < gs->nr_ram; i++) {
		struct gstage_ram r = gs->ram[i];

		if (r.gpa.gpa < base.gpa || r.gpa.gpa - base.gpa >= size) {
			gs->ram[kept++] = r;
			continue;
		}
		/* Whole leaves: nothing to split, so this cannot fail. */
		(void)pgtable_unmap(&gs->pt, r.gpa.gpa, r.size);
		page_free(r.hpa, r.size);
		gs->ram_bytes -= r.size;
	}
	gs->nr_ram = kept;
	pgtable_prune(&gs->pt);
}

static cold int ram_add_piece(struct gstage *gs, gpa_t at, uint64_t left, uint64_t *added)
{
	struct gstage_ram piece = { .gpa = at };
	int err;

	if (gs->nr_ram == GSTAGE_MAX_RAM)
		return HV_ENOMEM;
	piece.size = piece_alloc(at, left, &piece.hpa);
	if (piece.size == 0)
		return HV_ENOMEM;
	err = pgtable_map(&gs->pt, at.gpa, piece.hpa, piece.size, GSTAGE_PROT);
	if (err) {
		page_free(piece.hpa, piece.size);
		return err;
	}
	ram_insert(gs, piece);
	*added = piece.size;
	return HV_OK;
}

/* Is any of [base, base+size) backed by RAM? The range does not overflow. */
static bool ram_overlaps(const struct gstage *gs, gpa_t base, uint64_t size)
{
	for (unsigned int i = 0; i < gs->nr_ram; i++) {
		const struct gstage_ram *r = &gs->ram[i];

		if (r->gpa.gpa < base.gpa + size && base.gpa < r->gpa.gpa + r->size)
			return true;
	}
	return false;
}

/* Does [base, base+size) lie in one RAM slot, all of it given back by gstage_unmap_ram()? */
static bool is_given_back(const struct gstage *gs, gpa_t base, uint64_t size)
{
	for (unsigned int i = 0; i < gs->nr_slots; i++) {
		const struct gstage_slot *s = &gs->slots[i];

		if (s->kind == GSTAGE_RAM && base.gpa >= s->gpa.gpa &&
		    base.gpa - s->gpa.gpa < s->size && size <= s->size - (base.gpa - s->gpa.gpa))
			return !ram_overlaps(gs, base, size);
	}
	return false;
}

/* Is there a slot at any of [base, base+size)? The range does not overflow. */
static bool slots_overlap(const struct gstage *gs, gpa_t base, uint64_t size)
{
	for (unsigned int i = 0; i < gs->nr_slots; i++) {
		const struct gstage_slot *s = &gs->slots[i];

		if (s->gpa.gpa < base.gpa + size && base.gpa < s->gpa.gpa + s->size)
			return true;
	}
	return false;
}

/* May a slot come there? */
static int slot_check(const struct gstage *gs, gpa_t base, uint64_t size)
{
	uint64_t limit = levels_limit(gs->pt.levels);

	if (size == 0 || !is_aligned(base.gpa | size, PAGE_SIZE) || base.gpa >= limit ||
	    size > limit - base.gpa)
		return HV_EINVAL;
	if (slots_overlap(gs, base, size))
		return HV_EEXIST;
	return gs->nr_slots == GSTAGE_MAX_SLOTS ? HV_ENOMEM : HV_OK;
}

static void slot_note(struct gstage *gs, gpa_t base, uint64_t size, enum gstage_kind kind)
{
	gs->slots[gs->nr_slots++] = (struct gstage_slot){ base, size, kind };
}

cold int gstage_add_slot(struct gstage *gs, gpa_t base, uint64_t size, enum gstage_kind kind,
			 hpa_t pa)
{
	static const uint64_t prots[] = {
		[GSTAGE_ROM] = PTE_R | PTE_X | PTE_U | PTE_RAM,
		[GSTAGE_SHARED] = PTE_R | PTE_W | PTE_U | PTE_RAM,
		[GSTAGE_SHARED_ROM] = PTE_R | PTE_U | PTE_RAM,
		[GSTAGE_DEVICE] = PTE_R | PTE_W | PTE_U,
	};
	int err = slot_check(gs, base, size);

	if (err != HV_OK)
		return err;
	if (kind == GSTAGE_RAM || !is_aligned(pa.hpa, PAGE_SIZE))
		return HV_EINVAL;
	err = pgtable_map(&gs->pt, base.gpa, pa, size, prots[kind % ARRAY_SIZE(prots)]);
	if (err != HV_OK) {
		pgtable_prune(&gs->pt); /* some of the tables are there */
		return err;
	}
	slot_note(gs, base, size, kind);
	return HV_OK;
}

cold int gstage_remove_slot(struct gstage *gs, gpa_t base)
{
	for (unsigned int i = 0; i < gs->nr_slots; i++) {
		struct gstage_slot s = gs->slots[i];
		int err;

		if (s.gpa.gpa != base.gpa || s.kind == GSTAGE_RAM)
			continue;
		err = pgtable_unmap(&gs->pt, s.gpa.gpa, s.size);
		if (err != HV_OK)
			return err;
		pgtable_prune(&gs->pt);
		gs->slots[i] = gs->slots[--gs->nr_slots];
		return HV_OK;
	}
	return HV_ENOENT;
}

cold int gstage_alloc_ram(struct gstage *gs, gpa_t base, uint64_t size)
{
	int err = slot_check(gs, base, size);
	bool refills = err == HV_EEXIST && is_given_back(gs, base, size);

	if (err != HV_OK && !refills)
		return err;
	for (uint64_t done = 0; done < size;) {
		uint64_t added = 0;

		err = ram_add_piece(gs, gpa_add(base, done), size - done, &added);

		if (err) {
			ram_remove(gs, base, size);
			return err;
		}
		done += added;
	}
	if (!refills)
		slot_note(gs, base, size, GSTAGE_RAM);
	return HV_OK;
}

/*
 * The parts of @r outside of [base, base+size) go to @kept, the one inside to @out. Either may be empty.
 */
static void ram_cut(struct gstage_ram r, uint64_t base, uint64_t end, struct gstage_ram *kept,
		    unsigned int *nr_kept, struct gstage_ram *out, unsigned int *nr_out)
{
	uint64_t start = r.gpa.gpa, stop = r.gpa.gpa + r.size;
	uint64_t from = max_u64(start, base), to = min_u64(stop, end);

	if (from >= to) {
		kept[(*nr_kept)++] = r;
		return;
	}
	if (start < from)
		kept[(*nr_kept)++] = (struct gstage_ram){ r.gpa, r.hpa, from - start };
	out[(*nr_out)++] =
		(struct gstage_ram){ gpa(from), hpa_add(r.hpa, from - start), to - from };
	if (to < stop)
		kept[(*nr_kept)++] =
			(struct gstage_ram){ gpa(to), hpa_add(r.hpa, to - start), stop - to };
}

cold int gstage_unmap_ram(struct gstage *gs, gpa_t base, uint64_t size, struct gstage_ram *out,
			  unsigned int max, unsigned int *nr)
{
	struct gstage_ram kept[GSTAGE_MAX_RAM + 2], cut[GSTAGE_MAX_RAM];
	unsigned int nr_kept = 0, nr_cut = 0;
	int err;

	if (size == 0 || !is_aligned(base.gpa | size, PAGE_SIZE) || !gstage_is_ram(gs, base, size))
		return HV_EINVAL;
	for (unsigned int i = 0; i < gs->nr_ram; i++)
		ram_cut(gs->ram[i], base.gpa, base.gpa + size, kept, &nr_kept, cut, &nr_cut);
	if (nr_kept > GSTAGE_MAX_RAM || nr_cut > max)
		return HV_ENOMEM;
	err = pgtable_unmap(&gs->pt, base.gpa, size);
	if (err != HV_OK)
		return err;
	pgtable_prune(&gs->pt);
	memcpy(gs->ram, kept, nr_kept * sizeof(kept[0]));
	gs->nr_ram = nr_kept;
	gs->ram_bytes -= size;
	memcpy(out, cut, nr_cut * sizeof(cut[0]));
	*nr = nr_cut;
	return HV_OK;
}

int gstage_map_page(struct gstage *gs, gpa_t a, hpa_t page)
{
	int err = gstage_is_hole(gs, a) ?
			  HV_EEXIST :
			  pgtable_map(&gs->pt, a.gpa, page, PAGE_SIZE, PTE_R | PTE_U);

	if (err == HV_ENOMEM) /* some of the tables are there */
		pgtable_prune_at(&gs->pt, a.gpa);
	return err;
}

void gstage_unmap_page(struct gstage *gs, gpa_t a)
{
	/* A leaf of its own: nothing to split, so this cannot fail. */
	(void)pgtable_unmap(&gs->pt, a.gpa, PAGE_SIZE);
	pgtable_prune_at(&gs->pt, a.gpa);
}

cold void gstage_destroy(struct gstage *gs)
{
	while (gstage_free_step(gs))
		;
	pgtable_destroy(&gs->pt);
	memset(gs, 0, sizeof(*gs));
}

/* --- guest memory --- */

bool gstage_is_ram(const struct gstage *gs, gpa_t a, uint64_t size)
{
	uint64_t at = a.gpa, left = size;

	/* The regions are ordered, so one pass also finds a range that spans neighbours. */
	for (unsigned int i = 0; i < gs->nr_ram && left > 0; i++) {
		const struct gstage_ram *r = &gs->ram[i];
		uint64_t n;

		if (at < r->gpa.gpa || at - r->gpa.gpa >= r->size)
			continue;
		n = min_u64(left, r->size - (at - r->gpa.gpa));
		at += n;
		left -= n;
	}
	return left == 0;
}

/*
 * The tables decide, and say what is RAM: a reader needs no lock, and while RAM is being taken away
 * the list may be in between.
 *
 * A direct-map pointer to @a, and in @len what follows it in its leaf; NULL: lacks @right.
 */
static void *leaf_ptr(const struct gstage *gs, gpa_t a, uint64_t right, uint64_t *len)
{
	struct pgtable_leaf leaf;

	if (pgtable_walk(&gs->pt, a.gpa, &leaf) ||
	    (leaf.prot & (right | PTE_RAM)) != (right | PTE_RAM))
		return NULL;
	*len = min_u64(*len, leaf.left);
	return hpa_to_ptr(leaf.pa);
}

/* Is all of it there? Then a copy that fails has changed nothing (unless RAM goes away under it). */
static bool has_right(const struct gstage *gs, gpa_t a, uint64_t len, uint64_t right)
{
	for (uint64_t done = 0; done < len;) {
		uint64_t n = len - done;

		if (!leaf_ptr(gs, gpa_add(a, done), right, &n))
			return false;
		done += n;
	}
	return true;
}

int gstage_read(const struct gstage *gs, gpa_t a, void *buf, uint64_t len)
{
	if (!has_right(gs, a, len, PTE_R))
		return HV_EFAULT;
	for (uint64_t done = 0; done < len;) {
		uint64_t n = len - done;
		const void *from = leaf_ptr(gs, gpa_add(a, done), PTE_R, &n);

		if (!from)
			return HV_EFAULT;
		copy_bytes((char *)buf + done, from, n);
		done += n;
	}
	return HV_OK;
}

int gstage_write(const struct gstage *gs, gpa_t a, const void *buf, uint64_t len)
{
	if (!has_right(gs, a, len, PTE_W))
		return HV_EFAULT;
	for (uint64_t done = 0; done < len;) {
		uint64_t n = len - done;
		void *to = leaf_ptr(gs, gpa_add(a, done), PTE_W, &n);

		if (!to)
			return HV_EFAULT;
		copy_bytes(to, (const char *)buf + done, n);
		done += n;
	}
	return HV_OK;
}

void *gstage_write_ptr(const struct gstage *gs, gpa_t a, uint64_t len)
{
	uint64_t n = len;
	void *p = leaf_ptr(gs, a, PTE_W, &n);

	return n == len ? p : NULL;
}

struct gstage_ram gstage_piece(const struct gstage *gs, gpa_t a)
{
	for (unsigned int i = 0; !gs->has_holes && i < gs->nr_ram && i < GSTAGE_MAX_RAM; i++)
		if (a.gpa - gs->ram[i].gpa.gpa < gs->ram[i].size)
			return gs->ram[i];
	return (struct gstage_ram){ 0 };
}

void *gstage_leaf(const struct gstage *gs, gpa_t a, enum gstage_right right, uint64_t *len)
{
	return leaf_ptr(gs, a, right == GSTAGE_WRITE ? PTE_W : PTE_R, len);
}

void *gstage_ptr(const struct gstage *gs, gpa_t a, uint64_t len)
{
	uint64_t n = len;
	void *p;

	if (!gstage_is_ram(gs, a, max_u64(len, 1)))
		return NULL;
	p = leaf_ptr(gs, a, PTE_R, &n);
	return n == len ? p : NULL;
}
