// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/vring.h
// SOURCES: tests/unit/fake/copy_device.c
/* Which notifications and which interrupts are wanted: with EVENT_IDX, with flags, and around the end of the indices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake/copy_device.h"

#define SIZE 8
#define DEV  VDEV(0)

static struct vring *const r = &copy_rings[0];
static uint64_t bytes; /* of the requests */

static void setup(uint64_t features)
{
	copy_setup(FAKE_ONE_PIECE, features, SIZE);
	bytes = fake_ram_alloc(2, 1);
}

static void add(unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		(void)vring_add_indirect(
			r, (struct vbuf[]){ { bytes, 1, false }, { bytes + 1, 1, true } }, 2);
}

/* All that has been used; so many. The next one is to interrupt. */
static unsigned int collect(void)
{
	unsigned int n = 0;
	uint32_t id, len;

	while (vring_used(r, &id, &len))
		n++;
	return n;
}

static bool interrupted(void)
{
	const uint32_t why = vdev_acknowledge(DEV);

	assert_true(why == 0 || why == VIRTIO_INT_USED);
	assert_false(vdev_line(DEV));
	return why != 0;
}

static void set_used_event(uint16_t event)
{
	fake_ram_set_u16(r->avail + VIRTQ_AVAIL_EVENT(SIZE), event);
}

static uint16_t avail_event(void)
{
	return fake_ram_u16(r->used + VIRTQ_USED_EVENT(SIZE));
}

static uint16_t used_flags(void)
{
	return fake_ram_u16(r->used + VIRTQ_USED_FLAGS);
}

/* One request after the other; each is notified of, and each interrupts. */
static void go_on(unsigned int requests)
{
	for (unsigned int i = 0; i < requests; i++) {
		r->next = 0;
		(void)vring_add(r, (struct vbuf[]){ { bytes, 1, false }, { bytes + 1, 1, true } },
				2);
		assert_int_equal(vring_kick(r), 1);
		assert_int_equal(collect(), 1);
		assert_true(interrupted());
	}
}

static void each_request_is_told_around_the_end_of_the_indices(void **state)
{
	(void)state;
	setup(VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC);
	for (unsigned int i = 0; i < 66000; i++) {
		go_on(1);
		assert_int_equal(avail_event(), (uint16_t)(i + 1));
	}
	assert_true(fake_guest_teardown());
}

/* used_event says after which one the driver wants an interrupt. */
static void an_interrupt_comes_when_used_event_is_passed(void **state)
{
	static const struct {
		uint16_t event; /* from the next used index on */
		unsigned int nr;
		bool interrupt;
	} cases[] = {
		{ 0, 1, true },	 { 1, 1, false },   { 1, 2, true },	      { 0, 2, true },
		{ 7, 7, false }, { 7, 8, true },    { 0, 8, true },	      { 3, 8, true },
		{ 8, 8, false }, { 100, 8, false }, { UINT16_MAX, 8, false }, { 0x8000, 8, false },
	};

	static const unsigned int starts[] = { 0, 5, UINT16_MAX - 3 };

	(void)state;
	setup(VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC);
	for (unsigned int start = 0; start < ARRAY_SIZE(starts); start++)
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
			copy_begin(VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC, SIZE);
			go_on(starts[start]);
			set_used_event((uint16_t)(r->seen + cases[i].event));
			add(cases[i].nr);
			assert_int_equal(vring_kick(r), 1);
			assert_int_equal(interrupted(), cases[i].interrupt);
			assert_int_equal(collect(), cases[i].nr);
		}
	assert_true(fake_guest_teardown());
}

/* An event that was passed without an interrupt, as it was asked for too late, does not come again. */
static void an_event_far_behind_interrupts_no_more(void **state)
{
	(void)state;
	setup(VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC);
	go_on(3);
	set_used_event(1);
	add(4);
	assert_int_equal(vring_kick(r), 1);
	assert_false(interrupted());
	assert_true(fake_guest_teardown());
}

static void no_interrupt_comes_when_the_driver_wants_none(void **state)
{
	(void)state;
	setup(VIRTIO_F_INDIRECT_DESC);
	fake_ram_set_u16(r->avail + VIRTQ_AVAIL_FLAGS, VIRTQ_AVAIL_NO_INTERRUPT);
	add(3);
	assert_int_equal(vring_kick(r), 1);
	assert_false(interrupted());
	assert_int_equal(collect(), 3);
	fake_ram_set_u16(r->avail + VIRTQ_AVAIL_FLAGS, 0);
	assert_int_equal(vring_notify(r), 1); /* for nothing: what was used then is told no more */
	assert_false(interrupted());
	add(1);
	assert_int_equal(vring_kick(r), 1);
	assert_true(interrupted());
	assert_true(fake_guest_teardown());
}

/* With EVENT_IDX the flags mean nothing, and without it the events. */
static void the_other_way_to_forbid_interrupts_does_not_count(void **state)
{
	(void)state;
	setup(VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC);
	fake_ram_set_u16(r->avail + VIRTQ_AVAIL_FLAGS, VIRTQ_AVAIL_NO_INTERRUPT);
	go_on(2);
	assert_int_equal(used_flags(), 0);
	copy_begin(VIRTIO_F_INDIRECT_DESC, SIZE);
	set_used_event(500);
	go_on(2);
	assert_int_equal(avail_event(), 0);
	assert_true(fake_guest_teardown());
}

/* The chain is too long for one step, so the driver can look at the ring in the middle. */
static void add_long(void)
{
	const uint64_t at = fake_ram_alloc(4 * VIRTIO_STEP, 1);

	(void)vring_add(r,
			(struct vbuf[]){ { at, 2 * VIRTIO_STEP, false },
					 { at + 2 * VIRTIO_STEP, 2 * VIRTIO_STEP, true } },
			2);
}

static void a_device_at_work_needs_no_notification(void **state)
{
	(void)state;
	setup(VIRTIO_F_INDIRECT_DESC);
	assert_int_equal(used_flags(), 0);
	add_long();
	assert_true(vring_publish(r));
	assert_true(vring_notify_once(r));
	assert_int_equal(used_flags(), VIRTQ_USED_NO_NOTIFY);
	r->next = 2;
	add(2);
	assert_false(vring_publish(r));
	assert_true(vring_notify(r) > 0);
	assert_int_equal(collect(), 3);
	assert_int_equal(used_flags(), 0);
	assert_true(fake_guest_teardown());
}

static void a_device_at_work_needs_no_notification_with_event_idx(void **state)
{
	(void)state;
	setup(VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC);
	add_long();
	assert_true(vring_publish(r));
	assert_true(vring_notify_once(r));
	assert_int_equal(avail_event(), 0);
	r->next = 2;
	add(2);
	assert_false(vring_publish(r));
	assert_true(vring_notify(r) > 0);
	assert_int_equal(collect(), 3);
	assert_int_equal(avail_event(), 3);
	assert_true(fake_guest_teardown());
}

/* What is pushed in a step is seen, and told, at its end, though the device goes on. */
static void what_a_step_has_done_is_told_at_its_end(void **state)
{
	(void)state;
	setup(VIRTIO_F_INDIRECT_DESC);
	add(1);
	r->next = 1;
	add_long();
	(void)vring_publish(r);
	assert_true(vring_notify_once(r));
	assert_int_equal(collect(), 1);
	assert_true(interrupted());
	(void)vring_notify(r);
	assert_int_equal(collect(), 1);
	assert_true(interrupted());
	assert_true(fake_guest_teardown());
}

static void chains_stay_where_they_are_while_the_device_wants_none(void **state)
{
	(void)state;
	setup(VIRTIO_F_INDIRECT_DESC);
	copy->declines = true;
	add(2);
	assert_int_equal(vring_kick(r), 1);
	assert_int_equal(copy->calls, 0);
	assert_int_equal(collect(), 0);
	assert_false(interrupted());
	/* It looks by itself when it wants one. */
	assert_int_equal(used_flags(), VIRTQ_USED_NO_NOTIFY);
	copy->declines = false;
	virtio_serve_all(&copy->dev, 0);
	assert_int_equal(collect(), 2);
	assert_true(interrupted());
	assert_int_equal(used_flags(), 0);
	assert_true(fake_guest_teardown());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_request_is_told_around_the_end_of_the_indices),
		cmocka_unit_test(an_interrupt_comes_when_used_event_is_passed),
		cmocka_unit_test(an_event_far_behind_interrupts_no_more),
		cmocka_unit_test(no_interrupt_comes_when_the_driver_wants_none),
		cmocka_unit_test(the_other_way_to_forbid_interrupts_does_not_count),
		cmocka_unit_test(a_device_at_work_needs_no_notification),
		cmocka_unit_test(a_device_at_work_needs_no_notification_with_event_idx),
		cmocka_unit_test(what_a_step_has_done_is_told_at_its_end),
		cmocka_unit_test(chains_stay_where_they_are_while_the_device_wants_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
