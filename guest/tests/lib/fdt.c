// SPDX-License-Identifier: BSD-2-Clause

#include "fdt.h"
#include "string.h"

enum { BEGIN_NODE = 1, END_NODE = 2, PROP = 3, NOP = 4, END = 9 };

#define MAX_DEPTH 8

struct machine machine = { .bootargs = "", .timebase = 10000000 };

static uint32_t be32(const void *p)
{
	return __builtin_bswap32(*(const uint32_t *)p);
}

static uint64_t be(const void *p, uint32_t len)
{
	return len >= 8 ? (uint64_t)be32(p) << 32 | be32((const char *)p + 4) : be32(p);
}

static void see_cpu(const char *name, const char *data, uint32_t len)
{
	if (!strcmp(name, "reg") && machine.nr_harts < 64)
		machine.hartids[machine.nr_harts++] = be(data, len);
	if (!strcmp(name, "riscv,isa") && !machine.isa)
		machine.isa = data;
	if (!strcmp(name, "riscv,isa-extensions") && !machine.isa_extensions) {
		machine.isa_extensions = data;
		machine.isa_extensions_len = len;
	}
}

static void see_chosen(const char *name, const char *data, uint32_t len)
{
	if (!strcmp(name, "bootargs"))
		machine.bootargs = data;
	if (!strcmp(name, "linux,initrd-start"))
		machine.initrd_start = be(data, len);
	if (!strcmp(name, "linux,initrd-end"))
		machine.initrd_end = be(data, len);
	if (!strcmp(name, "rng-seed")) {
		machine.rng_seed = (const uint8_t *)data;
		machine.rng_seed_len = len;
	}
}

static void see_hypervisor(const char *name, const char *data, uint32_t len)
{
	if (!strcmp(name, "hartvisor,sbi-eid"))
		machine.pv_eid = be32(data);
	if (!strcmp(name, "hartvisor,features")) {
		machine.pv_features = data;
		machine.pv_features_len = len;
	}
}

static void see_probe(const char *name, const char *data, uint32_t len)
{
	if (!strcmp(name, "reg"))
		machine.probe_base = be(data, len);
	if (!strcmp(name, "interrupts"))
		machine.probe_irq = be32(data);
	if (!strcmp(name, "mode"))
		machine.probe_mode = data;
}

/* reg comes first (hyp/dev/shared.c). */
static void see_shared(const char *name, const char *data, uint32_t len)
{
	unsigned int n = machine.nr_shared;

	if (!strcmp(name, "reg") && len == 32 && n < 4) {
		machine.shared[n].regs = be(data, 8);
		machine.shared[n].base = be(data + 16, 8);
		machine.shared[n].size = be(data + 24, 8);
		machine.nr_shared++;
	} else if (n > 0 && !strcmp(name, "read-only")) {
		machine.shared[n - 1].read_only = true;
	} else if (n > 0 && !strcmp(name, "interrupts")) {
		machine.shared[n - 1].irq = be32(data);
	}
}

/* nodes[1] is the top node that the property is below of, nodes[0] the root. */
static void see(const char *const *nodes, int depth, const char *name, const char *data,
		uint32_t len)
{
	if (depth == 2 && starts_with(nodes[1], "memory@") && !strcmp(name, "reg") && len >= 16 &&
	    !machine.ram_size) {
		machine.ram_base = be(data, 8);
		machine.ram_size = be(data + 8, 8);
		for (data += 16, len -= 16; len >= 16 && machine.nr_more_ram < 8;
		     data += 16, len -= 16) {
			unsigned int n = machine.nr_more_ram++;

			machine.more_ram[n].base = be(data, 8);
			machine.more_ram[n].size = be(data + 8, 8);
		}
	}
	if (depth == 2 && starts_with(nodes[1], "pmem@") && !strcmp(name, "reg") && len == 16 &&
	    machine.nr_pmem < 4) {
		unsigned int n = machine.nr_pmem++;

		machine.pmem[n].base = be(data, 8);
		machine.pmem[n].size = be(data + 8, 8);
	}
	if (depth == 2 && !strcmp(nodes[1], "chosen"))
		see_chosen(name, data, len);
	if (depth == 3 && !strcmp(nodes[1], "soc") && starts_with(nodes[2], "probe@"))
		see_probe(name, data, len);
	if (depth == 3 && !strcmp(nodes[1], "soc") && starts_with(nodes[2], "shared@"))
		see_shared(name, data, len);
	if (depth == 2 && !strcmp(nodes[1], "hypervisor"))
		see_hypervisor(name, data, len);
	if (depth == 3 && !strcmp(nodes[1], "reserved-memory") &&
	    starts_with(nodes[2], "pv-lock@") && !strcmp(name, "reg") && len == 16) {
		machine.pv_lock_base = be(data, 8);
		machine.pv_lock_size = be(data + 8, 8);
	}
	if (depth == 2 && !strcmp(nodes[1], "cpus") && !strcmp(name, "timebase-frequency"))
		machine.timebase = be32(data);
	if (depth == 3 && !strcmp(nodes[1], "cpus") && starts_with(nodes[2], "cpu@"))
		see_cpu(name, data, len);
}

void machine_init(const void *fdt)
{
	const char *base = fdt;
	const char *p = base + be32(base + 8);
	const char *strings = base + be32(base + 12);
	const char *nodes[MAX_DEPTH] = { 0 };
	int depth = 0;

	machine.fdt = fdt;
	machine.fdt_size = be32(base + 4);
	for (;;) {
		uint32_t token = be32(p), len;

		p += 4;
		switch (token) {
		case BEGIN_NODE:
			if (depth < MAX_DEPTH)
				nodes[depth] = p;
			depth++;
			p += (strlen(p) + 4) & ~3UL;
			break;
		case END_NODE:
			depth--;
			break;
		case PROP:
			len = be32(p);
			if (depth <= MAX_DEPTH)
				see(nodes, depth, strings + be32(p + 4), p + 8, len);
			p += 8 + ((len + 3) & ~3U);
			break;
		case NOP:
			break;
		default:
			return;
		}
	}
}

static bool list_has(const char *list, uint32_t len, const char *name)
{
	for (const char *p = list; p && p < list + len; p += strlen(p) + 1)
		if (!strcmp(p, name))
			return true;
	return false;
}

bool machine_pv(const char *feature)
{
	return list_has(machine.pv_features, machine.pv_features_len, feature);
}

bool machine_has(const char *name)
{
	const char *p = machine.isa_extensions;

	if (p)
		return list_has(p, machine.isa_extensions_len, name);
	/* "rv64imafdcv_zicsr_...": single letters stand before the first underline. */
	p = machine.isa ? machine.isa : "";
	if (!name[1]) {
		for (p = find(p, "rv64") ? p + 4 : p; *p && *p != '_'; p++)
			if (*p == *name)
				return true;
		return false;
	}
	for (size_t len = strlen(name); (p = find(p, "_")) != NULL;)
		if (starts_with(++p, name) && (p[len] == '_' || p[len] == '\0'))
			return true;
	return false;
}

unsigned long machine_arg(const char *name, unsigned long otherwise)
{
	size_t len = strlen(name);

	for (const char *p = machine.bootargs; (p = find(p, name)) != NULL; p++)
		if ((p == machine.bootargs || p[-1] == ' ') && p[len] == '=')
			return parse_number(p + len + 1);
	return otherwise;
}
