/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's PLIC (RISC-V Platform-Level Interrupt Controller specification 1.0.0). Each
 * source goes to one pcpu, the one that has the fewest of them, so a handler runs on one hart at a time.
 *
 * plic.lock (LOCK_HOST_PLIC): which source goes where, and the enables that say so. Claims and completions need none. A source
 * moves only while it is not in service: the controller ignores the completion of a source that its target has not enabled.
 */
#include <inttypes.h>

#include "arch/csr.h"
#include "arch/mmu.h"
#include "arch/pcpu.h"
#include "lib/spinlock.h"
#include "lib/fdt.h"
#include "lib/log.h"
#include "platform/driver.h"
#include "platform/hart_intc.h"
#include "platform/host.h"
#include "platform/io.h"

#define PLIC_PRIORITY(irq)  (4 * (uint64_t)(irq))
#define PLIC_ENABLE(ctx)    (0x2000 + 0x80 * (uint64_t)(ctx))
#define PLIC_THRESHOLD(ctx) (0x200000 + 0x1000 * (uint64_t)(ctx))
#define PLIC_CLAIM(ctx)	    (PLIC_THRESHOLD(ctx) + 4)
#define PLIC_MAX_SOURCES    1024
#define PLIC_MAX_CONTEXTS   15872
#define PLIC_MAX_HANDLERS   16

/* One call of the handler takes at most this many claims: a source that storms interrupts again. */
#define PLIC_CLAIM_BATCH 64

#define NO_CONTEXT UINT32_MAX

struct plic_handler {
	uint32_t irq;
	unsigned int pcpu; /* where it goes */
	void (*fn)(void *arg);
	void *arg;
};

static struct {
	volatile uint8_t *regs;
	uint64_t size;
	const void *fdt;
	int node;
	uint32_t sources; /* 1 to sources */
	struct spinlock lock;
	struct plic_handler handlers[PLIC_MAX_HANDLERS];
	unsigned int nr_handlers; /* atomic: what is below it stays but for .pcpu */
} plic;

/* context by pcpu index; written by each pcpu for itself, under plic.lock */
static uint32_t plic_contexts[MAX_PCPUS];

static void plic_write(uint64_t reg, uint32_t val)
{
	io_write32(val, plic.regs + reg);
}

/* The context of @hartid's supervisor: the index of its entry among interrupts-extended. */
static uint32_t plic_find_context(uint64_t hartid)
{
	int entry = hart_intc_entry(plic.fdt, plic.node, hartid, IRQ_S_EXT);

	if (entry < 0 || entry >= PLIC_MAX_CONTEXTS || PLIC_CLAIM(entry) + 4 > plic.size)
		return NO_CONTEXT;
	return (uint32_t)entry;
}

/* What word @w of @pcpu's context has to enable. */
static uint32_t plic_enables(unsigned int pcpu, uint32_t w)
{
	uint32_t word = 0;

	for (unsigned int i = 0; i < plic.nr_handlers; i++)
		if (plic.handlers[i].pcpu == pcpu && plic.handlers[i].irq / 32 == w)
			word |= UINT32_C(1) << (plic.handlers[i].irq % 32);
	return word;
}

static void plic_write_enables(unsigned int pcpu, uint32_t w)
{
	uint32_t ctx = plic_contexts[pcpu];

	if (ctx != NO_CONTEXT)
		plic_write(PLIC_ENABLE(ctx) + 4 * w, plic_enables(pcpu, w));
}

static void plic_init_pcpu(void)
{
	unsigned int pcpu = this_pcpu()->index;
	uint32_t ctx = plic_find_context(this_pcpu()->hartid);

	spin_lock(&plic.lock);
	plic_contexts[pcpu] = ctx;
	for (uint32_t w = 0; w <= plic.sources / 32; w++)
		plic_write_enables(pcpu, w);
	if (ctx != NO_CONTEXT)
		plic_write(PLIC_THRESHOLD(ctx), 0);
	spin_unlock(&plic.lock);
}

/* The pcpu with the fewest of the first @nr handlers, among those that can have some; MAX_PCPUS: there is none. */
static unsigned int plic_target(unsigned int nr)
{
	unsigned int best = MAX_PCPUS, least = UINT32_MAX;

	for (unsigned int p = 0; p < MAX_PCPUS; p++) {
		unsigned int n = 0;

		if (plic_contexts[p] == NO_CONTEXT)
			continue;
		for (unsigned int i = 0; i < nr; i++)
			n += plic.handlers[i].pcpu == p;
		if (n < least) {
			least = n;
			best = p;
		}
	}
	return best;
}

/* The source that @node's interrupts or interrupts-extended names, if it is one of this PLIC's; or 0. */
static uint32_t plic_source_of(const void *fdt, int node)
{
	int len;
	const fdt32_t *p = fdt_getprop(fdt, node, "interrupts-extended", &len);
	uint32_t irq = 0;

	if (p && len >= 8) {
		if (fdt_node_offset_by_phandle(fdt, fdt32_to_cpu(p[0])) == plic.node)
			irq = fdt32_to_cpu(p[1]);
	} else {
		p = fdt_getprop(fdt, node, "interrupts", &len);
		if (p && len >= 4)
			irq = fdt32_to_cpu(p[0]);
	}
	return irq <= plic.sources ? irq : 0;
}

static int plic_request(const void *fdt, int node, void (*fn)(void *arg), void *arg)
{
	uint32_t irq = plic_source_of(fdt, node);
	unsigned int n, pcpu;
	int err = HV_ENXIO;

	spin_lock(&plic.lock);
	n = plic.nr_handlers;
	pcpu = plic_target(n);
	if (irq && pcpu < MAX_PCPUS && n < PLIC_MAX_HANDLERS) {
		plic.handlers[n] = (struct plic_handler){ irq, pcpu, fn, arg };
		atomic_set_release(&plic.nr_handlers, n + 1);
		plic_write(PLIC_PRIORITY(irq), 1);
		plic_write_enables(pcpu, irq / 32);
		err = HV_OK;
	}
	spin_unlock(&plic.lock);
	return err;
}

/* As for a source that nothing has asked for: priority 0 never interrupts. */
static void plic_off(const void *arg)
{
	unsigned int n = atomic_read_acquire(&plic.nr_handlers);

	for (unsigned int i = 0; i < n; i++)
		if (plic.handlers[i].arg == arg)
			plic_write(PLIC_PRIORITY(plic.handlers[i].irq), 0);
}

/* What was requested while no other pcpu ran. None of it is in service: this pcpu has it, and is in no handler. */
static void plic_balance(void)
{
	spin_lock(&plic.lock);
	for (unsigned int i = 0; i < plic.nr_handlers; i++)
		plic.handlers[i].pcpu = plic_target(i);
	for (unsigned int p = 0; p < MAX_PCPUS; p++)
		for (uint32_t w = 0; w <= plic.sources / 32; w++)
			plic_write_enables(p, w);
	spin_unlock(&plic.lock);
}

static void plic_dispatch(uint32_t irq)
{
	unsigned int n = atomic_read_acquire(&plic.nr_handlers);

	for (unsigned int i = 0; i < n; i++) {
		if (plic.handlers[i].irq == irq) {
			plic.handlers[i].fn(plic.handlers[i].arg);
			return;
		}
	}
	/* Nothing has asked for it: never again. */
	if (irq <= plic.sources)
		plic_write(PLIC_PRIORITY(irq), 0);
}

static void plic_handle(void)
{
	uint32_t ctx = plic_contexts[this_pcpu()->index];

	if (ctx == NO_CONTEXT)
		return;
	for (unsigned int i = 0; i < PLIC_CLAIM_BATCH; i++) {
		uint32_t irq = io_read32(plic.regs + PLIC_CLAIM(ctx));

		if (!irq)
			return;
		plic_dispatch(irq);
		plic_write(PLIC_CLAIM(ctx), irq);
	}
}

static const struct host_irqchip plic_chip = {
	.request = plic_request,
	.off = plic_off,
	.handle = plic_handle,
	.init_pcpu = plic_init_pcpu,
	.balance = plic_balance,
};

static int plic_wrong(const void *fdt, int node, const char *what)
{
	char path[FDTX_PATH_MAX];

	log_warn("%s: %s", fdtx_path(fdt, node, path, sizeof(path)), what);
	return HV_EINVAL;
}

static int plic_probe(const void *fdt, int node, const struct driver_reg *reg)
{
	uint32_t sources;

	if (plic.regs)
		return HV_EBUSY;
	if (fdtx_prop_u32(fdt, node, "riscv,ndev", &sources) || !sources ||
	    sources >= PLIC_MAX_SOURCES)
		return plic_wrong(fdt, node, "riscv,ndev has to be 1 to 1023");
	if (reg->err || reg->size < PLIC_CLAIM(0) + 4)
		return plic_wrong(fdt, node, "reg is missing or too small");
	plic.regs = device_map(hpa(reg->base), reg->size);
	if (!plic.regs)
		return HV_ENOMEM;
	plic.size = reg->size;
	plic.fdt = fdt;
	plic.node = node;
	plic.sources = sources;
	for (unsigned int i = 0; i < MAX_PCPUS; i++)
		plic_contexts[i] = NO_CONTEXT;
	for (uint32_t irq = 1; irq <= sources; irq++)
		plic_write(PLIC_PRIORITY(irq), 0);
	spin_init(&plic.lock, LOCK_HOST_PLIC);
	plic_init_pcpu();
	if (plic_contexts[this_pcpu()->index] == NO_CONTEXT)
		log_warn("the interrupt controller has no context for hart %" PRIu64,
			 this_pcpu()->hartid);
	return host_bind_irqchip(&plic_chip);
}

static const char *const plic_compatible[] = { "sifive,plic-1.0.0", "riscv,plic0", NULL };

DRIVER(plic) = {
	.compatible = plic_compatible,
	.order = DRIVER_IRQCHIP,
	.probe = plic_probe,
};
