// SPDX-License-Identifier: BSD-2-Clause
/*
 * No guest ever uses another VM's translation, or one that was taken from it. hartvisor's own sources load,
 * fence and put vcpus on harts that cache whatever the specification lets them (fake/tlb.h).
 */
// SOURCES: hyp/mm/vmid.c hyp/vcpu/vcpu.c hyp/vcpu/request.c hyp/vcpu/fence.c hyp/vcpu/irq.c hyp/vcpu/hsm.c
// SOURCES: hyp/vcpu/steal.c hyp/vcpu/vtimer.c hyp/vcpu/guest_mem.c hyp/vcpu/vm.c hyp/arch/guest.c
// SOURCES: tests/unit/fake/tlb.c tests/unit/fake/pcpu.c tests/unit/fake/probe.c hyp/arch/features.c hyp/lib/work.c
// INCLUDE: tests/unit/include-tlb
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <hartvisor/sbi.h>

#include "arch/csr.h"
#include "arch/insn.h"
#include "arch/smp.h"
#include "arch/timer.h"
#include "fake/pcpu.h"
#include "fake/tlb.h"
#include "vcpu/fence.h"
#include "vcpu/guest_mem.h"
#include "vcpu/hsm.h"
#include "vcpu/load.h"
#include "vcpu/magic.h"

#define VCPUS 2 /* of each VM */

/* Pages of each guest: two page tables and two others. */
enum { TABLE_A, DATA_A, DATA_B, TABLE_B };

static struct vm vm_of[TLB_VMS];
static struct vcpu vcpu_of[TLB_VMS][VCPUS];

/* --- what the sources link with ---------------------------------------------------------------------- */

static uint64_t random_state;

static unsigned int random_below(unsigned int n)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned int)(random_state >> 33) % n;
}

bool timer_sstc = true;

uint64_t timer_now(void)
{
	return 0;
}

uint64_t timer_ticks_to_ns(uint64_t ticks)
{
	return ticks;
}

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	*t = (struct timer){ .fn = fn };
}

void timer_arm(struct timer *t, uint64_t deadline)
{
	(void)t, (void)deadline;
}

void timer_cancel(struct timer *t)
{
	(void)t;
}

void vcpu_magic_write(struct vcpu *v, uint32_t state)
{
	(void)v, (void)state;
}

void sched_entity_init(struct sched_entity *se, struct sched_group *group,
		       const struct sched_params *params)
{
	(void)se, (void)group, (void)params;
}

void sched_expedite(struct sched_entity *se)
{
	(void)se;
}

void sched_expedite_end(struct sched_entity *se)
{
	(void)se;
}

bool sched_wake(struct sched_entity *se)
{
	(void)se;
	return false;
}

void sched_group_stop(struct sched_group *g, uint64_t now)
{
	(void)g, (void)now;
}

void sched_group_go(struct sched_group *g, uint64_t now)
{
	(void)g, (void)now;
}

void smp_kick(uint64_t set)
{
	(void)set;
}

void *arena_alloc(struct arena *a, uint64_t size, uint64_t align)
{
	(void)a, (void)size, (void)align;
	return NULL;
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

void *gstage_write_ptr(const struct gstage *gs, gpa_t a, uint64_t len)
{
	(void)gs, (void)a, (void)len;
	return NULL;
}

int gstage_unmap_ram(struct gstage *gs, gpa_t base, uint64_t size, struct gstage_ram *out,
		     unsigned int max, unsigned int *nr)
{
	(void)gs, (void)base, (void)size, (void)out, (void)max, (void)nr;
	return HV_EINVAL;
}

void gstage_free_pieces(struct gstage *gs, const struct gstage_ram *pieces, unsigned int nr)
{
	(void)gs, (void)pieces, (void)nr;
}

void arch_fp_save(struct guest_fp *fp)
{
	(void)fp;
}

void arch_fp_restore(const struct guest_fp *fp)
{
	(void)fp;
}

void arch_fp_csr_save(struct guest_fp *fp)
{
	(void)fp;
}

void arch_fp_csr_restore(const struct guest_fp *fp)
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

void arch_vector_csrs_save(struct guest_vector *v)
{
	(void)v;
}

/* An access as the guest's, by hartvisor: what is loaded here decides where it goes. */
int guest_hlvx_hu(uint64_t gva, uint16_t *out)
{
	tlb_guest_uses(this_vcpu()->vm->id);
	*out = (uint16_t)gva | 3;
	return 0;
}

int guest_hlv_d(uint64_t gva, uint64_t *out)
{
	(void)gva;
	tlb_guest_uses(this_vcpu()->vm->id);
	*out = 0;
	return 0;
}

/* --- the world ---------------------------------------------------------------------------------------- */

static void guest_makes_tables(unsigned int vm)
{
	tlb_guest_maps(vm, TABLE_A, 0, DATA_A);
	tlb_guest_maps(vm, TABLE_A, 1, DATA_B);
	tlb_guest_maps(vm, TABLE_B, 0, DATA_B);
	tlb_guest_maps(vm, TABLE_B, 1, TABLE_A);
}

/* All VMs started, no vcpu loaded. Each vcpu's page tables lead to its own pages in another order. */
static void world_begin(unsigned int vmidlen)
{
	tlb_setup(vmidlen);
	fake_pcpu_setup(TLB_HARTS);
	hart_features = (struct hart_features){ .sstc = true };
	for (unsigned int h = 0; h < TLB_HARTS; h++) {
		fake_pcpu_become(h);
		this_pcpu()->current = NULL;
		(void)vmid_init_pcpu(h, 14, hpa(tlb_root(0) << PAGE_SHIFT));
	}
	fake_pcpu_become(0);
	for (unsigned int i = 0; i < TLB_VMS; i++) {
		struct vm *vm = &vm_of[i];

		memset(vm, 0, sizeof(*vm));
		vm->id = i;
		vm->nr_vcpus = VCPUS;
		vm->state = VM_RUNNING;
		vm->gstage.hgatp = HGATP_MODE_SV39X4 << HGATP_MODE_SHIFT | tlb_root(i);
		guest_makes_tables(i);
		for (unsigned int j = 0; j < VCPUS; j++) {
			struct vcpu *v = &vcpu_of[i][j];

			memset(v, 0, sizeof(*v));
			v->vm = vm;
			v->id = j;
			v->last_pcpu = UINT32_MAX;
			vm->vcpus[j] = v;
			vcpu_power_on(v);
			assert_int_equal(vcpu_hsm_prepare(v, 0x80200000, 0), HV_OK);
		}
	}
}

/* The run loop's switch (run/vcpu_run.c) to @v on pcpu @h, where it may be moved to. */
static void load_on(unsigned int h, struct vcpu *v)
{
	struct pcpu *p;

	fake_pcpu_become(h);
	p = this_pcpu();
	if (p->current == v)
		return;
	if (p->current)
		vcpu_put(p->current, p);
	vcpu_load(v, p);
}

/* A vcpu that no pcpu has loaded, of a VM that is not @v's and has not ended. */
static struct vcpu *another(const struct vcpu *v)
{
	for (unsigned int i = 0; i < TLB_VMS * VCPUS; i++) {
		struct vcpu *to = &vcpu_of[i / VCPUS][i % VCPUS];

		if (to->vm != v->vm && to->vm->state == VM_RUNNING && pcpus[0]->current != to &&
		    pcpus[1]->current != to)
			return to;
	}
	return NULL;
}

/* @v runs on pcpu @h, up to its first instruction. A vcpu leaves a pcpu only when another is loaded there. */
static void run_on(unsigned int h, struct vcpu *v)
{
	if (pcpus[!h]->current == v)
		load_on(!h, another(v));
	load_on(h, v);
	assert_int_equal(vcpu_handle_requests(v), VCPU_MAY_RUN);
	tlb_guest_uses(v->vm->id);
}

/* Where the page table of ASID @asid lies: not in the same place in every VM, so that one's vsatp with another's
 * hgatp leads astray. */
static unsigned int table_of(const struct vm *vm, unsigned int asid)
{
	return asid ^ (vm->id & 1) ? TABLE_B : TABLE_A;
}

/* The guest itself switches to another page table, whose ASID is its own. */
static void guest_switches(struct vcpu *v, bool other)
{
	csr_write(CSR_VSATP, tlb_vsatp(table_of(v->vm, other), other));
	tlb_guest_uses(v->vm->id);
}

/* It ends on pcpu @h. */
static void dies_on(unsigned int h, struct vcpu *v)
{
	run_on(h, v);
	vcpu_put_for_good(v, this_pcpu());
}

/* --- the promises --------------------------------------------------------------------------------------- */

/* Every order of six switches among four vcpus of three VMs. */
static void no_order_of_switches_mixes_vms(void **state)
{
	struct vcpu *const of[] = { &vcpu_of[0][0], &vcpu_of[0][1], &vcpu_of[1][0],
				    &vcpu_of[2][0] };
	enum { LENGTH = 6, ORDERS = 1 << (2 * LENGTH) };

	(void)state;
	for (unsigned int bits = 0; bits <= 3; bits++) {
		for (unsigned int order = 0; order < ORDERS; order++) {
			world_begin(bits);
			for (unsigned int i = 0; i < LENGTH; i++) {
				struct vcpu *v = of[order >> (2 * i) & 3];

				run_on(0, v);
				guest_switches(v, i & 1);
			}
			if (tlb_failed())
				fail_msg("VMIDLEN %u, order %#x: %s", bits, order, tlb_failed());
		}
	}
}

/* The guest's RAM page @gpa goes, and later comes back; between the two it is another VM's. */
static void take_away(struct vm *vm, unsigned int gpa, bool away)
{
	tlb_map(vm->id, gpa, away ? TLB_NOWHERE : (uint8_t)((vm->id + 1) * TLB_GPAS + gpa));
	(void)vm_make_all_vcpus_request(vm, REQUEST_TLB_FLUSH);
}

/* The guest changes its own page table and fences it on both of its harts. */
static void remap(struct vcpu *v, bool swap)
{
	const struct vcpu_fence all = { .size = 0 },
				page = { .start = PAGE_SIZE, .size = PAGE_SIZE },
				by_asid = { .size = 0, .asid = 1, .by_asid = true };
	const struct vcpu_fence *const kinds[] = { &all, &page, &by_asid };
	unsigned int kind = random_below(3);

	tlb_guest_maps(v->vm->id, table_of(v->vm, kind == 2), 1, swap ? DATA_A : DATA_B);
	if (kind == 2)
		tlb_guest_maps(v->vm->id, table_of(v->vm, 1), 0, swap ? DATA_A : DATA_B);
	vm_fence_vvma(v->vm, vm_all_vcpus(v->vm), kinds[kind]);
}

static void one_event(unsigned int vmidlen)
{
	unsigned int h = random_below(TLB_HARTS);
	struct vcpu *v = &vcpu_of[random_below(TLB_VMS)][random_below(VCPUS)];
	uint32_t insn;

	(void)vmidlen;
	run_on(h, v);
	switch (random_below(8)) {
	case 0:
		remap(v, random_below(2));
		break;
	case 1:
		take_away(v->vm, DATA_B, random_below(2));
		/* Still in the same exit: it reads from the guest before it serves the request. */
		(void)vcpu_fetch_insn(v, gva(0), &insn);
		break;
	case 2: /* hart_stop and hart_start */
		vcpu_hsm_stop(v);
		(void)vcpu_handle_requests(v);
		assert_int_equal(vcpu_hsm_prepare(v, 0x80200000, 0), HV_OK);
		break;
	case 3:
		(void)vcpu_fetch_insn(v, gva(0), &insn);
		break;
	default:
		guest_switches(v, random_below(2));
		break;
	}
}

static void moves_flushes_and_fences_mix_nothing(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 400; seed++) {
		random_state = seed;
		world_begin(seed & 3);
		for (unsigned int i = 0; i < 100; i++) {
			one_event(seed & 3);
			if (tlb_failed())
				fail_msg("seed %u, event %u: %s", seed, i, tlb_failed());
		}
	}
}

/* Its tables are freed when its last vcpu has ended, wherever each of them ended. */
static void tables_of_an_ended_vm_are_walked_by_no_hart(void **state)
{
	(void)state;
	for (unsigned int way = 0; way < 4 * 16; way++) {
		unsigned int bits = way >> 4;

		world_begin(bits);
		for (unsigned int i = 0; i < TLB_VMS; i++)
			run_on(way & 1, &vcpu_of[i][0]);
		run_on(way & 1, &vcpu_of[0][0]);
		run_on((way & 2) != 0, &vcpu_of[0][1]);
		dies_on((way & 4) != 0, &vcpu_of[0][0]);
		dies_on((way & 8) != 0, &vcpu_of[0][1]);
		vm_of[0].state = VM_OFF;
		tlb_free_tables(0);
		for (unsigned int h = 0; h < TLB_HARTS; h++) {
			fake_pcpu_become(h);
			assert_true(!this_pcpu()->current || this_pcpu()->current->vm != &vm_of[0]);
			(void)csr_read(CSR_SIP); /* it idles */
			/* With VMIDLEN = 0 all that was Bare's is the next guest's number. */
			run_on(h, &vcpu_of[1][0]);
			run_on(h, &vcpu_of[2][1]);
		}
		if (tlb_failed())
			fail_msg("way %u: %s", way, tlb_failed());
	}
}

/* VMs 0 and 1 have ended. Each is started again on memory that was the other's. */
static void start_exchanged(void)
{
	for (unsigned int i = 0; i < 2; i++) {
		tlb_free_tables(i);
		for (unsigned int gpa = 0; gpa < TLB_GPAS; gpa++)
			tlb_map(i, gpa, (uint8_t)((2 - i) * TLB_GPAS + gpa));
	}
	for (unsigned int i = 0; i < 2; i++) {
		tlb_new_tables(i);
		guest_makes_tables(i);
		vm_of[i].state = VM_RUNNING;
		for (unsigned int j = 0; j < VCPUS; j++) {
			vcpu_power_on(&vcpu_of[i][j]);
			assert_int_equal(vcpu_hsm_prepare(&vcpu_of[i][j], 0x80200000, 0), HV_OK);
		}
	}
}

static void a_vm_that_is_started_again_finds_nothing_of_its_former_memory(void **state)
{
	(void)state;
	for (unsigned int way = 0; way < 4 * 256; way++) {
		unsigned int bits = way >> 8;

		world_begin(bits);
		for (unsigned int i = 0; i < 4; i++) {
			struct vcpu *v = &vcpu_of[i & 1][i >> 1];

			/* On one hart or the other, or on both, one after the other. */
			run_on(way >> i & 1, v);
			guest_switches(v, i & 1);
			run_on(way >> (i + 1) & 1, v);
		}
		vm_of[0].state = vm_of[1].state = VM_STOPPING;
		for (unsigned int i = 0; i < 4; i++)
			dies_on(way >> (4 + i) & 1, &vcpu_of[i & 1][i >> 1]);
		start_exchanged();
		for (unsigned int i = 0; i < 8; i++) {
			struct vcpu *v = &vcpu_of[i & 1][i >> 1 & 1];

			run_on((way ^ i >> 2) & 1, v);
			guest_switches(v, i & 1);
		}
		if (tlb_failed())
			fail_msg("way %#x: %s", way, tlb_failed());
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_order_of_switches_mixes_vms),
		cmocka_unit_test(moves_flushes_and_fences_mix_nothing),
		cmocka_unit_test(tables_of_an_ended_vm_are_walked_by_no_hart),
		cmocka_unit_test(a_vm_that_is_started_again_finds_nothing_of_its_former_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
