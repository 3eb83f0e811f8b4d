/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kicks without the firmware: the supervisor software interrupt device of a RISC-V ACLINT (specification
 * 1.0-rc4, "Supervisor-level Software Interrupt Device"). It has a register SETSSIP for each hart, in the
 * order of interrupts-extended; writing 1 sets that hart's sip.SSIP, which the hart clears itself. A machine
 * may have several, for some of its harts each. Where a node is wrong the kicks stay what they are without
 * it: IPIs by SBI.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "arch/csr.h"
#include "arch/mmu.h"
#include "arch/smp.h"
#include "lib/fdt.h"
#include "lib/log.h"
#include "platform/driver.h"
#include "platform/hart_intc.h"

#define SSWI_MAX_HARTS 4095 /* of one device */
#define SETSSIP_SIZE   4

/* SSIP need not be there with the next instruction after the store: how often to look for it. */
#define LOOKS 10000

struct sswi {
	const void *fdt;
	int node;
	uint32_t harts; /* entries of interrupts-extended */
	uint64_t base;
	volatile uint32_t *setssip;
	char path[FDTX_PATH_MAX];
};

/* Says what is wrong with a property, and what would be right. */
__attribute__((format(printf, 2, 3))) static int sswi_wrong(const struct sswi *s, const char *fmt,
							    ...)
{
	char what[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	log_warn("%s: %s; kicks go by SBI", s->path, what);
	return HV_EINVAL;
}

static int check_harts(struct sswi *s)
{
	int len;
	const fdt32_t *p = fdt_getprop(s->fdt, s->node, "interrupts-extended", &len);

	if (!p || len <= 0 || len % (2 * (int)sizeof(*p)) != 0)
		return sswi_wrong(s, "interrupts-extended: has to be pairs of a hart's interrupt "
				     "controller and 1");
	s->harts = (uint32_t)len / (2 * sizeof(*p));
	if (s->harts > SSWI_MAX_HARTS)
		return sswi_wrong(s, "interrupts-extended: %u harts, of at most %u", s->harts,
				  SSWI_MAX_HARTS);
	for (uint32_t i = 0; i < s->harts; i++) {
		uint32_t intc = fdt32_to_cpu(p[2 * i]), irq = fdt32_to_cpu(p[2 * i + 1]);

		if (irq != IRQ_S_SOFT)
			return sswi_wrong(s,
					  "interrupts-extended: interrupt %u in pair %u has to be "
					  "%u, a supervisor software interrupt",
					  irq, i, IRQ_S_SOFT);
		if (!hart_intc_exists(s->fdt, intc))
			return sswi_wrong(s,
					  "interrupts-extended: phandle %#x in pair %u has to be a "
					  "hart's interrupt controller, in /cpus",
					  intc, i);
	}
	return HV_OK;
}

static int check_reg(struct sswi *s, const struct driver_reg *reg)
{
	if (reg->err)
		return sswi_wrong(s, "reg: has to be an address and a size");
	s->base = reg->base;
	if (s->base % SETSSIP_SIZE != 0)
		return sswi_wrong(s, "reg: address %#" PRIx64 " has to be a multiple of 4",
				  s->base);
	if (reg->size < SETSSIP_SIZE * (uint64_t)s->harts)
		return sswi_wrong(s,
				  "reg: size %#" PRIx64
				  " has to be %#x at least, 4 for each hart of "
				  "interrupts-extended",
				  reg->size, SETSSIP_SIZE * s->harts);
	return HV_OK;
}

static uint64_t address_of(const struct sswi *s, uint32_t entry)
{
	return s->base + SETSSIP_SIZE * (uint64_t)entry;
}

/* The firmware may have closed what the tree shows; writing 0 has no other effect. */
static int check_open(const struct sswi *s)
{
	for (uint32_t i = 0; i < s->harts; i++)
		if (!device_try_write32(s->setssip + i, 0))
			return sswi_wrong(s,
					  "reg: SETSSIP at %#" PRIx64
					  " has to be there and open to supervisor mode: a store "
					  "faults",
					  address_of(s, i));
	return HV_OK;
}

/* The boot hart's own register, before any code relies on one. */
static int check_raises(const struct sswi *s)
{
	int entry = hart_intc_entry(s->fdt, s->node, this_pcpu()->hartid, IRQ_S_SOFT);
	bool raised = false;

	if (entry < 0)
		return HV_OK;
	csr_clear(CSR_SIP, BIT(IRQ_S_SOFT));
	(void)device_try_write32(s->setssip + entry, 1);
	for (unsigned int i = 0; i < LOOKS && !raised; i++)
		raised = (csr_read(CSR_SIP) & BIT(IRQ_S_SOFT)) != 0;
	csr_clear(CSR_SIP, BIT(IRQ_S_SOFT));
	if (!raised)
		return sswi_wrong(s,
				  "reg: SETSSIP at %#" PRIx64 " has to raise sip.SSIP of hart "
				  "%" PRIu64 ": it does not",
				  address_of(s, (uint32_t)entry), this_pcpu()->hartid);
	return HV_OK;
}

static void take_harts(const struct sswi *s)
{
	unsigned int taken = 0;

	for (unsigned int i = 0; i < nr_pcpus; i++) {
		int entry = hart_intc_entry(s->fdt, s->node, pcpus[i]->hartid, IRQ_S_SOFT);

		if (entry < 0)
			continue;
		smp_set_kick_register(pcpus[i], s->setssip + entry);
		taken++;
	}
	log_info("kicks: by ACLINT SSWI %s to %u of %u harts", s->path, taken, nr_pcpus);
}

static int sswi_probe(const void *fdt, int node, const struct driver_reg *reg)
{
	struct sswi s = { .fdt = fdt, .node = node };

	fdtx_path(fdt, node, s.path, sizeof(s.path));
	if (check_harts(&s) || check_reg(&s, reg))
		return HV_EINVAL;
	s.setssip = device_map(hpa(s.base), SETSSIP_SIZE * (uint64_t)s.harts);
	if (!s.setssip) {
		(void)sswi_wrong(&s, "reg: no room for a window onto %#" PRIx64, s.base);
		return HV_ENOMEM;
	}
	if (check_open(&s) || check_raises(&s))
		return HV_EINVAL;
	take_harts(&s);
	return HV_OK;
}

static const char *const sswi_compatible[] = { "riscv,aclint-sswi", NULL };

DRIVER(aclint_sswi) = {
	.compatible = sswi_compatible,
	.order = DRIVER_DEVICE,
	.probe = sswi_probe,
};
