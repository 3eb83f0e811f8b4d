// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/arch/trace.c tests/unit/fake/pcpu.c
// CFLAGS: -DFAKE_TRACE -DFAKE_TIMES
/* The rings of the timeline: what is in them, what is lost, and that a hart follows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/csr.h"
#include "arch/timer.h"
#include "arch/trace.h"
#include "arch/trap.h"
#include "fake/pcpu.h"

#define PACKETS	  4
#define RING	  ((uint64_t)(PACKETS + 2) * TRACE_PACKET)
#define ALL	  (BIT(NR_TRACE_KINDS) - 1)
#define IN_PACKET ((TRACE_PACKET - TRACE_HEADER) / TRACE_EVENT)

static uint64_t now, stvec;
static struct trace_ring *ring;

uint64_t timer_now(void)
{
	return now;
}

void fake_csr_write(unsigned int csr, uint64_t val)
{
	assert_int_equal(csr, CSR_STVEC);
	stvec = val;
}

static uint64_t scause;

uint64_t fake_csr_read(unsigned int csr)
{
	return csr == CSR_SCAUSE ? scause : csr == CSR_SEPC ? 0xabc : 0;
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

static void begin(uint64_t kinds)
{
	fake_pcpu_setup(2);
	fake_pcpu_become(1);
	now = 1000;
	ring = trace_ring_make(aligned_alloc(TRACE_PACKET, RING), RING, 1, (uint32_t)kinds);
	trace_ask(this_pcpu(), ring);
	assert_true(trace_is_asked());
	assert_false(trace_is_on());
	assert_true(trace_follow());
	assert_true(trace_is_on());
}

static void end(void)
{
	trace_ask(this_pcpu(), NULL);
	assert_true(trace_follows(this_pcpu(), ring));
	assert_false(trace_follow());
	assert_true(trace_follows(this_pcpu(), NULL));
	assert_false(trace_is_on());
	assert_ptr_equal((void *)stvec, (void *)trap_vector);
	free(ring);
}

static void events(unsigned int n)
{
	while (n--) {
		now++;
		trace_event(TRACE_WAKE, trace_label(3, 2), 1, now, 5);
	}
}

static const uint64_t *event(const struct trace_packet *p, unsigned int n)
{
	return (const uint64_t *)p + (TRACE_HEADER + n * TRACE_EVENT) / 8;
}

static void a_packet_has_the_header_and_events_of_its_time(void **state)
{
	const struct trace_packet *p;
	size_t len;

	(void)state;
	begin(ALL);
	assert_int_equal(trace_packets(ring), 0);
	events(IN_PACKET);
	assert_int_equal(trace_packets(ring), 1);
	p = trace_packet_get(ring, 0, &len);
	assert_int_equal(len, TRACE_PACKET);
	assert_int_equal(p->magic, 0xc1fc1fc1);
	assert_int_equal(p->content, TRACE_PACKET * 8);
	assert_int_equal(p->size, p->content);
	assert_int_equal(p->number, 0);
	assert_int_equal(p->begin, 1000);
	assert_int_equal(p->end, 1000 + IN_PACKET);
	assert_int_equal(p->lost, 0);
	assert_int_equal(p->hart, 1);
	for (unsigned int i = 0; i < IN_PACKET; i++) {
		assert_int_equal(event(p, i)[0], 1001 + i);
		assert_int_equal(event(p, i)[1], TRACE_WAKE | 3ull << 16 | 2ull << 32 | 1ull << 48);
		assert_int_equal(event(p, i)[2], 1001 + i);
		assert_int_equal(event(p, i)[3], 5);
	}
	trace_packet_put(ring);
	assert_int_equal(trace_packets(ring), 0);
	end();
}

/* The rest is handed over when the hart is off, and nothing is if there is none. */
static void what_is_begun_ends_with_the_trace(void **state)
{
	size_t len;

	(void)state;
	begin(ALL);
	events(3);
	trace_ask(this_pcpu(), NULL);
	(void)trace_follow();
	assert_int_equal(trace_packets(ring), 1);
	assert_int_equal(trace_packet_get(ring, 0, &len)->content,
			 8 * (TRACE_HEADER + 3 * TRACE_EVENT));
	assert_int_equal(len, TRACE_HEADER + 3 * TRACE_EVENT);
	free(ring);
	begin(ALL);
	trace_ask(this_pcpu(), NULL);
	(void)trace_follow();
	assert_int_equal(trace_packets(ring), 0);
	assert_false(trace_tell_lost(ring));
	free(ring);
}

static void a_full_ring_loses_what_is_new_and_counts_it(void **state)
{
	const struct trace_packet *p;
	uint64_t first_lost, gone;
	size_t len;

	(void)state;
	begin(ALL);
	events(PACKETS * IN_PACKET);
	assert_int_equal(trace_packets(ring), PACKETS);
	first_lost = now + 1;
	events(3 * IN_PACKET);
	gone = now;
	assert_int_equal(trace_packets(ring), PACKETS);
	for (unsigned int i = 0; i < PACKETS; i++) {
		p = trace_packet_get(ring, 0, &len);
		assert_int_equal(p->number, i);
		assert_int_equal(p->lost, 0);
		assert_true(p->end < first_lost);
		trace_packet_put(ring);
	}
	/* It goes on when it has filled the page that nothing reads. */
	events(IN_PACKET);
	assert_int_equal(trace_packets(ring), 0);
	events(IN_PACKET);
	p = trace_packet_get(ring, 0, &len);
	assert_int_equal(p->number, PACKETS);
	assert_int_equal(p->lost, 4 * IN_PACKET);
	assert_true(p->begin >= gone && p->begin <= event(p, 0)[0]);
	end();
}

static void what_is_lost_last_is_told(void **state)
{
	const struct trace_packet *p;
	size_t len;

	(void)state;
	begin(ALL);
	events(PACKETS * IN_PACKET + 7);
	trace_ask(this_pcpu(), NULL);
	(void)trace_follow();
	assert_int_equal(ring->lost, 7);
	for (unsigned int i = 0; i < PACKETS; i++)
		trace_packet_put(ring);
	assert_true(trace_tell_lost(ring));
	p = trace_packet_get(ring, 0, &len);
	assert_int_equal(len, TRACE_HEADER);
	assert_int_equal(p->lost, 7);
	assert_int_equal(p->number, PACKETS);
	trace_packet_put(ring);
	assert_false(trace_tell_lost(ring));
	free(ring);
}

static void no_time_is_before_the_one_before(void **state)
{
	const struct trace_packet *p;
	uint64_t before = 0;
	size_t len;

	(void)state;
	begin(ALL);
	for (unsigned int i = 0; i < 3 * IN_PACKET; i++)
		trace_event_at(i % 7 ? 5000 + i : 10, TRACE_RUN, 0, 0, 0, 0);
	assert_int_equal(trace_packets(ring), 3);
	for (unsigned int n = 0; n < 3; n++) {
		p = trace_packet_get(ring, n, &len);
		assert_true(p->begin >= before);
		before = p->begin;
		for (unsigned int i = 0; i < IN_PACKET; i++) {
			assert_true(event(p, i)[0] >= before);
			before = event(p, i)[0];
		}
		assert_int_equal(p->end, before);
	}
	end();
}

static void kinds_that_nothing_asks_for_are_not_written(void **state)
{
	(void)state;
	begin(BIT(TRACE_KIND_KICKS) | BIT(TRACE_KIND_LIFE));
	events(10);
	assert_int_equal(this_pcpu()->trace.exits, 0);
	assert_ptr_not_equal((void *)stvec, (void *)trap_vector_traced);
	trace_event(TRACE_KICK, 0, 0, 0, 0);
	trace_name_vm(1, "a name of some length, of 32 by");
	trace_ask(this_pcpu(), NULL);
	(void)trace_follow();
	{
		size_t len;
		const struct trace_packet *p = trace_packet_get(ring, 0, &len);

		assert_int_equal(len, TRACE_HEADER + 3 * TRACE_EVENT);
		assert_int_equal(event(p, 0)[1] & 0xffff, TRACE_KICK);
		assert_int_equal(event(p, 2)[1],
				 TRACE_NAME | 1ull << 16 | 0xffffull << 32 | 1ull << 48);
		assert_memory_equal(&event(p, 1)[2], "a name of some l", 16);
		assert_memory_equal(&event(p, 2)[2], "ength, of 32 by", 16);
	}
	free(ring);
}

/* Times are measured by a vector of their own, and its events are written by C. */
static void where_times_are_measured_exits_are_written_all_the_same(void **state)
{
	struct guest_regs r = { .x = { [REG_A7] = 7, [REG_A6] = 6 } };
	const struct trace_packet *p;
	size_t len;

	(void)state;
	fake_pcpu_setup(2);
	fake_pcpu_become(1);
	trace_set_timed(true);
	assert_ptr_equal((void *)stvec, (void *)trap_vector_timed);
	assert_int_equal(this_pcpu()->trace.exits, TRACE_EXITS_TIMED);
	trace_set_timed(false);
	assert_ptr_equal((void *)stvec, (void *)trap_vector);
	begin(ALL);
	assert_false(trace_is_timed());
	trace_set_timed(true);
	assert_true(trace_is_timed());
	assert_ptr_equal((void *)stvec, (void *)trap_vector_timed);
	trace_runs(trace_label(2, 1));
	scause = EXC_ECALL_VS;
	trace_exit(&r);
	trace_enter();
	scause = EXC_VIRTUAL_INSN;
	trace_exit(&r);
	trace_ask(this_pcpu(), NULL);
	(void)trace_follow();
	assert_ptr_equal((void *)stvec, (void *)trap_vector_timed);
	p = trace_packet_get(ring, 0, &len);
	assert_int_equal(len, TRACE_HEADER + 3 * TRACE_EVENT);
	assert_int_equal(event(p, 0)[1], TRACE_SBI | 2ull << 16 | 1ull << 32);
	assert_int_equal(event(p, 0)[2], 7);
	assert_int_equal(event(p, 0)[3], 6);
	assert_int_equal(event(p, 1)[1], TRACE_ENTER | 2ull << 16 | 1ull << 32);
	assert_int_equal(event(p, 2)[1], TRACE_EXIT | 2ull << 16 | 1ull << 32);
	assert_int_equal(event(p, 2)[2], EXC_VIRTUAL_INSN);
	assert_int_equal(event(p, 2)[3], 0xabc);
	free(ring);
	begin(ALL); /* the other way round */
	trace_set_timed(true);
	trace_set_timed(false);
	assert_ptr_equal((void *)stvec, (void *)trap_vector_traced);
	end();
}

/* As switch.S has it: an entry sees to the room of the exit and of what comes after it. */
static void there_is_always_room_for_an_exit(void **state)
{
	struct pcpu_trace *t;

	(void)state;
	srand(1);
	begin(ALL);
	t = &this_pcpu()->trace;
	assert_ptr_equal((void *)stvec, (void *)trap_vector_traced);
	trace_runs(trace_label(2, 1));
	assert_int_equal(t->enter, TRACE_ENTER | 2ull << 16 | 1ull << 32);
	assert_int_equal(t->exit, TRACE_EXIT | 2ull << 16 | 1ull << 32);
	assert_int_equal(t->sbi, TRACE_SBI | 2ull << 16 | 1ull << 32);
	for (unsigned int i = 0; i < 20000; i++) {
		uint64_t *in = t->at, *out;

		in[0] = ++now;
		t->at += TRACE_EVENT_WORDS;
		if (t->at >= t->last)
			trace_next_packet();
		out = t->at;
		assert_true((uintptr_t)out % TRACE_PACKET >= TRACE_HEADER);
		assert_true((uintptr_t)out % TRACE_PACKET + 2 * TRACE_EVENT <= TRACE_PACKET);
		out[0] = ++now;
		t->at += TRACE_EVENT_WORDS;
		for (int n = rand() % 3; n > 0; n--)
			events(1);
		if (i % 200 == 0)
			while (trace_packets(ring))
				trace_packet_put(ring);
	}
	end();
}

static void a_hart_follows_when_it_is_asked_and_not_before(void **state)
{
	struct trace_ring *other;

	(void)state;
	begin(ALL);
	assert_false(trace_is_asked());
	other = trace_ring_make(aligned_alloc(TRACE_PACKET, RING), RING, 1, ALL);
	trace_ask(this_pcpu(), other);
	events(1);
	assert_false(trace_follows(this_pcpu(), other));
	assert_true(trace_follow());
	assert_true(trace_follows(this_pcpu(), other));
	/* Asked for what it does already. */
	trace_ask(this_pcpu(), other);
	assert_false(trace_follow());
	assert_int_equal(trace_packets(ring), 1);
	free(ring);
	ring = other;
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_has_the_header_and_events_of_its_time),
		cmocka_unit_test(what_is_begun_ends_with_the_trace),
		cmocka_unit_test(a_full_ring_loses_what_is_new_and_counts_it),
		cmocka_unit_test(what_is_lost_last_is_told),
		cmocka_unit_test(no_time_is_before_the_one_before),
		cmocka_unit_test(kinds_that_nothing_asks_for_are_not_written),
		cmocka_unit_test(where_times_are_measured_exits_are_written_all_the_same),
		cmocka_unit_test(there_is_always_room_for_an_exit),
		cmocka_unit_test(a_hart_follows_when_it_is_asked_and_not_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
