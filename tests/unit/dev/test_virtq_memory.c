// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/dev/virtio/virtio.c hyp/dev/virtio/registers.c hyp/dev/virtio/slots.c hyp/dev/mmio.c
// SOURCES: hyp/lib/property.c hyp/lib/config_node.c hyp/lib/word.c hyp/lib/text.c hyp/lib/fdt.c hyp/lib/fdt_writer.c hyp/vcpu/vm_part.c
// SOURCES: hyp/mm/gstage.c hyp/mm/gstage_leaf.c hyp/mm/pgtable.c hyp/mm/page.c hyp/vcpu/vm_mem.c
// SOURCES: tests/unit/fake/vring.c tests/unit/fake/guest_ram.c tests/unit/fake/devvm.c tests/unit/fake/copy_device.c
// SOURCES: tests/unit/fake/page.c tests/unit/fake/csr.c tests/unit/fake/fence.c tests/unit/fake/pcpu.c
/* Memory that a queue uses goes away: no access behind that, whenever it goes. And no access while the VM does not run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/smp.h"
#include "fake/copy_device.h"
#include "vcpu/vm_mem.h"

/* Each walk for virtq.c is in a bracket, and `after_walk` happens behind it, as on another hart. */
static void (*after_walk)(void);
static unsigned int walks;

static void *walk(const struct gstage *gs, gpa_t a, enum gstage_right right, uint64_t *len)
{
	void *p = gstage_leaf(gs, a, right, len);
	void (*then)(void) = after_walk;

	assert_true(this_pcpu()->mem_uses & 1);
	walks++;
	after_walk = NULL;
	if (then)
		then();
	return p;
}

#define gstage_leaf(...) walk(__VA_ARGS__)
#include "dev/virtio/virtq.c"
#include "vcpu/vm_mem_find.c"
#undef gstage_leaf

#define FEATURES (VIRTIO_F_INDIRECT_DESC | VIRTIO_F_RING_RESET)
#define SIZE	 8
#define DEV	 VDEV(0)

static struct vring *const r = &copy_rings[0];
static uint64_t victim; /* a page of the guest's RAM */

/* What vm_give_back_ram() does before it waits. */
static void take_victim(void)
{
	vm_mem_change_begins(&fake_vm);
	assert_int_equal(pgtable_unmap(&fake_vm.gstage.pt, victim, PAGE_SIZE), HV_OK);
	vm_mem_change_ends(&fake_vm);
}

static void setup_at(enum fake_leaves leaves, enum virtq_part part)
{
	uint64_t *const at[VIRTQ_PARTS] = { &r->desc, &r->avail, &r->used };

	copy_setup(leaves, FEATURES, SIZE);
	vdev_set(DEV, VIRTIO_MMIO_QUEUE_SEL, 0);
	vdev_set(DEV, VIRTIO_MMIO_QUEUE_READY, 0);
	victim = fake_ram_alloc(PAGE_SIZE, PAGE_SIZE);
	(void)fake_ram_alloc(PAGE_SIZE, PAGE_SIZE);
	for (uint64_t i = 0; i < PAGE_SIZE; i++)
		*(uint8_t *)fake_ram_at(victim + i) = 0;
	*at[part] = victim;
	vring_set_addresses(r);
}

/* The page as it is now; its host memory stays where fake_ram_at() says. */
static uint8_t copy_of_page[PAGE_SIZE];

static void remember(void)
{
	fake_ram_read(victim, copy_of_page, PAGE_SIZE);
}

static void must_be_untouched(void)
{
	assert_memory_equal(fake_ram_at(victim), copy_of_page, PAGE_SIZE);
}

static void offer(void)
{
	static const uint8_t text[8] = "nothing";
	const uint64_t a = fake_ram_alloc(16, 1);

	fake_ram_write(a, text, sizeof(text));
	(void)vring_add(r, (struct vbuf[]){ { a, 8, false }, { a + 8, 8, true } }, 2);
	(void)vring_publish(r);
}

static void a_ring_whose_memory_was_taken_is_not_touched(void **state)
{
	(void)state;
	for (enum fake_leaves leaves = FAKE_ONE_PIECE; leaves <= FAKE_SCATTERED; leaves++)
		for (enum virtq_part part = VIRTQ_PART_DESC; part < VIRTQ_PARTS; part++) {
			setup_at(leaves, part);
			vdev_set(DEV, VIRTIO_MMIO_QUEUE_READY, 1);
			assert_true(copy_works(0));
			offer();
			remember();
			take_victim();
			(void)vring_notify(r);
			must_be_untouched();
			assert_true(copy_is_broken(0));
			assert_int_equal(copy->calls, 1);
			assert_true(copy_works(1));
			assert_true(fake_guest_teardown());
		}
}

/* The walk has found the page, and its bracket protects it so far. The next bracket must look again. */
static void a_ring_whose_memory_goes_just_behind_the_look_at_it_is_looked_at_again(void **state)
{
	(void)state;
	for (enum virtq_part part = VIRTQ_PART_DESC; part < VIRTQ_PARTS; part++) {
		setup_at(FAKE_ONE_PIECE, part);
		if (part == VIRTQ_PART_DESC)
			after_walk = take_victim;
		else if (part == VIRTQ_PART_USED)
			walks = 0;
		vdev_set(DEV, VIRTIO_MMIO_QUEUE_READY, 1);
		if (part != VIRTQ_PART_DESC) { /* the walk of virtq_open() */
			vm_mem_change_begins(&fake_vm);
			vm_mem_change_ends(&fake_vm);
			remember();
			after_walk = take_victim;
			(void)vring_notify(r);
		}
		offer();
		remember();
		(void)vring_notify(r);
		must_be_untouched();
		assert_true(copy_is_broken(0));
		assert_int_equal(copy->calls, 0);
		assert_true(fake_guest_teardown());
	}
}

static void memory_that_goes_elsewhere_does_not_disturb_a_queue(void **state)
{
	(void)state;
	for (enum fake_leaves leaves = FAKE_ONE_PIECE; leaves <= FAKE_SCATTERED; leaves++) {
		copy_setup(leaves, FEATURES, SIZE);
		(void)fake_ram_alloc(0, PAGE_SIZE);
		victim = fake_ram_alloc(PAGE_SIZE, PAGE_SIZE);
		assert_true(copy_works(0));
		remember();
		take_victim();
		assert_true(copy_works(0));
		walks = 0;
		assert_true(copy_works(0));
		assert_int_equal(walks, 2); /* of the buffers: the ring is not looked for again */
		must_be_untouched();
		assert_true(fake_guest_teardown());
	}
}

/* Between two steps of a chain: its buffers are looked for again in each. */
static void a_buffer_that_goes_in_the_middle_of_a_chain_breaks_the_queue(void **state)
{
	const uint64_t len = 2 * VIRTIO_STEP;
	uint64_t from, to;

	(void)state;
	copy_setup(FAKE_SCATTERED, FEATURES, SIZE);
	from = fake_ram_alloc(len, PAGE_SIZE);
	to = fake_ram_alloc(len, PAGE_SIZE);
	victim = to + VIRTIO_STEP;
	(void)vring_add(
		r, (struct vbuf[]){ { from, (uint32_t)len, false }, { to, (uint32_t)len, true } },
		2);
	(void)vring_publish(r);
	fake_ram_write(from + VIRTIO_STEP, "something else", 14);
	assert_true(vring_notify_once(r));
	remember();
	take_victim();
	assert_false(vring_notify_once(r));
	must_be_untouched();
	assert_true(copy_is_broken(0));
	assert_true(copy_works(1));
	assert_true(fake_guest_teardown());
}

/* --- a VM that does not run ------------------------------------------------------------------------- */

static void a_paused_vm_is_not_touched_and_goes_on_afterwards(void **state)
{
	static const enum vm_state paused[] = { VM_PAUSING, VM_PAUSED };
	uint32_t id, len;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(paused); i++) {
		setup_at(FAKE_ONE_PIECE, VIRTQ_PART_USED);
		vdev_set(DEV, VIRTIO_MMIO_QUEUE_READY, 1);
		offer();
		remember();
		walks = 0;
		fake_vm.state = paused[i];
		assert_true(vring_notify_once(r)); /* its store is executed when it goes on */
		assert_false(virtio_serve(&copy->dev, 0, false));
		assert_int_equal(copy->calls, 0);
		assert_int_equal(walks, 0);
		must_be_untouched();
		fake_vm.state = VM_RUNNING;
		assert_false(vring_notify_once(r));
		assert_true(vring_used(r, &id, &len));
		assert_true(fake_guest_teardown());
	}
}

static void a_vm_without_a_life_is_not_touched(void **state)
{
	(void)state;
	setup_at(FAKE_ONE_PIECE, VIRTQ_PART_USED);
	vdev_set(DEV, VIRTIO_MMIO_QUEUE_READY, 1);
	offer();
	remember();
	vm_mem_close(&fake_vm);
	walks = 0;
	assert_false(vring_notify_once(r));
	assert_false(virtio_serve(&copy->dev, 0, false));
	vdev_set(DEV, VIRTIO_MMIO_QUEUE_READY, 0);
	vdev_set(DEV, VIRTIO_MMIO_QUEUE_READY, 1);
	assert_int_equal(vdev_get(DEV, VIRTIO_MMIO_QUEUE_READY), 0);
	assert_int_equal(walks, 0);
	must_be_untouched();
	vm_mem_open(&fake_vm);
	assert_true(fake_guest_teardown());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ring_whose_memory_was_taken_is_not_touched),
		cmocka_unit_test(
			a_ring_whose_memory_goes_just_behind_the_look_at_it_is_looked_at_again),
		cmocka_unit_test(memory_that_goes_elsewhere_does_not_disturb_a_queue),
		cmocka_unit_test(a_buffer_that_goes_in_the_middle_of_a_chain_breaks_the_queue),
		cmocka_unit_test(a_paused_vm_is_not_touched_and_goes_on_afterwards),
		cmocka_unit_test(a_vm_without_a_life_is_not_touched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
