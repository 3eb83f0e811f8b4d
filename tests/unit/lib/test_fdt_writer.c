// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/lib/fdt_writer.c hyp/lib/fdt.c
/* Writing a device tree: what stands in it afterwards, its labels, and what becomes of an error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <libfdt.h>

#include "lib/fdt_writer.h"

static uint64_t tree[1024];
static struct fdtw w;

static int setup(void **state)
{
	(void)state;
	memset(tree, 0, sizeof(tree));
	w = (struct fdtw){ .fdt = tree };
	assert_int_equal(fdt_create(tree, sizeof(tree)), 0);
	assert_int_equal(fdt_finish_reservemap(tree), 0);
	return 0;
}

static int at(const char *path)
{
	int node = fdt_path_offset(tree, path);

	if (node < 0)
		fail_msg("no node %s", path);
	return node;
}

static void assert_property(const char *path, const char *name, const void *bytes, int len)
{
	int is_len;
	const void *is = fdt_getprop(tree, at(path), name, &is_len);

	assert_non_null(is);
	assert_int_equal(is_len, len);
	assert_memory_equal(is, bytes, (size_t)len);
}

/* Two nodes with a label each, one in the other. */
static void write_labelled(void)
{
	fdtw_begin(&w, "soc");
	fdtw_begin_device(&w, "serial", "uart", 7, 0x10000000, 0x100);
	fdtw_begin(&w, "port");
	fdtw_label(&w, "port0", 8);
	fdtw_end(&w);
	fdtw_end(&w);
	fdtw_end(&w);
	fdtw_begin_at(&w, "timer", 0xabcdef0123);
	fdtw_label(&w, "clock", 9);
	fdtw_u32(&w, "only-once", 1);
	fdtw_end(&w);
}

static void finish(void)
{
	fdtw_end(&w);
	assert_int_equal(w.err, 0);
	assert_int_equal(fdt_finish(tree), 0);
}

static void properties_are_written_as_they_are_given(void **state)
{
	static const char list[] = "a\0bc";
	void *room;

	(void)state;
	fdtw_begin(&w, "");
	fdtw_bytes(&w, "bytes", "\1\2\3", 3);
	fdtw_empty(&w, "empty");
	fdtw_string(&w, "string", "text");
	fdtw_strings(&w, "strings", list);
	fdtw_u32(&w, "u32", 0x01020304);
	fdtw_u64(&w, "u64", UINT64_C(0x0102030405060708));
	fdtw_reg(&w, UINT64_C(0x100000002), 0x30);
	room = fdtw_space(&w, "space", 5);
	assert_non_null(room);
	memcpy(room, "12345", 5);
	finish();
	assert_property("/", "bytes", "\1\2\3", 3);
	assert_property("/", "empty", "", 0);
	assert_property("/", "string", "text", 5);
	assert_property("/", "strings", "a\0bc", 5);
	assert_property("/", "u32", "\1\2\3\4", 4);
	assert_property("/", "u64", "\1\2\3\4\5\6\7\10", 8);
	assert_property("/", "reg", "\0\0\0\1\0\0\0\2\0\0\0\0\0\0\0\x30", 16);
	assert_property("/", "space", "12345", 5);
}

static void labels_name_the_paths_of_their_nodes(void **state)
{
	(void)state;
	fdtw_begin(&w, "");
	write_labelled();
	fdtw_begin_labels(&w);
	write_labelled();
	fdtw_end_labels(&w);
	fdtw_begin(&w, "behind");
	fdtw_u32(&w, "u32", 5);
	fdtw_end(&w);
	finish();
	assert_property("/soc/serial@10000000", "phandle", "\0\0\0\7", 4);
	assert_property("/soc/serial@10000000", "reg", "\0\0\0\0\x10\0\0\0\0\0\0\0\0\0\1\0", 16);
	assert_property("/soc/serial@10000000/port", "phandle", "\0\0\0\x8", 4);
	assert_property("/timer@abcdef0123", "only-once", "\0\0\0\1", 4);
	assert_property("/__symbols__", "uart", "/soc/serial@10000000", 21);
	assert_property("/__symbols__", "port0", "/soc/serial@10000000/port", 26);
	assert_property("/__symbols__", "clock", "/timer@abcdef0123", 18);
	/* The second time nothing else is written, and it ends. */
	assert_null(fdt_getprop(tree, at("/__symbols__"), "only-once", NULL));
	assert_true(fdt_first_subnode(tree, at("/__symbols__")) < 0);
	assert_property("/behind", "u32", "\0\0\0\5", 4);
}

static void space_is_for_the_first_time_alone(void **state)
{
	(void)state;
	fdtw_begin(&w, "");
	fdtw_begin_labels(&w);
	assert_null(fdtw_space(&w, "space", 4));
	fdtw_end_labels(&w);
	finish();
}

static void the_first_error_is_kept_and_nothing_is_written_after_it(void **state)
{
	static char big[sizeof(tree)];
	char before[sizeof(tree)];

	(void)state;
	fdtw_begin(&w, "");
	fdtw_bytes(&w, "big", big, sizeof(big));
	assert_int_equal(w.err, -FDT_ERR_NOSPACE);
	memcpy(before, tree, sizeof(tree));
	fdtw_begin(&w, "node");
	fdtw_u32(&w, "u32", 1);
	fdtw_label(&w, "label", 2);
	assert_null(fdtw_space(&w, "space", 4));
	fdtw_end(&w);
	fdtw_begin_labels(&w);
	fdtw_label(&w, "label", 2);
	fdtw_end_labels(&w);
	fdtw_end(&w);
	assert_int_equal(w.err, -FDT_ERR_NOSPACE);
	assert_memory_equal(tree, before, sizeof(tree));
}

static void what_cannot_be_written_is_an_error(void **state)
{
	(void)state;
	fdtw_begin(&w, "");
	assert_null(fdtw_space(&w, "space", sizeof(tree)));
	assert_int_equal(w.err, -FDT_ERR_NOSPACE);
	setup(state);
	fdtw_begin(&w, "");
	fdtw_bytes(&w, "bytes", tree, (size_t)INT32_MAX + 1 + 4);
	assert_int_equal(w.err, -FDT_ERR_NOSPACE);
	setup(state);
	fdtw_begin(&w, "");
	assert_null(fdtw_space(&w, "space", (size_t)UINT32_MAX + 1 + 4));
	assert_int_equal(w.err, -FDT_ERR_NOSPACE);
}

/* Of 127 characters and the 0. */
static void a_path_that_is_too_long_is_an_error(void **state)
{
	char name[FDTW_PATH_MAX];

	(void)state;
	for (unsigned int less = 0; less <= 1; less++) {
		setup(state);
		memset(name, 'n', sizeof(name));
		name[FDTW_PATH_MAX - 1 - strlen("/soc/") - less] = '\0';
		fdtw_begin(&w, "");
		fdtw_begin(&w, "soc");
		fdtw_begin(&w, name);
		assert_int_equal(w.err, 0);
		fdtw_begin(&w, "");
		assert_int_equal(w.err, 0);
		fdtw_begin(&w, "x");
		assert_int_equal(w.err, -FDT_ERR_NOSPACE);
	}
	setup(state);
	memset(name, 'n', sizeof(name));
	name[FDTW_PATH_MAX - strlen("/soc/")] = '\0';
	fdtw_begin(&w, "");
	fdtw_begin(&w, "soc");
	fdtw_begin(&w, name);
	assert_int_equal(w.err, -FDT_ERR_NOSPACE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(properties_are_written_as_they_are_given, setup),
		cmocka_unit_test_setup(labels_name_the_paths_of_their_nodes, setup),
		cmocka_unit_test_setup(space_is_for_the_first_time_alone, setup),
		cmocka_unit_test_setup(the_first_error_is_kept_and_nothing_is_written_after_it,
				       setup),
		cmocka_unit_test_setup(what_cannot_be_written_is_an_error, setup),
		cmocka_unit_test_setup(a_path_that_is_too_long_is_an_error, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
