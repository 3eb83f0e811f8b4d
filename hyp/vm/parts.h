/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All parts of a VM together (vcpu/vm_part.h). Context: while the VM is made or goes, or its life cycle's task between
 * two lives; one hart at a time.
 */
#ifndef VM_PARTS_H
#define VM_PARTS_H

#include "vcpu/vm_part.h"

/* More than there will be. */
#define PARTS_MAX 24

/* parts_properties - the tables of those that have properties, at most @max. Returns how many. */
unsigned int parts_properties(struct property_table *out, unsigned int max);

/* parts_check - read what a VM's node @n says of its parts, only for what is wrong in it. */
void parts_check(struct config_node *n);

/*
 * parts_create - make all parts of @vm as its node @n says, interrupt controllers first. @n->fdt NULL: it says nothing. HV_ENOMEM, or HV_EINVAL after a message; what was
 * made before stays until parts_destroy(). No two parts have the same node or the same registers: mmio_add() sees to it.
 */
int parts_create(struct vm *vm, struct config_node *n, const struct vm_ram_plan *plan);

/*
 * parts_reset_step - a life has ended: reset one part, of those that were made last first. *@next: the one; begin with
 * vm->last_part. False: all are reset.
 */
bool parts_reset_step(struct vm_part_of **next);

/* parts_destroy - @vm goes. Its arena must outlive this call. */
void parts_destroy(struct vm *vm);

/* parts_describe - what @vm's parts say of themselves in @place of its tree. */
void parts_describe(const struct vm *vm, struct fdtw *w, enum vm_place place);

#endif
