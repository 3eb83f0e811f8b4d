/* SPDX-License-Identifier: BSD-2-Clause */
#include "dev/mmio.h"

struct mmio_bus *mmio_bus_new(struct arena *a)
{
	return arena_new(a, struct mmio_bus);
}

/* The number of regions that begin at or below @a. */
static unsigned int mmio_count_below(const struct mmio_bus *bus, uint64_t a)
{
	unsigned int lo = 0;
	unsigned int hi = bus->nr;

	while (lo < hi) {
		unsigned int mid = (lo + hi) / 2;

		if (bus->regions[mid % MMIO_MAX_REGIONS].base.gpa <= a)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

cold int mmio_add(struct mmio_bus *bus, gpa_t base, uint64_t size, const struct mmio_ops *ops,
		  void *dev, const char *name)
{
	uint64_t last = base.gpa + (size - 1);
	unsigned int at;

	/* An aligned base makes what is aligned for the guest aligned for the device. */
	if (size == 0 || last < base.gpa || !is_aligned(base.gpa | size, 8))
		return HV_EINVAL;
	at = mmio_count_below(bus, last);
	if (at > 0) {
		const struct mmio_region *before = &bus->regions[(at - 1) % MMIO_MAX_REGIONS];

		if (before->base.gpa >= base.gpa || base.gpa - before->base.gpa < before->size)
			return HV_EEXIST;
	}
	if (bus->nr == MMIO_MAX_REGIONS)
		return HV_ENOMEM;
	for (unsigned int i = bus->nr; i > at; i--)
		bus->regions[i] = bus->regions[i - 1];
	for (unsigned int i = 0; i < MMIO_RECENT; i++)
		bus->recent[i] = NULL;
	bus->regions[at] = (struct mmio_region){ base, size, ops, dev, name };
	bus->nr++;
	return HV_OK;
}

cold bool mmio_overlaps(const struct mmio_bus *bus, gpa_t base, uint64_t size)
{
	unsigned int at = mmio_count_below(bus, base.gpa + size - 1);
	const struct mmio_region *r = at ? &bus->regions[(at - 1) % MMIO_MAX_REGIONS] : NULL;

	return r && (r->base.gpa >= base.gpa || base.gpa - r->base.gpa < r->size);
}

noinline const struct mmio_region *mmio_search(struct mmio_bus *bus, gpa_t a)
{
	unsigned int n = mmio_count_below(bus, a.gpa);
	struct mmio_region *r = n ? &bus->regions[(n - 1) % MMIO_MAX_REGIONS] : NULL;

	if (!r || !mmio_holds(r, a))
		return NULL;
	__atomic_store_n(&bus->recent[mmio_slot(a) % MMIO_RECENT], r, __ATOMIC_RELAXED);
	return r;
}

static bool is_width(unsigned int len)
{
	return len != 0 && len <= 8 && (len & (len - 1)) == 0;
}

cold int mmio_read(struct mmio_bus *bus, gpa_t a, unsigned int len, uint64_t *val)
{
	const struct mmio_region *r = is_width(len) ? mmio_find(bus, a, len) : NULL;

	if (!r)
		return HV_EFAULT;
	*val = mmio_truncate(r->ops->read(r->dev, a.gpa - r->base.gpa, len), len);
	return HV_OK;
}

cold int mmio_write(struct mmio_bus *bus, gpa_t a, unsigned int len, uint64_t val)
{
	const struct mmio_region *r = is_width(len) ? mmio_find(bus, a, len) : NULL;

	if (!r)
		return HV_EFAULT;
	r->ops->write(r->dev, a.gpa - r->base.gpa, len, mmio_truncate(val, len));
	return HV_OK;
}
