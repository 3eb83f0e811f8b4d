// SPDX-License-Identifier: BSD-2-Clause
#include "fake/exit_world.h"

#include <stdarg.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "arch/guest_state.h"
#include "arch/insn.h"
#include "arch/trap.h"
#include "dev/mmio.h"
#include "fake/pcpu.h"
#include "platform/driver.h"
#include "sbi/sbi.h"
#include "vcpu/debug.h"
#include "vcpu/console.h"
#include "vcpu/irq.h"

#define MAX_CODE 8

struct exit_world w;

static struct {
	uint64_t at;
	uint16_t half;
} code[MAX_CODE];
static unsigned int nr_code;

static struct guest_regs before;
static struct mmio_bus bus;
static uint64_t vsstatus_before;
static struct vcpu_stats stats_before;

/* --- memory and device ------------------------------------------------------------------------------------ */

static void put_half(uint64_t at, uint16_t half)
{
	assert_true(nr_code < MAX_CODE);
	code[nr_code].at = at;
	code[nr_code++].half = half;
}

void exit_code(uint64_t at, uint32_t insn)
{
	put_half(at, (uint16_t)insn);
	if (insn_length(insn) == 4)
		put_half(at + 2, (uint16_t)(insn >> 16));
}

void exit_unmap(uint64_t at)
{
	for (unsigned int i = 0; i < nr_code; i++)
		if (align_down(code[i].at, PAGE_SIZE) == align_down(at, PAGE_SIZE))
			code[i].at = UINT64_MAX;
}

/* Where nothing was put in a page that is mapped stand zeros. */
int guest_hlvx_hu(gva_t a, uint16_t *out)
{
	bool mapped = false;

	assert_int_equal(w.v.mode, READING_SHADOW_PAGE_TABLES);
	w.fetches++;
	*out = 0;
	for (unsigned int i = 0; i < nr_code; i++) {
		if (code[i].at == a.gva)
			*out = code[i].half;
		mapped |= align_down(code[i].at, PAGE_SIZE) == align_down(a.gva, PAGE_SIZE);
	}
	return mapped ? 0 : -1;
}

int guest_hlv_d(gva_t a, uint64_t *out)
{
	(void)a, (void)out;
	return -1;
}

static uint64_t dev_read(void *dev, uint64_t off, unsigned int len)
{
	assert_ptr_equal(dev, &w);
	w.reads++;
	w.offset = off;
	w.len = len;
	w.v.halt.again = w.device_waits;
	return w.answers;
}

static void dev_write(void *dev, uint64_t off, unsigned int len, uint64_t val)
{
	assert_ptr_equal(dev, &w);
	w.writes++;
	w.offset = off;
	w.len = len;
	w.val = val;
	w.v.halt.again = w.device_waits;
}

static const struct mmio_ops dev_ops = { .read = dev_read, .write = dev_write };

/* The bus is all that is allocated. */
void *arena_alloc(struct arena *a, uint64_t size, uint64_t align)
{
	(void)a, (void)align;
	assert_int_equal(size, sizeof(bus));
	memset(&bus, 0, sizeof(bus));
	return &bus;
}

int gstage_read(const struct gstage *gs, gpa_t a, void *buf, uint64_t len)
{
	(void)gs, (void)a, (void)buf, (void)len;
	return HV_EFAULT;
}

int gstage_write(const struct gstage *gs, gpa_t a, const void *buf, uint64_t len)
{
	(void)gs, (void)a, (void)buf, (void)len;
	return HV_EFAULT;
}

/* --- what an exit reaches ------------------------------------------------------------------------------------ */

void timer_run(void)
{
	w.timer_runs++;
}

void host_irq_handle(void)
{
	w.host_irqs++;
}

bool vcpu_debug_break(struct vcpu *v)
{
	assert_ptr_equal(v, &w.v);
	w.breaks++;
	return w.debugger;
}

struct next sbi_call(struct vcpu *v)
{
	assert_ptr_equal(v, &w.v);
	w.sbi_calls++;
	v->regs.sepc += 4;
	return w.yields_to ? next_yield(w.yields_to, false) : next_is(NEXT_GUEST);
}

/* As hyp/vcpu/vcpu.c has it. */
void vcpu_inject_exception(struct vcpu *v, uint64_t cause, uint64_t tval)
{
	guest_take_exception(&v->regs, cause, tval);
}

bool timer_sstc = true;

/* The rest of arch/guest.c, which no exit reaches. */
struct hart_features hart_features;

void features_close(void)
{
}

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

/* --- the guest ------------------------------------------------------------------------------------------------ */

int exit_setup(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	nr_code = 0;
	fake_pcpu_setup(1);
	w.v.vm = &w.vm;
	w.vm.bus = mmio_bus_new(&w.vm.arena);
	assert_int_equal(mmio_add(w.vm.bus, gpa(EXIT_DEVICE), KIB(4), &dev_ops, &w, "device"),
			 HV_OK);
	/* x0's place is none that a guest sees: what stands there is not read, and stays. */
	for (unsigned int i = 0; i < 32; i++)
		w.v.regs.x[i] = UINT64_C(0x9111111111111111) * (i + 1);
	w.v.regs.sepc = EXIT_PC;
	w.v.regs.sstatus = SSTATUS_SPP | SSTATUS_SPIE;
	w.v.regs.hstatus = HSTATUS_SPV | HSTATUS_VTW;
	csr_write(CSR_VSTVEC, EXIT_STVEC | 1); /* vectored: exceptions go to the base */
	csr_write(CSR_VSSTATUS, SSTATUS_SIE);
	csr_write(CSR_VSCAUSE, UINT64_MAX);
	csr_write(CSR_VSEPC, UINT64_MAX);
	csr_write(CSR_VSTVAL, UINT64_MAX);
	csr_write(CSR_SCOUNTEREN, 0);
	csr_write(CSR_SIE, UINT64_MAX);
	csr_write(CSR_SIP, 0);
	csr_write(CSR_HIE, 0);
	return 0;
}

void exit_user(void)
{
	w.v.regs.sstatus &= ~SSTATUS_SPP;
}

struct next exit_next;

enum next_why exits(struct exit_why why)
{
	uint64_t mode_end = w.v.guest_seq;

	csr_write(CSR_SCAUSE, why.cause);
	csr_write(CSR_STVAL, why.stval);
	csr_write(CSR_HTVAL, why.htval);
	csr_write(CSR_HTINST, why.htinst);
	before = w.v.regs;
	stats_before = w.v.stats;
	vsstatus_before = csr_read(CSR_VSSTATUS);
	exit_next = vcpu_handle_exit(&w.v, why.cause);

	assert_int_equal(w.v.mode, OUTSIDE_GUEST_MODE);
	assert_true(w.v.guest_seq >= mode_end);
	assert_int_equal(w.v.regs.x[0], before.x[0]);
	assert_int_equal(w.v.regs.hstatus, before.hstatus);
	assert_false(w.v.halt.again);
	return next_why(exit_next);
}

void goes_on(uint64_t bytes)
{
	assert_int_equal(w.v.regs.sepc, before.sepc + bytes);
	assert_int_equal(w.v.regs.sstatus, before.sstatus);
	assert_int_equal(csr_read(CSR_VSSTATUS), vsstatus_before);
	assert_int_equal(csr_read(CSR_VSCAUSE), UINT64_MAX);
}

void takes(uint64_t cause, uint64_t tval)
{
	bool user = !(before.sstatus & SSTATUS_SPP);

	assert_int_equal(csr_read(CSR_VSCAUSE), cause);
	assert_int_equal(csr_read(CSR_VSTVAL), tval);
	assert_int_equal(csr_read(CSR_VSEPC), before.sepc);
	assert_int_equal(csr_read(CSR_VSSTATUS), SSTATUS_SPIE | (user ? 0 : SSTATUS_SPP));
	assert_int_equal(w.v.regs.sepc, EXIT_STVEC);
	assert_int_equal(w.v.regs.sstatus, before.sstatus | SSTATUS_SPP);
	assert_false(vcpu_is_halted(&w.v));
	only_reg(0, 0);
}

void only_reg(unsigned int reg, uint64_t val)
{
	for (unsigned int i = 1; i < 32; i++)
		assert_int_equal(w.v.regs.x[i], i == reg ? val : before.x[i]);
}

void counted(enum vcpu_exit which)
{
	for (unsigned int i = 0; i < NR_VCPU_EXITS; i++)
		assert_int_equal(w.v.stats.exits[i], stats_before.exits[i] + (i == which));
}

void no_device(void)
{
	assert_int_equal(w.reads, 0);
	assert_int_equal(w.writes, 0);
}
