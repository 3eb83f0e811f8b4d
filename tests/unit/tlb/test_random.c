// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/tlb/world.h
/*
 * Whatever guests, hypervisor and operator do in whatever order, no guest uses what is not its own, or is no more. At
 * any step of one hart's work the other one may do something. HV_LONG=1 goes on for longer.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "arch/pcpu.h"
#include "tlb/world.h"
#include "pv/steal.h"

/* One of so many steps of a hart. */
#define OTHER_HART_ACTS 12

static struct vcpu *any_vcpu(void)
{
	return vcpu_of(random_below(TLB_VMS), random_below(VCPUS));
}

static unsigned int any_gpa(void)
{
	static const uint8_t gpas[] = { RAM_DATA_A, RAM_DATA_B,	 RAM_OTHER, RAM_TABLE_A,
					HOLE_NEAR,  HOLE_BESIDE, HOLE_FAR,  TLB_GPAS };

	return gpas[random_below(ARRAY_SIZE(gpas))];
}

/* --- meanwhile, on the other hart ----------------------------------------------------------------------- */

static void loads_another(unsigned int h)
{
	struct vcpu *v = any_vcpu();

	if (is_free_to_run(v, h)) {
		load_on(h, v);
		(void)enters(h);
	}
}

static void runs_a_little(unsigned int h)
{
	struct vcpu *v = pcpus[h]->current;

	if (!v || v->mode != IN_GUEST_MODE || v->vm->state != VM_RUNNING)
		return;
	on_hart(h);
	switch (random_below(3)) {
	case 0:
		guest_switches(v, random_below(2));
		break;
	case 1:
		guest_sfence(v);
		break;
	default:
		leaves(h);
		break;
	}
}

static void other_hart_acts(void)
{
	unsigned int here = this_pcpu()->index, h = !here;

	if (random_below(OTHER_HART_ACTS) != 0)
		return;
	switch (random_below(5)) {
	case 0:
		leaves(h);
		break;
	case 1:
		guest_is_read(h);
		break;
	case 2:
		leaves(h);
		if (pcpus[h]->current && pcpus[h]->current->vm->state == VM_RUNNING)
			(void)enters(h);
		break;
	case 3:
		runs_a_little(h);
		break;
	default:
		loads_another(h);
		break;
	}
	uses(h);
	on_hart(here);
}

/* --- events ----------------------------------------------------------------------------------------------- */

static void fences_something(struct vcpu *v)
{
	unsigned int asid = random_below(2), gva = random_below(TLB_GVAS);
	uint64_t set = 1 + random_below(3);
	enum fence_kind kind = random_below(FENCE_KINDS);
	bool fast = random_below(2);

	guest_maps(v, asid, gva, any_gpa());
	guest_fences(v, set, kind, gva, random_below(2), asid, fast);
}

/* More than a vcpu can keep in mind, while it does not run. */
static void fences_often(struct vcpu *v)
{
	for (unsigned int i = 0; i < VCPU_FENCE_RING + 2; i++)
		guest_fences(v, 3, PAGE, i % TLB_GVAS, i & 4, i & 1, false);
	for (unsigned int i = 0; i < VCPU_FENCE_RING + 2; i++) {
		unsigned int gva = i % TLB_GVAS;

		guest_maps(v, i & 1, gva, any_gpa());
		guest_fences(v, 3, PAGE, gva, i & 4, i & 1, true);
	}
}

static void changes_code(struct vcpu *v)
{
	guest_writes_code(v);
	if (random_below(3) == 0)
		guest_fence_i(v);
	else
		guest_fences_code(v, 1 + random_below(3), random_below(2));
}

static void changes_memory(struct vcpu *v)
{
	bool fails = random_below(4) == 0;

	if (fails)
		tlb_memory_fails(random_below(3));
	if (random_below(4) == 0)
		(void)guest_gives_back(v, random_below(2) ? RAM_OTHER : RAM_DATA_B);
	else
		(void)guest_magic(v, any_gpa());
	tlb_memory_fails(UINT32_MAX);
}

static void is_counted(struct vcpu *v)
{
	leaves(this_pcpu()->index);
	(void)pv_steal_set(v, random_below(3) ? gpa(tlb_gpa(RAM_OTHER)) : PV_OFF);
	(void)pv_lock_set(v, gpa(tlb_gpa(RAM_DATA_B)));
}

static void sleeps(struct vcpu *v)
{
	leaves(this_pcpu()->index);
	atomic_set(&v->halt.blocked, 1);
}

static void ends(struct vcpu *v)
{
	unsigned int i = v->vm->id;

	v->vm->state = VM_STOPPING; /* no vcpu of it is loaded for anything else from now on */
	for (unsigned int j = 0; j < VCPUS; j++)
		dies_on(random_below(2), vcpu_of(i, j));
	if (random_below(3) == 0) {
		vm_reboots(i);
		return;
	}
	vm_ends(i);
	vm_makes(i);
}

static void one_event(void)
{
	unsigned int h = random_below(TLB_HARTS);
	struct vcpu *v = any_vcpu();

	runs_on(h, v);
	switch (random_below(16)) {
	case 0:
	case 1:
	case 2:
		fences_something(v);
		break;
	case 3:
		if (random_below(4) == 0)
			fences_often(v);
		break;
	case 4:
		changes_code(v);
		break;
	case 5:
	case 6:
		changes_memory(v);
		break;
	case 7:
		guest_restarts(v);
		break;
	case 8:
		leaves(h);
		guest_is_read(h);
		break;
	case 9:
		is_counted(v);
		break;
	case 10:
		sleeps(v);
		break;
	case 11:
		guest_maps(v, random_below(2), random_below(TLB_GVAS), any_gpa());
		guest_sfence(v);
		break;
	case 12:
		guest_bare(v);
		break;
	case 13:
		if (random_below(3) == 0)
			ends(v);
		break;
	default:
		guest_switches(v, random_below(2));
		break;
	}
}

static void nothing_is_ever_mixed(void **state)
{
	unsigned int seeds = getenv("HV_LONG") ? 20000 : 600;

	(void)state;
	for (unsigned int seed = 1; seed <= seeds; seed++) {
		tlb_between = NULL;
		world_begin(seed & 3);
		random_seed(seed);
		tlb_between = other_hart_acts;
		for (unsigned int i = 0; i < 60; i++) {
			one_event();
			tlb_check("seed %u, event %u", seed, i);
		}
	}
	tlb_between = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_ever_mixed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
