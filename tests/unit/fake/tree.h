/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device trees for tests, written with libfdt: one like QEMU's virt, and ways to break it.
 */
#ifndef FAKE_TREE_H
#define FAKE_TREE_H

#include <libfdt.h>

#include "lib/types.h"

/* Writing: each aborts the test program when libfdt refuses. */
void tree_begin(void *buf, size_t cap);
void tree_node(void *buf, const char *name);
void tree_end_node(void *buf);
void tree_cells(void *buf, const char *name, unsigned int n, ...); /* n times uint32_t */
void tree_string(void *buf, const char *name, const char *s);
void tree_bytes(void *buf, const char *name, const void *bytes, size_t n);
size_t tree_finish(void *buf);

/* A list of strings from one literal with \0 inside. */
#define tree_list(buf, name, literal) tree_bytes((buf), (name), (literal), sizeof(literal))

/* What QEMU's rv64 lists. */
#define TREE_ISA \
	"rv64imafdch_zic64b_zicbom_zicbop_zicboz_ziccrse_zicntr_zicsr_zifencei_zawrs_zba_sstc_svadu"

struct tree_virt {
	unsigned int cpus;
	const char *isa;   /* NULL: TREE_ISA */
	uint64_t memory;   /* bytes at 0x80000000; 0: no memory node */
	uint32_t timebase; /* 0: no property */
	uint64_t initrd;   /* 0: none */
	uint64_t initrd_end;
};

/* The size of the tree written to @buf. */
size_t tree_virt(void *buf, size_t cap, const struct tree_virt *what);

/* A reproducible random number. */
uint32_t tree_random(uint32_t *state);

#endif
