/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest that prints more than the terminal takes. Its vcpu does not get an answer: it sleeps, as by WFI, until there
 * is room, and then executes the same instruction again. Meanwhile its hart is free, and an interrupt that the guest
 * has enabled comes through, after which it tries again as well.
 */
#ifndef VCPU_CONSOLE_H
#define VCPU_CONSOLE_H

#include "vcpu/vcpu.h"
#include "vcpu/vm.h"

/*
 * vcpu_console_write - @v, whose exit is being handled, prints @len bytes to its VM's console. Returns how many were
 * taken. 0: @v sleeps first (vcpu_tries_again()). Own pcpu; any locks of ranks before LOCK_TERM.
 */
size_t vcpu_console_write(struct vcpu *v, const char *buf, size_t len);

/* vcpu_console_is_out - is all that @v's VM has printed on its way? False: as above. For a guest that ends itself. */
bool vcpu_console_is_out(struct vcpu *v);

/* vm_console_room - the terminal's word that there is room: those that sleep for it try again. Any hart. */
void vm_console_room(struct vm *vm);

/*
 * vcpu_tries_again - after the instruction that took @v out was handled: is it to be executed again? Asked once; then the
 * handler leaves pc and registers as they were.
 */
static inline bool vcpu_tries_again(struct vcpu *v)
{
	bool again = v->halt.again;

	v->halt.again = false;
	return again;
}

/* vcpu_try_again - own pcpu, handling an exit: the instruction is to be executed again, after interrupts and the scheduler. */
static inline void vcpu_try_again(struct vcpu *v)
{
	v->halt.again = true;
}

#endif
