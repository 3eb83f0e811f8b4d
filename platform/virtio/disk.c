// SPDX-License-Identifier: BSD-2-Clause
/* A disk of the machine that is a virtio block device (virtio 1.2, section 5.2). */
#include "platform/disk.h"

#include "arch/memmap.h"
#include "arch/timer.h"
#include "lib/errno.h"
#include "lib/fdt.h"
#include "lib/log.h"
#include "lib/spinlock.h"
#include "lib/work.h"
#include "platform/driver.h"
#include "platform/virtio/mmio.h"

#define FEATURES                                                                           \
	(VIRTIO_F_EVENT_IDX | BLK_F_SIZE_MAX | BLK_F_SEG_MAX | BLK_F_RO | BLK_F_BLK_SIZE | \
	 BLK_F_FLUSH | BLK_F_DISCARD | BLK_F_WRITE_ZEROES)

#define QUEUE 0

/* So many interrupts in a row that bring nothing are no accident: a few may come late, with answers that have been taken. */
#define IDLE_MAX 1000

/* Answers that are taken with the disk's lock held once. */
#define TAKE_MAX 16

struct host_disk {
	struct host_virtio *dev;
	struct memory *memory;
	struct host_disk_facts facts;
	char path[FDTX_PATH_MAX];
	struct work work; /* there is more to be taken from the ring */
	struct timer patience;

	struct spinlock lock; /* LOCK_HOST_DISK; guards all that follows, and the ring */
	struct host_ring ring;
	unsigned int in_flight;
	unsigned int idle; /* interrupts since an answer was last taken */
	bool timed;	   /* patience is armed */
	bool failed;
	uint64_t progress_at; /* when a request was last answered, or the first one was given to an idle disk */
	struct list users;	     /* that wait, in the order of their turns */
	struct host_disk_user *turn; /* whose may_go() is being called */
};

/* A read at boot. */
struct now {
	struct host_disk_request request;
	enum blk_status status;
	bool over;
};

/* What of HOST_DISK_MEMORY is for what. The first two are the disk's, too. */
struct memory {
	struct host_ring_memory ring;
	struct now now;
	struct host_ring_chain chains[HOST_RING_MAX];
};

static_assert(sizeof(struct memory) <= HOST_DISK_MEMORY, "platform/disk.h");
static_assert(HOST_DISK_PIECES + 2 <= HOST_RING_MAX, "header and status are pieces, too");

static struct host_disk disks[HOST_DISK_MAX];
static unsigned int nr_disks;

const struct host_disk_facts *host_disk_facts(const struct host_disk *d)
{
	return &d->facts;
}

/* --- answers -------------------------------------------------------------------------------------- */

static enum blk_status status_of(const struct host_disk_request *r)
{
	switch (atomic_read(&r->status)) {
	case BLK_OK:
		return BLK_OK;
	case BLK_UNSUPP:
		return BLK_UNSUPP;
	default:
		return BLK_IOERR;
	}
}

/* What one look at the ring has found. */
struct taken {
	struct host_disk_request *requests[TAKE_MAX];
	unsigned int nr;
	bool more, broken,
		waiting; /* there is more to take; the ring is broken; some user waits for its turn */
};

/* Requests that the disk has answered. If these are all, it interrupts for the next. */
static void take(struct host_disk *d, struct taken *t)
{
	unsigned int nr = 0;
	uint32_t len;

	spin_lock(&d->lock);
	if (!d->failed) {
		do {
			while (nr < TAKE_MAX &&
			       (t->requests[nr] = host_ring_take(&d->ring, &len)) != NULL)
				nr++;
		} while (nr < TAKE_MAX && host_ring_rearm(&d->ring));
	}
	if (nr > 0) {
		d->in_flight -= nr;
		d->idle = 0;
		d->progress_at = timer_now();
	}
	t->nr = nr;
	t->more = nr == TAKE_MAX;
	t->broken = d->ring.broken;
	t->waiting = !list_empty(&d->users);
	spin_unlock(&d->lock);
}

/* The next of those that wait. NULL: none, or one has its turn already. */
static struct host_disk_user *next_turn(struct host_disk *d)
{
	struct host_disk_user *u = NULL;

	spin_lock(&d->lock);
	if (!d->turn && !list_empty(&d->users)) {
		u = list_entry(d->users.next, struct host_disk_user, node);
		list_remove(&u->node);
		u->waits = false;
		d->turn = u;
	}
	spin_unlock(&d->lock);
	return u;
}

/* False: the disk had no room for it, and it is the first again. */
static bool end_turn(struct host_disk *d, const struct host_disk_user *u)
{
	bool went;

	spin_lock(&d->lock);
	went = !(u->waits && d->users.next == &u->node);
	d->turn = NULL;
	spin_unlock(&d->lock);
	return went;
}

/* It ends: each turn fills the disk's ring, or leaves the queue shorter. */
static void give_turns(struct host_disk *d)
{
	struct host_disk_user *u;

	while ((u = next_turn(d)) != NULL) {
		u->may_go(u);
		if (!end_turn(d, u))
			return;
	}
}

/* A disk that does not even stop may go on to write, so what it has been given is never given back. */
static cold void give_up(struct host_disk *d, const char *why)
{
	struct host_disk_request *r;
	bool stopped;

	spin_lock(&d->lock);
	if (d->failed) {
		spin_unlock(&d->lock);
		return;
	}
	d->failed = true;
	spin_unlock(&d->lock);
	/* It may take a while, and nothing is submitted or taken any more. */
	stopped = host_virtio_reset(d->dev);
	log_error("%s: %s: the disk is not used any more%s", d->path, why,
		  stopped ? "" : ", and does not stop: what it was asked never ends");
	while (stopped) {
		spin_lock(&d->lock);
		r = host_ring_forget(&d->ring);
		spin_unlock(&d->lock);
		if (!r)
			break;
		r->done(r, BLK_IOERR);
	}
	give_turns(d);
}

/*
 * True: it had answered something. A guest on another hart may keep the disk busy, so this ends after a while and goes on later.
 * A user that begins to wait behind take() has found the ring full, so there is an answer to come that gives it its turn.
 */
static bool collect(struct host_disk *d)
{
	struct taken t;
	bool any = false;
	unsigned int left = HOST_RING_MAX / TAKE_MAX;

	do {
		take(d, &t);
		any |= t.nr != 0;
		for (unsigned int n = 0; n < t.nr; n++)
			t.requests[n]->done(t.requests[n], status_of(t.requests[n]));
	} while (t.more && --left > 0);
	if (t.broken)
		give_up(d, "it answered what it was not asked");
	if (t.waiting)
		give_turns(d);
	if (t.more)
		work_queue(&d->work);
	return any;
}

static void collect_more(struct work *w)
{
	(void)collect(container_of(w, struct host_disk, work));
}

/* An interrupt has brought nothing. */
static bool too_many(struct host_disk *d)
{
	unsigned int idle;

	spin_lock(&d->lock);
	idle = ++d->idle;
	spin_unlock(&d->lock);
	return idle >= IDLE_MAX;
}

static void interrupted(void *arg)
{
	struct host_disk *d = arg;
	uint32_t why = host_virtio_interrupts(d->dev);

	if ((why & VIRTIO_INT_CONFIG) && host_virtio_failed(d->dev))
		give_up(d, "it asks for a reset");
	if (!((why & VIRTIO_INT_USED) && collect(d)) && too_many(d)) {
		give_up(d, "it interrupts without end");
		host_irq_off(d);
	}
}

static cold void patience_ends(struct timer *t)
{
	struct host_disk *d = container_of(t, struct host_disk, patience);
	uint64_t end;
	bool late;

	spin_lock(&d->lock);
	end = d->progress_at + timer_ns_to_ticks(HOST_DISK_PATIENCE_NS);
	d->timed = d->in_flight != 0 && !d->failed;
	late = d->timed && timer_now() >= end;
	if (d->timed && !late)
		timer_arm(t, end);
	spin_unlock(&d->lock);
	if (late)
		give_up(d, "it does not answer");
}

/* --- requests ------------------------------------------------------------------------------------- */

static struct host_piece piece_of(void *p, uint32_t len)
{
	return (struct host_piece){ ptr_to_hpa(p), len };
}

static always_inline void add(struct host_disk *d, struct host_disk_request *r,
			      const struct host_piece *pieces, unsigned int nr,
			      struct host_ring_adding a)
{
	const bool in = r->header.type == BLK_IN;

	host_ring_add(&d->ring, &a, piece_of(&r->header, sizeof(r->header)), false);
	for (unsigned int i = 0; i < nr; i++)
		host_ring_add(&d->ring, &a, pieces[i], in);
	r->status = UINT8_MAX;
	host_ring_add(&d->ring, &a, piece_of(&r->status, sizeof(r->status)), true);
	host_ring_end(&d->ring, &a, r);
}

static void watch(struct host_disk *d)
{
	if (d->in_flight++ == 0)
		d->progress_at = timer_now();
	if (!d->timed) {
		d->timed = true;
		timer_arm(&d->patience, d->progress_at + timer_ns_to_ticks(HOST_DISK_PATIENCE_NS));
	}
}

/* One that has its turn keeps it. */
static void wait_for_turn(struct host_disk *d, struct host_disk_user *u)
{
	if (u->waits)
		return;
	u->waits = true;
	if (d->turn == u)
		list_push_front(&d->users, &u->node);
	else
		list_push_back(&d->users, &u->node);
}

/* None that came later goes first. */
static bool others_first(const struct host_disk *d, const struct host_disk_user *u)
{
	return d->turn ? d->turn != u || u->waits : !list_empty(&d->users);
}

int host_disk_submit(struct host_disk *d, struct host_disk_user *user, struct host_disk_request *r,
		     const struct host_piece *pieces, unsigned int nr)
{
	struct host_ring_adding a;
	int err = HV_OK;
	bool notify = false;

	spin_lock(&d->lock);
	if (d->failed) {
		err = HV_EIO;
	} else if (others_first(d, user) || !host_ring_begin(&d->ring, &a, (uint16_t)(nr + 2))) {
		wait_for_turn(d, user);
		err = HV_EBUSY;
	} else {
		add(d, r, pieces, nr, a);
		watch(d);
		notify = host_ring_publish(&d->ring);
	}
	spin_unlock(&d->lock);
	if (notify)
		host_virtio_notify(d->dev, QUEUE);
	return err;
}

cold void host_disk_leave(struct host_disk *d, struct host_disk_user *user)
{
	bool called;

	do {
		spin_lock(&d->lock);
		if (user->waits) {
			list_remove(&user->node);
			user->waits = false;
		}
		called = d->turn == user;
		spin_unlock(&d->lock);
	} while (called);
}

/* --- opening -------------------------------------------------------------------------------------- */

static uint32_t clamp(uint32_t val, uint32_t least, uint32_t most)
{
	return val < least ? least : val > most ? most : val;
}

static cold void read_facts(struct host_disk *d)
{
	struct host_disk_facts *f = &d->facts;
	const uint64_t has = d->dev->features;
	union {
		struct blk_layout layout;
		uint32_t words[sizeof(struct blk_layout) / 4];
	} config;
	const struct blk_layout *c = &config.layout;

	host_virtio_config(d->dev, 0, config.words, ARRAY_SIZE(config.words));
	f->sectors = c->capacity;
	f->read_only = (has & BLK_F_RO) != 0;
	f->flush = (has & BLK_F_FLUSH) != 0;
	f->discard = (has & BLK_F_DISCARD) && c->max_discard_sectors != 0;
	f->write_zeroes = (has & BLK_F_WRITE_ZEROES) && c->max_write_zeroes_sectors != 0;
	f->discard_sectors = f->discard ? c->max_discard_sectors : 0;
	f->zero_sectors = f->write_zeroes ? c->max_write_zeroes_sectors : 0;
	f->pieces = has & BLK_F_SEG_MAX ? clamp(c->seg_max, 1, HOST_DISK_PIECES) : 1;
	f->pieces = clamp(f->pieces, 1, d->ring.size - 2u);
	f->piece_bytes = has & BLK_F_SIZE_MAX ? clamp(c->size_max, BLK_SECTOR, UINT32_MAX) :
						UINT32_MAX;
	f->block_bytes = has & BLK_F_BLK_SIZE && c->blk_size % BLK_SECTOR == 0 ?
				 clamp(c->blk_size, BLK_SECTOR, KIB(64)) :
				 BLK_SECTOR;
}

static cold int set_up(struct host_disk *d, struct memory *m, const char **why)
{
	int err;

	*why = "the device refuses to be set up";
	err = host_virtio_begin(d->dev, FEATURES);
	if (err == HV_OK)
		err = host_virtio_ring(d->dev, QUEUE, &d->ring, &m->ring, m->chains);
	if (err == HV_OK && d->ring.size < 4) {
		*why = "the device's queue is too short: must have at least 4 entries";
		err = HV_ENOTSUP;
	}
	if (err != HV_OK)
		return err;
	read_facts(d);
	if (d->facts.sectors > UINT64_MAX / BLK_SECTOR) {
		*why = "the device says that it has more than 2^64 bytes";
		return HV_EINVAL;
	}
	*why = "the device has no interrupt that the machine's controller knows";
	return host_irq_request(d->dev->fdt, d->dev->node, interrupted, d);
}

cold int host_disk_open(const void *fdt, const char *path, void *memory, struct host_disk **out,
			const char **why)
{
	struct host_disk *d = &disks[nr_disks % HOST_DISK_MAX];
	int err;

	*why = "must be at most 8 disks of the machine in all";
	if (nr_disks == HOST_DISK_MAX)
		return HV_EOVERFLOW;
	*d = (struct host_disk){ 0 };
	spin_init(&d->lock, LOCK_HOST_DISK);
	list_init(&d->users);
	work_init(&d->work, collect_more);
	timer_init(&d->patience, patience_ends);
	err = host_virtio_claim(fdt, path, VIRTIO_ID_BLOCK, &d->dev, why);
	if (err != HV_OK)
		return err;
	fdtx_path(fdt, d->dev->node, d->path, sizeof(d->path));
	d->memory = memory;
	err = set_up(d, d->memory, why);
	if (err != HV_OK) {
		(void)host_virtio_reset(d->dev);
		return err;
	}
	nr_disks++;
	host_virtio_ready(d->dev);
	*out = d;
	return HV_OK;
}

/* --- at boot -------------------------------------------------------------------------------------- */

static cold void now_done(struct host_disk_request *r, enum blk_status status)
{
	struct now *n = container_of(r, struct now, request);

	n->status = status;
	n->over = true;
}

static void now_may_go(struct host_disk_user *u)
{
	(void)u;
}

/* The hart takes no interrupt here. */
cold int host_disk_read_now(struct host_disk *d, uint64_t sector, void *to, unsigned int sectors)
{
	struct now *now = &d->memory->now;
	struct host_disk_user user = { .may_go = now_may_go };
	const struct host_piece piece = piece_of(to, sectors * BLK_SECTOR);
	const uint64_t end = timer_now() + timer_ns_to_ticks(HOST_DISK_PATIENCE_NS);
	int err;

	if (sectors > d->facts.sectors || sector > d->facts.sectors - sectors)
		return HV_EIO;
	*now = (struct now){ .request = { .header = { BLK_IN, 0, sector }, .done = now_done } };
	err = host_disk_submit(d, &user, &now->request, &piece, 1);
	host_disk_leave(d, &user);
	while (err == HV_OK && !now->over && !d->failed) {
		(void)collect(d);
		if (timer_now() >= end)
			give_up(d, "it does not answer");
	}
	return err == HV_OK && now->over && now->status == BLK_OK ? HV_OK : HV_EIO;
}
