/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A vcpu alone: the real sources of a vcpu's state and requests, and fakes of what they link with. It is hart HART of a
 * VM of two; @fresh is as new.
 *
 * SOURCES: hyp/vcpu/vcpu.c hyp/vcpu/vm.c hyp/pv/magic.c hyp/vcpu/stats.c hyp/pv/steal.c hyp/vcpu/request.c hyp/vcpu/vm_mem.c
 * SOURCES: hyp/vcpu/fence.c hyp/vcpu/irq.c hyp/vcpu/hsm.c hyp/vcpu/vtimer.c hyp/vcpu/guest_mem.c hyp/arch/guest.c
 * SOURCES: hyp/arch/features.c hyp/mm/vmid.c hyp/lib/work.c
 * SOURCES: tests/unit/fake/pcpu.c tests/unit/fake/probe.c tests/unit/fake/csr.c tests/unit/fake/fence.c
 * SOURCES: tests/unit/fake/timer.c
 */
#ifndef FAKE_VCPU_ALONE_H
#define FAKE_VCPU_ALONE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <hartvisor/sbi.h>

#include "arch/csr.h"
#include "arch/smp.h"
#include "fake/fence.h"
#include "fake/pcpu.h"
#include "fake/timer.h"
#include "mm/page.h"
#include "vcpu/hsm.h"
#include "vcpu/load.h"
#include "pv/magic.h"
#include "vcpu/stats.h"
#include "pv/steal.h"
#include "vcpu/vm.h"

#define VLENB	 16
#define VECTOR	 (sizeof(struct guest_vector) + 32 * (size_t)VLENB)
#define HART	 1
#define MAGIC_AT UINT64_C(0x40000000)
#define STA_AT	 UINT64_C(0x80001000)

/* --- what the sources link with ---------------------------------------------------------------------- */

bool timer_sstc = true;

static void *allocs[8];
static unsigned int nr_allocs, expedited_ends, unmapped, groups_gone;
static struct guest_fp fp_in_hart;
static uint8_t vector_in_hart[VECTOR];

static void *new_zeroed(size_t size, size_t align)
{
	void *p = aligned_alloc(align, align_up(size, align));

	memset(p, 0, size);
	assert_true(nr_allocs < ARRAY_SIZE(allocs));
	return allocs[nr_allocs++] = p;
}

void *arena_alloc(struct arena *a, uint64_t size, uint64_t align)
{
	(void)a;
	return new_zeroed(size, align < 16 ? 16 : align);
}

void *page_alloc_zeroed(uint64_t size, uint64_t align)
{
	return new_zeroed(size, align);
}

void page_free(hpa_t base, uint64_t size)
{
	(void)base, (void)size;
}

void sched_entity_init(struct sched_entity *se, struct sched_group *group,
		       const struct sched_params *params)
{
	(void)group, (void)params;
	se->account.wait = 1000;
	se->account.run = 2000;
}

struct sched_times sched_times(const struct sched_entity *se, uint64_t at)
{
	(void)at;
	return (struct sched_times){ .run = se->account.run, .wait = se->account.wait };
}

void sched_expedite(struct sched_entity *se)
{
	(void)se;
}

void sched_expedite_end(struct sched_entity *se)
{
	(void)se;
	expedited_ends++;
}

bool sched_wake(struct sched_entity *se)
{
	(void)se;
	return false;
}

void sched_group_stop(struct sched_group *g, uint64_t at)
{
	(void)g, (void)at;
}

void sched_group_go(struct sched_group *g, uint64_t at)
{
	(void)g, (void)at;
	groups_gone++;
}

void smp_kick(struct pcpu_set set)
{
	(void)set;
}

int gstage_read(const struct gstage *gs, gpa_t a, void *buf, uint64_t len)
{
	(void)gs, (void)a, (void)buf, (void)len;
	return HV_EFAULT;
}

int gstage_write(const struct gstage *gs, gpa_t a, const void *buf, uint64_t len)
{
	(void)gs, (void)a, (void)buf, (void)len;
	return HV_OK;
}

static struct sta_struct sta_memory;

void *gstage_write_ptr(const struct gstage *gs, gpa_t a, uint64_t len)
{
	(void)gs, (void)a, (void)len;
	return &sta_memory;
}

int gstage_unmap_ram(struct gstage *gs, gpa_t base, uint64_t size, struct gstage_ram *out,
		     unsigned int max, unsigned int *nr)
{
	(void)gs, (void)base, (void)size, (void)out, (void)max, (void)nr;
	return HV_EINVAL;
}

void gstage_free_pieces(const struct gstage_ram *pieces, unsigned int nr)
{
	(void)pieces, (void)nr;
}

int gstage_map_page(struct gstage *gs, gpa_t a, hpa_t page)
{
	(void)gs, (void)a, (void)page;
	return HV_OK;
}

void gstage_unmap_page(struct gstage *gs, gpa_t a)
{
	(void)gs;
	assert_int_equal(a.gpa, MAGIC_AT);
	unmapped++;
}

void arch_fp_save(struct guest_fp *fp)
{
	(void)fp;
}

void arch_fp_csr_save(struct guest_fp *fp)
{
	(void)fp;
}

void arch_fp_csr_restore(const struct guest_fp *fp)
{
	fp_in_hart.fcsr = fp->fcsr;
}

void arch_fp_restore(const struct guest_fp *fp)
{
	fp_in_hart = *fp;
}

void arch_vector_save(struct guest_vector *v)
{
	(void)v;
}

void arch_vector_csrs_save(struct guest_vector *v)
{
	(void)v;
}

void arch_vector_restore(const struct guest_vector *v)
{
	memcpy(vector_in_hart, v, VECTOR);
}

int guest_hlvx_hu(gva_t a, uint16_t *out)
{
	(void)a, (void)out;
	return -1;
}

int guest_hlv_d(gva_t a, uint64_t *out)
{
	(void)a, (void)out;
	return -1;
}

/* --- a VM of two vcpus, and as many that are new ------------------------------------------------------ */

static struct vm vm;
static struct vcpu *v, *fresh;

static void begin(void)
{
	struct sched_params p = { .weight = 1 };

	fake_pcpu_setup(2);
	hart_features = (struct hart_features){ .sstc = true, .senvcfg = true, .vlenb = VLENB };
	memset(&vm, 0, sizeof(vm));
	vm.nr_vcpus = 2;
	fresh = vcpu_new(&vm, HART, &p);
	v = vcpu_new(&vm, HART, &p);
	vm.vcpus[0] = fresh;
	vm.vcpus[1] = v;
	fake_timer_setup(5000);
	expedited_ends = unmapped = groups_gone = 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(fake_arms, 0); /* a reset arms no timer */
	while (nr_allocs > 0)
		free(allocs[--nr_allocs]);
	return 0;
}

#endif
