// SPDX-License-Identifier: BSD-2-Clause
#include "pv/magic.h"

#include <string.h>

#include "arch/cache.h"
#include "arch/memmap.h"
#include "lib/errno.h"
#include "mm/page.h"
#include "vcpu/vm_mem.h"

static bool make_page(struct vcpu *v)
{
	if (v->pv.magic.page)
		return true;
	v->pv.magic.page = page_alloc_zeroed(PAGE_SIZE, PAGE_SIZE);
	if (v->pv.magic.page)
		arch_clean_range(v->pv.magic.page, PAGE_SIZE);
	return v->pv.magic.page != NULL;
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
	gpa_t old = v->pv.magic.at;
	bool moves = v->pv.magic.mapped != NULL;
	int err;

	if (moves && old.gpa == a.gpa)
		return HV_OK;
	err = gstage_map_page(&v->vm->gstage, a, ptr_to_hpa(v->pv.magic.page));
	if (err == HV_ENOMEM) { /* tables came and went */
		(void)vm_make_all_vcpus_request(v->vm, REQUEST_TLB_FLUSH);
		vm_mem_wait();
	}
	if (err != HV_OK)
		return err;
	v->pv.magic.mapped = v->pv.magic.page;
	v->pv.magic.at = a;
	if (moves)
		unmap(v->vm, old);
	else /* a hart may remember that there was nothing */
		(void)vm_make_all_vcpus_request(v->vm, REQUEST_TLB_FLUSH);
	return HV_OK;
}

int pv_magic_map(struct vcpu *v, gpa_t a)
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

int pv_magic_unmap(struct vcpu *v)
{
	if (!v->pv.magic.mapped)
		return HV_ENOENT;
	spin_lock(&v->vm->lock);
	v->pv.magic.mapped = NULL;
	unmap(v->vm, v->pv.magic.at);
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
void pv_magic_write(struct vcpu *v, uint32_t state)
{
	struct hartvisor_magic *m = v->pv.magic.mapped;
	uint64_t now = timer_now();
	uint64_t run = sched_ran_ticks(&v->se, now);
	uint64_t steal = sched_waited_ticks(&v->se) - v->pv.steal.base;

	atomic_set(&m->sequence, m->sequence + 1);
	fence_release();
	m->version = HARTVISOR_MAGIC_VERSION;
	m->hartid = v->id;
	m->host_hart = this_pcpu()->index;
	m->state = state;
	m->since = vm_guest_time(v->vm, now);
	m->run = timer_ticks_to_ns(run - v->pv.magic.run_base);
	m->steal = timer_ticks_to_ns(steal);
	m->exits = all_exits(v) - v->pv.magic.exits_base;
	atomic_set_release(&m->sequence, m->sequence + 1);
}

void pv_magic_reset(struct vcpu *v)
{
	if (v->pv.magic.mapped) {
		gstage_unmap_page(&v->vm->gstage, v->pv.magic.at);
		v->pv.magic.mapped = NULL;
	}
	if (v->pv.magic.page)
		memset(v->pv.magic.page, 0, PAGE_SIZE);
	v->pv.magic.run_base = sched_run_ticks(&v->se);
	v->pv.magic.exits_base = all_exits(v);
}

void pv_magic_free(struct vcpu *v)
{
	v->pv.magic.mapped = NULL;
	if (v->pv.magic.page)
		page_free(ptr_to_hpa(v->pv.magic.page), PAGE_SIZE);
	v->pv.magic.page = NULL;
}
