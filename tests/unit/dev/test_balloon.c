// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/vring.h
// SOURCES: hyp/dev/virtio/balloon.c
/* The balloon: what a driver gives back goes to the pool, and comes again when it is touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "fake/balloon_world.h"

/* --- tests -------------------------------------------------------------------------------------------- */

static void a_reported_leaf_goes_to_the_pool_cleared_and_comes_again_of_zeroes(void **state)
{
	uint8_t *before = leaf(1);

	(void)state;
	memset(before, 0x5a, GSTAGE_LEAF);
	memset(leaf(2), 0x77, GSTAGE_LEAF);
	assert_true(report_leaf(1));
	assert_int_equal(flushes, 1);
	assert_int_equal(waits, 1);
	assert_true(is_hole(1) && !is_hole(0) && !is_hole(2));
	assert_int_equal(free_bytes(), at_first + GSTAGE_LEAF);
	assert_int_equal(gstage_ram_bytes(&fake_vm.gstage), (LEAVES - 1) * GSTAGE_LEAF);
	/* But for what the pool writes there itself. */
	assert_true(memcmp(before + 64, before + 65, GSTAGE_LEAF - 65) == 0 && before[64] == 0);
	memset(before + 64, 0xdd, GSTAGE_LEAF - 64); /* as if another owner had not cleared it */
	assert_int_equal(touch(LEAF(1) + 12345), LEAF_STEPS);
	assert_true(is_all(leaf(1), 0) && is_all(leaf(2), 0x77));
	assert_int_equal(free_bytes(), at_first);
	assert_int_equal(touch(LEAF(1)), 0);
	assert_int_equal(touch(FAKE_RAM_END), 0);
}

/* What a device needs of them: the first one is told, and nothing beside it. */
static void holes_in_rings_and_buffers_are_found(void **state)
{
	struct virtq_buf bufs[2] = { { gpa(LEAF(0)), 64 }, { gpa(LEAF(2) - 8), 8 } };
	struct virtq q = { .vm = &fake_vm, .size = 16, .max = 2, .bufs = bufs };
	gpa_t at = { 1 };

	(void)state;
	for (unsigned int part = 0; part < VIRTQ_PARTS; part++)
		q.ring.at[part] = gpa(LEAF(0));
	q.chain.nr = 2;
	assert_false(virtq_hole(&q, &at));
	assert_true(report_leaf(2));
	assert_false(virtq_hole(&q, &at));
	bufs[1].len = 9;
	assert_true(virtq_hole(&q, &at));
	assert_int_equal(at.gpa, LEAF(2));
	bufs[1] = (struct virtq_buf){ gpa(LEAF(2) + 77), 1 };
	assert_true(virtq_hole(&q, &at));
	assert_int_equal(at.gpa, LEAF(2) + 77);
	bufs[1] = (struct virtq_buf){ gpa(LEAF(3)), 8 };
	assert_false(virtq_hole(&q, &at));
	for (unsigned int part = 0; part < VIRTQ_PARTS; part++) {
		q.ring.at[part] = gpa(LEAF(2) - 8);
		assert_true(virtq_hole(&q, &at));
		assert_int_equal(at.gpa, LEAF(2));
		q.ring.at[part] = gpa(LEAF(3));
		assert_false(virtq_hole(&q, &at));
	}
}

static void whole_leaves_of_a_chain_go_and_no_others(void **state)
{
	const struct vbuf bufs[] = { { LEAF(0) + 1, GSTAGE_LEAF, true },
				     { LEAF(1) - 4096, GSTAGE_LEAF + 4096, true },
				     { LEAF(1), GSTAGE_LEAF, true },
				     { LEAF(2), 2 * GSTAGE_LEAF - 1, true },
				     { FAKE_RAM, FAKE_RAM_SIZE, true } };

	(void)state;
	assert_true(report(bufs, 5));
	assert_true(!is_hole(0) && is_hole(1) && is_hole(2) && !is_hole(3));
	assert_int_equal(flushes, 2);
	assert_int_equal(free_bytes(), at_first + 2 * GSTAGE_LEAF);
}

static void no_more_than_one_step_is_done_in_an_exit(void **state)
{
	uint32_t id, len;

	(void)state;
	(void)vring_add(&ring, &(struct vbuf){ LEAF(0), GSTAGE_LEAF, true }, 1);
	/* One to take it, one for each step, and one that finds nothing more. */
	for (unsigned int i = 0; i <= LEAF_STEPS; i++) {
		assert_int_equal(b->job.active, i > 0);
		assert_int_equal(b->job.left, i ? GSTAGE_LEAF - (i - 1) * VIRTIO_STEP : 0);
		step();
		assert_false(vring_used(&ring, &id, &len)); /* before the pool has it */
	}
	assert_int_equal(b->job.active, 0);
	step();
	assert_true(vring_used(&ring, &id, &len));
}

static void a_leaf_goes_when_all_of_its_pages_are_in_the_balloon(void **state)
{
	const uint32_t pfn = (uint32_t)(LEAF(1) / PAGE_SIZE);

	(void)state;
	begin(BALLOON_INFLATE);
	memset(leaf(1), 0x5a, GSTAGE_LEAF);
	assert_true(pages(pfn, 511));
	assert_true(pages(pfn - 1, 1) && pages(pfn + 512, 1) && pages(UINT32_MAX, 1) &&
		    pages(0, 1));
	assert_true(is_all(leaf(1), 0x5a));
	assert_true(pages(pfn + 511, 1));
	assert_true(is_hole(1) && !is_hole(0) && !is_hole(2));
	begin(BALLOON_DEFLATE);
	assert_int_equal(touch(LEAF(1)), LEAF_STEPS);
	memset(leaf(1), 0x5b, GSTAGE_LEAF);
	begin(BALLOON_INFLATE); /* after a reset the balloon is empty */
	assert_true(pages(pfn, 1));
	assert_true(is_all(leaf(1), 0x5b));
}

static void a_page_that_comes_out_counts_no_more(void **state)
{
	const uint32_t pfn = (uint32_t)(LEAF(1) / PAGE_SIZE);
	struct vring out;

	(void)state;
	assert_true(driver_begin(VDEV(0), VIRTIO_F_VERSION_1) & VIRTIO_FEATURES_OK);
	vring_begin(&out, VDEV(0), BALLOON_DEFLATE, 16, VIRTIO_F_VERSION_1);
	vring_begin(&ring, VDEV(0), BALLOON_INFLATE, 16, VIRTIO_F_VERSION_1);
	(void)driver_ok(VDEV(0));
	assert_true(pages(pfn, 500));
	for (unsigned int i = 0; i < 2; i++) {
		struct vring in = ring;

		ring = out;
		assert_true(pages(pfn, 1));
		out = ring;
		ring = in;
	}
	assert_true(pages(pfn + 500, 12));
	assert_true(!is_hole(1));
	assert_true(pages(pfn, 2));
	assert_true(is_hole(1));
}

static void a_vcpu_sleeps_while_the_host_has_no_memory(void **state)
{
	struct vcpu *v = fake_vm.vcpus[0];
	hpa_t taken[16], page;
	unsigned int n = 0;

	(void)state;
	assert_true(report_leaf(1));
	while (page_alloc(GSTAGE_LEAF, GSTAGE_LEAF, &page))
		taken[n++] = page;
	assert_true(n > 0);
	assert_true(b->port.touch(&b->port, v, gpa(LEAF(1))));
	assert_true(vcpu_is_halted(v) && armed == 1);
	assert_true(says("fake: waits for memory: it has given some back, and the machine "
			 "has none left"));
	fake_log_reset();
	assert_true(b->port.touch(&b->port, v, gpa(LEAF(1))));
	assert_false(says("waits for memory")); /* a guest cannot repeat it */
	assert_false(
		b->port.touch(&b->port, NULL, gpa(LEAF(1)))); /* a device waits for no memory */
	timer->fn(timer);
	assert_int_equal(unhalted, 1);
	timer->fn(timer);
	assert_int_equal(unhalted, 1);
	while (n > 0)
		page_free(taken[--n], GSTAGE_LEAF);
	assert_int_equal(touch(LEAF(1)), LEAF_STEPS);
	assert_false(is_hole(1));
}

static void a_fault_is_the_balloons_in_all_ram_and_nowhere_else(void **state)
{
	struct vcpu *v = fake_vm.vcpus[0];

	(void)state;
	assert_true(report_leaf(1));
	assert_true(b->port.fault(&b->port, v, gpa(LEAF(1))));
	assert_int_equal(own_flushes, 0);
	(void)touch(LEAF(1));
	assert_true(b->port.fault(&b->port, v, gpa(LEAF(1)))); /* the hart remembers the hole */
	assert_int_equal(own_flushes, 1);
	assert_false(b->port.fault(&b->port, v, gpa(LEAF(LEAVES))));
	assert_false(b->port.fault(&b->port, v, gpa(FAKE_ROM)));
}

/* A job of either kind is in hand. */
static void the_end_of_a_life_loses_no_memory(void **state)
{
	(void)state;
	for (unsigned int filling = 0; filling < 2; filling++) {
		assert_true(report_leaf(1));
		if (filling) {
			assert_true(b->port.touch(&b->port, fake_vm.vcpus[0], gpa(LEAF(1))));
			assert_true(b->port.touch(&b->port, fake_vm.vcpus[0], gpa(LEAF(1))));
		} else {
			(void)vring_add(&ring, &(struct vbuf){ LEAF(2), GSTAGE_LEAF, true }, 1);
			step();
			step();
		}
		assert_int_equal(b->job.active, 1);
		b->port.aim(&b->port, MIB(2));
		assert_int_equal(vdev_get(VDEV(0), VIRTIO_MMIO_CONFIG), 512);
		fake_part_named("balloon")->reset(b);
		assert_int_equal(b->job.active, 0);
		assert_int_equal(vdev_get(VDEV(0), VIRTIO_MMIO_CONFIG), 0);
		assert_int_equal(is_hole(1), !filling);
		assert_false(is_hole(2));
		while (gstage_refill_step(&fake_vm.gstage, 0) > 0 && is_hole(1))
			assert_true(gstage_refill_step(&fake_vm.gstage, GSTAGE_LEAF) > 0);
		assert_false(is_hole(1));
		assert_int_equal(free_bytes(), at_first);
		begin(BALLOON_REPORT);
	}
}

static void a_touch_goes_on_with_the_job_in_hand(void **state)
{
	uint32_t id, len;

	(void)state;
	assert_true(report_leaf(1));
	(void)vring_add(&ring, &(struct vbuf){ LEAF(2), GSTAGE_LEAF, true }, 1);
	step();
	assert_true(b->job.active && !b->job.fill);
	assert_int_equal(touch(LEAF(1)), 2 * LEAF_STEPS);
	assert_true(is_hole(2) && is_all(leaf(1), 0));
	(void)vring_notify(&ring);
	assert_true(vring_used(&ring, &id, &len));
	/* And the other way. */
	assert_true(b->port.touch(&b->port, fake_vm.vcpus[0], gpa(LEAF(2))));
	assert_true(report_leaf(3));
	assert_true(!is_hole(2) && is_hole(3));
}

static void the_operators_wish_is_an_interrupt_and_the_drivers_answer_a_number(void **state)
{
	(void)state;
	b->port.aim(&b->port, MIB(6));
	assert_int_equal(vdev_get(VDEV(0), VIRTIO_MMIO_CONFIG), 6 * 256);
	assert_int_equal(vdev_acknowledge(VDEV(0)), VIRTIO_INT_CONFIG);
	vdev_set(VDEV(0), VIRTIO_MMIO_CONFIG, 3);
	vdev_set(VDEV(0), VIRTIO_MMIO_CONFIG + 4, 77);
	vdev_set(VDEV(0), VIRTIO_MMIO_CONFIG + 8, 78);
	assert_int_equal(vdev_get(VDEV(0), VIRTIO_MMIO_CONFIG), 6 * 256);
	assert_int_equal(vdev_get(VDEV(0), VIRTIO_MMIO_CONFIG + 4), 77);
	assert_int_equal(vdev_get(VDEV(0), VIRTIO_MMIO_CONFIG + 8), 0);
}

static void a_vm_has_one_balloon(void **state)
{
	void *second;

	(void)state;
	assert_int_equal(fake_virtio_make("balloon", NULL, 1, &second), HV_EINVAL);
	assert_true(says("the VM has a balloon already: must be one at most"));
}

/* --- every field, as hyp/vm/state_list.h has it --------------------------------------------------------- */

static const struct vballoon __attribute__((unused)) all_of_vballoon = {
#define FIELD_VBALLOON(...) FIELD_INITIALIZER(vballoon, __VA_ARGS__)
#include "vm/state_list.h"
};

static void every_field_is_as_the_table_of_state_says(void **state)
{
	static const uint8_t marks[] = { 0, 1, 0xff };
	struct vballoon fresh, before;

	(void)state;
	fields_check_states();
	fake_part_named("balloon")->reset(b);
	fresh = *b;
	for (unsigned int i = 0; i < ARRAY_SIZE(marks); i++) {
		fields_mark("vballoon", b, marks[i]);
		memset(b->inflated, marks[i], b->nr_leaves * sizeof(*b->inflated));
		before = *b;
		fake_part_named("balloon")->reset(b);
		fields_check_reset("vballoon", b, &fresh, &before);
		for (unsigned int k = 0; k < b->nr_leaves; k++)
			assert_int_equal(b->inflated[k], 0);
	}
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(every_field_is_as_the_table_of_state_says),
		TEST(a_reported_leaf_goes_to_the_pool_cleared_and_comes_again_of_zeroes),
		TEST(holes_in_rings_and_buffers_are_found),
		TEST(whole_leaves_of_a_chain_go_and_no_others),
		TEST(no_more_than_one_step_is_done_in_an_exit),
		TEST(a_leaf_goes_when_all_of_its_pages_are_in_the_balloon),
		TEST(a_page_that_comes_out_counts_no_more),
		TEST(a_vcpu_sleeps_while_the_host_has_no_memory),
		TEST(a_fault_is_the_balloons_in_all_ram_and_nowhere_else),
		TEST(the_end_of_a_life_loses_no_memory),
		TEST(a_touch_goes_on_with_the_job_in_hand),
		TEST(the_operators_wish_is_an_interrupt_and_the_drivers_answer_a_number),
		TEST(a_vm_has_one_balloon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
