// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/arch/trace.c tests/unit/fake/pcpu.c tests/unit/threads/chaos.c
// SANITIZE: thread
// CFLAGS: -DFAKE_TRACE
// INCLUDE: tests/unit/threads
/*
 * A hart and the reader of its ring as two real threads. What is read is whole, in order, and with what was lost as many events as were
 * written; and when the hart is seen to be off, it touches the ring no more. Packets are plain memory, so TSan sees an order that is missing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/trace.h"
#include "arch/trap.h"
#include "fake/pcpu.h"

#define RING (5ul * TRACE_PACKET)
#define ALL  ((uint32_t)BIT(NR_TRACE_KINDS) - 1)

static uint32_t ends;
static uint64_t written;

uint64_t timer_now(void)
{
	return 0;
}

void fake_csr_write(unsigned int csr, uint64_t val)
{
	(void)csr, (void)val;
	sched_yield();
}

uint64_t fake_csr_read(unsigned int csr)
{
	(void)csr;
	return 0;
}

void trap_vector(void)
{
}

void trap_vector_traced(void)
{
}

void trap_vector_timed(void)
{
}

static void *hart(void *arg)
{
	(void)arg;
	fake_pcpu_become(1);
	while (!atomic_read_acquire(&ends)) {
		if (trace_is_asked())
			(void)trace_follow();
		if (trace_is_on())
			trace_event_at(written, TRACE_WAKE, 0, 0, written, ~written), written++;
	}
	return NULL;
}

/* Events of all packets that can be read; @next is the number of the first one, if none was lost. */
static uint64_t read_all(struct trace_ring *ring, uint64_t next)
{
	for (; trace_packets(ring); trace_packet_put(ring)) {
		size_t len;
		const struct trace_packet *p = trace_packet_get(ring, 0, &len);
		const uint64_t *e = (const uint64_t *)p + TRACE_HEADER / 8;

		for (size_t n = (len - TRACE_HEADER) / TRACE_EVENT; n;
		     n--, e += TRACE_EVENT_WORDS) {
			assert_int_equal(e[2], ~e[3]);
			assert_true(e[2] >= next);
			next = e[2] + 1;
		}
	}
	return next;
}

static void what_is_read_is_whole_and_the_rest_is_counted(void **state)
{
	pthread_t thread;

	(void)state;
	fake_pcpu_setup(2);
	pthread_create(&thread, NULL, hart, NULL);
	for (unsigned int round = 0; round < 30; round++) {
		struct trace_ring *ring =
			trace_ring_make(aligned_alloc(TRACE_PACKET, RING), RING, 1, ALL);
		uint64_t next = 0;

		trace_ask(pcpus[1], ring);
		for (unsigned int i = 0; i < 3000; i++) {
			next = read_all(ring, next);
			if (i % 7 == 0)
				sched_yield();
		}
		trace_ask(pcpus[1], NULL);
		while (!trace_follows(pcpus[1], NULL) || atomic_read(&pcpus[1]->trace.is_asked))
			sched_yield();
		next = read_all(ring, next);
		if (trace_tell_lost(ring)) {
			size_t len;

			assert_int_equal(trace_packet_get(ring, 0, &len)->lost, ring->lost);
			trace_packet_put(ring);
		}
		memset(ring, 0xff, RING);
		free(ring);
	}
	atomic_set_release(&ends, 1);
	pthread_join(thread, NULL);
	assert_true(written > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_read_is_whole_and_the_rest_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
