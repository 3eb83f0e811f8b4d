// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/lib/fdt.c platform/hart_intc.c tests/unit/fake/tree.c tests/unit/fake/pcpu.c tests/unit/fake/csr.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* The source itself: see test_ns16550.c. */
#include "platform/plic.c"

#include "fake/log.h"
#include "fake/pcpu.h"
#include "fake/probe.h"
#include "fake/tree.h"

#define PLIC_SIZE 0x600000
#define HARTS	  3

/* --- the controller: pending lines, claims, and which context has enabled what --------------------- */

static uint8_t window[PLIC_SIZE];
static uint32_t priority[1024], enable[16][32], threshold[16];
static bool pending[64], claimed[64], level[64];
static unsigned int claims, reads, writes;
static uint64_t mapped_size;
static bool no_window;

static uint32_t hw_claim(unsigned int ctx)
{
	for (unsigned int irq = 1; irq < 64; irq++) {
		if (pending[irq] && !claimed[irq] && priority[irq] > threshold[ctx] &&
		    enable[ctx][irq / 32] >> (irq % 32) & 1) {
			pending[irq] = false;
			claimed[irq] = true;
			claims++;
			return irq;
		}
	}
	return 0;
}

uint32_t fake_io_read(const volatile void *at, unsigned int width)
{
	uint64_t off = (uint64_t)((const volatile uint8_t *)at - window);

	assert_int_equal(width, 4);
	assert_true(off >= 0x200000 && (off & 0xfff) == 4);
	reads++;
	return hw_claim((unsigned int)((off - 0x200000) >> 12));
}

void fake_io_write(volatile void *at, unsigned int width, uint32_t val)
{
	uint64_t off = (uint64_t)((volatile uint8_t *)at - window);

	assert_int_equal(width, 4);
	assert_true(off + 4 <= mapped_size);
	writes++;
	if (off < 0x1000) {
		priority[off / 4] = val;
	} else if (off >= 0x200000) {
		unsigned int ctx = (unsigned int)((off - 0x200000) >> 12);

		if ((off & 0xfff) == 0) {
			threshold[ctx] = val;
		} else if (enable[ctx][val / 32] >> (val % 32) & 1) {
			claimed[val] = false;
			pending[val] = level[val];
		}
	} else {
		assert_true(off >= 0x2000);
		enable[(off - 0x2000) / 0x80][(off - 0x2000) % 0x80 / 4] = val;
	}
}

void *device_map(hpa_t base, uint64_t size)
{
	assert_int_equal(base.hpa, 0xc000000);
	mapped_size = size;
	return no_window ? NULL : window;
}

static const struct host_irqchip *chip;

int host_bind_irqchip(const struct host_irqchip *c)
{
	chip = c;
	return HV_OK;
}

/* --- the tree: hart n's supervisor is context 2n + 1, but hart 0 has no supervisor ----------------- */

static uint8_t tree[8192] __attribute__((aligned(8)));

static void make_cpus(void)
{
	tree_node(tree, "cpus");
	tree_cells(tree, "#address-cells", 1, 1);
	tree_cells(tree, "#size-cells", 1, 0);
	for (uint32_t i = 0; i < HARTS; i++) {
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

static void make_device(const char *name, uint32_t irq)
{
	tree_node(tree, name);
	tree_cells(tree, "interrupts", 1, irq);
	tree_end_node(tree);
}

#define NO_NDEV 0xfffffffe
#define NO_REG	0xfffffffe
static uint32_t plic_size;

static void make_tree(uint32_t ndev)
{
	tree_begin(tree, sizeof(tree));
	tree_cells(tree, "#address-cells", 1, 2);
	tree_cells(tree, "#size-cells", 1, 2);
	make_cpus();
	tree_node(tree, "plic");
	tree_cells(tree, "phandle", 1, 5);
	if (plic_size != NO_REG)
		tree_cells(tree, "reg", 4, 0, 0xc000000, 0, plic_size);
	if (ndev != NO_NDEV)
		tree_cells(tree, "riscv,ndev", 1, ndev);
	tree_cells(tree, "interrupts-extended", 12, 10, 11, 10, 0xffffffff, 11, 11, 11, 9, 12, 11,
		   12, 9);
	tree_end_node(tree);
	make_device("ten", 10);
	make_device("eleven", 11);
	make_device("none", 0);
	make_device("beyond", 60);
	make_device("in-the-second-word", 45);
	make_device("last", 53);
	tree_node(tree, "elsewhere");
	tree_cells(tree, "interrupts-extended", 2, 11, 12);
	tree_end_node(tree);
	tree_node(tree, "extended");
	tree_cells(tree, "interrupts-extended", 2, 5, 12);
	tree_end_node(tree);
	(void)tree_finish(tree);
}

static unsigned int fired[64];

static void fire(void *arg)
{
	fired[*(unsigned int *)arg]++;
}

static int setup(void **state)
{
	(void)state;
	memset(&plic, 0, sizeof(plic));
	memset(fired, 0, sizeof(fired));
	memset(pending, 0, sizeof(pending));
	memset(claimed, 0, sizeof(claimed));
	memset(level, 0, sizeof(level));
	memset(enable, 0xff, sizeof(enable)); /* as a careless firmware leaves it */
	memset(threshold, 0xff, sizeof(threshold));
	memset(priority, 0xff, sizeof(priority));
	claims = reads = writes = 0;
	mapped_size = 0;
	no_window = false;
	plic_size = PLIC_SIZE;
	chip = NULL;
	fake_log_reset();
	fake_pcpu_setup(HARTS);
	/* The boot pcpu is hart 2: index and hart id are two things. */
	pcpus[0]->hartid = 2;
	pcpus[2]->hartid = 0;
	make_tree(53);
	return 0;
}

static int probe(void)
{
	return probe_path(&driver_plic, tree, "/plic");
}

static int request(const char *path, unsigned int *irq)
{
	return chip->request(tree, fdt_path_offset(tree, path), fire, irq);
}

static unsigned int ten = 10, eleven = 11, twelve = 12, high = 45, last = 53;

static void sources_go_to_the_boot_pcpu_at_first(void **state)
{
	(void)state;
	assert_int_equal(probe(), HV_OK);
	assert_int_equal(request("/ten", &ten), HV_OK);
	for (unsigned int p = 0; p < HARTS; p++) {
		fake_pcpu_become(p);
		chip->init_pcpu();
	}
	assert_int_equal(enable[5][0], 1U << 10);
	assert_int_equal(enable[5][1], 0);
	assert_int_equal(threshold[5], 0);
	assert_int_equal(enable[3][0], 0);
	assert_int_equal(threshold[3], 0);
	/* Contexts of M-mode and of harts without a supervisor are not ours. */
	assert_int_equal(threshold[0], 0xffffffff);
	assert_int_equal(threshold[1], 0xffffffff);
	assert_int_equal(threshold[2], 0xffffffff);
	assert_int_equal(priority[10], 1);
	assert_int_equal(priority[1], 0);
	assert_int_equal(priority[11], 0);
	assert_int_equal(priority[53], 0);
	assert_int_equal(priority[54], 0xffffffff); /* there is none */
}

/* Bit n: context @ctx has source n enabled. */
static uint64_t enabled(unsigned int ctx)
{
	return enable[ctx][0] | (uint64_t)enable[ctx][1] << 32;
}

static void request_all(void)
{
	assert_int_equal(request("/ten", &ten), HV_OK);
	assert_int_equal(request("/eleven", &eleven), HV_OK);
	assert_int_equal(request("/extended", &twelve), HV_OK);
	assert_int_equal(request("/in-the-second-word", &high), HV_OK);
}

static void init_pcpus(void)
{
	for (unsigned int p = 1; p < HARTS; p++) {
		fake_pcpu_become(p);
		chip->init_pcpu();
	}
	fake_pcpu_become(0);
}

/* Pcpus 0 and 1 have contexts, 5 and 3; pcpu 2 has none. */
static void sources_are_shared_among_the_pcpus_that_have_a_context(void **state)
{
	(void)state;
	assert_int_equal(probe(), HV_OK);
	request_all();
	init_pcpus();
	assert_int_equal(enabled(5), BIT(10) | BIT(11) | BIT(12) | BIT(45));
	assert_int_equal(enabled(3), 0);
	pending[11] = true; /* it is not lost while it moves */
	chip->balance();
	assert_int_equal(enabled(5), BIT(10) | BIT(12));
	assert_int_equal(enabled(3), BIT(11) | BIT(45));
	chip->handle();
	assert_int_equal(fired[11], 0);
	fake_pcpu_become(1);
	chip->handle();
	assert_int_equal(fired[11], 1);
	assert_false(claimed[11]);
	fake_pcpu_become(2);
	pending[10] = pending[45] = true;
	chip->handle();
	assert_int_equal(fired[10] + fired[45], 0);
	/* What is requested later goes where there are the fewest. */
	assert_int_equal(request("/last", &last), HV_OK);
	assert_int_equal(enabled(5), BIT(10) | BIT(12) | BIT(53));
	assert_int_equal(enabled(3), BIT(11) | BIT(45));
}

/* Whichever of the two comes last, a pcpu that sets its context up has what it has been given. */
static void a_pcpu_that_is_late_finds_its_sources(void **state)
{
	(void)state;
	assert_int_equal(probe(), HV_OK);
	request_all();
	init_pcpus();
	chip->balance();
	memset(enable[3], 0xff, sizeof(enable[3]));
	fake_pcpu_become(1);
	chip->init_pcpu();
	assert_int_equal(enabled(3), BIT(11) | BIT(45));
}

static void everything_pending_is_dispatched_and_completed(void **state)
{
	(void)state;
	assert_int_equal(probe(), HV_OK);
	assert_int_equal(request("/ten", &ten), HV_OK);
	assert_int_equal(request("/eleven", &eleven), HV_OK);
	assert_int_equal(request("/extended", &twelve), HV_OK);
	pending[10] = pending[11] = pending[12] = true;
	chip->handle();
	assert_int_equal(fired[10] + fired[11] + fired[12], 3);
	assert_false(claimed[10] || claimed[11] || claimed[12]);
	chip->handle();
	assert_int_equal(claims, 3);
}

static void a_source_that_is_off_interrupts_no_more(void **state)
{
	(void)state;
	assert_int_equal(probe(), HV_OK);
	assert_int_equal(request("/ten", &ten), HV_OK);
	assert_int_equal(request("/eleven", &eleven), HV_OK);
	chip->off(&eleven);
	assert_int_equal(priority[10], 1);
	assert_int_equal(priority[11], 0);
}

static void sources_of_the_second_word_are_served(void **state)
{
	(void)state;
	assert_int_equal(probe(), HV_OK);
	assert_int_equal(request("/in-the-second-word", &high), HV_OK);
	assert_int_equal(request("/last", &last), HV_OK);
	assert_int_equal(enable[5][0], 0);
	assert_int_equal(enable[5][1], 1U << 13 | 1U << 21);
	pending[45] = pending[53] = true;
	chip->handle();
	assert_int_equal(fired[45], 1);
	assert_int_equal(fired[53], 1);
}

/* Several harts may be interrupted for one source, and one of them claims it. */
static void a_claim_of_nothing_is_not_completed(void **state)
{
	(void)state;
	assert_int_equal(probe(), HV_OK);
	assert_int_equal(request("/ten", &ten), HV_OK);
	reads = writes = 0;
	chip->handle();
	assert_int_equal(reads, 1);
	assert_int_equal(writes, 0);
}

static void a_storm_does_not_hold_the_hart(void **state)
{
	(void)state;
	assert_int_equal(probe(), HV_OK);
	assert_int_equal(request("/ten", &ten), HV_OK);
	pending[10] = level[10] = true;
	chip->handle();
	assert_in_range(fired[10], 1, PLIC_CLAIM_BATCH);
}

static void sources_that_are_not_asked_for_are_switched_off(void **state)
{
	(void)state;
	assert_int_equal(probe(), HV_OK);
	enable[5][0] |= 1U << 20;
	priority[20] = 1;
	pending[20] = level[20] = true;
	chip->handle();
	assert_int_equal(claims, 1);
	assert_int_equal(priority[20], 0);
	pending[20] = true;
	claimed[20] = false;
	chip->handle();
	assert_int_equal(claims, 1);
}

static void a_node_without_a_source_of_ours_is_refused(void **state)
{
	(void)state;
	assert_int_equal(probe(), HV_OK);
	assert_int_equal(request("/none", &ten), HV_ENXIO);
	assert_int_equal(request("/beyond", &ten), HV_ENXIO);
	assert_int_equal(request("/elsewhere", &ten), HV_ENXIO);
	assert_int_equal(request("/cpus", &ten), HV_ENXIO);
	assert_int_equal(enable[5][0] | enable[5][1], 0);
}

static void a_boot_hart_without_context_gets_nothing(void **state)
{
	(void)state;
	pcpus[0]->hartid = 0;
	assert_int_equal(probe(), HV_OK);
	assert_int_equal(fake_log_count, 1);
	assert_int_equal(request("/ten", &ten), HV_ENXIO);
	chip->init_pcpu();
	chip->handle();
	assert_int_equal(claims, 0);
}

static void a_wrong_number_of_sources_is_refused(void **state)
{
	static const uint32_t wrong[] = { 0, 1024, 0xffffffff, NO_NDEV };

	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		setup(state);
		make_tree(wrong[i]);
		assert_int_equal(probe(), HV_EINVAL);
		assert_non_null(strstr(fake_log_last, "/plic"));
		assert_null(chip);
	}
	setup(state);
	make_tree(1023);
	assert_int_equal(probe(), HV_OK);
}

static void registers_that_are_missing_or_too_few_are_refused(void **state)
{
	static const uint32_t wrong[] = { NO_REG, 0, 0x200000, 0x200007 };

	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		setup(state);
		plic_size = wrong[i];
		make_tree(53);
		assert_int_equal(probe(), HV_EINVAL);
		assert_int_equal(fake_log_count, 1);
		assert_non_null(strstr(fake_log_last, "/plic: reg is missing or too small"));
		assert_int_equal(mapped_size, 0);
		assert_null(chip);
	}
	setup(state);
	plic_size = 0x200008; /* of one context, which is not the boot hart's */
	make_tree(53);
	assert_int_equal(probe(), HV_OK);
	setup(state);
	no_window = true;
	assert_int_equal(probe(), HV_ENOMEM);
	assert_null(chip);
}

/* The boot hart's is context 5. */
static void a_context_whose_registers_are_not_there_is_none(void **state)
{
	(void)state;
	plic_size = 0x205008;
	make_tree(53);
	assert_int_equal(probe(), HV_OK);
	assert_int_equal(mapped_size, 0x205008);
	assert_int_equal(request("/ten", &ten), HV_OK);
	setup(state);
	plic_size = 0x205007;
	make_tree(53);
	assert_int_equal(probe(), HV_OK);
	assert_int_equal(fake_log_count, 1);
	assert_non_null(strstr(fake_log_last, "no context for hart 2"));
	assert_int_equal(request("/ten", &ten), HV_ENXIO);
}

static void a_second_controller_is_not_taken(void **state)
{
	(void)state;
	assert_int_equal(probe(), HV_OK);
	chip = NULL;
	assert_int_equal(probe(), HV_EBUSY);
	assert_null(chip);
}

static void more_handlers_than_fit_are_refused(void **state)
{
	(void)state;
	assert_int_equal(probe(), HV_OK);
	for (unsigned int i = 0; i < PLIC_MAX_HANDLERS; i++)
		assert_int_equal(request("/ten", &ten), HV_OK);
	assert_int_equal(request("/eleven", &eleven), HV_ENXIO);
	assert_int_equal(priority[11], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(sources_go_to_the_boot_pcpu_at_first, setup),
		cmocka_unit_test_setup(sources_are_shared_among_the_pcpus_that_have_a_context,
				       setup),
		cmocka_unit_test_setup(a_pcpu_that_is_late_finds_its_sources, setup),
		cmocka_unit_test_setup(everything_pending_is_dispatched_and_completed, setup),
		cmocka_unit_test_setup(a_source_that_is_off_interrupts_no_more, setup),
		cmocka_unit_test_setup(sources_of_the_second_word_are_served, setup),
		cmocka_unit_test_setup(a_claim_of_nothing_is_not_completed, setup),
		cmocka_unit_test_setup(a_storm_does_not_hold_the_hart, setup),
		cmocka_unit_test_setup(sources_that_are_not_asked_for_are_switched_off, setup),
		cmocka_unit_test_setup(a_node_without_a_source_of_ours_is_refused, setup),
		cmocka_unit_test_setup(a_boot_hart_without_context_gets_nothing, setup),
		cmocka_unit_test_setup(a_wrong_number_of_sources_is_refused, setup),
		cmocka_unit_test_setup(registers_that_are_missing_or_too_few_are_refused, setup),
		cmocka_unit_test_setup(a_context_whose_registers_are_not_there_is_none, setup),
		cmocka_unit_test_setup(a_second_controller_is_not_taken, setup),
		cmocka_unit_test_setup(more_handlers_than_fit_are_refused, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
