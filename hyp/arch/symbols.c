// SPDX-License-Identifier: BSD-2-Clause
#include "arch/symbols.h"

extern char __image_start[], __text_end[];

extern const uint32_t symbols_count __attribute__((weak));
extern const uint32_t symbols_offsets[] __attribute__((weak));
extern const char symbols_names[] __attribute__((weak));

const char *symbol_find(uint64_t addr, uint64_t *offset)
{
	uint64_t at = addr - (uintptr_t)__image_start;
	const char *name = symbols_names, *found = NULL;

	if (addr < (uintptr_t)__image_start || addr >= (uintptr_t)__text_end)
		return NULL;
	if (&symbols_count == NULL) /* the first link */
		return NULL;
	/* Once, in a panic: no need for anything quicker than from the first to the last. */
	for (uint32_t i = 0; i < symbols_count && symbols_offsets[i] <= at; i++) {
		found = name;
		*offset = at - symbols_offsets[i];
		while (*name++)
			;
	}
	return found;
}
