/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM's memory for device code: from any hart, whether or not the VM runs there, for as long as the VM has a life. (A
 * vcpu that handles an exit of its own uses vcpu/guest_mem.h.)
 *
 * An access is a bracket: the pcpu says that it reads, looks whether the memory is open, walks the G-stage tables without
 * a lock, and says that it is done. Code that takes memory away first takes it out of the tables, or closes all of it. Then
 * it waits until no pcpu is in a bracket that began before (vm_mem_wait), and only then it frees the memory. A bracket has
 * a fence between its store and its look, and so has the wait: one of the two sees the other (fences D).
 *
 * Nothing waits in a bracket, so vm_mem_wait() takes as long as the longest bracket, and there is no circle. A coroutine
 * has no brackets, since it may be interrupted. Brackets of one pcpu do not nest.
 */
#ifndef VCPU_VM_MEM_H
#define VCPU_VM_MEM_H

#include "vcpu/vm.h"

/*
 * vm_mem_begin - a bracket begins. False: @vm has no life, and there is none. In it gstage_read(), gstage_write() and
 * gstage_write_ptr() of vm->gstage may be called; what they point to is good until vm_mem_end(), soon.
 */
bool vm_mem_begin(const struct vm *vm);
void vm_mem_end(void);

/* vm_mem_begin_for_any - a bracket of no VM begins, in which vm_mem_also() is asked of each VM. */
void vm_mem_begin_for_any(void);

/*
 * vm_mem_also - in a bracket, which began for another VM: may @vm's memory be used in it, too? A bracket's fence orders its
 * beginning before each look in it. So vm_mem_close() of @vm waits for the bracket, or is seen here.
 */
static inline bool vm_mem_also(const struct vm *vm)
{
	return atomic_read_acquire(&vm->mem_open);
}

/* Copy @len bytes from / to guest-physical @a, in a bracket of their own. HV_EFAULT: any of it is no memory of the guest's
 * that may be read / written, or @vm has no life. */
int vm_mem_read(const struct vm *vm, gpa_t a, void *buf, uint64_t len);
int vm_mem_write(const struct vm *vm, gpa_t a, const void *buf, uint64_t len);

/*
 * vm_mem_generation - in a bracket: pointers that an earlier bracket has got are good as long as this stays the same. To be
 * read before the walk that finds them: a walk that comes later sees what was taken out of the tables before.
 * vm_mem_change_begins, vm_mem_change_ends - memory is taken out of the tables in between, and it is odd. The end comes
 * before vm_mem_wait(). With vm->lock.
 */
static inline uint64_t vm_mem_generation(const struct vm *vm)
{
	return atomic_read_acquire(&vm->mem_gen);
}

static inline void vm_mem_change_begins(struct vm *vm)
{
	(void)atomic_fetch_add(&vm->mem_gen, 1);
}

static inline void vm_mem_change_ends(struct vm *vm)
{
	(void)atomic_fetch_add(&vm->mem_gen, 1);
}

/* Memory that lies together in the host's, and may be written, as it was in generation @gen. All zeroes at first. */
struct vm_mem_window {
	gpa_t start;
	uint64_t size;
	uint8_t *host;
	uint64_t gen;
};

/*
 * vm_mem_find - in a bracket: gstage_leaf(), which remembers in @w where it looked last, and looks at whole pieces of RAM. The
 * caller sees to it that one hart at a time uses @w.
 */
uint8_t *vm_mem_find_anew(const struct vm *vm, struct vm_mem_window *w, gpa_t a,
			  enum gstage_right right, uint64_t *len);

static inline uint8_t *vm_mem_find(const struct vm *vm, struct vm_mem_window *w, gpa_t a,
				   enum gstage_right right, uint64_t *len)
{
	uint64_t off = a.gpa - w->start.gpa;

	if (off >= w->size || w->gen != vm_mem_generation(vm)) {
		uint64_t found = *len; /* so that the caller's can be in a register */
		uint8_t *at = vm_mem_find_anew(vm, w, a, right, &found);

		*len = found;
		return at;
	}
	*len = min_u64(*len, w->size - off);
	return w->host + off;
}

/* vm_mem_open - the life cycle's: a life begins. vm_mem_close - it is over; when it returns no access goes on. */
void vm_mem_open(struct vm *vm);
void vm_mem_close(struct vm *vm);

/* vm_mem_wait - until each bracket that began before is over. What was taken out of tables before is in no use then. */
void vm_mem_wait(void);

#endif
