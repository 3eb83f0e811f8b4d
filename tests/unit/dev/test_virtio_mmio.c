// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/vring.h
// SOURCES: tests/unit/fake/copy_device.c
/* The registers of virtio-mmio, and the slots that have them, as a guest finds them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake/copy_device.h"
#include "fake/said.h"
#include "lib/fdt.h"

#define FEATURES (VIRTIO_F_RING_RESET | VIRTIO_F_VERSION_1)
#define OFFERED                                                                            \
	(COPY_FEATURE | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX | VIRTIO_F_VERSION_1 | \
	 VIRTIO_F_IN_ORDER | VIRTIO_F_RING_RESET)
#define DEV  VDEV(0)
#define SIZE 8

#define A_D    (VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER)
#define A_D_F  (A_D | VIRTIO_FEATURES_OK)
#define ALL_OK (A_D_F | VIRTIO_DRIVER_OK)

static uint32_t get(uint64_t reg)
{
	return vdev_get(DEV, reg);
}

static void set(uint64_t reg, uint32_t val)
{
	vdev_set(DEV, reg, val);
}

static int setup(void **state)
{
	(void)state;
	fake_log_reset();
	fake_guest_setup(1, FAKE_ONE_PIECE, MIB(1));
	assert_int_equal(copy_device_make(&copy, NULL, 0), HV_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_lines_fit();
	assert_true(fake_guest_teardown());
	return 0;
}

/* --- registers ------------------------------------------------------------------------------------ */

static void a_device_says_what_it_is(void **state)
{
	(void)state;
	assert_int_equal(get(VIRTIO_MMIO_MAGIC_VALUE), 0x74726976);
	assert_int_equal(get(VIRTIO_MMIO_VERSION), 2);
	assert_int_equal(get(VIRTIO_MMIO_DEVICE_ID), COPY_ID);
	assert_int_equal(get(VIRTIO_MMIO_VENDOR_ID), 0x56545248);
	assert_int_equal(get(VIRTIO_MMIO_STATUS), 0);
	assert_int_equal(get(VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	assert_int_equal(get(VIRTIO_MMIO_QUEUE_SIZE_MAX), COPY_QUEUE_SIZE);
	assert_int_equal(get(VIRTIO_MMIO_QUEUE_READY), 0);
	assert_int_equal(get(VIRTIO_MMIO_QUEUE_RESET), 0);
	for (uint64_t reg = VIRTIO_MMIO_SHM_LEN_LOW; reg < VIRTIO_MMIO_QUEUE_RESET; reg += 4)
		assert_int_equal(get(reg), UINT32_MAX); /* no shared memory (4.2.2) */
}

static void features_are_read_in_words(void **state)
{
	(void)state;
	assert_int_equal(get(VIRTIO_MMIO_DEVICE_FEATURES), (uint32_t)OFFERED);
	set(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	assert_int_equal(get(VIRTIO_MMIO_DEVICE_FEATURES), OFFERED >> 32);
	for (uint64_t sel = 2; sel <= UINT32_MAX; sel = 3 * sel) {
		set(VIRTIO_MMIO_DEVICE_FEATURES_SEL, (uint32_t)sel);
		assert_int_equal(get(VIRTIO_MMIO_DEVICE_FEATURES), 0);
	}
	set(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	assert_int_equal(get(VIRTIO_MMIO_DEVICE_FEATURES), (uint32_t)OFFERED);
}

static void what_was_not_offered_is_refused(void **state)
{
	static const struct {
		uint64_t features;
		bool good;
	} cases[] = {
		{ VIRTIO_F_VERSION_1, true },
		{ OFFERED, true },
		{ 0, false }, /* a driver of the time before 1.0 */
		{ OFFERED & ~VIRTIO_F_VERSION_1, false },
		{ OFFERED | BIT(0), false },
		{ OFFERED | BIT(34), false }, /* packed rings */
		{ UINT64_MAX, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(driver_begin(DEV, cases[i].features), cases[i].good ? A_D_F : A_D);
		(void)driver_ok(DEV);
		assert_int_equal(get(VIRTIO_MMIO_STATUS), cases[i].good ? ALL_OK : A_D);
		assert_int_equal(copy->dev.features, cases[i].features);
	}
	/* A bit of a word that no feature is in. */
	set(VIRTIO_MMIO_STATUS, 0);
	set(VIRTIO_MMIO_STATUS, A_D);
	set(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	set(VIRTIO_MMIO_DRIVER_FEATURES, VIRTIO_F_VERSION_1 >> 32);
	set(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 2);
	set(VIRTIO_MMIO_DRIVER_FEATURES, 0);
	set(VIRTIO_MMIO_DRIVER_FEATURES, 1);
	set(VIRTIO_MMIO_STATUS, A_D_F);
	assert_int_equal(get(VIRTIO_MMIO_STATUS), A_D);
}

static void features_are_taken_between_driver_and_features_ok(void **state)
{
	(void)state;
	set(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	set(VIRTIO_MMIO_STATUS, VIRTIO_ACKNOWLEDGE);
	set(VIRTIO_MMIO_DRIVER_FEATURES, FEATURES >> 32);
	assert_int_equal(copy->dev.features, 0);
	set(VIRTIO_MMIO_STATUS, A_D);
	set(VIRTIO_MMIO_DRIVER_FEATURES, FEATURES >> 32);
	assert_int_equal(copy->dev.features, FEATURES);
	set(VIRTIO_MMIO_STATUS, A_D_F);
	set(VIRTIO_MMIO_DRIVER_FEATURES, 0);
	set(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	set(VIRTIO_MMIO_DRIVER_FEATURES, UINT32_MAX);
	assert_int_equal(copy->dev.features, FEATURES);
	set(VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(copy->dev.features, 0);
}

static void no_bit_of_status_goes_but_by_a_reset(void **state)
{
	(void)state;
	set(VIRTIO_MMIO_STATUS, VIRTIO_ACKNOWLEDGE);
	set(VIRTIO_MMIO_STATUS, VIRTIO_DRIVER);
	assert_int_equal(get(VIRTIO_MMIO_STATUS), A_D);
	set(VIRTIO_MMIO_STATUS, A_D | VIRTIO_DRIVER_OK); /* not before FEATURES_OK */
	assert_int_equal(get(VIRTIO_MMIO_STATUS), A_D);
	set(VIRTIO_MMIO_STATUS, A_D | VIRTIO_NEEDS_RESET | 0xffffff30); /* not the driver's */
	assert_int_equal(get(VIRTIO_MMIO_STATUS), A_D);
	assert_int_equal(driver_begin(DEV, FEATURES), A_D_F);
	assert_int_equal(copy->starts, 0);
	(void)driver_ok(DEV);
	assert_int_equal(copy->starts, 1);
	(void)driver_ok(DEV);
	assert_int_equal(copy->starts, 1);
	set(VIRTIO_MMIO_STATUS, VIRTIO_FAILED);
	assert_int_equal(get(VIRTIO_MMIO_STATUS), ALL_OK | VIRTIO_FAILED);
	assert_int_equal(copy->resets, 1); /* by driver_begin() */
	set(VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(get(VIRTIO_MMIO_STATUS), 0);
	assert_int_equal(copy->resets, 2);
}

static void a_request_before_driver_ok_is_done_behind_it(void **state)
{
	const uint64_t len = 5 * VIRTIO_STEP / 2;
	struct vring *r = &copy_rings[0];
	uint32_t id, used;
	uint64_t at;

	(void)state;
	assert_int_equal(driver_begin(DEV, FEATURES), A_D_F);
	vring_begin(r, DEV, 0, SIZE, FEATURES);
	at = fake_ram_alloc(2 * len, 1);
	(void)vring_add(r,
			(struct vbuf[]){ { at, (uint32_t)len, false },
					 { at + len, (uint32_t)len, true } },
			2);
	assert_int_equal(vring_kick(r), 1);
	assert_false(vring_used(r, &id, &used));
	assert_int_equal(fake_interrupts, 0);
	assert_int_equal(driver_ok(DEV), 3); /* in steps, as a notification */
	assert_true(vring_used(r, &id, &used));
	assert_int_equal(used, len);
	assert_true(vdev_line(DEV));
}

static void a_queue_that_does_not_exist_has_no_entries(void **state)
{
	(void)state;
	copy_begin(FEATURES, SIZE);
	for (uint64_t sel = COPY_QUEUES; sel <= UINT32_MAX; sel = sel * 7 + 1) {
		set(VIRTIO_MMIO_QUEUE_SEL, (uint32_t)sel);
		assert_int_equal(get(VIRTIO_MMIO_QUEUE_SIZE_MAX), 0);
		set(VIRTIO_MMIO_QUEUE_SIZE, 4);
		set(VIRTIO_MMIO_QUEUE_DESC_LOW, 64);
		set(VIRTIO_MMIO_QUEUE_READY, 1);
		assert_int_equal(get(VIRTIO_MMIO_QUEUE_READY), 0);
		set(VIRTIO_MMIO_QUEUE_READY, 0);
		set(VIRTIO_MMIO_QUEUE_RESET, 1);
		set(VIRTIO_MMIO_QUEUE_NOTIFY, (uint32_t)sel);
	}
	assert_int_equal(get(VIRTIO_MMIO_STATUS), ALL_OK);
	for (unsigned int i = 0; i < COPY_QUEUES; i++) {
		assert_true(copy_works(i));
		set(VIRTIO_MMIO_QUEUE_SEL, i);
		assert_int_equal(get(VIRTIO_MMIO_QUEUE_SIZE_MAX), COPY_QUEUE_SIZE);
		assert_int_equal(get(VIRTIO_MMIO_QUEUE_READY), 1);
	}
}

static void a_queue_that_is_ready_keeps_what_it_has(void **state)
{
	struct vring other;

	(void)state;
	copy_begin(FEATURES, SIZE);
	other = copy_rings[0];
	other.size = 2;
	other.desc = other.avail = other.used = UINT64_C(0x1234567800000000);
	vring_set_addresses(&other);
	set(VIRTIO_MMIO_QUEUE_READY, 1);
	set(VIRTIO_MMIO_QUEUE_READY, 2); /* means nothing */
	assert_int_equal(get(VIRTIO_MMIO_QUEUE_READY), 1);
	for (unsigned int i = 0; i < 2 * SIZE; i++)
		assert_true(copy_works(0));
}

/* Each half of an address is written by itself, in any order. */
static void addresses_are_written_in_halves(void **state)
{
	struct virtq_ring *ring = &copy->dev.queues[1].ring;
	static const uint64_t regs[VIRTQ_PARTS] = { VIRTIO_MMIO_QUEUE_DESC_LOW,
						    VIRTIO_MMIO_QUEUE_DRIVER_LOW,
						    VIRTIO_MMIO_QUEUE_DEVICE_LOW };

	(void)state;
	set(VIRTIO_MMIO_QUEUE_SEL, 1);
	for (unsigned int i = 0; i < VIRTQ_PARTS; i++) {
		set(regs[i] + 4, 0x89abcdef);
		set(regs[i], 0xf1234567 + i);
		assert_int_equal(ring->at[i].gpa, UINT64_C(0x89abcdeff1234567) + i);
		set(regs[i], 1);
		assert_int_equal(ring->at[i].gpa, UINT64_C(0x89abcdef00000001));
		set(regs[i] + 4, 2);
		assert_int_equal(ring->at[i].gpa, UINT64_C(0x200000001));
	}
}

static void a_ring_is_reset_only_if_that_was_agreed_on(void **state)
{
	(void)state;
	copy_begin(0, SIZE);
	set(VIRTIO_MMIO_QUEUE_SEL, 0);
	set(VIRTIO_MMIO_QUEUE_RESET, 1);
	assert_int_equal(get(VIRTIO_MMIO_QUEUE_READY), 1);
	copy_begin(VIRTIO_F_RING_RESET, SIZE);
	set(VIRTIO_MMIO_QUEUE_SEL, 0);
	set(VIRTIO_MMIO_QUEUE_RESET, 0);
	assert_int_equal(get(VIRTIO_MMIO_QUEUE_READY), 1);
	copy->stops = 0;
	set(VIRTIO_MMIO_QUEUE_RESET, 1);
	assert_int_equal(get(VIRTIO_MMIO_QUEUE_READY), 0);
	assert_int_equal(copy->stops, 1);
}

static void interrupts_are_acknowledged_one_by_one(void **state)
{
	(void)state;
	copy_begin(FEATURES, SIZE);
	virtio_config_changed(&copy->dev);
	assert_true(copy_works(0));
	assert_int_equal(get(VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_INT_USED | VIRTIO_INT_CONFIG);
	assert_int_equal(fake_interrupts, 1);
	set(VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_INT_USED);
	assert_int_equal(get(VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_INT_CONFIG);
	assert_true(vdev_line(DEV));
	set(VIRTIO_MMIO_INTERRUPT_ACK, 0xfffffffd);
	assert_true(vdev_line(DEV));
	set(VIRTIO_MMIO_INTERRUPT_ACK, UINT32_MAX);
	assert_int_equal(get(VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	assert_false(vdev_line(DEV));
	virtio_config_changed(&copy->dev);
	assert_true(vdev_line(DEV));
	set(VIRTIO_MMIO_STATUS, 0);
	assert_false(vdev_line(DEV));
}

static void a_change_of_the_configuration_counts_even_if_it_is_not_told(void **state)
{
	const uint32_t before = get(VIRTIO_MMIO_CONFIG_GENERATION);

	(void)state;
	virtio_config_changed(&copy->dev);
	assert_int_equal(get(VIRTIO_MMIO_CONFIG_GENERATION), before + 1);
	assert_int_equal(get(VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	copy_begin(FEATURES, SIZE);
	virtio_config_changed(&copy->dev);
	assert_int_equal(get(VIRTIO_MMIO_CONFIG_GENERATION), before + 2);
	assert_int_equal(get(VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_INT_CONFIG);
}

/* Registers are of 4 bytes (4.2.2.2); the configuration has fields of each size. */
static void the_width_of_an_access_counts(void **state)
{
	uint64_t *config = virtio_config(&copy->dev);

	(void)state;
	for (unsigned int len = 1; len <= 8; len *= 2) {
		guest_write(DEV + VIRTIO_MMIO_STATUS, len, VIRTIO_ACKNOWLEDGE);
		assert_int_equal(get(VIRTIO_MMIO_STATUS), len == 4 ? VIRTIO_ACKNOWLEDGE : 0);
		set(VIRTIO_MMIO_STATUS, 0);
		config[1] = UINT64_C(0x8877665544332211);
		assert_int_equal(guest_read(DEV + VIRTIO_MMIO_CONFIG + 8, len),
				 config[1] & (UINT64_MAX >> (64 - 8 * len)));
		guest_write(DEV + VIRTIO_MMIO_CONFIG + 8 * len, len, 0x99);
		assert_int_equal(copy->last_len, len);
		assert_int_equal(copy->last_off, 8 * len);
		assert_int_equal(copy->last_val, 0x99);
	}
	guest_write(DEV + PAGE_SIZE - 8, 8, 1);
	assert_int_equal(copy->last_off, VIRTIO_CONFIG_MAX - 8);
	assert_int_equal(copy->writes, 5);
}

static void what_is_read_only_is_not_written(void **state)
{
	uint8_t before[VIRTIO_MMIO_CONFIG];

	(void)state;
	memcpy(before, copy->dev.page, sizeof(before));
	for (uint64_t reg = 0; reg < VIRTIO_MMIO_CONFIG; reg += 4)
		if (reg != VIRTIO_MMIO_STATUS && reg != VIRTIO_MMIO_DEVICE_FEATURES_SEL &&
		    reg != VIRTIO_MMIO_QUEUE_SEL)
			set(reg, 0xa5a5a5a5);
	assert_memory_equal(copy->dev.page, before, sizeof(before));
	assert_int_equal(copy->writes, 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_device_says_what_it_is),
		test(features_are_read_in_words),
		test(what_was_not_offered_is_refused),
		test(features_are_taken_between_driver_and_features_ok),
		test(no_bit_of_status_goes_but_by_a_reset),
		test(a_request_before_driver_ok_is_done_behind_it),
		test(a_queue_that_does_not_exist_has_no_entries),
		test(a_queue_that_is_ready_keeps_what_it_has),
		test(addresses_are_written_in_halves),
		test(a_ring_is_reset_only_if_that_was_agreed_on),
		test(interrupts_are_acknowledged_one_by_one),
		test(a_change_of_the_configuration_counts_even_if_it_is_not_told),
		test(the_width_of_an_access_counts),
		test(what_is_read_only_is_not_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
