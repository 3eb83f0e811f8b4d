// SPDX-License-Identifier: BSD-2-Clause
#include "dev/virtio/virtq.h"

#include <string.h>

#include "lib/copy.h"
#include "lib/index.h"
#include "vcpu/vm_mem.h"

static_assert((VIRTQ_SIZE_MAX & (VIRTQ_SIZE_MAX - 1)) == 0, "sizes are powers of two");

/* --- the ring in guest memory --------------------------------------------------------------------- */

static uint64_t part_bytes(const struct virtq *q, enum virtq_part part)
{
	switch (part) {
	case VIRTQ_PART_DESC:
		return sizeof(struct virtq_desc) * q->size;
	case VIRTQ_PART_AVAIL:
		return VIRTQ_AVAIL_BYTES(q->size);
	case VIRTQ_PART_USED:
	case VIRTQ_PARTS:
		break;
	}
	return VIRTQ_USED_BYTES(q->size);
}

/*
 * Find @part: where it begins in the direct map, if its leaves follow each other there. HV_EFAULT: some of it is no memory.
 * The device writes only to the used ring, but a driver that puts another part into memory that it cannot write itself
 * makes no sense, so all three must be writable.
 */
static int find_part(struct virtq *q, enum virtq_part part)
{
	const struct gstage *gs = &q->vm->gstage;
	uint64_t size = part_bytes(q, part);
	uint8_t *start = NULL;
	bool together = true;

	for (uint64_t done = 0, n; done < size; done += n) {
		uint8_t *p;

		n = size - done;
		p = gstage_leaf(gs, gpa_add(q->ring.at[part % VIRTQ_PARTS], done), GSTAGE_WRITE,
				&n);
		if (!p)
			return HV_EFAULT;
		if (done == 0)
			start = p;
		else if (p != start + done)
			together = false;
	}
	q->ring.host[part % VIRTQ_PARTS] = together ? start : NULL;
	return HV_OK;
}

/*
 * The generation is read before the walk. Otherwise memory that is taken out of the tables just behind the walk would be
 * taken for that of the new generation, and be written in a later bracket.
 */
static int find_ring(struct virtq *q)
{
	const uint64_t gen = vm_mem_generation(q->vm);

	for (unsigned int part = 0; part < VIRTQ_PARTS; part++) {
		int err = find_part(q, (enum virtq_part)part);

		if (err != HV_OK)
			return err;
	}
	q->ring.mem_gen = gen;
	return HV_OK;
}

int virtq_open(struct virtq *q)
{
	if (q->ring.mem_gen == vm_mem_generation(q->vm))
		return HV_OK;
	return find_ring(q);
}

/* A field of @len bytes, which is aligned to its size and so lies in one leaf. NULL: it is no memory any more. */
static void *ring_field(const struct virtq *q, enum virtq_part part, uint64_t off, uint64_t len)
{
	if (q->ring.host[part % VIRTQ_PARTS])
		return q->ring.host[part % VIRTQ_PARTS] + off;
	return gstage_write_ptr(&q->vm->gstage, gpa_add(q->ring.at[part % VIRTQ_PARTS], off), len);
}

static int ring_load(const struct virtq *q, enum virtq_part part, uint64_t off, uint16_t *out)
{
	const uint16_t *field = ring_field(q, part, off, sizeof(*field));

	if (!field)
		return HV_EFAULT;
	*out = atomic_read(field);
	return HV_OK;
}

static int ring_store(const struct virtq *q, enum virtq_part part, uint64_t off, uint16_t val)
{
	uint16_t *field = ring_field(q, part, off, sizeof(*field));

	if (!field)
		return HV_EFAULT;
	atomic_set(field, val);
	return HV_OK;
}

static int ring_store32(const struct virtq *q, enum virtq_part part, uint64_t off, uint32_t val)
{
	uint32_t *field = ring_field(q, part, off, sizeof(*field));

	if (!field)
		return HV_EFAULT;
	atomic_set(field, val);
	return HV_OK;
}

/* --- setting up ----------------------------------------------------------------------------------- */

int virtq_enable(struct virtq *q, bool event_idx, bool indirect)
{
	static const uint8_t align[VIRTQ_PARTS] = { 16, 2, 4 };
	int err;

	if (q->size == 0 || q->size > q->max || (q->size & (q->size - 1)) != 0)
		return HV_EINVAL;
	for (unsigned int part = 0; part < VIRTQ_PARTS; part++)
		if (!is_aligned(q->ring.at[part].gpa, align[part]))
			return HV_EINVAL;
	err = find_ring(q);
	if (err != HV_OK)
		return err;
	q->event_idx = event_idx;
	q->indirect = indirect;
	atomic_set(&q->ready, true);
	return HV_OK;
}

void virtq_disable(struct virtq *q)
{
	atomic_set(&q->ready, false);
	q->busy = false;
	q->size = q->max;
	q->ring = (struct virtq_ring){ 0 };
	q->avail_idx = q->next_avail = 0;
	q->used_idx = q->published = q->signalled = 0;
	q->chain = (struct virtq_chain){ 0 };
}

/* --- chains --------------------------------------------------------------------------------------- */

/* Where descriptors are read from: the queue's own table, or an indirect one. */
struct table {
	gpa_t at;
	const uint8_t *host; /* NULL: in pieces */
	uint32_t size;	     /* in descriptors */
	bool indirect;
};

/* Each byte is read once. An indirect table may have any alignment. */
static void copy_desc(struct virtq_desc *to, const void *from)
{
	const uint64_t *words = from;
	uint64_t copy[2];

	if (!is_aligned((uintptr_t)from, sizeof(copy[0]))) {
		memcpy(to, from, sizeof(*to));
		return;
	}
	copy[0] = atomic_read(&words[0]);
	copy[1] = atomic_read(&words[1]);
	memcpy(to, copy, sizeof(*to));
}

/* The driver may write the descriptor meanwhile; what counts is the copy. */
static int read_desc(const struct virtq *q, const struct table *t, uint32_t i,
		     struct virtq_desc *out)
{
	const uint64_t off = sizeof(*out) * (uint64_t)i;

	if (!t->host)
		return gstage_read(&q->vm->gstage, gpa_add(t->at, off), out, sizeof(*out));
	copy_desc(out, t->host + off);
	return HV_OK;
}

/* The table that @d names instead of a buffer. */
static int enter_indirect(const struct virtq *q, const struct virtq_desc *d, struct table *t)
{
	uint64_t left = d->len;

	if (!q->indirect || t->indirect || (d->flags & VIRTQ_DESC_NEXT) || d->len == 0 ||
	    d->len % sizeof(*d) != 0 || d->addr + d->len < d->addr)
		return HV_EINVAL;
	*t = (struct table){ gpa(d->addr), NULL, d->len / (uint32_t)sizeof(*d), true };
	t->host = vm_mem_find(q->vm, q->window, t->at, GSTAGE_READ, &left);
	if (left < d->len)
		t->host = NULL;
	return HV_OK;
}

/* Buffers that the device writes come after all that it reads. All bytes of a chain are fewer than 2^32. */
static int add_buf(struct virtq *q, const struct virtq_desc *d)
{
	struct virtq_chain *c = &q->chain;
	bool in = d->flags & VIRTQ_DESC_WRITE;
	uint32_t total = c->out + c->in;

	if (d->addr + d->len < d->addr || total + d->len < total || (!in && c->nr > c->nr_out))
		return HV_EINVAL;
	if (d->len == 0)
		return HV_OK;
	q->bufs[index_below(c->nr, q->max)] = (struct virtq_buf){ gpa(d->addr), d->len };
	c->nr++;
	if (in) {
		c->in += d->len;
	} else {
		c->out += d->len;
		c->nr_out++;
	}
	return HV_OK;
}

/* Copy the chain that begins at @head. Each turn counts a buffer, or enters the one table, so a circle ends. */
static int gather(struct virtq *q, uint16_t head)
{
	struct table t = { q->ring.at[VIRTQ_PART_DESC], q->ring.host[VIRTQ_PART_DESC], q->size,
			   false };
	struct virtq_desc d = { .flags = VIRTQ_DESC_NEXT, .next = head };
	unsigned int n = 0;

	q->chain = (struct virtq_chain){ .head = head };
	while (d.flags & VIRTQ_DESC_NEXT) {
		uint32_t i = d.next;
		int err;

		if (i >= t.size || n >= (t.indirect ? q->max : q->size))
			return HV_EINVAL;
		err = read_desc(q, &t, (uint32_t)index_below(i, t.size), &d);
		if (err == HV_OK && (d.flags & VIRTQ_DESC_INDIRECT)) {
			err = enter_indirect(q, &d, &t);
			d.flags = VIRTQ_DESC_NEXT;
			d.next = 0;
		} else if (err == HV_OK) {
			err = add_buf(q, &d);
			n++;
		}
		if (err != HV_OK)
			return err;
	}
	return HV_OK;
}

/* Chains that the driver made available before it wrote avail.idx. HV_EINVAL: more than the ring holds. */
static int look_at_avail(struct virtq *q)
{
	const uint16_t *idx = ring_field(q, VIRTQ_PART_AVAIL, VIRTQ_AVAIL_IDX, sizeof(*idx));

	if (!idx)
		return HV_EFAULT;
	q->avail_idx = atomic_read_acquire(idx);
	return (uint16_t)(q->avail_idx - q->next_avail) > q->size ? HV_EINVAL : HV_OK;
}

int virtq_pop(struct virtq *q)
{
	uint16_t head;
	int err = q->next_avail == q->avail_idx ? look_at_avail(q) : HV_OK;

	if (err != HV_OK)
		return err;
	if (q->next_avail == q->avail_idx)
		return HV_ENOENT;
	err = ring_load(q, VIRTQ_PART_AVAIL,
			VIRTQ_AVAIL_RING + 2u * (q->next_avail & (q->size - 1u)), &head);
	if (err == HV_OK)
		err = gather(q, head);
	if (err != HV_OK)
		return err;
	q->next_avail++;
	q->busy = true;
	return HV_OK;
}

/* --- the used ring -------------------------------------------------------------------------------- */

int virtq_push_to(struct virtq *q, uint16_t head, uint32_t written)
{
	const uint64_t at =
		VIRTQ_USED_RING + sizeof(struct virtq_used_elem) * (q->used_idx & (q->size - 1u));
	int err = ring_store32(q, VIRTQ_PART_USED, at + offsetof(struct virtq_used_elem, id), head);

	if (err == HV_OK)
		err = ring_store32(q, VIRTQ_PART_USED, at + offsetof(struct virtq_used_elem, len),
				   written);
	q->used_idx++;
	return err;
}

int virtq_push(struct virtq *q, uint32_t written)
{
	q->busy = false;
	return virtq_push_to(q, q->chain.head, written);
}

static int put_used_idx(struct virtq *q)
{
	uint16_t *idx;

	if (q->published == q->used_idx)
		return HV_OK;
	idx = ring_field(q, VIRTQ_PART_USED, VIRTQ_USED_IDX, sizeof(*idx));
	if (!idx)
		return HV_EFAULT;
	q->published = q->used_idx;
	atomic_set_release(idx, q->used_idx); /* data and elements before it */
	return HV_OK;
}

/* The driver has asked for an interrupt when used.idx passes used_event (2.7.10), or has not forbidden it (2.7.7.1). */
static int think_of_interrupt(struct virtq *q, bool *interrupt)
{
	const uint16_t old = q->signalled, new = q->used_idx;
	uint16_t field = 0;
	int err;

	*interrupt = false;
	if (old == new)
		return HV_OK;
	err = ring_load(q, VIRTQ_PART_AVAIL,
			q->event_idx ? VIRTQ_AVAIL_EVENT(q->size) : VIRTQ_AVAIL_FLAGS, &field);
	if (err != HV_OK)
		return err;
	q->signalled = new;
	*interrupt = q->event_idx ? (uint16_t)(new - field - 1) < (uint16_t)(new - old) :
				    !(field & VIRTQ_AVAIL_NO_INTERRUPT);
	return HV_OK;
}

int virtq_publish(struct virtq *q, bool *interrupt)
{
	int err = put_used_idx(q);

	*interrupt = false;
	if (err != HV_OK || q->signalled == q->used_idx)
		return err;
	fence_full(); /* used.idx, then used_event */
	return think_of_interrupt(q, interrupt);
}

int virtq_rearm(struct virtq *q, bool *interrupt)
{
	int err = put_used_idx(q);

	*interrupt = false;
	if (err == HV_OK)
		err = q->event_idx ? ring_store(q, VIRTQ_PART_USED, VIRTQ_USED_EVENT(q->size),
						q->next_avail) :
				     ring_store(q, VIRTQ_PART_USED, VIRTQ_USED_FLAGS, 0);
	if (err != HV_OK)
		return err;
	fence_full(); /* used.idx, then used_event; and avail_event, then avail.idx */
	err = think_of_interrupt(q, interrupt);
	if (err == HV_OK)
		err = look_at_avail(q);
	if (err != HV_OK)
		return err;
	return q->avail_idx != q->next_avail;
}

/* With EVENT_IDX the driver does not notify before avail_event moves on. */
int virtq_quiet(struct virtq *q)
{
	if (q->event_idx)
		return HV_OK;
	return ring_store(q, VIRTQ_PART_USED, VIRTQ_USED_FLAGS, VIRTQ_USED_NO_NOTIFY);
}

/* --- pieces of buffers ---------------------------------------------------------------------------- */

/* How much of the buffer at @c is left, at most @max. The cursor is not at its end. */
static uint64_t left_in_buf(const struct virtq *q, const struct virtq_cursor *c, uint64_t max)
{
	return min_u64(q->bufs[index_below(c->buf, q->max)].len - c->off, max);
}

static void move_on(const struct virtq *q, struct virtq_cursor *c, uint64_t n)
{
	c->off += (uint32_t)n;
	if (c->off == q->bufs[index_below(c->buf, q->max)].len) {
		c->buf++;
		c->off = 0;
	}
}

int64_t virtq_piece(const struct virtq *q, struct virtq_cursor *c, uint64_t max, uint8_t **at)
{
	const bool in = c->buf >= q->chain.nr_out;
	uint64_t n;

	if (c->buf >= c->end || max == 0)
		return 0;
	n = left_in_buf(q, c, max);
	*at = vm_mem_find(q->vm, q->window,
			  gpa_add(q->bufs[index_below(c->buf, q->max)].gpa, c->off),
			  in ? GSTAGE_WRITE : GSTAGE_READ, &n);
	if (!*at)
		return HV_EFAULT;
	move_on(q, c, n);
	return (int64_t)n;
}

int virtq_read(const struct virtq *q, struct virtq_cursor *c, void *to, uint64_t len)
{
	for (uint64_t done = 0; done < len;) {
		uint8_t *from;
		int64_t n = virtq_piece(q, c, len - done, &from);

		if (n <= 0)
			return n == 0 ? HV_EINVAL : (int)n;
		copy_bytes((uint8_t *)to + done, from, (uint64_t)n);
		done += (uint64_t)n;
	}
	return HV_OK;
}

int virtq_write(const struct virtq *q, struct virtq_cursor *c, const void *from, uint64_t len)
{
	for (uint64_t done = 0; done < len;) {
		uint8_t *to;
		int64_t n = virtq_piece(q, c, len - done, &to);

		if (n <= 0)
			return n == 0 ? HV_EINVAL : (int)n;
		copy_bytes(to, (const uint8_t *)from + done, (uint64_t)n);
		done += (uint64_t)n;
	}
	return HV_OK;
}

int virtq_skip(const struct virtq *q, struct virtq_cursor *c, uint64_t len)
{
	for (uint64_t done = 0, n; done < len; done += n) {
		if (c->buf >= c->end)
			return HV_EINVAL;
		n = left_in_buf(q, c, len - done);
		move_on(q, c, n);
	}
	return HV_OK;
}
