// SPDX-License-Identifier: BSD-2-Clause
#include "dev/virtio/balloon.h"

#include "arch/cache.h"
#include "arch/memmap.h"
#include "lib/log.h"
#include "mm/page.h"
#include "vcpu/console.h"
#include "vcpu/vm_mem.h"

/* How often a vcpu looks for memory while the host has none, and how often the log tells of it. */
#define LOOK_NS UINT64_C(10000000)
#define TELL_NS UINT64_C(60000000000)

static struct vballoon *balloon_of(struct vm_balloon *port)
{
	return container_of(port, struct vballoon, port);
}

/* --- the job: with vm->lock ------------------------------------------------------------------------ */

static void job_begin(struct balloon_job *j, gpa_t at, hpa_t host, bool fill)
{
	*j = (struct balloon_job){ at, host, GSTAGE_LEAF, fill, 0 };
	atomic_set_release(&j->active, 1);
}

/* It is clear. Where it cannot be mapped, for want of a table, the pool has it, and the next touch begins again. */
static void job_end(struct vballoon *b)
{
	const struct balloon_job *j = &b->job;

	if (!j->fill || gstage_put_leaf(&b->dev.vm->gstage, j->at, j->host) != HV_OK)
		page_free(j->host, GSTAGE_LEAF);
	atomic_set_release(&b->job.active, 0);
}

static void job_step(struct vballoon *b)
{
	struct balloon_job *j = &b->job;
	uint8_t *p = (uint8_t *)hpa_to_ptr(j->host) + (GSTAGE_LEAF - j->left);
	uint64_t n = min_u64(j->left, VIRTIO_STEP);

	arch_wipe_range(p, n);
	j->left -= n;
	if (j->left == 0)
		job_end(b);
}

/* --- giving back ----------------------------------------------------------------------------------- */

/*
 * The flush is complete before the memory is written or freed: no hart has a translation of it, no vcpu that handles an exit
 * and no device has a pointer to it.
 */
static int take(struct vballoon *b, gpa_t a)
{
	struct vm *vm = b->dev.vm;
	hpa_t host;
	int err;

	vm_mem_change_begins(vm);
	err = gstage_take_leaf(&vm->gstage, a, &host);
	vm_mem_change_ends(vm);
	if (err != HV_OK)
		return err;
	(void)vm_make_all_vcpus_request(vm, REQUEST_TLB_FLUSH);
	vm_mem_wait();
	/* A device of the machine may have it: then it is filled again. */
	job_begin(&b->job, a, host, atomic_read_acquire(&vm->dma) != 0);
	return HV_OK;
}

bool balloon_give_step(struct vballoon *b, struct vcpu *v, gpa_t a)
{
	struct vm *vm = b->dev.vm;
	int err = HV_OK;

	/* Another vcpu may hold the lock, and wait until this one is outside guest mode. */
	if (vcpu_mode(v) != OUTSIDE_GUEST_MODE)
		vcpu_leave(v);
	spin_lock(&vm->lock);
	if (b->job.active)
		job_step(b);
	else
		err = take(b, a);
	spin_unlock(&vm->lock);
	return err == HV_OK;
}

/* --- getting it again ------------------------------------------------------------------------------- */

static void look_again(struct timer *t)
{
	struct vballoon *b = container_of(t, struct vballoon, timer);
	struct vcpu_set set = vcpu_set_atomic_take(&b->waits);
	struct vcpu *v;

	vm_for_each_vcpu(v, b->dev.vm, set)
		vcpu_unhalt(v);
}

/* The host has no leaf. @v looks again soon. */
static void wait_for_memory(struct vballoon *b, struct vcpu *v)
{
	uint64_t now = timer_now();

	if (b->told_at == 0 || now - b->told_at > timer_ns_to_ticks(TELL_NS)) {
		b->told_at = now;
		log_warn(
			"%s: waits for memory: it has given some back, and the machine has none left",
			b->dev.vm->name);
	}
	vcpu_set_atomic_add(&b->waits, v->id);
	timer_arm(&b->timer, now + timer_ns_to_ticks(LOOK_NS));
	vcpu_sleep_to_try(v);
}

/* With vm->lock. False: the host has no memory. */
static bool fill_step(struct vballoon *b, gpa_t a)
{
	hpa_t host;

	if (!b->job.active) {
		if (!page_alloc(GSTAGE_LEAF, GSTAGE_LEAF, &host))
			return false;
		job_begin(&b->job, gpa(align_down(a.gpa, GSTAGE_LEAF)), host, true);
	}
	job_step(b);
	return true;
}

/* A lock that is taken: the caller tries again, after its interrupts. */
static bool balloon_touch(struct vm_balloon *port, struct vcpu *v, gpa_t a)
{
	struct vballoon *b = balloon_of(port);
	struct vm *vm = b->dev.vm;
	bool filled = true;

	if (!gstage_is_hole(&vm->gstage, a))
		return false;
	if (!spin_trylock(&vm->lock))
		return true;
	if (gstage_is_hole(&vm->gstage, a))
		filled = fill_step(b, a);
	if (!filled && v)
		wait_for_memory(b, v);
	spin_unlock(&vm->lock);
	return filled || v;
}

/* RAM that is there faults where the hart remembers the hole. */
static bool balloon_fault(struct vm_balloon *port, struct vcpu *v, gpa_t a)
{
	if (!gstage_is_ram(&v->vm->gstage, a, 1))
		return false;
	if (!balloon_touch(port, v, a))
		vcpu_make_request(REQUEST_TLB_FLUSH, v);
	return true;
}

/* --- life ------------------------------------------------------------------------------------------- */

cold void balloon_ram_init(struct vballoon *b)
{
	timer_init(&b->timer, look_again);
	b->port.touch = balloon_touch;
	b->port.fault = balloon_fault;
}

/* The end of a life clears the VM's RAM. So a leaf that is in hand goes there as it is. */
cold void balloon_ram_reset(struct vballoon *b)
{
	struct balloon_job *j = &b->job;

	timer_cancel(&b->timer);
	vm_mem_wait(); /* for device code that has seen the VM run (dev/virtio/virtio.c), and fills a hole */
	vcpu_set_atomic_clear(&b->waits);
	b->told_at = 0;
	if (j->active && gstage_put_leaf(&b->dev.vm->gstage, j->at, j->host) == HV_OK)
		j->active = 0;
	while (j->active) { /* no table for it */
		j->fill = false;
		job_step(b);
	}
}
