/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A part that exists only here: a device with two properties, an interrupt, registers, a node, and state. This file is
 * all of it; tests/unit/vm/test_parts.c tells that it works.
 */
#include "dev/mmio.h"
#include "irqchip/virqchip.h"
#include "vcpu/vm_part.h"

#define PROBE_BASE UINT64_C(0x10100000)
#define PROBE_SIZE UINT64_C(0x1000)
#define PROBE_IRQ  20

struct probe_config {
	uint32_t level;
	unsigned int mode;
};

struct probe {
	struct virq irq;
	struct probe_config config;
	uint32_t phandle;
	uint32_t written; /* the guest's; not 0: its line is high */
};

static const char *const modes[] = { "quick", "slow", "off", NULL };

static const struct property rows[] = {
	PROPERTY_U32("probe-level", struct probe_config, level, 2, 9),
	PROPERTY_WORD("probe-mode", struct probe_config, mode, modes),
};

static const struct probe_config initial = { .level = 5 };

static uint64_t probe_read(void *dev, uint64_t off, unsigned int len)
{
	const struct probe *p = dev;

	(void)len;
	return off == 0 ? p->written : p->config.level;
}

static void probe_write(void *dev, uint64_t off, unsigned int len, uint64_t val)
{
	struct probe *p = dev;

	(void)off, (void)len;
	p->written = (uint32_t)val;
	virq_set_level(p->irq, p->written != 0);
}

static const struct mmio_ops probe_ops = { probe_read, probe_write, NULL };

static int probe_create(struct vm *vm, const struct vm_part_args *args, void **state)
{
	struct probe *p = arena_new(&vm->arena, struct probe);

	if (!p)
		return HV_ENOMEM;
	p->config = *(const struct probe_config *)args->config;
	if (p->config.level == 9 && p->config.mode == 0) {
		config_error(args->node, "probe-level",
			     "must be below 9 with probe-mode \"quick\"");
		return HV_EINVAL;
	}
	p->irq = virq_of(vm, PROBE_IRQ);
	p->phandle = vm_new_phandle(vm);
	*state = p;
	return mmio_add(vm->bus, gpa(PROBE_BASE), PROBE_SIZE, &probe_ops, p, "probe");
}

static void probe_reset(void *state)
{
	struct probe *p = state;

	p->written = 0;
	virq_set_level(p->irq, false);
}

static void probe_destroy(void *state)
{
	probe_reset(state);
	((struct probe *)state)->config.level = 0;
}

static void probe_describe(const void *state, struct fdtw *w, enum vm_place place)
{
	const struct probe *p = state;

	if (place != VM_PLACE_SOC || p->config.mode == 2)
		return;
	fdtw_begin_device(w, "probe", "probe0", p->phandle, PROBE_BASE, PROBE_SIZE);
	fdtw_string(w, "compatible", "hartvisor,probe");
	fdtw_string(w, "mode", modes[index_below(p->config.mode, ARRAY_SIZE(modes))]);
	virq_describe(p->irq, w);
	fdtw_end(w);
}

VM_PART(probe) = {
	.name = "probe",
	.order = VM_PART_DEVICE,
	VM_PART_CONFIG(rows, initial),
	.create = probe_create,
	.reset = probe_reset,
	.destroy = probe_destroy,
	.describe = probe_describe,
};
