/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a VM's node says in either form (bundle or host tree), and how its errors are told. Used by
 * config.c and config_host.c only.
 */
#ifndef VM_CONFIG_VM_H
#define VM_CONFIG_VM_H

#include "lib/property.h"
#include "vm/config.h"

/* A node being read, and the VM that comes of it. */
struct vm_node {
	struct config_node at;
	struct vm_config *vm;
};

/* vm_node_begin - defaults, path, and a name made from the node's (checked by vm_node_common). */
void vm_node_begin(struct vm_node *n, const void *fdt, int node, struct vm_config *vm);

/* vm_node_end - the node is read: the VM has failed when there was an error. */
void vm_node_end(struct vm_node *n);

/* vm_node_is_disabled - has the VM or module @node the status "disabled"? A line says that it is left out. */
bool vm_node_is_disabled(const void *fdt, int node);

/* vm_node_names - an error for each property that no VM has; @form: what a VM in a bundle, or in the host's tree, has. */
void vm_node_names(struct vm_node *n, const struct property_table *form);
extern const struct property_table bundle_properties;
extern const struct property_table host_properties;

/* vm_node_common - status, and the properties of this table. */
extern const struct property_table vm_common_properties;
void vm_node_common(struct vm_node *n);

/* vm_node_module_bootargs - those of the VM's kernel module @module, which has some, are the VM's. */
void vm_node_module_bootargs(struct vm_node *n, int module);

/* vm_node_unknown_child - an error for @child, which is none of @known and no part (vm/parts.h). */
void vm_node_unknown_child(struct vm_node *n, int child, const char *known);

/* config_read_cpus - reader of a list of host cpus, into a uint64_t: bit n is host cpu n. */
void config_read_cpus(struct config_node *n, const struct property *p, void *value);

/* vm_node_unique - the last of the @nr VMs in @all: has it a name of its own? */
void vm_node_unique(struct vm_node *n, const struct vm_config *all, unsigned int nr);

#endif
