/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's disk that is a part of a disk of the machine, where the test is the machine's disk. Included by one source of a program. */
#ifndef FAKE_BLK_HOST_H
#define FAKE_BLK_HOST_H

#include "arch/memmap.h"
#include "dev/virtio/blk.h"
#include "fake/said.h"
#include "fake/tree.h"
#include "fake/vring.h"
#include "lib/errno.h"
#include "vcpu/vm_mem.h"

#define DISK	VDEV(0)
#define FIRST	100 /* sector of the machine's disk */
#define SECTORS 64

/* --- the machine's disk ---------------------------------------------------------------------------- */

struct host_disk {
	struct host_disk_facts facts;
};

static struct host_disk host;
static struct asked {
	struct host_disk_request *r;
	struct host_piece pieces[HOST_DISK_PIECES];
	unsigned int nr;
} asked[256];
static unsigned int nr_asked, room;
static int refuses;
static struct host_disk_user *waits;

const struct host_disk_facts *host_disk_facts(const struct host_disk *d)
{
	return &d->facts;
}

int host_disk_submit(struct host_disk *d, struct host_disk_user *user, struct host_disk_request *r,
		     const struct host_piece *pieces, unsigned int nr)
{
	assert_ptr_equal(d, &host);
	assert_true(nr <= host.facts.pieces);
	if (refuses)
		return refuses;
	if (nr_asked == room) {
		waits = user;
		return HV_EBUSY;
	}
	asked[nr_asked].r = r;
	asked[nr_asked].nr = nr;
	if (nr)
		memcpy(asked[nr_asked].pieces, pieces, nr * sizeof(*pieces));
	nr_asked++;
	return HV_OK;
}

void host_disk_leave(struct host_disk *d, struct host_disk_user *user)
{
	(void)d, (void)user;
	waits = NULL;
}

/* The disk answers request @i of those that it has. */
static inline void answer(unsigned int i, enum blk_status status)
{
	struct host_disk_request *r = asked[i].r;

	nr_asked--;
	memmove(&asked[i], &asked[i + 1], (nr_asked - i) * sizeof(asked[0]));
	r->done(r, status);
}

/* --- the guest ------------------------------------------------------------------------------------- */

static struct disk_source source = { .named.name = "part",
				     .disk = &host,
				     .sector = FIRST,
				     .sectors = SECTORS };
static uint64_t tree[256];
static struct vring ring;
static void *part;
static uint64_t header, data, status;

static inline int setup(void **state)
{
	(void)state;
	fake_log_reset();
	nr_asked = 0;
	room = 256;
	refuses = 0;
	waits = NULL;
	host.facts = (struct host_disk_facts){ .sectors = 1000,
					       .flush = true,
					       .discard = true,
					       .write_zeroes = true,
					       .pieces = HOST_DISK_PIECES,
					       .piece_bytes = UINT32_MAX,
					       .discard_sectors = 8,
					       .zero_sectors = 4,
					       .block_bytes = 512 };
	if (!disk_source_of(named_find(disk_sources, "part")))
		named_add(&disk_sources, &source.named);
	fake_guest_setup(2, FAKE_ONE_PIECE, MIB(2));
	header = fake_ram_alloc(64 * 16, 8);
	data = fake_ram_alloc(KIB(64), 8);
	status = fake_ram_alloc(128, 1);
	part = NULL;
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	while (nr_asked > 0)
		answer(0, BLK_OK);
	if (part)
		fake_part_named("disk")->destroy(part);
	return fake_guest_teardown() && !source.writer && source.readers == 0 ? 0 : -1;
}

static inline int make(const char *access, uint32_t queues)
{
	struct config_node n = { .fdt = tree, .path = "/vm/disk@0" };
	void *state = NULL;
	int err;

	tree_begin(tree, sizeof(tree));
	tree_string(tree, "disk", "part");
	if (access)
		tree_string(tree, "access", access);
	tree_cells(tree, "queues", 1, queues);
	(void)tree_finish(tree);
	err = fake_virtio_make("disk", &n, 0, &state);
	if (err == HV_OK)
		part = state;
	return err;
}

static inline void begin_with(uint64_t flush)
{
	const uint64_t features = VIRTIO_F_VERSION_1 | VIRTIO_F_RING_RESET |
				  (vdev_features(DISK) & flush);

	assert_true(driver_begin(DISK, features) & VIRTIO_FEATURES_OK);
	vring_begin(&ring, DISK, 0, 128, features);
	assert_int_equal(driver_ok(DISK), 1);
}

static inline void begin(void)
{
	begin_with(BLK_F_FLUSH);
}

static inline void start(const char *access)
{
	assert_int_equal(make(access, 1), HV_OK);
	begin();
}

/* Request @i, of @len bytes of data at data + 512 * @i. */
static inline uint16_t offer(unsigned int i, uint32_t type, uint64_t sector, uint32_t len)
{
	const uint64_t h[2] = { type, sector };
	struct vbuf bufs[] = { { header + 16 * i, 16, false },
			       { data + 512 * i, len, type == BLK_IN || type == BLK_GET_ID },
			       { status + i, 1, true } };

	fake_ram_write(header + 16 * i, h, sizeof(h));
	*(uint8_t *)fake_ram_at(status + i) = 0xff;
	if (len)
		return vring_add(&ring, bufs, 3);
	bufs[1] = bufs[2];
	return vring_add(&ring, bufs, 2);
}

static inline uint8_t status_of(unsigned int i)
{
	return *(uint8_t *)fake_ram_at(status + i);
}

static inline void is_used(uint16_t head, uint32_t written)
{
	uint32_t id, len;

	assert_true(vring_used(&ring, &id, &len));
	assert_int_equal(id, head);
	assert_int_equal(len, written);
}

static inline bool is_idle(void)
{
	uint32_t id, len;

	return !vring_used(&ring, &id, &len);
}

/* One that the machine's disk is not asked for. */
static inline void at_once(uint32_t type, uint64_t sector, uint32_t len, uint8_t is)
{
	uint16_t head = offer(0, type, sector, len);
	unsigned int before = nr_asked;

	assert_int_equal(vring_kick(&ring), 1);
	assert_int_equal(nr_asked, before);
	is_used(head, 1);
	assert_int_equal(status_of(0), is);
}

/* DISCARD or WRITE_ZEROES of one range. */
static inline void range(uint32_t type, uint64_t sector, uint32_t sectors, uint32_t flags)
{
	const struct blk_range r = { sector, sectors, flags };

	fake_ram_write(data, &r, sizeof(r));
	(void)offer(0, type, 0, sizeof(r));
	(void)vring_kick(&ring);
}

#endif
