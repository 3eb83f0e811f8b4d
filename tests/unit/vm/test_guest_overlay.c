// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/guest_tree.h
/* Overlays onto the tree that a guest gets, wrong and hostile ones, too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake/guest_tree.h"
#include "fake/log.h"
#include "fake/tree.h"
#include "lib/fdt.h"

static uint8_t overlay_bytes[GUEST_FDT_OVERLAY_MAX + 8] __attribute__((aligned(8)));

static int apply(const void *data, uint64_t size, uint64_t cap)
{
	/* At an odd address, as in a bundle, and with its end watched. */
	uint8_t *copy = malloc(size + 1);
	struct vm_image image = { .name = "my-overlay", .data = copy + 1, .size = size };
	int err;

	memcpy(copy + 1, data, size);
	err = apply_overlay(guest, cap, &image);
	assert_memory_equal(copy + 1, data, size); /* several VMs may name one image */
	free(copy);
	return err;
}

/*
 * As dtc -@ makes it from
 *	&LABEL { added = "yes"; interrupt-parent = <&plic>; extra { own: leaf { }; ref = <&own>; }; };
 */
static size_t make_overlay(const char *label)
{
	void *o = overlay_bytes;

	tree_begin(o, sizeof(overlay_bytes));
	tree_node(o, "fragment@0");
	tree_cells(o, "target", 1, 0xffffffff);
	tree_node(o, "__overlay__");
	tree_string(o, "added", "yes");
	tree_cells(o, "interrupt-parent", 1, 0xffffffff);
	tree_node(o, "extra");
	tree_cells(o, "ref", 1, 1);
	tree_node(o, "leaf");
	tree_cells(o, "phandle", 1, 1);
	tree_end_node(o);
	tree_end_node(o);
	tree_end_node(o);
	tree_end_node(o);
	tree_node(o, "__symbols__");
	tree_string(o, "own", "/fragment@0/__overlay__/extra/leaf");
	tree_end_node(o);
	tree_node(o, "__fixups__");
	tree_string(o, label, "/fragment@0:target:0");
	tree_string(o, "plic", "/fragment@0/__overlay__:interrupt-parent:0");
	tree_end_node(o);
	tree_node(o, "__local_fixups__");
	tree_node(o, "fragment@0");
	tree_node(o, "__overlay__");
	tree_node(o, "extra");
	tree_cells(o, "ref", 1, 0);
	tree_end_node(o);
	tree_end_node(o);
	tree_end_node(o);
	tree_end_node(o);
	return tree_finish(o);
}

static void an_overlay_may_refer_to_every_label(void **state)
{
	static const char *const labels[][2] = {
		{ "soc", "/soc" },
		{ "chosen", "/chosen" },
		{ "cpus", "/cpus" },
		{ "cpu1", "/cpus/cpu@1" },
		{ "plic", "/soc/plic@c000000" },
		{ "uart0", "/soc/serial@10000000" },
		{ "memory0", "/memory@80000000" },
		{ "syscon", "/soc/test@100000" },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(labels); i++) {
		char path[64];

		if (strcmp(labels[i][0], "plic") == 0)
			continue; /* two properties of one name: what dtc writes as a list */
		assert_int_equal(build(GUEST_FDT_SIZE), HV_OK);
		assert_int_equal(apply(overlay_bytes, make_overlay(labels[i][0]), GUEST_FDT_SIZE),
				 HV_OK);
		assert_string_at(labels[i][1], "added", "yes");
		assert_int_equal(u32_at(labels[i][1], "interrupt-parent"),
				 u32_at("/soc/plic@c000000", "phandle"));
		/* References of the overlay to itself are moved behind the phandles of ours. */
		snprintf(path, sizeof(path), "%s/extra", labels[i][1]);
		assert_int_equal(fdt_node_offset_by_phandle(guest, u32_at(path, "ref")),
				 fdt_subnode_offset(guest, at(path), "leaf"));
		assert_true(fdt_totalsize(guest) < KIB(64));
	}
	assert_int_equal(fake_log_count, 0);
}

static void a_wrong_overlay_is_told_with_vm_image_and_reason(void **state)
{
	(void)state;
	build(GUEST_FDT_SIZE);
	assert_int_equal(apply(overlay_bytes, make_overlay("nothing"), GUEST_FDT_SIZE), HV_EINVAL);
	assert_non_null(strstr(fake_log_last, "linux-a: the device tree overlay \"my-overlay\""));
	assert_non_null(strstr(fake_log_last, "it refers to &nothing"));

	build(GUEST_FDT_SIZE);
	assert_int_equal(apply("short", 5, GUEST_FDT_SIZE), HV_EINVAL);
	assert_non_null(strstr(fake_log_last, "shorter than a header"));

	build(GUEST_FDT_SIZE);
	memset(overlay_bytes, 0x55, 1024);
	assert_int_equal(apply(overlay_bytes, 1024, GUEST_FDT_SIZE), HV_EINVAL);
	assert_non_null(strstr(fake_log_last, "magic number"));
}

static void an_overlay_too_large_is_refused_before_any_work(void **state)
{
	struct vm_image image = { .name = "big",
				  .data = overlay_bytes,
				  .size = GUEST_FDT_OVERLAY_MAX + 1 };

	(void)state;
	build(GUEST_FDT_SIZE);
	assert_int_equal(apply_overlay(guest, GUEST_FDT_SIZE, &image), HV_EINVAL);
	assert_non_null(strstr(fake_log_last, "at most 65536 are allowed"));
}

static void an_overlay_that_outgrows_the_room_is_refused_at_every_size(void **state)
{
	size_t n = make_overlay("soc");
	uint64_t base, whole;

	(void)state;
	build(GUEST_FDT_SIZE);
	base = fdt_totalsize(guest);
	assert_int_equal(apply(overlay_bytes, n, GUEST_FDT_SIZE), HV_OK);
	whole = fdt_totalsize(guest);
	build(GUEST_FDT_SIZE);

	for (uint64_t cap = base; cap < whole; cap++) {
		struct vm_image image = { .name = "my-overlay", .data = overlay_bytes, .size = n };
		void *exact = malloc(cap);

		memcpy(exact, guest, base);
		assert_int_equal(apply_overlay(exact, cap, &image), HV_EOVERFLOW);
		free(exact);
	}
}

static void a_broken_overlay_is_refused_or_applied_within_bounds(void **state)
{
	size_t n = make_overlay("soc");
	uint8_t *good = malloc(n);
	uint32_t seed = 20261120;
	uint64_t base;

	(void)state;
	memcpy(good, overlay_bytes, n);
	build(GUEST_FDT_SIZE);
	base = fdt_totalsize(guest);
	for (unsigned int i = 0; i < 10000; i++) {
		struct vm_image image = { .name = "my-overlay", .data = overlay_bytes, .size = n };
		void *exact = malloc(base + 4096);

		memcpy(exact, guest, base);
		memcpy(overlay_bytes, good, n);
		overlay_bytes[tree_random(&seed) % n] ^= (uint8_t)(1 + tree_random(&seed) % 255);
		if (apply_overlay(exact, base + 4096, &image) == HV_OK)
			assert_null(fdtx_problem(exact, base + 4096));
		free(exact);
	}
	for (size_t len = 0; len < n; len++) {
		struct vm_image image = { .name = "my-overlay", .data = good, .size = len };

		assert_int_equal(apply_overlay(guest, GUEST_FDT_SIZE, &image), HV_EINVAL);
	}
	free(good);
}

/* An overlay whose one property `p` (two cells) is to be fixed up as the arguments say. */
static size_t make_hostile(uint32_t local, const char *fixup, const char *local_target)
{
	void *o = overlay_bytes;

	tree_begin(o, sizeof(overlay_bytes));
	tree_node(o, "fragment@0");
	tree_string(o, "target-path", "/soc");
	tree_node(o, "__overlay__");
	tree_cells(o, "p", 2, 1, 1);
	tree_end_node(o);
	tree_end_node(o);
	tree_node(o, "__fixups__");
	if (fixup)
		tree_string(o, "plic", fixup);
	tree_end_node(o);
	tree_node(o, "__local_fixups__");
	tree_node(o, local_target);
	tree_node(o, "__overlay__");
	tree_cells(o, "p", 1, local);
	tree_end_node(o);
	tree_end_node(o);
	tree_end_node(o);
	return tree_finish(o);
}

static int apply_hostile(uint32_t local, const char *fixup, const char *local_target)
{
	size_t n = make_hostile(local, fixup, local_target);

	build(GUEST_FDT_SIZE);
	return apply(overlay_bytes, n, GUEST_FDT_SIZE);
}

static void fixups_stay_within_their_property(void **state)
{
	static const uint32_t outside[] = { 5, 8, 100, 0x7fffffff, 0xfffffffc, 0xffffffff };
	static const char *const wrong[] = {
		"/fragment@0/__overlay__:p:5",	"/fragment@0/__overlay__:p:4294967294",
		"/fragment@0/__overlay__:p:-4", "/fragment@0/__overlay__:p: 4",
		"/fragment@0/__overlay__:p:",	"/fragment@0/__overlay__:p:99999999999999999999",
		"/fragment@0/__overlay__:p:4x", "/fragment@0/__overlay__:q:4",
		"/fragment@0/__overlay__::4",	"/fragment@0/nothing:p:4",
		"/fragment@0/__overlay__:p",	"/fragment@0/__overlay__",
		"fragment@0/__overlay__:p:4",	"",
	};

	(void)state;
	assert_int_equal(apply_hostile(4, "/fragment@0/__overlay__:p:0", "fragment@0"), HV_OK);
	assert_int_equal(apply_hostile(1, NULL, "fragment@0"), HV_OK); /* may be unaligned */
	for (unsigned int i = 0; i < ARRAY_SIZE(outside); i++)
		assert_int_equal(apply_hostile(outside[i], NULL, "fragment@0"), HV_EINVAL);
	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(apply_hostile(4, wrong[i], "fragment@0"), HV_EINVAL);
}

static void fixups_cannot_change_the_tables_of_fixups(void **state)
{
	(void)state;
	assert_int_equal(apply_hostile(0, "/__local_fixups__/fragment@0/__overlay__:p:0",
				       "fragment@0"),
			 HV_EINVAL);
	assert_int_equal(apply_hostile(0, "//__local_fixups__/fragment@0/__overlay__:p:0",
				       "fragment@0"),
			 HV_EINVAL);
	assert_int_equal(apply_hostile(0, NULL, "__local_fixups__"), HV_EINVAL);
	assert_int_equal(apply_hostile(0, NULL, "__fixups__"), HV_EINVAL);
}

/* A fragment for /soc, until its __overlay__ has a property. Two nodes to end. */
static void begin_fragment(void *o)
{
	tree_node(o, "fragment@0");
	tree_string(o, "target-path", "/soc");
	tree_node(o, "__overlay__");
	tree_cells(o, "p", 1, 1);
}

static void no_table_has_a_phandle_or_is_merged(void **state)
{
	static const char *const says[] = { "must have no property named phandle",
					    "must have no child __overlay__" };
	void *o = overlay_bytes;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		tree_begin(o, sizeof(overlay_bytes));
		begin_fragment(o);
		tree_end_node(o);
		tree_end_node(o);
		tree_node(o, "__local_fixups__");
		if (i)
			tree_node(o, "__overlay__");
		else
			tree_cells(o, "phandle", 1, 0);
		if (i)
			tree_end_node(o);
		tree_end_node(o);
		build(GUEST_FDT_SIZE);
		assert_int_equal(apply(o, tree_finish(o), GUEST_FDT_SIZE), HV_EINVAL);
		assert_non_null(strstr(fake_log_last, says[i]));
	}
}

/* The root, its fragment and that one's __overlay__ count as well. */
static void an_overlay_has_at_most_1024_nodes(void **state)
{
	void *o = overlay_bytes;

	(void)state;
	for (unsigned int nodes = 1024; nodes <= 1025; nodes++) {
		tree_begin(o, sizeof(overlay_bytes));
		begin_fragment(o);
		for (unsigned int i = 3; i < nodes; i++) {
			char name[16];

			snprintf(name, sizeof(name), "n%u", i);
			tree_node(o, name);
			tree_end_node(o);
		}
		tree_end_node(o);
		tree_end_node(o);
		build(GUEST_FDT_SIZE);
		assert_int_equal(apply(o, tree_finish(o), GUEST_FDT_SIZE),
				 nodes == 1024 ? HV_OK : HV_EINVAL);
	}
	assert_non_null(strstr(fake_log_last, "it has more than 1024 nodes"));
}

static void an_overlay_of_wrong_words_stays_within_bounds(void **state)
{
	size_t n = make_overlay("soc");
	uint8_t *good = malloc(n);
	uint32_t seed = 4711;
	uint64_t base;

	(void)state;
	memcpy(good, overlay_bytes, n);
	build(GUEST_FDT_SIZE);
	base = fdt_totalsize(guest);
	for (unsigned int i = 0; i < 10000; i++) {
		struct vm_image image = { .name = "my-overlay", .data = overlay_bytes, .size = n };
		fdt32_t *words = (void *)overlay_bytes;
		void *exact = malloc(base + 4096);

		memcpy(exact, guest, base);
		memcpy(overlay_bytes, good, n);
		/* Words of the tree itself in other places: names, tags and offsets that do exist. */
		for (unsigned int k = tree_random(&seed) % 3 + 1; k > 0; k--)
			words[tree_random(&seed) % (n / 4)] = words[tree_random(&seed) % (n / 4)];
		apply_overlay(exact, base + 4096, &image);
		free(exact);
	}
	free(good);
}

static void fixups_name_their_nodes_exactly(void **state)
{
	(void)state;
	assert_int_equal(apply_hostile(0, "/fragment/__overlay__:p:4", "fragment@0"), HV_EINVAL);
	assert_non_null(strstr(fake_log_last, "there is no such node to fix up"));
	assert_int_equal(apply_hostile(0, NULL, "fragment"), HV_EINVAL);
	assert_non_null(strstr(fake_log_last, "there is no such node to fix up"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TREE_TEST(an_overlay_may_refer_to_every_label),
		TREE_TEST(a_wrong_overlay_is_told_with_vm_image_and_reason),
		TREE_TEST(an_overlay_too_large_is_refused_before_any_work),
		TREE_TEST(an_overlay_that_outgrows_the_room_is_refused_at_every_size),
		TREE_TEST(fixups_stay_within_their_property),
		TREE_TEST(fixups_cannot_change_the_tables_of_fixups),
		TREE_TEST(no_table_has_a_phandle_or_is_merged),
		TREE_TEST(an_overlay_has_at_most_1024_nodes),
		TREE_TEST(fixups_name_their_nodes_exactly),
		TREE_TEST(an_overlay_of_wrong_words_stays_within_bounds),
		TREE_TEST(a_broken_overlay_is_refused_or_applied_within_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
