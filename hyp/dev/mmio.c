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

		if (bus->regions[mid].base.gpa <= a)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int mmio_add(struct mmio_bus *bus, gpa_t base, uint64_t size, const struct mmio_ops *ops, void *dev,
	     const char *name)
{
	uint64_t last = base.gpa + (size - 1);
	unsigned int at;

	/* An aligned base makes what is aligned for the guest aligned for the device. */
	if (size == 0 || last < base.gpa || !is_aligned(base.gpa, 8))
		return HV_EINVAL;
	at = mmio_count_below(bus, last);
	if (at > 0) {
		const struct mmio_region *before = &bus->regions[at - 1];

		if (before->base.gpa >= base.gpa || base.gpa - before->base.gpa < before->size)
			return HV_EEXIST;
	}
	if (bus->nr == MMIO_MAX_REGIONS)
		return HV_ENOMEM;
	for (unsigned int i = bus->nr; i > at; i--)
		bus->regions[i] = bus->regions[i - 1];
	bus->regions[at] = (struct mmio_region){ base, size, ops, dev, name };
	bus->nr++;
	return HV_OK;
}

bool mmio_overlaps(const struct mmio_bus *bus, gpa_t base, uint64_t size)
{
	unsigned int at = mmio_count_below(bus, base.gpa + size - 1);
	const struct mmio_region *r = at ? &bus->regions[at - 1] : NULL;

	return r && (r->base.gpa >= base.gpa || base.gpa - r->base.gpa < r->size);
}

/* The region that holds all of an access, and where in it; NULL when the access is not proper. */
static const struct mmio_region *mmio_find(const struct mmio_bus *bus, gpa_t a, unsigned int len,
					   uint64_t *off)
{
	const struct mmio_region *r;
	unsigned int n;

	if (len == 0 || len > 8 || (len & (len - 1)) || !is_aligned(a.gpa, len))
		return NULL;
	n = mmio_count_below(bus, a.gpa);
	if (n == 0)
		return NULL;
	r = &bus->regions[n - 1];
	*off = a.gpa - r->base.gpa;
	if (*off >= r->size || r->size - *off < len)
		return NULL;
	return r;
}

static uint64_t mmio_truncate(uint64_t val, unsigned int len)
{
	return len == 8 ? val : val & (BIT(8 * len) - 1);
}

int mmio_read(const struct mmio_bus *bus, gpa_t a, unsigned int len, uint64_t *val)
{
	uint64_t off;
	const struct mmio_region *r = mmio_find(bus, a, len, &off);

	if (!r)
		return HV_EFAULT;
	*val = mmio_truncate(r->ops->read(r->dev, off, len), len);
	return HV_OK;
}

int mmio_write(const struct mmio_bus *bus, gpa_t a, unsigned int len, uint64_t val)
{
	uint64_t off;
	const struct mmio_region *r = mmio_find(bus, a, len, &off);

	if (!r)
		return HV_EFAULT;
	r->ops->write(r->dev, off, len, mmio_truncate(val, len));
	return HV_OK;
}
