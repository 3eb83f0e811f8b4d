/* SPDX-License-Identifier: BSD-2-Clause */
/* The explorer: goes through the orders, none twice. */
#include "explorer/engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake/pcpu.h"

#define SOLO_STEPS 200

struct search *search;

static struct seen *seen_slot(uint64_t key)
{
	uint64_t i = key & (search->seen_size - 1);

	while (search->seen[i].key && search->seen[i].key != key)
		i = (i + 1) & (search->seen_size - 1);
	return &search->seen[i];
}

static void seen_grow(void)
{
	struct seen *old = search->seen;
	uint64_t n = search->seen_size;

	search->seen_size = n ? 2 * n : 1 << 16;
	search->seen = calloc(search->seen_size, sizeof(*search->seen));
	if (!search->seen)
		abort();
	for (uint64_t i = 0; i < n; i++)
		if (old[i].key)
			*seen_slot(old[i].key) = old[i];
	free(old);
}

static bool enabled(const struct thread *t)
{
	return t->state == READY || (t->state == WAITING && t->ready(t->ready_arg));
}

/* Alone and with all stores arrived: does thread @i come back to where it is, for ever? One that first
 * does something else, and spins then, may let others go on by it. */
static bool spins_alone(int i)
{
	uint64_t here;

	memory_all_arrives();
	here = state_key();
	for (unsigned int n = 0; n < SOLO_STEPS; n++) {
		thread_switch_in(i);
		if (model.choices || search->failed || !enabled(&model.threads[i]))
			return false;
		if (state_key() == here)
			return true;
	}
	return false;
}

/* A state comes again: if all threads that can go on only spin, none ever makes progress. */
static void check_progress(void)
{
	struct snapshot *here = state_save();
	bool all_spin = true;

	search->solo_checks++;
	for (unsigned int i = 0; i < model.nr_threads && all_spin; i++) {
		bool failed = search->failed;

		if (!enabled(&model.threads[i]))
			continue;
		all_spin = spins_alone((int)i);
		search->failed = failed; /* what it ran into alone is found on its own way */
		state_restore(here);
	}
	if (all_spin)
		explorer_fail("every thread waits for ever");
	free(here);
}

static unsigned int thread_alternatives(struct node *n)
{
	bool last_goes_on = n->last >= 0 && enabled(&model.threads[n->last]);
	bool free_switch = !last_goes_on || model.threads[n->last].spins >= SPIN_LOADS;

	n->n = 0;
	if (last_goes_on)
		n->alternative[n->n++] = (uint8_t)n->last;
	for (unsigned int i = 0; i < model.nr_threads; i++) {
		if ((int)i == n->last || !enabled(&model.threads[i]))
			continue;
		if (!free_switch && n->left == 0) {
			search->cut = true;
			continue;
		}
		n->costs[n->n] = !free_switch;
		n->alternative[n->n++] = (uint8_t)i;
	}
	return n->n;
}

/* Was the state seen with as much left to spend? If not it is now, and on our way. */
static bool seen_before(struct node *n)
{
	struct seen *e;

	if (2 * search->seen_used >= search->seen_size)
		seen_grow();
	n->key = state_key() ^ (uint64_t)(n->last + 1) * UINT64_C(0x2545f4914f6cdd1d);
	e = seen_slot(n->key);
	if (e->key && e->on_way)
		check_progress();
	if (e->key && e->left >= n->left)
		return true;
	if (!e->key) {
		search->seen_used++;
		e->key = n->key;
	}
	e->left = n->left;
	e->on_way++;
	n->visited = true;
	return false;
}

static unsigned int look(struct node *n)
{
	*n = (struct node){ .last = n->last, .left = search->left };
	if (model.choices) {
		n->choice = true;
		for (unsigned int i = 0; i < model.choices; i++) {
			if (i > 0 && model.choice_costs && n->left == 0) {
				search->cut = true;
				continue;
			}
			n->costs[n->n] = i > 0 && model.choice_costs;
			n->alternative[n->n++] = (uint8_t)i;
		}
		return n->n;
	}
	if (search->o->tidy)
		search->o->tidy();
	if (seen_before(n))
		return 0;
	if (search->seen_used >= search->o->max_states) {
		search->full = true;
		return 0;
	}
	if (thread_alternatives(n) == 0) {
		search->ends++;
		memory_all_arrives();
		if (search->o->final)
			search->o->final();
	}
	return n->n;
}

static void forget(struct node *n)
{
	if (n->visited)
		seen_slot(n->key)->on_way--;
	free(n->snapshot);
	n->snapshot = NULL;
}

/* Go on from @n with its next alternative. */
static int go(struct node *n)
{
	unsigned int i = n->next++;
	int thread = n->last;

	search->left = n->left - (n->costs[i] ? 1 : 0);
	if (n->choice) {
		model.chosen = n->alternative[i];
		model.choices = 0;
		model.choice_costs = false;
	} else {
		thread = n->alternative[i];
	}
	search->steps++;
	thread_switch_in(thread);
	return thread;
}

/* One search with a bound of @left preemptions. */
static bool search_to(const struct snapshot *root, unsigned int left)
{
	int last = -1;

	search->depth = 0;
	search->left = left;
	search->cut = false;
	if (search->seen)
		memset(search->seen, 0, search->seen_size * sizeof(*search->seen));
	search->seen_used = 0;
	state_restore(root);
	for (;;) {
		struct node *n = &search->nodes[search->depth];

		n->last = last;
		if (search->depth == MAX_DEPTH - 1)
			explorer_fail("deeper than %d steps", MAX_DEPTH);
		if (!search->failed && look(n) > 0 && !search->failed) {
			if (n->n > 1)
				n->snapshot = state_save();
			search->depth++;
			last = go(n);
			continue;
		}
		if (search->failed)
			return false;
		forget(n);
		while (search->depth > 0 &&
		       search->nodes[search->depth - 1].next == search->nodes[search->depth - 1].n)
			forget(&search->nodes[--search->depth]);
		if (search->depth == 0)
			return true;
		state_restore(search->nodes[search->depth - 1].snapshot);
		last = go(&search->nodes[search->depth - 1]);
	}
}

bool explorer_run(const struct explorer_options *o)
{
	struct snapshot *root;
	unsigned int bound;
	bool good = true;

	search->o = o;
	search->steps = search->ends = search->solo_checks = 0;
	search->failed = search->full = false;
	search->trace_len = 0;
	for (unsigned int i = 0; i < model.nr_threads; i++)
		thread_begin(i);
	root = state_save();
	for (bound = 0;; bound++) {
		good = search_to(root, bound);
		if (!good || !search->cut || search->full || bound == o->preemptions)
			break;
	}
	printf("explorer: %s: %" PRIu64 " states, %" PRIu64 " steps, %" PRIu64 " ends, ", o->name,
	       search->seen_used, search->steps, search->ends);
	if (!good) {
		printf("BROKEN with %u preemptions: %s\n", bound, search->why);
		if (getenv("HV_TEST_TRACE"))
			trace_print();
	} else if (search->full) {
		printf("cut off within %u preemptions\n", bound);
	} else if (search->cut) {
		printf("all orders with up to %u preemptions\n", bound);
	} else {
		printf("all orders\n");
	}
	fflush(stdout);
	for (unsigned int i = 0; i <= search->depth; i++) {
		free(search->nodes[i].snapshot);
		search->nodes[i].snapshot = NULL;
	}
	state_restore(root);
	free(root);
	fake_pcpu_become(0);
	return good;
}

void explorer_begin(void)
{
	if (!search) {
		search = calloc(1, sizeof(*search));
		if (!search)
			abort();
		search->stacks = aligned_alloc(4096, (size_t)MAX_THREADS * STACK_SIZE);
		if (!search->stacks)
			abort();
	}
	memset(&model, 0, sizeof(model));
	model.self = -1;
	search->nr_quiet = search->nr_names = 0;
}
