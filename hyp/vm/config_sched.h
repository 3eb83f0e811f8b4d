/* SPDX-License-Identifier: BSD-2-Clause */
/* What a VM's node, and vcpu@N nodes in it, say about scheduling. */
#ifndef VM_CONFIG_SCHED_H
#define VM_CONFIG_SCHED_H

#include "vm/config_vm.h"

/* Of a VM and of a vcpu, of a VM, of a vcpu. */
extern const struct property_table sched_params_properties;
extern const struct property_table sched_group_properties;
extern const struct property_table vcpu_properties;

/* vm_node_sched - what the first two tables say. After vm_node_common(). */
void vm_node_sched(struct vm_node *n);

/* vm_node_is_vcpu - is the child @node called vcpu or vcpu@...? */
bool vm_node_is_vcpu(const void *fdt, int node);

/* vm_node_vcpus - check all vcpu@N children of the VM. After vm_node_sched(). */
void vm_node_vcpus(struct vm_node *n);

#endif
