// SPDX-License-Identifier: BSD-2-Clause
/*
 * Clearing and freeing RAM; RAM with holes. Of that the list of pieces stays as it was made, and says which addresses are RAM. The tables say what of it is
 * there, and where in the host's memory it lies.
 */
#include "mm/gstage.h"

#include "arch/cache.h"
#include "arch/memmap.h"
#include "lib/index.h"
#include "mm/page.h"

/* What is at @offset of @r, and in *@n how many bytes lie together there. NULL: a hole. */
static void *at_offset(const struct gstage *gs, const struct gstage_ram *r, uint64_t offset,
		       uint64_t *n)
{
	gpa_t a = gpa_add(r->gpa, offset);

	if (!gs->has_holes)
		return (char *)hpa_to_ptr(r->hpa) + offset;
	*n = min_u64(*n, gstage_leaf_left(a));
	return gstage_leaf(gs, a, GSTAGE_WRITE, n);
}

uint64_t gstage_clear_step(const struct gstage *gs, uint64_t offset, uint64_t max)
{
	for (unsigned int i = 0; i < gs->nr_ram; i++) {
		const struct gstage_ram *r = &gs->ram[i];

		if (offset < r->size) {
			uint64_t n = min_u64(max, r->size - offset);
			void *p = at_offset(gs, r, offset, &n);

			if (p)
				arch_wipe_range(p, n);
			return n;
		}
		offset -= r->size;
	}
	return 0;
}

void gstage_free_pieces(const struct gstage_ram *pieces, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		arch_wipe_range(hpa_to_ptr(pieces[i].hpa), pieces[i].size);
		page_free(pieces[i].hpa, pieces[i].size);
	}
}

/* --- holes ---------------------------------------------------------------------------------------- */

bool gstage_is_hole(const struct gstage *gs, gpa_t a)
{
	struct pgtable_leaf leaf;

	return gs->has_holes && gstage_is_ram(gs, a, 1) &&
	       pgtable_walk(&gs->pt, a.gpa, &leaf) != HV_OK;
}

int gstage_take_leaf(struct gstage *gs, gpa_t a, hpa_t *out)
{
	struct pgtable_leaf leaf;
	int err;

	if (!gs->has_holes || !is_aligned(a.gpa, GSTAGE_LEAF) ||
	    !gstage_is_ram(gs, a, GSTAGE_LEAF) || pgtable_walk(&gs->pt, a.gpa, &leaf) != HV_OK ||
	    leaf.level == 0)
		return HV_EINVAL;
	err = pgtable_unmap(&gs->pt, a.gpa, GSTAGE_LEAF);
	if (err != HV_OK)
		return err;
	gs->ram_bytes -= GSTAGE_LEAF;
	*out = leaf.pa;
	return HV_OK;
}

int gstage_put_leaf(struct gstage *gs, gpa_t a, hpa_t pa)
{
	int err = pgtable_map(&gs->pt, a.gpa, pa, GSTAGE_LEAF, GSTAGE_PROT);

	if (err == HV_OK)
		gs->ram_bytes += GSTAGE_LEAF;
	return err;
}

static int fill(struct gstage *gs, gpa_t a)
{
	hpa_t pa;
	int err;

	if (!page_alloc(GSTAGE_LEAF, GSTAGE_LEAF, &pa))
		return HV_ENOMEM;
	err = gstage_put_leaf(gs, a, pa);
	if (err != HV_OK)
		page_free(pa, GSTAGE_LEAF);
	return err;
}

int64_t gstage_refill_step(struct gstage *gs, uint64_t offset)
{
	for (unsigned int i = 0; gs->has_holes && i < gs->nr_ram; i++) {
		const struct gstage_ram *r = &gs->ram[i];

		if (offset < r->size) {
			gpa_t a = gpa_add(r->gpa, offset);
			int err = gstage_is_hole(gs, a) ? fill(gs, a) : HV_OK;

			return err != HV_OK ?
				       err :
				       (int64_t)min_u64(r->size - offset, gstage_leaf_left(a));
		}
		offset -= r->size;
	}
	return 0;
}

/* Where the last bytes of @r begin that lie together: all of them, or what is within one leaf if there may be holes. */
static gpa_t last_part(const struct gstage *gs, const struct gstage_ram *r)
{
	uint64_t last = r->gpa.gpa + r->size - 1;

	return gs->has_holes ? gpa(max_u64(align_down(last, GSTAGE_LEAF), r->gpa.gpa)) : r->gpa;
}

cold bool gstage_free_step(struct gstage *gs)
{
	struct gstage_ram *r = &gs->ram[index_below(gs->nr_ram - 1, GSTAGE_MAX_RAM)];
	struct pgtable_leaf leaf;
	uint64_t n;
	gpa_t a;

	if (gs->nr_ram == 0)
		return false;
	gs->is_going = true;
	a = last_part(gs, r);
	n = r->size - (a.gpa - r->gpa.gpa);
	leaf.pa = r->hpa;
	if (!gs->has_holes || pgtable_walk(&gs->pt, a.gpa, &leaf) == HV_OK) {
		page_free(leaf.pa, n);
		gs->ram_bytes -= n;
	}
	r->size -= n;
	if (r->size == 0)
		gs->nr_ram--;
	return true;
}
