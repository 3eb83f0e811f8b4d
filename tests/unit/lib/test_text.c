// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/lib/text.c hyp/lib/fdt.c tests/unit/fake/tree.c
/* Texts about what a stranger wrote: they fit their buffers, and say which nodes may be meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "fake/tree.h"
#include "lib/text.h"

static uint64_t tree[1024];
static char buf[512];
static struct text t;

static void begin(void)
{
	memset(buf, 'z', sizeof(buf));
	text_begin(&t, buf, sizeof(buf));
	tree_begin(tree, sizeof(tree));
}

static void node(const char *name)
{
	tree_node(tree, name);
	tree_end_node(tree);
}

static void a_text_grows_until_it_is_full_and_always_ends(void **state)
{
	(void)state;
	memset(buf, 'z', sizeof(buf));
	text_begin(&t, buf, 8);
	assert_string_equal(buf, "");
	text_add(&t, "%d-%s", 12, "ab");
	assert_string_equal(buf, "12-ab");
	text_add(&t, "cd");
	assert_string_equal(buf, "12-abcd");
	assert_int_equal(t.len, 7);
	assert_false(t.full);
	text_add(&t, "e");
	assert_true(t.full);
	text_add(&t, "%s", "fghijkl");
	assert_string_equal(buf, "12-abcd");
	assert_int_equal(t.len, 7);
	assert_int_equal(buf[8], 'z');
	text_begin(&t, buf, 8);
	text_add(&t, "%s", "fghijklmnop");
	assert_string_equal(buf, "fghijkl");
	assert_true(t.full);
}

static void what_a_stranger_wrote_is_cut_and_harms_no_terminal(void **state)
{
	(void)state;
	begin();
	text_add_plain(&t, "\x1f !Az~\x7f\x80\xff", 9);
	assert_string_equal(buf, "? !Az~???");
	text_add_plain(&t, "12345", 3);
	assert_string_equal(buf, "? !Az~???123");
}

static void children_are_listed_with_commas(void **state)
{
	(void)state;
	begin();
	(void)tree_finish(tree);
	text_add_children(&t, tree, 0);
	assert_string_equal(buf, "none");
	begin();
	node("one");
	node("two@1");
	node("three");
	(void)tree_finish(tree);
	text_add(&t, "of ");
	text_add_children(&t, tree, 0);
	assert_string_equal(buf, "of one, two@1, three");
}

/* Some 100 characters: the name that passes them is the last. */
static void a_long_list_ends_in_dots(void **state)
{
	char want[256] = "";

	(void)state;
	for (unsigned int n = 11; n <= 13; n++) {
		begin();
		want[0] = '\0';
		for (unsigned int i = 0; i < n; i++) {
			char name[16];

			snprintf(name, sizeof(name), "node-%03u", i); /* ten with the comma */
			node(name);
			if (i < 11)
				snprintf(want + strlen(want), sizeof(want) - strlen(want), "%s%s",
					 i ? ", " : "", name);
		}
		if (n > 11)
			strcat(want, ", ...");
		(void)tree_finish(tree);
		text_add_children(&t, tree, 0);
		assert_string_equal(buf, want);
	}
}

static void nodes_that_differ_by_an_address_are_meant(void **state)
{
	(void)state;
	begin();
	node("disk@1");
	node("disks@3");
	node("disk");
	node("net@2");
	node("disk@10");
	(void)tree_finish(tree);
	text_add_candidates(&t, tree, 0, "disk");
	assert_string_equal(buf, "did you mean disk@1, disk@10?");
	begin();
	node("disk@1");
	node("net@2");
	(void)tree_finish(tree);
	text_add_candidates(&t, tree, 0, "dis");
	assert_string_equal(buf, "there are disk@1, net@2");
	begin();
	(void)tree_finish(tree);
	text_add_candidates(&t, tree, 0, "disk");
	assert_string_equal(buf, "there are none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_grows_until_it_is_full_and_always_ends),
		cmocka_unit_test(what_a_stranger_wrote_is_cut_and_harms_no_terminal),
		cmocka_unit_test(children_are_listed_with_commas),
		cmocka_unit_test(a_long_list_ends_in_dots),
		cmocka_unit_test(nodes_that_differ_by_an_address_are_meant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
