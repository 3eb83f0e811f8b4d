// SPDX-License-Identifier: BSD-2-Clause
#include "arch/cache.h"

#include <string.h>

static unsigned int cboz_block; /* bytes; 0: no cbo.zero */
static unsigned int cbom_block; /* bytes; 0: arch_clean_range() does nothing */

static unsigned int usable_block(unsigned int bytes)
{
	bool power_of_two = (bytes & (bytes - 1)) == 0;

	return power_of_two && bytes >= 8 && bytes <= PAGE_SIZE ? bytes : 0;
}

void arch_set_cboz_block(unsigned int bytes)
{
	cboz_block = usable_block(bytes);
}

void arch_set_cbom_block(unsigned int bytes)
{
	cbom_block = usable_block(bytes);
}

/* cbo.clean by its encoding (MISC-MEM, funct3 2, imm 1). */
static void clean_block(const char *p)
{
	__asm__ volatile(".insn i 0x0f, 2, x0, %0, 1" : : "r"(p) : "memory");
}

void arch_clean_range(const void *p, uint64_t len)
{
	const uint64_t block = cbom_block;
	const char *end = (const char *)p + len;

	if (block == 0)
		return;
	for (const char *at = (const char *)align_down((uintptr_t)p, block); at < end; at += block)
		clean_block(at);
	__asm__ volatile("fence" : : : "memory");
}

/* cbo.zero by its encoding (MISC-MEM, funct3 2, imm 4): the assembler need not know Zicboz. */
static void zero_block(char *p)
{
	__asm__ volatile(".insn i 0x0f, 2, x0, %0, 4" : : "r"(p) : "memory");
}

void arch_zero_range(void *p, uint64_t len)
{
	const uint64_t block = cboz_block;
	char *at = p;
	uint64_t head;

	if (block == 0 || len < 2 * block) {
		memset(p, 0, len);
		return;
	}
	head = align_up((uintptr_t)at, block) - (uintptr_t)at;
	memset(at, 0, head);
	for (at += head, len -= head; len >= block; at += block, len -= block)
		zero_block(at);
	memset(at, 0, len);
}

static always_inline char *wipe_block(char *p, uint64_t block, bool clean)
{
	zero_block(p);
	if (clean)
		clean_block(p);
	return p + block;
}

/* Blocks of a round, which costs as much as one of them. */
#define ROUND 4

static always_inline void wipe_blocks(char *at, const char *end, uint64_t block, bool clean)
{
	while (at < end)
		for (unsigned int i = 0; i < ROUND; i++)
			at = wipe_block(at, block, clean);
}

void arch_wipe_range(void *p, uint64_t len)
{
	const uint64_t block = cboz_block;

	if (block == 0 || (cbom_block != 0 && cbom_block != block) ||
	    (((uintptr_t)p | len) & (ROUND * block - 1)) != 0) {
		arch_zero_range(p, len);
		arch_clean_range(p, len);
	} else if (cbom_block != 0) {
		wipe_blocks(p, (char *)p + len, block, true);
		__asm__ volatile("fence" : : : "memory");
	} else {
		wipe_blocks(p, (char *)p + len, block, false);
	}
}

uint64_t arch_wipe_step(void)
{
	return cboz_block ? KIB(64) : KIB(32);
}
