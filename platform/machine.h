/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the host's device tree says about the machine: memory, what of it is taken, harts, time base
 * and /chosen. Filled once by machine_parse() on the boot hart and only read afterwards. Strings
 * point into the tree, which stays in memory (it is among the reserved ranges). Only
 * machine_erase_rng_seed() writes to it.
 */
#ifndef PLATFORM_MACHINE_H
#define PLATFORM_MACHINE_H

#include "arch/isa.h"
#include "arch/pcpu.h"
#include "lib/errno.h"
#include "lib/types.h"

#define MACHINE_MAX_MEMORY   32
#define MACHINE_MAX_RESERVED 64
#define MACHINE_MAX_FDT	     MIB(2) /* a larger tree is refused, as Linux does */

struct machine_range {
	hpa_t base;
	uint64_t size;
};

struct machine_reserved {
	hpa_t base;
	uint64_t size;
	const char *closed; /* what it is, if no image may be read from there; else NULL */
};

struct machine_cpu {
	uint64_t hartid;
	bool available;	      /* `status` says okay, and its ISA is understood */
	bool has_h, has_d;    /* both: it can run guests */
	unsigned int va_bits; /* 39, 48 or 57, by its mmu-type */
	struct isa_cpu isa;
};

struct machine {
	const void *fdt;

	unsigned int nr_memory; /* ordered, without overlaps, below DIRECT_MAP_SIZE */
	struct machine_range memory[MACHINE_MAX_MEMORY];
	uint64_t memory_bytes;

	/*
	 * The memory reservation block, /reserved-memory with a `reg`, the tree itself, the initrd.
	 * May overlap each other and lie outside of memory[].
	 */
	unsigned int nr_reserved;
	struct machine_reserved reserved[MACHINE_MAX_RESERVED];

	unsigned int nr_cpus;	 /* recorded below */
	unsigned int total_cpus; /* cpu nodes in the tree */
	struct machine_cpu cpus[MAX_PCPUS];
	unsigned int va_bits; /* the least of those that can run guests */
	uint64_t timebase;    /* ticks per second */

	const char *bootargs; /* "" when there are none */
	const char
		*stdout_path; /* NULL: none. Without options after a ':' it is a path or an alias */
	hpa_t initrd;
	uint64_t initrd_size;	    /* 0: none */
	const uint8_t *rng_seed;    /* until machine_erase_rng_seed() */
	unsigned int rng_seed_size; /* 0: none */
};

extern struct machine machine;

/*
 * machine_parse - fill `machine` from the tree at @fdt (in the direct map) and tell hyp/arch/isa.h
 * about the harts that can run guests; when none has the H extension, about all that are available,
 * so that isa_machine() then lacks ISA_H. Every problem is one log_error. Returns HV_EINVAL when the
 * tree is broken or lacks memory, a usable cpu or the time base, HV_EOVERFLOW when it reserves more
 * ranges than fit (to forget one would be to overwrite it); other problems only cost what they are
 * about.
 */
int machine_parse(const void *fdt);

/*
 * machine_erase_rng_seed - overwrite /chosen/rng-seed in the tree by NOPs, so that the seed exists in
 * lib/random.c's state alone. For the boot hart, before others read the tree.
 */
void machine_erase_rng_seed(void);

/*
 * machine_set_image - before machine_parse(): hartvisor's own image is at [@base, @base+@size).
 *
 * machine_closed - for a sentence "must not overlap ...": what of hartvisor's image, the device tree and
 * /reserved-memory (the firmware's, which PMP may have closed) any of [@base, @base+@size) belongs to; NULL:
 * none. A boot loader says where images are; this is what they cannot be read from. The memory reservation block
 * is no such thing: boot loaders list the initrd there.
 */
void machine_set_image(hpa_t base, uint64_t size);
const char *machine_closed(hpa_t base, uint64_t size);

/* machine_is_memory - does [base, base + size) lie within one range of the machine's memory? */
bool machine_is_memory(hpa_t base, uint64_t size);

/* machine_touches_memory - is any of [@base, @base + @size), which does not wrap around, the machine's memory? */
bool machine_touches_memory(hpa_t base, uint64_t size);

#endif
