/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All parts of a VM together (vcpu/vm_part.h). Context: while the VM is made or goes, or its life cycle's task between
 * two lives; one hart at a time.
 */
#ifndef VM_PARTS_H
#define VM_PARTS_H

#include "lib/text.h"
#include "vcpu/vm_part.h"

/* More than there will be. */
#define PARTS_MAX 24

/* parts_properties - the tables of what a VM's own node may have, at most @max. Returns how many. */
unsigned int parts_properties(struct property_table *out, unsigned int max);

/* parts_of_children - the parts that child nodes of a VM make, at most @max. Returns how many. */
unsigned int parts_of_children(const struct vm_part **out, unsigned int max);

/* What each such child may have besides the part's own properties. */
extern const struct property_table part_child_properties;

/* parts_add_children - append what the child nodes of parts are called, each as ", CHILD@N". */
void parts_add_children(struct text *t);

/*
 * parts_check - read what a VM's node @n says of its parts, only for what is wrong in it.
 * parts_check_child - the same of the VM's child node @child; an error there makes the VM fail. False: it is no part.
 */
void parts_check(struct config_node *n);
bool parts_check_child(struct config_node *n, int child);

/*
 * parts_create - make all parts of @vm as its node @n and the children of that say, interrupt controllers first.
 * @n->fdt NULL: it says nothing. HV_ENOMEM, or HV_EINVAL after a message; what was made before stays until
 * parts_destroy(). No two parts have the same node or the same registers: mmio_add() sees to it.
 */
int parts_create(struct vm *vm, struct config_node *n, const struct vm_ram_plan *plan);

/*
 * parts_map - @vm's G-stage tables are new and have its RAM: add what its parts have there. HV_E*: *@refused is the part
 * that could not; the tables must go. parts_tell_map - say in the log that @p could not, with @err.
 */
int parts_map(struct vm *vm, const struct vm_part_of **refused);
void parts_tell_map(const struct vm *vm, const struct vm_part_of *p, int err);

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
