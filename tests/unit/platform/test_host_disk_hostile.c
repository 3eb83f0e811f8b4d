// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/platform/test_host_disk_turns.c
/*
 * A disk of the machine that is broken, or means harm. It spoils no memory but what it was given, ends no request twice, and keeps no
 * hart: it is given up with one message, and all that was asked of it fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "arch/memmap.h"
#include "arch/timer.h"
#include "fake/log.h"
#include "fake/machine_disk.h"
#include "fake/timer.h"
#include "lib/errno.h"

#define IN_FLIGHT 5u

static int setup(void **state)
{
	(void)state;
	hw_setup();
	assert_int_equal(hw_open(0), HV_OK);
	for (unsigned int i = 0; i < IN_FLIGHT; i++)
		assert_int_equal(ask(&many[i], BLK_IN, i, 1), HV_OK);
	return 0;
}

static struct virtq_used_elem *element(unsigned int i)
{
	struct virtq_used_elem *e = hpa_to_ptr(hpa(hw[0].used + VIRTQ_USED_RING));

	return &e[i];
}

static uint16_t *used_idx(void)
{
	return hw_u16(hw[0].used + VIRTQ_USED_IDX);
}

static void is_given_up(const char *why)
{
	static struct asked after;

	hw_interrupt(0, VIRTIO_INT_USED);
	for (unsigned int i = 0; i < IN_FLIGHT; i++)
		assert_int_equal(many[i].over, 1);
	assert_int_equal(ask(&after, BLK_IN, 0, 1), HV_EIO);
	assert_int_equal(after.over, 0);
	assert_int_equal(hw[0].status, 0);
	assert_int_equal(fake_log_count, 1);
	assert_non_null(strstr(fake_log_last, why));
	/* It may write on where it could write before; that is not looked at any more. */
	memset(element(0), 0xff, 8);
	*used_idx() = 77;
	hw_interrupt(0, VIRTIO_INT_USED | VIRTIO_INT_CONFIG);
	fake_timer_pass(3 * timer_ns_to_ticks(HOST_DISK_PATIENCE_NS));
	for (unsigned int i = 0; i < IN_FLIGHT; i++)
		assert_int_equal(many[i].over, 1);
	assert_int_equal(fake_log_count, 1);
	/* Another disk has nothing to do with it. */
	assert_int_equal(hw_open(1), HV_OK);
	assert_int_equal(ask(&after, BLK_IN, 0, 1), HV_OK);
	hw_serve(1, 1);
	assert_int_equal(after.status, BLK_OK);
}

/* Each request has three descriptors: the first one of the ring's begins at 0, and what follows the last one is free. */
static void a_number_that_is_no_request(void **state)
{
	static const uint32_t ids[] = { HOST_RING_MAX, UINT32_MAX, 0x10000, 1, 2, 3 * IN_FLIGHT };

	for (unsigned int i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		(void)setup(state);
		*element(0) = (struct virtq_used_elem){ ids[i], 1 };
		*used_idx() = 1;
		is_given_up("it answered what it was not asked");
		for (unsigned int j = 0; j < IN_FLIGHT; j++)
			assert_int_equal(many[j].status, BLK_IOERR);
	}
}

static void the_same_request_twice(void **state)
{
	(void)state;
	hw_serve_one(0, BLK_OK);
	*element(1) = *element(0);
	*used_idx() = 2;
	is_given_up("it answered what it was not asked");
	assert_int_equal(many[0].status, BLK_OK);
	assert_int_equal(many[1].status, BLK_IOERR);
}

/* More answers than there are requests, or than the ring has entries; and an index that goes back. */
static void an_index_that_jumps(void **state)
{
	static const uint16_t to[] = { IN_FLIGHT + 1, HOST_RING_MAX, HOST_RING_MAX + 1,
				       1000,	      32768,	     UINT16_MAX };

	for (unsigned int i = 0; i < sizeof(to) / sizeof(to[0]); i++) {
		(void)setup(state);
		hw_serve_one(0, BLK_OK);
		hw_serve_one(0, BLK_OK);
		*used_idx() = to[i];
		is_given_up("it answered what it was not asked");
		assert_int_equal(many[0].status, BLK_OK);
		assert_int_equal(many[1].status, BLK_OK);
		assert_int_equal(many[2].status, BLK_IOERR);
	}
}

/* All that the disk sees of the ring, whatever it was. */
static void a_ring_that_is_overwritten(void **state)
{
	static const uint8_t with[] = { 0x00, 0x01, 0x55, 0x80, 0xff };

	for (unsigned int i = 0; i < sizeof(with); i++) {
		(void)setup(state);
		memset(hpa_to_ptr(hpa(hw[0].desc)), with[i], sizeof(struct host_ring_memory));
		*used_idx() = 300;
		is_given_up("it answered what it was not asked");
	}
}

static void a_length_that_is_too_large(void **state)
{
	(void)state;
	hw_serve_one(0, BLK_OK);
	element(0)->len = UINT32_MAX;
	hw_interrupt(0, VIRTIO_INT_USED);
	assert_int_equal(many[0].status, BLK_OK);
	hw_serve(0, IN_FLIGHT - 1);
	assert_int_equal(many[IN_FLIGHT - 1].status, BLK_OK);
	assert_int_equal(fake_log_count, 0);
}

/* Interrupts that bring nothing, whatever they say they are for. The source is turned off, as its line may stay high. */
static void interrupts_without_end(void **state)
{
	static const uint32_t why[] = { 0, VIRTIO_INT_USED, VIRTIO_INT_CONFIG,
					VIRTIO_INT_USED | VIRTIO_INT_CONFIG };

	for (unsigned int i = 0; i < sizeof(why) / sizeof(why[0]); i++) {
		(void)setup(state);
		for (unsigned int n = 0; n < 999; n++)
			hw_interrupt(0, why[i]);
		hw_serve(0, 1);
		assert_int_equal(many[0].status, BLK_OK);
		for (unsigned int n = 0; n < 999; n++)
			hw_interrupt(0, why[i]);
		assert_int_equal(fake_log_count + hw_irq_offs, 0);
		hw_interrupt(0, why[i]);
		assert_int_equal(hw_irq_offs, 1);
		assert_int_equal(many[1].status, BLK_IOERR);
		is_given_up("it interrupts without end");
	}
}

/* It does not stop, and its line stays high. */
static void interrupts_after_the_end(void **state)
{
	(void)state;
	hw[0].sticks = true;
	*element(0) = (struct virtq_used_elem){ HOST_RING_MAX, 1 };
	*used_idx() = 1;
	for (unsigned int n = 0; n < 2000; n++)
		hw_interrupt(0, VIRTIO_INT_USED);
	assert_true(hw_irq_offs > 0);
	assert_int_equal(fake_log_count, 1);
	for (unsigned int i = 0; i < IN_FLIGHT; i++)
		assert_int_equal(many[i].over, 0);
}

static void a_configuration_that_changes(void **state)
{
	const struct host_disk_facts was = *host_disk_facts(hw_disk);

	(void)state;
	memset(&hw[0].layout, 0xff, sizeof(hw[0].layout));
	hw[0].generation++;
	hw_interrupt(0, VIRTIO_INT_CONFIG);
	assert_memory_equal(host_disk_facts(hw_disk), &was, sizeof(was));
	hw_serve(0, IN_FLIGHT);
	assert_int_equal(many[IN_FLIGHT - 1].status, BLK_OK);
	assert_int_equal(fake_log_count, 0);
}

#define test(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		test(a_number_that_is_no_request), test(the_same_request_twice),
		test(an_index_that_jumps),	   test(a_ring_that_is_overwritten),
		test(a_length_that_is_too_large),  test(interrupts_without_end),
		test(interrupts_after_the_end),	   test(a_configuration_that_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
