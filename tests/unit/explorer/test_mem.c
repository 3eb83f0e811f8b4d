// SPDX-License-Identifier: BSD-2-Clause
/*
 * Device code uses a VM's memory in every order with what takes it away: what is unmapped, and a life that ends. Stores
 * arrive late, so that each fence of vm_mem.c counts.
 *
 * SOURCES: hyp/vcpu/vm_mem.c tests/unit/fake/pcpu.c
 * SOURCES: tests/unit/explorer/thread.c tests/unit/explorer/memory.c tests/unit/explorer/state.c
 * SOURCES: tests/unit/explorer/search.c tests/unit/explorer/trace.c
 * SANITIZE: none
 * CFLAGS: -O2
 * INCLUDE: tests/unit/explorer
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/smp.h"
#include "explorer/explorer.h"
#include "fake/pcpu.h"
#include "vcpu/vm_mem.h"

#define HARTS 3

static struct {
	struct vm vm;
	uint32_t mapped; /* the page is in the tables */
	uint32_t freed;	 /* it is another's: plain, of the one that takes it away */
} world;

/* Found, then used: in between others go on. */
int gstage_read(const struct gstage *gs, gpa_t a, void *buf, uint64_t len)
{
	(void)gs, (void)a, (void)buf, (void)len;
	if (!atomic_read(&world.mapped))
		return HV_EFAULT;
	explorer_step();
	if (world.freed)
		explorer_fail("a page is used that is another's");
	explorer_step();
	if (world.freed)
		explorer_fail("a page becomes another's while it is used");
	return HV_OK;
}

int gstage_write(const struct gstage *gs, gpa_t a, const void *buf, uint64_t len)
{
	(void)gs, (void)a, (void)buf, (void)len;
	return HV_EFAULT;
}

static void uses(void *unused)
{
	uint64_t word;

	(void)unused;
	(void)vm_mem_read(&world.vm, gpa(0), &word, sizeof(word));
}

static void uses_twice(void *unused)
{
	uses(unused);
	uses(unused);
}

static void unmaps(void *unused)
{
	(void)unused;
	atomic_set(&world.mapped, 0);
	vm_mem_wait();
	world.freed = 1;
}

static void ends_its_life(void *unused)
{
	(void)unused;
	vm_mem_close(&world.vm);
	world.freed = 1;
}

static void scene(void)
{
	fake_pcpu_setup(HARTS);
	memset(&world, 0, sizeof(world));
	world.mapped = 1;
	world.vm.mem_open = 1;
	explorer_begin();
	explorer_name(&world.mapped, "mapped");
	explorer_name(&world.vm.mem_open, "mem_open");
	for (unsigned int i = 0; i < HARTS; i++)
		explorer_name(&pcpus[i]->mem_uses, "mem_uses");
}

static void all_is_over(void)
{
	for (unsigned int i = 0; i < HARTS; i++)
		if (pcpus[i]->mem_uses & 1)
			explorer_fail("pcpu %u is still in a bracket", i);
	if (!world.freed)
		explorer_fail("what takes the memory away waits for ever");
}

static void explore(const char *name)
{
	assert_true(explorer_run(&(struct explorer_options){
		.name = name, .preemptions = 4, .max_states = 2000000, .final = all_is_over }));
}

static void what_is_unmapped_is_used_no_more(void **state)
{
	(void)state;
	scene();
	explorer_thread("device", pcpus[0], uses_twice, NULL);
	explorer_thread("unmaps", pcpus[1], unmaps, NULL);
	explore("unmapped under a device");
	scene();
	explorer_thread("one", pcpus[0], uses, NULL);
	explorer_thread("two", pcpus[2], uses, NULL);
	explorer_thread("unmaps", pcpus[1], unmaps, NULL);
	explore("unmapped under two devices");
}

static void after_a_life_nothing_is_used(void **state)
{
	(void)state;
	scene();
	explorer_thread("device", pcpus[0], uses_twice, NULL);
	explorer_thread("ends", pcpus[1], ends_its_life, NULL);
	explore("a life ends under a device");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_unmapped_is_used_no_more),
		cmocka_unit_test(after_a_life_nothing_is_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
