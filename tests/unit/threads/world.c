/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads: what the hypervisor's sources call. */
#include "threads/machine.h"

#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "arch/smp.h"
#include "arch/timer.h"
#include "mm/gstage.h"
#include "mm/page.h"
#include "platform/driver.h"
#include "vcpu/guest_mem.h"

struct did did;

void *arena_alloc(struct arena *a, uint64_t size, uint64_t align)
{
	(void)a, (void)align;
	return calloc(1, size);
}

void *page_alloc_zeroed(uint64_t size, uint64_t align)
{
	(void)align;
	return calloc(1, size);
}

/* The page must be as it was made while a thread reads it. */
static int walk(const struct gstage *gs)
{
	struct machine *mc = container_of(gs, struct machine, vm.gstage);
	const uint64_t *page = __atomic_load_n(&mc->table, __ATOMIC_ACQUIRE);

	for (unsigned int i = 0; i < PAGE_WORDS; i++) {
		if (page[i] != 0x600d)
			broken("a table is read after it was freed");
		chaos();
	}
	add_now(&did.reads, 1);
	return HV_OK;
}

int gstage_read(const struct gstage *gs, gpa_t a, void *buf, uint64_t len)
{
	(void)a, (void)buf, (void)len;
	return walk(gs);
}

/* No vcpu here has steal time. */
void *gstage_write_ptr(const struct gstage *gs, gpa_t a, uint64_t len)
{
	(void)gs, (void)a, (void)len;
	return NULL;
}

int gstage_write(const struct gstage *gs, gpa_t a, const void *buf, uint64_t len)
{
	(void)a, (void)buf, (void)len;
	return walk(gs);
}

void page_free(hpa_t base, uint64_t size)
{
	(void)base, (void)size;
}

/* The table's page goes, and becomes garbage as soon as no thread can read it any more. */
int gstage_unmap_ram(struct gstage *gs, gpa_t base, uint64_t size, struct gstage_ram *out,
		     unsigned int max, unsigned int *nr)
{
	struct machine *mc = container_of(gs, struct machine, vm.gstage);
	uint64_t *old = mc->table, *new = old == mc->pages[0] ? mc->pages[1] : mc->pages[0];

	(void)base, (void)size, (void)max;
	*out = (struct gstage_ram){ .hpa = hpa((uintptr_t)old) };
	*nr = 1;
	for (unsigned int i = 0; i < PAGE_WORDS; i++)
		new[i] = 0x600d;
	__atomic_store_n(&mc->table, new, __ATOMIC_RELEASE);
	return HV_OK;
}

void gstage_free_pieces(const struct gstage_ram *pieces, unsigned int nr)
{
	uint64_t *page = (uint64_t *)(uintptr_t)pieces[0].hpa.hpa;

	(void)nr;
	for (unsigned int i = 0; i < PAGE_WORDS; i++)
		page[i] = 0xbad;
}

void host_irq_handle(void)
{
}

uint64_t hart_time_of(unsigned int index)
{
	struct timespec t;

	(void)index;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return ((uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec) / NS_PER_TICK;
}

void cpu_wait_for_interrupt(void)
{
	for (unsigned int i = 0; !hart_wfi_ends(this_pcpu()->index); i++) {
		if (read_now(&the_end))
			pthread_exit(NULL);
		if (i < 20)
			sched_yield();
		else
			usleep(20);
	}
}

void hart_ipi(uint64_t set)
{
	(void)set;
}

void hart_ipi_to_no_hart(void)
{
	broken("an IPI to a hart that does not exist");
}
