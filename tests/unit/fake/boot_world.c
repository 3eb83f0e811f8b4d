// SPDX-License-Identifier: BSD-2-Clause
#include "fake/boot_world.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "fake/tree.h"
#include "mm/page.h"
#include "mm/vmid.h"
#include "platform/machine.h"
#include "sbi/sbi.h"

void hartvisor_main(uint64_t hartid, hpa_t fdt);

extern uint64_t image_bundle_offset;

struct boot *boot;

#define ABSOLUTE(name, value) __asm__(".globl " name "\n.set " name ", " value "\n")
ABSOLUTE("__image_start", "0xffffffff80000000");
ABSOLUTE("__text_end", "0xffffffff80005000");
ABSOLUTE("__rodata_end", "0xffffffff80006000");
ABSOLUTE("__image_end", "0xffffffff80009000");

void boot_print(char *text, size_t size, const char *what, size_t len)
{
	size_t used = strlen(text);

	if (used + len >= size)
		boot_wrong("too much text");
	memcpy(text + used, what, len);
	text[used + len] = '\0';
}

void boot_called(const char *what)
{
	boot_print(boot->order, sizeof(boot->order), what, strlen(what));
	boot_print(boot->order, sizeof(boot->order), " ", 1);
}

void boot_wrong(const char *what)
{
	snprintf(boot->wrong, sizeof(boot->wrong), "%s", what);
	_exit(0);
}

/* --- the machine's device tree ------------------------------------------------------------------------- */

static void cpu_node(void *buf, unsigned int id)
{
	char name[24];
	const char *isa = boot->no_h_in_tree >> id & 1 ? "rv64imafdc_zicntr_zicsr_zifencei_sstc" :
			  boot->no_d_in_tree >> id & 1 ? "rv64imafch_zicntr_zicsr_zifencei_sstc" :
			  boot->isa		       ? boot->isa :
							 TREE_ISA;

	snprintf(name, sizeof(name), "cpu@%x", id);
	tree_node(buf, name);
	tree_string(buf, "device_type", "cpu");
	tree_cells(buf, "reg", 1, id);
	tree_string(buf, "status", "okay");
	tree_string(buf, "compatible", "riscv");
	tree_string(buf, "riscv,isa", isa);
	tree_string(buf, "mmu-type", "riscv,sv57");
	tree_cells(buf, "riscv,cboz-block-size", 1, 64);
	tree_cells(buf, "riscv,cbom-block-size", 1, 128);
	tree_node(buf, "interrupt-controller");
	tree_cells(buf, "#interrupt-cells", 1, 1);
	tree_bytes(buf, "interrupt-controller", "", 0);
	tree_string(buf, "compatible", "riscv,cpu-intc");
	tree_cells(buf, "phandle", 1, 10 + id);
	tree_end_node(buf);
	tree_end_node(buf);
}

static void chosen_node(void *buf)
{
	tree_node(buf, "chosen");
	if (boot->bootargs)
		tree_string(buf, "bootargs", boot->bootargs);
	tree_string(buf, "stdout-path", "/soc/serial@10000000");
	if (boot->seed)
		tree_bytes(buf, "rng-seed", boot->seed, strlen(boot->seed));
	if (boot->initrd) {
		tree_cells(buf, "linux,initrd-start", 1, (uint32_t)boot->initrd);
		tree_cells(buf, "linux,initrd-end", 1, (uint32_t)boot->initrd_end);
	}
	tree_end_node(buf);
}

static void soc_node(void *buf)
{
	fdt32_t contexts[4 * BOOT_HARTS]; /* of each hart: M, S */

	for (unsigned int i = 0; i < boot->cpus; i++) {
		contexts[4 * i] = contexts[4 * i + 2] = cpu_to_fdt32(10 + i);
		contexts[4 * i + 1] = cpu_to_fdt32(11);
		contexts[4 * i + 3] = cpu_to_fdt32(9);
	}
	tree_node(buf, "soc");
	tree_cells(buf, "#address-cells", 1, 2);
	tree_cells(buf, "#size-cells", 1, 2);
	tree_cells(buf, "interrupt-parent", 1, 9);
	/* The device before its controller: drivers are probed in their own order. */
	if (!boot->no_uart) {
		tree_node(buf, "serial@10000000");
		tree_cells(buf, "reg", 4, 0, 0x10000000, 0, 0x100);
		tree_cells(buf, "interrupts", 1, 10);
		tree_string(buf, "compatible", "ns16550a");
		tree_end_node(buf);
	}
	tree_node(buf, "plic@c000000");
	tree_cells(buf, "phandle", 1, 9);
	tree_cells(buf, "reg", 4, 0, 0xc000000, 0, 0x600000);
	tree_bytes(buf, "interrupts-extended", contexts, 16 * boot->cpus);
	tree_cells(buf, "riscv,ndev", 1, 95);
	tree_string(buf, "compatible", "riscv,plic0");
	tree_end_node(buf);
	tree_end_node(buf);
}

void boot_build_tree(void *at)
{
	uint64_t base = boot->tree_outside ? BOOT_FDT + MIB(4) : BOOT_RAM;

	tree_begin(at, KIB(64));
	tree_cells(at, "#address-cells", 1, 2);
	tree_cells(at, "#size-cells", 1, 2);
	tree_string(at, "compatible", "riscv-virtio");
	chosen_node(at);
	tree_node(at, "memory@40000000");
	tree_string(at, "device_type", "memory");
	tree_cells(at, "reg", 4, 0, (uint32_t)base, 0,
		   (uint32_t)(boot->memory - (base - BOOT_RAM)));
	tree_end_node(at);
	tree_node(at, "reserved-memory");
	tree_cells(at, "#address-cells", 1, 2);
	tree_cells(at, "#size-cells", 1, 2);
	tree_node(at, "mmode_resv0@40000000");
	tree_cells(at, "reg", 4, 0, (uint32_t)BOOT_RAM, 0, 0x60000);
	tree_end_node(at);
	tree_end_node(at);
	tree_node(at, "cpus");
	tree_cells(at, "#address-cells", 1, 1);
	tree_cells(at, "#size-cells", 1, 0);
	tree_cells(at, "timebase-frequency", 1, 10000000);
	for (unsigned int i = 0; i < boot->cpus; i++)
		cpu_node(at, i);
	tree_end_node(at);
	soc_node(at);
	(void)tree_finish(at);
	if (boot->broken_tree)
		memset(at, 0, 4);
}

/* --- a boot ------------------------------------------------------------------------------------------------- */

int boot_setup(void **state)
{
	(void)state;
	if (!boot)
		boot = mmap(NULL, sizeof(*boot), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			    -1, 0);
	*boot = (struct boot){ .cpus = 2,
			       .memory = MIB(64),
			       .fdt = BOOT_FDT,
			       .seed = "0123456789abcdefghijklmnopqrstuv",
			       .initrd = 0x43000000,
			       .initrd_end = 0x43012345,
			       .bundle_vms = 1,
			       .vms = { VM_BUILDING },
			       .focus = -1 };
	return 0;
}

/* Everything that the allocator has, is it free? */
static void collect_memory(void)
{
	static const struct {
		uint64_t start, end;
	} used[] = { { BOOT_RAM, BOOT_RAM + 0x60000 },
		     { BOOT_IMAGE, BOOT_IMAGE + 0x9000 },
		     { BOOT_FDT, BOOT_FDT + 0x1000 } };
	hpa_t a;

	boot->free_is_free = true;
	boot->free_bytes = page_free_bytes();
	while (page_largest(PAGE_SIZE) != 0) {
		uint64_t size = page_largest(PAGE_SIZE), end;

		if (!page_alloc(size, PAGE_SIZE, &a))
			boot_wrong("the largest piece cannot be allocated");
		end = a.hpa + size;
		for (unsigned int i = 0; i < ARRAY_SIZE(used); i++)
			if (a.hpa < used[i].end && used[i].start < end)
				boot->free_is_free = false;
		if (boot->initrd && a.hpa < boot->initrd_end && boot->initrd < end)
			boot->free_is_free = false;
		if (boot->modules > 0 && !boot->leave &&
		    a.hpa < BOOT_MODULES + PAGE_SIZE * (uint64_t)boot->modules &&
		    BOOT_MODULES < end)
			boot->free_is_free = false;
		if (boot->bundle_offset && a.hpa < BOOT_IMAGE + boot->bundle_offset + 0x5000 &&
		    BOOT_IMAGE + boot->bundle_offset - 8 < end)
			boot->free_is_free = false;
		if (a.hpa < BOOT_RAM || end > BOOT_RAM + boot->memory)
			boot_wrong("the allocator has what is no memory");
	}
}

static bool seed_is_in_tree(void)
{
	const char *tree = (const char *)(uintptr_t)BOOT_FDT;
	size_t n = boot->seed ? strlen(boot->seed) : 0;

	for (size_t i = 0; n && i < KIB(64) - n; i++)
		if (memcmp(tree + i, boot->seed, n) == 0)
			return true;
	return false;
}

static unsigned int count_vmids(void)
{
	uint64_t generation = vmid_generation[0];
	struct vmid v = { 0 };
	unsigned int n = 0;

	do {
		(void)vmid_alloc(&v, 0);
		n++;
	} while (v.generation <= generation && n < 100000);
	return n - 1;
}

static bool isa_guest_has(enum isa_ext e)
{
	struct isa_set s = isa_guest();

	return isa_has(&s, e);
}

void boot_end(void)
{
	boot_collect_harts();
	boot->ids[0] = sbi_ids.mvendorid;
	boot->ids[1] = sbi_ids.marchid;
	boot->ids[2] = sbi_ids.mimpid;
	boot->seed_in_tree = seed_is_in_tree();
	if (!boot->runs)
		_exit(0);
	boot->guest_v = isa_guest_has(ISA_V);
	boot->guest_svpbmt = isa_guest_has(ISA_SVPBMT);
	collect_memory();
	boot->vmids = count_vmids();
	_exit(0);
}

static void run_child(void)
{
	void *ram = mmap((void *)(uintptr_t)BOOT_RAM, boot->memory, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (ram != (void *)(uintptr_t)BOOT_RAM)
		boot_wrong("no memory where the machine has it");
	boot_build_tree((void *)(uintptr_t)BOOT_FDT);
	image_bundle_offset = boot->bundle_offset;
	if (boot->bundle_offset && boot->bundle_offset < boot->memory - MIB(2))
		*(uint64_t *)(uintptr_t)(BOOT_IMAGE + boot->bundle_offset - 8) = 0x5000;
	hartvisor_main(boot->boot_hart, hpa(boot->fdt));
	boot_wrong("hartvisor_main() has returned");
}

void boot_machine(void)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		(void)signal(SIGSEGV,
			     SIG_DFL); /* cmocka's handler would go on with the other tests */
		(void)alarm(60);
		run_child();
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (getenv("HV_TEST_VERBOSE"))
		fprintf(stderr, "%s", boot->console);
	if (status != 0)
		fail_msg("the boot ended with status %#x after: %s", (unsigned int)status,
			 boot->console);
	assert_string_equal(boot->wrong, "");
	assert_true(boot->runs || boot->power_is_off);
}
