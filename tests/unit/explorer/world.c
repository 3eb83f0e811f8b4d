/* SPDX-License-Identifier: BSD-2-Clause */
/* The explorer's scenes: what the hypervisor's sources call. */
#include "explorer/world.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "arch/csr.h"
#include "arch/smp.h"
#include "arch/timer.h"
#include "explorer/explorer.h"
#include "mm/gstage.h"
#include "mm/page.h"
#include "mm/vmid.h"
#include "platform/driver.h"
#include "run/run.h"
#include "vcpu/guest_mem.h"

struct world world;

static uint8_t arena[VCPUS_MAX * (sizeof(struct vcpu) + 64)] __attribute__((aligned(64)));
static uint64_t arena_used;
static uint8_t queues[3072] __attribute__((aligned(64)));

void world_begin(unsigned int harts, unsigned int others)
{
	memset(&world, 0, sizeof(world));
	work_count = 0;
	memset(arena, 0, sizeof(arena));
	arena_used = 0;
	harts_setup(harts + others);
	world.harts = harts;
	world.table = 1;
}

void *arena_alloc(struct arena *a, uint64_t size, uint64_t align)
{
	void *p;

	(void)a;
	arena_used = align_up(arena_used, align);
	assert_true(arena_used + size <= sizeof(arena));
	p = arena + arena_used;
	arena_used += size;
	return p;
}

void *page_alloc_zeroed(uint64_t size, uint64_t align)
{
	(void)size, (void)align;
	memset(queues, 0, sizeof(queues));
	return queues;
}

uint64_t vmid_generation[MAX_PCPUS] = { [0 ... MAX_PCPUS - 1] = 1 };

enum vmid_fence vmid_alloc(struct vmid *v, unsigned int pcpu)
{
	*v = (struct vmid){ .generation = 1,
			    .pcpu = (uint16_t)pcpu,
			    .id = (uint16_t)++world.vmids };
	return VMID_FENCE_NONE;
}

void vmid_park(unsigned int pcpu)
{
	(void)pcpu;
}

/* A walk: the entry, then the page that it names, for a while. */
static int walk(void)
{
	if (!explorer_load(&world.table, sizeof(world.table), false))
		return HV_EFAULT;
	for (int i = 0; i < 2; i++) {
		explorer_step();
		if (world.freed)
			explorer_fail("a page is read after it was freed");
	}
	return HV_OK;
}

int gstage_read(const struct gstage *gs, gpa_t a, void *buf, uint64_t len)
{
	(void)gs, (void)a, (void)buf, (void)len;
	return walk();
}

/* No vcpu here has steal time. */
void *gstage_write_ptr(const struct gstage *gs, gpa_t a, uint64_t len)
{
	(void)gs, (void)a, (void)len;
	return NULL;
}

int gstage_write(const struct gstage *gs, gpa_t a, const void *buf, uint64_t len)
{
	(void)gs, (void)a, (void)buf, (void)len;
	return walk();
}

void page_free(hpa_t base, uint64_t size)
{
	(void)base, (void)size;
}

int gstage_unmap_ram(struct gstage *gs, gpa_t base, uint64_t size, struct gstage_ram *out,
		     unsigned int max, unsigned int *nr)
{
	(void)gs, (void)base, (void)size, (void)out, (void)max;
	*nr = 1;
	explorer_store(&world.table, sizeof(world.table), 0, false);
	return HV_OK;
}

void gstage_free_pieces(const struct gstage_ram *pieces, unsigned int nr)
{
	(void)pieces, (void)nr;
	world.freed = true;
}

/* A vcpu that polls for the end of its halt sees time pass: with each look. */
static bool polls(const struct vcpu *v)
{
	return v && v->halt.poll_since != 0 && v->halt.poll_since + v->halt.poll_ticks > world.time;
}

uint64_t hart_time_of(unsigned int index)
{
	if (world.vm.halt_poll_max && explorer_in_thread() && polls(this_vcpu()))
		world.time += POLL_STEP;
	return world.time - world.lag[index];
}

void host_irq_handle(void)
{
}

uint32_t work_count;

/* One piece of work: the scene's. */
void work_queue(struct work *work)
{
	world.work = work;
	work_count = 1;
}

/* The VM's end, as vm/lifecycle.c has it. */
bool world_task_step(struct sched_entity *se)
{
	(void)se;
	if (atomic_read_acquire(&world.vm.state) != VM_STOPPING)
		return false;
	if (atomic_read_acquire(&world.vm.active) != 0)
		return vm_stop_step(&world.vm);
	sched_expedite_end(&world.vm.task);
	world.buried++;
	(void)vm_set_state(&world.vm, VM_OFF);
	return false;
}

bool work_run_one(void)
{
	if (!work_pending())
		return false;
	world.work = NULL;
	work_count = 0;
	world.work_fn();
	return true;
}

static bool wfi_ends(void *p)
{
	return hart_wfi_ends(((struct pcpu *)p)->index);
}

void cpu_wait_for_interrupt(void)
{
	explorer_drain();
	explorer_wait(wfi_ends, this_pcpu());
}

/* How many times any vcpu has been in guest mode, till now. */
static uint64_t stays(void)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < world.vm.nr_vcpus; i++)
		n += vcpu(i)->guest_seq + (vcpu(i)->mode != OUTSIDE_GUEST_MODE);
	return n;
}

/* The firmware has fences enough: the hart that the IPI reaches sees what the caller did before. */
void hart_ipi(uint64_t set)
{
	explorer_step();
	explorer_drain();
	world.ipis += (unsigned int)__builtin_popcountll(set);
	if (world.only_kicks && world.ipis > stays())
		explorer_fail("%u IPIs for %lu stays in the guest", world.ipis, stays());
}

void hart_ipi_to_no_hart(void)
{
	explorer_fail("an IPI to a hart that does not exist");
}

void hart_fenced(enum hart_fence kind)
{
	struct vcpu *v = this_pcpu()->current;

	if (v)
		guest_of(v)->fenced[kind] = guest_of(v)->asked[kind];
}
