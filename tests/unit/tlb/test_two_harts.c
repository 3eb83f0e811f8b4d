// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/tlb/world.h
// SANITIZE: none
// CFLAGS: -O2
/*
 * A vcpu takes memory, mappings or code away from its VM while a sibling runs on another hart. At every two steps of
 * that the other hart does every two things it might do (HV_LONG=1; otherwise two steps of each are near each other).
 * Before the call returns the sibling may find the old or the new; afterwards the new alone.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "arch/pcpu.h"
#include "tlb/world.h"

/* --- what the other hart may do at a step ------------------------------------------------------------------ */

enum act { STAYS, LEAVES, GOES_AROUND, IS_READ, SWITCHES, SWITCHES_BACK, ACTS };

static void runs(struct vcpu *v)
{
	if (!is_free_to_run(v, 1))
		return;
	load_on(1, v);
	(void)enters(1);
}

static void act(enum act a)
{
	unsigned int here = this_pcpu()->index;

	if (here == 1) /* it does something already */
		return;
	switch (a) {
	case LEAVES:
		leaves(1);
		break;
	case GOES_AROUND:
		leaves(1);
		(void)enters(1);
		break;
	case IS_READ:
		leaves(1);
		guest_is_read(1);
		break;
	case SWITCHES:
		runs(vcpu_of(1, 0));
		break;
	case SWITCHES_BACK:
		runs(vcpu_of(1, 0));
		runs(vcpu_of(0, 1));
		break;
	default:
		break;
	}
	uses(1);
	on_hart(here);
}

static struct {
	unsigned int step, at[2];
	enum act act[2];
} plan;

static void next_step(void)
{
	for (unsigned int i = 0; i < 2; i++)
		if (plan.at[i] == plan.step)
			act(plan.act[i]);
	plan.step++;
}

/* --- what is done meanwhile --------------------------------------------------------------------------------- */

static void magic_page_goes_and_comes_elsewhere(struct vcpu *v)
{
	(void)guest_magic(v, TLB_GPAS);
	(void)guest_magic(v, HOLE_BESIDE);
}

static void magic_page_moves(struct vcpu *v)
{
	(void)guest_magic(v, HOLE_NEAR);
	(void)guest_magic(v, HOLE_BESIDE);
}

/* One table is kept, two are needed; the next one that needs it is another's. */
static void no_memory_for_the_magic_page(struct vcpu *v)
{
	(void)guest_magic(v, TLB_GPAS);
	(void)guest_magic(v, HOLE_BESIDE);
	tlb_memory_fails(0);
	assert_int_equal(guest_magic(v, HOLE_FAR), HV_ENOMEM);
	assert_int_equal(guest_gives_back(v, RAM_OTHER), HV_OK);
	tlb_memory_fails(UINT32_MAX);
}

static void a_page_of_a_large_leaf_goes(struct vcpu *v)
{
	assert_int_equal(guest_gives_back(v, RAM_OTHER), HV_OK);
	(void)guest_magic(v, HOLE_BESIDE);
}

static void a_page_and_its_table_go(struct vcpu *v)
{
	assert_int_equal(guest_gives_back(v, RAM_DATA_B), HV_OK);
	(void)guest_magic(v, HOLE_BESIDE);
}

static void a_mapping_is_fenced_whole(struct vcpu *v)
{
	guest_maps(v, 0, 0, RAM_OTHER);
	guest_fences(v, 3, WHOLE_0, 0, false, 0, false);
}

static void a_mapping_is_fenced_alone(struct vcpu *v)
{
	guest_maps(v, 0, 1, RAM_OTHER);
	guest_fences(v, 2, PAGE, 1, false, 0, true);
	guest_maps(v, 1, 1, RAM_OTHER);
	guest_fences(v, 3, ODD_BYTES, 1, true, 1, false);
}

static void mappings_are_fenced_by_asid(struct vcpu *v)
{
	guest_maps(v, 0, 0, RAM_DATA_B);
	guest_maps(v, 0, 2, RAM_OTHER);
	guest_fences(v, 3, HUGE, 0, true, 0, false);
}

static void code_is_changed(struct vcpu *v)
{
	guest_writes_code(v);
	guest_fences_code(v, 3, false);
	guest_writes_code(v);
	guest_fences_code(v, 2, true);
}

static void a_sibling_is_moved(struct vcpu *v)
{
	(void)v;
	guest_maps(v, 0, 0, RAM_OTHER);
	load_on(1, vcpu_of(2, 0));
	(void)enters(1);
	runs_on(0, vcpu_of(0, 1));
	guest_sfence(vcpu_of(0, 1));
	guest_fence_i(vcpu_of(0, 1));
	runs_on(0, v);
	load_on(1, vcpu_of(0, 1));
	(void)enters(1);
	uses(1);
}

/* @begin - hart 0 has the vcpu that acts, hart 1 its sibling, in the guest with page tables on. */
static void begin(unsigned int vmidlen)
{
	tlb_between = NULL;
	world_begin(vmidlen);
	runs_on(1, vcpu_of(1, 0));
	runs_on(1, vcpu_of(0, 1));
	guest_switches(vcpu_of(0, 1), 0);
	runs_on(0, vcpu_of(2, 1));
	runs_on(0, vcpu_of(0, 0));
	assert_int_equal(guest_magic(vcpu_of(0, 0), HOLE_FAR), HV_OK);
	guest_switches(vcpu_of(0, 0), 1);
	on_hart(1);
	(void)enters(1);
	uses(1);
	on_hart(0);
}

static unsigned int try(unsigned int vmidlen, void (*what)(struct vcpu *v), const char *name)
{
	begin(vmidlen);
	plan.step = 0;
	tlb_between = next_step;
	what(vcpu_of(0, 0));
	tlb_between = NULL;
	(void)enters(1);
	uses(1);
	on_hart(0);
	tlb_check("%s, VMIDLEN %u, step %u: %d, step %u: %d", name, vmidlen, plan.at[0],
		  (int)plan.act[0], plan.at[1], (int)plan.act[1]);
	return plan.step;
}

#define NEAR 2

static void explore(unsigned int vmidlen, void (*what)(struct vcpu *v), const char *name)
{
	unsigned int near = getenv("HV_LONG") ? UINT32_MAX / 2 : NEAR;
	unsigned int steps;

	plan.at[0] = plan.at[1] = UINT32_MAX;
	steps = try(vmidlen, what, name);
	for (unsigned int i = 0; i < steps; i++) {
		for (unsigned int j = i + 1; j < steps && j <= i + near; j++) {
			for (unsigned int acts = 0; acts < ACTS * ACTS; acts++) {
				plan.at[0] = i;
				plan.at[1] = j;
				plan.act[0] = acts % ACTS;
				plan.act[1] = acts / ACTS;
				(void)try(vmidlen, what, name);
			}
		}
	}
}

#define SCENE(what)                                               \
	static void what##_in_every_order(void **state)           \
	{                                                         \
		(void)state;                                      \
		for (unsigned int bits = 0; bits <= 2; bits += 2) \
			explore(bits, what, #what);               \
	}

SCENE(magic_page_goes_and_comes_elsewhere)
SCENE(magic_page_moves)
SCENE(no_memory_for_the_magic_page)
SCENE(a_page_of_a_large_leaf_goes)
SCENE(a_page_and_its_table_go)
SCENE(a_mapping_is_fenced_whole)
SCENE(a_mapping_is_fenced_alone)
SCENE(mappings_are_fenced_by_asid)
SCENE(code_is_changed)
SCENE(a_sibling_is_moved)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(magic_page_goes_and_comes_elsewhere_in_every_order),
		cmocka_unit_test(magic_page_moves_in_every_order),
		cmocka_unit_test(no_memory_for_the_magic_page_in_every_order),
		cmocka_unit_test(a_page_of_a_large_leaf_goes_in_every_order),
		cmocka_unit_test(a_page_and_its_table_go_in_every_order),
		cmocka_unit_test(a_mapping_is_fenced_whole_in_every_order),
		cmocka_unit_test(a_mapping_is_fenced_alone_in_every_order),
		cmocka_unit_test(mappings_are_fenced_by_asid_in_every_order),
		cmocka_unit_test(code_is_changed_in_every_order),
		cmocka_unit_test(a_sibling_is_moved_in_every_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
