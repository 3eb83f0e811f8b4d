// SPDX-License-Identifier: BSD-2-Clause
/*
 * The boot tables. boot_map() runs before translation is on, at the load address, so it may touch its
 * own static data only (the compiler addresses that relative to pc) and no pointer stored in data.
 */
#include "arch/boot_map.h"

#include "arch/csr.h"
#include "arch/fence.h"
#include "arch/mmu.h"
#include "arch/pte.h"
#include "arch/sbi_call.h"

#define TABLE __attribute__((aligned(4096), section(".bss..page_tables")))

#define BOOT_IMAGE_MAX MIB(16)

static pte_t boot_root[PT_ENTRIES] TABLE;
static pte_t boot_image[PT_ENTRIES] TABLE;
static pte_t device_table[PT_ENTRIES] TABLE;

uint64_t boot_link_offset; /* linked address - load address */
hpa_t image_load_base;

static unsigned int root_index(uint64_t va)
{
	return (unsigned int)(va >> 30) & (PT_ENTRIES - 1);
}

static _Noreturn void refuse(const char *why)
{
	for (const char *p = why; *p; p++)
		(void)sbi_call_host(SBI_EXT_LEGACY_CONSOLE_PUTCHAR, 0, (uint8_t)*p, 0, 0, 0, 0, 0);
	sbi_host_shutdown(SBI_SRST_TYPE_SHUTDOWN);
	for (;;)
		;
}

_Noreturn void boot_refuse(void)
{
	refuse("[hartvisor] error: this hart's satp does not take mode Sv39, which hartvisor "
	       "needs; powering off\r\n");
}

uint64_t boot_map(hpa_t load_base)
{
	/* 2 MiB leaves map the image below. */
	if (load_base.hpa & (MIB(2) - 1))
		refuse("[hartvisor] error: hartvisor was not loaded at a multiple of 2 MiB; "
		       "powering off\r\n");
	image_load_base = load_base;
	boot_link_offset = IMAGE_BASE - load_base.hpa;

	/* RWX for the few hundred instructions until mm/hostmap.c has the final tables. */
	for (uint64_t off = 0; off < BOOT_IMAGE_MAX; off += MIB(2))
		boot_image[off / MIB(2)] =
			pte_make_leaf(hpa_add(load_base, off), PTE_R | PTE_W | PTE_X | PTE_G);
	boot_root[root_index(IMAGE_BASE)] = pte_make_table(hpa((uint64_t)(uintptr_t)boot_image));
	boot_root[root_index(DEVICE_MAP_BASE)] =
		pte_make_table(hpa((uint64_t)(uintptr_t)device_table));
	return (SATP_MODE_SV39 << SATP_MODE_SHIFT) | ((uint64_t)(uintptr_t)boot_root >> PAGE_SHIFT);
}

hpa_t image_hpa(const void *sym)
{
	return hpa((uint64_t)(uintptr_t)sym - boot_link_offset);
}

void mmu_early_map(hpa_t base, uint64_t size)
{
	uint64_t end = min_u64(base.hpa + size, DIRECT_MAP_SIZE);

	for (uint64_t a = align_down(base.hpa, GIB(1)); a < end; a += GIB(1))
		boot_root[root_index(DIRECT_MAP_BASE + a)] =
			pte_make_leaf(hpa(a), PTE_R | PTE_W | PTE_G);
	arch_sfence_vma_all();
}

pte_t mmu_device_root_entry(void)
{
	return boot_root[root_index(DEVICE_MAP_BASE)];
}

void *device_map(hpa_t base, uint64_t size)
{
	static unsigned int used; /* boot hart only */
	uint64_t first = align_down(base.hpa, MIB(2));
	uint64_t last = align_up(base.hpa + size, MIB(2));
	unsigned int n = (unsigned int)((last - first) / MIB(2));
	unsigned int at = used;

	if (size == 0 || last <= first || (last - first) / MIB(2) > PT_ENTRIES - used)
		return NULL;
	for (unsigned int i = 0; i < n; i++)
		device_table[at + i] =
			pte_make_leaf(hpa(first + i * MIB(2)), PTE_R | PTE_W | PTE_G);
	used += n;
	arch_sfence_vma_all();
	return (void *)(uintptr_t)(DEVICE_MAP_BASE + at * MIB(2) + (base.hpa - first));
}
