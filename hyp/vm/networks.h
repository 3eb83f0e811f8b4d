/* SPDX-License-Identifier: BSD-2-Clause */
/* The node `networks` of a configuration: switches for VMs to name (docs/configuration.md, dts/bindings/). */
#ifndef VM_NETWORKS_H
#define VM_NETWORKS_H

#include "lib/property.h"

/* networks_parse - what @node of @fdt describes can be named from then on; what is wrong with it is told in one line each.
 * @path: of the node. Boot hart. */
void networks_parse(const void *fdt, int node, const char *path);

extern const struct property_table network_properties; /* of each child */

#endif
