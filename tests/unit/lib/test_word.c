// SPDX-License-Identifier: BSD-2-Clause
/* What is taken for a misspelling of what. */
// SOURCES: hyp/lib/word.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "lib/word.h"

/* Would "did you mean" name @right for @word? */
static bool takes(const char *word, const char *right)
{
	const char *const list[] = { right };

	return word_closest(word, list, 1) == right;
}

/* Each difference counts one, wherever in the word it is; two are the most. */
static void two_differences_of_any_kind_are_forgiven(void **state)
{
	static const struct {
		const char *word, *right;
	} yes[] = {
		{ "memory", "memory" },
		{ "emory", "memory" },
		{ "memor", "memory" },
		{ "mmory", "memory" },
		{ "xmemory", "memory" },
		{ "memoryx", "memory" },
		{ "memxory", "memory" },
		{ "xemory", "memory" },
		{ "memorx", "memory" },
		{ "emmory", "memory" },
		{ "memroy", "memory" },
		{ "memoyr", "memory" },
		{ "emmoyr", "memory" },
		{ "mory", "memory" },
		{ "memo", "memory" },
		{ "xxmemory", "memory" },
		{ "memoryxx", "memory" },
		{ "xmemroy", "memory" },
		{ "", "ab" },
		{ "ab", "" },
	};
	static const struct {
		const char *word, *right;
	} no[] = {
		{ "ory", "memory" },
		{ "mem", "memory" },
		{ "xxxmemory", "memory" },
		{ "memoryxxx", "memory" },
		{ "xxxory", "memory" },
		{ "memxxx", "memory" },
		{ "emomyr", "memory" },
		{ "xemmoyr", "memory" },
		{ "", "abc" },
		{ "abc", "" },
		{ "abcdef", "badcfe" },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(yes); i++)
		if (!takes(yes[i].word, yes[i].right))
			fail_msg("\"%s\" is not taken for \"%s\"", yes[i].word, yes[i].right);
	for (unsigned int i = 0; i < ARRAY_SIZE(no); i++)
		if (takes(no[i].word, no[i].right))
			fail_msg("\"%s\" is taken for \"%s\"", no[i].word, no[i].right);
}

/* A swap costs one, not two: so a swap and one more are forgiven, and the word with the swap is the closer one. */
static void the_closest_wins_and_the_first_among_equals(void **state)
{
	static const char *const swap[] = { "abxy", "badc", "abdc" };
	static const char *const equals[] = { "cart", "care", "cars" };

	(void)state;
	assert_ptr_equal(word_closest("abcd", swap, 3), swap[2]);
	assert_ptr_equal(word_closest("carx", equals, 3), equals[0]);
	assert_null(word_closest("carx", equals, 0));
}

/* Words come from a device tree: they may be of any length. 31 characters are compared, longer ones are no match. */
static void long_words_are_nobodys_misspelling(void **state)
{
	static const char w30[] = "abcdefghijklmnopqrstuvwxyz0123",
			  w31[] = "abcdefghijklmnopqrstuvwxyz01234",
			  w32[] = "abcdefghijklmnopqrstuvwxyz012345",
			  w64[] = "abcdefghijklmnopqrstuvwxyz012345abcdefghijklmnopqrstuvwxyz012345";

	(void)state;
	assert_true(takes(w31, w31));
	assert_true(takes(w30, w31));
	assert_true(takes(w31, w30));
	assert_false(takes(w32, w31));
	assert_false(takes(w31, w32));
	assert_false(takes(w32, w32));
	assert_false(takes(w64, w31));
	assert_false(takes(w31, w64));
	assert_false(takes(w64, w64));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_differences_of_any_kind_are_forgiven),
		cmocka_unit_test(the_closest_wins_and_the_first_among_equals),
		cmocka_unit_test(long_words_are_nobodys_misspelling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
