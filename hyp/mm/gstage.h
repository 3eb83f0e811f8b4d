/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM's second translation stage, and safe access to guest memory.
 *
 * What a guest finds at its physical addresses are slots: RAM, of which there may be several slots; ROM; memory that is
 * shared with others; registers of a device of the machine. RAM is the VM's own: it is allocated when the VM is built,
 * mapped with the largest leaves, so that it never faults afterwards, and freed with it. The memory of the others belongs
 * to the code that added the slot.
 *
 * Every access of the hypervisor to guest memory is a walk of the tables, which checks the address and the right in one
 * step. It goes through vcpu/guest_mem.h or vcpu/vm_mem.h, which see to it that nothing is freed meanwhile.
 */
#ifndef MM_GSTAGE_H
#define MM_GSTAGE_H

#include "arch/csr.h"
#include "arch/features.h"
#include "lib/errno.h"
#include "lib/index.h"
#include "mm/pgtable.h"

#define GSTAGE_MAX_RAM 16

enum gstage_kind {
	GSTAGE_RAM,	   /* read, written, executed */
	GSTAGE_ROM,	   /* read and executed */
	GSTAGE_SHARED,	   /* read and written, never executed: another VM may write it */
	GSTAGE_SHARED_ROM, /* read alone, for the same reason */
	GSTAGE_DEVICE,	   /* the same, and no memory for gstage_read() and gstage_write() */
};

#define GSTAGE_MAX_SLOTS 16

struct gstage_slot {
	gpa_t gpa;
	uint64_t size;
	enum gstage_kind kind;
};

/* Host memory of RAM slots. */
struct gstage_ram {
	gpa_t gpa;
	hpa_t hpa;
	uint64_t size;
};

struct gstage {
	struct pgtable pt;
	uint64_t hgatp; /* its mode and root, VMID 0 */
	unsigned int nr_slots;
	struct gstage_slot slots[GSTAGE_MAX_SLOTS]; /* none overlaps another */
	unsigned int nr_ram;
	struct gstage_ram ram[GSTAGE_MAX_RAM]; /* ordered by gpa */
	uint64_t ram_bytes;		       /* that are there */
	/* gstage_allow_holes(): `ram` says where RAM is, and the tables alone which of it is there, and where it lies. */
	bool has_holes;
	bool is_going; /* gstage_free_step() has begun */
};

/* Bytes, and alignment, of a G-stage root (privileged specification, "Two-Stage Address Translation"). */
#define GSTAGE_ROOT_SIZE (4 * PAGE_SIZE)

/*
 * gstage_probe - which G-stage modes this hart has, by writing hgatp with valid modes; remembers
 * the widest for gstage_init(). @root: GSTAGE_ROOT_SIZE bytes of zeroes, since the hart may walk
 * speculatively from whatever is written there. Boot hart, before the first VM. HV_ENOTSUP: none.
 */
int gstage_probe(hpa_t root);

/* gstage_misfit - in what this hart's G-stage modes differ from those that gstage_probe() found on the boot hart.
 * @root as there. */
struct hart_misfit gstage_misfit(hpa_t root);

/*
 * gstage_init - empty tables wide enough for guest-physical addresses below @limit. HV_ENOTSUP: it is beyond
 * gstage_limit(). HV_ENOMEM.
 */
int gstage_init(struct gstage *gs, uint64_t limit);

/* gstage_limit - the first guest-physical address behind those of the widest mode. */
uint64_t gstage_limit(void);

/* gstage_has_root - has gstage_init() made tables, which gstage_destroy() has not freed? */
static inline bool gstage_has_root(const struct gstage *gs)
{
	return gs->pt.root != NULL;
}

/* gstage_slot_at - slot @n; false: there are fewer. The caller's to see that none comes or goes. */
static inline bool gstage_slot_at(const struct gstage *gs, unsigned int n, struct gstage_slot *out)
{
	if (n >= gs->nr_slots)
		return false;
	*out = gs->slots[index_below(n, GSTAGE_MAX_SLOTS)];
	return true;
}

/* gstage_ram_bytes - of all its RAM slots. */
static inline uint64_t gstage_ram_bytes(const struct gstage *gs)
{
	return gs->ram_bytes;
}

/*
 * gstage_alloc_ram - a RAM slot: allocate @size bytes of host memory (2 MiB blocks or larger where they are to be
 * had, up to GSTAGE_MAX_RAM pieces) and map it RWX at @base. Not cleared: see gstage_clear_step().
 * HV_ENOMEM, also for the seventeenth slot, gives everything back. HV_EEXIST: there is a slot at some of it. HV_EINVAL: no
 * whole pages, or beyond what the tables address. What gstage_unmap_ram() took out of a RAM slot comes back by this, too.
 */
int gstage_alloc_ram(struct gstage *gs, gpa_t base, uint64_t size);

/*
 * gstage_add_slot - the @size bytes of the host's at @pa are at guest-physical @base, with the rights of @kind, which is not
 * RAM. They stay the caller's, and mapped until gstage_remove_slot() or gstage_destroy(). Errors as gstage_alloc_ram().
 * gstage_remove_slot - the slot that begins at @base, which is not RAM; HV_ENOENT: there is none. Its memory is in use until
 * every vcpu is flushed, and vm_mem_wait() has been called. That is due before vm->lock, which serialises writers, is
 * released; also after HV_ENOMEM (see gstage_map_page).
 */
int gstage_add_slot(struct gstage *gs, gpa_t base, uint64_t size, enum gstage_kind kind, hpa_t pa);
int gstage_remove_slot(struct gstage *gs, gpa_t base);

/*
 * gstage_clear_step - clear guest RAM from @offset (counted over all regions) by at most @max bytes,
 * with cbo.zero where the machine has it, and write it back (arch_clean_range). Returns the bytes cleared; 0: all is clear.
 */
uint64_t gstage_clear_step(const struct gstage *gs, uint64_t offset, uint64_t max);

/*
 * Taking RAM out of a running VM comes in two steps, because the pages may be reused only when no hart
 * holds a translation of them any more: gstage_unmap_ram() removes [base, base+size) from tables and list, takes out the
 * tables that became empty, and says in @out (room for @max pieces) which host memory that was; then every vcpu is
 * flushed (vcpu/vm.h, vm_give_back_ram); then gstage_free_pieces() clears and frees it.
 * HV_EINVAL: not wholly RAM, or no page multiple; HV_ENOMEM: a large leaf cannot be split, or more pieces
 * than fit; nothing has changed then. Writers are serialised by vm->lock.
 */
int gstage_unmap_ram(struct gstage *gs, gpa_t base, uint64_t size, struct gstage_ram *out,
		     unsigned int max, unsigned int *nr);
void gstage_free_pieces(const struct gstage_ram *pieces, unsigned int nr);

/*
 * RAM with holes (mm/gstage_leaf.c), of a VM that gives memory back and gets it again, by leaves of GSTAGE_LEAF bytes. Writers
 * are serialised by vm->lock; no other RAM is unmapped then.
 * gstage_allow_holes - from here on, until gstage_destroy(). No vcpu runs.
 * gstage_is_hole - is @a RAM that is not there? Lockless.
 * gstage_take_leaf - unmap the leaf at @a and say where it lay: the caller's, once every vcpu is flushed and
 * vm_mem_wait() has been called. HV_EINVAL: it is not a whole leaf of RAM that is there; HV_ENOMEM: a larger one cannot be split.
 * gstage_put_leaf - map the host's leaf @pa into the hole at @a. No flush is due, but a hart may remember the hole.
 * gstage_refill_step - from @offset on, as gstage_clear_step() counts: fill what is a hole. Returns how many bytes were looked
 * at; 0: no hole is left. HV_ENOMEM.
 */
#define GSTAGE_LEAF MIB(2)
#define GSTAGE_PROT (PTE_R | PTE_W | PTE_X | PTE_U | PTE_RAM) /* of RAM */

/* gstage_leaf_left - bytes from @a to the end of its leaf of this size. */
static inline uint64_t gstage_leaf_left(gpa_t a)
{
	return GSTAGE_LEAF - a.gpa % GSTAGE_LEAF;
}

static inline void gstage_allow_holes(struct gstage *gs)
{
	gs->has_holes = true;
}

static inline bool gstage_may_have_holes(const struct gstage *gs)
{
	return gs->has_holes;
}

bool gstage_is_hole(const struct gstage *gs, gpa_t a);
int gstage_take_leaf(struct gstage *gs, gpa_t a, hpa_t *out);
int gstage_put_leaf(struct gstage *gs, gpa_t a, hpa_t pa);
int64_t gstage_refill_step(struct gstage *gs, uint64_t offset);

/*
 * One page of the host's that is not RAM, read-only for the guest and unknown to gstage_read() and
 * gstage_write(). HV_EEXIST: something is mapped at @a; HV_EINVAL: no page's address, or too high; HV_ENOMEM.
 * gstage_unmap_page - the page is not the VM's RAM. Writers are serialised by vm->lock.
 *
 * Tables come and go by these, also by a map that fails with HV_ENOMEM. A table that was taken out is used for the
 * next map, elsewhere, while a hart may remember where it was; so every vcpu is flushed before vm->lock is released.
 */
int gstage_map_page(struct gstage *gs, gpa_t a, hpa_t page);
void gstage_unmap_page(struct gstage *gs, gpa_t a);

/*
 * gstage_destroy - free tables and RAM; no vcpu may run or walk any more, and no hart has the root in hgatp
 * (vcpu/load.h, vcpu_put_for_good). RAM that the guest or the loader has written is cleared before, by
 * gstage_clear_step(): the pool holds no VM's data.
 */
void gstage_destroy(struct gstage *gs);

/* gstage_free_step - a part of it, of RAM with holes: some of the RAM is freed. False: none is left. From the first one on the
 * rest is to be destroyed, too. */
bool gstage_free_step(struct gstage *gs);

/* gstage_hgatp - value for hgatp: mode, @vmid, root. */
static inline uint64_t gstage_hgatp(const struct gstage *gs, unsigned int vmid)
{
	return gs->hgatp | (vmid & HGATP_VMID_MASK) << HGATP_VMID_SHIFT;
}

/* gstage_is_ram - does [a, a+size) lie wholly in the VM's RAM? Overflow-safe. */
bool gstage_is_ram(const struct gstage *gs, gpa_t a, uint64_t size);

/*
 * gstage_read / gstage_write - copy between guest memory and @buf, piecewise over leaves.
 * HV_EFAULT when any byte is outside RAM or lacks the right; bytes before it may have been copied.
 */
int gstage_read(const struct gstage *gs, gpa_t a, void *buf, uint64_t len);
int gstage_write(const struct gstage *gs, gpa_t a, const void *buf, uint64_t len);

/* gstage_write_ptr - direct-map pointer to [a, a+len) if that is RAM within one leaf that may be written,
 * else NULL. In the same bracket as gstage_write(). */
void *gstage_write_ptr(const struct gstage *gs, gpa_t a, uint64_t len);

/*
 * gstage_leaf - direct-map pointer to @a, which is memory that may be read / written; *@len is lowered to what follows it
 * in its leaf. NULL: it is not. In the same bracket as gstage_write().
 */
enum gstage_right { GSTAGE_READ, GSTAGE_WRITE };
void *gstage_leaf(const struct gstage *gs, gpa_t a, enum gstage_right right, uint64_t *len);

/*
 * gstage_piece - the piece of RAM that has @a; size 0: none. The list of pieces must not change meanwhile, or the caller
 * finds out that it did (vcpu/vm_mem.h); then the answer may be anything.
 */
struct gstage_ram gstage_piece(const struct gstage *gs, gpa_t a);

/* gstage_ptr - direct-map pointer to [a, a+len) if it is RAM within one leaf, else NULL. Host use
 * while the VM does not run (loader). */
void *gstage_ptr(const struct gstage *gs, gpa_t a, uint64_t len);

#endif
