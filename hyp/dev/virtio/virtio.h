/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtio device of a guest behind the transport virtio-mmio (virtio 1.2, section 4.2): registers, status, features and
 * interrupts, which all devices have alike. A device is a structure that begins with struct virtio_dev, and its operations.
 *
 * The registers that a guest reads are a page of memory, which is also mapped read-only at the device's address: a read takes
 * no exit. A write does, and is the device's whole input. No read has a side effect (4.2.2), so this is all there is to it.
 *
 * A driver that notifies waits in that exit while the device works, a bounded step at a time (VIRTIO_STEP). Between two
 * steps the hart takes interrupts, and the scheduler may give it to another vcpu. Then the driver's store is executed again,
 * and the device goes on. So the work is the vcpu's own time, by its VM's weight and cap.
 *
 * Locks: a queue's (virtq.h), then the device's, then the interrupt controller's.
 */
#ifndef DEV_VIRTIO_VIRTIO_H
#define DEV_VIRTIO_VIRTIO_H

#include "dev/virtio/look.h"
#include "dev/virtio/virtq.h"
#include "irqchip/virqchip.h"
#include "vcpu/vm_part.h"

/* One step: so many bytes are moved, and each chain counts as some more. */
#define VIRTIO_STEP	  KIB(64)
#define VIRTIO_STEP_CHAIN KIB(2)

struct virtio_dev;

struct virtio_ops {
	const char *name; /* of the device in messages */
	uint32_t id;	  /* of its type */
	/* Buffers are memory that the guest gives away, which need not be there. */
	bool takes_pages;
	/*
	 * handle - work on the chain of @q (q->chain), moving @budget bytes at most, and push it when it is done; else the
	 * device is called again with the same chain. Returns how many bytes it moved. HV_EBUSY: not now, the device has
	 * the queue served when it can go on. Another HV_E*: the chain is such that the device cannot go on. The queue's
	 * lock is held, in a bracket of vcpu/vm_mem.h.
	 */
	int64_t (*handle)(struct virtio_dev *d, struct virtq *q, uint64_t budget);
	/* wants - has the device something to do with a chain of @q? False: they stay where they are. NULL: always. With
	 * the queue's lock. */
	bool (*wants)(struct virtio_dev *d, const struct virtq *q);
	/* collect - push what has been detached and is over. With the queue's lock, in a bracket. HV_E*: as handle. NULL: nothing */
	int (*collect)(struct virtio_dev *d, struct virtq *q);
	/* busy - is something that was detached from @q not over yet? The driver sees a reset end only then. With the queue's lock.
	 * NULL: never */
	bool (*busy)(struct virtio_dev *d, const struct virtq *q);
	/* step_ends - the device has worked on @q for one step, or for none if the ring is not right. With the queue's lock, in a
	 * bracket. NULL: nothing. */
	void (*step_ends)(struct virtio_dev *d, struct virtq *q);
	/* agrees - do the features @features, all of them offered, go together? NULL: any do. With the device's lock. */
	bool (*agrees)(const struct virtio_dev *d, uint64_t features);
	/* Chains are used in any order: IN_ORDER is not offered. */
	bool out_of_order;
	/* served - virtio_serve() of queue @index is over, with what it has or has not done. No lock is held. NULL: nothing. */
	void (*served)(struct virtio_dev *d, unsigned int index, bool guest);
	/* reset - the driver resets the device, or the VM's life is over. No queue is ready, no lock is held. NULL: nothing */
	void (*reset)(struct virtio_dev *d);
	/* started - the driver has set DRIVER_OK. No lock is held. NULL: nothing. */
	void (*started)(struct virtio_dev *d);
	/* stopped - the queue @q, which has been stopped or reset by the driver, with its device or alone, or is broken, begins
	 * anew the next time; its lock is held. NULL: nothing. */
	void (*stopped)(struct virtio_dev *d, struct virtq *q);
	/* write_config - the driver writes @len bytes (1, 2, 4 or 8) at @off of the device's configuration, which may lie
	 * outside of it. No lock is held. NULL: all of it is read-only. */
	void (*write_config)(struct virtio_dev *d, uint64_t off, unsigned int len, uint64_t val);
};

struct virtio_dev {
	const struct virtio_ops *ops;
	struct vm *vm;
	struct virq irq;
	unsigned int slot; /* from 0 */
	uint32_t phandle;
	uint64_t offered; /* features; fixed */
	unsigned int nr_queues;
	struct virtq *queues;
	uint8_t *page; /* the registers; those that change are written with the lock, and read without */

	struct spinlock lock; /* LOCK_VDEV; guards all that follows */
	uint64_t features;    /* that the driver has taken; fixed once FEATURES_OK is set */
	uint32_t features_sel, queue_sel;
	uint32_t status; /* atomic */
	uint32_t interrupts;
	uint32_t resets; /* that are under way */
};

/* What each device's node may say, as the first member of its structure of properties. */
struct virtio_config {
	uint32_t slot; /* from 1; 0: the first that is free */
};

#define VIRTIO_PROPERTIES(type) PROPERTY_U32("slot", type, virtio.slot, 1, VIRTIO_SLOTS)

/*
 * virtio_init - @d, of zeroes, becomes a device of @vm in a slot, with @nr queues of at most @size entries, offering @features
 * and those of all devices. Memory from the VM's arena. HV_ENOMEM; HV_EINVAL after a message. While the VM is made.
 */
int virtio_init(struct virtio_dev *d, struct vm *vm, const struct vm_part_args *args,
		const struct virtio_ops *ops, uint64_t features, unsigned int nr, uint16_t size);

/*
 * virtio_reset - as the driver does it by writing 0 to Status; also a part's reset and destroy. No lock is held. False: it is
 * not over, since something that was detached from a queue is not (virtio_ops.busy); to be called again.
 */
bool virtio_reset(struct virtio_dev *d);

/*
 * virtio_serve - let the device work on queue @index as long as it has something to do, for one step. True: it has more to do.
 * @guest: a vcpu of the VM asks, in an exit of its own. Nothing is done while the VM is paused. A vcpu is to try again then;
 * a device's part that got input looks at it in vm_part.resume. No lock of a device is held.
 */
bool virtio_serve(struct virtio_dev *d, unsigned int index, bool guest);

/* virtio_serve_all - step after step, for little work that another hart has (input). No lock of a device is held. */
void virtio_serve_all(struct virtio_dev *d, unsigned int index);

/*
 * virtio_push_at_once - with @q's lock: chain @head, which was detached, is pushed with @written bytes after @val has been put at @at,
 * and the driver is told. False: that cannot be now, or the ring is no memory any more; virtio_serve() is to do it by
 * virtio_ops.collect.
 */
bool virtio_push_at_once(struct virtio_dev *d, struct virtq *q, uint16_t head, uint32_t written,
			 gpa_t at, uint8_t val);

/*
 * virtio_borrow - another VM's hart is to fill buffers of @q, in a bracket of vcpu/vm_mem.h that it began for its own VM. True: the
 * queue's lock is taken, and virtq_pop() may follow. False: the driver has not started it, or the VM is paused or has no life.
 * virtio_there - is all memory of the chain that was popped there? False: some has been given back; it comes again by and by.
 * virtio_return - the driver sees what was pushed, and the lock is given up. @err, below 0: the driver has made an error.
 */
bool virtio_borrow(struct virtio_dev *d, struct virtq *q);
void virtio_return(struct virtio_dev *d, struct virtq *q, int err);
bool virtio_there_anew(const struct virtio_dev *d, const struct virtq *q);

static inline bool virtio_there(const struct virtio_dev *d, const struct virtq *q)
{
	return !d->vm->balloon || virtio_there_anew(d, q);
}

/* virtio_has - has the driver taken the feature @bit (a mask)? Fixed while a queue is ready. */
static inline bool virtio_has(const struct virtio_dev *d, uint64_t bit)
{
	return (d->features & bit) != 0;
}

/* virtio_config - the device's configuration: as much as is left of the page. Written while the VM is made, or below. */
static inline void *virtio_config(const struct virtio_dev *d)
{
	return d->page + VIRTIO_MMIO_CONFIG;
}

#define VIRTIO_CONFIG_MAX (PAGE_SIZE - VIRTIO_MMIO_CONFIG)

/*
 * virtio_config_changed - after the device has changed its configuration: the driver is told. Fields of up to 4 bytes, each
 * written by one aligned store, so that none is read in two halves. No lock of the device is held.
 */
void virtio_config_changed(struct virtio_dev *d);

#endif
