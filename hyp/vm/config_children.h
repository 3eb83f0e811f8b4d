/* SPDX-License-Identifier: BSD-2-Clause */
/* Nodes beside the VMs of a configuration (disks, networks, shared-memory). VMs name their children. */
#ifndef VM_CONFIG_CHILDREN_H
#define VM_CONFIG_CHILDREN_H

#include "lib/config_node.h"
#include "lib/named.h"

/* config_children - @parse reads each child of @node of @fdt, whose path is @path, but those that are disabled. @node itself has no
 * properties but a description; others are told. */
void config_children(const void *fdt, int node, const char *path,
		     void (*parse)(struct config_node *n));

/* config_child_is_new - the name of @n is none of @list, which has less than @most. Else the error is told. @where: the node's name. */
bool config_child_is_new(struct config_node *n, struct named *list, unsigned int most,
			 const char *where);

#endif
