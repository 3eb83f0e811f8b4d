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
	err = guest_fdt_apply_overlay(guest, cap, &image, &cfg);
	assert_memory_equal(copy + 1, data, size); /* several VMs may name one image */
	assert_int_equal(pages_out, 0);
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
	size_t n;

	(void)state;
	build(GUEST_FDT_SIZE);
	assert_int_equal(apply(overlay_bytes, make_overlay("nobody"), GUEST_FDT_SIZE), HV_EINVAL);
	assert_non_null(strstr(fake_log_last, "linux-a: the device tree overlay \"my-overlay\""));
	assert_non_null(strstr(fake_log_last, "it refers to &nobody"));

	build(GUEST_FDT_SIZE);
	assert_int_equal(apply("short", 5, GUEST_FDT_SIZE), HV_EINVAL);
	assert_non_null(strstr(fake_log_last, "shorter than a header"));

	build(GUEST_FDT_SIZE);
	memset(overlay_bytes, 0x55, 1024);
	assert_int_equal(apply(overlay_bytes, 1024, GUEST_FDT_SIZE), HV_EINVAL);
	assert_non_null(strstr(fake_log_last, "magic number"));

	n = make_overlay("soc");
	no_pages = true;
	build(GUEST_FDT_SIZE);
	assert_int_equal(apply(overlay_bytes, n, GUEST_FDT_SIZE), HV_ENOMEM);
	assert_non_null(strstr(fake_log_last, "no memory"));
}

static void an_overlay_too_large_is_refused_before_any_work(void **state)
{
	struct vm_image image = { .name = "big",
				  .data = overlay_bytes,
				  .size = GUEST_FDT_OVERLAY_MAX + 1 };

	(void)state;
	build(GUEST_FDT_SIZE);
	assert_int_equal(guest_fdt_apply_overlay(guest, GUEST_FDT_SIZE, &image, &cfg), HV_EINVAL);
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
		assert_int_equal(guest_fdt_apply_overlay(exact, cap, &image, &cfg), HV_EOVERFLOW);
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
		if (guest_fdt_apply_overlay(exact, base + 4096, &image, &cfg) == HV_OK)
			assert_null(fdtx_problem(exact, base + 4096));
		assert_int_equal(pages_out, 0);
		free(exact);
	}
	for (size_t len = 0; len < n; len++) {
		struct vm_image image = { .name = "my-overlay", .data = good, .size = len };

		assert_int_equal(guest_fdt_apply_overlay(guest, GUEST_FDT_SIZE, &image, &cfg),
				 HV_EINVAL);
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

static void no_table_has_a_phandle_or_is_merged(void **state)
{
	void *o = overlay_bytes;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		tree_begin(o, sizeof(overlay_bytes));
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
	}
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
		guest_fdt_apply_overlay(exact, base + 4096, &image, &cfg);
		assert_int_equal(pages_out, 0);
		free(exact);
	}
	free(good);
}

/* --- that all of an overlay is applied, and exactly where it says -------------------------------------- */

static void begin_fragment(const char *name, const char *target, const char *child)
{
	tree_node(overlay_bytes, name);
	if (target)
		tree_string(overlay_bytes, "target-path", target);
	tree_node(overlay_bytes, child);
}

static void end_fragment(void)
{
	tree_end_node(overlay_bytes);
	tree_end_node(overlay_bytes);
}

static int apply_made(void)
{
	size_t n = tree_finish(overlay_bytes);

	build(GUEST_FDT_SIZE);
	fake_log_reset();
	return apply(overlay_bytes, n, GUEST_FDT_SIZE);
}

static void assert_refused(const char *reason)
{
	assert_int_equal(apply_made(), HV_EINVAL);
	assert_int_equal(fake_log_count, 1);
	if (!strstr(fake_log_last, reason))
		fail_msg("not \"%s\": %s", reason, fake_log_last);
	assert_true(strlen(fake_log_last) < 320);
}

static void begin_overlay(void)
{
	tree_begin(overlay_bytes, sizeof(overlay_bytes));
}

static void an_overlay_that_would_not_be_applied_is_an_error(void **state)
{
	void *o = overlay_bytes;

	(void)state;
	begin_overlay();
	tree_string(o, "compatible", "riscv-virtio");
	tree_node(o, "soc");
	tree_node(o, "serial@10000000");
	tree_end_node(o);
	tree_end_node(o);
	assert_refused("/soc: has no child __overlay__, as in a whole device tree");

	begin_overlay();
	begin_fragment("fragment@0", "/soc", "overlay");
	tree_string(o, "p", "x");
	end_fragment();
	assert_refused("/fragment@0/overlay: would not be applied: must be called __overlay__");

	begin_overlay();
	begin_fragment("fragment@0", "/soc", "__overlay_");
	end_fragment();
	assert_refused("/fragment@0/__overlay_: would not be applied");

	/* libfdt would take it for __overlay__. */
	begin_overlay();
	begin_fragment("fragment@0", "/soc", "__overlay__@0");
	tree_string(o, "p", "x");
	end_fragment();
	assert_refused("/fragment@0/__overlay__@0: would not be applied");

	/* One that is, beside one that is not. */
	begin_overlay();
	begin_fragment("fragment@0", "/soc", "__overlay__");
	tree_string(o, "p", "x");
	end_fragment();
	tree_node(o, "fragment@1");
	tree_string(o, "target-path", "/soc");
	tree_end_node(o);
	assert_refused("/fragment@1: must have a child __overlay__");

	begin_overlay();
	assert_refused("it changes nothing");

	begin_overlay();
	begin_fragment("fragment@0", "/soc", "__overlay__");
	end_fragment();
	assert_refused("it changes nothing: must have a fragment whose __overlay__ is not empty");

	begin_overlay();
	begin_fragment("fragment@0", NULL, "__overlay__");
	tree_string(o, "p", "x");
	end_fragment();
	assert_refused("/fragment@0: must have target, or target-path with one string");
}

static void what_tools_add_to_an_overlay_is_no_error(void **state)
{
	void *o = overlay_bytes;

	(void)state;
	begin_overlay();
	tree_string(o, "compatible", "riscv-virtio");
	begin_fragment("fragment@0", "/soc", "__overlay__");
	tree_node(o, "extra");
	tree_cells(o, "phandle", 1, 1);
	tree_cells(o, "linux,phandle", 1, 1);
	tree_string(o, "name", "extra");
	tree_end_node(o);
	end_fragment();
	tree_node(o, "__symbols__");
	tree_string(o, "own", "/fragment@0/__overlay__/extra");
	tree_end_node(o);
	tree_node(o, "__overrides__");
	tree_end_node(o);
	assert_int_equal(apply_made(), HV_OK);
	assert_int_equal(fake_log_count, 0);
}

static void an_overlay_changes_the_nodes_that_it_names_and_no_others(void **state)
{
	void *o = overlay_bytes;

	(void)state;
	/* A name without the unit address makes a new node. */
	begin_overlay();
	begin_fragment("fragment@0", "/soc", "__overlay__");
	tree_node(o, "serial");
	tree_string(o, "status", "disabled");
	tree_end_node(o);
	tree_node(o, "x@1");
	tree_string(o, "is", "x@1");
	tree_end_node(o);
	tree_node(o, "x");
	tree_string(o, "is", "x");
	tree_end_node(o);
	end_fragment();
	assert_int_equal(apply_made(), HV_OK);
	assert_null(fdt_getprop(guest, at("/soc/serial@10000000"), "status", NULL));
	assert_string_at("/soc/serial", "status", "disabled");
	assert_string_at("/soc/x@1", "is", "x@1");
	assert_string_at("/soc/x", "is", "x");

	/* A target has to be there under its whole name. */
	begin_overlay();
	begin_fragment("fragment@0", "/soc/serial", "__overlay__");
	tree_string(o, "status", "disabled");
	end_fragment();
	assert_refused(
		"/fragment@0: target-path = \"/soc/serial\": must be a node of the VM's tree; "
		"did you mean serial@10000000?");

	/* An earlier fragment may have made it. */
	begin_overlay();
	begin_fragment("fragment@0", "/soc", "__overlay__");
	tree_node(o, "new");
	tree_end_node(o);
	end_fragment();
	begin_fragment("fragment@1", "/soc/new", "__overlay__");
	tree_string(o, "p", "x");
	end_fragment();
	assert_int_equal(apply_made(), HV_OK);
	assert_string_at("/soc/new", "p", "x");
}

static void fixups_name_their_nodes_exactly(void **state)
{
	(void)state;
	assert_int_equal(apply_hostile(0, "/fragment/__overlay__:p:4", "fragment@0"), HV_EINVAL);
	assert_non_null(strstr(fake_log_last, "there is no such node to fix up"));
	assert_int_equal(apply_hostile(0, NULL, "fragment"), HV_EINVAL);
	assert_non_null(strstr(fake_log_last, "there is no such node to fix up"));
}

/* --- that it does not contradict the VM: two vcpus, 256 MiB --------------------------------------------- */

/* A node @name below @parent with @reg, in the cells that @parent has, and one property more. */
static void overlay_device(const char *parent, const char *name, unsigned int cells, uint32_t base,
			   uint32_t size, const char *prop, const char *value)
{
	void *o = overlay_bytes;

	begin_overlay();
	begin_fragment("fragment@0", parent, "__overlay__");
	tree_node(o, name);
	if (cells == 1)
		tree_cells(o, "reg", 1, base);
	else
		tree_cells(o, "reg", 4, 0, base, 0, size);
	tree_string(o, prop, value);
	tree_end_node(o);
	end_fragment();
}

static void an_overlay_gives_its_vm_nothing_that_it_has_not(void **state)
{
	(void)state;
	overlay_device("/cpus", "cpu@2", 1, 2, 0, "device_type", "cpu");
	assert_refused("/cpus/cpu@2: reg = <2>: must be a vcpu of the VM, 0 to 1");
	overlay_device("/cpus", "cpu@1", 1, 7, 0, "x", "y");
	assert_refused("/cpus/cpu@1: reg = <7>: must be a vcpu of the VM, 0 to 1");

	overlay_device("/", "memory@90000000", 2, 0x90000000, 0x10000000, "device_type", "memory");
	assert_refused("/memory@90000000: reg = <0 0x90000000 0 0x10000000>: must lie in the VM's "
		       "RAM, 0x80000000 to 0x8fffffff");
	overlay_device("/", "memory@80000000", 2, 0x80000000, 0x10001000, "x", "y");
	assert_refused("must lie in the VM's RAM");

	overlay_device("/soc", "aplic@d000000", 2, 0xd000000, 0x8000, "interrupt-controller", "");
	assert_refused("/soc/aplic@d000000: reg = <0 0xd000000 0 32768>: must be an interrupt "
		       "controller that the VM has: its only one is at 0xc000000");
	overlay_device("/", "plic@e000000", 2, 0xe000000, 0x8000, "interrupt-controller", "");
	assert_refused("must be an interrupt controller that the VM has");

	overlay_device("/soc", "disk@88000000", 2, 0x88000000, 0x1000, "compatible", "virtio,mmio");
	assert_refused(
		"/soc/disk@88000000: reg = <0 0x88000000 0 4096>: must not lie in the VM's RAM");
	overlay_device("/", "disk@7ffff000", 2, 0x7ffff000, 0x1001, "compatible", "x");
	assert_refused("must not lie in the VM's RAM");
}

static void what_an_overlay_may_say_of_its_vm_is_applied(void **state)
{
	void *o = overlay_bytes;

	(void)state;
	/* Less memory, a cpu or a device that is off, a device where nothing is. */
	overlay_device("/", "memory@80000000", 2, 0x80000000, 0x8000000, "device_type", "memory");
	assert_int_equal(apply_made(), HV_OK);
	overlay_device("/cpus", "cpu@1", 1, 1, 0, "status", "disabled");
	assert_int_equal(apply_made(), HV_OK);
	overlay_device("/cpus", "cpu@2", 1, 2, 0, "status", "disabled");
	assert_int_equal(apply_made(), HV_OK);
	overlay_device("/soc", "disk@88000000", 2, 0x88000000, 0x1000, "status", "disabled");
	assert_int_equal(apply_made(), HV_OK);
	overlay_device("/soc", "disk@10001000", 2, 0x10001000, 0x1000, "compatible", "virtio,mmio");
	assert_int_equal(apply_made(), HV_OK);
	assert_reg_at("/soc/disk@10001000", 0x10001000, 0x1000);

	/* A device in memory that is taken out of the guest's RAM. */
	begin_overlay();
	begin_fragment("fragment@0", "/", "__overlay__");
	tree_node(o, "reserved-memory");
	tree_cells(o, "#address-cells", 1, 2);
	tree_cells(o, "#size-cells", 1, 2);
	tree_bytes(o, "ranges", "", 0);
	tree_node(o, "pool@88000000");
	tree_cells(o, "reg", 4, 0, 0x88000000, 0, 0x100000);
	tree_end_node(o);
	tree_end_node(o);
	tree_node(o, "pmem@88000000");
	tree_cells(o, "reg", 4, 0, 0x88000000, 0, 0x100000);
	tree_end_node(o);
	end_fragment();
	assert_int_equal(apply_made(), HV_OK);
	assert_int_equal(fake_log_count, 0);
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
		TREE_TEST(an_overlay_that_would_not_be_applied_is_an_error),
		TREE_TEST(what_tools_add_to_an_overlay_is_no_error),
		TREE_TEST(an_overlay_changes_the_nodes_that_it_names_and_no_others),
		TREE_TEST(fixups_name_their_nodes_exactly),
		TREE_TEST(an_overlay_gives_its_vm_nothing_that_it_has_not),
		TREE_TEST(what_an_overlay_may_say_of_its_vm_is_applied),
		TREE_TEST(an_overlay_of_wrong_words_stays_within_bounds),
		TREE_TEST(a_broken_overlay_is_refused_or_applied_within_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
