/* SPDX-License-Identifier: BSD-2-Clause */
/* The node `shared-memory` of a configuration: regions for VMs to name (docs/configuration.md, dts/bindings/). */
#ifndef VM_SHARED_MEMORY_H
#define VM_SHARED_MEMORY_H

#include "lib/property.h"

/* shared_memory_parse - what @node of @fdt describes can be named from then on; what is wrong with it is told in one line each.
 * @path: of the node. Boot hart. */
void shared_memory_parse(const void *fdt, int node, const char *path);

extern const struct property_table shared_memory_properties; /* of each child */

#endif
