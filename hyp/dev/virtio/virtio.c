// SPDX-License-Identifier: BSD-2-Clause
#include "dev/virtio/virtio.h"

#include "dev/virtio/transport.h"
#include "lib/index.h"
#include "vcpu/layout.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm_mem.h"

/* --- work on queues ------------------------------------------------------------------------------- */

/*
 * 1: the queue has a chain. 0: there is nothing to do, and the driver is to tell of the next chain. @first: in this step.
 * Later on virtq_rearm() sees by itself whether there are more than those that are known.
 */
static int next_chain(struct virtio_dev *d, struct virtq *q, bool first, bool *interrupt)
{
	int err = HV_ENOENT;

	if (q->busy)
		return 1;
	if (d->ops->wants && !d->ops->wants(d, q))
		return 0;
	if (first || virtq_knows(q))
		err = virtq_pop(q);
	if (err == HV_ENOENT) {
		bool wanted;

		err = virtq_rearm(q, &wanted);
		*interrupt |= wanted;
		if (err != 1) /* otherwise one came just now, and told nothing */
			return err;
		err = virtq_pop(q);
	}
	return err == HV_OK ? 1 : err;
}

/*
 * Memory that the VM has given back and that @q needs comes again, a step of it. False: all is there. *@err, 1: try again; 0: the
 * host has none, and no vcpu waits for it here.
 */
static noinline bool bring_hole(const struct virtio_dev *d, const struct virtq *q, bool guest,
				int *err)
{
	struct vm_balloon *b = d->vm->balloon;
	gpa_t a;

	if (d->ops->takes_pages || !virtq_hole(q, &a))
		return false;
	*err = b->touch(b, guest ? this_vcpu() : NULL, a) || guest ||
	       !gstage_is_hole(&d->vm->gstage, a);
	return true;
}

static inline bool bring(const struct virtio_dev *d, const struct virtq *q, bool guest, int *err)
{
	return d->vm->balloon && bring_hole(d, q, guest, err);
}

/* Chain after chain, up to one step's work. 1: there is more. */
static int work(struct virtio_dev *d, struct virtq *q, bool guest, bool *interrupt)
{
	int64_t budget = VIRTIO_STEP;
	int err = virtq_open(q);

	if (err == HV_EFAULT && bring(d, q, guest, &err))
		return err;
	if (err == HV_OK)
		err = virtq_quiet(q);
	if (err == HV_OK && d->ops->collect)
		err = d->ops->collect(d, q);
	if (err != HV_OK)
		return err;
	while (budget > 0) {
		int64_t moved;

		err = next_chain(d, q, budget == VIRTIO_STEP, interrupt);
		if (err <= 0 || bring(d, q, guest, &err))
			return err;
		moved = d->ops->handle(d, q, (uint64_t)budget);
		if (moved < 0)
			return moved == HV_EBUSY ? 0 : (int)moved;
		budget -= moved + (int64_t)VIRTIO_STEP_CHAIN;
	}
	return 1;
}

/* In a bracket, with the queue's lock. */
static int serve(struct virtio_dev *d, struct virtq *q, bool guest)
{
	bool interrupt = false, last = false;
	int more = work(d, q, guest, &interrupt);

	if (d->ops->step_ends)
		d->ops->step_ends(d, q);
	if (more >= 0 && !virtq_is_published(q) && virtq_publish(q, &last) != HV_OK)
		more = HV_EFAULT;
	if (interrupt || last)
		virtio_interrupt(d, VIRTIO_INT_USED);
	return more;
}

/* A device that asks for a reset works no more, but the other queues of it do (2.1.2). */
static bool may_work(const struct virtio_dev *d, const struct virtq *q)
{
	return q->ready && (atomic_read(&d->status) & VIRTIO_DRIVER_OK);
}

/* The driver has made an error. With the queue's lock; virtio_needs_reset() is due. */
static void break_queue(struct virtio_dev *d, struct virtq *q)
{
	virtq_disable(q);
	if (d->ops->stopped)
		d->ops->stopped(d, q);
}

bool virtio_serve(struct virtio_dev *d, unsigned int index, bool guest)
{
	struct virtq *q = &d->queues[index_below(index, d->nr_queues)];
	int more = 0;

	spin_lock(&q->lock);
	if (guest)
		counter_inc(&q->counts.notified);
	if (may_work(d, q) && vm_mem_begin(d->vm)) {
		/* In the bracket: a pause waits for it (vm_pause). The guest's store is executed again when it goes on. */
		more = vm_may_run(d->vm) ? serve(d, q, guest) : guest;
		vm_mem_end();
	}
	if (more < 0)
		break_queue(d, q);
	spin_unlock(&q->lock);
	if (more < 0)
		virtio_needs_reset(d);
	if (d->ops->served)
		d->ops->served(d, index, guest);
	return more > 0;
}

void virtio_serve_all(struct virtio_dev *d, unsigned int index)
{
	while (virtio_serve(d, index, false))
		;
}

/* The rest of the queue is not looked at: the driver notifies of chains to come, or virtio_serve() knows of them. */
bool virtio_push_at_once(struct virtio_dev *d, struct virtq *q, uint16_t head, uint32_t written,
			 gpa_t at, uint8_t val)
{
	bool interrupt = false, good;

	if (!may_work(d, q) || !vm_mem_begin(d->vm))
		return false;
	good = vm_may_run(d->vm) && virtq_open(q) == HV_OK && virtq_put_byte(q, at, val) == HV_OK &&
	       virtq_push_and_publish(q, head, written, &interrupt) == HV_OK;
	vm_mem_end();
	if (interrupt)
		virtio_interrupt(d, VIRTIO_INT_USED);
	return good;
}

/* --- another VM's hart ---------------------------------------------------------------------------- */

bool virtio_there_anew(const struct virtio_dev *d, const struct virtq *q)
{
	int unused;

	return !bring_hole(d, q, false, &unused);
}

bool virtio_borrow(struct virtio_dev *d, struct virtq *q)
{
	int err = HV_EBUSY;

	spin_lock(&q->lock);
	if (may_work(d, q) && vm_mem_also(d->vm) && vm_may_run(d->vm)) {
		err = virtq_open(q);
		if (err == HV_OK)
			return true;
		if (err == HV_EFAULT && !virtio_there(d, q))
			err = HV_EBUSY;
	}
	if (err != HV_EBUSY)
		break_queue(d, q);
	spin_unlock(&q->lock);
	if (err != HV_EBUSY)
		virtio_needs_reset(d);
	return false;
}

void virtio_return(struct virtio_dev *d, struct virtq *q, int err)
{
	bool interrupt = false;

	if (err == HV_OK && !virtq_is_published(q))
		err = virtq_publish(q, &interrupt);
	if (interrupt)
		virtio_interrupt(d, VIRTIO_INT_USED);
	if (err != HV_OK)
		break_queue(d, q);
	spin_unlock(&q->lock);
	if (err != HV_OK)
		virtio_needs_reset(d);
}

/* --- life ------------------------------------------------------------------------------------------ */

cold bool virtio_reset(struct virtio_dev *d)
{
	bool over = true;

	/* From here on no queue is worked on, and another vcpu cannot start the device. */
	spin_lock(&d->lock);
	d->resets++;
	atomic_set(&d->status, 0);
	spin_unlock(&d->lock);
	for (unsigned int i = 0; i < d->nr_queues; i++) {
		struct virtq *q = &d->queues[i];
		bool was_ready;

		spin_lock(&q->lock);
		was_ready = q->ready;
		virtq_disable(q);
		if (was_ready && d->ops->stopped)
			d->ops->stopped(d, q);
		over &= !(d->ops->busy && d->ops->busy(d, q));
		spin_unlock(&q->lock);
	}
	if (d->ops->reset)
		d->ops->reset(d);
	spin_lock(&d->lock);
	if (over)
		virtio_reset_registers(d);
	d->resets--;
	spin_unlock(&d->lock);
	return over;
}

static_assert(_Alignof(struct virtq_buf) <= _Alignof(struct vm_mem_window), "one behind the other");

static int init_queues(struct virtio_dev *d, struct arena *a, unsigned int nr, uint16_t size)
{
	d->queues = arena_alloc(a, nr * sizeof(*d->queues), _Alignof(struct virtq));
	if (!d->queues)
		return HV_ENOMEM;
	d->nr_queues = nr;
	for (unsigned int i = 0; i < nr; i++) {
		struct virtq *q = &d->queues[i];

		spin_init(&q->lock, LOCK_VIRTQ);
		q->vm = d->vm;
		q->index = i;
		q->max = size;
		/* Both in one piece. */
		q->window = arena_alloc(a, sizeof(*q->window) + size * sizeof(*q->bufs),
					_Alignof(struct vm_mem_window));
		if (!q->window)
			return HV_ENOMEM;
		q->bufs = (struct virtq_buf *)(q->window + 1);
		virtq_disable(q);
	}
	return HV_OK;
}

static int take_slot(struct virtio_dev *d, const struct vm_part_args *args)
{
	unsigned int wanted = ((const struct virtio_config *)args->config)->slot;
	int err = virtio_slots_take(d->vm->virtio, d, wanted);

	if (err == HV_EEXIST)
		config_error(args->node, "slot", "must be free: the slot has a device already");
	else if (err != HV_OK)
		config_error(args->node, NULL,
			     "all %u virtio slots have a device: must be %u "
			     "devices at most",
			     VIRTIO_SLOTS, VIRTIO_SLOTS);
	return err == HV_OK ? HV_OK : HV_EINVAL;
}

cold int virtio_init(struct virtio_dev *d, struct vm *vm, const struct vm_part_args *args,
		     const struct virtio_ops *ops, uint64_t features, unsigned int nr,
		     uint16_t size)
{
	int err;

	d->ops = ops;
	d->vm = vm;
	d->offered = features | VIRTIO_F_VERSION_1 | VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC |
		     (ops->out_of_order ? 0 : VIRTIO_F_IN_ORDER) | VIRTIO_F_RING_RESET;
	spin_init(&d->lock, LOCK_VDEV);
	d->page = arena_pages(&vm->arena, PAGE_SIZE);
	err = d->page ? init_queues(d, &vm->arena, nr, size) : HV_ENOMEM;
	if (err == HV_OK)
		err = take_slot(d, args);
	if (err != HV_OK)
		return err;
	d->irq = virq_of(vm, VVIRTIO_IRQ + d->slot);
	d->phandle = vm_new_phandle(vm);
	virtio_init_registers(d);
	return HV_OK;
}
