// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/threads/machine.h
// SOURCES: tests/unit/threads/actors.c tests/unit/threads/guest.c
/*
 * The vcpu protocol on real threads under TSan: one thread for each hart, which runs the real
 * pcpu_loop() with guests that do anything at random, and one for each source of requests
 * from outside. What must hold is checked in the guest between any two of its "instructions", and at
 * the end of each round, when no thread asks for more: then every interrupt, timer and wake-up that was
 * ever posted must have been taken.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <hartvisor/pv.h>
#include <hartvisor/sbi.h>

#include "dev/mmio.h"
#include "fake/pcpu.h"
#include "lib/work.h"
#include "threads/machine.h"

#define HARTS 3

struct machine machines[VMS];
static struct mmio_bus buses[VMS];

enum role { POSTER, POSTER_2, FENCER, FREER, OPERATOR, OPERATOR_2, MOVER, STARTER, NR_ROLES };

#define OPS_PER_ROUND 400
#define POLL_TICKS    20000

static pthread_barrier_t round_begins, round_ends;
static uint32_t more; /* another round */

static void act(enum role role, struct machine *mc)
{
	struct vcpu *v = mc->vm.vcpus[chance(VCPUS)];

	switch (role) {
	case POSTER:
	case POSTER_2:
		if (chance(3) == 0)
			throws(v);
		else if (chance(4))
			posts(v);
		else
			raises(v);
		break;
	case FENCER:
		fences(mc, chance(BIT(VCPUS)), (enum hart_fence)chance(2));
		break;
	case FREER:
		frees(mc);
		break;
	case OPERATOR:
		if (chance(8))
			usleep((useconds_t)chance(100));
		else if (chance(60))
			pauses(mc);
		else
			reboots(mc);
		break;
	case OPERATOR_2:
		toggles(mc);
		usleep((useconds_t)chance(100));
		break;
	case MOVER:
		moves(v, HARTS);
		break;
	case STARTER:
		usleep((useconds_t)chance(30));
		starts(mc);
		break;
	case NR_ROLES:
		break;
	}
}

static void *outsider(void *arg)
{
	enum role role = (enum role)(uintptr_t)arg;

	fake_pcpu_become(HARTS + (unsigned int)role);
	rng_begin(100 + role);
	for (;;) {
		pthread_barrier_wait(&round_begins);
		if (!read_now(&more))
			return NULL;
		for (unsigned int i = 0; i < OPS_PER_ROUND; i++) {
			struct machine *mc = &machines[chance(VMS)];

			pthread_rwlock_rdlock(&mc->life);
			act(role, mc);
			pthread_rwlock_unlock(&mc->life);
			if (chance(2) == 0)
				usleep((useconds_t)chance(300));
			add_now(&progress, 1);
		}
		pthread_barrier_wait(&round_ends);
	}
}

/* Nothing has been making progress for long: say which vcpu waits for what. */
static __attribute__((no_sanitize("thread"))) void *watchdog(void *arg)
{
	unsigned int seconds = from_environment("HV_WATCHDOG", WATCHDOG_SECS);
	uint64_t last = 0;

	(void)arg;
	for (unsigned int still = 0; still < seconds; still++) {
		uint64_t now = read_now(&progress);

		if (now != last)
			still = 0;
		last = now;
		sleep(1);
		if (read_now(&the_end))
			return NULL;
	}
	for (unsigned int i = 0; i < ALL_VCPUS; i++) {
		const struct vcpu *v = machines[i / VCPUS].vm.vcpus[i % VCPUS];
		const struct guest *g = guest_of(v);

		printf("vm %u vcpu %u: mode %u requests %#" PRIx64
		       " blocked %u sched %u hsm %u halted %d "
		       "posted %" PRIu64 " seen %" PRIu64 " raised %" PRIu64 " claimed %" PRIu64
		       " timer %u state %u\n",
		       i / VCPUS, v->id, v->mode, v->requests, v->halt.blocked, v->se.state,
		       v->hsm.state, vcpu_is_halted(v), g->posted, g->seen, g->raised, g->claimed,
		       g->timer, v->vm->state);
	}
	broken("nothing moves");
}

/* Has everything that was asked for been done? */
static bool at_rest(void)
{
	for (unsigned int i = 0; i < ALL_VCPUS; i++) {
		const struct vcpu *v = machines[i / VCPUS].vm.vcpus[i % VCPUS];
		const struct guest *g = guest_of(v);
		uint32_t hsm = read_now(&v->hsm.state);

		if (read_now(&v->vm->state) != VM_RUNNING)
			return false;
		if (hsm == SBI_HSM_STATE_STOPPED)
			continue;
		if (hsm == SBI_HSM_STATE_START_PENDING || hsm == SBI_HSM_STATE_STOP_PENDING)
			return false;
		if (read_now(&v->halt.blocked) == 0 || read_now(&g->thrown) != read_now(&g->caught))
			return false;
		/* Nothing but a kick ends that: interrupts stay. */
		if (read_now(&g->waits))
			continue;
		if (read_now(&g->seen) != read_now(&g->posted) ||
		    read_now(&g->raised) != read_now(&g->claimed) || read_now(&g->timer))
			return false;
	}
	return true;
}

static void make_machines(void)
{
	memset(machines, 0, sizeof(machines));
	memset(&did, 0, sizeof(did));
	operations = 0;
	for (unsigned int n = 0; n < VMS; n++) {
		struct machine *mc = &machines[n];

		spin_init(&mc->vm.lock, LOCK_VM);
		spin_init(&mc->vm.transition, LOCK_VM_TRANSITION);
		mc->vm.id = n;
		mc->vm.state = VM_BUILDING;
		mc->vm.pv.calls = BIT(HARTVISOR_KICK_CPU);
		mc->vm.bus = &buses[n];
		add_device(&buses[n]);
		/* One VM's halts are polled for, the other one's vcpus rest. */
		mc->vm.halt_poll_max = n ? POLL_TICKS : 0;
		sched_group_init(&mc->vm.group, 0);
		sched_task_init(&mc->vm.task, &mc->vm.group, NULL, life_step);
		pthread_rwlock_init(&mc->life, NULL);
		mc->table = mc->pages[0];
		for (unsigned int i = 0; i < PAGE_WORDS; i++)
			mc->pages[0][i] = 0x600d;
		for (unsigned int i = 0; i < VCPUS; i++) {
			pthread_mutex_init(&mc->guests[i].line, NULL);
			mc->vm.vcpus[i] = vcpu_new(&mc->vm, i, NULL);
			mc->vm.nr_vcpus = i + 1;
		}
	}
}

static void check_counters(void)
{
	for (unsigned int i = 0; i < ALL_VCPUS; i++) {
		const struct vcpu *v = machines[i / VCPUS].vm.vcpus[i % VCPUS];
		uint64_t stays =
			read_now(&guest_of(v)->stays) + read_now(&v->stats.aborted_entries);

		if (read_now(&v->stats.ipis_sent) > stays)
			broken("%" PRIu64 " IPIs for %" PRIu64 " stays in the guest",
			       v->stats.ipis_sent, stays);
	}
}

/* Which reasons are seen to end which sleep: bits of enum ended_by. What the table (vcpu/sleep.h) does not have comes to 0. */
static unsigned int seen_to_end(enum vcpu_sleep kind)
{
	unsigned int ends = sleep_ends(kind);

	if (kind == SLEEP_PAUSED)
		return 0; /* did.pauses */
	if (kind == SLEEP_STOPPED)
		return BIT(BY_START);
	return ((ends & WAKE_KICK) ? BIT(BY_KICK) : 0) |
	       ((ends & WAKE_IRQ) ? BIT(BY_IPI) | BIT(BY_LEVEL) : 0) |
	       ((ends & WAKE_TIMER) ? BIT(BY_TIMER) : 0);
}

/* Has each reason of the table ended each sleep, at least once? A round without end would hide that it has not. */
static bool each_sleep_was_ended(bool must)
{
	bool all = read_now(&did.pauses) > 0;

	for (unsigned int kind = 0; kind < NR_VCPU_SLEEPS; kind++) {
		for (unsigned int by = 0; by < NR_ENDED_BY; by++) {
			if (!(seen_to_end((enum vcpu_sleep)kind) & BIT(by)) ||
			    read_now(&did.ended[kind][by]))
				continue;
			all = false;
			if (must)
				broken("sleep %u is never ended by %u", kind, by);
		}
	}
	return all;
}

static void all_at_once(bool sstc)
{
	unsigned int rounds = from_environment("HV_ROUNDS", getenv("HV_LONG") ? 3000 : 60);
	pthread_t harts[HARTS], others[NR_ROLES], dog;

	harts_begin(HARTS, NR_ROLES, sstc);
	make_machines();
	for (unsigned int n = 0; n < VMS; n++)
		begin_life(&machines[n]);
	pthread_barrier_init(&round_begins, NULL, NR_ROLES + 1);
	pthread_barrier_init(&round_ends, NULL, NR_ROLES + 1);
	for (unsigned int i = 0; i < HARTS; i++)
		pthread_create(&harts[i], NULL, hart, (void *)(uintptr_t)i);
	for (unsigned int i = 0; i < NR_ROLES; i++)
		pthread_create(&others[i], NULL, outsider, (void *)(uintptr_t)i);
	pthread_create(&dog, NULL, watchdog, NULL);
	for (unsigned int r = 0; r < rounds || !each_sleep_was_ended(r > 50 * rounds); r++) {
		write_now(&calm, 0);
		write_now(&more, 1);
		pthread_barrier_wait(&round_begins);
		pthread_barrier_wait(&round_ends);
		write_now(&calm, 1);
		while (!at_rest())
			usleep(200);
		check_counters();
	}
	write_now(&more, 0);
	pthread_barrier_wait(&round_begins);
	for (unsigned int i = 0; i < NR_ROLES; i++)
		pthread_join(others[i], NULL);
	harts_end(HARTS, harts);
	pthread_join(dog, NULL);
	printf("threads: %" PRIu64
	       " operations: %u injects, %u levels, %u fences, %u flushes, %u pauses, "
	       "%u starts, %u reboots; guests: %u reads, %u timers, %u halts, %u times the fast path, "
	       "%u and %u lives\n",
	       operations, did.injects, did.levels, did.fences, did.flushes, did.pauses, did.starts,
	       did.reboots, did.reads, did.timers, did.halts, did.fast, machines[0].lives,
	       machines[1].lives);
	fflush(stdout);
}

static void all_sources_at_once_lose_nothing(void **state)
{
	(void)state;
	all_at_once(true);
}

static void nor_does_it_without_sstc(void **state)
{
	(void)state;
	all_at_once(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_sources_at_once_lose_nothing),
		cmocka_unit_test(nor_does_it_without_sstc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
