// SPDX-License-Identifier: BSD-2-Clause
#include "vcpu/timed.h"

#include "arch/memmap.h"
#include "lib/index.h"
#include "mm/page.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"

#define WORDS (sizeof(struct vcpu_timed_counts) / sizeof(uint64_t))

static uint32_t wanted; /* atomic */

void vcpu_timed_want(bool on)
{
	atomic_set(&wanted, on);
}

bool vcpu_timed_is_wanted(void)
{
	return atomic_read(&wanted);
}

/* --- its memory ------------------------------------------------------------------------------------ */

static uint64_t bytes(const struct vm *vm)
{
	return align_up(vm->nr_vcpus * sizeof(struct vcpu_timed), PAGE_SIZE);
}

bool vcpu_timed_make(struct vm *vm)
{
	struct vcpu_timed *t;

	if (!vcpu_timed_is_wanted() || vm->timed || vm->nr_vcpus == 0)
		return true;
	t = page_alloc_zeroed(bytes(vm), PAGE_SIZE);
	if (!t)
		return false;
	vm->timed = t;
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		struct vcpu *v = vm->vcpus[index_below(i, VM_MAX_VCPUS)];

		sched_measure_waits(&v->se, &t[i].waits);
		/* The hart that finds it finds it zeroed. */
		(void)atomic_exchange(&v->timed, &t[i]);
	}
	return true;
}

void vcpu_timed_free(struct vm *vm)
{
	if (vm->timed)
		page_free(ptr_to_hpa(vm->timed), bytes(vm));
	vm->timed = NULL;
}

/* --- what it has come to --------------------------------------------------------------------------- */

static void copy(void *to, const void *from, size_t size)
{
	for (size_t i = 0; i < size / sizeof(uint64_t); i++)
		((uint64_t *)to)[i] = atomic_read((const uint64_t *)from + i);
}

/* All that was ever measured. */
static void count(const struct vcpu_timed *t, struct vcpu_timed_counts *out)
{
	copy(out->exits, t->exits, sizeof(out->exits));
	copy(out->ticks, t->ticks, sizeof(out->ticks));
	copy(&out->late, &t->late, sizeof(out->late));
	copy(&out->woken, &t->waits.woken, sizeof(out->woken));
}

bool vcpu_timed_read(const struct vcpu *v, struct vcpu_timed_counts *out)
{
	const struct vcpu_timed *t = atomic_read_acquire(&v->timed);

	if (!t)
		return false;
	count(t, out);
	/* A snapshot without a lock may be a little behind the one before it. */
	for (unsigned int i = 0; i < WORDS; i++) {
		uint64_t *word = (uint64_t *)out + i;

		*word -= min_u64(*word, atomic_read((const uint64_t *)&t->counted + i));
	}
	return true;
}

uint64_t vcpu_timed_worst(const struct vcpu *v, unsigned int i)
{
	const struct vcpu_timed *t = atomic_read_acquire(&v->timed);

	return t ? atomic_read(&t->worst[index_below(i, NR_VCPU_EXITS)]) : 0;
}

void vcpu_timed_zero(struct vcpu *v)
{
	struct vcpu_timed *t = atomic_read_acquire(&v->timed);
	struct vcpu_timed_counts now;

	if (!t)
		return;
	count(t, &now);
	for (unsigned int i = 0; i < WORDS; i++)
		atomic_set((uint64_t *)&t->counted + i, ((uint64_t *)&now)[i]);
	for (unsigned int i = 0; i < NR_VCPU_EXITS; i++)
		atomic_set(&t->worst[i], 0);
}
