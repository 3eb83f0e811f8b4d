/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake/explorer.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "fake/log.h"
#include "fake/pcpu.h"

#define MAX_THREADS 6
#define MAX_STORES  24
#define MAX_SHADOWS 64
#define MAX_QUIET   16
#define MAX_NAMES   96
#define MAX_TRACE   4096
#define MAX_DEPTH   4096
#define STACK_SIZE  32768
#define SPIN_LOADS  4 /* so many acquiring loads in a row: it waits in a loop */
#define SOLO_STEPS  200

/* A store that has not arrived yet. */
struct store {
	uintptr_t addr;
	uint64_t val;
	uint32_t size;
	uint32_t epoch; /* release fences before it */
	bool release;
	bool rmw; /* holds its word until it arrives */
};

enum thread_state { READY, WAITING, DONE };

struct thread {
	jmp_buf ctx;
	uintptr_t sp;
	enum thread_state state;
	const char *name;
	struct pcpu *pcpu;
	void (*fn)(void *arg);
	void *arg;
	bool (*ready)(void *arg);
	void *ready_arg;
	unsigned int spins;
	uint32_t epoch;
	unsigned int nr_stores;
	struct store stores[MAX_STORES];
};

/* A word with stores on their way: what arrived so far. The word itself holds the newest store. */
struct shadow {
	uintptr_t addr;
	uint64_t val;
	uint32_t size;
};

/* Part of the state that is copied, as everything in .data and .bss is. */
static struct model {
	int self; /* the running thread, or -1 */
	unsigned int nr_threads;
	struct thread threads[MAX_THREADS];
	unsigned int nr_shadows;
	struct shadow shadows[MAX_SHADOWS];
	unsigned int choices; /* the running thread wants one of so many */
	unsigned int chosen;
	bool choice_costs; /* any but the first counts as a preemption */
} m = { .self = -1 };

struct trace {
	int thread;
	const char *what;
	uintptr_t addr;
	uint64_t val;
};

struct snapshot {
	unsigned int trace_len;
	size_t stack_size[MAX_THREADS];
	uint8_t bytes[];
};

struct node {
	struct snapshot *snapshot;
	uint64_t key;
	bool visited; /* key is in the table, marked as on the way here */
	bool choice;
	int last;
	unsigned int left;
	unsigned int n, next;
	uint8_t alternative[MAX_THREADS + 2];
	bool costs[MAX_THREADS + 2];
};

struct seen {
	uint64_t key; /* 0: free */
	uint32_t left;
	uint32_t on_way;
};

/* Not copied: on the heap. */
static struct search {
	jmp_buf ctx;
	const struct explorer_options *o;
	uint8_t *stacks; /* MAX_THREADS * STACK_SIZE */
	struct node nodes[MAX_DEPTH];
	unsigned int depth;
	unsigned int left;
	bool cut;  /* by the bound on preemptions */
	bool full; /* by the bound on states */
	bool failed;
	char why[256];
	struct trace trace[MAX_TRACE];
	unsigned int trace_len;
	struct seen *seen;
	uint64_t seen_size, seen_used;
	uint64_t steps, ends, solo_checks;
	struct {
		uintptr_t from, to;
	} quiet[MAX_QUIET];
	unsigned int nr_quiet;
	struct {
		uintptr_t addr;
		char text[32];
	} names[MAX_NAMES];
	unsigned int nr_names;
} * s;

extern char __data_start[], _end[];

/* --- threads --------------------------------------------------------------------------------------- */

static uint8_t *stack_top(unsigned int i)
{
	return s->stacks + (size_t)(i + 1) * STACK_SIZE;
}

static uintptr_t stack_pointer(void)
{
#if defined(__x86_64__)
	uintptr_t sp;

	__asm__ volatile("mov %%rsp, %0" : "=r"(sp));
	return sp;
#elif defined(__aarch64__) || defined(__riscv)
	uintptr_t sp;

	__asm__ volatile("mov %0, sp" : "=r"(sp));
	return sp;
#else
	return (uintptr_t)__builtin_frame_address(0) - 512;
#endif
}

static noinline void switch_out(void)
{
	struct thread *t = &m.threads[m.self];

	t->sp = stack_pointer();
	if (_setjmp(t->ctx) == 0)
		_longjmp(s->ctx, 1);
}

static noinline void switch_in(int i)
{
	m.self = i;
	fake_this_pcpu = m.threads[i].pcpu;
	if (_setjmp(s->ctx) == 0)
		_longjmp(m.threads[i].ctx, 1);
	m.self = -1;
}

static void thread_main(void)
{
	switch_out();
	m.threads[m.self].fn(m.threads[m.self].arg);
	m.threads[m.self].state = DONE;
	switch_out();
	abort();
}

static bool in_thread(void)
{
	return m.self >= 0;
}

static void traced(const char *what, const void *addr, uint64_t val)
{
	if (s->trace_len < MAX_TRACE)
		s->trace[s->trace_len++] = (struct trace){ m.self, what, (uintptr_t)addr, val };
}

void explorer_step(void)
{
	if (!in_thread())
		return;
	m.threads[m.self].spins = 0;
	switch_out();
}

static unsigned int choose(unsigned int n, bool costs)
{
	if (n < 2)
		return 0;
	m.choices = n;
	m.choice_costs = costs;
	switch_out();
	return m.chosen;
}

unsigned int explorer_choose(unsigned int n)
{
	return choose(n, false);
}

void explorer_wait(bool (*ready)(void *arg), void *arg)
{
	struct thread *t = &m.threads[m.self];

	t->spins = 0;
	t->ready = ready;
	t->ready_arg = arg;
	t->state = WAITING;
	switch_out();
	t->state = READY;
	t->ready = NULL;
	t->ready_arg = NULL;
}

void explorer_fail(const char *fmt, ...)
{
	va_list ap;

	if (!s->failed) {
		s->failed = true;
		va_start(ap, fmt);
		vsnprintf(s->why, sizeof(s->why), fmt, ap);
		va_end(ap);
	}
	while (in_thread())
		switch_out();
}

bool explorer_done(unsigned int i)
{
	return m.threads[i].state == DONE;
}

/* --- memory ---------------------------------------------------------------------------------------- */

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
	for (unsigned int i = 0; i < m.nr_shadows; i++)
		if (m.shadows[i].addr == addr)
			return &m.shadows[i];
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

	for (unsigned int i = 0; i < m.nr_threads; i++)
		if (oldest_store(&m.threads[i], addr) >= 0)
			return;
	if (!h)
		return;
	poke(addr, h->size, h->val);
	after = (size_t)(&m.shadows[m.nr_shadows] - (h + 1));
	memmove(h, h + 1, after * sizeof(*h));
	memset(&m.shadows[--m.nr_shadows], 0, sizeof(*h));
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
	for (unsigned int k = 0; k < m.nr_threads; k++) {
		struct thread *u = &m.threads[k];
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

static void arrive_all(struct thread *t)
{
	while (t->nr_stores > 0)
		arrive(t, 0);
	t->epoch = 0;
}

static void depart(uintptr_t addr, size_t size, uint64_t val, bool release, bool rmw)
{
	struct thread *t = &m.threads[m.self];

	if (t->nr_stores == MAX_STORES)
		arrive(t, 0);
	if (!shadow_of(addr)) {
		if (m.nr_shadows == MAX_SHADOWS)
			abort();
		m.shadows[m.nr_shadows++] =
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
	for (int k = 0; k < (int)m.nr_threads; k++) {
		int i;

		if (k == m.self)
			continue;
		while ((i = oldest_store(&m.threads[k], addr)) >= 0) {
			const struct store *st = &m.threads[k].stores[i];

			if (!must && !st->rmw && st->val == arrived(addr, size) &&
			    newest_store(&m.threads[k], addr) == st)
				break;
			if (!(must && st->rmw) && choose(2, true) != 0)
				break;
			/* Whoever chose was away: look again. */
			i = oldest_store(&m.threads[k], addr);
			if (i >= 0)
				arrive(&m.threads[k], (unsigned int)i);
		}
	}
}

static bool quiet(const void *p)
{
	for (unsigned int i = 0; i < s->nr_quiet; i++)
		if ((uintptr_t)p >= s->quiet[i].from && (uintptr_t)p < s->quiet[i].to)
			return true;
	return false;
}

uint64_t explorer_load(const void *p, size_t size, bool acquire)
{
	uintptr_t addr = (uintptr_t)p;
	const struct store *own;
	unsigned int spins;
	uint64_t val;

	if (!in_thread() || quiet(p))
		return peek(addr, size);
	spins = m.threads[m.self].spins;
	explorer_step();
	m.threads[m.self].spins = !acquire ? 0 : spins < SPIN_LOADS ? spins + 1 : spins;
	own = newest_store(&m.threads[m.self], addr);
	if (!own)
		others_arrive(addr, size, false);
	val = own ? own->val : arrived(addr, size);
	traced("reads", p, val);
	return val;
}

void explorer_store(void *p, size_t size, uint64_t val, bool release)
{
	if (quiet(p))
		return;
	if (!in_thread()) {
		poke((uintptr_t)p, size, val);
		return;
	}
	m.threads[m.self].spins = 0;
	depart((uintptr_t)p, size, val, release, false);
	traced(release ? "stores (release)" : "stores", p, val);
}

static uint64_t rmw_begin(const void *p, size_t size)
{
	uintptr_t addr = (uintptr_t)p;
	struct thread *t;
	int i;

	explorer_step();
	t = &m.threads[m.self];
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
	old = in_thread() ? rmw_begin(p, size) : peek((uintptr_t)p, size);
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
	if (!in_thread()) {
		poke((uintptr_t)p, size, new);
		return old;
	}
	traced("modifies, to", p, new);
	depart((uintptr_t)p, size, new, true, true);
	return old;
}

bool explorer_cas(void *p, size_t size, uint64_t *old, uint64_t val)
{
	uint64_t found = in_thread() ? rmw_begin(p, size) : peek((uintptr_t)p, size);

	if (found != *old) {
		*old = found;
		if (in_thread())
			traced("compares, finds", p, found);
		return false;
	}
	if (in_thread()) {
		traced("compares and sets", p, val);
		depart((uintptr_t)p, size, val, true, true);
	} else {
		poke((uintptr_t)p, size, val);
	}
	return true;
}

void explorer_drain(void)
{
	if (in_thread())
		arrive_all(&m.threads[m.self]);
}

void explorer_fence_full(void)
{
	if (!in_thread())
		return;
	if (m.threads[m.self].nr_stores > 0)
		explorer_step();
	explorer_drain();
	traced("fence", NULL, 0);
}

void explorer_fence_release(void)
{
	if (in_thread() && m.threads[m.self].nr_stores > 0)
		m.threads[m.self].epoch++;
}

static bool lock_free(void *l)
{
	return *(uint32_t *)l == 0;
}

/*
 * Who takes a lock sees all that the last holder did. The release is a store on its way like others,
 * to the word as it is, so that somebody who does not take the lock may see things later.
 */
static void lock_taken(uint32_t *l)
{
	for (int k = 0; k < (int)m.nr_threads; k++) {
		int i;

		while (k != m.self && (i = oldest_store(&m.threads[k], (uintptr_t)l)) >= 0)
			arrive(&m.threads[k], (unsigned int)i);
	}
	poke((uintptr_t)l, sizeof(*l), 1);
	traced("locks", l, 0);
}

static void own_releases_arrive(uint32_t *l)
{
	int i;

	while ((i = oldest_store(&m.threads[m.self], (uintptr_t)l)) >= 0)
		arrive(&m.threads[m.self], (unsigned int)i);
}

void explorer_lock(uint32_t *l)
{
	if (!in_thread())
		return;
	do
		explorer_wait(lock_free, l);
	while (*l);
	own_releases_arrive(l);
	lock_taken(l);
}

bool explorer_trylock(uint32_t *l)
{
	if (!in_thread())
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
	if (!in_thread())
		return;
	depart((uintptr_t)l, sizeof(*l), 0, true, false);
	traced("unlocks", l, 0);
}

/* --- the state ------------------------------------------------------------------------------------- */

/* .data and .bss without the log's text, which nobody reads and which is large. */
static void for_each_region(void (*fn)(uint8_t *p, size_t size, void *arg), void *arg)
{
	uint8_t *from = (uint8_t *)__data_start, *to = (uint8_t *)_end;
	uint8_t *log = (uint8_t *)fake_log_text;

	fn(from, (size_t)(log - from), arg);
	log += sizeof(fake_log_text);
	fn(log, (size_t)(to - log), arg);
	for (unsigned int i = 0; i < m.nr_threads; i++)
		if (m.threads[i].state != DONE)
			fn((uint8_t *)m.threads[i].sp,
			   (size_t)(stack_top(i) - (uint8_t *)m.threads[i].sp), arg);
}

static void count_region(uint8_t *p, size_t size, void *arg)
{
	(void)p;
	*(size_t *)arg += size;
}

static void save_region(uint8_t *p, size_t size, void *arg)
{
	uint8_t **to = arg;

	memcpy(*to, p, size);
	*to += size;
}

static void load_region(uint8_t *p, size_t size, void *arg)
{
	uint8_t **from = arg;

	memcpy(p, *from, size);
	*from += size;
}

static void hash_region(uint8_t *p, size_t size, void *arg)
{
	uint64_t h = *(uint64_t *)arg, g = ~h, w;
	size_t i = 0;

	for (; i + 16 <= size; i += 16) {
		memcpy(&w, p + i, 8);
		h = (h ^ w) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
		memcpy(&w, p + i + 8, 8);
		g = (g ^ w) * UINT64_C(0xc2b2ae3d27d4eb4f);
		g ^= g >> 31;
	}
	for (; i < size; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	h ^= g * UINT64_C(0xff51afd7ed558ccd);
	*(uint64_t *)arg = h ^ h >> 32;
}

static struct snapshot *save(void)
{
	size_t size = 0;
	struct snapshot *n;
	uint8_t *to;

	for_each_region(count_region, &size);
	n = malloc(sizeof(*n) + size);
	if (!n)
		abort();
	n->trace_len = s->trace_len;
	to = n->bytes;
	for_each_region(save_region, &to);
	return n;
}

/* The globals come first and say where the stacks lie. */
static void restore(const struct snapshot *n)
{
	uint8_t *from = (uint8_t *)(uintptr_t)n->bytes;

	for_each_region(load_region, &from);
	s->trace_len = n->trace_len;
}

static uint64_t state_key(void)
{
	uint64_t h = UINT64_C(0x243f6a8885a308d3);

	for_each_region(hash_region, &h);
	return h ? h : 1;
}

static struct seen *seen_slot(uint64_t key)
{
	uint64_t i = key & (s->seen_size - 1);

	while (s->seen[i].key && s->seen[i].key != key)
		i = (i + 1) & (s->seen_size - 1);
	return &s->seen[i];
}

static void seen_grow(void)
{
	struct seen *old = s->seen;
	uint64_t n = s->seen_size;

	s->seen_size = n ? 2 * n : 1 << 16;
	s->seen = calloc(s->seen_size, sizeof(*s->seen));
	if (!s->seen)
		abort();
	for (uint64_t i = 0; i < n; i++)
		if (old[i].key)
			*seen_slot(old[i].key) = old[i];
	free(old);
}

/* --- the search ------------------------------------------------------------------------------------ */

static bool enabled(const struct thread *t)
{
	return t->state == READY || (t->state == WAITING && t->ready(t->ready_arg));
}

static void everything_arrives(void)
{
	for (unsigned int i = 0; i < m.nr_threads; i++)
		arrive_all(&m.threads[i]);
}

/* Alone and with all stores arrived: does thread @i come back to where it is, for ever? One that first
 * does something else, and spins then, may let others go on by it. */
static bool spins_alone(int i)
{
	uint64_t here;

	everything_arrives();
	here = state_key();
	for (unsigned int n = 0; n < SOLO_STEPS; n++) {
		switch_in(i);
		if (m.choices || s->failed || !enabled(&m.threads[i]))
			return false;
		if (state_key() == here)
			return true;
	}
	return false;
}

/* A state comes again: if all who can go on only spin, nobody ever will. */
static void check_progress(void)
{
	struct snapshot *here = save();
	bool all_spin = true;

	s->solo_checks++;
	for (unsigned int i = 0; i < m.nr_threads && all_spin; i++) {
		bool failed = s->failed;

		if (!enabled(&m.threads[i]))
			continue;
		all_spin = spins_alone((int)i);
		s->failed = failed; /* what it ran into alone is found on its own way */
		restore(here);
	}
	if (all_spin)
		explorer_fail("everybody waits for ever");
	free(here);
}

static unsigned int thread_alternatives(struct node *n)
{
	bool last_goes_on = n->last >= 0 && enabled(&m.threads[n->last]);
	bool free_switch = !last_goes_on || m.threads[n->last].spins >= SPIN_LOADS;

	n->n = 0;
	if (last_goes_on)
		n->alternative[n->n++] = (uint8_t)n->last;
	for (unsigned int i = 0; i < m.nr_threads; i++) {
		if ((int)i == n->last || !enabled(&m.threads[i]))
			continue;
		if (!free_switch && n->left == 0) {
			s->cut = true;
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

	if (2 * s->seen_used >= s->seen_size)
		seen_grow();
	n->key = state_key() ^ (uint64_t)(n->last + 1) * UINT64_C(0x2545f4914f6cdd1d);
	e = seen_slot(n->key);
	if (e->key && e->on_way)
		check_progress();
	if (e->key && e->left >= n->left)
		return true;
	if (!e->key) {
		s->seen_used++;
		e->key = n->key;
	}
	e->left = n->left;
	e->on_way++;
	n->visited = true;
	return false;
}

static unsigned int look(struct node *n)
{
	*n = (struct node){ .last = n->last, .left = s->left };
	if (m.choices) {
		n->choice = true;
		for (unsigned int i = 0; i < m.choices; i++) {
			if (i > 0 && m.choice_costs && n->left == 0) {
				s->cut = true;
				continue;
			}
			n->costs[n->n] = i > 0 && m.choice_costs;
			n->alternative[n->n++] = (uint8_t)i;
		}
		return n->n;
	}
	if (s->o->tidy)
		s->o->tidy();
	if (seen_before(n))
		return 0;
	if (s->seen_used >= s->o->max_states) {
		s->full = true;
		return 0;
	}
	if (thread_alternatives(n) == 0) {
		s->ends++;
		everything_arrives();
		if (s->o->final)
			s->o->final();
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

	s->left = n->left - (n->costs[i] ? 1 : 0);
	if (n->choice) {
		m.chosen = n->alternative[i];
		m.choices = 0;
		m.choice_costs = false;
	} else {
		thread = n->alternative[i];
	}
	s->steps++;
	switch_in(thread);
	return thread;
}

static void print_trace(void)
{
	unsigned int from = s->trace_len > 150 ? s->trace_len - 150 : 0;

	for (unsigned int i = from; i < s->trace_len; i++) {
		const struct trace *t = &s->trace[i];
		const char *name = NULL;

		for (unsigned int k = 0; k < s->nr_names; k++)
			if (s->names[k].addr == t->addr)
				name = s->names[k].text;
		printf("    %-12s %-18s ", t->thread < 0 ? "-" : m.threads[t->thread].name,
		       t->what);
		if (name)
			printf("%s", name);
		else if (t->addr)
			printf("%#" PRIxPTR, t->addr);
		printf(" %#" PRIx64 "\n", t->val);
	}
}

/* One search with a bound of @left preemptions. */
static bool search(const struct snapshot *root, unsigned int left)
{
	int last = -1;

	s->depth = 0;
	s->left = left;
	s->cut = false;
	if (s->seen)
		memset(s->seen, 0, s->seen_size * sizeof(*s->seen));
	s->seen_used = 0;
	restore(root);
	for (;;) {
		struct node *n = &s->nodes[s->depth];

		n->last = last;
		if (s->depth == MAX_DEPTH - 1)
			explorer_fail("deeper than %d steps", MAX_DEPTH);
		if (!s->failed && look(n) > 0 && !s->failed) {
			if (n->n > 1)
				n->snapshot = save();
			s->depth++;
			last = go(n);
			continue;
		}
		if (s->failed)
			return false;
		forget(n);
		while (s->depth > 0 && s->nodes[s->depth - 1].next == s->nodes[s->depth - 1].n)
			forget(&s->nodes[--s->depth]);
		if (s->depth == 0)
			return true;
		restore(s->nodes[s->depth - 1].snapshot);
		last = go(&s->nodes[s->depth - 1]);
	}
}

static noinline void begin_thread(unsigned int i)
{
	ucontext_t there;

	getcontext(&there);
	there.uc_stack.ss_sp = s->stacks + (size_t)i * STACK_SIZE;
	there.uc_stack.ss_size = STACK_SIZE;
	there.uc_link = NULL;
	makecontext(&there, thread_main, 0);
	m.self = (int)i;
	if (_setjmp(s->ctx) == 0)
		setcontext(&there);
	m.self = -1;
}

bool explorer_run(const struct explorer_options *o)
{
	struct snapshot *root;
	unsigned int bound;
	bool good = true;

	s->o = o;
	s->steps = s->ends = s->solo_checks = 0;
	s->failed = s->full = false;
	s->trace_len = 0;
	for (unsigned int i = 0; i < m.nr_threads; i++)
		begin_thread(i);
	root = save();
	for (bound = 0;; bound++) {
		good = search(root, bound);
		if (!good || !s->cut || s->full || bound == o->preemptions)
			break;
	}
	printf("explorer: %s: %" PRIu64 " states, %" PRIu64 " steps, %" PRIu64 " ends, ", o->name,
	       s->seen_used, s->steps, s->ends);
	if (!good) {
		printf("BROKEN with %u preemptions: %s\n", bound, s->why);
		if (getenv("HV_TEST_TRACE"))
			print_trace();
	} else if (s->full) {
		printf("cut off within %u preemptions\n", bound);
	} else if (s->cut) {
		printf("all orders with up to %u preemptions\n", bound);
	} else {
		printf("all orders\n");
	}
	fflush(stdout);
	for (unsigned int i = 0; i <= s->depth; i++) {
		free(s->nodes[i].snapshot);
		s->nodes[i].snapshot = NULL;
	}
	restore(root);
	free(root);
	fake_pcpu_become(0);
	return good;
}

void explorer_begin(void)
{
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			abort();
		s->stacks = aligned_alloc(4096, (size_t)MAX_THREADS * STACK_SIZE);
		if (!s->stacks)
			abort();
	}
	memset(&m, 0, sizeof(m));
	m.self = -1;
	s->nr_quiet = s->nr_names = 0;
}

void explorer_thread(const char *name, struct pcpu *p, void (*fn)(void *), void *arg)
{
	struct thread *t = &m.threads[m.nr_threads++];

	if (m.nr_threads > MAX_THREADS)
		abort();
	t->name = name;
	t->pcpu = p;
	t->fn = fn;
	t->arg = arg;
}

void explorer_quiet(const void *p, size_t size)
{
	s->quiet[s->nr_quiet].from = (uintptr_t)p;
	s->quiet[s->nr_quiet++].to = (uintptr_t)p + size;
}

void explorer_name(const void *p, const char *name)
{
	if (s->nr_names == MAX_NAMES)
		return;
	s->names[s->nr_names].addr = (uintptr_t)p;
	snprintf(s->names[s->nr_names++].text, sizeof(s->names[0].text), "%s", name);
}
