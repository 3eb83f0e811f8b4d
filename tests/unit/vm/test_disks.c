// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: platform/partition.c tests/unit/fake/host_disks.c hyp/mm/page.c tests/unit/fake/page.c tests/unit/fake/tree.c
// SOURCES: hyp/vm/config_children.c hyp/lib/property.c hyp/lib/config_node.c hyp/lib/word.c hyp/lib/text.c hyp/lib/fdt.c
/* The node `disks` of a configuration; and which of its parts several VMs may have at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "dev/virtio/blk_source.h"
#include "fake/host_disks.h"
#include "fake/page.h"
#include "fake/said.h"
#include "fake/tree.h"
#include "lib/errno.h"
#include "platform/machine.h"
#include "vm/disks.h"

extern struct machine machine;

static uint64_t host[512], tree[2048];
static const char *const hosts[] = { "disk0", "disk1", "disk2", "disk3", "disk4",
				     "disk5", "disk6", "disk7", "disk8" };

static int setup(void **state)
{
	(void)state;
	fake_log_reset();
	fake_page_setup(MIB(4), MIB(2));
	memset(fake_host_disk, 0, sizeof(fake_host_disk));
	fake_host_disk_read_only = false;
	tree_begin(host, sizeof(host));
	for (unsigned int i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		tree_node(host, hosts[i]);
		tree_end_node(host);
	}
	tree_node(host, "aliases");
	tree_string(host, "data", "/disk1");
	tree_end_node(host);
	(void)tree_finish(host);
	machine.fdt = host;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_host_disks_forget();
	return fake_page_teardown() ? 0 : -1;
}

static void begin(void)
{
	fake_host_disks_forget();
	fake_log_reset();
	tree_begin(tree, sizeof(tree));
	tree_node(tree, "disks");
}

static void part(const char *name, const char *at)
{
	tree_node(tree, name);
	tree_string(tree, "compatible", "hartvisor,disk");
	tree_string(tree, "host", at);
}

static void whole(const char *name, const char *at)
{
	part(name, at);
	tree_end_node(tree);
}

static void parse(void)
{
	tree_end_node(tree);
	(void)tree_finish(tree);
	disks_parse(tree, fdt_path_offset(tree, "/disks"), "/disks");
}

static void is(const char *name, uint64_t sector, uint64_t sectors)
{
	const struct disk_source *s = disk_source_of(named_find(disk_sources, name));

	assert_non_null(s);
	assert_int_equal(s->sector, sector);
	assert_int_equal(s->sectors, sectors);
}

static void whole_disks_and_parts(void **state)
{
	(void)state;
	fake_host_disk[510] = 0x55;
	fake_host_disk[511] = 0xaa;
	memcpy(fake_host_disk + 446,
	       (uint8_t[]){ 0, 0, 0, 0, 0x83, 0, 0, 0, 64, 0, 0, 0, 0, 1, 0, 0 }, 16);
	begin();
	whole("a", "/disk0");
	whole("by-alias", "/disk1");
	part("p", "/disk0");
	tree_cells(tree, "partition", 1, 1);
	tree_end_node(tree);
	part("cut", "/disk0");
	tree_cells(tree, "partition", 1, 1);
	tree_cells(tree, "offset", 1, 1024);
	tree_cells(tree, "size", 2, 0, 512);
	tree_end_node(tree);
	part("off", "/disk0");
	tree_string(tree, "status", "disabled");
	tree_end_node(tree);
	parse();
	is("a", 0, 2048);
	is("p", 64, 256);
	is("cut", 66, 1);
	assert_null(disk_source_of(named_find(disk_sources, "off")));
	assert_ptr_equal(disk_source_of(named_find(disk_sources, "a"))->disk,
			 disk_source_of(named_find(disk_sources, "p"))->disk);
	assert_logged("disk /disk0: 1 MiB");
	assert_logged("config: /disks/off: status = \"disabled\": left out");
}

static void wrong(const char *line)
{
	parse();
	assert_logged(line);
	assert_null(disk_source_of(named_find(disk_sources, "a")));
}

static void what_is_wrong_is_told(void **state)
{
	(void)state;
	begin();
	part("a", "/disk0");
	tree_cells(tree, "partition", 1, 129);
	tree_end_node(tree);
	wrong("config: /disks/a: partition = <129>: must be 1 to 128 (one cell)");
	begin();
	part("a", "/disk0");
	tree_cells(tree, "offset", 1, 1);
	tree_end_node(tree);
	wrong("config: /disks/a: offset = <1>: must be bytes, one cell or two: a multiple of 512");
	begin();
	part("a", "/disk0");
	tree_cells(tree, "offset", 2, UINT32_MAX, 0xfffffe00);
	tree_end_node(tree);
	wrong("config: /disks/a: offset = <0xffffffff 0xfffffe00>: must lie within the 1048576 bytes that there are");
	begin();
	part("a", "/disk0");
	tree_cells(tree, "size", 2, UINT32_MAX, 0xfffffe00);
	tree_end_node(tree);
	wrong("config: /disks/a: size = <0xffffffff 0xfffffe00>: must be at most 1048576, which is all that there "
	      "is from the offset on");
	begin();
	whole("a", "/nothing");
	wrong("config: /disks/a: host = \"/nothing\": must be a disk");
	begin();
	tree_node(tree, "a");
	tree_string(tree, "compatible", "hartvisor,vm");
	tree_end_node(tree);
	wrong("config: /disks/a: compatible = \"hartvisor,vm\": must be \"hartvisor,disk\"");
}

static void names_and_numbers_have_an_end(void **state)
{
	char name[16];

	(void)state;
	begin();
	for (unsigned int i = 0; i < 9; i++) {
		char at[16];

		snprintf(name, sizeof(name), "d%u", i);
		snprintf(at, sizeof(at), "/disk%u", i);
		whole(name, at);
	}
	parse();
	assert_non_null(disk_source_of(named_find(disk_sources, "d7")));
	assert_null(disk_source_of(named_find(disk_sources, "d8")));
	assert_logged("config: /disks/d8: host = \"/disk8\": must be at most 8");
	begin();
	for (unsigned int i = 0; i < 33; i++) {
		snprintf(name, sizeof(name), "p%u", i);
		whole(name, "/disk0");
	}
	parse();
	assert_non_null(disk_source_of(named_find(disk_sources, "p31")));
	assert_null(disk_source_of(named_find(disk_sources, "p32")));
	assert_logged("config: /disks/p32: must be at most 32 nodes below disks");
}

/* dtc makes no such tree; what comes with a machine may be of another make. */
static void a_name_is_there_once(void **state)
{
	(void)state;
	begin();
	whole("a", "/disk0");
	whole("b", "/disk1");
	whole("a", "/disk2");
	parse();
	assert_logged("config: /disks/a: must be unique: another node has this name");
	assert_int_equal(disk_source_of(named_find(disk_sources, "a"))->disk ==
				 disk_source_of(named_find(disk_sources, "b"))->disk,
			 0);
}

static void claim(const char *name, bool writes, const char *because)
{
	const struct disk_source *other = NULL;

	assert_int_equal(disk_source_claim(disk_source_of(named_find(disk_sources, name)), "vm",
					   writes, &other),
			 because ? HV_EBUSY : HV_OK);
	if (because)
		assert_string_equal(other->named.name, because);
}

static void one_writes_or_many_read(void **state)
{
	(void)state;
	begin();
	whole("all", "/disk0");
	whole("other", "/disk1");
	part("low", "/disk0");
	tree_cells(tree, "size", 1, 1024);
	tree_end_node(tree);
	part("high", "/disk0");
	tree_cells(tree, "offset", 1, 1024);
	tree_end_node(tree);
	parse();
	claim("low", true, NULL);
	claim("low", true, "low");
	claim("low", false, "low");
	claim("all", false, "low");
	claim("all", true, "low");
	claim("high", false, NULL);
	claim("high", false, NULL);
	claim("high", true, "high");
	claim("other", true, NULL);
	disk_source_release(disk_source_of(named_find(disk_sources, "low")), true);
	claim("all", false, NULL);
	claim("low", true, "all");
	disk_source_release(disk_source_of(named_find(disk_sources, "all")), false);
	disk_source_release(disk_source_of(named_find(disk_sources, "high")), false);
	claim("all", true, "high");
	disk_source_release(disk_source_of(named_find(disk_sources, "high")), false);
	claim("all", true, NULL);
	claim("low", false, "all");
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		test(whole_disks_and_parts),   test(a_name_is_there_once),
		test(what_is_wrong_is_told),   test(names_and_numbers_have_an_end),
		test(one_writes_or_many_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
