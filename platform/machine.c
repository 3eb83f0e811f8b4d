/* SPDX-License-Identifier: BSD-2-Clause */
#include "platform/machine.h"

#include <inttypes.h>
#include <string.h>

#include "arch/memmap.h"
#include "lib/fdt.h"
#include "lib/log.h"

struct machine machine;

/* A tree may be wrong in thousands of places; the first few tell enough. */
#define MAX_PROBLEMS 16

static struct machine_range own_image;

static unsigned int problems;

#define tree_problem(level, ...)                    \
	do {                                        \
		if (problems++ < MAX_PROBLEMS)      \
			log_at(level, __VA_ARGS__); \
	} while (0)

#define tree_error(...) tree_problem(LOG_ERROR, __VA_ARGS__)
#define tree_warn(...)	tree_problem(LOG_WARN, __VA_ARGS__)

/* --- memory --------------------------------------------------------------------------------------- */

/* Insert in order; the allocator must be given no byte twice. */
static int insert_memory(uint64_t base, uint64_t size)
{
	unsigned int at = machine.nr_memory;

	if (at == MACHINE_MAX_MEMORY)
		return HV_EOVERFLOW;
	for (; at > 0 && machine.memory[at - 1].base.hpa > base; at--)
		machine.memory[at] = machine.memory[at - 1];
	machine.memory[at] = (struct machine_range){ hpa(base), size };
	machine.nr_memory++;
	return HV_OK;
}

static void merge_memory(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < machine.nr_memory; i++) {
		struct machine_range *last = n ? &machine.memory[n - 1] : NULL;
		struct machine_range r = machine.memory[i];

		if (last && r.base.hpa <= last->base.hpa + last->size)
			last->size = max_u64(last->base.hpa + last->size, r.base.hpa + r.size) -
				     last->base.hpa;
		else
			machine.memory[n++] = r;
	}
	machine.nr_memory = n;
	for (unsigned int i = 0; i < n; i++)
		machine.memory_bytes += machine.memory[i].size;
}

static void add_memory(const void *fdt, int node, uint64_t base, uint64_t size)
{
	char path[FDTX_PATH_MAX];
	uint64_t top = min_u64(base + size, DIRECT_MAP_SIZE);

	if (top < base + size)
		tree_warn("%s: memory from 0x%" PRIx64 " on is too high to be used",
			  fdtx_path(fdt, node, path, sizeof(path)), max_u64(base, DIRECT_MAP_SIZE));
	if (top <= base)
		return;
	if (insert_memory(base, top - base) != HV_OK)
		tree_warn("%s: more than %d ranges of memory; 0x%" PRIx64 " bytes at 0x%" PRIx64
			  " are left out",
			  fdtx_path(fdt, node, path, sizeof(path)), MACHINE_MAX_MEMORY, size, base);
}

static void parse_memory_node(const void *fdt, int node)
{
	char path[FDTX_PATH_MAX];
	uint64_t base, size;
	int err;

	for (unsigned int i = 0; (err = fdtx_reg(fdt, node, i, &base, &size)) == HV_OK; i++)
		add_memory(fdt, node, base, size);
	if (err == HV_EINVAL)
		tree_error(
			"%s: reg: not a list of addresses and sizes by the root's #address-cells "
			"and #size-cells",
			fdtx_path(fdt, node, path, sizeof(path)));
}

static int parse_memory(const void *fdt)
{
	int node;

	fdtx_for_each_child(fdt, 0, node) {
		const char *type = fdtx_prop_string(fdt, node, "device_type");

		if (type && strcmp(type, "memory") == 0 && fdtx_is_available(fdt, node))
			parse_memory_node(fdt, node);
	}
	merge_memory();
	if (machine.memory_bytes == 0) {
		log_error("the device tree has no memory: a node /memory@... with device_type = "
			  "\"memory\" and reg is needed");
		return HV_EINVAL;
	}
	return HV_OK;
}

/* Neither range wraps around: fdtx_reg() refuses such, add_reserved() cuts them. */
static bool overlap(hpa_t a, uint64_t a_size, hpa_t b, uint64_t b_size)
{
	return a.hpa < b.hpa + b_size && b.hpa < a.hpa + a_size;
}

bool machine_is_memory(hpa_t base, uint64_t size)
{
	for (unsigned int i = 0; i < machine.nr_memory; i++) {
		const struct machine_range *r = &machine.memory[i];

		if (base.hpa >= r->base.hpa && base.hpa - r->base.hpa <= r->size)
			return size <= r->size - (base.hpa - r->base.hpa);
	}
	return false;
}

bool machine_touches_memory(hpa_t base, uint64_t size)
{
	for (unsigned int i = 0; i < machine.nr_memory; i++)
		if (overlap(base, size, machine.memory[i].base, machine.memory[i].size))
			return true;
	return false;
}

/* --- what of it is taken -------------------------------------------------------------------------- */

void machine_set_image(hpa_t base, uint64_t size)
{
	own_image = (struct machine_range){ base, size };
}

const char *machine_closed(hpa_t base, uint64_t size)
{
	if (overlap(base, size, own_image.base, own_image.size))
		return "must not overlap hartvisor itself";
	for (unsigned int i = 0; i < machine.nr_reserved; i++) {
		const struct machine_reserved *r = &machine.reserved[i];

		if (r->closed && overlap(base, size, r->base, r->size))
			return r->closed;
	}
	return NULL;
}

static int add_reserved(uint64_t base, uint64_t size, const char *closed)
{
	if (size == 0)
		return HV_OK;
	if (base + size < base)
		size = UINT64_MAX - base;
	if (machine.nr_reserved == MACHINE_MAX_RESERVED) {
		log_error("the device tree reserves more than %d ranges of memory",
			  MACHINE_MAX_RESERVED);
		return HV_EOVERFLOW;
	}
	machine.reserved[machine.nr_reserved++] =
		(struct machine_reserved){ hpa(base), size, closed };
	return HV_OK;
}

/* A child without `reg` asks the system for some memory of its choice: nothing is there yet. */
static int reserve_node(const void *fdt, int node)
{
	char path[FDTX_PATH_MAX];
	uint64_t base, size;
	int err;

	for (unsigned int i = 0; (err = fdtx_reg(fdt, node, i, &base, &size)) == HV_OK; i++) {
		err = add_reserved(base, size, "must not overlap /reserved-memory");
		if (err)
			return err;
	}
	if (err == HV_ENOENT)
		return HV_OK;
	tree_error("%s: reg: not a list of addresses and sizes by /reserved-memory's "
		   "#address-cells and #size-cells",
		   fdtx_path(fdt, node, path, sizeof(path)));
	return err;
}

static int parse_reserved(const void *fdt)
{
	int blocks = fdt_num_mem_rsv(fdt);
	int parent = fdt_path_offset(fdt, "/reserved-memory");
	int err = add_reserved(ptr_to_hpa(fdt).hpa, fdt_totalsize(fdt),
			       "must not overlap the device tree");
	int node;

	for (int i = 0; !err && i < blocks; i++) {
		uint64_t base, size;

		if (fdt_get_mem_rsv(fdt, i, &base, &size) == 0)
			err = add_reserved(base, size, NULL);
	}
	if (err || parent < 0)
		return err;
	fdtx_for_each_child(fdt, parent, node) {
		err = reserve_node(fdt, node);
		if (err)
			return err;
	}
	return HV_OK;
}

/* --- harts ---------------------------------------------------------------------------------------- */

static unsigned int parse_va_bits(const void *fdt, int node)
{
	const char *type = fdtx_prop_string(fdt, node, "mmu-type");

	if (type && strcmp(type, "riscv,sv48") == 0)
		return 48;
	if (type && strcmp(type, "riscv,sv57") == 0)
		return 57;
	return 39; /* what every hart with an MMU of 64 bits has */
}

static bool is_cpu_node(const void *fdt, int node)
{
	const char *type = fdtx_prop_string(fdt, node, "device_type");

	return type && strcmp(type, "cpu") == 0;
}

static bool is_known_hart(uint64_t hartid)
{
	for (unsigned int i = 0; i < machine.nr_cpus; i++)
		if (machine.cpus[i].hartid == hartid)
			return true;
	return false;
}

static void parse_cpu(const void *fdt, int node)
{
	char path[FDTX_PATH_MAX];
	struct machine_cpu *cpu = &machine.cpus[machine.nr_cpus];
	uint64_t hartid;

	machine.total_cpus++;
	fdtx_path(fdt, node, path, sizeof(path));
	if (fdtx_reg(fdt, node, 0, &hartid, NULL) != HV_OK) {
		tree_error("%s: reg: must be the hart's number, of one or two cells", path);
		return;
	}
	if (is_known_hart(hartid)) {
		tree_error("%s: reg: hart %" PRIu64 " has a node already", path, hartid);
		return;
	}
	if (machine.nr_cpus == MAX_PCPUS)
		return;
	*cpu = (struct machine_cpu){ .hartid = hartid };
	machine.nr_cpus++;
	if (!fdtx_is_available(fdt, node))
		return;
	if (isa_parse_cpu(fdt, node, &cpu->isa) != HV_OK) {
		tree_error("%s: no usable riscv,isa-extensions or riscv,isa of rv64i; hart %" PRIu64
			   " is left out",
			   path, hartid);
		return;
	}
	cpu->available = true;
	cpu->has_h = isa_has(&cpu->isa.set, ISA_H);
	cpu->has_d = isa_has(&cpu->isa.set, ISA_D);
	cpu->va_bits = parse_va_bits(fdt, node);
}

static unsigned int add_usable_cpus(bool only_with_h_and_d)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < machine.nr_cpus; i++) {
		const struct machine_cpu *cpu = &machine.cpus[i];

		if (!cpu->available || (only_with_h_and_d && !(cpu->has_h && cpu->has_d)))
			continue;
		isa_machine_add(&cpu->isa);
		machine.va_bits = (unsigned int)min_u64(machine.va_bits, cpu->va_bits);
		n++;
	}
	return n;
}

static int parse_timebase(const void *fdt, int cpus, int first_cpu)
{
	uint64_t ticks = 0;

	/* Old trees have it in each cpu's node. */
	if (fdtx_prop_u64(fdt, cpus, "timebase-frequency", &ticks) == HV_ENOENT && first_cpu >= 0)
		fdtx_prop_u64(fdt, first_cpu, "timebase-frequency", &ticks);
	machine.timebase = ticks;
	if (ticks != 0)
		return HV_OK;
	log_error("/cpus: timebase-frequency: must be the ticks per second, of one or two cells");
	return HV_EINVAL;
}

static int parse_cpus(const void *fdt)
{
	int cpus = fdt_path_offset(fdt, "/cpus");
	int first_cpu = -1;
	int node, err;

	if (cpus < 0) {
		log_error("the device tree has no /cpus");
		return HV_EINVAL;
	}
	machine.va_bits = 57;
	fdtx_for_each_child(fdt, cpus, node) {
		if (!is_cpu_node(fdt, node))
			continue;
		if (first_cpu < 0)
			first_cpu = node;
		parse_cpu(fdt, node);
	}
	err = parse_timebase(fdt, cpus, first_cpu);
	if (machine.total_cpus > MAX_PCPUS)
		tree_warn("the machine has %u harts; %d are used", machine.total_cpus, MAX_PCPUS);
	if (add_usable_cpus(true) == 0 && add_usable_cpus(false) == 0) {
		log_error("/cpus: no hart that could be used: a cpu node needs device_type, reg, "
			  "status = \"okay\" and riscv,isa-extensions");
		err = HV_EINVAL;
	}
	return err;
}

/* --- /chosen -------------------------------------------------------------------------------------- */

static int parse_initrd(const void *fdt, int chosen)
{
	uint64_t start = 0, end = 0;
	const char *closed;
	int no_start = fdtx_prop_u64(fdt, chosen, "linux,initrd-start", &start);
	int no_end = fdtx_prop_u64(fdt, chosen, "linux,initrd-end", &end);

	if (no_start == HV_ENOENT && no_end == HV_ENOENT)
		return HV_OK;
	if (no_start || no_end || end <= start) {
		tree_error(
			"/chosen: linux,initrd-start, linux,initrd-end: must both be there, of one or "
			"two cells, the start below the end; the initrd is not used");
		return HV_OK;
	}
	if (!machine_is_memory(hpa(start), end - start)) {
		tree_error("/chosen: linux,initrd-start = 0x%" PRIx64
			   ", linux,initrd-end = 0x%" PRIx64
			   ": not within the machine's memory; the initrd is not used",
			   start, end);
		return HV_OK;
	}
	closed = machine_closed(hpa(start), end - start);
	if (closed) {
		tree_error("/chosen: linux,initrd-start = 0x%" PRIx64
			   ", linux,initrd-end = 0x%" PRIx64 ": %s; the initrd is not used",
			   start, end, closed);
		return HV_OK;
	}
	machine.initrd = hpa(start);
	machine.initrd_size = end - start;
	return add_reserved(start, end - start, NULL);
}

static int parse_chosen(const void *fdt)
{
	int chosen = fdt_path_offset(fdt, "/chosen");
	const char *bootargs;
	int len;

	if (chosen < 0)
		return HV_OK;
	bootargs = fdtx_prop_string(fdt, chosen, "bootargs");
	if (bootargs)
		machine.bootargs = bootargs;
	machine.stdout_path = fdtx_prop_string(fdt, chosen, "stdout-path");
	machine.rng_seed = fdt_getprop(fdt, chosen, "rng-seed", &len);
	if (machine.rng_seed && len > 0)
		machine.rng_seed_size = (unsigned int)len;
	return parse_initrd(fdt, chosen);
}

void machine_erase_rng_seed(void)
{
	void *fdt = hpa_to_ptr(ptr_to_hpa(machine.fdt));
	int chosen = fdt_path_offset(fdt, "/chosen");

	/* A broken tree may have it twice. */
	while (machine.rng_seed_size != 0 && fdt_nop_property(fdt, chosen, "rng-seed") == 0)
		;
	machine.rng_seed = NULL;
	machine.rng_seed_size = 0;
}

int machine_parse(const void *fdt)
{
	const char *problem = fdtx_problem(fdt, MACHINE_MAX_FDT);
	int err, first = HV_OK;

	memset(&machine, 0, sizeof(machine));
	problems = 0;
	isa_machine_reset();
	machine.bootargs = "";
	if (problem) {
		log_error("the machine's device tree is unusable: %s", problem);
		return HV_EINVAL;
	}
	machine.fdt = fdt;

	/* All of them, so that each problem is told at the first try. */
	int (*const parts[])(const void *) = { parse_memory, parse_reserved, parse_cpus,
					       parse_chosen };

	for (unsigned int i = 0; i < ARRAY_SIZE(parts); i++) {
		err = parts[i](fdt);
		if (err && !first)
			first = err;
	}
	if (problems > MAX_PROBLEMS)
		log_error("the device tree has %u more problems", problems - MAX_PROBLEMS);
	return first;
}
