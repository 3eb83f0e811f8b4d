// SPDX-License-Identifier: BSD-2-Clause
#include "dev/virtio/blk_host.h"

#include "arch/memmap.h"
#include "lib/index.h"

static struct blk_lane *lane_of(const struct blk_host *h, const struct virtq *q)
{
	return &h->lanes[index_below(q->index, h->dev->nr_queues)];
}

/* --- flights -------------------------------------------------------------------------------------- */

static void release(struct blk_lane *lane, struct blk_flight *f)
{
	f->next = lane->free;
	lane->free = f;
}

/* The machine's disk has answered. What the queue was stopped for meanwhile is forgotten. */
static void flight_over(struct host_disk_request *r, enum blk_status status)
{
	struct blk_flight *f = container_of(r, struct blk_flight, request);
	struct blk_host *h = f->host;
	struct virtq *q = f->queue;
	struct blk_lane *lane = lane_of(h, q);

	(void)atomic_fetch_add(&h->finishing, 1);
	spin_lock(&q->lock);
	lane->in_flight--;
	(void)atomic_fetch_sub(&q->vm->dma, 1);
	f->status = status;
	if (f->life == lane->life) {
		f->next = lane->over;
		lane->over = f;
	} else {
		release(lane, f);
	}
	spin_unlock(&q->lock);
	virtio_serve_all(h->dev, q->index);
	(void)atomic_fetch_sub(&h->finishing, 1);
}

/* The machine's disk has room again. */
static void may_go(struct host_disk_user *u)
{
	const struct blk_host *h = container_of(u, struct blk_host, user);

	for (unsigned int i = 0; i < h->dev->nr_queues; i++)
		virtio_serve_all(h->dev, i);
}

bool blk_host_busy(const struct blk_host *h, const struct virtq *q)
{
	return lane_of(h, q)->in_flight != 0 || atomic_read_acquire(&h->finishing) != 0;
}

void blk_host_stopped(struct blk_host *h, const struct virtq *q)
{
	struct blk_lane *lane = lane_of(h, q);

	lane->life++;
	while (lane->over) {
		struct blk_flight *f = lane->over;

		lane->over = f->next;
		release(lane, f);
	}
}

static int put_status(const struct virtq *q, gpa_t at, enum blk_status status)
{
	uint64_t len = 1;
	uint8_t *p = vm_mem_find(q->vm, q->window, at, GSTAGE_WRITE, &len);

	if (!p)
		return HV_EFAULT;
	*p = (uint8_t)status;
	return HV_OK;
}

int blk_host_collect(struct blk_host *h, struct virtq *q)
{
	struct blk_lane *lane = lane_of(h, q);

	while (lane->over) {
		struct blk_flight *f = lane->over;
		int err = put_status(q, f->status_at, f->status);

		if (err == HV_OK)
			err = virtq_push_to(q, f->head, (f->status == BLK_OK ? f->written : 0) + 1);
		if (err != HV_OK)
			return err;
		lane->over = f->next;
		release(lane, f);
	}
	return HV_OK;
}

/* --- requests ------------------------------------------------------------------------------------- */

/* The last byte that the device may write is the status (5.2.6). */
static gpa_t status_at(const struct virtq *q)
{
	const struct virtq_buf *last = &q->bufs[index_below(q->chain.nr - 1u, q->max)];

	return gpa_add(last->gpa, last->len - 1);
}

/* The request is over without the machine's disk. */
static int answer(struct virtq *q, enum blk_status status, uint32_t written)
{
	int err = put_status(q, status_at(q), status);

	return err == HV_OK ? virtq_push(q, written + 1) : err;
}

static int give_id(const struct blk_host *h, struct virtq *q)
{
	struct virtq_cursor to = virtq_in(q);
	uint32_t n = (uint32_t)min_u64(q->chain.in - 1, BLK_ID_BYTES);
	int err = virtq_write(q, &to, h->id, n);

	return err == HV_OK ? answer(q, BLK_OK, n) : err;
}

/* @bytes from @sector of the guest's disk on. */
static bool in_range(const struct blk_host *h, uint64_t sector, uint64_t bytes)
{
	return bytes % BLK_SECTOR == 0 && sector <= h->source->sectors &&
	       bytes / BLK_SECTOR <= h->source->sectors - sector;
}

/* The buffers of the chain's data as pieces of the machine's memory. HV_EOVERFLOW: more than the machine's disk takes. */
static int find_pieces(const struct virtq *q, struct blk_lane *lane,
		       const struct host_disk_facts *facts, struct virtq_cursor *c, uint64_t bytes)
{
	unsigned int nr = 0;

	while (bytes > 0) {
		uint8_t *at;
		int64_t n = virtq_piece(q, c, min_u64(bytes, facts->piece_bytes), &at);

		if (n <= 0)
			return n == 0 ? HV_EINVAL : (int)n;
		if (nr == facts->pieces)
			return HV_EOVERFLOW;
		lane->pieces[index_below(nr, HOST_DISK_PIECES)] =
			(struct host_piece){ ptr_to_hpa(at), (uint32_t)n };
		nr++;
		bytes -= (uint64_t)n;
	}
	return (int)nr;
}

/* What the machine's disk is asked, once all is known to be right. */
static int submit(struct blk_host *h, struct virtq *q, const struct blk_header *header,
		  const struct blk_range *range, unsigned int nr, uint32_t written)
{
	struct blk_lane *lane = lane_of(h, q);
	struct blk_flight *f = lane->free;
	int err;

	if (!f)
		return HV_EBUSY; /* flight_over() serves the queue */
	f->request.header = *header;
	f->request.header.sector +=
		header->type == BLK_IN || header->type == BLK_OUT ? h->source->sector : 0;
	if (range)
		f->request.range = *range;
	f->life = lane->life;
	f->head = q->chain.head;
	f->status_at = status_at(q);
	f->written = written;
	lane->free = f->next;
	lane->in_flight++;
	/* In the bracket that has found the pieces: what takes memory away sees either this, or no piece is of it. */
	(void)atomic_fetch_add(&q->vm->dma, 1);
	err = host_disk_submit(h->source->disk, &h->user, &f->request, lane->pieces, nr);
	if (err == HV_OK) {
		virtq_detach(q);
		return HV_OK;
	}
	lane->in_flight--;
	(void)atomic_fetch_sub(&q->vm->dma, 1);
	release(lane, f);
	return err == HV_EBUSY ? err : answer(q, BLK_IOERR, 0);
}

static int move_data(struct blk_host *h, struct virtq *q, const struct blk_header *header,
		     struct virtq_cursor *out)
{
	const bool in = header->type == BLK_IN;
	struct virtq_cursor to = virtq_in(q), *c = in ? &to : out;
	const uint32_t bytes = in ? q->chain.in - 1 : q->chain.out - (uint32_t)sizeof(*header);
	int nr;

	if (!in_range(h, header->sector, bytes) || (!in && !h->writes))
		return answer(q, BLK_IOERR, 0);
	if (bytes == 0)
		return answer(q, BLK_OK, 0);
	nr = find_pieces(q, lane_of(h, q), host_disk_facts(h->source->disk), c, bytes);
	if (nr == HV_EOVERFLOW)
		return answer(q, BLK_IOERR, 0);
	return nr < 0 ? nr : submit(h, q, header, NULL, (unsigned int)nr, in ? bytes : 0);
}

/* One range, as max_discard_seg says. DISCARD knows no flag, and WRITE_ZEROES one (5.2.6.2). */
static int change_range(struct blk_host *h, struct virtq *q, const struct blk_header *header,
			struct virtq_cursor *out)
{
	const struct host_disk_facts *facts = host_disk_facts(h->source->disk);
	const bool zeroes = header->type == BLK_WRITE_ZEROES;
	struct blk_lane *lane = lane_of(h, q);
	struct blk_range range;
	int err;

	if (!h->writes || !(zeroes ? facts->write_zeroes : facts->discard))
		return answer(q, BLK_UNSUPP, 0);
	if (q->chain.out != sizeof(*header) + sizeof(range))
		return answer(q, BLK_IOERR, 0);
	err = virtq_read(q, out, &range, sizeof(range));
	if (err != HV_OK)
		return err;
	if (range.flags & ~(zeroes ? BLK_UNMAP : 0))
		return answer(q, BLK_UNSUPP, 0);
	if (!in_range(h, range.sector, (uint64_t)range.sectors * BLK_SECTOR) ||
	    range.sectors > (zeroes ? facts->zero_sectors : facts->discard_sectors))
		return answer(q, BLK_IOERR, 0);
	if (!lane->free)
		return HV_EBUSY;
	range.sector += h->source->sector;
	/* The machine's disk reads our copy of it, in the flight that submit() takes. */
	lane->pieces[0] =
		(struct host_piece){ ptr_to_hpa(&lane->free->request.range), sizeof(range) };
	return submit(h, q, header, &range, 1, 0);
}

static int flush(struct blk_host *h, struct virtq *q, const struct blk_header *header)
{
	/* A disk without FLUSH keeps what it has acknowledged (5.2.6.2). */
	if (!h->writes || !host_disk_facts(h->source->disk)->flush)
		return answer(q, BLK_OK, 0);
	return submit(h, q, header, NULL, 0, 0);
}

static int handle(struct blk_host *h, struct virtq *q)
{
	struct virtq_cursor out = virtq_out(q);
	struct blk_header header;
	int err;

	if (q->chain.in == 0)
		return HV_EINVAL;
	err = virtq_read(q, &out, &header, sizeof(header));
	if (err != HV_OK)
		return err;
	header.reserved =
		0; /* the priority of the guest's request says nothing about other guests' */
	switch (header.type) {
	case BLK_IN:
	case BLK_OUT:
		return move_data(h, q, &header, &out);
	case BLK_FLUSH:
		header.sector = 0;
		return flush(h, q, &header);
	case BLK_GET_ID:
		return give_id(h, q);
	case BLK_DISCARD:
	case BLK_WRITE_ZEROES:
		header.sector = 0;
		return change_range(h, q, &header, &out);
	default:
		return answer(q, BLK_UNSUPP, 0);
	}
}

/* No byte is moved here. */
int64_t blk_host_handle(struct blk_host *h, struct virtq *q)
{
	return handle(h, q);
}

/* --- life ------------------------------------------------------------------------------------------ */

int blk_host_init(struct blk_host *h, struct virtio_dev *d, struct disk_source *source, bool writes,
		  const char *id)
{
	struct arena *a = &d->vm->arena;
	const unsigned int nr = d->nr_queues;

	*h = (struct blk_host){ .dev = d, .source = source, .writes = writes, .id = id };
	list_init(&h->user.node);
	h->user.may_go = may_go;
	h->lanes = arena_alloc(a, nr * sizeof(*h->lanes), _Alignof(struct blk_lane));
	h->flights = arena_alloc(a, BLK_FLIGHTS * sizeof(*h->flights), _Alignof(struct blk_flight));
	if (!h->lanes || !h->flights)
		return HV_ENOMEM;
	for (unsigned int i = 0; i < BLK_FLIGHTS; i++) {
		struct blk_flight *f = &h->flights[i];

		f->request.done = flight_over;
		f->host = h;
		f->queue = &d->queues[i % nr];
		release(&h->lanes[i % nr], f);
	}
	return HV_OK;
}

uint64_t blk_host_features(const struct disk_source *source, bool writes, uint32_t queues)
{
	const struct host_disk_facts *f = host_disk_facts(source->disk);

	return BLK_F_SIZE_MAX | BLK_F_SEG_MAX | BLK_F_BLK_SIZE | (queues > 1 ? BLK_F_MQ : 0) |
	       (writes ? BLK_F_FLUSH : BLK_F_RO) | (writes && f->discard ? BLK_F_DISCARD : 0) |
	       (writes && f->write_zeroes ? BLK_F_WRITE_ZEROES : 0);
}

/* Segments are as many and as large as surely fit, wherever in its RAM the guest has them. */
void blk_host_fill_layout(const struct blk_host *h)
{
	const struct host_disk_facts *f = host_disk_facts(h->source->disk);
	struct blk_layout *c = virtio_config(h->dev);

	c->capacity = h->source->sectors;
	c->size_max = (uint32_t)min_u64(BLK_HOST_SEG_BYTES, f->piece_bytes);
	c->seg_max = (uint32_t)min_u64(BLK_HOST_SEG_MAX, f->pieces > 1 ? f->pieces / 2 : 1);
	c->blk_size = f->block_bytes;
	c->num_queues = (uint16_t)h->dev->nr_queues;
	if (h->writes && f->discard) {
		c->max_discard_sectors = f->discard_sectors;
		c->max_discard_seg = 1;
		c->discard_sector_alignment = f->block_bytes / BLK_SECTOR;
	}
	if (h->writes && f->write_zeroes) {
		c->max_write_zeroes_sectors = f->zero_sectors;
		c->max_write_zeroes_seg = 1;
		c->write_zeroes_may_unmap = 1;
	}
}

void blk_host_leave(struct blk_host *h)
{
	host_disk_leave(h->source->disk, &h->user);
	disk_source_release(h->source, h->writes);
}
