/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A split virtqueue (virtio 1.2, section 2.7), seen from the device. This room alone sees what a driver wrote into a ring. A
 * descriptor is copied once, and its copy is checked. Device code gets pieces of this VM's memory, and no guest address.
 *
 * The lock of a queue guards all of it. It is held while the device works on the queue, and while the driver sets the queue
 * up or resets it. So a queue that is not ready is touched by nothing. The functions below are called with the lock held and
 * in a bracket of vcpu/vm_mem.h, except where they say otherwise.
 *
 * What a driver does wrong breaks the queue: HV_EINVAL or HV_EFAULT. virtio_serve() (virtio.h) then stops it, and the device
 * asks for a reset.
 *
 * Two full fences of virtq_rearm() pair with the driver's: the one is between used.idx and used_event, the other between
 * avail_event and avail.idx (2.7.7, 2.7.10). One fence does both, as both stores come before it and both loads after it.
 */
#ifndef DEV_VIRTIO_VIRTQ_H
#define DEV_VIRTIO_VIRTQ_H

#include "lib/index.h"
#include "lib/spinlock.h"
#include "lib/virtio_abi.h"
#include "vcpu/vm_mem.h"

#define VIRTQ_SIZE_MAX 256 /* of any queue: a power of two */

/* The parts of a ring, each at a guest-physical address of its own. */
enum virtq_part { VIRTQ_PART_DESC, VIRTQ_PART_AVAIL, VIRTQ_PART_USED, VIRTQ_PARTS };

struct virtq_ring {
	gpa_t at[VIRTQ_PARTS];
	/* The same in the direct map, while the VM's memory is of generation `mem_gen`; NULL: in pieces. */
	uint8_t *host[VIRTQ_PARTS];
	bool together; /* none of them is NULL */
	uint64_t mem_gen;
};

/* One buffer of a chain. */
struct virtq_buf {
	gpa_t gpa;
	uint32_t len; /* not 0 */
};

/*
 * The chain that the device works on: first the buffers that the device reads (out), then those that it writes (in). Buffers
 * without a byte are left out.
 */
struct virtq_chain {
	uint16_t head;
	uint16_t nr_out, nr; /* of bufs: the first nr_out are out */
	uint32_t out, in;    /* bytes */
	uint32_t done;	     /* the device's, 0 of a new chain: how far it has come */
};

/* What a queue has done, in all lives. Written with the lock. Nothing but words. */
struct virtq_counts {
	uint64_t notified; /* exits in which the device was to work; more than one where it takes several steps */
	uint64_t used;	     /* buffers, or chains of them, that the device is through with */
	uint64_t interrupts; /* that the driver wanted */
};

struct virtq {
	struct spinlock lock; /* LOCK_VIRTQ, or LOCK_VIRTQ_RX (net.h); guards all that follows */
	struct vm *vm;
	unsigned int index; /* of the device's queues */
	uint16_t max;	    /* the largest size; fixed */
	uint16_t size;	    /* a power of two while it is ready */
	bool ready;	    /* atomic */
	bool event_idx, indirect;
	bool busy; /* `chain` has been taken, and is not pushed yet */
	struct virtq_ring ring;
	uint16_t avail_idx;	      /* as the driver's avail.idx was last */
	uint16_t next_avail;	      /* the entry that is taken next */
	uint16_t used_idx;	      /* the entry that is written next */
	uint16_t published;	      /* what used.idx says */
	uint16_t signalled;	      /* what used_idx was when an interrupt was last thought of */
	struct vm_mem_window *window; /* where its buffers are */
	struct virtq_counts counts, counted; /* `counted`: atomic, what is not told any more */
	struct virtq_chain chain;
	struct virtq_buf *bufs; /* of `chain`: `max` of them */
};

/* Where a device is in the buffers of a chain. */
struct virtq_cursor {
	uint16_t buf, end; /* numbers of bufs */
	uint32_t off;	   /* in the buffer */
};

/*
 * virtq_enable - the driver wants the queue, with the size and addresses that it has written (queue->size, queue->ring.at).
 * HV_EINVAL: the size is no power of two or too large, or an address is not aligned. HV_EFAULT: some of it is no memory that
 * the guest may write. Then the queue stays as it is.
 */
int virtq_enable(struct virtq *q, bool event_idx, bool indirect);

/* virtq_disable - the device forgets the queue and the chain that it had. No bracket is needed. */
void virtq_disable(struct virtq *q);

/* virtq_open - before the functions below, in each bracket: HV_EFAULT: the ring is no memory of the guest's any more. */
int virtq_find_ring(struct virtq *q);

static inline int virtq_open(struct virtq *q)
{
	return q->ring.mem_gen == vm_mem_generation(q->vm) ? HV_OK : virtq_find_ring(q);
}

/* virtq_hole - is some of the ring, or of the buffers of q->chain, RAM that the VM has given back (mm/gstage.h)? *@at: where. */
bool virtq_hole(const struct virtq *q, gpa_t *at);

/* virtq_pop - take the next chain; q->chain is filled, and q->busy set. HV_ENOENT: none is available. */
int virtq_pop(struct virtq *q);

/* virtq_knows - are there chains that virtq_pop() takes without a look at avail.idx? */
static inline bool virtq_knows(const struct virtq *q)
{
	return q->next_avail != q->avail_idx;
}

/*
 * virtq_detach - the chain is taken from the queue, whose next one may be popped. Later virtq_push_to() pushes it by its @head, unless
 * the queue has been disabled in between.
 */
static inline void virtq_detach(struct virtq *q)
{
	q->busy = false;
}

int virtq_push_to(struct virtq *q, uint16_t head, uint32_t written);

/*
 * virtq_mark - where the queue is. virtq_rewind - it is there again: what has been popped and pushed since @m, and has not been
 * published, is available as before.
 */
struct virtq_mark {
	uint16_t next_avail, used_idx;
};

static inline struct virtq_mark virtq_mark(const struct virtq *q)
{
	return (struct virtq_mark){ q->next_avail, q->used_idx };
}

static inline void virtq_rewind(struct virtq *q, struct virtq_mark m)
{
	q->next_avail = m.next_avail;
	q->used_idx = m.used_idx;
	q->busy = false;
}

/* virtq_push - the chain is used, and @written bytes have been written into it. The driver sees it after virtq_publish(). */
static inline int virtq_push(struct virtq *q, uint32_t written)
{
	q->busy = false;
	return virtq_push_to(q, q->chain.head, written);
}

/* virtq_publish - the driver sees what has been pushed. *@interrupt: it wants an interrupt for that. */
int virtq_publish(struct virtq *q, bool *interrupt);

/* virtq_push_and_publish - virtq_push_to(), then virtq_publish(). */
static inline int virtq_push_and_publish(struct virtq *q, uint16_t head, uint32_t written,
					 bool *interrupt)
{
	int err = virtq_push_to(q, head, written);

	return err == HV_OK ? virtq_publish(q, interrupt) : err;
}

/* virtq_is_published - the driver sees all that has been pushed, and an interrupt has been thought of. */
static inline bool virtq_is_published(const struct virtq *q)
{
	return q->signalled == q->used_idx;
}

/* virtq_rearm - the same, and the driver notifies of the next chain. 1: there is one already. 0: there is none. */
int virtq_rearm(struct virtq *q, bool *interrupt);

/* virtq_quiet - the driver need not notify for now, as the device looks by itself. */
int virtq_quiet_flags(struct virtq *q);

static inline int virtq_quiet(struct virtq *q)
{
	/* With EVENT_IDX the driver does not notify before avail_event moves on. */
	return q->event_idx ? HV_OK : virtq_quiet_flags(q);
}

/* virtq_out / virtq_in - the beginning of what the device reads / writes of q->chain. */
static inline struct virtq_cursor virtq_out(const struct virtq *q)
{
	return (struct virtq_cursor){ 0, q->chain.nr_out, 0 };
}

static inline struct virtq_cursor virtq_in(const struct virtq *q)
{
	return (struct virtq_cursor){ q->chain.nr_out, q->chain.nr, 0 };
}

/* virtq_move_on - @c moves by @n bytes within @b, its buffer, or to the next one. */
static inline void virtq_move_on(const struct virtq_buf *b, struct virtq_cursor *c, uint64_t n)
{
	c->off += (uint32_t)n;
	if (c->off == b->len) {
		c->buf++;
		c->off = 0;
	}
}

/*
 * virtq_piece - the next bytes at @c, at most @max, that lie together in host memory; @c moves behind them. *@at: where they
 * are, good until the bracket ends. Returns their number; 0: @c is at the end, or @max is 0. HV_EFAULT: no such memory.
 */
static inline int64_t virtq_piece(const struct virtq *q, struct virtq_cursor *c, uint64_t max,
				  uint8_t **at)
{
	const enum gstage_right right = c->buf >= q->chain.nr_out ? GSTAGE_WRITE : GSTAGE_READ;
	const struct virtq_buf *b;
	uint64_t n;

	if (c->buf >= c->end || max == 0)
		return 0;
	b = &q->bufs[index_below(c->buf, q->max)];
	n = min_u64(b->len - c->off, max);
	*at = vm_mem_find(q->vm, q->window, gpa_add(b->gpa, c->off), right, &n);
	if (!*at)
		return HV_EFAULT;
	virtq_move_on(b, c, n);
	return (int64_t)n;
}

/* virtq_read - copy @len bytes at @c, which moves behind them. virtq_write - the other way. HV_EINVAL: there are fewer. */
int virtq_read(const struct virtq *q, struct virtq_cursor *c, void *to, uint64_t len);
int virtq_write(const struct virtq *q, struct virtq_cursor *c, const void *from, uint64_t len);

/* virtq_skip - @c moves on by @len bytes. HV_EINVAL: there are fewer. No memory is looked at. */
int virtq_skip(const struct virtq *q, struct virtq_cursor *c, uint64_t len);

/* virtq_put_byte - the byte at @a, of a buffer that the device may write, becomes @val. HV_EFAULT: no memory. */
static inline int virtq_put_byte(const struct virtq *q, gpa_t a, uint8_t val)
{
	uint64_t n = 1;
	uint8_t *at = vm_mem_find(q->vm, q->window, a, GSTAGE_WRITE, &n);

	if (!at)
		return HV_EFAULT;
	*at = val;
	return HV_OK;
}

/* virtq_last - where the last byte of a chain is that the device may write; q->chain.in is not 0. */
static inline gpa_t virtq_last(const struct virtq *q)
{
	const struct virtq_buf *b = &q->bufs[index_below(q->chain.nr - 1u, q->max)];

	return gpa_add(b->gpa, b->len - 1u);
}

/* virtq_put_last - that byte becomes @val. HV_EINVAL: there is none. HV_EFAULT: no memory. */
static inline int virtq_put_last(const struct virtq *q, uint8_t val)
{
	return q->chain.in == 0 ? HV_EINVAL : virtq_put_byte(q, virtq_last(q), val);
}

/*
 * virtq_front - what the device reads first, if one buffer has at least @len bytes of it, which lie together at a multiple of
 * 8; good until the bracket ends. NULL: it is to be copied by virtq_read(). The driver may write it meanwhile.
 */
static inline const uint64_t *virtq_front(const struct virtq *q, uint64_t len)
{
	const struct virtq_buf *b = &q->bufs[0];
	uint64_t n = len;
	const uint8_t *at;

	if (q->chain.nr_out == 0 || b->len < len || !is_aligned(b->gpa.gpa, sizeof(uint64_t)))
		return NULL;
	at = vm_mem_find(q->vm, q->window, b->gpa, GSTAGE_READ, &n);
	return n == len ? (const uint64_t *)(const void *)at : NULL;
}

#endif
