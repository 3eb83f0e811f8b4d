// SPDX-License-Identifier: BSD-2-Clause
#include "vcpu/magic.h"

#include <string.h>

#include "arch/cache.h"
#include "arch/memmap.h"
#include "lib/errno.h"
#include "mm/page.h"
#include "vcpu/vm_mem.h"

static bool make_page(struct vcpu *v)
{
	if (v->magic_page)
		return true;
	v->magic_page = page_alloc_zeroed(PAGE_SIZE, PAGE_SIZE);
	if (v->magic_page)
		arch_clean_range(v->magic_page, PAGE_SIZE);
	return v->magic_page != NULL;
}

/*
 * Take away what was mapped at @a. Under vm->lock, the caller's @v is in no reader's bracket. The flush is after the last
 * change, that of the tables: until it is done a hart may use one that was taken out, and the next map uses it, too.
 */
static void unmap(struct vm *vm, gpa_t a)
{
	gstage_unmap_page(&vm->gstage, a);
	(void)vm_make_all_vcpus_request(vm, REQUEST_TLB_FLUSH);
	vm_mem_wait(); /* a table that was taken out is used for the next map */
}

static int map(struct vcpu *v, gpa_t a)
{
	gpa_t old = v->magic_at;
	bool moves = v->magic != NULL;
	int err;

	if (moves && old.gpa == a.gpa)
		return HV_OK;
	err = gstage_map_page(&v->vm->gstage, a, ptr_to_hpa(v->magic_page));
	if (err == HV_ENOMEM) { /* tables came and went */
		(void)vm_make_all_vcpus_request(v->vm, REQUEST_TLB_FLUSH);
		vm_mem_wait();
	}
	if (err != HV_OK)
		return err;
	v->magic = v->magic_page;
	v->magic_at = a;
	if (moves)
		unmap(v->vm, old);
	else /* a hart may remember that there was nothing */
		(void)vm_make_all_vcpus_request(v->vm, REQUEST_TLB_FLUSH);
	return HV_OK;
}

int vcpu_magic_map(struct vcpu *v, gpa_t a)
{
	int err;

	if (!is_aligned(a.gpa, PAGE_SIZE))
		return HV_EINVAL;
	if (!make_page(v))
		return HV_ENOMEM;
	spin_lock(&v->vm->lock);
	err = map(v, a);
	spin_unlock(&v->vm->lock);
	return err;
}

int vcpu_magic_unmap(struct vcpu *v)
{
	if (!v->magic)
		return HV_ENOENT;
	spin_lock(&v->vm->lock);
	v->magic = NULL;
	unmap(v->vm, v->magic_at);
	spin_unlock(&v->vm->lock);
	return HV_OK;
}

static uint64_t all_exits(const struct vcpu *v)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < NR_VCPU_EXITS; i++)
		sum += v->stats.exits[i];
	return sum;
}

/*
 * The sequence is odd from before the first change until after the last one. Until it is put, se.since is
 * when it began to run, so run, steal and the time it slept add up to the time that has gone, to the tick.
 */
void vcpu_magic_write(struct vcpu *v, uint32_t state)
{
	struct hartvisor_magic *m = v->magic;
	uint64_t now = timer_now();
	uint64_t run = atomic_read(&v->se.run_ticks) + now - atomic_read(&v->se.since);
	uint64_t steal = atomic_read(&v->se.wait_ticks) - v->steal_base;

	atomic_set(&m->sequence, m->sequence + 1);
	fence_release();
	m->version = HARTVISOR_MAGIC_VERSION;
	m->hartid = v->id;
	m->host_hart = this_pcpu()->index;
	m->state = state;
	m->since = vm_guest_time(v->vm, now);
	m->run = timer_ticks_to_ns(run - v->magic_run_base);
	m->steal = timer_ticks_to_ns(steal);
	m->exits = all_exits(v) - v->magic_exits_base;
	atomic_set_release(&m->sequence, m->sequence + 1);
}

void vcpu_magic_reset(struct vcpu *v)
{
	if (v->magic) {
		gstage_unmap_page(&v->vm->gstage, v->magic_at);
		v->magic = NULL;
	}
	if (v->magic_page)
		memset(v->magic_page, 0, PAGE_SIZE);
	v->magic_run_base = v->se.run_ticks;
	v->magic_exits_base = all_exits(v);
}

void vcpu_magic_free(struct vcpu *v)
{
	v->magic = NULL;
	if (v->magic_page)
		page_free(ptr_to_hpa(v->magic_page), PAGE_SIZE);
	v->magic_page = NULL;
}
