// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/vring.h
// SOURCES: hyp/dev/virtio/rng.c
/* The entropy device as a guest's driver sees it. The generator itself: tests/unit/lib/test_random.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "fake/log.h"
#include "fake/vring.h"
#include "lib/random.h"

static bool has_entropy, is_empty;
static unsigned int outputs;
static struct vring ring;
static void *rng;

/* The generators of two VMs differ by what they are for. */
bool random_child_init(struct random_child *c, const void *use, size_t use_len)
{
	assert_int_equal(use_len, strlen("fake"));
	assert_memory_equal(use, "fake", use_len);
	c->ready = has_entropy;
	return has_entropy;
}

/* Each output is bytes of its number. */
bool random_child_bytes(struct random_child *c, void *out, size_t len, const void *use,
			size_t use_len)
{
	assert_true(c->ready && use && use_len);
	assert_in_range(len, 1, 64);
	outputs++;
	memset(out, is_empty ? 0 : (int)outputs, len);
	return !is_empty;
}

static void begin(void)
{
	const uint64_t features = VIRTIO_F_VERSION_1;

	assert_true(driver_begin(VDEV(0), features) & VIRTIO_FEATURES_OK);
	vring_begin(&ring, VDEV(0), 0, 16, features);
	(void)driver_ok(VDEV(0));
}

static int setup(void **state)
{
	(void)state;
	has_entropy = true;
	is_empty = false;
	outputs = 0;
	fake_log_reset();
	fake_guest_setup(1, FAKE_SCATTERED, MIB(1));
	assert_int_equal(fake_virtio_make("rng", NULL, 0, &rng), HV_OK);
	begin();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_part_named("rng")->destroy(rng);
	return fake_guest_teardown() ? 0 : -1;
}

/* One buffer of @len bytes; what the device wrote of it. */
static uint32_t ask(uint64_t *at, uint32_t len)
{
	uint32_t id, got;

	*at = fake_ram_alloc(len, 1);
	(void)vring_add(&ring, &(struct vbuf){ *at, len, true }, 1);
	(void)vring_kick(&ring);
	assert_true(vring_used(&ring, &id, &got));
	return got;
}

static void a_request_gets_bytes_and_an_interrupt(void **state)
{
	uint64_t at;

	(void)state;
	assert_int_equal(ask(&at, 16), 16);
	assert_true(fake_ram_is(at, 1, 16));
	assert_int_equal(vdev_acknowledge(VDEV(0)), VIRTIO_INT_USED);
	assert_int_equal(ask(&at, 1), 1);
	assert_true(fake_ram_is(at, 2, 1));
}

/* One output of the generator, whatever is asked for; what is behind it is left alone. */
static void a_large_request_gets_no_more_than_one_output(void **state)
{
	uint64_t at;

	(void)state;
	assert_int_equal(ask(&at, 4096), 64);
	assert_true(fake_ram_is(at, 1, 64));
	assert_true(fake_ram_is(at + 64, 0xee, 4096 - 64));
	assert_int_equal(outputs, 1);
}

static void the_buffers_of_a_chain_are_filled_one_after_the_other(void **state)
{
	const uint64_t at = fake_ram_alloc(80, 1);
	const struct vbuf bufs[] = { { at, 10, true },
				     { at + 20, 50, true },
				     { at + 70, 10, true } };
	uint32_t id, len;

	(void)state;
	(void)vring_add(&ring, bufs, 3);
	(void)vring_kick(&ring);
	assert_true(vring_used(&ring, &id, &len));
	assert_int_equal(len, 64);
	assert_true(fake_ram_is(at, 1, 10) && fake_ram_is(at + 10, 0xee, 10));
	assert_true(fake_ram_is(at + 20, 1, 50) && fake_ram_is(at + 70, 1, 4));
	assert_true(fake_ram_is(at + 74, 0xee, 6));
}

/* So that a guest with many requests takes no hart for long. */
static void each_step_makes_one_output(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 3; i++)
		(void)vring_add(&ring, &(struct vbuf){ fake_ram_alloc(64, 1), 64, true }, 1);
	(void)vring_publish(&ring);
	for (unsigned int i = 1; i <= 3; i++) {
		assert_true(vring_notify_once(&ring));
		assert_int_equal(outputs, i);
	}
	assert_false(vring_notify_once(&ring));
	assert_int_equal(outputs, 3);
}

static void a_generator_that_gives_nothing_gives_no_zeroes(void **state)
{
	uint64_t at;

	(void)state;
	is_empty = true;
	assert_int_equal(ask(&at, 32), 0);
	assert_true(fake_ram_is(at, 0xee, 32));
}

static void what_is_no_request_breaks_the_queue(void **state)
{
	static const struct vbuf rows[][2] = {
		{ { FAKE_RAM, 8, false }, { FAKE_RAM + 8, 8, false } },
		{ { FAKE_RAM, 8, false }, { FAKE_RAM + 8, 8, true } },
		{ { FAKE_RAM, 0, true }, { FAKE_RAM, 0, true } },
		{ { FAKE_RAM_END, 8, true }, { FAKE_RAM, 8, true } },
		{ { FAKE_ROM, 8, true }, { FAKE_RAM, 8, true } },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		uint32_t id, len;

		begin();
		(void)vring_add(&ring, rows[i], 2);
		(void)vring_publish(&ring);
		assert_false(vring_notify_once(&ring));
		assert_true(vdev_get(VDEV(0), VIRTIO_MMIO_STATUS) & VIRTIO_NEEDS_RESET);
		assert_int_equal(vdev_acknowledge(VDEV(0)), VIRTIO_INT_CONFIG);
		assert_false(vring_used(&ring, &id, &len));
	}
}

static void without_entropy_there_is_no_device(void **state)
{
	void *none;

	(void)state;
	has_entropy = false;
	assert_int_equal(fake_virtio_make("rng", NULL, 1, &none), HV_EINVAL);
	assert_int_equal(fake_log_count, 1);
	assert_non_null(strstr(fake_log_last, "rng-seed"));
	assert_int_equal(vdev_get(VDEV(1), VIRTIO_MMIO_DEVICE_ID), 0);
}

static void a_reset_is_one_of_the_device(void **state)
{
	uint64_t at;

	(void)state;
	fake_part_named("rng")->reset(rng);
	assert_int_equal(vdev_get(VDEV(0), VIRTIO_MMIO_STATUS), 0);
	assert_int_equal(vdev_get(VDEV(0), VIRTIO_MMIO_DEVICE_ID), VIRTIO_ID_RNG);
	begin();
	assert_int_equal(ask(&at, 8), 8);
	assert_int_equal(fake_log_count, 0);
}

#define test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

static void counts_are(uint64_t notified, uint64_t used, uint64_t interrupts)
{
	struct virtio_look look;

	assert_true(virtio_look(&fake_vm, 0, 0, &look));
	assert_string_equal(look.device, "rng");
	assert_int_equal(look.counts.notified, notified);
	assert_int_equal(look.counts.used, used);
	assert_int_equal(look.counts.interrupts, interrupts);
}

static void what_a_queue_does_is_counted(void **state)
{
	struct virtio_look look;

	(void)state;
	virtio_zero(&fake_vm); /* what DRIVER_OK has looked at */
	counts_are(0, 0, 0);
	for (unsigned int i = 0; i < 3; i++)
		(void)vring_add(&ring, (struct vbuf[]){ { fake_ram_alloc(64, 1), 64, true } }, 1);
	(void)vring_kick(&ring); /* a step for each, and one that finds no more */
	counts_are(4, 3, 3);
	(void)vring_notify(&ring); /* of nothing */
	counts_are(5, 3, 3);
	virtio_zero(&fake_vm);
	counts_are(0, 0, 0);
	(void)vring_add(&ring, (struct vbuf[]){ { fake_ram_alloc(64, 1), 64, true } }, 1);
	(void)vring_kick(&ring);
	counts_are(2, 1, 1);
	assert_false(virtio_look(&fake_vm, 0, 1, &look));
	assert_false(virtio_look(&fake_vm, 1, 0, &look));
	assert_false(virtio_look(&fake_vm, VIRTIO_SLOTS, 0, &look));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_request_gets_bytes_and_an_interrupt),
		test(a_large_request_gets_no_more_than_one_output),
		test(the_buffers_of_a_chain_are_filled_one_after_the_other),
		test(each_step_makes_one_output),
		test(a_generator_that_gives_nothing_gives_no_zeroes),
		test(what_is_no_request_breaks_the_queue),
		test(without_entropy_there_is_no_device),
		test(a_reset_is_one_of_the_device),
		test(what_a_queue_does_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
