// SPDX-License-Identifier: BSD-2-Clause
#include "vm/config_ram.h"

#include <inttypes.h>

#include "lib/bits.h"
#include "lib/fdt.h"
#include "mm/gstage.h"
#include "vcpu/layout.h"

/* Two cells of address and two of size. */
#define RANGE_BYTES 16

static_assert(VM_EXTRA_RAM_MAX == 7, "the message about extra-memory says seven");
static_assert(1 + VM_EXTRA_RAM_MAX <= GSTAGE_MAX_RAM, "each range is at least one piece");

/* Where the property lies in the tree need not be aligned. */
static struct config_ram range_at(const uint8_t *ranges, unsigned int i)
{
	const fdt64_t *p = (const fdt64_t *)(const void *)(ranges + (size_t)i * RANGE_BYTES);

	return (struct config_ram){ gpa(fdt64_ld(p)), fdt64_ld(p + 1) };
}

unsigned int config_nr_ram(const struct vm_config *cfg)
{
	return 1 + cfg->nr_extra_ram;
}

struct config_ram config_ram(const struct vm_config *cfg, unsigned int i)
{
	if (i == 0)
		return (struct config_ram){ gpa(GUEST_RAM_BASE), cfg->memory };
	return range_at(cfg->extra_ram, i - 1);
}

uint64_t config_ram_bytes(const struct vm_config *cfg)
{
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < config_nr_ram(cfg); i++)
		bytes += config_ram(cfg, i).size;
	return bytes;
}

uint64_t config_ram_end(const struct vm_config *cfg)
{
	struct config_ram last = config_ram(cfg, config_nr_ram(cfg) - 1);

	return last.base.gpa + last.size;
}

bool config_is_ram(const struct vm_config *cfg, gpa_t base, uint64_t size)
{
	for (unsigned int i = 0; i < config_nr_ram(cfg); i++) {
		struct config_ram r = config_ram(cfg, i);
		uint64_t at = base.gpa - r.base.gpa;

		if (base.gpa < r.base.gpa || at >= r.size)
			continue;
		if (size <= r.size - at)
			return true;
		size -= r.size - at;
		base.gpa += r.size - at;
	}
	return false;
}

bool config_has_ram(const struct vm_config *cfg, gpa_t base, uint64_t size)
{
	for (unsigned int i = 0; i < config_nr_ram(cfg); i++) {
		struct config_ram r = config_ram(cfg, i);

		if (base.gpa >= r.base.gpa ? size != 0 && base.gpa - r.base.gpa < r.size :
					     r.base.gpa - base.gpa < size)
			return true;
	}
	return false;
}

/* May a range begin at @from or higher, and be @r? */
static bool range_is_good(struct config_ram r, uint64_t from)
{
	return is_aligned(r.base.gpa | r.size, VM_MEMORY_UNIT) && r.size != 0 &&
	       r.size <= VM_MEMORY_MAX && r.base.gpa >= from && r.base.gpa <= VM_RAM_LIMIT - r.size;
}

void config_read_extra_ram(struct config_node *n, const struct property *p, void *value)
{
	struct vm_config *vm = value;
	uint64_t from = GUEST_RAM_BASE + vm->memory;
	int len;
	const uint8_t *ranges = fdt_getprop(n->fdt, n->node, p->name, &len);
	unsigned int nr = len > 0 ? (unsigned int)len / RANGE_BYTES : 0;

	if (ranges == NULL || len % RANGE_BYTES != 0 || nr < 1 || nr > VM_EXTRA_RAM_MAX) {
		config_error(n, p->name,
			     "must be one to seven ranges of an address in two cells and a number "
			     "of bytes in two cells");
		return;
	}
	for (unsigned int i = 0; i < nr; i++) {
		struct config_ram r = range_at(ranges, i);

		if (!range_is_good(r, from)) {
			config_error(n, p->name,
				     "range %u, 0x%" PRIx64 " bytes at 0x%" PRIx64
				     ": must be multiples of 2 MiB (0x200000), at most 1 TiB, "
				     "within 0x%" PRIx64 " to 0x%" PRIx64,
				     i, r.size, r.base.gpa, from, VM_RAM_LIMIT - 1);
			return;
		}
		from = r.base.gpa + r.size;
	}
	vm->extra_ram = ranges;
	vm->nr_extra_ram = nr;
}
