// SPDX-License-Identifier: BSD-2-Clause
/*
 * A bundle at any address. libfdt takes a tree only at a multiple of 8; boot loaders hand an initrd over where it lies,
 * U-Boot's bootm at multiples of 4. Only the tree has to move, and not what mkimage -E puts behind it.
 */
#include <string.h>

#include "arch/memmap.h"
#include "lib/fdt.h"
#include "lib/log.h"
#include "mm/page.h"
#include "platform/machine.h"
#include "vm/bundle.h"

/* A tree up to this size is copied. That costs little, and needs no look at what lies before it. */
#define COPY_MAX KIB(256)

static bool overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a < b + b_size && b < a + a_size;
}

/*
 * May the @n bytes (less than 8) before @at be overwritten? They lie in the bundle's own first page, of which the
 * allocator has nothing, so they are free unless something else was reserved there.
 */
static bool is_free_before(hpa_t at, uint64_t n)
{
	hpa_t base = hpa_sub(at, n);

	if (!machine_is_memory(base, n) || machine_closed(base, n) ||
	    config_host_has_module(machine.fdt, base, n))
		return false;
	/* What the reservation block lists is not closed, but something else's. */
	for (unsigned int i = 0; i < machine.nr_reserved; i++)
		if (overlap(base.hpa, n, machine.reserved[i].base.hpa, machine.reserved[i].size))
			return false;
	return true;
}

const void *bundle_align(const void *at, uint64_t size)
{
	uint64_t odd = (uint64_t)(uintptr_t)at % 8, tree;
	struct fdt_header head;
	hpa_t copy;

	if (odd == 0 || size < sizeof(head))
		return at;
	memcpy(&head, at, sizeof(head));
	tree = fdt_totalsize(&head);
	if (fdt_magic(&head) != FDT_MAGIC)
		return at;
	if (tree > size || tree < sizeof(head))
		return at;
	if (tree > COPY_MAX && is_free_before(ptr_to_hpa(at), odd)) {
		uint8_t *to = (uint8_t *)hpa_to_ptr(hpa_sub(ptr_to_hpa(at), odd));

		memmove(to, at, tree);
		return to;
	}
	if (!page_alloc(align_up(tree, PAGE_SIZE), PAGE_SIZE, &copy)) {
		log_error("bundle: it is not aligned to 8 bytes, and no memory is left to copy it");
		return NULL;
	}
	memcpy(hpa_to_ptr(copy), at, tree);
	return hpa_to_ptr(copy);
}
