/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VMs of a bundle that came while others ran (vm/bundle_store.h): read by the parser that reads the bundle at boot, with the same
 * errors, and made all together or not at all. One VM is read or made in a step, so that guests have their turns in between.
 *
 * Of one caller at a time, the control channel's work item.
 */
#ifndef VM_CREATE_H
#define VM_CREATE_H

#include "vm/bundle_store.h"
#include "vm/config_bundle.h"

struct vm_creation {
	struct stored_bundle *bundle; /* NULL: none goes on */
	struct config_bundle reader;
	struct vm_config *configs; /* in pages */
	unsigned int made;
	bool read, done; /* all are read; all are made */
};

/*
 * vm_creation_begin - of configuration @select of @b, or its default. It takes a reference. HV_OK, or HV_E* and @why, of @size bytes, says
 * what is wrong; then there is nothing to end.
 */
int vm_creation_begin(struct vm_creation *c, struct stored_bundle *b, const char *select, char *why,
		      size_t size);

/*
 * vm_creation_step - read or make one more. 1: call again; 0: all are made, and their names can be had of c->configs; HV_E*: @why
 * says what is wrong. To be ended in the last two cases.
 */
int vm_creation_step(struct vm_creation *c, char *why, size_t size);

/* vm_creation_end - nothing more is made. If not all were, those that were are destroyed. If none goes on: nothing. */
void vm_creation_end(struct vm_creation *c);

#endif
