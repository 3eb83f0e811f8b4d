// SPDX-License-Identifier: BSD-2-Clause
/*
 * The registers of virtio-mmio version 2 (virtio 1.2, section 4.2.2) that a driver writes. Those that it reads are in the
 * device's page; what a write changes is stored there before the write is over.
 *
 * A driver selects a queue or a word of features by a write, so what it reads then belongs to one vcpu at a time. Two that do
 * so at once read each other's, and set up each other's queue: theirs to avoid, and no more than what one alone may do.
 */
#include "arch/trace.h"
#include "dev/virtio/transport.h"
#include "lib/index.h"
#include "vcpu/console.h"
#include "vcpu/vm_mem.h"

static uint32_t *page_word(const struct virtio_dev *d, uint64_t off)
{
	return (uint32_t *)(void *)(d->page + off % PAGE_SIZE);
}

static void page_set(const struct virtio_dev *d, uint64_t off, uint32_t val)
{
	atomic_set(page_word(d, off), val);
}

/* --- queues --------------------------------------------------------------------------------------- */

static struct virtq *queue(const struct virtio_dev *d, uint32_t index)
{
	return index < d->nr_queues ? &d->queues[index_below(index, d->nr_queues)] : NULL;
}

/* The queue that the driver has selected, locked; NULL: there is none. */
static struct virtq *selected(struct virtio_dev *d)
{
	struct virtq *q;

	spin_lock(&d->lock);
	q = queue(d, d->queue_sel);
	spin_unlock(&d->lock);
	if (q)
		spin_lock(&q->lock);
	return q;
}

static void show_queue(const struct virtio_dev *d)
{
	const struct virtq *q = queue(d, d->queue_sel);

	page_set(d, VIRTIO_MMIO_QUEUE_SIZE_MAX, q ? q->max : 0);
	page_set(d, VIRTIO_MMIO_QUEUE_READY, q ? atomic_read(&q->ready) : 0);
}

static void select_queue(struct virtio_dev *d, uint32_t val)
{
	spin_lock(&d->lock);
	d->queue_sel = val;
	show_queue(d);
	spin_unlock(&d->lock);
}

static void show_ready(struct virtio_dev *d)
{
	spin_lock(&d->lock);
	show_queue(d);
	spin_unlock(&d->lock);
}

static void set_size(struct virtio_dev *d, uint32_t val)
{
	struct virtq *q = selected(d);

	if (!q)
		return;
	if (!q->ready) /* 0, which no queue may have, for what does not fit */
		q->size = val > q->max ? 0 : (uint16_t)val;
	spin_unlock(&q->lock);
}

/* One half of an address. A queue that is ready keeps what it has. */
static void set_address(struct virtio_dev *d, enum virtq_part part, bool high, uint32_t val)
{
	struct virtq *q = selected(d);
	gpa_t *a;

	if (!q)
		return;
	a = &q->ring.at[part % VIRTQ_PARTS];
	if (!q->ready)
		*a = high ? gpa((uint64_t)val << 32 | (uint32_t)a->gpa) :
			    gpa((a->gpa >> 32) << 32 | val);
	spin_unlock(&q->lock);
}

static bool is_busy(struct virtio_dev *d, const struct virtq *q)
{
	return d->ops->busy && d->ops->busy(d, q);
}

/* What the driver takes back it may use for something else at once: no chain is being worked on then. False: one still is. */
static bool stop_queue(struct virtio_dev *d, struct virtq *q)
{
	virtq_disable(q);
	if (d->ops->stopped)
		d->ops->stopped(d, q);
	return !is_busy(d, q);
}

/* The driver sees it stopped, or its store is executed again until it is. */
static void show_stopped(struct virtio_dev *d, bool over)
{
	if (over)
		show_ready(d);
	else
		vcpu_try_again(this_vcpu());
}

/* HV_EBUSY: the store is to be executed again. */
static int enable(struct virtio_dev *d, struct virtq *q)
{
	struct vm_balloon *b = d->vm->balloon;
	gpa_t a;
	int err;

	if (!vm_mem_begin(d->vm))
		return HV_EFAULT;
	/* What the ring lies in may have been given back, and not be touched yet. */
	if (b && virtq_hole(q, &a)) {
		(void)b->touch(b, this_vcpu(), a);
		err = HV_EBUSY;
	} else {
		err = virtq_enable(q, virtio_has(d, VIRTIO_F_EVENT_IDX),
				   virtio_has(d, VIRTIO_F_INDIRECT_DESC));
	}
	vm_mem_end();
	return err;
}

static void set_ready(struct virtio_dev *d, uint32_t val)
{
	struct virtq *q = selected(d);
	bool over = true;
	int err = HV_OK;

	if (!q)
		return;
	if (val == 1 && !q->ready)
		err = enable(d, q);
	else if (val == 0)
		over = q->ready ? stop_queue(d, q) : !is_busy(d, q);
	spin_unlock(&q->lock);
	show_stopped(d, over);
	if (err == HV_EBUSY)
		vcpu_try_again(this_vcpu());
	else if (err != HV_OK)
		virtio_needs_reset(d);
}

/* It is over when the driver's store is, so it reads 0 (2.6.1, "Virtqueue Reset"). */
static void reset_queue(struct virtio_dev *d, uint32_t val)
{
	struct virtq *q = val == 1 && virtio_has(d, VIRTIO_F_RING_RESET) ? selected(d) : NULL;
	bool over;

	if (!q)
		return;
	over = stop_queue(d, q);
	spin_unlock(&q->lock);
	show_stopped(d, over);
}

static void trace_notify(const struct virtio_dev *d, uint32_t index, uint32_t unused)
{
	(void)unused;
	trace_event(TRACE_QUEUE, sched_label(&this_vcpu()->se), index, d->slot, 0);
}

/* What is left of the work is the store's, which is executed again. */
static void notify(struct virtio_dev *d, uint32_t index)
{
	if (trace_is_on())
		trace_call(trace_notify, d, index, 0);
	if (index < d->nr_queues && virtio_serve(d, index, true))
		vcpu_try_again(this_vcpu());
}

/* --- features and status -------------------------------------------------------------------------- */

static void select_features(struct virtio_dev *d, uint32_t val)
{
	page_set(d, VIRTIO_MMIO_DEVICE_FEATURES,
		 val == 0 ? (uint32_t)d->offered :
		 val == 1 ? (uint32_t)(d->offered >> 32) :
			    0);
}

static void take_features(struct virtio_dev *d, uint32_t val)
{
	uint64_t low;

	spin_lock(&d->lock);
	low = (uint32_t)d->features;
	if (!(d->status & VIRTIO_DRIVER) || (d->status & VIRTIO_FEATURES_OK))
		;
	else if (d->features_sel == 0)
		d->features = d->features >> 32 << 32 | val;
	else if (d->features_sel == 1)
		d->features = (uint64_t)val << 32 | low;
	else if (val != 0)
		d->features = UINT64_MAX; /* what was never offered */
	spin_unlock(&d->lock);
}

static void select_driver_features(struct virtio_dev *d, uint32_t val)
{
	spin_lock(&d->lock);
	d->features_sel = val;
	spin_unlock(&d->lock);
}

static void show_status(const struct virtio_dev *d)
{
	page_set(d, VIRTIO_MMIO_STATUS, d->status);
}

/* FEATURES_OK stays off when the driver has taken what was not offered, or not what something else needs (3.1.1, 6.1). */
static uint32_t allowed_status(const struct virtio_dev *d, uint32_t val)
{
	const uint32_t known = VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_DRIVER_OK |
			       VIRTIO_FEATURES_OK | VIRTIO_FAILED;

	val &= known;
	if ((d->features & ~d->offered) || !(d->features & VIRTIO_F_VERSION_1) ||
	    (d->ops->agrees && !d->ops->agrees(d, d->features)))
		val &= ~VIRTIO_FEATURES_OK;
	if (!(val & VIRTIO_FEATURES_OK))
		val &= ~VIRTIO_DRIVER_OK;
	return d->resets ? 0 : val;
}

/* No bit goes but by a reset (2.1.1). */
static void set_status(struct virtio_dev *d, uint32_t val)
{
	bool starts;

	if (val == 0) {
		if (!virtio_reset(d))
			vcpu_try_again(this_vcpu());
		return;
	}
	spin_lock(&d->lock);
	val = allowed_status(d, val) | d->status;
	starts = (val & ~d->status) & VIRTIO_DRIVER_OK;
	atomic_set(&d->status, val);
	show_status(d);
	spin_unlock(&d->lock);
	if (!(val & VIRTIO_DRIVER_OK))
		return;
	if (starts && d->ops->started)
		d->ops->started(d);
	/* A driver may have notified too early. The store that is executed again goes on with it. */
	for (unsigned int i = 0; i < d->nr_queues; i++)
		if (virtio_serve(d, i, true))
			vcpu_try_again(this_vcpu());
}

/* --- interrupts ----------------------------------------------------------------------------------- */

static void show_interrupts(struct virtio_dev *d, uint32_t val)
{
	const bool was = d->interrupts != 0;

	d->interrupts = val;
	page_set(d, VIRTIO_MMIO_INTERRUPT_STATUS, val);
	if ((val != 0) != was)
		virq_set_level(d->irq, val != 0);
}

/* No interrupt before DRIVER_OK (3.1.1). */
void virtio_interrupt(struct virtio_dev *d, uint32_t why)
{
	spin_lock(&d->lock);
	if (d->status & VIRTIO_DRIVER_OK)
		show_interrupts(d, d->interrupts | why);
	spin_unlock(&d->lock);
}

static void acknowledge(struct virtio_dev *d, uint32_t val)
{
	spin_lock(&d->lock);
	show_interrupts(d, d->interrupts & ~val);
	spin_unlock(&d->lock);
}

void virtio_needs_reset(struct virtio_dev *d)
{
	spin_lock(&d->lock);
	atomic_set(&d->status, d->status | VIRTIO_NEEDS_RESET);
	show_status(d);
	show_queue(d); /* it has been stopped */
	spin_unlock(&d->lock);
	virtio_interrupt(d, VIRTIO_INT_CONFIG);
}

void virtio_config_changed(struct virtio_dev *d)
{
	spin_lock(&d->lock);
	page_set(d, VIRTIO_MMIO_CONFIG_GENERATION,
		 *page_word(d, VIRTIO_MMIO_CONFIG_GENERATION) + 1);
	spin_unlock(&d->lock);
	virtio_interrupt(d, VIRTIO_INT_CONFIG);
}

/* --- all of them ---------------------------------------------------------------------------------- */

void virtio_init_registers(struct virtio_dev *d)
{
	page_set(d, VIRTIO_MMIO_MAGIC_VALUE, VIRTIO_MMIO_MAGIC);
	page_set(d, VIRTIO_MMIO_VERSION, VIRTIO_MMIO_VERSION_2);
	page_set(d, VIRTIO_MMIO_DEVICE_ID, d->ops->id);
	page_set(d, VIRTIO_MMIO_VENDOR_ID, VIRTIO_VENDOR);
	for (unsigned int i = 0; i < 4; i++) /* no shared memory */
		page_set(d, VIRTIO_MMIO_SHM_LEN_LOW + 4 * i, UINT32_MAX);
	virtio_reset_registers(d);
}

void virtio_reset_registers(struct virtio_dev *d)
{
	d->features = 0;
	d->features_sel = d->queue_sel = 0;
	atomic_set(&d->status, 0);
	select_features(d, 0);
	show_queue(d);
	show_status(d);
	show_interrupts(d, 0);
}

static void write_queue_register(struct virtio_dev *d, uint64_t off, uint32_t val)
{
	switch (off) {
	case VIRTIO_MMIO_QUEUE_SEL:
		select_queue(d, val);
		break;
	case VIRTIO_MMIO_QUEUE_SIZE:
		set_size(d, val);
		break;
	case VIRTIO_MMIO_QUEUE_READY:
		set_ready(d, val);
		break;
	case VIRTIO_MMIO_QUEUE_RESET:
		reset_queue(d, val);
		break;
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
		set_address(d, VIRTQ_PART_DESC, off == VIRTIO_MMIO_QUEUE_DESC_HIGH, val);
		break;
	case VIRTIO_MMIO_QUEUE_DRIVER_LOW:
	case VIRTIO_MMIO_QUEUE_DRIVER_HIGH:
		set_address(d, VIRTQ_PART_AVAIL, off == VIRTIO_MMIO_QUEUE_DRIVER_HIGH, val);
		break;
	case VIRTIO_MMIO_QUEUE_DEVICE_LOW:
	case VIRTIO_MMIO_QUEUE_DEVICE_HIGH:
		set_address(d, VIRTQ_PART_USED, off == VIRTIO_MMIO_QUEUE_DEVICE_HIGH, val);
		break;
	default: /* read-only, or none */
		break;
	}
}

static cold void write_other(struct virtio_dev *d, uint64_t off, unsigned int len, uint64_t val64)
{
	uint32_t val = (uint32_t)val64;

	if (off >= VIRTIO_MMIO_CONFIG) {
		if (d->ops->write_config)
			d->ops->write_config(d, off - VIRTIO_MMIO_CONFIG, len, val64);
		return;
	}
	if (len != 4)
		return;
	switch (off) {
	case VIRTIO_MMIO_STATUS:
		set_status(d, val);
		break;
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		select_features(d, val);
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		take_features(d, val);
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		select_driver_features(d, val);
		break;
	default:
		write_queue_register(d, off, val);
		break;
	}
}

/* The two that a driver writes all the time come first. */
void virtio_write_register(struct virtio_dev *d, uint64_t off, unsigned int len, uint64_t val)
{
	if (len == 4 && off == VIRTIO_MMIO_QUEUE_NOTIFY)
		notify(d, (uint32_t)val);
	else if (len == 4 && off == VIRTIO_MMIO_INTERRUPT_ACK)
		acknowledge(d, (uint32_t)val);
	else
		write_other(d, off, len, val);
}
