/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kicks without the firmware: the supervisor software interrupt device of a RISC-V ACLINT (specification
 * 1.0-rc4, "Supervisor-level Software Interrupt Device"). It has a register SETSSIP for each hart, in the
 * order of interrupts-extended; writing 1 sets that hart's sip.SSIP, which the hart clears itself. A machine
 * may have several, for some of its harts each. Where a node is wrong the kicks stay what they are without
 * it: IPIs by SBI.
 */
#include <inttypes.h>

#include "arch/csr.h"
#include "arch/mmu.h"
#include "arch/smp.h"
#include "lib/fdt.h"
#include "lib/log.h"
#include "platform/driver.h"
#include "platform/hart_intc.h"

#define SSWI_MAX_HARTS 4095 /* of one device */
#define SETSSIP_SIZE   4

/* SSIP is there when a store to the hart's own register has been done; how often to look for it. */
#define SELF_TEST_LOOKS 10000

struct sswi {
	const void *fdt;
	int node;
	uint32_t harts; /* entries of interrupts-extended */
	uint64_t base;
	volatile uint32_t *setssip;
	char path[FDTX_PATH_MAX];
};

#define sswi_wrong(s, fmt, ...)                                                                 \
	({                                                                                      \
		log_warn("%s: " fmt "; kicks go by SBI", (s)->path __VA_OPT__(, ) __VA_ARGS__); \
		HV_EINVAL;                                                                      \
	})

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

static int check_reg(struct sswi *s)
{
	uint64_t size;

	if (fdtx_reg(s->fdt, s->node, 0, &s->base, &size))
		return sswi_wrong(s, "reg: has to be an address and a size");
	if (s->base % SETSSIP_SIZE != 0)
		return sswi_wrong(s, "reg: address %#" PRIx64 " has to be a multiple of 4",
				  s->base);
	if (size < SETSSIP_SIZE * (uint64_t)s->harts)
		return sswi_wrong(s,
				  "reg: size %#" PRIx64
				  " has to be %#x at least, 4 for each hart of "
				  "interrupts-extended",
				  size, SETSSIP_SIZE * s->harts);
	return HV_OK;
}

static volatile uint32_t *setssip_of(const struct sswi *s, const struct pcpu *p)
{
	int entry = hart_intc_entry(s->fdt, s->node, p->hartid, IRQ_S_SOFT);

	return entry < 0 ? NULL : s->setssip + entry;
}

/* Our own register, before anybody relies on one: the firmware may have closed them, the tree may lie. */
static int self_test(const struct sswi *s)
{
	volatile uint32_t *own = setssip_of(s, this_pcpu());
	bool raised = false;

	if (!own)
		return HV_OK;
	csr_clear(CSR_SIP, BIT(IRQ_S_SOFT));
	if (!device_try_write32(own, 1))
		return sswi_wrong(s,
				  "reg: a store to SETSSIP at %#" PRIx64
				  " faults: the firmware has to leave it to supervisor mode",
				  s->base + (uint64_t)((uintptr_t)own - (uintptr_t)s->setssip));
	for (unsigned int i = 0; i < SELF_TEST_LOOKS && !raised; i++)
		raised = (csr_read(CSR_SIP) & BIT(IRQ_S_SOFT)) != 0;
	csr_clear(CSR_SIP, BIT(IRQ_S_SOFT));
	if (!raised)
		return sswi_wrong(s,
				  "reg: SETSSIP at %#" PRIx64 " has to raise sip.SSIP of hart "
				  "%" PRIu64 ", and does not",
				  s->base + (uint64_t)((uintptr_t)own - (uintptr_t)s->setssip),
				  this_pcpu()->hartid);
	return HV_OK;
}

static void take_harts(const struct sswi *s)
{
	unsigned int taken = 0;

	for (unsigned int i = 0; i < nr_pcpus; i++) {
		volatile uint32_t *setssip = setssip_of(s, pcpus[i]);

		if (!setssip)
			continue;
		smp_set_kick_register(pcpus[i], setssip);
		taken++;
	}
	log_info("kicks: by ACLINT SSWI %s to %u of %u harts", s->path, taken, nr_pcpus);
}

static int sswi_probe(const void *fdt, int node)
{
	struct sswi s = { .fdt = fdt, .node = node };

	fdtx_path(fdt, node, s.path, sizeof(s.path));
	if (check_harts(&s) || check_reg(&s))
		return HV_EINVAL;
	s.setssip = device_map(hpa(s.base), SETSSIP_SIZE * (uint64_t)s.harts);
	if (!s.setssip) {
		(void)sswi_wrong(&s, "reg: no room for a window onto %#" PRIx64, s.base);
		return HV_ENOMEM;
	}
	if (self_test(&s))
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
