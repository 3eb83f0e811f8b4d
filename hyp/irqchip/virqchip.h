/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM's interrupt controller, as its devices see it: a device holds a virq, one source of a controller, and names no
 * controller. What a controller is, only its own file knows.
 */
#ifndef IRQCHIP_VIRQCHIP_H
#define IRQCHIP_VIRQCHIP_H

#include "lib/fdt_writer.h"
#include "vcpu/vm.h"

struct virqchip;

struct virqchip_ops {
	/* set_level - the line of @source is high or low. pulse - it was high for a moment, which is not lost. */
	void (*set_level)(struct virqchip *chip, unsigned int source, bool high);
	void (*pulse)(struct virqchip *chip, unsigned int source);
	/* put_specifier - `interrupts` of the node that has @source, in the controller's #interrupt-cells. */
	void (*put_specifier)(const struct virqchip *chip, unsigned int source, struct fdtw *w);
};

/* Part of the controller's own structure. */
struct virqchip {
	const struct virqchip_ops *ops;
	uint32_t phandle; /* of its node in the guest's tree */
	gpa_t base;	  /* of its registers: what `reg` of that node says */
};

struct virq {
	struct virqchip *chip;
	unsigned int source;
};

/* virq_of - source @source of @vm's controller, which exists. */
static inline struct virq virq_of(const struct vm *vm, unsigned int source)
{
	return (struct virq){ vm->irqchip, source };
}

/* Any hart; the caller may hold its device's lock, as no controller calls a device. */
static inline void virq_set_level(struct virq irq, bool high)
{
	irq.chip->ops->set_level(irq.chip, irq.source, high);
}

static inline void virq_pulse(struct virq irq)
{
	irq.chip->ops->pulse(irq.chip, irq.source);
}

/* virq_describe - `interrupts` and `interrupt-parent` of the device's node. */
static inline void virq_describe(struct virq irq, struct fdtw *w)
{
	irq.chip->ops->put_specifier(irq.chip, irq.source, w);
	fdtw_u32(w, "interrupt-parent", irq.chip->phandle);
}

#endif
