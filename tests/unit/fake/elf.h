/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes ELF files of 64 bits for RISC-V. */
#ifndef FAKE_ELF_H
#define FAKE_ELF_H

#include <stdint.h>
#include <string.h>

/* Offsets of Elf64_Ehdr and of the program header @i. */
#define ELF_PH(i) (64 + 56 * (i))

static inline void elf_put(uint8_t *p, unsigned int bytes, uint64_t v)
{
	for (unsigned int i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

/* The header of a file with @nr program headers. */
static inline void elf_header(uint8_t *file, unsigned int nr, uint64_t entry)
{
	memcpy(file,
	       "\x7f"
	       "ELF\2\1\1\0\0\0\0\0\0\0\0\0",
	       16);
	elf_put(file + 16, 2, 2);
	elf_put(file + 18, 2, 243);
	elf_put(file + 20, 4, 1);
	elf_put(file + 24, 8, entry);
	elf_put(file + 32, 8, 64);
	elf_put(file + 54, 2, 56);
	elf_put(file + 56, 2, nr);
}

/* Program header @i: a segment to be loaded. */
static inline void elf_load(uint8_t *file, unsigned int i, uint64_t offset, uint64_t vaddr,
			    uint64_t paddr, uint64_t file_size, uint64_t size)
{
	uint8_t *p = file + ELF_PH(i);

	elf_put(p, 4, 1);
	elf_put(p + 4, 4, 7);
	elf_put(p + 8, 8, offset);
	elf_put(p + 16, 8, vaddr);
	elf_put(p + 24, 8, paddr);
	elf_put(p + 32, 8, file_size);
	elf_put(p + 40, 8, size);
	elf_put(p + 48, 8, 4096);
}

#endif
