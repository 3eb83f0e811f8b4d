// SPDX-License-Identifier: BSD-2-Clause
/*
 * The harts of a machine that boots, its firmware and its devices' registers. Nothing that a step of the boot has armed may
 * be taken back by a later one: interrupts enabled in sie, in the interrupt controller, in the UART; a timer.
 */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arch/boot_map.h"
#include "arch/cpu.h"
#include "arch/csr.h"
#include "arch/features.h"
#include "arch/guest_state.h"
#include "arch/mmu.h"
#include "arch/sbi_call.h"
#include "arch/smp.h"
#include "arch/trap.h"
#include "fake/boot_world.h"
#include "platform/io.h"

static uint64_t csrs[BOOT_HARTS][4096];
static bool written[BOOT_HARTS][4096];
static uint64_t time_now = 5000000;

_Thread_local struct pcpu *fake_this_pcpu = &boot_pcpu;

static unsigned int here(void)
{
	return (unsigned int)this_pcpu()->hartid;
}

static void undone(const char *what)
{
	snprintf(boot->hart[here()].undone, sizeof(boot->hart[0].undone), "%s", what);
}

/* --- CSRs ------------------------------------------------------------------------------------------------- */

uint64_t fake_csr_read(unsigned int csr)
{
	if (csr == CSR_TIME)
		return time_now += 10;
	if (csr == CSR_VLENB)
		return boot->vlenb;
	if (!written[here()][csr & 4095]) /* whatever the firmware left */
		return csr == CSR_SIE ? UINT64_MAX : csr == CSR_STIMECMP ? 17 : 0;
	return csrs[here()][csr & 4095];
}

static uint64_t hgatp_takes(uint64_t val)
{
	uint64_t mode = val >> HGATP_MODE_SHIFT;

	if (mode != HGATP_MODE_SV39X4 && mode != 0)
		return csrs[here()][CSR_HGATP];
	return boot->no_hgatp || boot->odd_hgatp >> here() & 1 ?
		       0 :
		       val & ~(UINT64_C(0xff) << 50); /* 6 bits of VMID */
}

void fake_csr_write(unsigned int csr, uint64_t val)
{
	uint64_t *to = &csrs[here()][csr & 4095];

	if (written[here()][csr & 4095]) {
		if (csr == CSR_SIE && (*to & ~val) != 0)
			undone("an interrupt of sie");
		if (csr == CSR_STIMECMP && *to != UINT64_MAX && val > *to)
			undone("a timer");
		if (csr == CSR_SATP && *to != val)
			undone("satp");
	}
	written[here()][csr & 4095] = true;
	*to = csr == CSR_HGATP ? hgatp_takes(val) : val;
}

#define PROBE(csr, is)             \
	bool csr_probe_##csr(void) \
	{                          \
		return is;         \
	}
PROBE(hstatus, !boot->no_h)
PROBE(senvcfg, true)
PROBE(sstateen0, false)
PROBE(henvcfg, true)
PROBE(hstateen0, false)
PROBE(vstimecmp, !(boot->odd_csrs >> here() & 1))
PROBE(vlenb, boot->vlenb != 0)
PROBE(instret, true)
PROBE(hstateen1, false)
PROBE(hstateen2, false)
PROBE(hstateen3, false)
PROBE(hvictl, false)
PROBE(vsiselect, false)
PROBE(vsctrctl, false)
PROBE(scontext, false)
PROBE(jvt, false)

bool arch_fp_probe(void)
{
	return !boot->no_d;
}

void arch_sctrclr(void)
{
}

/* --- the firmware ------------------------------------------------------------------------------------------- */

static jmp_buf started_by;

void boot_secondary_loop(void)
{
	boot->hart[here()].online = true;
	longjmp(started_by, 1);
}

void smp_secondary_main(void);

/* The hart runs until its loop, all at once. */
static void start_hart(uint64_t arg)
{
	struct pcpu *p = (struct pcpu *)(uintptr_t)arg, *starter = fake_this_pcpu;

	if (p->stack_top <= STACK_MAP_BASE || p->emergency_sp <= STACK_MAP_BASE)
		boot_wrong("no stack");
	if (setjmp(started_by) == 0) {
		fake_this_pcpu = p;
		fake_csr_write(CSR_SATP, 1); /* its entry has loaded it */
		smp_secondary_main();
		boot_wrong("a hart came back from its loop");
	}
	fake_this_pcpu = starter;
}

static struct sbi_call_ret base_call(uint64_t fid, uint64_t eid)
{
	switch (fid) {
	case SBI_BASE_PROBE_EXTENSION:
		return (struct sbi_call_ret){ 0, eid == SBI_EXT_HSM ? !boot->no_hsm :
						 eid == SBI_EXT_IPI ? !boot->no_ipi :
								      1 };
	case SBI_BASE_GET_MVENDORID:
		return (struct sbi_call_ret){ 0, 0x111 };
	case SBI_BASE_GET_MARCHID:
		return (struct sbi_call_ret){ 0, 0x222 };
	case SBI_BASE_GET_MIMPID:
		return (struct sbi_call_ret){ 0, 0x333 };
	default:
		return (struct sbi_call_ret){ SBI_ERR_NOT_SUPPORTED, 0 };
	}
}

static struct sbi_call_ret hsm_call(uint64_t fid, uint64_t hartid, uint64_t arg)
{
	if (fid == SBI_HSM_HART_STOP)
		longjmp(started_by, 1);
	if (fid != SBI_HSM_HART_START)
		return (struct sbi_call_ret){ 0, SBI_HSM_STATE_START_PENDING };
	if (hartid == boot->boot_hart || hartid >= boot->cpus)
		boot_wrong("a hart is started that must not be");
	if (boot->absent >> hartid & 1)
		return (struct sbi_call_ret){ SBI_ERR_FAILED, 0 };
	start_hart(arg);
	return (struct sbi_call_ret){ 0, 0 };
}

struct sbi_call_ret sbi_call_host(uint64_t eid, uint64_t fid, uint64_t arg0, uint64_t arg1,
				  uint64_t arg2, uint64_t arg3, uint64_t arg4, uint64_t arg5)
{
	char c = (char)arg0;

	/* What a call does not take is zero: a later version of the SBI may give it a meaning. */
	if (eid != SBI_EXT_HSM && eid != SBI_EXT_SRST && (arg1 || arg2))
		boot_wrong("an argument that the call does not take");
	if (arg3 || arg4 || arg5 || (eid == SBI_EXT_LEGACY_CONSOLE_PUTCHAR && fid))
		boot_wrong("an argument that the call does not take");
	if (eid == SBI_EXT_BASE && fid != SBI_BASE_PROBE_EXTENSION && arg0)
		boot_wrong("an argument that the call does not take");
	switch (eid) {
	case SBI_EXT_BASE:
		return base_call(fid, arg0);
	case SBI_EXT_HSM:
		return hsm_call(fid, arg0, arg2);
	case SBI_EXT_LEGACY_CONSOLE_PUTCHAR:
		boot_print(boot->early, sizeof(boot->early), &c, 1);
		if (c != '\r')
			boot_print(boot->console, sizeof(boot->console), &c, 1);
		return (struct sbi_call_ret){ 0, 0 };
	case SBI_EXT_SRST:
		boot->power_is_off = true;
		boot_end();
	default:
		boot_wrong("an SBI call that no step of the boot has to make");
	}
}

void cpu_wait_for_interrupt(void)
{
	boot_wrong("a hart waits");
}

void secondary_entry(void);

void secondary_entry(void)
{
}

_Noreturn void stack_switch_call(uint64_t sp, void (*fn)(void));

_Noreturn void stack_switch_call(uint64_t sp, void (*fn)(void))
{
	if (sp <= STACK_MAP_BASE)
		boot_wrong("no stack");
	boot->switched_to = sp;
	boot->satp_there = csr_read(CSR_SATP);
	fn();
	boot_wrong("the boot has returned");
}

/* --- devices' registers ------------------------------------------------------------------------------------- */

#define UART UINT64_C(0x10000000)
#define PLIC UINT64_C(0xc000000)

void *device_map(hpa_t base, uint64_t size)
{
	(void)size;
	return (void *)(uintptr_t)base.hpa;
}

uint32_t fake_io_read(const volatile void *reg, unsigned int width)
{
	uint64_t at = (uintptr_t)reg;

	(void)width;
	return at - UART == 5 ? 0x60 : at - UART == 2 ? 0xc1 : 0;
}

static void plic_write(uint64_t off, uint32_t val)
{
	uint64_t home = 2 * boot->boot_hart + 1;

	if (off == UINT64_C(4) * 10) {
		if (val < boot->plic_priority)
			undone("the UART's priority");
		boot->plic_priority = val;
	} else if (off == 0x2000 + 0x80 * home) {
		if (boot->plic_enable & ~val)
			undone("the UART's enable");
		boot->plic_enable = val;
	} else if (off >= 0x200000 && (off & 0xfff) == 0) {
		boot->plic_threshold[(off - 0x200000) >> 12] = val + 1; /* 0: never written */
	}
}

void fake_io_write(volatile void *reg, unsigned int width, uint32_t val)
{
	uint64_t at = (uintptr_t)reg;

	(void)width;
	if (at - PLIC < 0x600000)
		plic_write(at - PLIC, val);
	if (at - UART == 1) {
		if (boot->uart_ier & ~val)
			undone("the UART's interrupt");
		boot->uart_ier = (uint8_t)val;
	}
}

/* --- the boot tables ------------------------------------------------------------------------------------------ */

hpa_t image_load_base = { BOOT_IMAGE };
hpa_t image_hpa(const void *sym)
{
	uint64_t va = (uint64_t)(uintptr_t)sym;

	return hpa(va >= IMAGE_BASE ? va - IMAGE_BASE + BOOT_IMAGE : BOOT_IMAGE);
}

void mmu_early_map(hpa_t base, uint64_t size)
{
	(void)size;
	boot_called(base.hpa == boot->fdt ? "map_fdt" : "map_memory");
}

pte_t mmu_device_root_entry(void)
{
	return pte_make_table(hpa(0x1000));
}

void arch_set_cboz_block(unsigned int bytes)
{
	boot->cboz = bytes;
}

void arch_set_cbom_block(unsigned int bytes)
{
	boot->cbom = bytes;
}

/* --- what came of it ------------------------------------------------------------------------------------------- */

void boot_collect_harts(void)
{
	boot->nr_pcpus = nr_pcpus;
	for (unsigned int i = 0; i < nr_pcpus && i < BOOT_HARTS; i++) {
		const struct pcpu *p = pcpus[i];
		struct boot_hart *h = &boot->hart[p->hartid];

		h->index = p->index;
		h->stack_top = p->stack_top;
		h->emergency_sp = p->emergency_sp;
	}
	for (unsigned int i = 0; i < BOOT_HARTS; i++) {
		boot->hart[i].sie = csrs[i][CSR_SIE];
		boot->hart[i].stimecmp = csrs[i][CSR_STIMECMP];
		boot->hart[i].satp = csrs[i][CSR_SATP];
		boot->hart[i].hedeleg = csrs[i][CSR_HEDELEG];
	}
}

/* No guest runs in these tests. */
void arch_fp_save(struct guest_fp *fp)
{
	(void)fp;
}

void arch_fp_restore(const struct guest_fp *fp)
{
	(void)fp;
}

void arch_vector_save(struct guest_vector *v)
{
	(void)v;
}

void arch_vector_restore(const struct guest_vector *v)
{
	(void)v;
}
