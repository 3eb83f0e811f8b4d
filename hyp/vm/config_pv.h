/* SPDX-License-Identifier: BSD-2-Clause */
/* What a VM's node says about paravirtual interfaces. */
#ifndef VM_CONFIG_PV_H
#define VM_CONFIG_PV_H

#include "vm/config_vm.h"

/* vm_node_pv - pv and pv-lock-base. */
void vm_node_pv(struct vm_node *n);

#endif
