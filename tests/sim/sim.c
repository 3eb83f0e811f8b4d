// SPDX-License-Identifier: BSD-2-Clause
#include "sim/sim_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/smp.h"
#include "arch/timer.h"
#include "mm/page.h"

enum kind { EVENT_LOOK, EVENT_KICK, EVENT_WAKE, EVENT_TIMER };

struct event {
	uint64_t at, order;
	enum kind kind;
	unsigned int index;
	uint64_t generation;
	struct timer *timer;
};

uint64_t sim_now, sim_decisions, sim_kicks;
unsigned int sim_nr_vcpus;
struct sim_vcpu *sim_vcpus;
unsigned int sim_nr_harts;
struct sim_hart *sim_harts;
static unsigned int max_vcpus;
static struct event *heap;
static size_t heap_len, heap_cap;
static uint64_t order, seed;
struct sched_group *sim_groups[SIM_GROUPS_MAX];
unsigned int sim_nr_groups;

struct pcpu *pcpus[MAX_PCPUS];
unsigned int nr_pcpus;
_Thread_local struct pcpu *fake_this_pcpu;

uint64_t sim_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* --- events ----------------------------------------------------------------------------------------- */

static bool earlier(const struct event *a, const struct event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void push(struct event e)
{
	size_t i;

	if (heap_len == heap_cap) {
		heap_cap = heap_cap ? 2 * heap_cap : 1024;
		heap = realloc(heap, heap_cap * sizeof(*heap));
	}
	e.order = order++;
	for (i = heap_len++; i > 0 && earlier(&e, &heap[(i - 1) / 2]); i = (i - 1) / 2)
		heap[i] = heap[(i - 1) / 2];
	heap[i] = e;
}

static struct event pop(void)
{
	struct event top = heap[0], last = heap[--heap_len];
	size_t i = 0;

	for (;;) {
		size_t c = 2 * i + 1;

		if (c >= heap_len)
			break;
		if (c + 1 < heap_len && earlier(&heap[c + 1], &heap[c]))
			c++;
		if (!earlier(&heap[c], &last))
			break;
		heap[i] = heap[c];
		i = c;
	}
	heap[i] = last;
	return top;
}

/* --- the machine below the scheduler ---------------------------------------------------------------- */

uint64_t timer_now(void)
{
	return sim_now;
}

uint64_t timer_ns_to_ticks(uint64_t ns)
{
	return ns;
}

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	*t = (struct timer){ .deadline = TIMER_NEVER, .fn = fn };
}

void timer_arm(struct timer *t, uint64_t deadline)
{
	t->deadline = deadline;
	t->armed = true;
	t->pcpu = fake_this_pcpu->index;
	push((struct event){
		.at = deadline, .kind = EVENT_TIMER, .timer = t, .generation = deadline });
}

/* For one that rests on its hart, which is not simulated: what waits for it looks at the count. */
void smp_kick(struct pcpu_set set)
{
	for (unsigned int i = 0; i < PCPU_SET_WORDS; i++)
		sim_kicks += (uint64_t)__builtin_popcountll(set.word[i]);
}

void smp_resched(unsigned int index)
{
	struct sim_hart *h = &sim_harts[index];

	if (atomic_exchange(&h->pcpu.need_resched, 1))
		return;
	sim_kicks += fake_this_pcpu != &h->pcpu;
	push((struct event){ .at = sim_now, .kind = EVENT_KICK, .index = index });
}

bool sim_has_memory = true;

void *page_alloc_zeroed(uint64_t size, uint64_t align)
{
	void *p = sim_has_memory ? aligned_alloc(align, size) : NULL;

	if (p)
		memset(p, 0, size);
	return p;
}

void sim_become(unsigned int hart)
{
	fake_this_pcpu = &sim_harts[hart].pcpu;
}

void sim_fail(const char *what, unsigned int index)
{
	fprintf(stderr, "sim_check: %s (%u)\n", what, index);
	abort();
}

/* --- harts ------------------------------------------------------------------------------------------ */

struct sim_vcpu *sim_running(unsigned int hart)
{
	return sim_harts[hart].running;
}

static uint64_t some(uint64_t mean, bool random)
{
	return random ? 1 + sim_random() % (2 * mean) : mean;
}

static void account(struct sim_hart *h)
{
	uint64_t ran = sim_now - h->since;

	if (h->running && h->running->sleep)
		h->running->left -= ran < h->running->left ? ran : h->running->left;
	h->since = sim_now;
}

static void sleeps(struct sim_vcpu *v, enum sched_reason why)
{
	/* A kick that came meanwhile may have kept it runnable. */
	if (why != SCHED_BLOCKS || v->se.state != SCHED_BLOCKED || !v->sleep)
		return;
	push((struct event){
		.at = sim_now + some(v->sleep, v->random), .kind = EVENT_WAKE, .index = v->id });
	v->left = some(v->run, v->random);
}

void sim_stop(unsigned int hart, enum sched_reason why)
{
	struct sim_hart *h = &sim_harts[hart];
	struct sim_vcpu *v = h->running;

	sim_become(hart);
	account(h);
	h->running = NULL;
	sched_put(&v->se, why, sim_now);
	sleeps(v, why);
}

static void runs(struct sim_hart *h, struct sched_entity *se)
{
	struct sim_vcpu *v = container_of(se, struct sim_vcpu, se);

	if (se->state != SCHED_RUNNING || !se->on_cpu)
		sim_fail("runs, and is not marked so", v->id);
	if (!pcpu_set_has(&se->affinity, h->pcpu.index))
		sim_fail("runs where it may not", v->id);
	for (unsigned int i = 0; i < sim_nr_harts; i++)
		if (&sim_harts[i] != h && sim_harts[i].loaded == v)
			sim_fail("runs, and is loaded elsewhere", v->id);
	if (h->loaded && h->loaded != v)
		sched_unloaded(&h->loaded->se);
	h->loaded = v;
	h->running = v;
	h->since = sim_now;
	v->stays++;
}

void sim_stop_for_next(unsigned int hart, enum sched_reason why)
{
	struct sim_hart *h = &sim_harts[hart];
	struct sim_vcpu *v = h->running;
	struct sched_entity *next;

	sim_become(hart);
	account(h);
	h->running = NULL;
	next = why == SCHED_BLOCKS ? sched_hand_back(&v->se, sim_now) : NULL;
	if (!next)
		next = sched_switch(&v->se, why, sim_now);
	sim_decisions++;
	sleeps(v, why);
	if (next)
		runs(h, next);
}

/* Either way, as pcpu_loop() does when something else waits, or nothing. */
static void stop_for_next(unsigned int hart, enum sched_reason why)
{
	if (sim_decisions % 2 == 0)
		sim_stop(hart, why);
	else
		sim_stop_for_next(hart, why);
}

void sim_unload(unsigned int hart)
{
	struct sim_vcpu *v = sim_harts[hart].loaded;

	sim_become(hart);
	sim_harts[hart].loaded = NULL;
	sched_unloaded(&v->se);
}

static void next_one(unsigned int hart)
{
	struct sim_hart *h = &sim_harts[hart];

	for (;;) {
		struct sched_entity *se;

		sched_idle_end();
		h->pcpu.need_resched = 0;
		se = sched_pick(sim_now);
		sim_decisions++;
		if (se) {
			runs(h, se);
			return;
		}
		if (h->loaded && sched_must_unload(&h->loaded->se)) {
			sim_unload(hart);
			continue;
		}
		if (sched_idle_begin())
			return;
	}
}

static void look_again(unsigned int hart)
{
	struct sim_hart *h = &sim_harts[hart];
	uint64_t at = sched_next_look(&h->running->se);

	if (h->running->sleep)
		at = min_u64(at, sim_now + h->running->left);
	h->generation++;
	if (at != TIMER_NEVER)
		push((struct event){ .at = at > sim_now ? at : sim_now,
				     .kind = EVENT_LOOK,
				     .index = hart,
				     .generation = h->generation });
}

void sim_step_hart(unsigned int hart)
{
	struct sim_hart *h = &sim_harts[hart];

	sim_become(hart);
	h->pcpu.need_resched = 0;
	if (h->running) {
		account(h);
		if (h->running->sleep && h->running->left == 0)
			stop_for_next(hart, SCHED_BLOCKS);
		else if (sched_should_switch(&h->running->se))
			stop_for_next(hart, SCHED_PREEMPTED);
	}
	if (!h->running)
		next_one(hart);
	if (h->running)
		look_again(hart);
}

bool sim_hand_over(unsigned int hart, struct sim_vcpu *to)
{
	struct sim_hart *h = &sim_harts[hart];

	sim_become(hart);
	account(h);
	if (!loan_begin(&h->running->se, &to->se))
		return false;
	sim_decisions++;
	runs(h, &to->se);
	look_again(hart);
	return true;
}

static void handle(const struct event *e)
{
	switch (e->kind) {
	case EVENT_LOOK:
		if (e->generation == sim_harts[e->index].generation)
			sim_step_hart(e->index);
		break;
	case EVENT_KICK:
		if (sim_harts[e->index].pcpu.need_resched)
			sim_step_hart(e->index);
		break;
	case EVENT_WAKE:
		sim_become(sim_vcpus[e->index].se.pcpu);
		(void)sched_wake(&sim_vcpus[e->index].se);
		break;
	case EVENT_TIMER:
		if (!e->timer->armed || e->timer->deadline != e->generation)
			break;
		e->timer->armed = false;
		sim_become(e->timer->pcpu);
		e->timer->fn(e->timer);
		break;
	}
}

void sim_run(uint64_t ns)
{
	uint64_t end = sim_now + ns;

	while (heap_len && heap[0].at <= end) {
		struct event e = pop();

		sim_now = e.at;
		handle(&e);
	}
	sim_now = end;
}

/* --- making it -------------------------------------------------------------------------------------- */

void sim_begin(unsigned int count, unsigned int max, uint64_t s)
{
	sim_now = sim_decisions = sim_kicks = 0;
	sim_nr_vcpus = sim_nr_groups = 0;
	heap_len = 0;
	order = 0;
	seed = s * 2654435761u + 88172645463325252u;
	sim_nr_harts = nr_pcpus = count;
	max_vcpus = max;
	sim_harts = calloc(count, sizeof(*sim_harts));
	sim_vcpus = calloc(max, sizeof(*sim_vcpus));
	for (unsigned int i = 0; i < count; i++) {
		sim_harts[i].pcpu.index = i;
		pcpus[i] = &sim_harts[i].pcpu;
	}
	if (sched_init(count, SIM_S) != 0)
		abort();
	for (unsigned int i = count; i-- > 0;) {
		sim_become(i);
		sched_init_pcpu();
	}
}

void sim_end(void)
{
	for (unsigned int i = 0; i < sim_nr_groups; i++)
		free(sim_groups[i]);
	free(sim_harts);
	free(sim_vcpus);
	free(runqs);
	free(heap);
	heap = NULL;
	heap_cap = heap_len = 0;
}

struct sched_params sim_params(uint32_t weight)
{
	return (struct sched_params){ .affinity = pcpu_set_first(MAX_PCPUS), .weight = weight };
}

struct sched_group *sim_group(uint32_t cap)
{
	struct sched_group *g = calloc(1, sizeof(*g));

	sched_group_init(g, cap);
	sim_groups[sim_nr_groups++] = g;
	return g;
}

static struct sim_vcpu *add(uint64_t run, uint64_t sleep)
{
	struct sim_vcpu *v = &sim_vcpus[sim_nr_vcpus];

	if (sim_nr_vcpus == max_vcpus)
		abort();
	v->id = sim_nr_vcpus++;
	v->run = v->left = run;
	v->sleep = sleep;
	return v;
}

struct sim_vcpu *sim_add(struct sched_group *g, const struct sched_params *p, uint64_t run,
			 uint64_t sleep)
{
	struct sim_vcpu *v = add(run, sleep);

	sched_entity_init(&v->se, g, p);
	return v;
}

static bool no_step(struct sched_entity *se)
{
	(void)se;
	abort(); /* what it does is the simulator's: run, and sleep */
}

struct sim_vcpu *sim_add_task(struct sched_group *g, const struct sched_params *p, uint64_t run,
			      uint64_t sleep)
{
	struct sim_vcpu *v = add(run, sleep);

	sched_task_init(&v->se, g, p, no_step);
	return v;
}

void sim_start(void)
{
	for (unsigned int i = 0; i < sim_nr_harts; i++)
		sim_step_hart(i); /* they have been up, and idle */
	for (unsigned int i = 0; i < sim_nr_vcpus; i++) {
		sim_become(sim_vcpus[i].se.pcpu);
		(void)sched_wake(&sim_vcpus[i].se);
	}
}

void sim_mark(void)
{
	for (unsigned int i = 0; i < sim_nr_vcpus; i++)
		sim_vcpus[i].base += sim_ran(&sim_vcpus[i]);
}

uint64_t sim_ran(const struct sim_vcpu *v)
{
	uint64_t ran = v->se.account.run;

	if (v->se.state == SCHED_RUNNING)
		ran += sim_now - v->se.account.since;
	return ran - v->base;
}
