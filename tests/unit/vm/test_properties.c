// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/vm/test_config.c
// SOURCES: hyp/vm/config_host.c hyp/lib/options.c
/*
 * dts/bindings/hartvisor,vm.yaml and docs/configuration.md have the properties of the parser's tables, with their bounds
 * and words, and no others.
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

/* A key of the schema at the depth of a VM's properties, up to the empty line behind it. */
static const char *schema_of(const char *name)
{
	char head[80];
	const char *s;

	snprintf(head, sizeof(head), "\n  %s:", name);
	s = part_of(yaml, head, "\n\n");
	if (s)
		return s;
	snprintf(head, sizeof(head), "\n  \"%s\":", name);
	s = part_of(yaml, head, "\n\n");
	if (s)
		return s;
	/* dt-schema takes a property with the name of one of its keywords only as a pattern. */
	snprintf(head, sizeof(head), "\n  \"^(%s)$\":", name);
	return part_of(yaml, head, "\n\n");
}

static void check_schema(const struct property *p)
{
	static const char where[] = "dts/bindings/hartvisor,vm.yaml";
	const char *s = schema_of(p->name);

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

static void check_document(const struct property *p)
{
	static const char where[] = "docs/configuration.md";
	char head[80];
	const char *row;

	snprintf(head, sizeof(head), "\n| `%s` |", p->name);
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
			check_schema(&tables[i].rows[j]);
			if (tables[i].rows != host_properties.rows)
				check_document(&tables[i].rows[j]);
		}
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
		cmocka_unit_test(each_name_is_in_one_table),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
