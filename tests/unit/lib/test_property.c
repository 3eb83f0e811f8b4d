// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/lib/property.c hyp/lib/config_node.c hyp/lib/text.c hyp/lib/word.c hyp/lib/fdt.c tests/unit/fake/tree.c
/* Properties that are read by a table: what they become, and the one line about each that is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "fake/log.h"
#include "fake/said.h"
#include "fake/tree.h"
#include "lib/fdt.h"
#include "lib/property.h"

struct settings {
	const char *name;
	uint32_t number, flag;
	unsigned int word;
	uint32_t calls;
};

static const char *const two[] = { "on", "off", NULL };
static const char *const three[] = { "red", "green", "blue", NULL };

static void count_call(struct config_node *n, const struct property *p, void *value)
{
	assert_non_null(n);
	assert_string_equal(p->name, "must");
	(*(uint32_t *)value)++;
}

static const struct property rows[] = {
	PROPERTY_U32("number", struct settings, number, 2, 5),
	PROPERTY_U32("flag", struct settings, flag, 0, 1),
	PROPERTY_WORD("word", struct settings, word, three),
	PROPERTY_STRING("name", struct settings, name, 5),
	PROPERTY_NAME("others"),
	{ .name = "must",
	  .read = count_call,
	  .offset = offsetof(struct settings, calls),
	  .required = true },
};
static const struct property more_rows[] = { PROPERTY_WORD("switch", struct settings, word, two) };

static const struct property_table tables[] = { PROPERTY_TABLE(rows), PROPERTY_TABLE(more_rows) };

static uint64_t tree[1024];
static struct config_node node;
static struct settings got;

/* What a test has put between begin() and this is read; the settings were of other values. */
static void read_all(void)
{
	(void)tree_finish(tree);
	node = (struct config_node){ .fdt = tree, .path = "/vm" };
	got = (struct settings){ .name = "before", .number = 99, .flag = 98, .word = 97 };
	for (unsigned int i = 0; i < ARRAY_SIZE(tables); i++)
		property_read_all(&node, &tables[i], &got);
}

static void begin(void)
{
	fake_log_reset();
	tree_begin(tree, sizeof(tree));
}

static void what_is_there_is_read_and_the_rest_stays(void **state)
{
	(void)state;
	begin();
	tree_cells(tree, "number", 1, 2);
	tree_string(tree, "name", "abcde");
	read_all();
	assert_int_equal(got.number, 2);
	assert_string_equal(got.name, "abcde");
	assert_int_equal(got.flag, 98);
	assert_int_equal(got.word, 97);
	assert_int_equal(got.calls, 1);
	begin();
	tree_cells(tree, "number", 1, 5);
	tree_cells(tree, "flag", 1, 0);
	tree_string(tree, "word", "blue");
	tree_cells(tree, "must", 1, 0);
	read_all();
	assert_int_equal(got.number, 5);
	assert_int_equal(got.flag, 0);
	assert_int_equal(got.word, 2);
	assert_string_equal(got.name, "before");
	assert_int_equal(got.calls, 1);
	assert_int_equal(fake_log_count, 0);
	assert_false(node.failed);
}

static void what_is_wrong_is_told_in_one_line_and_not_taken(void **state)
{
	(void)state;
	begin();
	tree_cells(tree, "number", 1, 1);
	tree_cells(tree, "flag", 1, 2);
	tree_string(tree, "word", "gree");
	tree_string(tree, "name", "abcdef");
	tree_string(tree, "switch", "");
	read_all();
	assert_logged("config: /vm: number = <1>: must be 2 to 5 (one cell)");
	assert_logged("config: /vm: flag = <2>: must be 0 or 1 (one cell)");
	assert_logged("config: /vm: word = \"gree\": must be \"red\", \"green\" or \"blue\"");
	assert_logged("config: /vm: name = \"abcdef\": must be one string of at most 5 characters");
	assert_logged("config: /vm: switch = [00]: must be \"on\" or \"off\"");
	assert_int_equal(fake_log_count, 5);
	assert_true(node.failed);
	assert_true(got.number == 99 && got.flag == 98 && got.word == 97);
	assert_string_equal(got.name, "before");
	begin();
	tree_cells(tree, "number", 1, 6);
	tree_cells(tree, "flag", 2, 0, 1);
	tree_cells(tree, "word", 1, 1);
	tree_list(tree, "name", "a\0b");
	read_all();
	assert_logged("config: /vm: number = <6>: must be 2 to 5 (one cell)");
	assert_logged("config: /vm: flag = <0 1>: must be 0 or 1 (one cell)");
	assert_logged("config: /vm: word = <1>: must be \"red\", \"green\" or \"blue\"");
	assert_int_equal(fake_log_count, 4);
	assert_string_equal(got.name, "before");
}

static void check_names(void)
{
	(void)tree_finish(tree);
	node = (struct config_node){ .fdt = tree, .path = "/vm" };
	property_check_names(&node, tables, ARRAY_SIZE(tables));
}

static void names_of_all_tables_are_known(void **state)
{
	(void)state;
	begin();
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++)
		tree_cells(tree, rows[i].name, 1, 0);
	tree_cells(tree, "switch", 1, 0);
	tree_cells(tree, "phandle", 1, 1);
	check_names();
	assert_int_equal(fake_log_count, 0);
	assert_false(node.failed);
}

static void an_unknown_name_is_told_with_a_guess(void **state)
{
	(void)state;
	begin();
	tree_cells(tree, "numbr", 1, 7);
	tree_cells(tree, "number", 1, 3);
	tree_bytes(tree, "zzzzzzzzzzzz", "", 0);
	tree_string(tree, "swich", "on");
	check_names();
	assert_logged("config: /vm: numbr = <7>: unknown, did you mean number?");
	assert_logged("config: /vm: swich = \"on\": unknown, did you mean switch?");
	assert_logged("config: /vm: zzzzzzzzzzzz = (empty): unknown, allowed: number, flag, word, "
		      "name, others, must, switch");
	assert_int_equal(fake_log_count, 3);
	assert_true(node.failed);
}

static void four_unknown_names_are_enough(void **state)
{
	static const char *const names[] = { "zzzzzzzzzzz1", "zzzzzzzzzzz2", "zzzzzzzzzzz3",
					     "zzzzzzzzzzz4", "zzzzzzzzzzz5", "zzzzzzzzzzz6" };

	(void)state;
	for (unsigned int n = 4; n <= 6; n++) {
		begin();
		for (unsigned int i = 0; i < n; i++)
			tree_cells(tree, names[i], 1, 0);
		check_names();
		assert_int_equal(fake_log_count, n == 4 ? 4 : 5);
		if (n > 4)
			assert_logged("config: /vm: more unknown properties are not shown");
	}
}

/* A value is shown as one would write it. */
static void a_value_is_shown_as_it_is_written(void **state)
{
	static const char long_text[] = "0123456789012345678901234567890123456789012345678";
	static const struct {
		const char *bytes;
		size_t n;
		const char *shown;
	} cases[] = {
		{ "", 0, "(empty)" },
		{ "a", 2, "\"a\"" },
		{ " ~", 3, "\" ~\"" },
		{ "\x1f~", 3, "[1f 7e 00]" },
		{ " \x7f", 3, "[20 7f 00]" },
		{ "abc", 3, "[61 62 63]" },
		{ "abcd", 4, "<0x61626364>" },
		{ "\0\0\xff\xff\0\1\0\0", 8, "<65535 0x10000>" },
		{ "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4", 16, "<1 2 3 4>" },
		{ "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5", 20, "<1 2 3 4 ...>" },
		{ "\1\2\3\4\5\6\7", 7, "[01 02 03 04 05 06 07]" },
		{ "\1\2\3\4\5\6\7\10\11", 9, "[01 02 03 04 05 06 07 08 ...]" },
		{ long_text + 1, 49, "\"123456789012345678901234567890123456789012345678\"" },
		{ long_text, 50, "\"012345678901234567890123456789012345678901234567...\"" },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		char line[128];

		begin();
		tree_bytes(tree, "x", cases[i].bytes, cases[i].n);
		(void)tree_finish(tree);
		node = (struct config_node){ .fdt = tree, .path = "/vm" };
		config_warn(&node, "x", "as it is: %d", 5);
		snprintf(line, sizeof(line), "config: /vm: x = %s: as it is: 5", cases[i].shown);
		assert_logged(line);
		assert_int_equal(fake_log_count, 1);
	}
}

static void an_error_fails_the_node_and_a_warning_does_not(void **state)
{
	(void)state;
	begin();
	check_names();
	config_warn(&node, "x", "beware");
	assert_logged("config: /vm: x is missing: beware");
	assert_false(node.failed);
	config_error(&node, NULL, "it is %s", "wrong");
	assert_logged("config: /vm: it is wrong");
	assert_true(node.failed);
	assert_int_equal(fake_log_count, 2);
	/* A node of which all has been told says nothing, and fails all the same. */
	node = (struct config_node){ .fdt = tree, .path = "/vm", .quiet = true };
	config_error(&node, "x", "wrong");
	config_warn(&node, NULL, "beware");
	assert_true(node.failed);
	assert_int_equal(fake_log_count, 2);
	/* A name is cut, and what is no character is not printed. */
	node.quiet = false;
	config_error(&node,
		     "12345678901234567890123456789\x1b"
		     "1234567890and more",
		     "wrong");
	assert_logged("config: /vm: 12345678901234567890123456789?1234567890 is missing: wrong");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_there_is_read_and_the_rest_stays),
		cmocka_unit_test(what_is_wrong_is_told_in_one_line_and_not_taken),
		cmocka_unit_test(names_of_all_tables_are_known),
		cmocka_unit_test(an_unknown_name_is_told_with_a_guess),
		cmocka_unit_test(four_unknown_names_are_enough),
		cmocka_unit_test(a_value_is_shown_as_it_is_written),
		cmocka_unit_test(an_error_fails_the_node_and_a_warning_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
