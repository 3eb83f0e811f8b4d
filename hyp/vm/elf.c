// SPDX-License-Identifier: BSD-2-Clause
#include "vm/elf.h"

#include <string.h>

#include "lib/index.h"
#include "lib/le.h"

/* Elf64_Ehdr */
#define EH_CLASS     4 /* 2: 64 bits */
#define EH_DATA	     5 /* 1: little-endian */
#define EH_TYPE	     16
#define EH_MACHINE   18
#define EH_ENTRY     24
#define EH_PHOFF     32
#define EH_PHENTSIZE 54
#define EH_PHNUM     56
#define EH_SIZE	     64

#define TYPE_EXEC     2
#define TYPE_DYN      3 /* a relocatable vmlinux, which relocates itself */
#define MACHINE_RISCV 243

/* Elf64_Phdr */
#define PH_TYPE	  0 /* 1: PT_LOAD */
#define PH_OFFSET 8
#define PH_VADDR  16
#define PH_PADDR  24
#define PH_FILESZ 32
#define PH_MEMSZ  40
#define PH_SIZE	  56

bool elf_is(const uint8_t *head, uint64_t n)
{
	return n >= 4 && memcmp(head,
				"\x7f"
				"ELF",
				4) == 0;
}

/* Without the segments. */
static const char *check_header(const uint8_t *head, uint64_t n)
{
	uint64_t nr, phoff;

	if (n < EH_SIZE)
		return "an ELF file that is cut short";
	if (head[EH_CLASS] != 2 || head[EH_DATA] != 1 ||
	    get_le16(head + EH_MACHINE) != MACHINE_RISCV)
		return "an ELF file for another machine: must be for riscv64";
	if (get_le16(head + EH_TYPE) != TYPE_EXEC && get_le16(head + EH_TYPE) != TYPE_DYN)
		return "an ELF file that is not linked: must be an executable";
	nr = get_le16(head + EH_PHNUM);
	phoff = get_le64(head + EH_PHOFF);
	if (nr == 0 || get_le16(head + EH_PHENTSIZE) != PH_SIZE)
		return "an ELF file without program headers of 56 bytes: must be an executable";
	if (phoff > n || nr > (n - phoff) / PH_SIZE)
		return "an ELF file whose program headers do not lie in its first 1024 bytes: must have "
		       "them there, 17 at most";
	return NULL;
}

/* @s is new; compared with those before. */
static bool overlaps(const struct elf *e, const struct elf_segment *s)
{
	for (unsigned int i = 0; i < e->nr; i++) {
		const struct elf_segment *other = &e->segment[i];

		if (s->paddr < other->paddr + other->size && other->paddr < s->paddr + s->size)
			return true;
	}
	return false;
}

static const char *add_segment(struct elf *e, const uint8_t *ph, uint64_t size)
{
	struct elf_segment s = {
		.offset = get_le64(ph + PH_OFFSET),
		.file_size = get_le64(ph + PH_FILESZ),
		.vaddr = get_le64(ph + PH_VADDR),
		.paddr = get_le64(ph + PH_PADDR),
		.size = get_le64(ph + PH_MEMSZ),
	};

	if (get_le32(ph + PH_TYPE) != 1 || s.size == 0)
		return NULL;
	if (e->nr == ELF_SEGMENTS_MAX)
		return "an ELF file with more segments to load than 16";
	if (s.file_size > s.size || s.paddr > UINT64_MAX - s.size)
		return "a damaged ELF file: a segment's size is wrong";
	if (s.file_size > size || s.offset > size - s.file_size)
		return "an ELF file that is cut short: a segment lies behind its end";
	if (overlaps(e, &s))
		return "a damaged ELF file: two segments overlap at their physical addresses";
	e->start = e->nr == 0 ? s.paddr : min_u64(e->start, s.paddr);
	e->end = max_u64(e->end, s.paddr + s.size);
	e->segment[index_below(e->nr, ELF_SEGMENTS_MAX)] = s;
	e->nr++;
	return NULL;
}

/* The entry point is a virtual address. */
static const char *find_entry(struct elf *e, uint64_t entry)
{
	if ((entry & 1) != 0)
		return "a damaged ELF file: its entry point is odd";
	for (unsigned int i = 0; i < e->nr; i++) {
		const struct elf_segment *s = &e->segment[i];

		if (entry < s->vaddr || entry - s->vaddr >= s->file_size)
			continue;
		e->entry = s->paddr + (entry - s->vaddr);
		return (e->entry & 1) != 0 ? "a damaged ELF file: its entry point is odd" : NULL;
	}
	return "an ELF file whose entry point lies in none of its segments";
}

const char *elf_read(const uint8_t *head, uint64_t n, uint64_t size, struct elf *out)
{
	const char *problem = check_header(head, n);
	const uint8_t *ph;

	*out = (struct elf){ 0 };
	if (problem)
		return problem;
	ph = head + get_le64(head + EH_PHOFF);
	for (unsigned int i = 0; i < get_le16(head + EH_PHNUM) && !problem; i++)
		problem = add_segment(out, ph + (uint64_t)i * PH_SIZE, size);
	if (problem)
		return problem;
	if (out->nr == 0)
		return "an ELF file without a segment to load: must be an executable";
	return find_entry(out, get_le64(head + EH_ENTRY));
}
