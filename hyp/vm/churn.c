// SPDX-License-Identifier: BSD-2-Clause
#include "vm/churn.h"

#ifdef HARTVISOR_CHECKED
#include <inttypes.h>
#include <string.h>

#include "lib/log.h"
#include "lib/options.h"
#include "lib/work.h"
#include "mm/page.h"
#include "vcpu/console.h"
#include "vcpu/registry.h"
#include "vm/destroy.h"
#include "vm/lifecycle.h"

#define NAME	       "churn"
#define LOOK_PERIOD_NS 100000

/* When a VM is destroyed. */
enum moment {
	AT_ONCE,
	WHILE_LOADED,
	WHILE_IT_RUNS,
	ONCE_IT_HAS_PRINTED,
	WHILE_PAUSED,
	ONCE_IT_HAS_ENDED,
	MOMENTS
};

static struct {
	struct vm_config cfg;
	uint64_t rounds, done,
		part; /* part: rounds that are timed at the beginning and at the end */
	uint64_t free, first, last; /* bytes; ticks of those rounds */
	uint64_t began;
	uint64_t random;
	enum moment moment;
	unsigned int id;
	bool lives; /* else it is gone, or on its way */
	struct timer timer;
	struct work work;
} churn;

static uint64_t random_below(uint64_t n)
{
	churn.random = churn.random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (churn.random >> 33) % n;
}

static bool is_time(struct vm *vm)
{
	enum vm_state state = atomic_read(&vm->state);

	if (vm_has_ended(state))
		return true;
	switch (churn.moment) {
	case AT_ONCE:
		return true;
	case WHILE_LOADED:
		return random_below(3) == 0;
	case WHILE_IT_RUNS:
		return state == VM_RUNNING;
	case ONCE_IT_HAS_PRINTED: /* some time later: its guest is in the middle of something */
		return vm_written_at(vm) != 0 && random_below(8) == 0;
	case WHILE_PAUSED:
		return vm_pause(vm);
	case ONCE_IT_HAS_ENDED:
	case MOMENTS:
		break;
	}
	return false;
}

static bool create(void)
{
	const struct vm *vm;

	churn.cfg.memory = MIB(4) + MIB(2) * random_below(4);
	churn.cfg.cpus = 1 + (unsigned int)random_below(3);
	churn.cfg.autostart = 1;
	churn.moment = (enum moment)random_below(MOMENTS);
	vm = vm_create(&churn.cfg);
	if (!vm)
		return false;
	churn.id = vm->id;
	churn.lives = true;
	return true;
}

static void tell(void)
{
	uint64_t part = churn.part ? churn.part : 1;

	log_info("churn: %" PRIu64 " rounds; free at first %" PRIu64 ", at last %" PRIu64
		 " bytes; first %" PRIu64 ", last %" PRIu64 " ns a round",
		 churn.done, churn.free, page_free_bytes(), timer_ticks_to_ns(churn.first) / part,
		 timer_ticks_to_ns(churn.last) / part);
}

/* A round is over. False: it was the last one. */
static bool next_round(void)
{
	uint64_t now = timer_now();

	/* The first round leaves what all the others use again: a stack, and tables that map it. */
	if (churn.done++ == 0)
		churn.free = page_free_bytes();
	else if (churn.done <= 1 + churn.part)
		churn.first += now - churn.began;
	else if (churn.done > churn.rounds - churn.part)
		churn.last += now - churn.began;
	churn.began = now;
	/* The rounds that are timed at last are those that were timed at first. */
	if (churn.done == 1 || churn.done == churn.rounds - churn.part)
		churn.random = churn.rounds;
	return churn.done < churn.rounds;
}

/* The memory that other VMs take while they are loaded is none of the rounds'. */
static bool others_are_loaded(void)
{
	bool loaded = true;

	for_each_vm(vm)
		loaded &= vm->id == churn.id || atomic_read(&vm->state) != VM_BUILDING;
	return loaded;
}

static void step(struct work *w)
{
	struct vm *vm;

	(void)w;
	if (churn.done == 0 && !others_are_loaded()) {
		timer_arm(&churn.timer, timer_now() + timer_ns_to_ticks(LOOK_PERIOD_NS));
		return;
	}
	vm = churn.lives ? vm_get(churn.id) : NULL;
	if (vm && is_time(vm)) {
		(void)vm_destroy(vm);
		churn.lives = false;
	}
	if (vm)
		vm_put(vm);
	if (!churn.lives && !vm_id_is_taken(churn.id)) {
		if (!next_round()) {
			tell();
			return;
		}
		if (!create()) {
			log_error("churn: round %" PRIu64 " makes no VM", churn.done);
			return;
		}
	}
	timer_arm(&churn.timer, timer_now() + timer_ns_to_ticks(LOOK_PERIOD_NS));
}

static void look(struct timer *t)
{
	(void)t;
	work_queue(&churn.work);
}

void churn_begin(const char *bootargs, const struct vm_config *configs, unsigned int n)
{
	struct vm *vm = vm_get_by_name(NAME);

	if (!vm)
		return;
	if (option_number(bootargs, "churn", &churn.rounds) && churn.rounds != 0) {
		for (unsigned int i = 0; i < n; i++)
			if (strcmp(configs[i].name, NAME) == 0)
				churn.cfg = configs[i];
		churn.random = churn.rounds;
		churn.part = churn.rounds / 10;
		churn.id = vm->id;
		churn.lives = true;
		churn.began = timer_now();
		timer_init(&churn.timer, look);
		work_init(&churn.work, step);
		work_queue(&churn.work);
	}
	vm_put(vm);
}
#endif
