/* SPDX-License-Identifier: BSD-2-Clause */
/* A VM's RAM as its configuration says it: `memory` at GUEST_RAM_BASE, then the ranges of `extra-memory`. */
#ifndef VM_CONFIG_RAM_H
#define VM_CONFIG_RAM_H

#include "lib/property.h"
#include "vm/config.h"

struct config_ram {
	gpa_t base;
	uint64_t size; /* bytes */
};

/* config_nr_ram - how many ranges there are, at least one. They ascend, and none overlaps another. */
unsigned int config_nr_ram(const struct vm_config *cfg);

/* config_ram - range @i, below config_nr_ram(); 0 is the one at GUEST_RAM_BASE, where the images go. */
struct config_ram config_ram(const struct vm_config *cfg, unsigned int i);

/* config_ram_bytes - of all ranges together. */
uint64_t config_ram_bytes(const struct vm_config *cfg);

/* config_ram_end - the first address behind the last range. */
uint64_t config_ram_end(const struct vm_config *cfg);

/* config_is_ram - are all @size bytes from @base on RAM? Also across ranges that touch. */
bool config_is_ram(const struct vm_config *cfg, gpa_t base, uint64_t size);

/* config_has_ram - is any of the @size bytes from @base on RAM? */
bool config_has_ram(const struct vm_config *cfg, gpa_t base, uint64_t size);

/* config_read_extra_ram - the reader of `extra-memory`; @value is the whole struct vm_config, its `memory` read. */
void config_read_extra_ram(struct config_node *n, const struct property *p, void *value);

#endif
