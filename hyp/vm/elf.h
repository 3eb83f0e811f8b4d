/* SPDX-License-Identifier: BSD-2-Clause */
/* A kernel as an ELF file: what of it goes where. Only 64 bits, little-endian, RISC-V; only its headers are read. */
#ifndef VM_ELF_H
#define VM_ELF_H

#include "lib/types.h"

#define ELF_SEGMENTS_MAX 16

struct elf_segment {
	uint64_t offset; /* in the file */
	uint64_t file_size;
	uint64_t vaddr, paddr;
	uint64_t size; /* in memory; what the file has not is zero */
};

struct elf {
	unsigned int nr;
	struct elf_segment
		segment[ELF_SEGMENTS_MAX]; /* none empty, none overlaps another in memory */
	uint64_t start, end;		   /* physical: all of them */
	uint64_t entry;			   /* likewise */
};

/* elf_is - does it begin as an ELF file of any kind? */
bool elf_is(const uint8_t *head, uint64_t n);

/*
 * elf_read - of a file of @size bytes, or more, of which the first @n are at @head. The segments that are to be loaded lie
 * within @size. Returns NULL, or what is wrong and what is allowed.
 */
const char *elf_read(const uint8_t *head, uint64_t n, uint64_t size, struct elf *out);

#endif
