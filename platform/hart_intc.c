/* SPDX-License-Identifier: BSD-2-Clause */
#include "platform/hart_intc.h"

#include "lib/fdt.h"

/* The phandle of the interrupt controller in @cpu's node; 0: there is none. */
static uint32_t phandle_in(const void *fdt, int cpu)
{
	int child;

	fdtx_for_each_child(fdt, cpu, child)
		if (fdtx_prop_bool(fdt, child, "interrupt-controller"))
			return fdt_get_phandle(fdt, child);
	return 0;
}

bool hart_intc_exists(const void *fdt, uint32_t phandle)
{
	int cpus = fdt_path_offset(fdt, "/cpus");
	int cpu;

	if (cpus < 0 || phandle == 0)
		return false;
	fdtx_for_each_child(fdt, cpus, cpu)
		if (phandle_in(fdt, cpu) == phandle)
			return true;
	return false;
}

/* The phandle of hart @hartid's controller; 0: it has none. One walk over the cpus. */
static uint32_t phandle_of(const void *fdt, uint64_t hartid)
{
	int cpus = fdt_path_offset(fdt, "/cpus");
	int cells = cpus < 0 ? cpus : fdt_address_cells(fdt, cpus);
	int cpu;

	if (cpus < 0 || (cells != 1 && cells != 2))
		return 0;
	fdtx_for_each_child(fdt, cpus, cpu) {
		int len;
		const fdt32_t *reg = fdt_getprop(fdt, cpu, "reg", &len);

		if (!reg || len != cells * (int)sizeof(*reg) ||
		    fdt32_to_cpu(reg[cells - 1]) != (uint32_t)hartid ||
		    (cells == 2 && fdt32_to_cpu(reg[0]) != hartid >> 32))
			continue;
		return phandle_in(fdt, cpu);
	}
	return 0;
}

int hart_intc_entry(const void *fdt, int node, uint64_t hartid, uint32_t irq)
{
	int len;
	const fdt32_t *p = fdt_getprop(fdt, node, "interrupts-extended", &len);
	int n = p && len > 0 ? len / (2 * (int)sizeof(*p)) : 0;
	uint32_t phandle = phandle_of(fdt, hartid);

	for (int i = 0; phandle && i < n; i++)
		if (fdt32_to_cpu(p[2 * i]) == phandle && fdt32_to_cpu(p[2 * i + 1]) == irq)
			return i;
	return HV_ENOENT;
}
