// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: platform/machine.c hyp/arch/isa.c hyp/lib/fdt.c tests/fuzz/common/tree_mutator.c
/* The host's tree: memory, what of it is taken, harts, /chosen. */
#include "common/fuzz.h"

#include "arch/memmap.h"
#include "fake/log.h"
#include "lib/fdt.h"
#include "platform/machine.h"

/* Behind the tree there is memory, as on a machine. */
#define CAP KIB(64)

static void check_memory(void)
{
	uint64_t sum = 0;

	fuzz_must(machine.nr_memory > 0 && machine.nr_memory <= MACHINE_MAX_MEMORY);
	for (unsigned int i = 0; i < machine.nr_memory; i++) {
		const struct machine_range *m = &machine.memory[i];

		fuzz_must(m->size > 0 && m->base.hpa + m->size > m->base.hpa);
		fuzz_must(m->base.hpa + m->size <= DIRECT_MAP_SIZE);
		fuzz_must(i == 0 || m->base.hpa >= m[-1].base.hpa + m[-1].size);
		fuzz_must(machine_is_memory(m->base, m->size));
		fuzz_must(machine_touches_memory(m->base, 1));
		sum += m->size;
	}
	fuzz_must(sum == machine.memory_bytes);
	fuzz_must(machine.nr_reserved <= MACHINE_MAX_RESERVED);
	for (unsigned int i = 0; i < machine.nr_reserved; i++)
		fuzz_must(machine.reserved[i].base.hpa + machine.reserved[i].size >=
			  machine.reserved[i].base.hpa);
}

/* All that the tree calls memory is taken for it; of too many ranges the last ones are left out. */
static void check_nothing_is_lost(const void *fdt)
{
	unsigned int ranges = 0;
	uint64_t base, size;
	int node;

	fdtx_for_each_child(fdt, 0, node) {
		const char *type = fdtx_prop_string(fdt, node, "device_type");

		if (!type || strcmp(type, "memory") != 0 || !fdtx_is_available(fdt, node))
			continue;
		for (unsigned int i = 0; fdtx_reg(fdt, node, i, &base, &size) == HV_OK; i++)
			if (size > 0 && base + size <= DIRECT_MAP_SIZE &&
			    ++ranges <= MACHINE_MAX_MEMORY)
				fuzz_must(machine_is_memory(hpa(base), size));
	}
}

static void check_cpus(void)
{
	unsigned int usable = 0;

	fuzz_must(machine.nr_cpus > 0 && machine.nr_cpus <= MAX_PCPUS);
	fuzz_must(machine.nr_cpus <= machine.total_cpus);
	for (unsigned int i = 0; i < machine.nr_cpus; i++) {
		const struct machine_cpu *c = &machine.cpus[i];

		usable += c->available;
		for (unsigned int j = 0; j < i; j++)
			fuzz_must(machine.cpus[j].hartid != c->hartid);
	}
	fuzz_must(usable > 0);
	fuzz_must(machine.timebase > 0);
}

static void check_chosen(const uint8_t *tree)
{
	const uint8_t *end = tree + fdt_totalsize(tree);

	fuzz_must((const uint8_t *)machine.bootargs >= tree || machine.bootargs[0] == '\0');
	if (machine.initrd_size)
		fuzz_must(machine.initrd.hpa + machine.initrd_size > machine.initrd.hpa);
	if (machine.rng_seed_size == 0)
		return;
	fuzz_must(machine.rng_seed > tree && machine.rng_seed + machine.rng_seed_size <= end);
	machine_erase_rng_seed();
	fuzz_must(fdtx_check(tree, fdt_totalsize(tree)) == HV_OK);
	fuzz_must(machine.rng_seed_size == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *tree;

	if (size > CAP / 2)
		return 0;
	tree = aligned_alloc(PAGE_SIZE, CAP);
	memset(tree, 0, CAP);
	memcpy(tree, data, size);
	fake_log_reset();
	machine_set_image(hpa(0x80200000), MIB(1));
	if (machine_parse(tree) == HV_OK) {
		check_memory();
		check_nothing_is_lost(tree);
		check_cpus();
		check_chosen(tree);
		(void)machine_closed(hpa(0x80000000), MIB(4));
	} else {
		fuzz_must(fake_log_count > 0);
	}
	fuzz_log_is_plain();
	free(tree);
	return 0;
}
