// SPDX-License-Identifier: BSD-2-Clause
#include "platform/virtio/ring.h"

#include "arch/memmap.h"

#define END UINT16_MAX

static uint16_t *avail(const struct host_ring *r, uint64_t off)
{
	return (uint16_t *)(void *)(r->memory->avail + off);
}

static uint16_t *used(const struct host_ring *r, uint64_t off)
{
	return (uint16_t *)(void *)(r->memory->used + off);
}

void host_ring_init(struct host_ring *r, struct host_ring_memory *memory,
		    struct host_ring_chain *chains, uint16_t size, bool event_idx)
{
	*r = (struct host_ring){
		.memory = memory,
		.chains = chains,
		.size = size,
		.nr_free = size,
		.event_idx = event_idx,
	};
	for (uint16_t i = 0; i < size; i++)
		chains[i] =
			(struct host_ring_chain){ .next = (uint16_t)(i + 1 < size ? i + 1 : END) };
}

/* --- to the device -------------------------------------------------------------------------------- */

/* The device says behind which chain it wants to be notified (2.7.10), or that it does not want to be (2.7.9). */
bool host_ring_publish(struct host_ring *r)
{
	const uint16_t old = r->published, new = r->avail_idx;

	if (old == new)
		return false;
	r->published = new;
	atomic_set_release(avail(r, VIRTQ_AVAIL_IDX), new); /* descriptors and entries before it */
	fence_full();					    /* avail.idx, then avail_event */
	if (r->event_idx) {
		uint16_t event = atomic_read(used(r, VIRTQ_USED_EVENT(r->size)));

		return (uint16_t)(new - event - 1) < (uint16_t)(new - old);
	}
	return !(atomic_read(used(r, VIRTQ_USED_FLAGS)) & VIRTQ_USED_NO_NOTIFY);
}

/* --- from the device ------------------------------------------------------------------------------ */

/* The chain that begins at @head is out of the ring, and its descriptors are free. */
static inline void *give_back(struct host_ring *r, uint16_t head)
{
	struct host_ring_chain *c = &r->chains[head % HOST_RING_MAX];
	void *token = c->token;
	uint16_t last = head;

	for (unsigned int n = c->nr; n > 1; n--)
		last = r->chains[last % HOST_RING_MAX].next;
	r->chains[last % HOST_RING_MAX].next = r->first_free;
	r->first_free = head;
	r->nr_free = (uint16_t)(r->nr_free + c->nr);
	c->token = NULL;
	return token;
}

void *host_ring_take(struct host_ring *r, uint32_t *len)
{
	const struct virtq_used_elem *e;
	uint32_t id, written;
	uint16_t idx;

	if (r->broken)
		return NULL;
	idx = atomic_read_acquire(used(r, VIRTQ_USED_IDX));
	if (idx == r->used_idx)
		return NULL;
	e = (const void *)(r->memory->used + VIRTQ_USED_RING +
			   sizeof(*e) * (r->used_idx & (r->size - 1u)));
	id = atomic_read(&e->id);
	written = atomic_read(&e->len);
	if (id >= r->size || !r->chains[id % HOST_RING_MAX].token) {
		r->broken = true; /* it was not asked this */
		return NULL;
	}
	*len = (uint32_t)min_u64(written, r->chains[id % HOST_RING_MAX].in);
	r->used_idx++;
	return give_back(r, (uint16_t)id);
}

bool host_ring_rearm(struct host_ring *r)
{
	if (r->broken)
		return false;
	if (r->event_idx)
		atomic_set(avail(r, VIRTQ_AVAIL_EVENT(r->size)), r->used_idx);
	fence_full(); /* used_event, then used.idx */
	return atomic_read(used(r, VIRTQ_USED_IDX)) != r->used_idx;
}

/* With EVENT_IDX it asks for an interrupt behind the chain that comes last of all (2.7.7.2), once in 65,536. */
void host_ring_quiet(struct host_ring *r)
{
	if (r->event_idx)
		atomic_set(avail(r, VIRTQ_AVAIL_EVENT(r->size)), UINT16_MAX);
	else
		atomic_set(avail(r, VIRTQ_AVAIL_FLAGS), VIRTQ_AVAIL_NO_INTERRUPT);
}

void *host_ring_forget(struct host_ring *r)
{
	for (uint16_t i = 0; i < r->size; i++)
		if (r->chains[i].token)
			return give_back(r, i);
	return NULL;
}
