/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest that prints more than the terminal takes. Its vcpu does not get an answer: it sleeps, as by WFI, until there
 * is room, and then executes the same instruction again. Meanwhile its hart is free, and an interrupt that the guest
 * has enabled comes through, after which it tries again as well.
 */
#ifndef VCPU_CONSOLE_H
#define VCPU_CONSOLE_H

#include "arch/csr.h"
#include "term/term.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"

/*
 * vcpu_console_write - @v, whose exit is being handled, prints @len bytes to its VM's console. Returns how many were
 * taken. 0: @v sleeps first (vcpu_tries_again()). Own pcpu; any locks of ranks before LOCK_TERM.
 */
size_t vcpu_console_write(struct vcpu *v, const char *buf, size_t len);

/* vcpu_stream_write - the same, to the stream @s of a console of @v's VM. */
size_t vcpu_stream_write(struct vcpu *v, struct term_stream *s, const char *buf, size_t len);

/* vcpu_stream_wait - @v, as above, sleeps until @s has room, and then tries again. If there is room now: it tries at once. */
void vcpu_stream_wait(struct vcpu *v, struct term_stream *s);

/* vcpu_console_is_out - is all that @v's VM has printed on its way? False: as above. For a guest that ends itself. */
bool vcpu_console_is_out(struct vcpu *v);

/* vm_console_room - the terminal's word that there is room: those that sleep for it try again. Any hart. */
void vm_console_room(struct vm *vm);

/*
 * vm_add_console - @c becomes a console of @vm; the caller has set c->port and c->absent. The operator's terminal has a stream
 * for it: "VM.@label", of which the VM's part is cut if both are long. While the VM is made. HV_ENOMEM.
 */
int vm_add_console(struct vm *vm, struct vm_console *c, const char *label);

/* vm_console_absent - term_owner.absent() as far as @vm's state says why. */
const char *vm_console_absent(const struct vm *vm, bool *keeps);

/* vm_stream_after - the streams of @vm's consoles: its own first (@s NULL), then in the order of their making. NULL: no more. */
static inline struct term_stream *vm_stream_after(const struct vm *vm, const struct term_stream *s)
{
	const struct vm_console *c = vm->consoles;

	if (!s && vm->stream)
		return vm->stream;
	if (s && s != vm->stream) {
		while (c && c->stream != s)
			c = c->next;
		c = c ? c->next : NULL;
	}
	return c ? c->stream : NULL;
}

/* vm_for_each_stream - @s is each of them. */
#define vm_for_each_stream(s, vm) \
	for ((s) = vm_stream_after((vm), NULL); (s); (s) = vm_stream_after((vm), (s)))

/* vm_has_stream - is @s, which may be NULL, one of them? */
static inline bool vm_has_stream(const struct vm *vm, const struct term_stream *s)
{
	const struct term_stream *of;

	vm_for_each_stream(of, vm) if (of == s) return true;
	return false;
}

/* vm_written_at - host time of the last output of any of them; 0: there was none. */
static inline uint64_t vm_written_at(const struct vm *vm)
{
	const struct term_stream *s;
	uint64_t last = 0;

	vm_for_each_stream(s, vm) last = max_u64(last, term_stream_written_at(s));
	return last;
}

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

/*
 * vcpu_sleep_to_try - own pcpu, handling an exit: @v sleeps until vcpu_unhalt(), before an instruction is executed again.
 * An interrupt that the guest does not take now must not end the sleep: the instruction would be tried over and over.
 * In VU-mode interrupts are enabled whatever SIE says.
 */
static inline void vcpu_sleep_to_try(struct vcpu *v)
{
	bool takes = !(v->regs.sstatus & SSTATUS_SPP) || (csr_read(CSR_VSSTATUS) & SSTATUS_SIE);

	vcpu_halt(v, takes ? SLEEP_WFI : SLEEP_PV_WAIT);
}

#endif
