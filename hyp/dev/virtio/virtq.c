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
	return part == VIRTQ_PART_DESC	? sizeof(struct virtq_desc) * q->size :
	       part == VIRTQ_PART_AVAIL ? VIRTQ_AVAIL_BYTES(q->size) :
					  VIRTQ_USED_BYTES(q->size);
}

/*
 * Find @part: where it begins in the direct map, if its leaves follow each other there. HV_EFAULT: some of it is no memory.
 * The device writes only to the used ring, but a driver that puts another part into memory that it cannot write itself
 * makes no sense, so all three must be writable.
 */
static cold int find_part(struct virtq *q, enum virtq_part part)
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
cold int virtq_find_ring(struct virtq *q)
{
	const uint64_t gen = vm_mem_generation(q->vm);
	bool together = true;

	for (unsigned int part = 0; part < VIRTQ_PARTS; part++) {
		int err = find_part(q, (enum virtq_part)part);

		if (err != HV_OK)
			return err;
		together = together && q->ring.host[part];
	}
	q->ring.together = together;
	q->ring.mem_gen = gen;
	return HV_OK;
}

/* Where the first hole of [a, a+len) is. A range that is no RAM has none. */
static cold bool first_hole(const struct virtq *q, gpa_t a, uint64_t len, gpa_t *at)
{
	for (uint64_t done = 0; done < len; done += gstage_leaf_left(gpa_add(a, done))) {
		*at = gpa_add(a, done);
		if (gstage_is_hole(&q->vm->gstage, *at))
			return true;
	}
	return false;
}

cold bool virtq_hole(const struct virtq *q, gpa_t *at)
{
	for (unsigned int part = 0; part < VIRTQ_PARTS; part++)
		if (first_hole(q, q->ring.at[part], part_bytes(q, (enum virtq_part)part), at))
			return true;
	for (unsigned int i = 0; i < q->chain.nr; i++)
		if (first_hole(q, q->bufs[i].gpa, q->bufs[i].len, at))
			return true;
	return false;
}

/* A field of @len bytes, which is aligned to its size and so lies in one leaf. NULL: it is no memory any more. */
static noinline void *field_in_pieces(const struct virtq *q, enum virtq_part part, uint64_t off,
				      uint64_t len)
{
	return gstage_write_ptr(&q->vm->gstage, gpa_add(q->ring.at[part % VIRTQ_PARTS], off), len);
}

/*
 * The same. @together: as q->ring.together, and where the caller has looked at it before, the compiler knows that nothing is
 * called, and keeps all in registers.
 */
static always_inline void *ring_field(const struct virtq *q, bool together, enum virtq_part part,
				      uint64_t off, uint64_t len)
{
	return together ? q->ring.host[part % VIRTQ_PARTS] + off :
			  field_in_pieces(q, part, off, len);
}

static always_inline int ring_load(const struct virtq *q, bool together, enum virtq_part part,
				   uint64_t off, uint16_t *out)
{
	const uint16_t *field = ring_field(q, together, part, off, sizeof(*field));

	if (!field)
		return HV_EFAULT;
	*out = atomic_read(field);
	return HV_OK;
}

static always_inline int ring_store(const struct virtq *q, bool together, enum virtq_part part,
				    uint64_t off, uint16_t val)
{
	uint16_t *field = ring_field(q, together, part, off, sizeof(*field));

	if (!field)
		return HV_EFAULT;
	atomic_set(field, val);
	return HV_OK;
}

static always_inline int ring_store32(const struct virtq *q, bool together, enum virtq_part part,
				      uint64_t off, uint32_t val)
{
	uint32_t *field = ring_field(q, together, part, off, sizeof(*field));

	if (!field)
		return HV_EFAULT;
	atomic_set(field, val);
	return HV_OK;
}

/* --- setting up ----------------------------------------------------------------------------------- */

cold int virtq_enable(struct virtq *q, bool event_idx, bool indirect)
{
	static const uint8_t align[VIRTQ_PARTS] = { 16, 2, 4 };
	int err;

	if (q->size == 0 || q->size > q->max || (q->size & (q->size - 1)) != 0)
		return HV_EINVAL;
	for (unsigned int part = 0; part < VIRTQ_PARTS; part++)
		if (!is_aligned(q->ring.at[part].gpa, align[part]))
			return HV_EINVAL;
	err = virtq_find_ring(q);
	if (err != HV_OK)
		return err;
	q->event_idx = event_idx;
	q->indirect = indirect;
	atomic_set(&q->ready, true);
	return HV_OK;
}

cold void virtq_disable(struct virtq *q)
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
	uint64_t size;	     /* in descriptors */
	bool indirect;
};

/*
 * The second word of a descriptor: len, flags, next. Each of the two words is read once. The driver may write them meanwhile;
 * what counts is the copy. Not in a structure, which the compiler would keep on the stack.
 */
static inline uint32_t desc_len(uint64_t word)
{
	return (uint32_t)word;
}

static inline bool desc_has(uint64_t word, unsigned int flag)
{
	return word >> 32 & flag;
}

static inline uint16_t desc_next(uint64_t word)
{
	return (uint16_t)(word >> 48);
}

static inline int read_desc(const struct virtq *q, const struct table *t, uint64_t i,
			    uint64_t *addr, uint64_t *word)
{
	const uint64_t off = sizeof(struct virtq_desc) * i;

	if (t->host) {
		const uint64_t *words = (const uint64_t *)(const void *)(t->host + off);

		*addr = atomic_read(&words[0]);
		*word = atomic_read(&words[1]);
	} else {
		uint64_t copy[2];

		if (gstage_read(&q->vm->gstage, gpa_add(t->at, off), copy, sizeof(copy)) != HV_OK)
			return HV_EFAULT;
		*addr = copy[0];
		*word = copy[1];
	}
	return HV_OK;
}

/* The table that a descriptor names instead of a buffer. It may have any alignment. */
static noinline int enter_indirect(const struct virtq *q, uint64_t addr, uint64_t word,
				   struct table *t)
{
	const uint32_t len = desc_len(word);
	uint64_t left = len;

	if (!q->indirect || t->indirect || desc_has(word, VIRTQ_DESC_NEXT) || len == 0 ||
	    len % sizeof(struct virtq_desc) != 0 || addr + len < addr)
		return HV_EINVAL;
	*t = (struct table){ gpa(addr), NULL, len / sizeof(struct virtq_desc), true };
	t->host = vm_mem_find(q->vm, q->window, t->at, GSTAGE_READ, &left);
	if (left < len || !is_aligned(addr, sizeof(uint64_t)))
		t->host = NULL;
	return HV_OK;
}

/* struct virtq_chain while it is put together: in registers, without the sizes of a structure that is kept. */
struct gathered {
	uint64_t nr_out, nr, out, bytes;
};

/* Buffers that the device writes come after all that it reads. All bytes of a chain are fewer than 2^32. */
static always_inline int add_buf(const struct virtq *q, struct gathered *c, uint64_t addr,
				 uint64_t word)
{
	const bool in = desc_has(word, VIRTQ_DESC_WRITE);
	const uint64_t len = desc_len(word);

	c->bytes += len;
	if (addr + len < addr || c->bytes > UINT32_MAX || (!in && c->nr != c->nr_out))
		return HV_EINVAL;
	if (len == 0)
		return HV_OK;
	q->bufs[index_below(c->nr, q->max)] = (struct virtq_buf){ gpa(addr), (uint32_t)len };
	c->nr++;
	if (!in) {
		c->nr_out = c->nr;
		c->out = c->bytes;
	}
	return HV_OK;
}

/* Copy the chain that begins at @head. Each turn counts a buffer, or enters the one table, so a circle ends. */
static always_inline int gather(struct virtq *q, uint64_t head)
{
	struct table t = { q->ring.at[VIRTQ_PART_DESC], q->ring.host[VIRTQ_PART_DESC], q->size,
			   false };
	struct gathered c = { 0 };
	uint64_t i = head, left = q->size;
	uint64_t addr = 0, word = 0;
	int err;

	do {
		if (i >= t.size || left == 0)
			return HV_EINVAL;
		err = read_desc(q, &t, index_below(i, t.size), &addr, &word);
		if (err == HV_OK && desc_has(word, VIRTQ_DESC_INDIRECT)) {
			struct table to = t;

			err = enter_indirect(q, addr, word, &to);
			t = to;
			left += (uint64_t)q->max - q->size;
			i = 0;
			word = (uint64_t)VIRTQ_DESC_NEXT << 32;
			continue;
		}
		if (err == HV_OK)
			err = add_buf(q, &c, addr, word);
		i = desc_next(word);
		left--;
	} while (err == HV_OK && desc_has(word, VIRTQ_DESC_NEXT));
	if (err != HV_OK)
		return err;
	q->chain = (struct virtq_chain){ .head = (uint16_t)head,
					 .nr_out = (uint16_t)c.nr_out,
					 .nr = (uint16_t)c.nr,
					 .out = (uint32_t)c.out,
					 .in = (uint32_t)(c.bytes - c.out) };
	return HV_OK;
}

/* Chains that the driver made available before it wrote avail.idx. HV_EINVAL: more than the ring holds. */
static always_inline int look_at_avail(struct virtq *q, bool together)
{
	const uint16_t *idx =
		ring_field(q, together, VIRTQ_PART_AVAIL, VIRTQ_AVAIL_IDX, sizeof(*idx));

	if (!idx)
		return HV_EFAULT;
	q->avail_idx = atomic_read_acquire(idx);
	return (uint16_t)(q->avail_idx - q->next_avail) > q->size ? HV_EINVAL : HV_OK;
}

int virtq_pop(struct virtq *q)
{
	const bool together = q->ring.together;
	uint16_t head;
	int err = q->next_avail == q->avail_idx ? look_at_avail(q, together) : HV_OK;

	if (err != HV_OK)
		return err;
	if (q->next_avail == q->avail_idx)
		return HV_ENOENT;
	err = ring_load(q, together, VIRTQ_PART_AVAIL,
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

static always_inline int put_element(const struct virtq *q, bool together, uint16_t head,
				     uint32_t written)
{
	const uint64_t at =
		VIRTQ_USED_RING + sizeof(struct virtq_used_elem) * (q->used_idx & (q->size - 1u));
	int err = ring_store32(q, together, VIRTQ_PART_USED,
			       at + offsetof(struct virtq_used_elem, id), head);

	if (err == HV_OK)
		err = ring_store32(q, together, VIRTQ_PART_USED,
				   at + offsetof(struct virtq_used_elem, len), written);
	return err;
}

static always_inline int push(struct virtq *q, bool together, uint16_t head, uint32_t written)
{
	int err = put_element(q, together, head, written);

	counter_inc(&q->counts.used);
	q->used_idx++;
	return err;
}

static noinline int push_in_pieces(struct virtq *q, uint16_t head, uint32_t written)
{
	return push(q, false, head, written);
}

int virtq_push_to(struct virtq *q, uint16_t head, uint32_t written)
{
	return q->ring.together ? push(q, true, head, written) : push_in_pieces(q, head, written);
}

static always_inline int put_used_idx(struct virtq *q, bool together)
{
	uint16_t *idx;

	if (q->published == q->used_idx)
		return HV_OK;
	idx = ring_field(q, together, VIRTQ_PART_USED, VIRTQ_USED_IDX, sizeof(*idx));
	if (!idx)
		return HV_EFAULT;
	q->published = q->used_idx;
	atomic_set_release(idx, q->used_idx); /* data and elements before it */
	return HV_OK;
}

/* The driver has asked for an interrupt when used.idx passes used_event (2.7.10), or has not forbidden it (2.7.7.1). */
static always_inline int think_of_interrupt(struct virtq *q, bool together, bool *interrupt)
{
	const uint16_t old = q->signalled, new = q->used_idx;
	uint16_t field = 0;
	int err;

	*interrupt = false;
	if (old == new)
		return HV_OK;
	err = ring_load(q, together, VIRTQ_PART_AVAIL,
			q->event_idx ? VIRTQ_AVAIL_EVENT(q->size) : VIRTQ_AVAIL_FLAGS, &field);
	if (err != HV_OK)
		return err;
	q->signalled = new;
	*interrupt = q->event_idx ? (uint16_t)(new - field - 1) < (uint16_t)(new - old) :
				    !(field & VIRTQ_AVAIL_NO_INTERRUPT);
	if (*interrupt)
		counter_inc(&q->counts.interrupts);
	return HV_OK;
}

int virtq_publish(struct virtq *q, bool *interrupt)
{
	int err = put_used_idx(q, q->ring.together);

	*interrupt = false;
	if (err != HV_OK || q->signalled == q->used_idx)
		return err;
	fence_full(); /* used.idx, then used_event */
	return think_of_interrupt(q, q->ring.together, interrupt);
}

static always_inline int rearm(struct virtq *q, bool together, bool *interrupt)
{
	int err = put_used_idx(q, together);

	*interrupt = false;
	if (err == HV_OK)
		err = q->event_idx ? ring_store(q, together, VIRTQ_PART_USED,
						VIRTQ_USED_EVENT(q->size), q->next_avail) :
				     ring_store(q, together, VIRTQ_PART_USED, VIRTQ_USED_FLAGS, 0);
	if (err != HV_OK)
		return err;
	fence_full(); /* used.idx, then used_event; and avail_event, then avail.idx */
	err = think_of_interrupt(q, together, interrupt);
	if (err == HV_OK)
		err = look_at_avail(q, together);
	if (err != HV_OK)
		return err;
	return q->avail_idx != q->next_avail;
}

static noinline int rearm_in_pieces(struct virtq *q, bool *interrupt)
{
	return rearm(q, false, interrupt);
}

int virtq_rearm(struct virtq *q, bool *interrupt)
{
	return q->ring.together ? rearm(q, true, interrupt) : rearm_in_pieces(q, interrupt);
}

int virtq_quiet_flags(struct virtq *q)
{
	return ring_store(q, q->ring.together, VIRTQ_PART_USED, VIRTQ_USED_FLAGS,
			  VIRTQ_USED_NO_NOTIFY);
}

/* --- pieces of buffers ---------------------------------------------------------------------------- */

cold int virtq_read(const struct virtq *q, struct virtq_cursor *c, void *to, uint64_t len)
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

cold int virtq_write(const struct virtq *q, struct virtq_cursor *c, const void *from, uint64_t len)
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
		const struct virtq_buf *b = &q->bufs[index_below(c->buf, q->max)];

		if (c->buf >= c->end)
			return HV_EINVAL;
		n = min_u64(b->len - c->off, len - done);
		virtq_move_on(b, c, n);
	}
	return HV_OK;
}
