// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/pv/pv_lock.c hyp/vm/config_ram.c hyp/pv/pv_part.c hyp/vm/parts.c hyp/vcpu/vm_part.c hyp/lib/fdt_writer.c hyp/dev/mmio.c tests/unit/fake/devvm.c tests/unit/fake/sbi_ids.c hyp/lib/property.c hyp/lib/config_node.c hyp/lib/word.c hyp/lib/text.c hyp/lib/fdt.c
// SOURCES: tests/unit/fake/tree.c
/* Where the PV-lock structures are, and what the configuration may say wrong about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake/devvm.h"
#include "fake/log.h"
#include "fake/said.h"
#include "fake/tree.h"
#include "lib/fdt.h"
#include "sbi/sbi.h"
#include "vm/config.h"
#include "vm/loader.h"
#include "vm/parts.h"
#include "pv/pv.h"

#define RAM	 GUEST_RAM_BASE
#define RAM_SIZE MIB(64)
#define FDT	 (RAM + RAM_SIZE - LOADER_FDT_SIZE)
#define NODE	 "config: /configurations/one/vm: "

static struct vm vm;
static struct vm_config cfg;
static struct vm_ram_plan plan;
static struct config_node node;
static _Alignas(8) uint8_t tree[4096];

static int setup(void **state)
{
	(void)state;
	fake_log_reset();
	memset(&vm, 0, sizeof(vm));
	memset(&cfg, 0, sizeof(cfg));
	cfg.memory = RAM_SIZE;
	vm.config = &cfg;
	vm.nr_vcpus = 2;
	vm.pv.calls = PV_ALL_CALLS;
	node = (struct config_node){ .fdt = tree, .path = "/configurations/one/vm" };
	plan = (struct vm_ram_plan){
		.images = { { "kernel", gpa(RAM), 0x1000000 },
			    { "device tree", gpa(FDT), KIB(512) } },
		.nr_images = 2,
		.spare = { "device tree", gpa(FDT + KIB(512)), LOADER_FDT_SIZE - KIB(512) },
	};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_vm_teardown();
	return 0;
}

/* Makes the VM's interfaces, its only part here. */
static int pv_init(void)
{
	vm.parts = vm.last_part = NULL;
	return parts_create(&vm, &node, &plan);
}

/* A VM's node with these properties, as it is checked at boot. */
static void parse(const void *pv, int pv_len, const void *base, int base_len)
{
	assert_int_equal(fdt_create_empty_tree(tree, sizeof(tree)), 0);
	if (pv)
		assert_int_equal(fdt_setprop(tree, 0, "pv", pv, pv_len), 0);
	if (base)
		assert_int_equal(fdt_setprop(tree, 0, "pv-lock-base", base, base_len), 0);
	node.failed = false;
	parts_check(&node);
}

static void parse_cell(uint32_t base)
{
	fdt32_t cell = cpu_to_fdt32(base);

	parse(NULL, 0, &cell, sizeof(cell));
}

#define parse_pv(list) parse((list), sizeof(list), NULL, 0)

/* --- pv_lock_place -------------------------------------------------------------------------------- */

static void the_structures_take_the_place_they_are_given(void **state)
{
	(void)state;
	assert_int_equal(pv_lock_place(&vm, gpa(RAM + 64)), HV_OK);
	assert_int_equal(vm.pv.locks.gpa, RAM + 64);
	memset(&vm.pv.locks, 0, sizeof(vm.pv.locks));
	assert_int_equal(pv_lock_place(&vm, gpa(RAM + RAM_SIZE - 128)), HV_OK);
}

static void enxio_when_the_vm_has_no_pv_locks(void **state)
{
	(void)state;
	vm.pv.calls &= ~BIT(HARTVISOR_PV_LOCK_PREEMPTED);
	assert_int_equal(pv_lock_place(&vm, gpa(RAM)), HV_ENXIO);
	assert_int_equal(pv_lock_place(&vm, gpa(1)), HV_ENXIO);
	assert_int_equal(vm.pv.locks.gpa, 0);
}

static void eexist_when_they_have_a_place(void **state)
{
	(void)state;
	assert_int_equal(pv_lock_place(&vm, gpa(RAM)), HV_OK);
	assert_int_equal(pv_lock_place(&vm, gpa(RAM)), HV_EEXIST);
	assert_int_equal(pv_lock_place(&vm, gpa(RAM + 128)), HV_EEXIST);
	assert_int_equal(pv_lock_place(&vm, gpa(1)), HV_EEXIST);
	assert_int_equal(vm.pv.locks.gpa, RAM);
}

static void einval_when_not_aligned_to_64(void **state)
{
	(void)state;
	for (unsigned int off = 1; off < 64; off++)
		assert_int_equal(pv_lock_place(&vm, gpa(RAM + off)), HV_EINVAL);
	assert_int_equal(vm.pv.locks.gpa, 0);
}

static void einval_when_not_wholly_in_ram(void **state)
{
	static const uint64_t wrong[] = {
		0,	 64,	 RAM - 64, RAM + RAM_SIZE - 64, RAM + RAM_SIZE, UINT64_MAX - 63,
		BIT(63), GIB(1),
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(pv_lock_place(&vm, gpa(wrong[i])), HV_EINVAL);
	assert_int_equal(vm.pv.locks.gpa, 0);
}

/* --- pv_init -------------------------------------------------------------------------------------- */

static void by_default_they_are_behind_the_device_tree(void **state)
{
	(void)state;
	assert_int_equal(pv_init(), HV_OK);
	assert_int_equal(vm.pv.calls, PV_ALL_CALLS);
	assert_int_equal(vm.pv.locks.gpa, FDT + LOADER_FDT_SIZE - PAGE_SIZE);
	assert_false(vm.pv.pvlk);
	assert_int_equal(fake_log_count, 0);
}

static void switched_off_there_is_nothing(void **state)
{
	(void)state;
	parse_pv("none");
	assert_false(node.failed);
	assert_int_equal(pv_init(), HV_OK);
	assert_int_equal(vm.pv.calls, 0);
	assert_int_equal(vm.pv.locks.gpa, 0);
}

static void the_configuration_may_place_them(void **state)
{
	fdt64_t high = cpu_to_fdt64(RAM + MIB(32));

	(void)state;
	parse_cell(RAM + MIB(16));
	assert_int_equal(pv_init(), HV_OK);
	assert_int_equal(vm.pv.locks.gpa, RAM + MIB(16));
	memset(&vm.pv, 0, sizeof(vm.pv));
	parse(NULL, 0, &high, sizeof(high));
	assert_int_equal(pv_init(), HV_OK);
	assert_int_equal(vm.pv.locks.gpa, RAM + MIB(32));
	assert_int_equal(fake_log_count, 0);
}

static void a_wrong_place_is_told(void **state)
{
	(void)state;
	parse_cell(0x80000020);
	assert_int_equal(pv_init(), HV_EINVAL);
	assert_logged(NODE
		      "pv-lock-base = <0x80000020>: must be a multiple of 64 with 128 bytes of "
		      "the VM's RAM behind it");
	parse_cell(0);
	assert_int_equal(pv_init(), HV_EINVAL);
	assert_logged(NODE
		      "pv-lock-base = <0>: must be a multiple of 64 with 128 bytes of the VM's "
		      "RAM behind it");
	plan.images[plan.nr_images++] = (struct vm_range){ "ramdisk", gpa(0x8100007f), 1 };
	parse_cell(0x81000000);
	assert_int_equal(pv_init(), HV_EINVAL);
	assert_logged(NODE "pv-lock-base = <0x81000000>: must lie outside of the ramdisk");
	plan.nr_images--;
	parse_cell(0x81000000);
	assert_int_equal(pv_init(), HV_EINVAL); /* placed by the call before */
	assert_logged(NODE "pv-lock-base = <0x81000000>: the structures have a place already");
	assert_int_equal(fdt_setprop(tree, 0, "pv", "kick-cpu", 9), 0);
	memset(&vm.pv, 0, sizeof(vm.pv));
	assert_int_equal(pv_init(), HV_EINVAL);
	assert_logged(NODE
		      "pv-lock-base = <0x81000000>: must be given with \"pv-lock\" in pv only");
}

/* --- the words ------------------------------------------------------------------------------------- */

static void has_calls(uint64_t calls)
{
	vm.pv = (struct vm_pv){ 0 };
	assert_int_equal(pv_init(), HV_OK);
	assert_int_equal(vm.pv.calls, calls);
}

static void absent_means_all_but_the_alias(void **state)
{
	(void)state;
	parse(NULL, 0, NULL, 0);
	has_calls(PV_ALL_CALLS);
	assert_false(vm.pv.pvlk);
	parse_pv("all");
	has_calls(PV_ALL_CALLS);
	assert_false(vm.pv.pvlk);
	parse_pv("all\0pvlk");
	has_calls(PV_ALL_CALLS);
	assert_true(vm.pv.pvlk);
	assert_false(node.failed);
}

static void each_word_is_its_calls_and_features(void **state)
{
	const uint64_t features = BIT(HARTVISOR_FEATURES);

	(void)state;
	parse_pv("kick-cpu");
	has_calls(features | BIT(HARTVISOR_KICK_CPU));
	parse_pv("pv-lock\0pv-wait");
	has_calls(features | BIT(HARTVISOR_PV_LOCK_FEATURES) | BIT(HARTVISOR_PV_LOCK_PREEMPTED) |
		  BIT(HARTVISOR_PV_WAIT));
	parse_pv("poll-irq\0magic-page\0yield-to");
	has_calls(features | BIT(HARTVISOR_POLL_IRQ) | BIT(HARTVISOR_MAP_MAGIC_PAGE) |
		  BIT(HARTVISOR_YIELD_TO));
	parse_pv("pvlk"); /* the alias alone: no extension of our own */
	has_calls(0);
	assert_true(vm.pv.pvlk);
	assert_false(node.failed);
	assert_int_equal(fake_log_count, 0);
}

static void a_wrong_word_is_told(void **state)
{
	static const char allowed[] = "must be \"none\", or a list of \"all\", \"poll-irq\", "
				      "\"magic-page\", \"kick-cpu\", \"pv-wait\", \"pv-lock\", "
				      "\"yield-to\", \"pvlk\"";
	char line[400];

	(void)state;
	parse_pv("kick");
	assert_true(node.failed);
	snprintf(line, sizeof(line), NODE "pv = \"kick\": %s", allowed);
	assert_logged(line);
	parse_pv("kick-cpu\0none");
	assert_true(node.failed);
	parse_pv("none\0kick-cpu");
	assert_true(node.failed);
	parse_pv("");
	assert_true(node.failed);
	parse("x", 0, NULL, 0); /* pv; */
	assert_true(node.failed);
	parse("all", 3, NULL, 0); /* no end */
	assert_true(node.failed);
	parse(NULL, 0, "abcde", 6);
	assert_true(node.failed);
	assert_lines_fit();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_structures_take_the_place_they_are_given),
		TEST(enxio_when_the_vm_has_no_pv_locks),
		TEST(eexist_when_they_have_a_place),
		TEST(einval_when_not_aligned_to_64),
		TEST(einval_when_not_wholly_in_ram),
		TEST(by_default_they_are_behind_the_device_tree),
		TEST(switched_off_there_is_nothing),
		TEST(the_configuration_may_place_them),
		TEST(a_wrong_place_is_told),
		TEST(absent_means_all_but_the_alias),
		TEST(each_word_is_its_calls_and_features),
		TEST(a_wrong_word_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
