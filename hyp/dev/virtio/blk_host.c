// SPDX-License-Identifier: BSD-2-Clause
#include "dev/virtio/blk_host.h"

#include "arch/memmap.h"
#include "dev/virtio/blk.h"

/* --- flights -------------------------------------------------------------------------------------- */

static void release(struct blk_lane *lane, struct blk_flight *f)
{
	f->next = lane->free;
	lane->free = f;
}

/* What the driver is told to have been written, the status included. */
static uint32_t written_by(const struct blk_flight *f)
{
	return (f->status == BLK_OK ? f->written : 0) + 1;
}

/*
 * Ask the machine's disk: @f is in flight. HV_EBUSY: not now, it calls may_go(). HV_EIO. In the bracket that has found the pieces,
 * so that what takes memory away sees either the count, or no piece is of it.
 */
static always_inline int fly(struct blk_host *h, struct blk_flight *f,
			     const struct host_piece *pieces, unsigned int nr)
{
	int err;

	f->lane->in_flight++;
	(void)atomic_fetch_add(&f->queue->vm->dma, 1);
	err = host_disk_submit(h->source->disk, &h->user, &f->request, pieces, nr);
	if (err != HV_OK) {
		f->lane->in_flight--;
		(void)atomic_fetch_sub(&f->queue->vm->dma, 1);
	}
	return err;
}

/* The write has been done, and its flush is due. True: it is in flight again, or waits for its turn to be. */
static noinline bool flush_behind(struct blk_host *h, struct blk_flight *f)
{
	int err;

	f->flush = false;
	if (f->status != BLK_OK)
		return false;
	f->request.header = (struct blk_header){ .type = BLK_FLUSH };
	err = fly(h, f, NULL, 0);
	f->flush = err == HV_EBUSY;
	if (err == HV_EIO)
		f->status = BLK_IOERR;
	return err != HV_EIO;
}

static inline void add_over(struct blk_lane *lane, struct blk_flight *f)
{
	f->next = lane->over;
	lane->over = f;
}

/* A queue that has not been stopped since the chain of @f was taken is to be served. */
static always_inline bool must_serve(struct blk_host *h, struct blk_lane *lane,
				     struct blk_flight *f)
{
	struct virtq *q = f->queue;

	if (f->flush && flush_behind(h, f)) {
		if (f->flush)
			add_over(lane, f);
		return false;
	}
	if (!q->busy && !lane->over &&
	    virtio_push_at_once(h->dev, q, f->head, written_by(f), f->status_at,
				(uint8_t)f->status)) {
		release(lane, f);
		return false;
	}
	add_over(lane, f);
	return true;
}

/*
 * The machine's disk has answered. What the queue was stopped for meanwhile is forgotten. A chain that waits for a free flight
 * needs that the queue is served.
 */
static void flight_over(struct host_disk_request *r, enum blk_status status)
{
	struct blk_flight *f = container_of(r, struct blk_flight, request);
	struct blk_host *h = f->host;
	struct virtq *q = f->queue;
	struct blk_lane *lane = f->lane;
	bool serve = false;

	spin_lock(&q->lock);
	lane->in_flight--;
	(void)atomic_fetch_sub(&q->vm->dma, 1);
	f->status = status;
	if (f->life != lane->life)
		release(lane, f);
	else
		serve = must_serve(h, lane, f);
	if (serve)
		(void)atomic_fetch_add(&h->finishing, 1);
	spin_unlock(&q->lock);
	if (serve) {
		virtio_serve_all(h->dev, q->index);
		(void)atomic_fetch_sub(&h->finishing, 1);
	}
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
	return blk_host_lane(h, q)->in_flight != 0 || atomic_read_acquire(&h->finishing) != 0;
}

cold void blk_host_stopped(struct blk_host *h, const struct virtq *q)
{
	struct blk_lane *lane = blk_host_lane(h, q);

	lane->life++;
	while (lane->over) {
		struct blk_flight *f = lane->over;

		lane->over = f->next;
		release(lane, f);
	}
}

int blk_host_collect(struct blk_host *h, struct virtq *q)
{
	struct blk_lane *lane = blk_host_lane(h, q);

	while (lane->over) {
		struct blk_flight *f = lane->over;
		int err;

		if (f->flush && flush_behind(h, f)) {
			if (f->flush)
				return HV_OK; /* may_go() serves the queue */
			lane->over = f->next;
			continue;
		}
		err = virtq_put_byte(q, f->status_at, (uint8_t)f->status);

		if (err == HV_OK)
			err = virtq_push_to(q, f->head, written_by(f));
		if (err != HV_OK)
			return err;
		lane->over = f->next;
		release(lane, f);
	}
	return HV_OK;
}

/* --- requests ------------------------------------------------------------------------------------- */

/* The request is over without the machine's disk. */
static noinline int answer(struct virtq *q, enum blk_status status, uint32_t written)
{
	int err = virtq_put_last(q, (uint8_t)status);

	return err == HV_OK ? virtq_push(q, written + 1) : err;
}

static cold int give_id(const struct blk_host *h, struct virtq *q)
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

/* The data of the chain that follow the header. */
static struct virtq_cursor behind_header(const struct virtq *q)
{
	struct virtq_cursor c = virtq_out(q);

	if (q->bufs[0].len == sizeof(struct blk_header))
		c.buf = 1;
	else
		(void)virtq_skip(q, &c, sizeof(struct blk_header)); /* which has been read */
	return c;
}

/* The buffers of the chain's data as pieces of the machine's memory. HV_EOVERFLOW: more than the machine's disk takes. */
static noinline int find_pieces(const struct virtq *q, struct blk_lane *lane,
				const struct host_disk_facts *facts, bool in, uint64_t bytes)
{
	struct virtq_cursor c = in ? virtq_in(q) : behind_header(q);
	unsigned int nr = 0;

	while (bytes > 0) {
		uint8_t *at;
		int64_t n = virtq_piece(q, &c, min_u64(bytes, facts->piece_bytes), &at);

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

/*
 * The same if they are one piece: header, data and status have a buffer each, as most drivers have them. 1; 0: it is not so simple.
 */
static always_inline int find_one_piece(const struct virtq *q, struct blk_lane *lane,
					const struct host_disk_facts *facts, bool in,
					uint64_t bytes)
{
	const struct virtq_buf *b = &q->bufs[1];
	uint64_t n = bytes;
	uint8_t *at;

	if (q->chain.nr != 3 || q->chain.nr_out != (in ? 1 : 2) || b->len != bytes ||
	    bytes > facts->piece_bytes)
		return 0;
	at = vm_mem_find(q->vm, q->window, b->gpa, in ? GSTAGE_WRITE : GSTAGE_READ, &n);
	if (!at || n != bytes)
		return 0;
	lane->pieces[0] = (struct host_piece){ ptr_to_hpa(at), (uint32_t)n };
	return 1;
}

/* A disk of the machine without FLUSH keeps what it has acknowledged. */
static inline bool writes_through(const struct blk_host *h)
{
	return !virtio_has(h->dev, BLK_F_FLUSH) && host_disk_facts(h->source->disk)->flush;
}

/* What the machine's disk is asked, once all is known to be right: the lane's first @nr pieces, from its @sector on. */
static int submit(struct blk_host *h, struct virtq *q, uint32_t type, uint64_t sector,
		  unsigned int nr, uint32_t written)
{
	struct blk_lane *lane = blk_host_lane(h, q);
	struct blk_flight *f = lane->free;
	int err;

	if (!f)
		return HV_EBUSY; /* flight_over() serves the queue */
	/* The priority of a guest's request says nothing about other guests', so none is passed on. */
	f->request.header = (struct blk_header){ .type = type, .sector = sector };
	f->life = lane->life;
	f->head = q->chain.head;
	f->status_at = virtq_last(q); /* 5.2.6 */
	f->written = written;
	f->flush = type != BLK_IN && type != BLK_FLUSH && writes_through(h);
	lane->free = f->next;
	err = fly(h, f, lane->pieces, nr);
	if (err == HV_OK) {
		virtq_detach(q);
		return HV_OK;
	}
	release(lane, f);
	return err == HV_EBUSY ? err : answer(q, BLK_IOERR, 0);
}

static int move_data(struct blk_host *h, struct virtq *q, uint32_t type, uint64_t sector)
{
	const bool in = type == BLK_IN;
	const uint32_t bytes = in ? q->chain.in - 1 :
				    q->chain.out - (uint32_t)sizeof(struct blk_header);
	const struct host_disk_facts *facts = host_disk_facts(h->source->disk);
	struct blk_lane *lane = blk_host_lane(h, q);
	int nr;

	if (!in_range(h, sector, bytes) || (!in && !h->writes))
		return answer(q, BLK_IOERR, 0);
	if (bytes == 0)
		return answer(q, BLK_OK, 0);
	nr = find_one_piece(q, lane, facts, in, bytes);
	if (nr == 0)
		nr = find_pieces(q, lane, facts, in, bytes);
	if (nr == HV_EOVERFLOW)
		return answer(q, BLK_IOERR, 0);
	return nr < 0 ? nr :
			submit(h, q, type, h->source->sector + sector, (unsigned int)nr,
			       in ? bytes : 0);
}

/* One range, as max_discard_seg says. DISCARD knows no flag, and WRITE_ZEROES one (5.2.6.2). */
static cold int change_range(struct blk_host *h, struct virtq *q, uint32_t type)
{
	const struct host_disk_facts *facts = host_disk_facts(h->source->disk);
	const bool zeroes = type == BLK_WRITE_ZEROES;
	struct blk_lane *lane = blk_host_lane(h, q);
	struct virtq_cursor c = behind_header(q);
	struct blk_range range;
	int err;

	if (!h->writes || !(zeroes ? facts->write_zeroes : facts->discard))
		return answer(q, BLK_UNSUPP, 0);
	if (q->chain.out != sizeof(struct blk_header) + sizeof(range))
		return answer(q, BLK_IOERR, 0);
	err = virtq_read(q, &c, &range, sizeof(range));
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
	lane->free->request.range = range;
	lane->pieces[0] =
		(struct host_piece){ ptr_to_hpa(&lane->free->request.range), sizeof(range) };
	return submit(h, q, type, 0, 1, 0);
}

static cold int handle_other(struct blk_host *h, struct virtq *q, uint32_t type)
{
	switch (type) {
	case BLK_FLUSH:
		/* A disk without FLUSH keeps what it has acknowledged (5.2.6.2). */
		if (!h->writes || !host_disk_facts(h->source->disk)->flush)
			return answer(q, BLK_OK, 0);
		return submit(h, q, type, 0, 0, 0);
	case BLK_GET_ID:
		return give_id(h, q);
	case BLK_DISCARD:
	case BLK_WRITE_ZEROES:
		return change_range(h, q, type);
	default:
		return answer(q, BLK_UNSUPP, 0);
	}
}

/* No byte is moved here. */
int64_t blk_host_handle(struct blk_host *h, struct virtq *q)
{
	struct blk_header header;
	int err = q->chain.in == 0 ? HV_EINVAL : blk_take_header(q, &header);

	if (err != HV_OK)
		return err;
	return header.type == BLK_IN || header.type == BLK_OUT ?
		       move_data(h, q, header.type, header.sector) :
		       handle_other(h, q, header.type);
}

/* --- life ------------------------------------------------------------------------------------------ */

cold int blk_host_init(struct blk_host *h, struct virtio_dev *d, struct disk_source *source,
		       bool writes, const char *id)
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
		f->queue = d->queues + i % nr;
		f->lane = h->lanes + i % nr;
		release(f->lane, f);
	}
	return HV_OK;
}

cold uint64_t blk_host_features(const struct disk_source *source, bool writes, uint32_t queues)
{
	const struct host_disk_facts *f = host_disk_facts(source->disk);

	return BLK_F_SIZE_MAX | BLK_F_SEG_MAX | BLK_F_BLK_SIZE | (queues > 1 ? BLK_F_MQ : 0) |
	       (writes ? BLK_F_FLUSH : BLK_F_RO) | (writes && f->discard ? BLK_F_DISCARD : 0) |
	       (writes && f->write_zeroes ? BLK_F_WRITE_ZEROES : 0);
}

/* Segments are as many and as large as surely fit, wherever in its RAM the guest has them. */
cold void blk_host_fill_layout(const struct blk_host *h)
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

cold void blk_host_leave(struct blk_host *h)
{
	host_disk_leave(h->source->disk, &h->user);
	disk_source_release(h->source, h->writes);
}
