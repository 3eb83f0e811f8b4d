/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a VM's node says in either form (bundle or host tree), and how its errors are told. Used by
 * config.c and config_host.c only.
 */
#ifndef VM_CONFIG_VM_H
#define VM_CONFIG_VM_H

#include "vm/config.h"

/* A node being read, and the VM that comes of it. */
struct vm_node {
	const void *fdt;
	int node;
	struct vm_config *vm;
	const char *path; /* for messages; NULL: the VM's */
};

/* vm_node_begin - defaults, path, and a name made from the node's (checked by vm_node_common). */
void vm_node_begin(struct vm_node *n, const void *fdt, int node, struct vm_config *vm);

/*
 * vm_node_error - report what is wrong with @prop in one line, "config: PATH: PROP = VALUE: ...", or
 * "PROP is missing: ..."; with @prop NULL about the node itself. The VM has failed then.
 */
void vm_node_error(struct vm_node *n, const char *prop, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* vm_node_warn - the same line as a warning: the VM starts all the same. */
void vm_node_warn(struct vm_node *n, const char *prop, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* vm_node_is_disabled - has the VM or module @node the status "disabled"? A line says that it is left out. */
bool vm_node_is_disabled(const void *fdt, int node);

/* vm_node_common - status, label, cpus, memory, bootargs, affinity, autostart, on-crash, on-poweroff. */
void vm_node_common(struct vm_node *n);

/* vm_node_bootargs - @prop of @node (the VM's own or a module's) as the VM's bootargs. */
void vm_node_bootargs(struct vm_node *n);

/* vm_node_affinity - into @out, which is left alone when it is not given or wrong. */
void vm_node_affinity(struct vm_node *n, uint64_t *out);

/* vm_node_check_affinity - warn of a host cpu that the list names twice. */
void vm_node_check_affinity(struct vm_node *n);

/* vm_node_memory - check and take a size that the user gave as @prop. */
void vm_node_set_memory(struct vm_node *n, const char *prop, uint64_t bytes);

/* vm_node_properties - an error for each property that is not in @allowed, with a guess at which one
 * was meant. */
void vm_node_properties(struct vm_node *n, const char *const *allowed, unsigned int nr);

/* vm_node_unique - the last of the @nr VMs in @all: has it a name of its own? */
void vm_node_unique(struct vm_node *n, const struct vm_config *all, unsigned int nr);

#endif
