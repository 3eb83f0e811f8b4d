// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/vm/test_config.c
// SOURCES: hyp/vm/config_host.c hyp/lib/options.c hyp/mm/page.c hyp/mm/gstage.c hyp/mm/gstage_leaf.c hyp/mm/pgtable.c tests/unit/fake/csr.c tests/unit/fake/fence.c
// SOURCES: hyp/dev/pmem.c hyp/dev/virtio/blk.c hyp/dev/virtio/blk_source.c tests/unit/fake/no_host_disk.c hyp/dev/virtio/console_part.c hyp/dev/virtio/net_part.c hyp/net/switch.c tests/unit/fake/no_uplink.c hyp/dev/virtio/rng.c hyp/dev/virtio/balloon.c tests/unit/fake/no_virtio.c
/*
 * dts/bindings/hartvisor,vm.yaml (of child nodes: a file for each kind) and docs/configuration.md have the properties of
 * the parser's tables, with their bounds and words, and no others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/fdt.h"
#include "platform/machine.h"
#include "vm/config_sched.h"
#include "vm/config_vm.h"
#include "vm/parts.h"

#define MAX_TABLES (6 + PARTS_MAX)

static struct property_table tables[MAX_TABLES];
static unsigned int nr_tables;
static char yaml[32768], doc[65536];

/* The parts that child nodes make. */
static const struct vm_part *kinds[PARTS_MAX];
static unsigned int nr_kinds;

/* Not reached: no VM is made here. */
struct machine machine;

bool machine_is_memory(hpa_t base, uint64_t size)
{
	(void)base, (void)size;
	return false;
}

const char *machine_closed(hpa_t base, uint64_t size)
{
	(void)base, (void)size;
	return NULL;
}

static void read_file(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "r");
	size_t n;

	if (!f)
		fail_msg("%s: not found; the tests run in the project's folder", path);
	n = fread(buf, 1, size - 1, f);
	fclose(f);
	assert_true(n > 0 && n < size - 1);
	buf[n] = '\0';
}

static int setup(void **state)
{
	const struct property_table ours[] = { vm_common_properties, bundle_properties,
					       sched_params_properties, sched_group_properties,
					       host_properties };

	(void)state;
	read_file("dts/bindings/hartvisor,vm.yaml", yaml, sizeof(yaml));
	read_file("docs/configuration.md", doc, sizeof(doc));
	memcpy(tables, ours, sizeof(ours));
	nr_tables = ARRAY_SIZE(ours) + parts_properties(tables + ARRAY_SIZE(ours), PARTS_MAX);
	assert_true(nr_tables > ARRAY_SIZE(ours)); /* those of the PV interfaces */
	nr_kinds = parts_of_children(kinds, PARTS_MAX);
	assert_true(nr_kinds > 0); /* pmem */
	return 0;
}

static bool is_known(const char *name, size_t len)
{
	for (unsigned int i = 0; i < nr_tables; i++)
		for (unsigned int j = 0; j < tables[i].nr; j++)
			if (strlen(tables[i].rows[j].name) == len &&
			    memcmp(tables[i].rows[j].name, name, len) == 0)
				return true;
	return false;
}

/* What @text says from @head on, up to @end. */
static const char *part_of(const char *text, const char *head, const char *end)
{
	static char part[4096];
	const char *from = strstr(text, head), *to;
	size_t n;

	if (!from)
		return NULL;
	from += strlen(head);
	to = strstr(from, end);
	n = to ? (size_t)(to - from) : strlen(from);
	assert_true(n < sizeof(part));
	memcpy(part, from, n);
	part[n] = '\0';
	return part;
}

static void says(const char *where, const struct property *p, const char *text, const char *fmt,
		 ...)
{
	char want[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(want, sizeof(want), fmt, ap);
	va_end(ap);
	if (!strstr(text, want))
		fail_msg("%s: %s: must say \"%s\", but says:%s", where, p->name, want, text);
}

/* A key of @text that is two blanks from the edge, up to the empty line behind it. */
static const char *schema_of(const char *text, const char *name)
{
	char head[80];
	const char *s;

	snprintf(head, sizeof(head), "\n  %s:", name);
	s = part_of(text, head, "\n\n");
	if (s)
		return s;
	snprintf(head, sizeof(head), "\n  \"%s\":", name);
	s = part_of(text, head, "\n\n");
	if (s)
		return s;
	/* dt-schema takes a property with the name of one of its keywords only as a pattern. */
	snprintf(head, sizeof(head), "\n  \"^(%s)$\":", name);
	return part_of(text, head, "\n\n");
}

/* @p is in @text, of the file @where, as it is in the table. */
static void check_schema(const char *where, const char *text, const struct property *p)
{
	const char *s = schema_of(text, p->name);

	if (!s)
		fail_msg("%s: %s is missing", where, p->name);
	if (p->read == property_u32 && p->min == 0 && p->max == 1) {
		says(where, p, s, "enum: [0, 1]");
	} else if (p->read == property_u32) {
		if (p->min != 0)
			says(where, p, s, "minimum: %u\n", (unsigned int)p->min);
		says(where, p, s, "maximum: %u\n", (unsigned int)p->max);
		/* dt-schema knows the type of a property that ends in a unit, and wants no other one. */
		if (!strstr(p->name, "-us"))
			says(where, p, s, "definitions/uint32\n");
	} else if (p->read == property_string) {
		says(where, p, s, "{0,%u}$", (unsigned int)p->max);
	} else if (p->read == property_word) {
		char list[200] = "enum: [";

		for (unsigned int i = 0; p->words[i]; i++)
			sprintf(list + strlen(list), "%s%s", i ? ", " : "", p->words[i]);
		says(where, p, s, "%s]\n", list);
	}
}

/* @device: what stands before the property in a row. */
static void check_document(const char *device, const struct property *p)
{
	static const char where[] = "docs/configuration.md";
	char head[80];
	const char *row;

	snprintf(head, sizeof(head), "\n|%s `%s` |", device, p->name);
	row = part_of(doc, head, "\n");
	if (!row)
		fail_msg("%s: %s has no row", where, p->name);
	if (p->read == property_u32 && p->max != 1)
		says(where, p, row, "%u to %u", (unsigned int)p->min, (unsigned int)p->max);
	if (p->read == property_string)
		says(where, p, row, "%u characters", (unsigned int)p->max);
	for (unsigned int i = 0; p->read == property_word && p->words[i]; i++)
		says(where, p, row, "`\"%s\"`", p->words[i]);
}

static void each_property_of_the_tables_is_written_down(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < nr_tables; i++) {
		for (unsigned int j = 0; j < tables[i].nr; j++) {
			check_schema("dts/bindings/hartvisor,vm.yaml", yaml, &tables[i].rows[j]);
			if (tables[i].rows != host_properties.rows)
				check_document("", &tables[i].rows[j]);
		}
	}
}

/* The binding of child nodes of this kind, to which the VM's refers. */
static const char *path_of_kind(const struct vm_part *kind)
{
	static char path[80];

	snprintf(path, sizeof(path), "dts/bindings/hartvisor,vm-%s.yaml", kind->child);
	return path;
}

static const char *schema_of_kind(const struct vm_part *kind)
{
	static char text[8192];
	char pattern[160];

	snprintf(pattern, sizeof(pattern),
		 "\n  \"^%s@1?[0-9a-f]$\":\n    type: object\n    $ref: hartvisor,vm-%s.yaml#\n",
		 kind->child, kind->child);
	if (!strstr(yaml, pattern))
		fail_msg("dts/bindings/hartvisor,vm.yaml: must say%s", pattern);
	read_file(path_of_kind(kind), text, sizeof(text));
	return text;
}

static void each_property_of_child_nodes_is_written_down(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < nr_kinds; i++) {
		const char *schema = schema_of_kind(kinds[i]);
		char device[40];

		snprintf(device, sizeof(device), " `%s@N` |", kinds[i]->child);
		for (unsigned int j = 0; j < kinds[i]->properties.nr; j++) {
			check_schema(path_of_kind(kinds[i]), schema, &kinds[i]->properties.rows[j]);
			check_document(device, &kinds[i]->properties.rows[j]);
			if (kinds[i]->properties.rows[j].required)
				says(path_of_kind(kinds[i]), &kinds[i]->properties.rows[j],
				     strstr(schema, "\nrequired:"), "\n  - %s\n",
				     kinds[i]->properties.rows[j].name);
		}
		for (unsigned int j = 0; j < part_child_properties.nr; j++)
			check_schema(path_of_kind(kinds[i]), schema,
				     &part_child_properties.rows[j]);
	}
	for (unsigned int j = 0; j < part_child_properties.nr; j++)
		check_document(" any |", &part_child_properties.rows[j]);
}

/* Is @name, of @len characters, a property of child nodes called @child? */
static bool is_of_child(const char *child, size_t child_len, const char *name, size_t len)
{
	for (unsigned int i = 0; i <= nr_kinds; i++) {
		const struct property_table *t = &part_child_properties;

		if (i < nr_kinds && (strlen(kinds[i]->child) != child_len ||
				     memcmp(kinds[i]->child, child, child_len) != 0))
			continue;
		if (i < nr_kinds)
			t = &kinds[i]->properties;
		for (unsigned int j = 0; j < t->nr; j++)
			if (strlen(t->rows[j].name) == len &&
			    memcmp(t->rows[j].name, name, len) == 0)
				return true;
	}
	return false;
}

static void what_is_written_down_of_child_nodes_is_in_a_table(void **state)
{
	unsigned int rows = 0;
	const char *at, *end;

	(void)state;
	for (unsigned int i = 0; i < nr_kinds; i++) {
		at = schema_of_kind(kinds[i]);
		at = strstr(at, "\nproperties:\n");
		end = at ? strstr(at, "\n\npatternProperties:") : NULL;
		assert_non_null(end);
		for (at = strstr(at + 1, "\n  "); at && at < end; at = strstr(at + 1, "\n  ")) {
			const char *name = at + 3;
			size_t n = strcspn(name, ":\n");

			if (*name == ' ')
				continue;
			if (!is_of_child(kinds[i]->child, strlen(kinds[i]->child), name, n))
				fail_msg("%s: %.*s is in no table", path_of_kind(kinds[i]), (int)n,
					 name);
			rows++;
		}
	}
	assert_true(rows >= 2 * nr_kinds);
	at = strstr(doc, "\n| device | property |");
	assert_non_null(at);
	end = strstr(at, "\n\n");
	for (at = strstr(at, "@N` | `"); at && at < end; at = strstr(at + 1, "@N` | `")) {
		const char *child = at;

		while (child[-1] != '`')
			child--;
		if (!is_of_child(child, (size_t)(at - child), at + 7, strcspn(at + 7, "`")))
			fail_msg("docs/configuration.md: of a device: %.*s is in no table",
				 (int)strcspn(at + 7, "`"), at + 7);
	}
}

static void what_is_written_down_is_in_a_table(void **state)
{
	const char *at = strstr(yaml, "\nproperties:\n"),
		   *end = strstr(yaml, "\npatternProperties:");
	unsigned int rows = 0;

	(void)state;
	assert_non_null(at);
	assert_non_null(end);
	for (at = strstr(at + 1, "\n  "); at && at < end; at = strstr(at + 1, "\n  ")) {
		const char *name = at + 3 + (at[3] == '"');
		size_t n = strcspn(name, "\":\n ");

		if (at[3] == ' ')
			continue;
		if (!is_known(name, n))
			fail_msg("dts/bindings/hartvisor,vm.yaml: %.*s is in no table", (int)n,
				 name);
		rows++;
	}
	assert_true(rows > 20);
	at = strstr(doc, "\n| property | type | default |");
	assert_non_null(at);
	end = strstr(at, "\n\n");
	rows = 0;
	for (at = strstr(at, "\n| `"); at && at < end; at = strstr(at + 1, "\n| `")) {
		size_t n = strcspn(at + 4, "`");

		if (!is_known(at + 4, n))
			fail_msg("docs/configuration.md: %.*s is in no table", (int)n, at + 4);
		rows++;
	}
	assert_true(rows > 20);
}

/* No property means two things. */
static void each_name_is_in_one_table(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < nr_tables; i++) {
		for (unsigned int j = 0; j < tables[i].nr; j++) {
			unsigned int found = 0;

			for (unsigned int k = 0; k < nr_tables; k++)
				for (unsigned int l = 0; l < tables[k].nr; l++)
					found += strcmp(tables[i].rows[j].name,
							tables[k].rows[l].name) == 0;
			assert_int_equal(found, 1);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_property_of_the_tables_is_written_down),
		cmocka_unit_test(what_is_written_down_is_in_a_table),
		cmocka_unit_test(each_property_of_child_nodes_is_written_down),
		cmocka_unit_test(what_is_written_down_of_child_nodes_is_in_a_table),
		cmocka_unit_test(each_name_is_in_one_table),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
