/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory-mapped devices of a VM: which device a guest-physical address belongs to.
 *
 * A bus is an array of regions ordered by address, filled while the VM is made and constant
 * afterwards, so look-ups take no lock. Offsets and lengths reach a device already checked: @len is 1,
 * 2, 4 or 8, naturally aligned, and lies wholly in the region. What a device does not support it
 * answers as the hardware would: reads as zero, writes ignored. Devices lock for themselves.
 */
#ifndef DEV_MMIO_H
#define DEV_MMIO_H

#include "lib/errno.h"
#include "lib/types.h"
#include "mm/arena.h"

#define MMIO_MAX_REGIONS 32 /* a power of two */
#define MMIO_RECENT	 16 /* a power of two */

static_assert((MMIO_MAX_REGIONS & (MMIO_MAX_REGIONS - 1)) == 0,
	      "a region's number is masked by it");
static_assert((MMIO_RECENT & (MMIO_RECENT - 1)) == 0, "a slot's number is masked by it");

struct mmio_ops {
	/* @off from the region's base; the value's upper bytes beyond @len are ignored / zero. */
	uint64_t (*read)(void *dev, uint64_t off, unsigned int len);
	void (*write)(void *dev, uint64_t off, unsigned int len, uint64_t val);
	/*
	 * What read() would say of a register that is only looked at: it takes no lock, changes nothing, and wakes nothing, so
	 * that nothing has to be looked at afterwards. MMIO_NO_PEEK, which no register of less than 8 bytes holds: read() is to
	 * be asked. NULL: always.
	 */
	uint64_t (*peek)(void *dev, uint64_t off, unsigned int len);
};

#define MMIO_NO_PEEK UINT64_MAX

struct mmio_region {
	gpa_t base;
	uint64_t size;
	const struct mmio_ops *ops;
	void *dev;
	const char *name;
};

struct mmio_bus {
	unsigned int nr;
	struct mmio_region
		*recent[MMIO_RECENT]; /* atomic: what was found last by mmio_slot(), or NULL */
	struct mmio_region regions[MMIO_MAX_REGIONS];
};

struct mmio_bus *mmio_bus_new(struct arena *a);

/*
 * mmio_add - HV_EEXIST when it overlaps one that is there, HV_ENOMEM when the bus is full, HV_EINVAL
 * when it is empty, wraps around or does not begin and end at a multiple of 8.
 */
int mmio_add(struct mmio_bus *bus, gpa_t base, uint64_t size, const struct mmio_ops *ops, void *dev,
	     const char *name);

/* mmio_overlaps - does a device have any of [base, base+size)? The range does not wrap around. */
bool mmio_overlaps(const struct mmio_bus *bus, gpa_t base, uint64_t size);

/*
 * mmio_read / mmio_write - one access of the guest. HV_EFAULT: no device there, or the access is
 * misaligned or crosses the region's end: the guest gets an access fault.
 */
int mmio_read(struct mmio_bus *bus, gpa_t a, unsigned int len, uint64_t *val);
int mmio_write(struct mmio_bus *bus, gpa_t a, unsigned int len, uint64_t val);

/* mmio_holds - does @r hold @a? Then it holds all of an access of up to 8 bytes that is naturally aligned, too. */
static inline bool mmio_holds(const struct mmio_region *r, gpa_t a)
{
	return a.gpa - r->base.gpa < r->size;
}

/* mmio_slot - where the region that has @a is remembered. The devices of QEMU's virt machine lie in several. */
static inline unsigned int mmio_slot(gpa_t a)
{
	return (unsigned int)((a.gpa >> 12) ^ (a.gpa >> 24)) & (MMIO_RECENT - 1);
}

/* mmio_search - the region that holds @a, or NULL; it is remembered. */
const struct mmio_region *mmio_search(struct mmio_bus *bus, gpa_t a);

/* mmio_find - the region of an access of @len bytes (1, 2, 4 or 8), or NULL; NULL also for a misaligned one. */
static inline const struct mmio_region *mmio_find(struct mmio_bus *bus, gpa_t a, unsigned int len)
{
	const struct mmio_region *r =
		__atomic_load_n(&bus->recent[mmio_slot(a) % MMIO_RECENT], __ATOMIC_RELAXED);

	if (a.gpa & ((uint64_t)len - 1))
		return NULL;
	return r && mmio_holds(r, a) ? r : mmio_search(bus, a);
}

/* mmio_truncate - the lowest @len bytes of @val. */
static inline uint64_t mmio_truncate(uint64_t val, unsigned int len)
{
	unsigned int unused = 64 - 8 * len;

	return val << unused >> unused;
}

#endif
