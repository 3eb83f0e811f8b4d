// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/tlb/world.h
/*
 * No guest ever uses another VM's translation, or one that was taken from it: every order of a few switches, and every
 * way for a VM to end and to begin again, on harts that cache whatever the specification lets them (tlb/hart.h).
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "arch/csr.h"
#include "arch/pcpu.h"
#include "tlb/world.h"

/* Every order of six switches among four vcpus of three VMs. */
static void no_order_of_switches_mixes_vms(void **state)
{
	struct vcpu *const of[] = { vcpu_of(0, 0), vcpu_of(0, 1), vcpu_of(1, 0), vcpu_of(2, 0) };
	unsigned int length = getenv("HV_LONG") ? 6 : 5;

	(void)state;
	for (unsigned int bits = 0; bits <= 3; bits++) {
		for (unsigned int order = 0; order < 1u << (2 * length); order++) {
			world_begin(bits);
			for (unsigned int i = 0; i < length; i++) {
				struct vcpu *v = of[order >> (2 * i) & 3];

				runs_on(0, v);
				guest_switches(v, i & 1);
			}
			tlb_check("VMIDLEN %u, order %#x", bits, order);
		}
	}
}

/* Each takes a fresh VMID again and again, until those of the hart have been used up. */
static void numbers_come_round_without_their_translations(void **state)
{
	static const unsigned int lengths[] = { 1, 2, 3, 14 };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(lengths); i++) {
		world_begin(lengths[i]);
		for (unsigned int n = 0; n < (1u << lengths[i]) + 20; n++) {
			struct vcpu *v = vcpu_of(n % TLB_VMS, n / TLB_VMS % VCPUS);

			vcpu_make_request(REQUEST_TLB_FLUSH, v);
			runs_on(0, v);
			guest_switches(v, n & 1);
		}
		tlb_check("VMIDLEN %u", lengths[i]);
	}
}

/* Its tables are freed when its last vcpu has ended, wherever each of them ended. */
static void tables_of_an_ended_vm_are_walked_by_no_hart(void **state)
{
	(void)state;
	for (unsigned int way = 0; way < 4 * 16; way++) {
		world_begin(way >> 4);
		for (unsigned int i = 0; i < TLB_VMS; i++)
			runs_on(way & 1, vcpu_of(i, 0));
		runs_on(way & 1, vcpu_of(0, 0));
		runs_on((way & 2) != 0, vcpu_of(0, 1));
		dies_on((way & 4) != 0, vcpu_of(0, 0));
		dies_on((way & 8) != 0, vcpu_of(0, 1));
		vm_ends(0);
		for (unsigned int h = 0; h < TLB_HARTS; h++) {
			on_hart(h);
			assert_true(!this_pcpu()->current ||
				    this_pcpu()->current->vm != &tlb_vms[0].vm);
			tlb_step(); /* it idles */
			/* With VMIDLEN = 0 all that was Bare's is the next guest's number. */
			runs_on(h, vcpu_of(1, 0));
			runs_on(h, vcpu_of(2, 1));
		}
		tlb_check("way %#x", way);
	}
}

/* One on one hart or the other, or on both, one after the other. */
static void run_everywhere(unsigned int way, unsigned int vms)
{
	for (unsigned int i = 0; i < 2 * vms; i++) {
		struct vcpu *v = vcpu_of(i % vms, i / vms);

		runs_on(way >> i & 1, v);
		guest_switches(v, i & 1);
		runs_on(way >> (i + 1) & 1, v);
	}
}

static void a_vm_that_is_started_again_finds_nothing_of_its_former_memory(void **state)
{
	(void)state;
	for (unsigned int way = 0; way < 4 * 256; way++) {
		world_begin(way >> 8);
		run_everywhere(way, 2);
		for (unsigned int i = 0; i < 4; i++)
			dies_on(way >> (4 + i) & 1, vcpu_of(i & 1, i >> 1));
		/* Each takes the memory that the other one had. */
		vm_ends(way & 1);
		vm_ends(!(way & 1));
		vm_makes(way & 1);
		vm_makes(!(way & 1));
		run_everywhere(~way, 2);
		tlb_check("way %#x", way);
	}
}

/* It goes on with its memory; the page tables in it are new, and so is where its magic page was. */
static void a_vm_that_reboots_finds_no_mapping_of_its_former_life(void **state)
{
	(void)state;
	for (unsigned int way = 0; way < 4 * 64; way++) {
		struct vcpu *v = vcpu_of(0, way & 1);

		world_begin(way >> 6);
		run_everywhere(way, 1);
		runs_on(way >> 1 & 1, v);
		assert_int_equal(guest_magic(v, way & 4 ? HOLE_NEAR : HOLE_FAR), HV_OK);
		guest_maps(v, way >> 3 & 1, 0, RAM_OTHER);
		guest_writes_code(v);
		run_everywhere(way, 1);
		for (unsigned int i = 0; i < VCPUS; i++)
			dies_on(way >> (4 + i) & 1, vcpu_of(0, i));
		vm_reboots(0);
		run_everywhere(~way, 1);
		tlb_check("way %#x", way);
	}
}

/* What its sibling changed, and fenced for itself alone, a hart that is started anew knows nothing older of. */
static void a_hart_that_is_started_anew_has_nothing_of_its_former_life(void **state)
{
	(void)state;
	for (unsigned int way = 0; way < 4 * 4; way++) {
		struct vcpu *v = vcpu_of(0, 0), *sibling = vcpu_of(0, 1);

		world_begin(way >> 2);
		runs_on(way & 1, sibling);
		guest_switches(sibling, way >> 1 & 1);
		runs_on(!(way & 1), v);
		guest_maps(v, way >> 1 & 1, 0, RAM_TABLE_A);
		guest_sfence(v);
		guest_writes_code(v);
		guest_fence_i(v);
		on_hart(way & 1);
		guest_restarts(sibling);
		guest_switches(sibling, way >> 1 & 1);
		tlb_check("way %#x", way);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_order_of_switches_mixes_vms),
		cmocka_unit_test(numbers_come_round_without_their_translations),
		cmocka_unit_test(tables_of_an_ended_vm_are_walked_by_no_hart),
		cmocka_unit_test(a_vm_that_is_started_again_finds_nothing_of_its_former_memory),
		cmocka_unit_test(a_hart_that_is_started_anew_has_nothing_of_its_former_life),
		cmocka_unit_test(a_vm_that_reboots_finds_no_mapping_of_its_former_life),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
