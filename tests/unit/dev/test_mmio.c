// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/dev/mmio.c hyp/dev/vsyscon.c hyp/vm/parts.c hyp/vcpu/vm_part.c hyp/lib/property.c hyp/lib/config_node.c hyp/lib/word.c hyp/lib/text.c hyp/lib/fdt.c hyp/lib/fdt_writer.c tests/unit/fake/devvm.c tests/unit/fake/pcpu.c
/* The bus, and the smallest device on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dev/vdev.h"
#include "fake/devvm.h"
#include "fake/pcpu.h"
#include "vcpu/console.h"
#include "vm/parts.h"

struct probe {
	uint64_t off, val;
	unsigned int len, reads, writes;
};

static struct probe probes[MMIO_MAX_REGIONS + 1];

static uint64_t probe_read(void *dev, uint64_t off, unsigned int len)
{
	struct probe *p = dev;

	p->reads++;
	p->off = off;
	p->len = len;
	return UINT64_C(0x8877665544332211);
}

static void probe_write(void *dev, uint64_t off, unsigned int len, uint64_t val)
{
	struct probe *p = dev;

	p->writes++;
	p->off = off;
	p->len = len;
	p->val = val;
}

static const struct mmio_ops probe_ops = { probe_read, probe_write, NULL };

static int add(unsigned int n, uint64_t base, uint64_t size)
{
	return mmio_add(fake_vm.bus, gpa(base), size, &probe_ops, &probes[n], "probe");
}

static int rd(uint64_t a, unsigned int len)
{
	uint64_t val;

	return mmio_read(fake_vm.bus, gpa(a), len, &val);
}

static enum vm_stop stopped;
static char stopped_why[80];

bool vm_stop(struct vm *vm, enum vm_stop how, const char *why)
{
	assert_ptr_equal(vm, &fake_vm);
	stopped = how;
	snprintf(stopped_why, sizeof(stopped_why), "%s", why);
	return true;
}

/* Is all that the guest has printed on its way? */
static bool console_is_out;

bool vcpu_console_is_out(struct vcpu *v)
{
	(void)v;
	return console_is_out;
}

static int setup(void **state)
{
	(void)state;
	memset(probes, 0, sizeof(probes));
	stopped = VM_STOP_NONE;
	console_is_out = true;
	fake_pcpu_setup(1);
	fake_vm_setup(1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_vm_teardown();
	return 0;
}

static bool over(uint64_t base, uint64_t size)
{
	return mmio_overlaps(fake_vm.bus, gpa(base), size);
}

static void overlaps_are_found_at_every_edge(void **state)
{
	(void)state;
	assert_false(over(0, 0x1000));
	assert_int_equal(add(0, 0x10000000, 0x100), HV_OK);
	assert_int_equal(add(1, 0x10002000, 0x2000), HV_OK);
	assert_true(over(0x10000000, 0x1000));
	assert_false(over(0x10001000, 0x1000));
	assert_true(over(0x10001000, 0x1001));
	assert_true(over(0x10002000, 0x1000));
	assert_true(over(0x10003000, 0x1000));
	assert_false(over(0x10004000, 0x1000));
	assert_false(over(0xffff000, 0x1000));
	assert_true(over(0xffff000, 0x1001));
	assert_true(over(0, 0x20000000));
	assert_false(over(UINT64_MAX - 0xfff, 0x1000));
}

static void each_address_finds_its_device(void **state)
{
	static const uint64_t bases[] = { 0x10000000, 0x100000, 0xc000000, 0x101000, 0x10001000 };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(bases); i++)
		assert_int_equal(add(i, bases[i], 0x1000), HV_OK);
	for (unsigned int i = 0; i < ARRAY_SIZE(bases); i++) {
		assert_int_equal(rd(bases[i], 1), HV_OK);
		assert_int_equal(probes[i].off, 0);
		assert_int_equal(rd(bases[i] + 0xff8, 8), HV_OK);
		assert_int_equal(probes[i].off, 0xff8);
		assert_int_equal(probes[i].reads, 2);
	}
	assert_int_equal(rd(0, 4), HV_EFAULT);
	assert_int_equal(rd(0xffffc, 4), HV_EFAULT);
	assert_int_equal(rd(0x102000, 4), HV_EFAULT);
	assert_int_equal(rd(0x10002000, 4), HV_EFAULT);
	assert_int_equal(rd(UINT64_MAX, 1), HV_EFAULT);
	assert_int_equal(rd(UINT64_MAX - 7, 8), HV_EFAULT);
}

static void an_empty_bus_faults(void **state)
{
	(void)state;
	assert_int_equal(rd(0, 1), HV_EFAULT);
	assert_int_equal(mmio_write(fake_vm.bus, gpa(8), 8, 0), HV_EFAULT);
}

static void improper_accesses_fault_and_reach_no_device(void **state)
{
	(void)state;
	add(0, 0x1000, 0x108);
	for (unsigned int len = 0; len < 20; len++) {
		bool ok = len == 1 || len == 2 || len == 4 || len == 8;

		assert_int_equal(rd(0x1000, len), ok ? HV_OK : HV_EFAULT);
	}
	assert_int_equal(rd(0x1000, UINT32_MAX), HV_EFAULT);
	assert_int_equal(rd(0x1001, 2), HV_EFAULT);
	assert_int_equal(rd(0x1002, 4), HV_EFAULT);
	assert_int_equal(rd(0x1004, 8), HV_EFAULT);
	assert_int_equal(rd(0x1104, 4), HV_OK);
	assert_int_equal(rd(0x1104, 8), HV_EFAULT); /* crosses the end */
	assert_int_equal(rd(0x1108, 4), HV_EFAULT);
	assert_int_equal(mmio_write(fake_vm.bus, gpa(0x1104), 8, 0), HV_EFAULT);
	assert_int_equal(probes[0].reads, 5);
	assert_int_equal(probes[0].writes, 0);
}

static void values_are_cut_to_the_length(void **state)
{
	static const uint64_t expected[] = { 0x11, 0x2211, 0x44332211, 0x8877665544332211 };

	(void)state;
	add(0, 0x1000, 0x100);
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(guest_read(0x1010, 1u << i), expected[i]);
		guest_write(0x1018, 1u << i, UINT64_C(0x8877665544332211));
		assert_int_equal(probes[0].val, expected[i]);
		assert_int_equal(probes[0].len, 1u << i);
		assert_int_equal(probes[0].off, 0x18);
	}
}

static void overlaps_are_refused(void **state)
{
	(void)state;
	assert_int_equal(add(0, 0x2000, 0x1000), HV_OK);
	assert_int_equal(add(1, 0x2000, 0x1000), HV_EEXIST);
	assert_int_equal(add(1, 0x2ff8, 0x8), HV_EEXIST);
	assert_int_equal(add(1, 0x1000, 0x1008), HV_EEXIST);
	assert_int_equal(add(1, 0x2800, 0x10), HV_EEXIST);
	assert_int_equal(add(1, 0, 0x10000), HV_EEXIST);
	assert_int_equal(add(1, 0x1000, 0x1000), HV_OK);
	assert_int_equal(add(1, 0x3000, 0x1000), HV_OK);
	assert_int_equal(fake_vm.bus->nr, 3);
}

static void impossible_regions_are_refused(void **state)
{
	(void)state;
	assert_int_equal(add(0, 0x2000, 0), HV_EINVAL);
	assert_int_equal(add(0, 0x2004, 0x100), HV_EINVAL);
	assert_int_equal(add(0, UINT64_MAX - 0xfff, 0x1001), HV_EINVAL);
	assert_int_equal(add(0, UINT64_MAX - 0xfff, 0x1000), HV_OK);
	assert_int_equal(rd(UINT64_MAX, 1), HV_OK);
}

/* So that what is aligned lies wholly in it, or not at all. */
static void a_region_is_of_whole_double_words(void **state)
{
	(void)state;
	for (uint64_t size = 1; size < 8; size++)
		assert_int_equal(add(0, 0x2000, size), HV_EINVAL);
	assert_int_equal(add(0, 0x2000, 8), HV_OK);
	assert_int_equal(rd(0x2000, 8), HV_OK);
	assert_int_equal(rd(0x2007, 1), HV_OK);
	assert_int_equal(rd(0x2008, 1), HV_EFAULT);
	assert_int_equal(add(1, 0x3000, 12), HV_EINVAL);
}

static void a_full_bus_says_so(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < MMIO_MAX_REGIONS; i++) /* from the top down */
		assert_int_equal(add(i, 0x100000 - 0x1000 * (uint64_t)i, 0x1000), HV_OK);
	assert_int_equal(add(MMIO_MAX_REGIONS, 0x200000, 0x1000), HV_ENOMEM);
	assert_int_equal(add(MMIO_MAX_REGIONS, 0x1000, 0x1000), HV_ENOMEM);
	for (unsigned int i = 0; i < MMIO_MAX_REGIONS; i++) {
		rd(0x100000 - 0x1000 * (uint64_t)i, 4);
		assert_int_equal(probes[i].reads, 1);
	}
}

static void syscon_ends_the_vm_as_asked(void **state)
{
	(void)state;
	assert_int_equal(parts_create(&fake_vm, &(struct config_node){ 0 }, NULL), HV_OK);
	assert_int_equal(guest_read(VSYSCON_BASE, 4), 0);
	guest_write(VSYSCON_BASE, 4, 0);
	guest_write(VSYSCON_BASE + 4, 4, VSYSCON_POWEROFF);
	guest_write(VSYSCON_BASE, 1, VSYSCON_POWEROFF);
	guest_write(VSYSCON_BASE, 8, VSYSCON_POWEROFF);
	assert_int_equal(stopped, VM_STOP_NONE);
	guest_write(VSYSCON_BASE, 4, VSYSCON_POWEROFF);
	assert_int_equal(stopped, VM_STOP_POWEROFF);
	guest_write(VSYSCON_BASE, 2, VSYSCON_REBOOT);
	assert_int_equal(stopped, VM_STOP_REBOOT);
	guest_write(VSYSCON_BASE, 4, 0x12340000u | VSYSCON_FAIL);
	assert_int_equal(stopped, VM_STOP_CRASH);
	assert_string_equal(stopped_why, "guest reported failure code 4660");
}

static void syscon_lets_the_last_words_out_first(void **state)
{
	(void)state;
	assert_int_equal(parts_create(&fake_vm, &(struct config_node){ 0 }, NULL), HV_OK);
	console_is_out = false;
	guest_write(VSYSCON_BASE, 4, VSYSCON_POWEROFF);
	assert_int_equal(stopped, VM_STOP_NONE);
	console_is_out = true;
	guest_write(VSYSCON_BASE, 4, VSYSCON_POWEROFF);
	assert_int_equal(stopped, VM_STOP_POWEROFF);
}

#define test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(overlaps_are_found_at_every_edge),
		test(each_address_finds_its_device),
		test(an_empty_bus_faults),
		test(improper_accesses_fault_and_reach_no_device),
		test(values_are_cut_to_the_length),
		test(overlaps_are_refused),
		test(impossible_regions_are_refused),
		test(a_region_is_of_whole_double_words),
		test(a_full_bus_says_so),
		test(syscon_ends_the_vm_as_asked),
		test(syscon_lets_the_last_words_out_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
