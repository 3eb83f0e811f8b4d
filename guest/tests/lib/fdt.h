/* SPDX-License-Identifier: BSD-2-Clause */
/* What a test guest wants from its device tree, by one walk and no library. */
#ifndef GUEST_FDT_H
#define GUEST_FDT_H

#include <stdbool.h>
#include <stdint.h>

struct machine {
	const void *fdt;
	uint32_t fdt_size;
	const char *bootargs; /* "" when there are none */
	uint64_t ram_base, ram_size;
	unsigned int nr_more_ram; /* ranges of /memory behind the first one */
	struct {
		uint64_t base, size;
	} more_ram[8];
	uint64_t initrd_start, initrd_end;
	const uint8_t *rng_seed; /* NULL: there is none */
	uint32_t rng_seed_len;
	uint32_t timebase;
	unsigned int nr_harts;
	uint64_t hartids[64];
	const char *isa;	    /* riscv,isa of the first cpu */
	const char *isa_extensions; /* riscv,isa-extensions of the first cpu, a string list */
	uint32_t isa_extensions_len;
	uint32_t pv_eid;	 /* of /hypervisor; 0: there is none */
	const char *pv_features; /* a string list */
	uint32_t pv_features_len;
	uint64_t probe_base; /* of /soc/probe@..., the tests' own device; 0: there is none */
	uint32_t probe_irq;
	const char *probe_mode;
	unsigned int nr_pmem; /* /pmem@... */
	struct {
		uint64_t base, size;
	} pmem[4];
	unsigned int nr_shared; /* /soc/shared@... */
	struct {
		uint64_t regs, base, size;
		uint32_t irq;
		bool read_only;
	} shared[4];
	uint64_t pv_lock_base, pv_lock_size; /* of /reserved-memory/pv-lock@... */
};

extern struct machine machine;

void machine_init(const void *fdt);

/* machine_has - does the first cpu's node list extension @name ("sstc", "v")? */
bool machine_has(const char *name);

/* machine_pv - does /hypervisor list @feature ("kick-cpu")? */
bool machine_pv(const char *feature);

/* machine_arg - the number behind "name=" in the boot arguments, or @otherwise. */
unsigned long machine_arg(const char *name, unsigned long otherwise);

#endif
