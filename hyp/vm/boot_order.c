// SPDX-License-Identifier: BSD-2-Clause
#include "vm/boot_order.h"

#include "arch/pcpu.h"
#include "lib/atomic.h"
#include "lib/bits.h"
#include "sched/sched.h"

static_assert(MAX_PCPUS <= 64, "one word holds the harts");

enum turn {
	TURN_FREE, /* it is not in the order, or not any more */
	TURN_WAITS,
	TURN_LOADS,
};

static struct spinlock lock = SPINLOCK_INIT(LOCK_BOOT_ORDER); /* guards all here */
static struct vm *order[VM_MAX]; /* by priority, then as they were added */
static unsigned int nr_order;
static uint32_t turns[VM_MAX];	 /* enum turn, by id; atomic */
static uint32_t hart_of[VM_MAX]; /* TURN_LOADS: the hart that is counted for it */

void boot_order_add(struct vm *vm)
{
	unsigned int i = nr_order++;

	for (; i > 0 && order[i - 1]->config->boot_priority < vm->config->boot_priority; i--)
		order[i] = order[i - 1];
	order[i] = vm;
	vm->task.uncapped = true;
	atomic_set(&turns[vm->id], TURN_WAITS);
}

static struct pcpu_set harts_in_use(void)
{
	struct pcpu_set used = pcpu_set_none();

	for (unsigned int i = 0; i < nr_order; i++)
		if (turns[order[i]->id] == TURN_LOADS)
			pcpu_set_add(&used, hart_of[order[i]->id]);
	return used;
}

/* The first one that has a hart for itself; NULL: none. */
static struct vm *next_turn(void)
{
	struct pcpu_set used = harts_in_use();

	for (unsigned int i = 0; i < nr_order; i++) {
		struct vm *vm = order[i];
		struct pcpu_set open = pcpu_set_without(sched_affinity(&vm->task), &used);

		if (turns[vm->id] != TURN_WAITS || pcpu_set_empty(&open))
			continue;
		hart_of[vm->id] = pcpu_set_lowest(&open);
		atomic_set(&turns[vm->id], TURN_LOADS);
		return vm;
	}
	return NULL;
}

void boot_order_begin(void)
{
	struct vm *vm;

	do {
		spin_lock(&lock);
		vm = next_turn();
		spin_unlock(&lock);
		if (vm)
			(void)sched_wake(&vm->task);
	} while (vm);
}

bool boot_order_is_turn(const struct vm *vm)
{
	return atomic_read(&turns[vm->id]) != TURN_WAITS;
}

void boot_order_done(struct vm *vm)
{
	unsigned int kept = 0;
	bool was;

	spin_lock(&lock);
	was = turns[vm->id] != TURN_FREE;
	atomic_set(&turns[vm->id], TURN_FREE);
	for (unsigned int i = 0; i < nr_order; i++)
		if (order[i] != vm)
			order[kept++] = order[i];
	nr_order = kept;
	spin_unlock(&lock);
	if (!was)
		return;
	sched_task_set_capped(&vm->task, true);
	boot_order_begin();
}
