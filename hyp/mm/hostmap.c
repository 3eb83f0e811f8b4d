// SPDX-License-Identifier: BSD-2-Clause
#include "mm/hostmap.h"

#include <string.h>

#include "arch/boot_map.h"
#include "arch/csr.h"
#include "arch/fence.h"
#include "arch/memmap.h"
#include "arch/mmu.h"
#include "lib/spinlock.h"
#include "mm/page.h"
#include "mm/pgtable.h"

extern char __image_start[], __text_end[], __rodata_end[], __image_end[];

static struct pgtable host_pt;
static struct spinlock stack_lock =
	SPINLOCK_INIT(LOCK_HOST_STACKS); /* guards what follows, and host_pt once harts run */
static uint64_t next_stack = STACK_MAP_BASE;
static uint64_t free_stacks; /* the top of one; 0: none */
static uint64_t direct_end;  /* host-physical; what RAM so far reaches to, in whole pages */

static int map_image_part(const char *start, const char *end, uint64_t prot)
{
	uint64_t va = (uint64_t)(uintptr_t)start;

	return pgtable_map(&host_pt, va, image_hpa(start), (uint64_t)(end - start), prot | PTE_G);
}

/* The image is mapped at its linked address only, so that no page is both writable and executable. */
static int map_image(void)
{
	int err = map_image_part(__image_start, __text_end, PTE_R | PTE_X);

	if (err == HV_OK)
		err = map_image_part(__text_end, __rodata_end, PTE_R);
	if (err == HV_OK)
		err = map_image_part(__rodata_end, __image_end, PTE_R | PTE_W);
	return err;
}

int hostmap_build(void)
{
	unsigned int device = (unsigned int)(DEVICE_MAP_BASE >> 30) & (PT_ENTRIES - 1);
	int err = pgtable_init(&host_pt, 3, 0);

	if (err != HV_OK)
		return err;
	direct_end = 0;
	host_pt.root[device] = mmu_device_root_entry();
	return map_image();
}

uint64_t hostmap_satp(void)
{
	return (SATP_MODE_SV39 << SATP_MODE_SHIFT) | (ptr_to_hpa(host_pt.root).hpa >> PAGE_SHIFT);
}

void hostmap_load(void)
{
	csr_write(CSR_SATP, hostmap_satp());
	/* The boot tables have the same ASID, and leaves of 1 GiB that the final ones have not. */
	arch_sfence_vma_all();
}

static int map_direct(uint64_t start, uint64_t end)
{
	if (start >= end)
		return HV_OK;
	return pgtable_map(&host_pt, DIRECT_MAP_BASE + start, hpa(start), end - start,
			   PTE_R | PTE_W | PTE_G);
}

int hostmap_add_ram(hpa_t base, uint64_t size)
{
	uint64_t image = image_hpa(__image_start).hpa;
	uint64_t image_end = image_hpa(__image_end).hpa;
	/* The range before may end in the page where this one begins. */
	uint64_t start = max_u64(align_down(base.hpa, PAGE_SIZE), direct_end);
	uint64_t end = min_u64(align_up(base.hpa + size, PAGE_SIZE), DIRECT_MAP_SIZE);
	int err;

	direct_end = max_u64(direct_end, end);
	if (image_end <= start || end <= image)
		return map_direct(start, end);
	err = map_direct(start, image);
	return err != HV_OK ? err : map_direct(image_end, end);
}

/* The memory, in the direct map, of the stack that ends at @top. */
static char *stack_memory(uint64_t top)
{
	struct pgtable_leaf leaf = { .pa = hpa(0) };

	(void)pgtable_walk(&host_pt, top - HOST_STACK_SIZE, &leaf);
	return hpa_to_ptr(leaf.pa);
}

/* In a stack that is free: the top of the next free one. */
static uint64_t *next_free(uint64_t top)
{
	return (uint64_t *)(void *)stack_memory(top);
}

static uint64_t map_stack(void)
{
	hpa_t pages;
	uint64_t base = next_stack + PAGE_SIZE; /* the page below stays unmapped */

	if (!page_alloc(HOST_STACK_SIZE, PAGE_SIZE, &pages))
		return 0;
	if (pgtable_map(&host_pt, base, pages, HOST_STACK_SIZE, PTE_R | PTE_W | PTE_G) != HV_OK) {
		page_free(pages, HOST_STACK_SIZE);
		return 0;
	}
	next_stack = base + HOST_STACK_SIZE;
	return next_stack;
}

uint64_t hostmap_new_stack(void)
{
	uint64_t top;

	spin_lock(&stack_lock);
	top = free_stacks;
	if (top) {
		free_stacks = *next_free(top);
		*next_free(top) = 0;
	} else {
		top = map_stack();
	}
	spin_unlock(&stack_lock);
	return top;
}

void hostmap_free_stack(uint64_t top)
{
	memset(stack_memory(top), 0, HOST_STACK_SIZE);
	spin_lock(&stack_lock);
	*next_free(top) = free_stacks;
	free_stacks = top;
	spin_unlock(&stack_lock);
}
