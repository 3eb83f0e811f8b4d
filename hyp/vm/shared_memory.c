// SPDX-License-Identifier: BSD-2-Clause
#include "vm/shared_memory.h"

#include <inttypes.h>

#include "dev/shared.h"
#include "lib/fdt.h"
#include "lib/log.h"
#include "mm/page.h"
#include "vm/config.h"
#include "vm/config_children.h"

struct region_config {
	uint64_t size;
};

static void read_size(struct config_node *n, const struct property *p, void *value)
{
	uint64_t bytes = 0;

	if (fdtx_prop_u64(n->fdt, n->node, p->name, &bytes) == HV_OK && bytes != 0 &&
	    is_aligned(bytes, PAGE_SIZE))
		*(uint64_t *)value = bytes;
	else
		config_error(n, p->name,
			     "must be bytes, one cell or two: a multiple of 4 KiB, not 0");
}

static const struct property rows[] = {
	PROPERTY_NAME("compatible"),
	PROPERTY_NAME("description"),
	PROPERTY_NAME("status"),
	PROPERTY("size", read_size, struct region_config, size),
};

const struct property_table shared_memory_properties = PROPERTY_TABLE(rows);

static struct shared_region made[SHARED_REGIONS_MAX];
static unsigned int nr_made;

/* Cleared when the first VM comes. */
static void make(struct config_node *n, uint64_t size)
{
	struct shared_region *r = &made[nr_made % SHARED_REGIONS_MAX];

	*r = (struct shared_region){ .named.name = fdtx_name(n->fdt, n->node), .size = size };
	if (!(size >= SHARED_UNIT && page_alloc(size, SHARED_UNIT, &r->at)) &&
	    !page_alloc(size, PAGE_SIZE, &r->at)) {
		config_error(n, "size",
			     "0x%" PRIx64
			     " bytes: must be less, as the machine has no such piece of "
			     "memory left",
			     size);
		return;
	}
	shared_add(r);
	nr_made++;
}

static void parse_one(struct config_node *n)
{
	struct region_config c = { 0 };

	if (!fdtx_is_compatible(n->fdt, n->node, "hartvisor,shared-memory"))
		config_error(n, "compatible", "must be \"hartvisor,shared-memory\"");
	property_check_names(n, &shared_memory_properties, 1);
	property_read_all(n, &shared_memory_properties, &c);
	if (c.size == 0 && !n->failed)
		config_error(n, "size", "must be bytes: a multiple of 4 KiB");
	if (!n->failed &&
	    config_child_is_new(n, shared_regions, SHARED_REGIONS_MAX, "shared-memory"))
		make(n, c.size);
}

void shared_memory_parse(const void *fdt, int node, const char *path)
{
	config_children(fdt, node, path, parse_one);
}
