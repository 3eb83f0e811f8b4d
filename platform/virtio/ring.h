/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A split virtqueue (virtio 1.2, section 2.7), seen from the driver: hartvisor's, of a device of the machine.
 *
 * The device is not trusted. What it must not change is kept here and not read back: which descriptors belong to a chain,
 * which are free, and how far either side has come. A device that answers with what was not asked makes the ring broken;
 * then it has to be reset, and nothing more is taken from the ring.
 *
 * The ring's owner sees to it that one hart at a time is in these functions.
 *
 * Two full fences pair with the device's: between avail.idx and avail_event (host_ring_publish), and between used_event
 * and used.idx (host_ring_rearm).
 */
#ifndef PLATFORM_VIRTIO_RING_H
#define PLATFORM_VIRTIO_RING_H

#include "lib/atomic.h"
#include "lib/virtio_abi.h"

/* So many descriptors at most: a power of two. */
#define HOST_RING_MAX 256

/* Memory that lies together in the machine's. */
struct host_piece {
	hpa_t at;
	uint32_t len; /* not 0 */
};

/* What is known of a chain without asking the ring. In the entry of its first descriptor. */
struct host_ring_chain {
	void *token; /* NULL: no chain begins here */
	uint16_t nr; /* its descriptors */
	uint16_t next; /* of each descriptor: the one behind it in its chain, or among the free ones */
	uint32_t in; /* bytes that the device may write */
};

/* The memory that the device sees, for a ring of HOST_RING_MAX. */
struct host_ring_memory {
	struct virtq_desc desc[HOST_RING_MAX];
	uint8_t avail[VIRTQ_AVAIL_BYTES(HOST_RING_MAX) + 2];
	uint8_t used[VIRTQ_USED_BYTES(HOST_RING_MAX) + 2];
} __attribute__((aligned(16)));

static_assert(offsetof(struct host_ring_memory, used) % 4 == 0,
	      "2.7: the alignment of a ring's parts");

struct host_ring {
	struct host_ring_memory *memory;
	struct host_ring_chain *chains; /* HOST_RING_MAX of them */
	uint16_t size;			/* a power of two */
	uint16_t nr_free, first_free;
	uint16_t avail_idx; /* chains that have been added, modulo 65536 */
	uint16_t published; /* the avail.idx that the device has been shown */
	uint16_t used_idx;  /* chains that have been taken */
	bool event_idx, broken;
};

/* host_ring_init - a ring of @size descriptors, empty. @memory and @chains are zeroed. */
void host_ring_init(struct host_ring *r, struct host_ring_memory *memory,
		    struct host_ring_chain *chains, uint16_t size, bool event_idx);

/* One chain begins: its descriptors are added one by one, those that the device reads first. */
struct host_ring_adding {
	uint16_t head, last, nr;
	uint32_t in;
};

/*
 * host_ring_begin - a chain of @nr descriptors, not 0. False: as many are not free. host_ring_add - the next of them: @p, which the
 * device writes (@in) or reads. host_ring_end - all @nr have been added; @token is what host_ring_take() gives back. In line, so that
 * what is being added stays in registers.
 */
static inline bool host_ring_begin(const struct host_ring *r, struct host_ring_adding *a,
				   uint16_t nr)
{
	*a = (struct host_ring_adding){ .head = r->first_free };
	return nr <= r->nr_free;
}

/* Descriptors of a chain are linked as they have been among the free ones. */
static always_inline void host_ring_add(struct host_ring *r, struct host_ring_adding *a,
					struct host_piece p, bool in)
{
	const uint16_t i = r->first_free, next = r->chains[i % HOST_RING_MAX].next;

	r->memory->desc[i % HOST_RING_MAX] = (struct virtq_desc){
		.addr = p.at.hpa,
		.len = p.len,
		.flags = VIRTQ_DESC_NEXT | (in ? VIRTQ_DESC_WRITE : 0),
		.next = next,
	};
	r->first_free = next;
	a->last = i;
	a->nr++;
	a->in += in ? p.len : 0;
}

static always_inline void host_ring_end(struct host_ring *r, const struct host_ring_adding *a,
					void *token)
{
	struct host_ring_chain *c = &r->chains[a->head % HOST_RING_MAX];

	r->memory->desc[a->last % HOST_RING_MAX].flags &= (uint16_t)~VIRTQ_DESC_NEXT;
	r->nr_free = (uint16_t)(r->nr_free - a->nr);
	c->token = token;
	c->nr = a->nr;
	c->in = a->in;
	atomic_set((uint16_t *)(void *)(r->memory->avail + VIRTQ_AVAIL_RING +
					2u * (r->avail_idx & (r->size - 1u))),
		   a->head);
	r->avail_idx++;
}

/* host_ring_publish - the device may see all chains that have been added. True: it wants to be notified. */
bool host_ring_publish(struct host_ring *r);

/*
 * host_ring_take - the next chain that the device has used: its token, and *@len, how many bytes the device says that it has
 * written, at most as many as it might. NULL: none, or the ring is broken.
 */
void *host_ring_take(struct host_ring *r, uint32_t *len);

/* host_ring_rearm - the device is to interrupt for the next chain that it uses. True: it has used one already. */
bool host_ring_rearm(struct host_ring *r);

/* host_ring_quiet - of a new ring: the device need not interrupt at all (2.7.7: it may all the same). */
void host_ring_quiet(struct host_ring *r);

/* host_ring_forget - the device has been reset: any chain that is in the ring is taken out; NULL: there is none. */
void *host_ring_forget(struct host_ring *r);

#endif
