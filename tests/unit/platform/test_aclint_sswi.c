// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/lib/fdt.c platform/hart_intc.c tests/unit/fake/tree.c tests/unit/fake/pcpu.c tests/unit/fake/csr.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* The sources themselves: the driver's entry and the kicks' one switch are static. */
#include "arch/smp.c"
#include "platform/aclint_sswi.c"

#include "fake/log.h"
#include "fake/pcpu.h"
#include "fake/probe.h"
#include "fake/tree.h"

#define HARTS	  4
#define BASE	  0x2f00000
#define REGISTERS 8

/* --- the device: kicks are kept; a store of the probe's raises SSIP of the boot hart --------------- */

static uint32_t window[SSWI_MAX_HARTS];
static const volatile uint32_t *closed;
static bool no_window, deaf;
static uint64_t mapped_base, mapped_size;

void *device_map(hpa_t base, uint64_t size)
{
	mapped_base = base.hpa;
	mapped_size = size;
	return no_window ? NULL : window;
}

bool device_try_write32(volatile uint32_t *reg, uint32_t val)
{
	assert_true(val <= 1);
	assert_true(reg >= window && reg < window + mapped_size / 4);
	if (reg == closed)
		return false;
	if (val && !deaf)
		csr_set(CSR_SIP, BIT(IRQ_S_SOFT));
	return true;
}

/* --- the order of memory and device ----------------------------------------------------------------- */

static unsigned int fences;

void fake_fence(enum fake_fence kind, uint64_t gva, uint64_t asid)
{
	(void)gva, (void)asid;
	assert_int_equal(kind, FAKE_FENCE_W_O);
	for (unsigned int i = 0; i < REGISTERS; i++)
		assert_int_equal(window[i], 0);
	fences++;
}

/* --- the firmware --------------------------------------------------------------------------------- */

static struct {
	uint64_t mask, base;
} calls[8];
static unsigned int nr_calls;

struct sbi_call_ret sbi_call_host(uint64_t eid, uint64_t fid, uint64_t arg0, uint64_t arg1,
				  uint64_t arg2, uint64_t arg3, uint64_t arg4, uint64_t arg5)
{
	(void)arg2, (void)arg3, (void)arg4, (void)arg5;
	assert_int_equal(eid, SBI_EXT_IPI);
	assert_int_equal(fid, SBI_IPI_SEND_IPI);
	assert_true(nr_calls < ARRAY_SIZE(calls));
	calls[nr_calls].mask = arg0;
	calls[nr_calls++].base = arg1;
	return (struct sbi_call_ret){ SBI_SUCCESS, 0 };
}

hpa_t image_hpa(const void *sym)
{
	return ptr_to_hpa(sym);
}

void secondary_entry(void)
{
}

void cpu_wait_for_interrupt(void)
{
	fail_msg("no hart waits here");
}

/* --- the tree: hart n's controller has phandle 10 + n, and the plic's is 5 --------------------------- */

static uint8_t tree[65536] __attribute__((aligned(8)));

static void make_cpus(void)
{
	tree_node(tree, "cpus");
	tree_cells(tree, "#address-cells", 1, 1);
	tree_cells(tree, "#size-cells", 1, 0);
	for (uint32_t i = 0; i < HARTS + 1; i++) {
		char name[16];

		snprintf(name, sizeof(name), "cpu@%u", i);
		tree_node(tree, name);
		tree_cells(tree, "reg", 1, i);
		tree_node(tree, "interrupt-controller");
		tree_cells(tree, "phandle", 1, 10 + i);
		tree_bytes(tree, "interrupt-controller", "", 0);
		tree_end_node(tree);
		tree_end_node(tree);
	}
	tree_end_node(tree);
}

struct sswi_node {
	unsigned int reg_cells;
	uint32_t reg[4];
	unsigned int harts_bytes; /* 0: no interrupts-extended */
	uint32_t harts[2 * REGISTERS];
};

static const struct sswi_node good = {
	.reg_cells = 4,
	.reg = { 0, BASE, 0, 0x4000 },
	.harts_bytes = 32,
	.harts = { 12, 1, 10, 1, 13, 1, 11, 1 },
};

static void make_sswi(const char *name, const struct sswi_node *n)
{
	fdt32_t cells[2 * REGISTERS];

	tree_node(tree, name);
	tree_list(tree, "compatible", "riscv,aclint-sswi");
	for (unsigned int i = 0; i < n->reg_cells; i++)
		cells[i] = cpu_to_fdt32(n->reg[i]);
	if (n->reg_cells)
		tree_bytes(tree, "reg", cells, 4 * n->reg_cells);
	for (unsigned int i = 0; i < 2 * REGISTERS; i++)
		cells[i] = cpu_to_fdt32(n->harts[i]);
	if (n->harts_bytes)
		tree_bytes(tree, "interrupts-extended", cells, n->harts_bytes);
	tree_end_node(tree);
}

static void make_tree(const struct sswi_node *n, const struct sswi_node *second)
{
	tree_begin(tree, sizeof(tree));
	tree_cells(tree, "#address-cells", 1, 2);
	tree_cells(tree, "#size-cells", 1, 2);
	make_cpus();
	tree_node(tree, "plic");
	tree_cells(tree, "phandle", 1, 5);
	tree_bytes(tree, "interrupt-controller", "", 0);
	tree_end_node(tree);
	make_sswi("sswi", n);
	if (second)
		make_sswi("second", second);
	(void)tree_finish(tree);
}

static int setup(void **state)
{
	(void)state;
	have_kick_registers = false;
	memset(window, 0, sizeof(window));
	closed = NULL;
	no_window = deaf = false;
	mapped_base = mapped_size = 0;
	fences = nr_calls = 0;
	csr_write(CSR_SIP, 0);
	fake_log_reset();
	fake_pcpu_setup(HARTS);
	/* The boot pcpu is hart 2: index and hart id are two things. Hart 4 is none of ours. */
	pcpus[0]->hartid = 2;
	pcpus[2]->hartid = 0;
	make_tree(&good, NULL);
	return 0;
}

static int probe(const char *path)
{
	return probe_path(&driver_aclint_sswi, tree, path);
}

static int probe_node(const struct sswi_node *n)
{
	make_tree(n, NULL);
	return probe("/sswi");
}

static void assert_registers(uint32_t r0, uint32_t r1, uint32_t r2, uint32_t r3)
{
	assert_int_equal(window[0], r0);
	assert_int_equal(window[1], r1);
	assert_int_equal(window[2], r2);
	assert_int_equal(window[3], r3);
	memset(window, 0, sizeof(window));
}

/* Refused, in one line that has all of @texts, and the kicks are the firmware's. */
static void assert_refused(int err, int wanted, const char *property, const char *text)
{
	assert_int_equal(err, wanted);
	assert_int_equal(fake_log_count, 1);
	assert_non_null(strstr(fake_log_last, "/sswi: "));
	assert_non_null(strstr(fake_log_last, property));
	assert_non_null(strstr(fake_log_last, text));
	assert_non_null(strstr(fake_log_last, "kicks go by SBI"));
	for (unsigned int i = 0; i < HARTS; i++)
		assert_null(pcpus[i]->setssip);
	smp_kick(pcpu_set_from_mask(BIT(1)));
	assert_int_equal(nr_calls, 1);
	assert_int_equal(fences, 0);
}

/* --- good nodes ------------------------------------------------------------------------------------- */

static void each_hart_gets_the_register_that_the_list_gives_it(void **state)
{
	(void)state;
	assert_int_equal(probe("/sswi"), HV_OK);
	assert_int_equal(mapped_base, BASE);
	assert_int_equal(mapped_size, 16);
	assert_ptr_equal(pcpus[0]->setssip, &window[0]); /* hart 2 */
	assert_ptr_equal(pcpus[1]->setssip, &window[3]); /* hart 1 */
	assert_ptr_equal(pcpus[2]->setssip, &window[1]); /* hart 0 */
	assert_ptr_equal(pcpus[3]->setssip, &window[2]); /* hart 3 */
	assert_int_equal(fake_log_count, 1);
	assert_non_null(strstr(fake_log_last, "/sswi to 4 of 4 harts"));
}

static void trying_it_leaves_no_interrupt_behind(void **state)
{
	(void)state;
	assert_int_equal(probe("/sswi"), HV_OK);
	assert_int_equal(csr_read(CSR_SIP), 0);
}

static void harts_that_are_not_ours_may_be_listed(void **state)
{
	struct sswi_node n = good;

	(void)state;
	n.reg[3] = 16;	 /* as many registers as harts, and no more */
	n.harts[2] = 14; /* hart 4, where hart 0 was */
	assert_int_equal(probe_node(&n), HV_OK);
	assert_null(pcpus[2]->setssip);
	assert_ptr_equal(pcpus[3]->setssip, &window[2]);
	assert_non_null(strstr(fake_log_last, "to 3 of 4 harts"));
}

static void two_devices_serve_some_harts_each(void **state)
{
	struct sswi_node first = good, second = good;

	(void)state;
	first.harts_bytes = second.harts_bytes = 16;
	memcpy(second.harts, good.harts + 4, 16);
	make_tree(&first, &second);
	assert_int_equal(probe("/sswi"), HV_OK);
	assert_non_null(strstr(fake_log_last, "/sswi to 2 of 4 harts"));
	assert_null(pcpus[1]->setssip);
	assert_int_equal(probe("/second"), HV_OK); /* the boot hart has none there */
	assert_non_null(strstr(fake_log_last, "/second to 2 of 4 harts"));
	assert_ptr_equal(pcpus[1]->setssip, &window[1]);
	assert_ptr_equal(pcpus[2]->setssip, &window[1]);
}

/* --- broken nodes ------------------------------------------------------------------------------------ */

static void a_wrong_reg_is_refused(void **state)
{
	static const struct {
		unsigned int cells;
		uint32_t reg[4];
		const char *text;
	} wrong[] = {
		{ 0, { 0 }, "an address and a size" },
		{ 3, { 0, BASE, 0 }, "an address and a size" },
		{ 4, { 0, BASE, 0, 12 }, "size 0xc has to be 0x10" },
		{ 4, { 0, BASE, 0, 0 }, "size 0 has to be 0x10" },
		{ 4, { 0, BASE + 2, 0, 0x4000 }, "address 0x2f00002 has to be a multiple of 4" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct sswi_node n = good;

		setup(state);
		n.reg_cells = wrong[i].cells;
		memcpy(n.reg, wrong[i].reg, sizeof(n.reg));
		assert_refused(probe_node(&n), HV_EINVAL, " reg: ", wrong[i].text);
		assert_int_equal(mapped_size, 0);
	}
}

static void a_wrong_list_of_harts_is_refused(void **state)
{
	static const struct {
		unsigned int bytes, at;
		uint32_t val;
		const char *text;
	} wrong[] = {
		{ 0, 0, 12, "pairs" },
		{ 28, 0, 12, "pairs" },
		{ 30, 0, 12, "pairs" },
		{ 32, 3, 3, "interrupt 3 in pair 1 has to be 1" }, /* machine software */
		{ 32, 7, 0xffffffff, "interrupt 4294967295 in pair 3 has to be 1" },
		{ 32, 4, 99, "phandle 0x63 in pair 2 has to be a hart's" },
		{ 32, 0, 5, "phandle 0x5 in pair 0 has to be a hart's" },
		{ 32, 6, 0, "phandle 0 in pair 3 has to be a hart's" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct sswi_node n = good;

		setup(state);
		n.harts_bytes = wrong[i].bytes;
		n.harts[wrong[i].at] = wrong[i].val;
		assert_refused(probe_node(&n), HV_EINVAL, " interrupts-extended: ", wrong[i].text);
	}
}

/* A device that lists hart 4 @n times. */
static int probe_harts(unsigned int n)
{
	static fdt32_t harts[2 * (SSWI_MAX_HARTS + 1)];

	for (unsigned int i = 0; i < n; i++) {
		harts[2 * i] = cpu_to_fdt32(14);
		harts[2 * i + 1] = cpu_to_fdt32(1);
	}
	tree_begin(tree, sizeof(tree));
	tree_cells(tree, "#address-cells", 1, 2);
	tree_cells(tree, "#size-cells", 1, 2);
	make_cpus();
	tree_node(tree, "sswi");
	tree_cells(tree, "reg", 4, 0, BASE, 0, 0x4000);
	tree_bytes(tree, "interrupts-extended", harts, n * 2 * sizeof(harts[0]));
	tree_end_node(tree);
	(void)tree_finish(tree);
	return probe("/sswi");
}

static void more_harts_than_a_device_can_have_are_refused(void **state)
{
	(void)state;
	assert_int_equal(probe_harts(SSWI_MAX_HARTS), HV_OK);
	setup(state);
	assert_refused(probe_harts(SSWI_MAX_HARTS + 1), HV_EINVAL,
		       " interrupts-extended: ", "4096 harts, of at most 4095");
}

static void without_room_for_a_window_it_is_refused(void **state)
{
	(void)state;
	no_window = true;
	assert_refused(probe("/sswi"), HV_ENOMEM, " reg: ", "0x2f00000");
}

static void registers_that_the_firmware_has_closed_are_refused(void **state)
{
	(void)state;
	closed = &window[0];
	assert_refused(probe("/sswi"), HV_EINVAL, " reg: ", "SETSSIP at 0x2f00000 has to be there");
	setup(state);
	closed = &window[3];
	assert_refused(probe("/sswi"), HV_EINVAL, " reg: ", "SETSSIP at 0x2f0000c has to be there");
}

static void registers_that_raise_nothing_are_refused(void **state)
{
	(void)state;
	deaf = true;
	csr_write(CSR_SIP, BIT(IRQ_S_SOFT)); /* from before: it says nothing of the device */
	assert_refused(probe("/sswi"), HV_EINVAL,
		       " reg: ", "SETSSIP at 0x2f00000 has to raise sip.SSIP of hart 2");
}

/* --- kicks -------------------------------------------------------------------------------------------- */

static void a_kick_is_one_store_behind_one_fence(void **state)
{
	(void)state;
	assert_int_equal(probe("/sswi"), HV_OK);
	smp_kick(pcpu_set_from_mask(BIT(1)));
	assert_registers(0, 0, 0, 1);
	assert_int_equal(fences, 1);
	smp_kick(pcpu_set_from_mask(BIT(0) | BIT(2) | BIT(3)));
	assert_registers(1, 1, 1, 0);
	assert_int_equal(fences, 2);
	smp_kick(pcpu_set_from_mask(0));
	assert_registers(0, 0, 0, 0);
	assert_int_equal(nr_calls, 0);
	assert_int_equal(this_pcpu()->ipis_sent, 2);
}

static void a_hart_without_register_is_kicked_by_sbi(void **state)
{
	struct sswi_node n = good;

	(void)state;
	n.harts_bytes = 24; /* not hart 1, pcpu 1 */
	assert_int_equal(probe_node(&n), HV_OK);
	assert_null(pcpus[1]->setssip);
	smp_kick(pcpu_set_from_mask(BIT(1) | BIT(3)));
	assert_registers(0, 0, 1, 0);
	assert_int_equal(nr_calls, 1);
	assert_int_equal(calls[0].mask << calls[0].base, BIT(1));
	assert_int_equal(this_pcpu()->ipis_sent, 2);
	smp_kick(pcpu_set_from_mask(BIT(1)));
	assert_registers(0, 0, 0, 0);
	assert_int_equal(nr_calls, 2);
	assert_int_equal(this_pcpu()->ipis_sent, 3);
}

static void without_a_device_a_kick_is_one_sbi_call_per_64_hart_ids(void **state)
{
	(void)state;
	smp_kick(pcpu_set_from_mask(BIT(0) | BIT(1) | BIT(2))); /* harts 2, 1, 0 */
	assert_int_equal(nr_calls, 1);
	assert_int_equal(calls[0].mask, 7);
	assert_int_equal(calls[0].base, 0);
	pcpus[3]->hartid = 66;
	smp_kick(pcpu_set_from_mask(BIT(0) | BIT(1) | BIT(3))); /* harts 2, 1, 66 */
	assert_int_equal(nr_calls, 3);
	assert_int_equal(calls[1].mask, 3);
	assert_int_equal(calls[1].base, 1);
	assert_int_equal(calls[2].mask, 1);
	assert_int_equal(calls[2].base, 66);
	pcpus[3]->hartid = 64;
	smp_kick(pcpu_set_from_mask(BIT(1) | BIT(3))); /* harts 1, 64 */
	assert_int_equal(nr_calls, 4);
	assert_int_equal(calls[3].mask, BIT(63) | 1);
	assert_int_equal(calls[3].base, 1);
	assert_registers(0, 0, 0, 0);
	assert_int_equal(fences, 0);
	assert_int_equal(this_pcpu()->ipis_sent, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_hart_gets_the_register_that_the_list_gives_it, setup),
		cmocka_unit_test_setup(trying_it_leaves_no_interrupt_behind, setup),
		cmocka_unit_test_setup(harts_that_are_not_ours_may_be_listed, setup),
		cmocka_unit_test_setup(two_devices_serve_some_harts_each, setup),
		cmocka_unit_test_setup(a_wrong_reg_is_refused, setup),
		cmocka_unit_test_setup(a_wrong_list_of_harts_is_refused, setup),
		cmocka_unit_test_setup(more_harts_than_a_device_can_have_are_refused, setup),
		cmocka_unit_test_setup(without_room_for_a_window_it_is_refused, setup),
		cmocka_unit_test_setup(registers_that_the_firmware_has_closed_are_refused, setup),
		cmocka_unit_test_setup(registers_that_raise_nothing_are_refused, setup),
		cmocka_unit_test_setup(a_kick_is_one_store_behind_one_fence, setup),
		cmocka_unit_test_setup(a_hart_without_register_is_kicked_by_sbi, setup),
		cmocka_unit_test_setup(without_a_device_a_kick_is_one_sbi_call_per_64_hart_ids,
				       setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
