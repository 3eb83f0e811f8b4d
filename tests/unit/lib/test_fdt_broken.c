// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/lib/fdt_exact.c hyp/lib/fdt.c tests/unit/fake/tree.c
/* Device trees that are too large or broken: they are refused, and do no harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake/tree.h"
#include "lib/fdt.h"

#define CAP 65536

static const struct tree_virt virt2 = { .cpus = 2,
					.memory = GIB(2),
					.timebase = 10000000,
					.initrd = 0xa0200000,
					.initrd_end = 0xa0300000 };

static uint64_t buffer[CAP / 8];
static void *const tree = buffer;

static void *exact_copy(const void *data, size_t n)
{
	void *p = malloc(n ? n : 1); /* aligned to 8 or more; the sanitizer watches both ends */

	assert_non_null(p);
	memcpy(p, data, n);
	return p;
}

/* Use everything on every node. The result only keeps the compiler from leaving it out. */
static uint64_t use_all(const void *fdt)
{
	uint64_t sum = 0;
	int depth = 0;

	for (int node = 0; node >= 0 && depth >= 0; node = fdt_next_node(fdt, node, &depth)) {
		static const char *const names[] = {
			"reg", "compatible", "status", "bootargs", "riscv,isa", "timebase-frequency"
		};
		char path[40];
		struct fdtx_strings it;
		uint64_t a = 0, b = 0;
		uint32_t c = 0;
		int child;

		for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
			const char *s = fdtx_prop_string(fdt, node, names[i]);

			sum += s ? strlen(s) : 0;
			fdtx_prop_u32(fdt, node, names[i], &c);
			fdtx_prop_u64(fdt, node, names[i], &a);
			fdtx_prop_strings(fdt, node, names[i], &it);
			while ((s = fdtx_strings_next(&it)) != NULL)
				sum += strlen(s);
		}
		for (unsigned int i = 0; fdtx_reg(fdt, node, i, &a, &b) == HV_OK; i++)
			sum += a + b;
		fdtx_for_each_child(fdt, node, child)
			sum++;
		sum += fdtx_is_compatible(fdt, node, "ns16550") + fdtx_is_available(fdt, node);
		sum += strlen(fdtx_path(fdt, node, path, sizeof(path))) + c;
		assert_true(strlen(path) < sizeof(path));
	}
	return sum;
}

/* --- limits ---------------------------------------------------------------------------------------- */

static const char *deep(unsigned int depth)
{
	tree_begin(tree, CAP);
	for (unsigned int i = 1; i < depth; i++)
		tree_node(tree, "n");
	for (unsigned int i = 1; i < depth; i++)
		tree_end_node(tree);
	return fdtx_problem(tree, tree_finish(tree));
}

static void depth_is_limited(void **state)
{
	(void)state;
	assert_null(deep(FDTX_MAX_DEPTH));
	assert_string_equal(deep(FDTX_MAX_DEPTH + 1), "its nodes lie too deep");
}

static const char *many(unsigned int nodes, unsigned int props)
{
	size_t cap = MIB(4);
	void *big = malloc(cap);
	const char *problem;

	assert_non_null(big);
	tree_begin(big, cap);
	for (unsigned int i = 0; i < props; i++)
		tree_bytes(big, "p", "", 0);
	for (unsigned int i = 1; i < nodes; i++) {
		tree_node(big, "n");
		tree_end_node(big);
	}
	problem = fdtx_problem(big, tree_finish(big));
	free(big);
	return problem;
}

static void numbers_of_nodes_and_properties_are_limited(void **state)
{
	(void)state;
	assert_null(many(FDTX_MAX_NODES, FDTX_MAX_PROPS));
	assert_string_equal(many(FDTX_MAX_NODES + 1, 0), "it has too many nodes");
	assert_string_equal(many(1, FDTX_MAX_PROPS + 1), "it has too many properties");
}

static void lengths_of_names_are_limited(void **state)
{
	char name[FDTX_MAX_NAME + 2];

	(void)state;
	memset(name, 'n', sizeof(name));
	for (unsigned int over = 0; over < 2; over++) {
		name[FDTX_MAX_NAME + over] = '\0';
		tree_begin(tree, CAP);
		tree_node(tree, name);
		tree_end_node(tree);
		assert_int_equal(fdtx_check(tree, tree_finish(tree)), over ? HV_EINVAL : HV_OK);

		tree_begin(tree, CAP);
		tree_string(tree, name, "");
		assert_int_equal(fdtx_check(tree, tree_finish(tree)), over ? HV_EINVAL : HV_OK);
		name[FDTX_MAX_NAME + over] = 'n';
	}
}

static void names_that_no_path_could_tell_are_refused(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		tree_begin(tree, CAP);
		tree_node(tree, i ? "a/b" : "");
		tree_end_node(tree);
		assert_string_equal(fdtx_problem(tree, tree_finish(tree)),
				    "a node's name is empty or holds a '/'");
	}
}

static void a_reservation_block_without_end_is_refused(void **state)
{
	size_t n = tree_virt(tree, CAP, &virt2);
	struct fdt_reserve_entry *end = (void *)((char *)tree + fdt_off_mem_rsvmap(tree) +
						 sizeof(struct fdt_reserve_entry));

	(void)state;
	assert_true(end->address == 0 && end->size == 0);
	assert_null(fdtx_problem(tree, n));
	/* From here on, what follows is read as entries, up to the end of the tree. */
	for (size_t i = fdt_off_mem_rsvmap(tree); i < n; i++)
		((uint8_t *)tree)[i] = 0x11;
	assert_string_equal(fdtx_problem(tree, n), "its memory reservation block does not end");
}

/* Both of its numbers are 0 in the entry that ends it, and in no other one. */
static void an_empty_reservation_does_not_end_the_block(void **state)
{
	static const uint64_t empty[][2] = { { 0x1000, 0 }, { 0, 0x1000 } };

	(void)state;
	for (unsigned int k = 0; k < 2; k++) {
		size_t n = tree_virt(tree, CAP, &virt2);
		fdt64_t *block = (void *)((char *)tree + fdt_off_mem_rsvmap(tree));

		block[0] = cpu_to_fdt64(empty[k][0]);
		block[1] = cpu_to_fdt64(empty[k][1]);
		assert_null(fdtx_problem(tree, n));
		for (size_t i = fdt_off_mem_rsvmap(tree) + 16; i < n; i++)
			((uint8_t *)tree)[i] = 0x11;
		assert_string_equal(fdtx_problem(tree, n),
				    "its memory reservation block does not end");
	}
}

static void a_header_alone_is_refused_in_words(void **state)
{
	size_t n = tree_virt(tree, CAP, &virt2);

	(void)state;
	memmove((char *)tree + 4, tree, n);
	assert_string_equal(fdtx_problem((char *)tree + 4, n), "it is not aligned to 8 bytes");
	memmove(tree, (char *)tree + 4, n);
	assert_string_equal(fdtx_problem(tree, 39), "it is shorter than a header");
	assert_string_equal(fdtx_problem(tree, 40),
			    "it is cut off: its header tells a larger size");
	assert_string_equal(fdtx_problem(tree, n - 1),
			    "it is cut off: its header tells a larger size");
	fdt_set_version(tree, 16);
	assert_string_equal(fdtx_problem(tree, n), "its format version is older than 17");
	fdt_set_magic(tree, 0);
	assert_string_equal(fdtx_problem(tree, n), "it has not the magic number of a device tree");
}

/* --- broken trees ---------------------------------------------------------------------------------- */

static void a_tree_cut_anywhere_is_refused_without_reading_beyond(void **state)
{
	size_t n = tree_virt(tree, CAP, &virt2);

	(void)state;
	for (size_t len = 0; len < n; len++) {
		void *copy = exact_copy(tree, len);

		assert_non_null(fdtx_problem(copy, len));
		/* The same with a header that says so. */
		if (len >= sizeof(struct fdt_header)) {
			fdt_set_totalsize(copy, (uint32_t)len);
			assert_non_null(fdtx_problem(copy, len));
		}
		free(copy);
	}
}

static void a_structure_block_cut_anywhere_is_refused(void **state)
{
	size_t n = tree_virt(tree, CAP, &virt2);
	uint32_t size = fdt_size_dt_struct(tree);

	(void)state;
	for (uint32_t len = 0; len < size; len++) {
		void *copy = exact_copy(tree, n);

		fdt_set_size_dt_struct(copy, len);
		assert_non_null(fdtx_problem(copy, n));
		free(copy);
	}
}

static void a_tree_with_a_wrong_byte_is_refused_or_safe(void **state)
{
	size_t n = tree_virt(tree, CAP, &virt2);
	uint32_t seed = 20261120;
	unsigned int refused = 0;

	(void)state;
	for (unsigned int i = 0; i < 10000; i++) {
		uint8_t *copy = exact_copy(tree, n);

		/* The header and the tags are where it matters: every second hit goes to words there. */
		size_t where = tree_random(&seed) % (i % 2 ? n : 64);

		copy[where] ^= (uint8_t)(1 + tree_random(&seed) % 255);
		if (fdtx_check(copy, n) == HV_OK)
			use_all(copy);
		else
			refused++;
		free(copy);
	}
	assert_in_range(refused, 1000, 9999);
}

static void a_tree_of_wrong_words_is_refused_or_safe(void **state)
{
	size_t n = tree_virt(tree, CAP, &virt2);
	uint32_t seed = 4711;

	(void)state;
	for (unsigned int i = 0; i < 4000; i++) {
		static const uint32_t words[] = { 0,	      1,	  2,	      3,
						  4,	      9,	  0x7fffffff, 0x80000000,
						  0xffffffff, 0xfffffffc, 0x10000000 };
		fdt32_t *copy = exact_copy(tree, n);

		for (unsigned int k = tree_random(&seed) % 3 + 1; k > 0; k--)
			copy[tree_random(&seed) % (n / 4)] =
				cpu_to_fdt32(words[tree_random(&seed) % ARRAY_SIZE(words)]);
		if (fdtx_check(copy, n) == HV_OK)
			use_all(copy);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(depth_is_limited),
		cmocka_unit_test(numbers_of_nodes_and_properties_are_limited),
		cmocka_unit_test(lengths_of_names_are_limited),
		cmocka_unit_test(names_that_no_path_could_tell_are_refused),
		cmocka_unit_test(a_reservation_block_without_end_is_refused),
		cmocka_unit_test(an_empty_reservation_does_not_end_the_block),
		cmocka_unit_test(a_header_alone_is_refused_in_words),
		cmocka_unit_test(a_tree_cut_anywhere_is_refused_without_reading_beyond),
		cmocka_unit_test(a_structure_block_cut_anywhere_is_refused),
		cmocka_unit_test(a_tree_with_a_wrong_byte_is_refused_or_safe),
		cmocka_unit_test(a_tree_of_wrong_words_is_refused_or_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
