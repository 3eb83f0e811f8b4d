/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/timer.h"
#include "fake/sbi_world.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/csr.h"
#include "dev/mmio.h"
#include "term/term.h"
#include "vcpu/console.h"
#include "pv/magic.h"
#include "pv/steal.h"
#include "vcpu/guest_mem.h"
#include "vcpu/hsm.h"
#include "vcpu/irq.h"
#include "vcpu/vtimer.h"

struct world w;

static struct pcpu pcpu;
_Thread_local struct pcpu *fake_this_pcpu = &pcpu;

static char stream; /* its address is all that is needed */

void world_setup(unsigned int vcpus)
{
	memset(&w, 0, sizeof(w));
	w.vm.nr_vcpus = vcpus;
	w.vm.stream = (struct term_stream *)(void *)&stream;
	for (unsigned int i = 0; i < vcpus; i++) {
		w.vcpus[i].vm = &w.vm;
		w.vcpus[i].id = i;
		w.vm.vcpus[i] = &w.vcpus[i];
	}
	w.running = vm_all_vcpus(&w.vm).bits;
	sbi_ids = (struct sbi_ids){ 0x11, 0x22, 0x33 };
}

struct vcpu *world_me(void)
{
	return &w.vcpus[0];
}

struct sbi_ret world_call(uint64_t eid, uint64_t fid, uint64_t a0, uint64_t a1, uint64_t a2,
			  uint64_t a3, uint64_t a4, uint64_t a5)
{
	const uint64_t a[8] = { a0, a1, a2, a3, a4, a5, fid, eid };
	struct guest_regs before, *regs = &world_me()->regs;

	for (unsigned int i = 1; i < 32; i++)
		regs->x[i] = UINT64_C(0x1111111111111111) * i;
	memcpy(&regs->x[REG_A0], a, sizeof(a));
	regs->sepc = 0x80000100;
	before = *regs;
	w.slept = false;
	w.next = sbi_call(world_me());

	for (unsigned int i = 0; i < 32; i++) {
		if (i != REG_A0 && i != REG_A1)
			assert_int_equal(regs->x[i], before.x[i]);
	}
	assert_int_equal(regs->sepc, before.sepc + (w.slept ? 0 : 4));
	assert_int_equal(regs->sstatus, before.sstatus);
	assert_int_equal(regs->hstatus, before.hstatus);
	if (eid < 0x10)
		assert_int_equal(regs->x[REG_A1], a1);
	return (struct sbi_ret){ (int64_t)regs->x[REG_A0], regs->x[REG_A1] };
}

/* --- checks --- */

static void must_be_ours(const struct vcpu *v)
{
	assert_true(v >= &w.vcpus[0] && v < &w.vcpus[w.vm.nr_vcpus]);
	w.calls++;
}

static void must_be_a_set(const struct vm *vm, struct vcpu_set set)
{
	assert_ptr_equal(vm, &w.vm);
	assert_false(vcpu_set_empty(set));
	assert_true(vcpu_set_empty(vcpu_set_without(set, vm_all_vcpus(vm))));
	w.calls++;
}

/* --- what SBI calls reach --- */

void vcpu_inject(struct vcpu *v, uint64_t mask)
{
	must_be_ours(v);
	assert_int_equal(mask, BIT(IRQ_VS_SOFT));
	assert_int_equal(w.injected & BIT(v->id), 0); /* each once */
	w.injected |= BIT(v->id);
}

bool vcpu_inject_claim(struct vcpu *v, uint64_t mask)
{
	vcpu_inject(v, mask);
	return v->halt.blocked;
}

void vm_fence_i(struct vm *vm, struct vcpu_set set)
{
	must_be_a_set(vm, set);
	w.fence_is++;
	w.fence_i_set = set.bits;
}

void vm_fence_vvma(struct vm *vm, struct vcpu_set set, const struct vcpu_fence *f)
{
	must_be_a_set(vm, set);
	assert_true(is_aligned(f->start.gva | f->size, PAGE_SIZE));
	assert_true(f->size == 0 ? f->start.gva == 0 : f->start.gva + f->size > f->start.gva);
	assert_true(f->by_asid ? f->asid <= 0xffff : f->asid == 0);
	w.vvmas++;
	w.vvma_set = set.bits;
	w.vvma = *f;
}

void vm_fence_others(struct vm *vm, struct vcpu_set set, const struct vcpu_fence *f)
{
	assert_false(vcpu_set_has(set, world_me()->id));
	vm_fence_vvma(vm, set, f);
}

void vcpu_timer_set_host(struct vcpu *v, uint64_t when)
{
	assert_ptr_equal(v, world_me());
	w.calls++;
	w.timers++;
	w.timer = when;
}

bool timer_sstc; /* so that vcpu_timer_set() asks us */

int vcpu_hsm_start(struct vcpu *v, gpa_t pc, uint64_t arg)
{
	must_be_ours(v);
	if (w.running & BIT(v->id))
		return HV_EEXIST;
	assert_true(pc.gpa >= WORLD_RAM && pc.gpa < WORLD_RAM + WORLD_RAM_SIZE && pc.gpa % 2 == 0);
	w.running |= BIT(v->id);
	w.starts++;
	w.started = v;
	w.start_pc = pc.gpa;
	w.start_arg = arg;
	return HV_OK;
}

void vcpu_hsm_stop(struct vcpu *v)
{
	assert_ptr_equal(v, world_me());
	w.calls++;
	w.stops++;
}

void vcpu_hsm_suspend(struct vcpu *v)
{
	assert_ptr_equal(v, world_me());
	w.calls++;
	w.suspends++;
}

uint64_t vcpu_hsm_status(const struct vcpu *v)
{
	assert_true(v >= &w.vcpus[0] && v < &w.vcpus[w.vm.nr_vcpus]);
	return w.running & BIT(v->id) ? SBI_HSM_STATE_STARTED : SBI_HSM_STATE_STOPPED;
}

bool vm_stop(struct vm *vm, enum vm_stop how, const char *why)
{
	assert_ptr_equal(vm, &w.vm);
	assert_non_null(why);
	assert_true(strlen(why) < sizeof(w.stop_why));
	w.calls++;
	w.stop = how;
	strcpy(w.stop_why, why);
	return true;
}

static bool sleeps(struct vcpu *v)
{
	assert_ptr_equal(v, world_me());
	if (!w.console_full)
		return false;
	w.slept = true;
	v->halt.again = true;
	return true;
}

bool vcpu_console_is_out(struct vcpu *v)
{
	return !sleeps(v);
}

size_t vcpu_console_write(struct vcpu *v, const char *buf, size_t len)
{
	assert_non_null(v->vm->stream);
	assert_true(len > 0 && len <= 256);
	if (sleeps(v))
		return 0;
	w.calls++;
	if (w.out_len + len > sizeof(w.out))
		w.out_len = 0;
	memcpy(w.out + w.out_len, buf, len);
	w.out_len += len;
	return len;
}

size_t term_stream_read(struct term_stream *s, char *buf, size_t len)
{
	size_t n = len < w.in_len ? len : w.in_len;

	assert_non_null(s);
	assert_true(len > 0 && len <= 256);
	memcpy(buf, w.in, n);
	memmove(w.in, w.in + n, w.in_len - n);
	w.in_len -= n;
	return n;
}

bool gstage_is_ram(const struct gstage *gs, gpa_t a, uint64_t size)
{
	assert_ptr_equal(gs, &w.vm.gstage);
	return size == 0 || (a.gpa >= WORLD_RAM && a.gpa < WORLD_RAM + WORLD_RAM_SIZE &&
			     size <= WORLD_RAM + WORLD_RAM_SIZE - a.gpa);
}

/* No guest here has given memory back. */
bool vcpu_bring_guest(struct vcpu *v, gpa_t a, uint64_t len)
{
	(void)v, (void)a, (void)len;
	return false;
}

int vcpu_read_guest(struct vcpu *v, gpa_t a, void *buf, uint64_t len)
{
	assert_ptr_equal(v, world_me());
	assert_true(len <= 256);
	if (!gstage_is_ram(&v->vm->gstage, a, len))
		return HV_EFAULT;
	memcpy(buf, &w.ram[a.gpa - WORLD_RAM], len);
	return HV_OK;
}

int vcpu_write_guest(struct vcpu *v, gpa_t a, const void *buf, uint64_t len)
{
	assert_ptr_equal(v, world_me());
	assert_true(len <= 256);
	if (!gstage_is_ram(&v->vm->gstage, a, len))
		return HV_EFAULT;
	if (len > 0)
		memcpy(&w.ram[a.gpa - WORLD_RAM], buf, len);
	return HV_OK;
}

int vcpu_read_guest_virt_u64(struct vcpu *v, gva_t a, uint64_t *out)
{
	assert_ptr_equal(v, world_me());
	assert_true(a.gva != 0);
	if (a.gva != w.virt_addr)
		return HV_EFAULT;
	*out = w.virt_value;
	return HV_OK;
}

void vcpu_unhalt(struct vcpu *v)
{
	must_be_ours(v);
	w.unhalts++;
	w.unhalted = v;
}

bool vcpu_unhalt_claim(struct vcpu *v)
{
	vcpu_unhalt(v);
	return v->halt.blocked;
}

int pv_lock_set(struct vcpu *v, gpa_t a)
{
	assert_ptr_equal(v, world_me());
	assert_true(is_aligned(a.gpa, 64));
	if (!gstage_is_ram(&v->vm->gstage, a, 8))
		return HV_EFAULT;
	w.calls++;
	w.lock_at = a.gpa;
	return HV_OK;
}

bool mmio_overlaps(const struct mmio_bus *bus, gpa_t base, uint64_t size)
{
	(void)bus;
	assert_int_equal(size, PAGE_SIZE);
	return base.gpa == WORLD_DEVICE;
}

int pv_magic_map(struct vcpu *v, gpa_t a)
{
	assert_ptr_equal(v, world_me());
	assert_true(is_aligned(a.gpa, PAGE_SIZE) && a.gpa != WORLD_DEVICE);
	if (a.gpa >= BIT(41))
		return HV_EINVAL;
	if (gstage_is_ram(&v->vm->gstage, a, PAGE_SIZE))
		return HV_EEXIST;
	if (w.no_memory)
		return HV_ENOMEM;
	w.calls++;
	w.magic_at = a.gpa;
	return HV_OK;
}

int pv_magic_unmap(struct vcpu *v)
{
	assert_ptr_equal(v, world_me());
	if (w.magic_at == 0)
		return HV_ENOENT;
	w.calls++;
	w.magic_at = 0;
	return HV_OK;
}

/* Steal time has a test of its own, with memory: pv/test_steal.c. */
int pv_steal_set(struct vcpu *v, gpa_t a)
{
	if (pv_is_on(a) && !gstage_is_ram(&v->vm->gstage, a, sizeof(struct sta_struct)))
		return HV_EFAULT;
	return HV_OK;
}
