/* SPDX-License-Identifier: BSD-2-Clause */
/* The node `disks` of a configuration: parts of the machine's disks, for VMs to name (docs/configuration.md, dts/bindings/). */
#ifndef VM_DISKS_H
#define VM_DISKS_H

#include "lib/property.h"

/* disks_parse - what @node of @fdt describes is opened, and can be named from then on; what is wrong with it is told in one line
 * each. @path: of the node. Boot hart. */
void disks_parse(const void *fdt, int node, const char *path);

extern const struct property_table disk_source_properties; /* of each child */

#endif
