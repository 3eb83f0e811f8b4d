// SPDX-License-Identifier: BSD-2-Clause
/*
 * Requests to a disk. Data go between the image or the overlay and the guest's buffers in one copy. A request is done in
 * steps of the budget, so each queue has a state for the one that it works on.
 */
#include <string.h>

#include "dev/virtio/blk.h"
#include "lib/copy.h"

/* --- the beginning of a request ------------------------------------------------------------------- */

static void fail(struct blk_request *r, enum blk_status status)
{
	r->status = status;
	r->left = 0;
	r->ranges = 0;
}

/* @bytes of the disk from @sector on are to be used, if it has them. */
static void set_range(const struct disk *k, struct blk_request *r, uint64_t sector, uint64_t bytes)
{
	if (bytes % BLK_SECTOR != 0 || sector > k->size / BLK_SECTOR ||
	    bytes > k->size - sector * BLK_SECTOR) {
		fail(r, BLK_IOERR);
		return;
	}
	r->at = sector * BLK_SECTOR;
	r->left = bytes;
}

/* @bytes of descriptions of ranges follow. */
static void begin_ranges(const struct disk *k, struct blk_request *r, uint32_t bytes)
{
	if (!k->writable)
		r->status = BLK_UNSUPP;
	else if (bytes == 0 || bytes % sizeof(struct blk_range) != 0 ||
		 bytes > BLK_RANGES * sizeof(struct blk_range))
		r->status = BLK_IOERR;
	else
		r->ranges = bytes / (uint32_t)sizeof(struct blk_range);
}

static int give_id(const struct disk *k, const struct virtq *q, struct blk_request *r)
{
	struct virtq_cursor to = virtq_in(q);

	r->written = (uint32_t)min_u64(q->chain.in - 1, BLK_ID_BYTES);
	return virtq_write(q, &to, k->id, r->written);
}

/* Other requests than reads. The header is there. */
static cold int begin_other(const struct disk *k, const struct virtq *q, struct blk_request *r,
			    uint64_t sector)
{
	const uint32_t bytes = q->chain.out - (uint32_t)sizeof(struct blk_header);
	int err;

	r->data = virtq_out(q);
	err = virtq_skip(q, &r->data, sizeof(struct blk_header));
	switch (r->type) {
	case BLK_OUT:
		set_range(k, r, sector, bytes);
		if (!k->writable)
			fail(r, BLK_IOERR);
		break;
	case BLK_FLUSH: /* what has been written is nowhere else */
		break;
	case BLK_GET_ID:
		return give_id(k, q, r);
	case BLK_DISCARD:
	case BLK_WRITE_ZEROES:
		begin_ranges(k, r, bytes);
		break;
	default:
		r->status = BLK_UNSUPP;
		break;
	}
	return err;
}

/* What follows the header is data, and the last byte that the device may write is the status (5.2.6). */
static int begin(const struct disk *k, const struct virtq *q, struct blk_request *r)
{
	struct blk_header h;
	int err = q->chain.in == 0 ? HV_EINVAL : blk_take_header(q, &h);

	if (err != HV_OK)
		return err;
	*r = (struct blk_request){ .active = true, .type = h.type, .data = virtq_in(q) };
	if (h.type != BLK_IN)
		return begin_other(k, q, r, h.sector);
	set_range(k, r, h.sector, q->chain.in - 1);
	return HV_OK;
}

/* --- reading -------------------------------------------------------------------------------------- */

/* @n bytes, or zeroes. Not in line: copy_much() is large. */
static noinline void move(uint8_t *to, const uint8_t *from, uint64_t n)
{
	if (from)
		copy_much(to, from, n);
	else
		memset(to, 0, n);
}

/* @n bytes at @from, or zeroes, go into the driver's buffers. */
static always_inline int put(const struct virtq *q, struct virtq_cursor *c, const uint8_t *from,
			     uint64_t n)
{
	while (n > 0) {
		uint8_t *to;
		int64_t piece = virtq_piece(q, c, n, &to);

		if (piece <= 0)
			return piece == 0 ? HV_EINVAL : (int)piece;
		move(to, from, (uint64_t)piece);
		if (from)
			from += piece;
		n -= (uint64_t)piece;
	}
	return HV_OK;
}

/* What the image has at @at; *@n is lowered to what follows there. NULL: zeroes, behind its end. */
static const uint8_t *image_at(const struct disk *k, uint64_t at, uint64_t *n)
{
	if (at >= k->image_size)
		return NULL;
	*n = min_u64(*n, k->image_size - at);
	return k->image + at;
}

/* The same of the disk, of one block at most. *@held: overlay_read_end() is due. */
static const uint8_t *data_at(struct disk *k, unsigned int user, uint64_t at, uint64_t *n,
			      bool *held)
{
	const uint64_t off = at % OVERLAY_BLOCK;
	const uint8_t *page;

	*n = min_u64(*n, OVERLAY_BLOCK - off);
	switch (overlay_read(&k->overlay, user, at / OVERLAY_BLOCK, &page)) {
	case OVERLAY_IMAGE:
		return image_at(k, at, n);
	case OVERLAY_ZERO:
		return NULL;
	case OVERLAY_PAGE:
		break;
	}
	*held = true;
	return page + off;
}

/* @overlay: as k->writable, which the compiler is to know. */
static always_inline int64_t read_from(struct disk *k, const struct virtq *q, struct blk_request *r,
				       uint64_t budget, bool overlay)
{
	uint64_t moved = 0;

	while (r->left > 0 && moved < budget) {
		uint64_t n = min_u64(r->left, budget - moved);
		bool held = false;
		const uint8_t *from = overlay ? data_at(k, q->index, r->at, &n, &held) :
						image_at(k, r->at, &n);
		int err = put(q, &r->data, from, n);

		if (held)
			overlay_read_end(&k->overlay, q->index);
		if (err != HV_OK)
			return err;
		r->at += n;
		r->left -= n;
		moved += n;
	}
	r->written += (uint32_t)moved;
	return (int64_t)moved;
}

static noinline int64_t read_overlay(struct disk *k, const struct virtq *q, struct blk_request *r,
				     uint64_t budget)
{
	return read_from(k, q, r, budget, true);
}

static inline int64_t read_some(struct disk *k, const struct virtq *q, struct blk_request *r,
				uint64_t budget)
{
	return k->writable ? read_overlay(k, q, r, budget) : read_from(k, q, r, budget, false);
}

/* --- writing -------------------------------------------------------------------------------------- */

/* @n bytes of the driver's buffers go to @to. */
static int get(const struct virtq *q, struct virtq_cursor *c, uint8_t *to, uint64_t n)
{
	while (n > 0) {
		uint8_t *from;
		int64_t piece = virtq_piece(q, c, n, &from);

		if (piece <= 0)
			return piece == 0 ? HV_EINVAL : (int)piece;
		move(to, from, (uint64_t)piece);
		to += piece;
		n -= (uint64_t)piece;
	}
	return HV_OK;
}

/* The next bytes of the request that lie in one block. */
static uint64_t in_block(const struct blk_request *r)
{
	return min_u64(r->left, OVERLAY_BLOCK - r->at % OVERLAY_BLOCK);
}

static void advance(struct blk_request *r, uint64_t n)
{
	r->at += n;
	r->left -= n;
}

/* A block is not split by the budget. */
static noinline int64_t write_some(struct disk *k, const struct virtq *q, struct blk_request *r,
				   uint64_t budget)
{
	uint64_t moved = 0;

	while (r->left > 0 && moved < budget) {
		const uint64_t from = r->at % OVERLAY_BLOCK, n = in_block(r);
		struct overlay_write w;
		int err;

		if (overlay_write(&k->overlay, q->index, r->at / OVERLAY_BLOCK, from, n, &w) !=
		    HV_OK) {
			fail(r, BLK_IOERR);
			break;
		}
		err = get(q, &r->data, w.page + from, n);
		overlay_write_end(&k->overlay, q->index, &w, err == HV_OK);
		if (err != HV_OK)
			return err;
		advance(r, n);
		moved += n;
	}
	return (int64_t)moved;
}

/* --- discarding and zeroes ------------------------------------------------------------------------ */

/* DISCARD knows no flag, and WRITE_ZEROES one (5.2.6.2). */
static int next_range(const struct disk *k, const struct virtq *q, struct blk_request *r)
{
	struct blk_range range;
	int err = virtq_read(q, &r->data, &range, sizeof(range));

	if (err != HV_OK)
		return err;
	r->ranges--;
	r->flags = range.flags;
	if (range.flags & ~(r->type == BLK_WRITE_ZEROES ? BLK_UNMAP : 0))
		fail(r, BLK_UNSUPP);
	else
		set_range(k, r, range.sector, (uint64_t)range.sectors * BLK_SECTOR);
	return HV_OK;
}

/* Part of a block. It may stay as it is when it is discarded. */
static void zero_part(struct disk *k, unsigned int user, struct blk_request *r)
{
	const uint64_t from = r->at % OVERLAY_BLOCK, n = in_block(r);
	struct overlay_write w;

	if (r->type == BLK_WRITE_ZEROES) {
		if (overlay_write(&k->overlay, user, r->at / OVERLAY_BLOCK, from, n, &w) != HV_OK) {
			fail(r, BLK_IOERR);
			return;
		}
		memset(w.page + from, 0, n);
		overlay_write_end(&k->overlay, user, &w, true);
	}
	advance(r, n);
}

/* Whole blocks, of which the last one may be as short as the disk's end leaves it. */
static void zero_blocks(struct disk *k, unsigned int user, struct blk_request *r)
{
	const bool keep = r->type == BLK_WRITE_ZEROES && !(r->flags & BLK_UNMAP);
	const bool to_end = r->at + r->left == k->size;
	const uint64_t max = (r->left + (to_end ? OVERLAY_BLOCK - 1 : 0)) / OVERLAY_BLOCK;
	int64_t done = overlay_zero(&k->overlay, user, r->at / OVERLAY_BLOCK, max, keep);

	if (done < 0 && r->type == BLK_WRITE_ZEROES) {
		fail(r, BLK_IOERR);
		return;
	}
	advance(r, min_u64(r->left, (done < 0 ? 1 : (uint64_t)done) * OVERLAY_BLOCK));
}

/* Each turn counts as a block. */
static cold int64_t zero_some(struct disk *k, const struct virtq *q, struct blk_request *r,
			      uint64_t budget)
{
	uint64_t moved = 0;

	for (; (r->left > 0 || r->ranges > 0) && moved < budget; moved += OVERLAY_BLOCK) {
		if (r->left == 0) {
			int err = next_range(k, q, r);

			if (err != HV_OK)
				return err;
		} else if (r->at % OVERLAY_BLOCK != 0 ||
			   (r->left < OVERLAY_BLOCK && r->at + r->left < k->size)) {
			zero_part(k, q->index, r);
		} else {
			zero_blocks(k, q->index, r);
		}
	}
	return (int64_t)moved;
}

/* --- requests ------------------------------------------------------------------------------------- */

static int64_t go_on(struct disk *k, const struct virtq *q, struct blk_request *r, uint64_t budget)
{
	switch (r->type) {
	case BLK_IN:
		return read_some(k, q, r, budget);
	case BLK_OUT:
		return write_some(k, q, r, budget);
	default:
		return zero_some(k, q, r, budget);
	}
}

static int finish(struct virtq *q, struct blk_request *r)
{
	int err = virtq_put_last(q, (uint8_t)r->status);

	r->active = false;
	return err == HV_OK ? virtq_push(q, r->written + 1) : err;
}

/*
 * A read from an image whose data are one buffer and lie together in host memory, as most are: without a request that is kept.
 * False: it is another one, and nothing has been done.
 */
static always_inline bool read_at_once(const struct disk *k, struct virtq *q, uint64_t budget,
				       int64_t *moved)
{
	const struct virtq_buf *b = &q->bufs[index_below(q->chain.nr_out, q->max)];
	const uint64_t *header = virtq_front(q, sizeof(struct blk_header));
	const uint64_t bytes = q->chain.in - 1;
	uint64_t n = bytes, sector;
	uint8_t *to;
	int err;

	if (k->writable || !header || b->len != bytes || bytes > budget ||
	    bytes % BLK_SECTOR != 0 || (uint32_t)atomic_read(&header[0]) != BLK_IN)
		return false;
	sector = atomic_read(&header[1]);
	if (sector >= k->image_size / BLK_SECTOR || bytes > k->image_size - sector * BLK_SECTOR)
		return false;
	to = vm_mem_find(q->vm, q->window, b->gpa, GSTAGE_WRITE, &n);
	if (!to || n != bytes)
		return false;
	move(to, k->image + sector * BLK_SECTOR, bytes);
	err = virtq_put_last(q, BLK_OK);
	if (err == HV_OK)
		err = virtq_push(q, (uint32_t)bytes + 1);
	*moved = err == HV_OK ? (int64_t)bytes : err;
	return true;
}

/* Not in line, so that the compiler does not work out over and over which request it is. */
static noinline int64_t handle(struct disk *k, struct virtq *q, struct blk_request *r,
			       uint64_t budget)
{
	int64_t moved = r->active ? HV_OK : begin(k, q, r);

	if (moved == HV_OK && (r->left > 0 || r->ranges > 0))
		moved = go_on(k, q, r, budget);
	if (moved >= 0 && r->left == 0 && r->ranges == 0) {
		int err = finish(q, r);

		moved = err == HV_OK ? moved : err;
	}
	if (moved < 0)
		r->active = false;
	return moved;
}

int64_t blk_handle(struct virtio_dev *d, struct virtq *q, uint64_t budget)
{
	struct disk *k = disk_of(d);
	struct blk_request *r = blk_request_of(k, q);
	int64_t moved;

	if (!r->active && read_at_once(k, q, budget, &moved))
		return moved;
	return handle(k, q, r, budget);
}
