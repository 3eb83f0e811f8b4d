// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/vring.h
/* A virtio device that is reset is as a new one, in every field that hyp/vm/state_list.h says so of; and it lists all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dev/virtio/rng.c"

#define FIELD_VIRTIO_DEV(...)  FIELD_ROW(virtio_dev, __VA_ARGS__)
#define FIELD_VIRTQ(...)       FIELD_ROW(virtq, __VA_ARGS__)
#define FIELD_VIRTQ_RING(...)  FIELD_ROW(virtq_ring, __VA_ARGS__)
#define FIELD_VIRTQ_CHAIN(...) FIELD_ROW(virtq_chain, __VA_ARGS__)
#define FIELD_VRNG(...)	       FIELD_ROW(vrng, __VA_ARGS__)
#include "fake/fields.h"
#include "fake/vring.h"

static const struct virtio_dev __attribute__((unused)) all_of_dev = {
#define FIELD_VIRTIO_DEV(...) FIELD_INITIALIZER(virtio_dev, __VA_ARGS__)
#include "vm/state_list.h"
};
static const struct virtq __attribute__((unused)) all_of_virtq = {
#define FIELD_VIRTQ(...) FIELD_INITIALIZER(virtq, __VA_ARGS__)
#include "vm/state_list.h"
};
static const struct virtq_ring __attribute__((unused)) all_of_ring = {
#define FIELD_VIRTQ_RING(...) FIELD_INITIALIZER(virtq_ring, __VA_ARGS__)
#include "vm/state_list.h"
};
static const struct virtq_chain __attribute__((unused)) all_of_chain = {
#define FIELD_VIRTQ_CHAIN(...) FIELD_INITIALIZER(virtq_chain, __VA_ARGS__)
#include "vm/state_list.h"
};
static const struct vrng __attribute__((unused)) all_of_vrng = {
#define FIELD_VRNG(...) FIELD_INITIALIZER(vrng, __VA_ARGS__)
#include "vm/state_list.h"
};

static const uint8_t marks[] = { 0, 1 }; /* what a bool may hold */

bool random_child_init(struct random_child *c, const void *use_for, size_t use_len)
{
	(void)use_for, (void)use_len;
	c->ready = true;
	return true;
}

bool random_child_bytes(struct random_child *c, void *out, size_t len, const void *use_for,
			size_t use_len)
{
	(void)use_for, (void)use_len;
	assert_true(c->ready);
	memset(out, 0x77, len);
	return true;
}

static struct vrng *make(void)
{
	void *state;

	assert_int_equal(fake_virtio_make("rng", NULL, 0, &state), HV_OK);
	return state;
}

static void every_line_is_about_a_state(void **state)
{
	(void)state;
	fields_check_states();
}

/* The line to the interrupt controller is as the mark says. */
static void mark_dev(struct virtio_dev *d, uint8_t mark)
{
	fields_mark("virtio_dev", d, mark);
	if (mark)
		virq_set_level(d->irq, true);
	fields_mark("virtq", d->queues, mark);
	fields_mark("virtq_ring", &d->queues->ring, mark);
	fields_mark("virtq_chain", &d->queues->chain, mark);
	memset(d->page + VIRTIO_MMIO_DEVICE_FEATURES, mark, 4);
	memset(d->page + VIRTIO_MMIO_QUEUE_SIZE_MAX, mark, 4);
	memset(d->page + VIRTIO_MMIO_QUEUE_READY, mark, 4);
	memset(d->page + VIRTIO_MMIO_INTERRUPT_STATUS, mark, 4);
	memset(d->page + VIRTIO_MMIO_STATUS, mark, 4);
}

static void a_device_that_is_reset_is_as_a_new_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		struct vrng before, *r, *fresh;
		struct virtq queue;

		fake_guest_setup(1, FAKE_ONE_PIECE, MIB(1));
		fresh = make();
		r = make();
		mark_dev(&r->dev, marks[i]);
		before = *r;
		queue = r->dev.queues[0];
		fake_part_named("rng")->reset(r);
		fields_check_reset("vrng", r, fresh, &before);
		fields_check_reset("virtio_dev", &r->dev, &fresh->dev, &before.dev);
		fields_check_reset("virtq", r->dev.queues, fresh->dev.queues, &queue);
		fields_check_reset("virtq_ring", &r->dev.queues->ring, &fresh->dev.queues->ring,
				   &queue.ring);
		fields_check_reset("virtq_chain", &r->dev.queues->chain, &fresh->dev.queues->chain,
				   &queue.chain);
		assert_memory_equal(r->dev.page, fresh->dev.page, PAGE_SIZE);
		assert_false(vdev_line(VDEV(1)));
		assert_true(fake_guest_teardown());
	}
}

/* As a life may leave it: in the middle of it all. */
static void a_device_that_is_reset_serves_the_next_life(void **state)
{
	struct vring ring;
	uint32_t id, len;
	struct vrng *r;
	uint64_t at;

	(void)state;
	fake_guest_setup(1, FAKE_SCATTERED, MIB(1));
	r = make();
	for (unsigned int life = 0; life < 3; life++) {
		assert_true(driver_begin(VDEV(0), VIRTIO_F_VERSION_1) & VIRTIO_FEATURES_OK);
		vring_begin(&ring, VDEV(0), 0, 8, 0);
		(void)driver_ok(VDEV(0));
		at = fake_ram_alloc(8, 1);
		(void)vring_add(&ring, (struct vbuf[]){ { at, 8, true } }, 1);
		assert_true(vring_kick(&ring) > 0);
		assert_true(vring_used(&ring, &id, &len));
		assert_int_equal(len, 8);
		assert_true(fake_ram_is(at, 0x77, 8));
		assert_true(vdev_line(VDEV(0)));
		fake_part_named("rng")->reset(r);
		assert_false(vdev_line(VDEV(0)));
		assert_int_equal(vdev_get(VDEV(0), VIRTIO_MMIO_STATUS), 0);
	}
	assert_true(fake_guest_teardown());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_line_is_about_a_state),
		cmocka_unit_test(a_device_that_is_reset_is_as_a_new_one),
		cmocka_unit_test(a_device_that_is_reset_serves_the_next_life),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
