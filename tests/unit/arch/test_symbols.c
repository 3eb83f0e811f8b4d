// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/arch/symbols.c build/unit/symbols/table.S
// INCLUDE: build/unit/symbols
// SANITIZE: address
/*
 * A backtrace's names: tools/mksyms.py's table of hartvisor.elf itself, read back; and broken tables.
 * Without UBSan, beside which gcc 12 leaves out ASan's check of a read beyond the table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/symbols.h"

/* The linker's names for the ends of a section that the table has to itself. */
extern const uint8_t __start_symbols_table[], __stop_symbols_table[];

struct function {
	uint64_t address;
	const char *name;
};

/* What nm says, in the order of addresses; of several names for one the first (mk/test.mk). */
static const struct function functions[] = {
#include "functions.inc"
};
#define FUNCTIONS (sizeof(functions) / sizeof(functions[0]))
#define IMAGE	  0xffffffff80000000UL

/* A table of its exact size on the heap, so that the sanitizer sees every byte read beyond. */
static uint8_t *copy(size_t size)
{
	uint8_t *table = malloc(size ? size : 1);

	assert_non_null(table);
	memcpy(table, __start_symbols_table, size);
	return table;
}

static size_t table_size(void)
{
	return (size_t)(__stop_symbols_table - __start_symbols_table);
}

static void expect_at(const uint8_t *table, uint64_t at, const struct function *f)
{
	char name[SYMBOL_NAME_MAX];
	uint64_t offset;

	assert_true(symbol_find(table, table_size(), at, name, &offset));
	assert_string_equal(name, f->name);
	assert_int_equal(offset, IMAGE + at - f->address);
}

static void every_function_is_found_by_its_name(void **state)
{
	uint8_t *table = copy(table_size());

	(void)state;
	assert_true(FUNCTIONS > 400);
	for (size_t i = 0; i < FUNCTIONS; i++) {
		uint64_t at = functions[i].address - IMAGE;
		uint64_t end = i + 1 < FUNCTIONS ? functions[i + 1].address - IMAGE : at + 0x10000;

		expect_at(table, at, &functions[i]);
		expect_at(table, at + 1, &functions[i]);
		expect_at(table, end - 1, &functions[i]);
	}
	free(table);
}

static void the_first_link_has_no_names(void **state)
{
	char name[SYMBOL_NAME_MAX];
	uint64_t offset;
	uint8_t *table = copy(0);

	(void)state;
	assert_false(symbol_find(table, 0, 0, name, &offset));
	free(table);
}

/* Nothing is read beyond a table's end, wherever it was cut. */
static void a_table_that_was_cut_ends_the_search(void **state)
{
	(void)state;
	for (size_t size = 0; size < table_size(); size += 7) {
		char name[SYMBOL_NAME_MAX];
		uint64_t offset;
		uint8_t *table = copy(size);

		if (symbol_find(table, size, UINT32_MAX, name, &offset))
			assert_non_null(memchr(name, 0, sizeof(name)));
		free(table);
	}
}

/* Codes that unfold to themselves, to too much, or to nothing that ends. */
static void a_table_of_anything_ends_the_search(void **state)
{
	uint64_t random = 88172645463325252;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		char name[SYMBOL_NAME_MAX];
		uint64_t offset;
		uint8_t *table = copy(table_size());

		for (int i = 0; i < 1 + round % 64; i++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			/* half of them among the pairs, which do the most harm */
			table[(random >> 8) % (random & 1 ? table_size() : 2 * SYMBOL_CODES)] =
				(uint8_t)(random >> 56);
		}
		if (symbol_find(table, table_size(), UINT32_MAX, name, &offset))
			assert_non_null(memchr(name, 0, sizeof(name)));
		free(table);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_function_is_found_by_its_name),
		cmocka_unit_test(the_first_link_has_no_names),
		cmocka_unit_test(a_table_that_was_cut_ends_the_search),
		cmocka_unit_test(a_table_of_anything_ends_the_search),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
