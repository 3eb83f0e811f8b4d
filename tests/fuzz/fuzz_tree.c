// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/lib/fdt.c hyp/lib/text.c tests/fuzz/common/tree_mutator.c
/* Any bytes as a device tree: what passes fdtx_check() can be walked by everything that reads trees. */
#include "common/fuzz.h"

#include "lib/fdt.h"
#include "lib/text.h"

static void check_node(const void *fdt, int node)
{
	static const char *const props[] = { "reg", "compatible", "status", "a", "ranges" };
	char path[FDTX_PATH_MAX], tiny[5], said[160];
	uint64_t a = 0, b = 0;
	uint32_t cell = 0;
	struct fdtx_strings it;
	struct text t;

	fuzz_must(strlen(fdtx_path(fdt, node, path, sizeof(path))) < sizeof(path));
	for (const char *p = path; *p; p++)
		fuzz_must(*p >= 0x20 && *p < 0x7f);
	fuzz_must(strlen(fdtx_path(fdt, node, tiny, sizeof(tiny))) < sizeof(tiny));
	(void)strlen(fdtx_name(fdt, node));
	for (unsigned int i = 0; i < ARRAY_SIZE(props); i++) {
		(void)fdtx_prop_u32(fdt, node, props[i], &cell);
		(void)fdtx_prop_u64(fdt, node, props[i], &a);
		(void)fdtx_prop_string(fdt, node, props[i]);
		(void)fdtx_prop_strings(fdt, node, props[i], &it);
		while (fdtx_strings_next(&it))
			;
		text_begin(&t, said, sizeof(said));
		text_add_property(&t, fdt, node, props[i]);
		fuzz_must(t.len < sizeof(said) && said[t.len] == '\0');
	}
	for (unsigned int i = 0; i < 4; i++)
		if (fdtx_reg(fdt, node, i, &a, &b) == HV_OK)
			fuzz_must(a + b >= a);
	text_begin(&t, said, sizeof(said));
	text_add_children(&t, fdt, node);
	text_add_candidates(&t, fdt, node, "soc");
	for (const char *p = said; *p; p++)
		fuzz_must(*p >= 0x20 && *p < 0x7f);
	(void)fdtx_is_compatible(fdt, node, "riscv");
	fuzz_must(!(fdtx_is_available(fdt, node) && fdtx_is_disabled(fdt, node)));
}

static unsigned int walk(const void *fdt, int node, unsigned int depth)
{
	unsigned int n = 1;
	int child;

	fuzz_must(depth <= FDTX_MAX_DEPTH);
	check_node(fdt, node);
	fdtx_for_each_child(fdt, node, child)
		n += walk(fdt, child, depth + 1);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *fdt;
	int err;

	if (size > 16384)
		return 0;
	fdt = fuzz_exact(data, size);
	err = fdtx_check(fdt, size);
	fuzz_must(err == HV_OK || fdtx_problem(fdt, size) != NULL);
	if (err == HV_OK) {
		fuzz_must(walk(fdt, 0, 0) <= FDTX_MAX_NODES);
		(void)fdt_path_offset(fdt, "/soc/serial@10000000");
		(void)fdt_path_offset(fdt, "serial0");
		(void)fdt_node_offset_by_phandle(fdt, 1);
		(void)fdt_get_alias(fdt, "serial0");
	}
	free(fdt);
	return 0;
}
