// SPDX-License-Identifier: BSD-2-Clause
/*
 * A contended lock whose holder may be preempted, for figures (docs/benchmarks.md): kind= says how its
 * waiters wait, ms= for how long, in= and out= how many turns of an empty loop the lock is held and left
 * alone.
 *
 *   0 spin       queued, first come first served; a waiter spins
 *   1 preempted  the same; when the holder is preempted, a waiter yields to it
 *   2 kick       queued, but a new vcpu may take a free lock at once; a waiter spins for a while, then halts
 *                until it is kicked (as Linux's qspinlock_paravirt.h)
 *   3 wrs        as 0, waiting by WRS.NTO
 *   4 tas        test and set
 */
#include "csr.h"
#include "pv.h"
#include "smp.h"
#include "test.h"
#include "time.h"

GUEST("pvlock");

#define SPINS 1024 /* before a waiter halts */

enum kind { SPIN, PREEMPTED, KICK, WRS, TAS, NR_KINDS };
enum { FREE, HELD, HELD_AND_HEAD_SLEEPS };
enum { WAITS, SLEEPS, HEAD };

struct node {
	struct node *next;
	unsigned int state;
	unsigned int cpu;
} __attribute__((aligned(64)));

static struct {
	unsigned int locked;
	unsigned int owner; /* index */
	unsigned int head;  /* index of the sleeping head, with HELD_AND_HEAD_SLEEPS */
	struct node *tail;
} lock __attribute__((aligned(64)));

static struct node nodes[MAX_HARTS];
static const volatile struct hartvisor_pv_lock *pv_locks[MAX_HARTS];
static unsigned long acquired[MAX_HARTS][8]; /* a cache line each */
static enum kind kind;
static unsigned long turns_in, turns_out, until;
static volatile unsigned int holders; /* more than one: it is no lock */
static struct barrier barrier;

#define load(p)	    __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define store(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define swap(p, v)  __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)
#define cas(p, o, n) \
	__atomic_compare_exchange_n((p), &(o), (n), false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)

static bool cas_locked(unsigned int from, unsigned int to)
{
	return cas(&lock.locked, from, to);
}

static void wrs_nto(const unsigned int *p, unsigned int while_it_is)
{
	unsigned int v;

	__asm__ volatile("lr.w %0, (%1)" : "=r"(v) : "r"(p) : "memory");
	if (v == while_it_is)
		__asm__ volatile(".word 0x00d00073" : : : "memory");
}

/* --- waiters that spin ------------------------------------------------------------------------------ */

static void relax(const unsigned int *p, unsigned int while_it_is)
{
	unsigned int owner;

	switch (kind) {
	case WRS:
		wrs_nto(p, while_it_is);
		break;
	case PREEMPTED:
		owner = load(&lock.owner);
		if (pv_locks[owner]->preempted)
			(void)pv_call(HARTVISOR_YIELD_TO, cpus[owner].hartid, 0);
		break;
	default:
		cpu_relax();
		break;
	}
}

static void take_queued(unsigned int me)
{
	struct node *node = &nodes[me], *prev;

	node->next = NULL;
	node->state = WAITS;
	prev = swap(&lock.tail, node);
	if (prev) {
		store(&prev->next, node);
		while (load(&node->state) == WAITS)
			relax(&node->state, WAITS);
	}
	store(&lock.owner, me);
}

static void give_queued(unsigned int me)
{
	struct node *node = &nodes[me], *old = node, *next;

	if (cas(&lock.tail, old, NULL))
		return;
	while (!(next = load(&node->next)))
		cpu_relax();
	store(&lock.owner, next->cpu);
	store(&next->state, HEAD);
}

/* --- waiters that halt ------------------------------------------------------------------------------ */

static void sleep_until_head(struct node *node)
{
	for (;;) {
		unsigned int waits = WAITS, sleeps = SLEEPS;

		for (unsigned int i = 0; i < SPINS; i++) {
			if (load(&node->state) == HEAD)
				return;
			cpu_relax();
		}
		if (cas(&node->state, waits, SLEEPS))
			(void)pv_wait(0);
		(void)cas(&node->state, sleeps, WAITS);
	}
}

static void take_as_head(unsigned int me)
{
	for (;;) {
		for (unsigned int i = 0; i < SPINS; i++) {
			if (load(&lock.locked) == FREE && cas_locked(FREE, HELD))
				return;
			cpu_relax();
		}
		store(&lock.head, me);
		if (cas_locked(HELD, HELD_AND_HEAD_SLEEPS) ||
		    load(&lock.locked) == HELD_AND_HEAD_SLEEPS)
			(void)pv_wait(0);
	}
}

/* The next one is head now. If it sleeps, it may go on sleeping until the lock is given back. */
static void leave_queue(struct node *node)
{
	struct node *old = node, *next;

	if (cas(&lock.tail, old, NULL))
		return;
	while (!(next = load(&node->next)))
		cpu_relax();
	store(&lock.head, next->cpu);
	if (swap(&next->state, HEAD) == SLEEPS)
		store(&lock.locked, HELD_AND_HEAD_SLEEPS);
}

static void take_or_sleep(unsigned int me)
{
	struct node *node = &nodes[me], *prev;

	if (cas_locked(FREE, HELD))
		return;
	node->next = NULL;
	node->state = WAITS;
	prev = swap(&lock.tail, node);
	if (prev) {
		store(&prev->next, node);
		sleep_until_head(node);
	}
	take_as_head(me);
	leave_queue(node);
}

static void give_and_kick(void)
{
	if (swap(&lock.locked, FREE) == HELD_AND_HEAD_SLEEPS)
		CHECK_EQ(pv_kick(cpus[load(&lock.head)].hartid), SBI_SUCCESS);
}

/* --- the contest ------------------------------------------------------------------------------------ */

static void take(unsigned int me)
{
	if (kind == KICK)
		take_or_sleep(me);
	else if (kind == TAS)
		while (load(&lock.locked) != FREE || !cas_locked(FREE, HELD))
			cpu_relax();
	else
		take_queued(me);
}

static void give(unsigned int me)
{
	if (kind == KICK)
		give_and_kick();
	else if (kind == TAS)
		store(&lock.locked, FREE);
	else
		give_queued(me);
}

static void turn(unsigned long turns)
{
	for (; turns; turns--)
		__asm__ volatile("");
}

static void contend(struct cpu *cpu)
{
	unsigned int me = cpu->index;

	nodes[me].cpu = me;
	if (machine_pv("pv-lock"))
		pv_locks[me] = (void *)pv_call(HARTVISOR_PV_LOCK_PREEMPTED, 0, 0).value;
	barrier_wait(&barrier, nr_cpus);
	if (me == 0)
		until = time_in_ms(machine_arg("ms", 200));
	barrier_wait(&barrier, nr_cpus);
	while (time_now() < until) {
		take(me);
		if (holders++ != 0)
			test_fail("hart %lu: another hart has the lock", cpu->hartid);
		turn(turns_in);
		holders--;
		give(me);
		acquired[me][0]++;
		turn(turns_out);
	}
}

void guest_main(void)
{
	static const char *const names[NR_KINDS] = { "spin", "preempted", "kick", "wrs", "tas" };
	unsigned long all = 0, least = ~0UL, ms = machine_arg("ms", 200);

	kind = machine_arg("kind", KICK);
	turns_in = machine_arg("in", 100);
	turns_out = machine_arg("out", 100);
	CHECK(kind < NR_KINDS);
	smp_start_others(contend);
	contend(this_cpu());
	smp_wait_others_stopped();
	for (unsigned int i = 0; i < nr_cpus; i++) {
		all += acquired[i][0];
		least = acquired[i][0] < least ? acquired[i][0] : least;
	}
	print("PVLOCK %s vcpus=%u per-second=%lu least=%lu of %lu\n", names[kind], nr_cpus,
	      all * 1000 / ms, least, all);
}
