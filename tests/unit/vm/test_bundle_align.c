// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/vm/bundle_align.c hyp/vm/bundle.c hyp/vm/unpack.c hyp/vm/unpack_gzip.c hyp/vm/unpack_lz4.c hyp/lib/xxh32.c hyp/lib/text.c hyp/lib/fdt.c hyp/mm/page.c tests/unit/fake/page.c
/* Bundles at any address: their trees are copied when they are small, moved by a few bytes when they are large. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "arch/memmap.h"
#include "fake/fit.h"
#include "fake/log.h"
#include "fake/page.h"
#include "lib/fdt.h"
#include "mm/page.h"
#include "platform/machine.h"
#include "vm/bundle.h"

static uint8_t packing; /* of the image that was found last */

#define LARGE KIB(300)
#define ROOM  (LARGE + FIT_ROOM)

struct machine machine;

static uint8_t fit[ROOM] __attribute__((aligned(8)));
static uint8_t memory[2 * PAGE_SIZE + ROOM] __attribute__((aligned(4096)));
static uint64_t bundle_size;

/* What lies right before the bundle, and belongs to something else. */
static enum { NOTHING, MEMORY_ENDS, RESERVED, IMAGE, MODULE } before;
static uint64_t before_end;

static bool touches(uint64_t base, uint64_t size)
{
	return base < before_end && base + size > before_end - 1;
}

bool machine_is_memory(hpa_t base, uint64_t size)
{
	return before != MEMORY_ENDS || !touches(base.hpa, size);
}

const char *machine_closed(hpa_t base, uint64_t size)
{
	return before == IMAGE && touches(base.hpa, size) ? "must not overlap" : NULL;
}

bool config_host_has_module(const void *fdt, hpa_t base, uint64_t size)
{
	(void)fdt;
	return before == MODULE && touches(base.hpa, size);
}

static void make(uint64_t data)
{
	void *bytes = calloc(1, data + 1);

	memset(bytes, 0x5a, data);
	fit_ok(fdt_create_empty_tree(fit, ROOM));
	fit_add_node(fit, "/", "images");
	fit_add_node(fit, "/images", "k");
	fit_ok(fdt_setprop(fit, fit_node(fit, "/images/k"), "data", bytes, (int)data));
	fit_add_node(fit, "/images", "behind");
	fit_ok(fdt_setprop_u32(fit, fit_node(fit, "/images/behind"), "data-offset", 0));
	fit_ok(fdt_setprop_u32(fit, fit_node(fit, "/images/behind"), "data-size", 6));
	fit_ok(fdt_pack(fit));
	free(bytes);
}

/* The bundle at @odd bytes behind a multiple of 8, with the data of "behind" behind it. */
static uint8_t *put(unsigned int odd)
{
	uint8_t *at = memory + PAGE_SIZE + 64 + odd;
	uint64_t tree = align_up(fdt_totalsize(fit), 4);

	memset(memory, 0xee, sizeof(memory));
	memcpy(at, fit, fdt_totalsize(fit));
	memcpy(at + tree, "behind", 6);
	bundle_size = tree + 6;
	before_end = ptr_to_hpa(at).hpa;
	machine.nr_reserved = 1;
	machine.reserved[0] = (struct machine_reserved){ hpa(before_end), bundle_size, NULL };
	if (before == RESERVED)
		machine.reserved[machine.nr_reserved++] =
			(struct machine_reserved){ hpa(before_end - 1), 1, NULL };
	return at;
}

static void assert_images(const struct bundle *b, uint64_t data)
{
	struct vm_image k, behind;
	char line[200];
	struct text why;

	text_begin(&why, line, sizeof(line));
	assert_int_equal(bundle_find_image(b, "k", BUNDLE_KERNEL, &k, &packing, &why), 0);
	assert_int_equal(k.size, data);
	for (uint64_t i = 0; i < data; i++)
		assert_int_equal(k.data[i], 0x5a);
	assert_int_equal(bundle_find_image(b, "behind", BUNDLE_KERNEL, &behind, &packing, &why), 0);
	assert_int_equal(behind.size, 6);
	assert_memory_equal(behind.data, "behind", 6);
}

static void a_small_tree_is_copied_from_any_address(void **state)
{
	(void)state;
	before = RESERVED;
	make(100);
	for (unsigned int odd = 1; odd < 8; odd++) {
		const uint8_t *at;
		struct bundle b;

		fake_page_setup(MIB(1), PAGE_SIZE);
		at = put(odd);
		assert_int_equal(bundle_open(&b, at, bundle_size), 0);
		assert_ptr_not_equal(b.fit, at);
		assert_images(&b, 100);
		assert_true(page_free_bytes() == MIB(1) - PAGE_SIZE);
		assert_int_equal(at[-1], 0xee);
		(void)fake_page_teardown();
	}
}

/* Both ways cost something; the largest one that is copied has 256 KiB. */
static void a_tree_of_256_kib_is_copied_and_one_byte_more_is_moved(void **state)
{
	(void)state;
	before = NOTHING;
	make(KIB(255));
	for (unsigned int more = 0; more <= 1; more++) {
		struct bundle b;
		uint8_t *at;

		fdt_set_totalsize(fit, (uint32_t)KIB(256) + more);
		fake_page_setup(MIB(1), PAGE_SIZE);
		at = put(4);
		assert_int_equal(bundle_open(&b, at, bundle_size), 0);
		assert_images(&b, KIB(255));
		assert_int_equal(page_free_bytes(), MIB(1) - (more ? 0 : KIB(256)));
		(void)fake_page_teardown();
	}
}

static void a_large_tree_is_moved_and_costs_no_memory(void **state)
{
	(void)state;
	before = NOTHING;
	make(LARGE);
	for (unsigned int odd = 1; odd < 8; odd++) {
		const uint8_t *at;
		struct bundle b;

		fake_page_setup(MIB(1), PAGE_SIZE);
		at = put(odd);
		assert_int_equal(bundle_open(&b, at, bundle_size), 0);
		assert_ptr_equal(b.fit, at - odd);
		assert_int_equal(at[-(int)odd - 1], 0xee);
		assert_images(&b, LARGE);
		assert_true(page_free_bytes() == MIB(1));
		(void)fake_page_teardown();
	}
}

static void what_belongs_to_others_is_not_overwritten(void **state)
{
	(void)state;
	make(LARGE);
	for (before = MEMORY_ENDS; before <= MODULE; before++) {
		const uint8_t *at;
		struct bundle b;

		fake_page_setup(MIB(1), PAGE_SIZE);
		at = put(4);
		assert_int_equal(bundle_open(&b, at, bundle_size), 0);
		for (int i = 1; i <= 4; i++)
			assert_int_equal(at[-i], 0xee);
		assert_images(&b, LARGE);
		/* And where no memory is left for a copy, that is said. */
		fake_page_starve(0);
		fake_log_reset();
		assert_int_equal(bundle_open(&b, at, bundle_size), HV_ENOMEM);
		assert_non_null(strstr(fake_log_text, "no memory is left to copy it"));
		fake_page_feed();
		(void)fake_page_teardown();
	}
}

static void an_aligned_bundle_stays_and_a_broken_one_is_refused(void **state)
{
	struct bundle b;
	uint8_t *at;

	(void)state;
	before = NOTHING;
	make(100);
	fake_page_setup(MIB(1), PAGE_SIZE);
	at = put(0);
	assert_int_equal(bundle_open(&b, at, bundle_size), 0);
	assert_ptr_equal(b.fit, at);
	at = put(4);
	for (uint64_t size = 0; size < fdt_totalsize(fit); size++)
		assert_int_equal(bundle_open(&b, at, size), HV_EINVAL);
	for (uint32_t total = 0; total < 48; total++) {
		fdt32_st(at + 4, total);
		assert_int_equal(bundle_open(&b, at, bundle_size), HV_EINVAL);
	}
	fdt32_st(at + 4, UINT32_MAX);
	assert_int_equal(bundle_open(&b, at, bundle_size), HV_EINVAL);
	(void)fake_page_teardown();
}

static void corrupted_bundles_at_odd_addresses_never_lead_outside(void **state)
{
	uint64_t seed = 20261128;
	unsigned int opened = 0;

	(void)state;
	before = NOTHING;
	make(100);
	for (unsigned int round = 0; round < 3000; round++) {
		struct vm_image image;
		struct bundle b;
		char line[200];
		struct text why;
		uint8_t *at;

		fake_page_setup(KIB(64), PAGE_SIZE);
		at = put(1 + round % 7);
		for (unsigned int i = 0; i <= round % 3; i++)
			at[fit_random(&seed) % fdt_totalsize(fit)] = (uint8_t)fit_random(&seed);
		text_begin(&why, line, sizeof(line));
		if (bundle_open(&b, at, bundle_size) == 0) {
			opened++;
			if (bundle_find_image(&b, "behind", BUNDLE_KERNEL, &image, &packing,
					      &why) == 0)
				assert_true(image.data + image.size <= at + bundle_size ||
					    fdt_totalsize(b.fit) >= image.size);
		}
		(void)fake_page_teardown();
	}
	assert_in_range(opened, 100, 2999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_small_tree_is_copied_from_any_address),
		cmocka_unit_test(a_tree_of_256_kib_is_copied_and_one_byte_more_is_moved),
		cmocka_unit_test(a_large_tree_is_moved_and_costs_no_memory),
		cmocka_unit_test(what_belongs_to_others_is_not_overwritten),
		cmocka_unit_test(an_aligned_bundle_stays_and_a_broken_one_is_refused),
		cmocka_unit_test(corrupted_bundles_at_odd_addresses_never_lead_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
