// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/vring.h
// SOURCES: hyp/dev/virtio/blk.c hyp/dev/virtio/blk_request.c hyp/dev/virtio/blk_overlay.c hyp/dev/virtio/blk_host.c
// SOURCES: hyp/dev/virtio/blk_source.c tests/unit/fake/tree.c
/* A guest's disk that is a part of one of the machine's: what that is asked, when its answers are seen, and what a stop waits for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

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
	memcpy(asked[nr_asked++].pieces, pieces, nr * sizeof(*pieces));
	return HV_OK;
}

void host_disk_leave(struct host_disk *d, struct host_disk_user *user)
{
	(void)d, (void)user;
	waits = NULL;
}

/* The disk answers request @i of those that it has. */
static void answer(unsigned int i, enum blk_status status)
{
	struct host_disk_request *r = asked[i].r;

	nr_asked--;
	memmove(&asked[i], &asked[i + 1], (nr_asked - i) * sizeof(asked[0]));
	r->done(r, status);
}

/* --- the guest ------------------------------------------------------------------------------------- */

static struct disk_source source = { .name = "part",
				     .disk = &host,
				     .sector = FIRST,
				     .sectors = SECTORS };
static uint64_t tree[256];
static struct vring ring;
static void *part;
static uint64_t header, data, status;

static int setup(void **state)
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
	if (!disk_source_find("part"))
		disk_source_add(&source);
	fake_guest_setup(2, FAKE_ONE_PIECE, MIB(2));
	header = fake_ram_alloc(64 * 16, 8);
	data = fake_ram_alloc(KIB(64), 8);
	status = fake_ram_alloc(128, 1);
	part = NULL;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	while (nr_asked > 0)
		answer(0, BLK_OK);
	if (part)
		fake_part_named("disk")->destroy(part);
	return fake_guest_teardown() && !source.writer && source.readers == 0 ? 0 : -1;
}

static int make(const char *access, uint32_t queues)
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

static void begin(void)
{
	const uint64_t features = VIRTIO_F_VERSION_1 | VIRTIO_F_RING_RESET |
				  (vdev_features(DISK) & BLK_F_FLUSH);

	assert_true(driver_begin(DISK, features) & VIRTIO_FEATURES_OK);
	vring_begin(&ring, DISK, 0, 128, features);
	assert_int_equal(driver_ok(DISK), 1);
}

static void start(const char *access)
{
	assert_int_equal(make(access, 1), HV_OK);
	begin();
}

/* Request @i, of @len bytes of data at data + 512 * @i. */
static uint16_t offer(unsigned int i, uint32_t type, uint64_t sector, uint32_t len)
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

static uint8_t status_of(unsigned int i)
{
	return *(uint8_t *)fake_ram_at(status + i);
}

static void is_used(uint16_t head, uint32_t written)
{
	uint32_t id, len;

	assert_true(vring_used(&ring, &id, &len));
	assert_int_equal(id, head);
	assert_int_equal(len, written);
}

static bool is_idle(void)
{
	uint32_t id, len;

	return !vring_used(&ring, &id, &len);
}

/* One that the machine's disk is not asked for. */
static void at_once(uint32_t type, uint64_t sector, uint32_t len, uint8_t is)
{
	uint16_t head = offer(0, type, sector, len);
	unsigned int before = nr_asked;

	assert_int_equal(vring_kick(&ring), 1);
	assert_int_equal(nr_asked, before);
	is_used(head, 1);
	assert_int_equal(status_of(0), is);
}

/* --- what is asked --------------------------------------------------------------------------------- */

static void requests_go_with_the_guest_s_own_buffers(void **state)
{
	uint16_t read, write, flush;

	(void)state;
	start(NULL);
	assert_int_equal(vdev_config64(DISK, 0), SECTORS);
	assert_false(vdev_features(DISK) & (VIRTIO_F_IN_ORDER | BLK_F_RO));
	read = offer(0, BLK_IN, 3, 1024);
	write = offer(2, BLK_OUT, 63, 512);
	flush = offer(3, BLK_FLUSH, 77, 0);
	assert_int_equal(vring_kick(&ring), 1);
	assert_int_equal(nr_asked, 3);
	assert_int_equal(asked[0].r->header.type, BLK_IN);
	assert_int_equal(asked[0].r->header.sector, FIRST + 3);
	assert_int_equal(asked[0].nr, 1);
	assert_ptr_equal(hpa_to_ptr(asked[0].pieces[0].at), fake_ram_at(data));
	assert_int_equal(asked[0].pieces[0].len, 1024);
	assert_int_equal(asked[1].r->header.sector, FIRST + 63);
	assert_ptr_equal(hpa_to_ptr(asked[1].pieces[0].at), fake_ram_at(data + 1024));
	assert_int_equal(asked[2].r->header.type, BLK_FLUSH);
	assert_int_equal(asked[2].r->header.sector, 0);
	assert_int_equal(asked[2].nr, 0);
	assert_int_equal(fake_vm.dma, 3);
	assert_true(is_idle());
	/* In another order. */
	answer(1, BLK_OK);
	is_used(write, 1);
	assert_true(vdev_line(DISK));
	answer(1, BLK_IOERR);
	is_used(flush, 1);
	assert_int_equal(status_of(3), BLK_IOERR);
	answer(0, BLK_OK);
	is_used(read, 1025);
	assert_int_equal(status_of(0) | status_of(2), BLK_OK);
	assert_int_equal(fake_vm.dma, 0);
}

static void what_is_outside_of_the_part_is_not_asked(void **state)
{
	(void)state;
	start(NULL);
	at_once(BLK_IN, SECTORS, 512, BLK_IOERR);
	at_once(BLK_IN, SECTORS - 1, 1024, BLK_IOERR);
	at_once(BLK_OUT, SECTORS - 1, 1024, BLK_IOERR);
	at_once(BLK_IN, UINT64_MAX, 512, BLK_IOERR);
	at_once(BLK_OUT, UINT64_MAX / 512, 512, BLK_IOERR);
	at_once(BLK_IN, 0, 511, BLK_IOERR);
	at_once(BLK_IN, 0, 0, BLK_OK);
	at_once(99, 0, 512, BLK_UNSUPP);
	assert_int_equal(fake_vm.dma, 0);
}

static void a_disk_that_is_read_is_not_written(void **state)
{
	(void)state;
	start("read-only");
	assert_true(vdev_features(DISK) & BLK_F_RO);
	at_once(BLK_OUT, 0, 512, BLK_IOERR);
	at_once(BLK_DISCARD, 0, 16, BLK_UNSUPP);
	at_once(BLK_WRITE_ZEROES, 0, 16, BLK_UNSUPP);
	at_once(BLK_FLUSH, 0, 0, BLK_OK);
}

static void its_id_is_its_own(void **state)
{
	uint16_t head;

	(void)state;
	start(NULL);
	head = offer(0, BLK_GET_ID, 0, 20);
	(void)vring_kick(&ring);
	is_used(head, 21);
	assert_string_equal(fake_ram_at(data), "hartvisor-0-part");
	assert_int_equal(nr_asked, 0);
}

static void range(uint32_t type, uint64_t sector, uint32_t sectors, uint32_t flags)
{
	const struct blk_range r = { sector, sectors, flags };

	fake_ram_write(data, &r, sizeof(r));
	(void)offer(0, type, 0, sizeof(r));
	(void)vring_kick(&ring);
}

static void range_fails(uint32_t type, uint64_t sector, uint32_t sectors, uint32_t flags,
			uint8_t is)
{
	uint32_t id, len;

	range(type, sector, sectors, flags);
	assert_int_equal(nr_asked, 0);
	assert_true(vring_used(&ring, &id, &len));
	assert_int_equal(status_of(0), is);
}

/* The copy that was checked is what the disk reads. */
static void ranges_are_moved_to_the_part(void **state)
{
	(void)state;
	start(NULL);
	range(BLK_DISCARD, 5, 8, 0);
	assert_int_equal(nr_asked, 1);
	memset(fake_ram_at(data), 0xff, 16);
	assert_ptr_equal(hpa_to_ptr(asked[0].pieces[0].at), &asked[0].r->range);
	assert_int_equal(asked[0].pieces[0].len, 16);
	assert_int_equal(asked[0].r->range.sector, FIRST + 5);
	assert_int_equal(asked[0].r->range.sectors, 8);
	answer(0, BLK_OK);
	is_used(0, 1);
	range(BLK_WRITE_ZEROES, 60, 4, BLK_UNMAP);
	assert_int_equal(asked[0].r->range.flags, BLK_UNMAP);
	answer(0, BLK_OK);
	assert_false(is_idle());
	range_fails(BLK_DISCARD, 0, 9, 0, BLK_IOERR);
	range_fails(BLK_WRITE_ZEROES, 0, 5, 0, BLK_IOERR);
	range_fails(BLK_DISCARD, 61, 4, 0, BLK_IOERR);
	range_fails(BLK_DISCARD, UINT64_MAX, 4, 0, BLK_IOERR);
	range_fails(BLK_DISCARD, 0, 4, BLK_UNMAP, BLK_UNSUPP);
	range_fails(BLK_WRITE_ZEROES, 0, 4, 2, BLK_UNSUPP);
	at_once(BLK_DISCARD, 0, 32, BLK_IOERR);
	host.facts.discard = false;
	range_fails(BLK_DISCARD, 0, 4, 0, BLK_UNSUPP);
}

/* --- when there is no room ------------------------------------------------------------------------- */

static void what_does_not_fit_waits_for_its_turn(void **state)
{
	(void)state;
	start(NULL);
	room = 2;
	for (unsigned int i = 0; i < 4; i++)
		(void)offer(i, BLK_IN, i, 512);
	(void)vring_kick(&ring);
	assert_int_equal(nr_asked, 2);
	assert_non_null(waits);
	answer(0, BLK_OK);
	/* It takes its place by itself; a real disk calls may_go() then. */
	assert_int_equal(nr_asked, 2);
	room = 4;
	waits->may_go(waits);
	assert_int_equal(nr_asked, 3);
	for (unsigned int i = 1; i < 4; i++)
		assert_int_equal(asked[i - 1].r->header.sector, FIRST + i);
}

/* No more than BLK_FLIGHTS are in flight. */
static void a_guest_has_so_many_requests_at_most(void **state)
{
	(void)state;
	start(NULL);
	for (unsigned int i = 0; i < 42; i++)
		(void)offer(0, BLK_IN, i, 512);
	(void)vring_kick(&ring);
	assert_int_equal(nr_asked, 42);
	/* Descriptors are used again while they are in flight, as no good driver does. */
	for (unsigned int i = 0; i < 42; i++)
		(void)offer(0, BLK_IN, i, 512);
	(void)vring_kick(&ring);
	assert_int_equal(nr_asked, BLK_FLIGHTS);
	answer(5, BLK_OK);
	assert_int_equal(nr_asked, BLK_FLIGHTS);
}

static void a_disk_that_has_failed_is_an_error(void **state)
{
	(void)state;
	start(NULL);
	refuses = HV_EIO;
	at_once(BLK_IN, 0, 512, BLK_IOERR);
	at_once(BLK_FLUSH, 0, 0, BLK_IOERR);
	assert_int_equal(fake_vm.dma, 0);
}

/* --- stops ------------------------------------------------------------------------------------------ */

/* A reset is over when nothing is in flight; until then its store is executed again, and the driver does not read 0. */
static void a_reset_waits_for_what_is_in_flight(void **state)
{
	(void)state;
	start(NULL);
	(void)offer(0, BLK_IN, 0, 512);
	(void)offer(1, BLK_IN, 1, 512);
	(void)vring_kick(&ring);
	assert_false(virtio_reset(part));
	assert_int_not_equal(vdev_get(DISK, VIRTIO_MMIO_STATUS), 0);
	answer(0, BLK_OK);
	assert_false(virtio_reset(part));
	answer(0, BLK_OK);
	assert_int_equal(status_of(0) & status_of(1), 0xff); /* the driver has its memory again */
	assert_true(virtio_reset(part));
	assert_int_equal(vdev_get(DISK, VIRTIO_MMIO_STATUS), 0);
	begin();
	(void)offer(0, BLK_IN, 0, 512);
	(void)vring_kick(&ring);
	answer(0, BLK_OK);
	is_used(0, 513);
}

static void a_life_ends_when_nothing_is_in_flight(void **state)
{
	const struct vm_part *disk = fake_part_named("disk");

	(void)state;
	start(NULL);
	assert_true(disk->settled(part));
	(void)offer(0, BLK_OUT, 0, 512);
	(void)vring_kick(&ring);
	disk->reset(part);
	assert_false(disk->settled(part));
	answer(0, BLK_OK);
	disk->reset(part);
	assert_true(disk->settled(part));
}

/* What is over during a pause is seen when the VM goes on. */
static void a_pause_holds_answers_back(void **state)
{
	uint16_t head;

	(void)state;
	start(NULL);
	head = offer(0, BLK_IN, 0, 512);
	(void)vring_kick(&ring);
	fake_vm.state = VM_PAUSED;
	answer(0, BLK_OK);
	assert_int_equal(status_of(0), 0xff);
	assert_true(is_idle());
	assert_int_equal(fake_vm.dma, 0);
	fake_vm.state = VM_RUNNING;
	fake_part_named("disk")->resume(part);
	is_used(head, 513);
}

static void the_part_is_claimed_and_given_back(void **state)
{
	(void)state;
	start(NULL);
	assert_ptr_equal(source.writer, fake_vm.name);
	fake_part_named("disk")->destroy(part);
	part = NULL;
	assert_null(source.writer);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		test(requests_go_with_the_guest_s_own_buffers),
		test(what_is_outside_of_the_part_is_not_asked),
		test(a_disk_that_is_read_is_not_written),
		test(its_id_is_its_own),
		test(ranges_are_moved_to_the_part),
		test(what_does_not_fit_waits_for_its_turn),
		test(a_guest_has_so_many_requests_at_most),
		test(a_disk_that_has_failed_is_an_error),
		test(a_reset_waits_for_what_is_in_flight),
		test(a_life_ends_when_nothing_is_in_flight),
		test(a_pause_holds_answers_back),
		test(the_part_is_claimed_and_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
