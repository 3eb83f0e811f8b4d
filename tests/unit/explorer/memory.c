/* SPDX-License-Identifier: BSD-2-Clause */
/* The explorer: memory whose stores arrive late, and locks. */
#include "explorer/engine.h"

#include <stdlib.h>
#include <string.h>

static uint64_t peek(uintptr_t addr, size_t size)
{
	uint64_t val = 0;

	memcpy(&val, (const void *)addr, size);
	return val;
}

static void poke(uintptr_t addr, size_t size, uint64_t val)
{
	memcpy((void *)addr, &val, size);
}

static struct shadow *shadow_of(uintptr_t addr)
{
	for (unsigned int i = 0; i < model.nr_shadows; i++)
		if (model.shadows[i].addr == addr)
			return &model.shadows[i];
	return NULL;
}

static uint64_t arrived(uintptr_t addr, size_t size)
{
	const struct shadow *h = shadow_of(addr);

	return h ? h->val : peek(addr, size);
}

static int oldest_store(const struct thread *t, uintptr_t addr)
{
	for (unsigned int i = 0; i < t->nr_stores; i++)
		if (t->stores[i].addr == addr)
			return (int)i;
	return -1;
}

static const struct store *newest_store(const struct thread *t, uintptr_t addr)
{
	const struct store *found = NULL;

	for (unsigned int i = 0; i < t->nr_stores; i++)
		if (t->stores[i].addr == addr)
			found = &t->stores[i];
	return found;
}

static void put_shadow_away(uintptr_t addr)
{
	struct shadow *h = shadow_of(addr);
	size_t after;

	for (unsigned int i = 0; i < model.nr_threads; i++)
		if (oldest_store(&model.threads[i], addr) >= 0)
			return;
	if (!h)
		return;
	poke(addr, h->size, h->val);
	after = (size_t)(&model.shadows[model.nr_shadows] - (h + 1));
	memmove(h, h + 1, after * sizeof(*h));
	memset(&model.shadows[--model.nr_shadows], 0, sizeof(*h));
}

static bool must_come_before(const struct store *a, const struct store *b)
{
	return a->addr == b->addr || a->epoch < b->epoch || b->release;
}

/* Store @i of @t arrives, and before it what must. */
static void arrive(struct thread *t, unsigned int i)
{
	struct store st = t->stores[i];
	struct shadow *h;

	for (unsigned int j = 0; j < i;) {
		if (must_come_before(&t->stores[j], &st)) {
			unsigned int before = t->nr_stores;

			arrive(t, j);
			i -= before - t->nr_stores;
		} else {
			j++;
		}
	}
	/* Remove it before looking at others: two that hold a word each would go round. */
	memmove(&t->stores[i], &t->stores[i + 1], (t->nr_stores - i - 1) * sizeof(st));
	memset(&t->stores[--t->nr_stores], 0, sizeof(st));
	if (t->nr_stores == 0)
		t->epoch = 0;
	for (unsigned int k = 0; k < model.nr_threads; k++) {
		struct thread *u = &model.threads[k];
		int j = oldest_store(u, st.addr);

		if (u != t && j >= 0 && u->stores[j].rmw)
			arrive(u, (unsigned int)j);
	}
	h = shadow_of(st.addr);
	if (h)
		h->val = st.val;
	else
		poke(st.addr, st.size, st.val);
	put_shadow_away(st.addr);
}

void memory_arrives(struct thread *t)
{
	while (t->nr_stores > 0)
		arrive(t, 0);
	t->epoch = 0;
}

static void depart(uintptr_t addr, size_t size, uint64_t val, bool release, bool rmw)
{
	struct thread *t = &model.threads[model.self];

	if (t->nr_stores == MAX_STORES)
		arrive(t, 0);
	if (!shadow_of(addr)) {
		if (model.nr_shadows == MAX_SHADOWS)
			abort();
		model.shadows[model.nr_shadows++] =
			(struct shadow){ addr, peek(addr, size), (uint32_t)size };
	}
	t->stores[t->nr_stores++] = (struct store){ .addr = addr,
						    .val = val,
						    .size = (uint32_t)size,
						    .epoch = t->epoch,
						    .release = release,
						    .rmw = rmw };
	poke(addr, size, val);
}

/* Others' stores to @addr: some arrive now, the rest later. */
static void others_arrive(uintptr_t addr, size_t size, bool must)
{
	for (int k = 0; k < (int)model.nr_threads; k++) {
		int i;

		if (k == model.self)
			continue;
		while ((i = oldest_store(&model.threads[k], addr)) >= 0) {
			const struct store *st = &model.threads[k].stores[i];

			if (!must && !st->rmw && st->val == arrived(addr, size) &&
			    newest_store(&model.threads[k], addr) == st)
				break;
			if (!(must && st->rmw) && thread_choose(2, true) != 0)
				break;
			/* Other threads ran during the choice: look again. */
			i = oldest_store(&model.threads[k], addr);
			if (i >= 0)
				arrive(&model.threads[k], (unsigned int)i);
		}
	}
}

void memory_all_arrives(void)
{
	for (unsigned int i = 0; i < model.nr_threads; i++)
		memory_arrives(&model.threads[i]);
}

static bool quiet(const void *p)
{
	for (unsigned int i = 0; i < search->nr_quiet; i++)
		if ((uintptr_t)p >= search->quiet[i].from && (uintptr_t)p < search->quiet[i].to)
			return true;
	return false;
}

uint64_t explorer_load(const void *p, size_t size, bool acquire)
{
	uintptr_t addr = (uintptr_t)p;
	const struct store *own;
	unsigned int spins;
	uint64_t val;

	if (!thread_runs() || quiet(p))
		return peek(addr, size);
	spins = model.threads[model.self].spins;
	explorer_step();
	model.threads[model.self].spins = !acquire ? 0 : spins < SPIN_LOADS ? spins + 1 : spins;
	own = newest_store(&model.threads[model.self], addr);
	if (!own)
		others_arrive(addr, size, false);
	val = own ? own->val : arrived(addr, size);
	trace_add("reads", p, val);
	return val;
}

void explorer_store(void *p, size_t size, uint64_t val, bool release)
{
	if (quiet(p))
		return;
	if (!thread_runs()) {
		poke((uintptr_t)p, size, val);
		return;
	}
	model.threads[model.self].spins = 0;
	depart((uintptr_t)p, size, val, release, false);
	trace_add(release ? "stores (release)" : "stores", p, val);
}

static uint64_t rmw_begin(const void *p, size_t size)
{
	uintptr_t addr = (uintptr_t)p;
	struct thread *t;
	int i;

	explorer_step();
	t = &model.threads[model.self];
	while ((i = oldest_store(t, addr)) >= 0)
		arrive(t, (unsigned int)i);
	others_arrive(addr, size, true);
	return arrived(addr, size);
}

uint64_t explorer_rmw(void *p, size_t size, enum explorer_op op, uint64_t val)
{
	uint64_t old, new = val;

	if (quiet(p))
		return 0;
	old = thread_runs() ? rmw_begin(p, size) : peek((uintptr_t)p, size);
	switch (op) {
	case EXPLORER_OR:
		new = old | val;
		break;
	case EXPLORER_AND:
		new = old &val;
		break;
	case EXPLORER_ADD:
		new = old + val;
		break;
	case EXPLORER_SUB:
		new = old - val;
		break;
	case EXPLORER_SWAP:
		break;
	}
	if (!thread_runs()) {
		poke((uintptr_t)p, size, new);
		return old;
	}
	trace_add("modifies, to", p, new);
	depart((uintptr_t)p, size, new, true, true);
	return old;
}

bool explorer_cas(void *p, size_t size, uint64_t *old, uint64_t val)
{
	uint64_t found = thread_runs() ? rmw_begin(p, size) : peek((uintptr_t)p, size);

	if (found != *old) {
		*old = found;
		if (thread_runs())
			trace_add("compares, finds", p, found);
		return false;
	}
	if (thread_runs()) {
		trace_add("compares and sets", p, val);
		depart((uintptr_t)p, size, val, true, true);
	} else {
		poke((uintptr_t)p, size, val);
	}
	return true;
}

void explorer_drain(void)
{
	if (thread_runs())
		memory_arrives(&model.threads[model.self]);
}

void explorer_fence_full(void)
{
	if (!thread_runs())
		return;
	if (model.threads[model.self].nr_stores > 0)
		explorer_step();
	explorer_drain();
	trace_add("fence", NULL, 0);
}

void explorer_fence_release(void)
{
	if (thread_runs() && model.threads[model.self].nr_stores > 0)
		model.threads[model.self].epoch++;
}

static bool lock_free(void *l)
{
	return *(uint32_t *)l == 0;
}

/*
 * A thread that takes a lock sees all that the last holder did. The release is a store on its way like
 * others, to the word as it is, so that a thread which does not take the lock may see things later.
 */
static void lock_taken(uint32_t *l)
{
	for (int k = 0; k < (int)model.nr_threads; k++) {
		int i;

		while (k != model.self && (i = oldest_store(&model.threads[k], (uintptr_t)l)) >= 0)
			arrive(&model.threads[k], (unsigned int)i);
	}
	poke((uintptr_t)l, sizeof(*l), 1);
	trace_add("locks", l, 0);
}

static void own_releases_arrive(uint32_t *l)
{
	int i;

	while ((i = oldest_store(&model.threads[model.self], (uintptr_t)l)) >= 0)
		arrive(&model.threads[model.self], (unsigned int)i);
}

void explorer_lock(uint32_t *l)
{
	if (!thread_runs())
		return;
	do
		explorer_wait(lock_free, l);
	while (*l);
	own_releases_arrive(l);
	lock_taken(l);
}

bool explorer_trylock(uint32_t *l)
{
	if (!thread_runs())
		return true;
	explorer_step();
	if (*l)
		return false;
	own_releases_arrive(l);
	lock_taken(l);
	return true;
}

void explorer_unlock(uint32_t *l)
{
	if (!thread_runs())
		return;
	depart((uintptr_t)l, sizeof(*l), 0, true, false);
	trace_add("unlocks", l, 0);
}

void explorer_quiet(const void *p, size_t size)
{
	search->quiet[search->nr_quiet].from = (uintptr_t)p;
	search->quiet[search->nr_quiet++].to = (uintptr_t)p + size;
}
