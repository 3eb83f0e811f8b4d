// SPDX-License-Identifier: BSD-2-Clause
/*
 * Mutations of device trees that stay device trees, by libfdt: properties and nodes are changed, removed, added, copied
 * and renamed. An input is a flattened tree, and bytes behind it (a bundle's external data), which are kept. What is no
 * tree, and now and then one that is, gets libFuzzer's own mutations of bytes.
 */
#include "common/fuzz.h"
#include "common/words.h"
#include "lib/fdt.h"

#define ROOM	  65536
#define MAX_NODES 256
#define MAX_PROPS 64

static uint64_t given[ROOM / 8], work[ROOM / 8];
static unsigned int chance;

/* Good enough for choices; libFuzzer's seed makes it reproducible. */
static unsigned int below(unsigned int n)
{
	chance = chance * 1103515245u + 12345u;
	return n ? chance / 65536u % n : 0;
}

#define one_of(list) ((list)[below(ARRAY_SIZE(list))])

static int any_node(const void *fdt)
{
	int nodes[MAX_NODES];
	unsigned int n = 0;

	for (int node = 0; node >= 0 && n < MAX_NODES; node = fdt_next_node(fdt, node, NULL))
		nodes[n++] = node;
	return nodes[below(n)];
}

/* An offset of one of the node's properties; negative: it has none. */
static int any_property(const void *fdt, int node)
{
	int props[MAX_PROPS], at;
	unsigned int n = 0;

	fdt_for_each_property_offset(at, fdt, node) {
		if (n < MAX_PROPS)
			props[n++] = at;
	}
	return n ? props[below(n)] : -FDT_ERR_NOTFOUND;
}

/* Numbers that are near a limit of something. */
static uint32_t any_cell(void)
{
	static const uint32_t good[] = { 0,	   1,	       2,	   3,	       7,
					 8,	   63,	       64,	   65,	       0x1000,
					 0x200000, 0x10000000, 0x80000000, 0x80200000, ~0u,
					 ~1u,	   0x7fffffff, 0xfffff000, 100,	       10000,
					 1000000 };

	return below(4) ? one_of(good) : below(~0u);
}

static void set_cells(void *fdt, int node, const char *name)
{
	fdt32_t cells[8];
	unsigned int n = 1 + below(below(4) ? 2 : ARRAY_SIZE(cells));

	for (unsigned int i = 0; i < n; i++)
		cells[i] = cpu_to_fdt32(any_cell());
	(void)fdt_setprop(fdt, node, name, cells, (int)(n * sizeof(cells[0])));
}

/* A value of another property: of the same kind, perhaps, and with a meaning that does not fit. */
static void set_from_elsewhere(void *fdt, int node, const char *name)
{
	uint8_t value[1024];
	int len, prop = any_property(fdt, any_node(fdt));
	const void *from = prop < 0 ? NULL : fdt_getprop_by_offset(fdt, prop, NULL, &len);

	if (!from || len > (int)sizeof(value))
		return;
	memcpy(value, from, (size_t)len);
	(void)fdt_setprop(fdt, node, name, value, len);
}

/* One cell of a value: another number, or one that is a little more or less. */
static void change_cell(void *fdt, int prop)
{
	int len;
	const void *value = fdt_getprop_by_offset(fdt, prop, NULL, &len);
	fdt32_t *cell;
	uint32_t old;

	if (!value || len < (int)sizeof(*cell) || len % (int)sizeof(*cell) != 0)
		return;
	cell = (fdt32_t *)(uintptr_t)value + below((unsigned int)len / sizeof(*cell));
	old = fdt32_to_cpu(*cell);
	*cell = cpu_to_fdt32(below(3) == 0 ? any_cell() :
			     below(2)	   ? old + below(9) - 4 :
					     old ^ 1u << below(32));
}

static void change_bytes(void *fdt, int node, int prop)
{
	uint8_t value[1024];
	char name[256];
	const char *p;
	int len;
	const void *from = fdt_getprop_by_offset(fdt, prop, &p, &len);

	if (!from || len > (int)sizeof(value) || strlen(p) >= sizeof(name))
		return;
	strcpy(name, p);
	memcpy(value, from, (size_t)len);
	len = (int)LLVMFuzzerMutate(value, (size_t)len, sizeof(value));
	(void)fdt_setprop(fdt, node, name, value, len);
}

static void set_value(void *fdt, int node, const char *name)
{
	const char *s;

	switch (below(5)) {
	case 0:
	case 1:
		set_cells(fdt, node, name);
		break;
	case 2:
		s = one_of(strings);
		(void)fdt_setprop_string(fdt, node, name, s);
		break;
	case 3:
		set_from_elsewhere(fdt, node, name);
		break;
	default:
		s = one_of(strings);
		(void)fdt_appendprop_string(fdt, node, name, s);
		break;
	}
}

static void change_property(void *fdt)
{
	int node = any_node(fdt), prop = any_property(fdt, node);
	char name[256];
	const char *p;

	if (prop < 0)
		return;
	switch (below(4)) {
	case 0:
		change_bytes(fdt, node, prop);
		return;
	case 1:
		change_cell(fdt, prop);
		return;
	default:
		break;
	}
	if (!fdt_getprop_by_offset(fdt, prop, &p, NULL) || strlen(p) >= sizeof(name))
		return;
	strcpy(name, p);
	if (below(6) == 0)
		(void)fdt_delprop(fdt, node, name);
	else
		set_value(fdt, node, name);
}

/* The properties of @from, and of its children, into @to, which is another node. */
static void copy_node(void *fdt, const char *from_path, const char *to_path)
{
	int from = fdt_path_offset(fdt, from_path), len, prop;

	/* Each write moves what is behind it, so both are looked up again. */
	for (unsigned int i = 0; from >= 0 && i < MAX_PROPS; i++) {
		unsigned int at = 0;
		uint8_t value[1024];
		char name[256];
		const char *p = NULL;
		const void *v = NULL;

		fdt_for_each_property_offset(prop, fdt, from) {
			if (at++ == i)
				v = fdt_getprop_by_offset(fdt, prop, &p, &len);
		}
		if (!v)
			return;
		if (len > (int)sizeof(value) || strlen(p) >= sizeof(name))
			continue;
		memcpy(value, v, (size_t)len);
		strcpy(name, p);
		(void)fdt_setprop(fdt, fdt_path_offset(fdt, to_path), name, value, len);
		from = fdt_path_offset(fdt, from_path);
	}
}

static void add_node(void *fdt)
{
	int parent = any_node(fdt), like = any_node(fdt), made;
	char from[512], to[512];

	if (fdt_get_path(fdt, like, from, sizeof(from)) != 0)
		return;
	made = fdt_add_subnode(fdt, parent, one_of(node_names));
	if (made >= 0 && below(2) && fdt_get_path(fdt, made, to, sizeof(to)) == 0)
		copy_node(fdt, from, to);
}

static void rename_node(void *fdt)
{
	int node = any_node(fdt), len;
	const char *old = fdt_get_name(fdt, node, &len);
	uint8_t name[64];

	if (node == 0 || !old)
		return;
	if (below(2) || len >= (int)sizeof(name)) {
		(void)fdt_set_name(fdt, node, one_of(node_names));
		return;
	}
	memcpy(name, old, (size_t)len);
	len = (int)LLVMFuzzerMutate(name, (size_t)len, sizeof(name) - 1);
	name[len] = '\0';
	(void)fdt_set_name(fdt, node, (const char *)name);
}

static void change_tree(void *fdt)
{
	int node;

	switch (below(10)) {
	case 0:
	case 1:
		add_node(fdt);
		break;
	case 2:
		node = any_node(fdt);
		if (node != 0)
			(void)fdt_del_node(fdt, node);
		break;
	case 3:
		rename_node(fdt);
		break;
	case 4:
	case 5:
		set_value(fdt, any_node(fdt), one_of(prop_names));
		break;
	case 6:
		if (below(4) == 0)
			(void)fdt_add_mem_rsv(fdt, (uint64_t)below(~0u) << below(33),
					      below(0x10000));
		else
			change_property(fdt);
		break;
	default:
		change_property(fdt);
		break;
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	size_t old, tree, tail;

	chance = seed;
	if (below(10) == 0 || size < FDT_V1_SIZE || size > ROOM / 2)
		return LLVMFuzzerMutate(data, size, max);
	memcpy(given, data, size);
	if (fdtx_check(given, size) != HV_OK)
		return LLVMFuzzerMutate(data, size, max);
	old = fdt_totalsize(given);
	tail = size - old;
	if (fdt_open_into(given, work, sizeof(work)) != 0)
		return LLVMFuzzerMutate(data, size, max);
	for (unsigned int n = 1 + below(4); n > 0; n--)
		change_tree(work);
	if (fdt_pack(work) != 0)
		return LLVMFuzzerMutate(data, size, max);
	tree = fdt_totalsize(work);
	if (tree > max)
		return LLVMFuzzerMutate(data, size, max);
	tail = min_u64(tail, max - tree);
	memmove(data + tree, data + old, tail);
	memcpy(data, work, tree);
	return tree + tail;
}
