// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/lib/fdt_exact.c hyp/lib/fdt.c tests/unit/fake/tree.c
/* Reading device trees: what they say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/tree.h"
#include "lib/fdt.h"

#define CAP 65536

static uint64_t buffer[CAP / 8];
static void *const tree = buffer;

/* Begin a tree whose root has the usual cells. */
static void begin(void)
{
	tree_begin(tree, CAP);
	tree_cells(tree, "#address-cells", 1, 2);
	tree_cells(tree, "#size-cells", 1, 2);
}

static void finish(void)
{
	size_t n = tree_finish(tree);

	assert_null(fdtx_problem(tree, n));
}

static int at(const char *path)
{
	int node = fdt_path_offset(tree, path);

	assert_true(node >= 0);
	return node;
}

static void numbers_have_one_or_two_cells_and_nothing_else(void **state)
{
	uint32_t v32 = 7;
	uint64_t v64 = 7;

	(void)state;
	begin();
	tree_cells(tree, "one", 1, 0x89abcdef);
	tree_cells(tree, "two", 2, 1, 2);
	tree_cells(tree, "three", 3, 1, 2, 3);
	tree_bytes(tree, "odd", "abc", 3);
	tree_bytes(tree, "empty", "", 0);
	finish();

	assert_int_equal(fdtx_prop_u32(tree, 0, "one", &v32), HV_OK);
	assert_int_equal(v32, 0x89abcdef);
	assert_int_equal(fdtx_prop_u64(tree, 0, "one", &v64), HV_OK);
	assert_int_equal(v64, 0x89abcdef);
	assert_int_equal(fdtx_prop_u64(tree, 0, "two", &v64), HV_OK);
	assert_int_equal(v64, 0x100000002);
	v32 = 7, v64 = 7;
	assert_int_equal(fdtx_prop_u32(tree, 0, "two", &v32), HV_EINVAL);
	assert_int_equal(fdtx_prop_u64(tree, 0, "three", &v64), HV_EINVAL);
	assert_int_equal(fdtx_prop_u64(tree, 0, "odd", &v64), HV_EINVAL);
	assert_int_equal(fdtx_prop_u64(tree, 0, "empty", &v64), HV_EINVAL);
	assert_int_equal(fdtx_prop_u64(tree, 0, "none", &v64), HV_ENOENT);
	assert_int_equal(fdtx_prop_u32(tree, 0, "none", &v32), HV_ENOENT);
	assert_true(v32 == 7 && v64 == 7);
	assert_true(fdtx_prop_bool(tree, 0, "empty"));
	assert_false(fdtx_prop_bool(tree, 0, "none"));
}

static void a_string_ends_where_its_property_ends(void **state)
{
	(void)state;
	begin();
	tree_string(tree, "good", "text");
	tree_string(tree, "blank", "");
	tree_bytes(tree, "unended", "text", 4);
	tree_bytes(tree, "two", "a\0b", 4);
	tree_bytes(tree, "empty", "", 0);
	finish();

	assert_string_equal(fdtx_prop_string(tree, 0, "good"), "text");
	assert_string_equal(fdtx_prop_string(tree, 0, "blank"), "");
	assert_null(fdtx_prop_string(tree, 0, "unended"));
	assert_null(fdtx_prop_string(tree, 0, "two"));
	assert_null(fdtx_prop_string(tree, 0, "empty"));
	assert_null(fdtx_prop_string(tree, 0, "none"));
}

static void a_list_gives_each_string_once_and_a_broken_one_gives_none(void **state)
{
	struct fdtx_strings it;

	(void)state;
	begin();
	tree_list(tree, "good", "a\0\0ccc");
	tree_bytes(tree, "unended", "a\0b", 3);
	finish();

	assert_int_equal(fdtx_prop_strings(tree, 0, "good", &it), HV_OK);
	assert_string_equal(fdtx_strings_next(&it), "a");
	assert_string_equal(fdtx_strings_next(&it), "");
	assert_string_equal(fdtx_strings_next(&it), "ccc");
	assert_null(fdtx_strings_next(&it));
	assert_null(fdtx_strings_next(&it));
	assert_int_equal(fdtx_prop_strings(tree, 0, "unended", &it), HV_EINVAL);
	assert_null(fdtx_strings_next(&it));
	assert_int_equal(fdtx_prop_strings(tree, 0, "none", &it), HV_ENOENT);
	assert_null(fdtx_strings_next(&it));
}

static void reg_is_read_by_the_parents_cells(void **state)
{
	uint64_t a = 0, s = 0;

	(void)state;
	begin();
	tree_node(tree, "two@1");
	tree_cells(tree, "reg", 8, 1, 2, 3, 4, 5, 6, 7, 8);
	tree_end_node(tree);
	tree_node(tree, "bus");
	tree_node(tree, "default@1");
	tree_cells(tree, "reg", 3, 1, 2, 3);
	tree_end_node(tree);
	tree_end_node(tree);
	tree_node(tree, "cpus");
	tree_cells(tree, "#address-cells", 1, 1);
	tree_cells(tree, "#size-cells", 1, 0);
	tree_node(tree, "cpu@5");
	tree_cells(tree, "reg", 1, 5);
	tree_end_node(tree);
	tree_end_node(tree);
	finish();

	assert_int_equal(fdtx_reg(tree, at("/two@1"), 1, &a, &s), HV_OK);
	assert_true(a == 0x500000006 && s == 0x700000008);
	assert_int_equal(fdtx_reg(tree, at("/two@1"), 2, &a, &s), HV_ENOENT);
	assert_int_equal(fdtx_reg(tree, at("/two@1"), UINT32_MAX, &a, &s), HV_ENOENT);
	assert_int_equal(fdtx_reg(tree, at("/bus/default@1"), 0, &a, &s), HV_OK);
	assert_true(a == 0x100000002 && s == 3);
	assert_int_equal(fdtx_reg(tree, at("/cpus/cpu@5"), 0, &a, NULL), HV_OK);
	assert_int_equal(a, 5);
	assert_int_equal(fdtx_reg(tree, at("/cpus"), 0, &a, &s), HV_ENOENT);
}

static void below_chosen_without_cells_the_roots_serve(void **state)
{
	uint64_t a = 0, s = 0;

	(void)state;
	begin();
	tree_node(tree, "chosen");
	tree_node(tree, "module@0x90000000");
	tree_cells(tree, "reg", 4, 0, 0x90000000, 0, 0x2000);
	tree_end_node(tree);
	tree_end_node(tree);
	finish();
	assert_int_equal(fdtx_reg(tree, at("/chosen/module@0x90000000"), 0, &a, &s), HV_OK);
	assert_true(a == 0x90000000 && s == 0x2000);

	begin();
	tree_node(tree, "chosen");
	tree_cells(tree, "#address-cells", 1, 1);
	tree_cells(tree, "#size-cells", 1, 1);
	tree_node(tree, "module@90000000");
	tree_cells(tree, "reg", 2, 0x90000000, 0x2000);
	tree_end_node(tree);
	tree_end_node(tree);
	finish();
	assert_int_equal(fdtx_reg(tree, at("/chosen/module@90000000"), 0, &a, &s), HV_OK);
	assert_true(a == 0x90000000 && s == 0x2000);
}

static void a_malformed_reg_is_told_apart_from_none(void **state)
{
	uint64_t a = 0, s = 0;

	(void)state;
	begin();
	tree_cells(tree, "reg", 2, 1, 2);
	tree_node(tree, "short");
	tree_cells(tree, "reg", 3, 1, 2, 3);
	tree_end_node(tree);
	tree_node(tree, "none");
	tree_bytes(tree, "reg", "", 0);
	tree_end_node(tree);
	tree_node(tree, "wraps");
	tree_cells(tree, "reg", 4, 0xffffffff, 0xffffffff, 0, 2);
	tree_end_node(tree);
	tree_node(tree, "pci");
	tree_cells(tree, "#address-cells", 1, 3);
	tree_node(tree, "child");
	tree_cells(tree, "reg", 4, 1, 2, 3, 4);
	tree_end_node(tree);
	tree_end_node(tree);
	finish();

	assert_int_equal(fdtx_reg(tree, 0, 0, &a, &s), HV_EINVAL);
	assert_int_equal(fdtx_reg(tree, at("/short"), 0, &a, &s), HV_EINVAL);
	assert_int_equal(fdtx_reg(tree, at("/none"), 0, &a, &s), HV_EINVAL);
	assert_int_equal(fdtx_reg(tree, at("/wraps"), 0, &a, &s), HV_EINVAL);
	assert_int_equal(fdtx_reg(tree, at("/pci/child"), 0, &a, &s), HV_EINVAL);
}

static void compatible_and_status_are_read_whole(void **state)
{
	(void)state;
	begin();
	tree_node(tree, "a");
	tree_list(tree, "compatible", "vendor,one\0vendor,two");
	tree_string(tree, "status", "disabled");
	tree_end_node(tree);
	tree_node(tree, "b");
	tree_bytes(tree, "status", "okay", 4);
	tree_end_node(tree);
	finish();

	assert_true(fdtx_is_compatible(tree, at("/a"), "vendor,two"));
	assert_false(fdtx_is_compatible(tree, at("/a"), "vendor,t"));
	assert_false(fdtx_is_compatible(tree, at("/b"), "vendor,two"));
	assert_true(fdtx_is_available(tree, 0));
	assert_false(fdtx_is_available(tree, at("/a")));
	assert_false(fdtx_is_available(tree, at("/b")));
}

static void a_path_fits_its_buffer_and_harms_no_terminal(void **state)
{
	char buf[24], one[1];

	(void)state;
	begin();
	tree_node(tree, "short");
	tree_end_node(tree);
	tree_node(tree, "quite-a-long-name-for-a-node");
	tree_node(tree, "leaf");
	tree_end_node(tree);
	tree_end_node(tree);
	tree_node(tree, "\033[2J");
	tree_end_node(tree);
	finish();

	assert_string_equal(fdtx_path(tree, 0, buf, sizeof(buf)), "/");
	assert_string_equal(fdtx_path(tree, at("/short"), buf, sizeof(buf)), "/short");
	assert_string_equal(fdtx_path(tree, at("/quite-a-long-name-for-a-node/leaf"), buf,
				      sizeof(buf)),
			    ".../leaf");
	assert_string_equal(fdtx_path(tree, at("/quite-a-long-name-for-a-node"), buf, sizeof(buf)),
			    ".../quite-a-long-name-f");
	assert_string_equal(fdtx_path(tree, at("/\033[2J"), buf, sizeof(buf)), "/?[2J");
	assert_string_equal(fdtx_path(tree, at("/short"), one, sizeof(one)), "");
	/* What is no node: inside a word, on the last tag, behind the tree, an error of libfdt's. */
	int last = (int)fdt_size_dt_struct(tree) - 4;
	const int wrong[] = { 3, last, last - 4, last + 4, INT32_MAX, -1, -FDT_ERR_NOTFOUND };

	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_string_equal(fdtx_path(tree, wrong[i], buf, sizeof(buf)), ".../?");
}

static void nodes_are_found_by_their_exact_names(void **state)
{
	(void)state;
	begin();
	tree_node(tree, "aliases@0");
	tree_string(tree, "k", "/b");
	tree_end_node(tree);
	tree_node(tree, "aliases");
	tree_string(tree, "k", "/a/k");
	tree_string(tree, "self", "self");
	tree_bytes(tree, "open", "/a", 2);
	tree_end_node(tree);
	tree_node(tree, "a@1");
	tree_node(tree, "only@1");
	tree_end_node(tree);
	tree_end_node(tree);
	tree_node(tree, "a");
	tree_node(tree, "k@old");
	tree_end_node(tree);
	tree_node(tree, "k");
	tree_node(tree, "leaf");
	tree_end_node(tree);
	tree_end_node(tree);
	tree_end_node(tree);
	finish();
	assert_string_equal(fdtx_name(tree, at("/a")), "a");
	assert_string_equal(fdtx_name(tree, at("/a/k")), "k");
	assert_string_equal(fdtx_name(tree, at("//a//k@old/")), "k@old");
	assert_int_equal(fdt_subnode_offset(tree, at("/a"), "k"), at("/a/k"));
	assert_int_equal(fdt_subnode_offset(tree, at("/a"), "k@"), -FDT_ERR_NOTFOUND);
	assert_int_equal(fdt_subnode_offset(tree, at("/a"), ""), -FDT_ERR_NOTFOUND);
	assert_int_equal(fdt_subnode_offset_namelen(tree, at("/a"), "k@older", 5), at("/a/k@old"));
	assert_int_equal(fdt_path_offset(tree, "/a@1/only"), -FDT_ERR_NOTFOUND);
	assert_int_equal(fdt_path_offset(tree, "/a/only@1"), -FDT_ERR_NOTFOUND);
	assert_int_equal(fdt_path_offset(tree, "/"), 0);
	assert_int_equal(fdt_path_offset_namelen(tree, "/a/k/leaf", 4), at("/a/k"));
	assert_int_equal(fdt_path_offset(tree, ""), -FDT_ERR_BADPATH);
	/* By /aliases, and not by another. */
	assert_int_equal(fdt_path_offset(tree, "k"), at("/a/k"));
	assert_int_equal(fdt_path_offset(tree, "k/leaf"), at("/a/k/leaf"));
	assert_int_equal(fdt_path_offset(tree, "self"), -FDT_ERR_BADPATH);
	assert_int_equal(fdt_path_offset(tree, "open"), -FDT_ERR_BADPATH);
	assert_int_equal(fdt_path_offset(tree, "none"), -FDT_ERR_BADPATH);
	/* Where libfdt itself looks a name up: to add a node. */
	assert_int_equal(fdt_open_into(tree, tree, CAP), 0);
	assert_true(fdt_add_subnode(tree, at("/a@1"), "only") >= 0);
	assert_int_equal(fdt_add_subnode(tree, at("/a@1"), "only"), -FDT_ERR_EXISTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_have_one_or_two_cells_and_nothing_else),
		cmocka_unit_test(a_string_ends_where_its_property_ends),
		cmocka_unit_test(a_list_gives_each_string_once_and_a_broken_one_gives_none),
		cmocka_unit_test(reg_is_read_by_the_parents_cells),
		cmocka_unit_test(below_chosen_without_cells_the_roots_serve),
		cmocka_unit_test(a_malformed_reg_is_told_apart_from_none),
		cmocka_unit_test(compatible_and_status_are_read_whole),
		cmocka_unit_test(a_path_fits_its_buffer_and_harms_no_terminal),
		cmocka_unit_test(nodes_are_found_by_their_exact_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
