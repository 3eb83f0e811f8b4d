/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake/devvm.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "arch/csr.h"
#include "vcpu/irq.h"
#include "vcpu/vm_part.h"

#define MAX_ALLOCS 128

struct vm fake_vm;
unsigned int fake_arena_left = UINT_MAX;
unsigned int fake_vseip_calls;

static void *allocs[MAX_ALLOCS];
static unsigned int nr_allocs;
static bool vseip[VM_MAX_VCPUS];

void *arena_alloc(struct arena *a, uint64_t size, uint64_t align)
{
	void *p;

	(void)a;
	if (fake_arena_left == 0 || nr_allocs == MAX_ALLOCS)
		return NULL;
	if (fake_arena_left != UINT_MAX)
		fake_arena_left--;
	p = aligned_alloc(align < 16 ? 16 : align, align_up(size, align < 16 ? 16 : align));
	memset(p, 0, size);
	allocs[nr_allocs++] = p;
	return p;
}

void *arena_pages(struct arena *a, uint64_t size)
{
	return arena_alloc(a, size, PAGE_SIZE);
}

void vcpu_set_level(struct vcpu *v, unsigned int irq, bool high)
{
	if (irq != IRQ_VS_EXT || vseip[v->id] == high)
		abort(); /* told only when it changes */
	vseip[v->id] = high;
	fake_vseip_calls++;
}

bool fake_vseip(unsigned int hart)
{
	return vseip[hart];
}

void fake_vm_setup(unsigned int vcpus)
{
	fake_vm = (struct vm){ .name = "fake", .nr_vcpus = vcpus };
	fake_arena_left = UINT_MAX;
	fake_vseip_calls = 0;
	memset(vseip, 0, sizeof(vseip));
	for (unsigned int i = 0; i < vcpus; i++) {
		fake_vm.vcpus[i] = calloc(1, sizeof(struct vcpu));
		fake_vm.vcpus[i]->id = i;
		fake_vm.vcpus[i]->vm = &fake_vm;
	}
	fake_vm.bus = mmio_bus_new(&fake_vm.arena);
}

void fake_vm_teardown(void)
{
	for (unsigned int i = 0; i < fake_vm.nr_vcpus; i++)
		free(fake_vm.vcpus[i]);
	for (unsigned int i = 0; i < nr_allocs; i++)
		free(allocs[i]);
	nr_allocs = 0;
	fake_vm.nr_vcpus = 0;
}

void *fake_part(const char *name)
{
	for (const struct vm_part_of *p = fake_vm.parts; p; p = p->next)
		if (strcmp(p->part->name, name) == 0)
			return p->state;
	return NULL;
}

uint64_t guest_read(uint64_t a, unsigned int len)
{
	uint64_t val = 0;

	if (mmio_read(fake_vm.bus, gpa(a), len, &val))
		abort();
	return val;
}

void guest_write(uint64_t a, unsigned int len, uint64_t val)
{
	if (mmio_write(fake_vm.bus, gpa(a), len, val))
		abort();
}
