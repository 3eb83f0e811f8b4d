/* SPDX-License-Identifier: BSD-2-Clause */
/* The registry of tests that only look at VMs: an array that they fill. Each VM's id has to be its index. */
#ifndef FAKE_REGISTRY_H
#define FAKE_REGISTRY_H

#include "vcpu/registry.h"

extern struct vm *vms[VM_MAX];
extern unsigned int nr_vms;
extern int fake_vm_refs; /* that were taken and not given up */

#endif
