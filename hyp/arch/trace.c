// SPDX-License-Identifier: BSD-2-Clause
#include "arch/trace.h"

#include <string.h>

#include "arch/csr.h"
#include "arch/timer.h"
#include "arch/trap.h"
#include "lib/index.h"

const struct trace_name trace_names[NR_TRACE_EVENTS] = {
#define TRACE_NAME(NAME, name, KIND, n, a, b) [TRACE_##NAME] = { name, TRACE_KIND_##KIND, n, a, b },
	TRACE_EVENTS(TRACE_NAME)
};

const char *const trace_kinds[NR_TRACE_KINDS] = {
#define TRACE_KIND_NAME(NAME, name) [TRACE_KIND_##NAME] = name,
	TRACE_KINDS(TRACE_KIND_NAME)
};

/* --- the ring ------------------------------------------------------------------------------------- */

static uint8_t *page_of(struct trace_ring *r, uint32_t n)
{
	return (uint8_t *)r + (size_t)n * TRACE_PACKET;
}

static struct trace_packet *packet(struct trace_ring *r, uint32_t number)
{
	return (struct trace_packet *)page_of(r, 2 + number % r->nr);
}

struct trace_ring *trace_ring_make(void *memory, uint64_t bytes, unsigned int hart, uint32_t kinds)
{
	struct trace_ring *r = memory;

	memset(r, 0, sizeof(*r));
	r->hart = hart;
	r->nr = (uint32_t)(bytes / TRACE_PACKET) - 2;
	r->kinds = kinds;
	return r;
}

/* The page that is written to now. */
static struct trace_packet *current_page(const struct pcpu_trace *t)
{
	/* at may be its end already. */
	uintptr_t last_byte = (uintptr_t)t->at - 1;

	return (struct trace_packet *)(last_byte & ~(uintptr_t)(TRACE_PACKET - 1));
}

/* Write to @p from now on. */
static void begin(struct pcpu_trace *t, struct trace_packet *p, uint64_t now)
{
	p->begin = now;
	t->at = (uint64_t *)((uint8_t *)p + TRACE_HEADER);
	t->last = (uint64_t *)((uint8_t *)p + TRACE_PACKET - TRACE_EVENT);
}

/* The next packet, or the page for what is lost. */
static void begin_next(struct pcpu_trace *t, uint64_t now)
{
	struct trace_ring *r = t->ring;

	/* Acquire: what the reader has read of it is read. */
	r->losing = r->head - atomic_read_acquire(&r->tail) == r->nr;
	begin(t, r->losing ? (struct trace_packet *)page_of(r, 1) : packet(r, r->head), now);
}

static void write_header(struct trace_ring *r, struct trace_packet *p, uint64_t bytes, uint64_t end)
{
	p->magic = TRACE_MAGIC;
	p->stream = 0;
	p->number = r->head;
	p->content = p->size = bytes * 8;
	p->end = end;
	p->lost = r->lost;
	p->hart = r->hart;
	p->unused = 0;
}

/* What is in the page goes to the reader, or is counted. */
static void end(struct pcpu_trace *t)
{
	struct trace_packet *p = current_page(t);
	uint64_t bytes = (uintptr_t)t->at - (uintptr_t)p;
	struct trace_ring *r = t->ring;

	if (r->losing) {
		r->lost += (bytes - TRACE_HEADER) / TRACE_EVENT;
		return;
	}
	if (bytes == TRACE_HEADER)
		return;
	/* The time of its last event. */
	write_header(r, p, bytes, t->at[-TRACE_EVENT_WORDS]);
	/* Release: the reader that finds it counted finds it written. */
	atomic_set_release(&r->head, r->head + 1);
}

void trace_next_packet(void)
{
	struct pcpu_trace *t = &this_pcpu()->trace;
	uint64_t last = t->at[-TRACE_EVENT_WORDS];

	/* Not now: the next event may be about something that has just happened. */
	end(t);
	begin_next(t, last);
}

/* --- events --------------------------------------------------------------------------------------- */

/* No time is before that of the event before, which the header has for the first one. */
uint64_t trace_time(uint64_t at)
{
	return max_u64(at, this_pcpu()->trace.at[-TRACE_EVENT_WORDS]);
}

void trace_event_at(uint64_t at, enum trace_event id, uint32_t label, unsigned int n, uint64_t a,
		    uint64_t b)
{
	struct pcpu_trace *t = &this_pcpu()->trace;
	uint64_t *e = t->at;

	if (!(t->ring->kinds & BIT(trace_names[index_below(id, NR_TRACE_EVENTS)].kind)))
		return;
	e[0] = max_u64(at, e[-TRACE_EVENT_WORDS]);
	e[1] = (uint64_t)id | (uint64_t)label << 16 | (uint64_t)(n & 0xffff) << 48;
	e[2] = a;
	e[3] = b;
	t->at = e + TRACE_EVENT_WORDS;
	if (t->at > t->last)
		trace_next_packet();
}

void trace_event(enum trace_event id, uint32_t label, unsigned int n, uint64_t a, uint64_t b)
{
	trace_event_at(timer_now(), id, label, n, a, b);
}

void trace_runs(uint32_t label)
{
	struct pcpu_trace *t = &this_pcpu()->trace;

	t->label = label;
	t->enter = TRACE_ENTER | (uint64_t)label << 16;
	t->exit = TRACE_EXIT | (uint64_t)label << 16;
	t->sbi = TRACE_SBI | (uint64_t)label << 16;
}

void trace_exit(const struct guest_regs *r)
{
	const uint32_t label = this_pcpu()->trace.label;
	uint64_t cause = csr_read(CSR_SCAUSE);

	if (cause == EXC_ECALL_VS)
		trace_event(TRACE_SBI, label, 0, r->x[REG_A7], r->x[REG_A6]);
	else
		trace_event(TRACE_EXIT, label, 0, cause, csr_read(CSR_SEPC));
}

void trace_enter(void)
{
	trace_event(TRACE_ENTER, this_pcpu()->trace.label, 0, 0, 0);
}

void trace_name_vm(unsigned int vm, const char *name)
{
	uint64_t text[4];

	memcpy(text, name, sizeof(text));
	for (unsigned int i = 0; i < 2; i++)
		trace_event(TRACE_NAME, trace_label(vm, TRACE_NO_VCPU), i, text[2 * i],
			    text[2 * i + 1]);
}

/* --- on and off ----------------------------------------------------------------------------------- */

void trace_ask(struct pcpu *p, struct trace_ring *ring)
{
	atomic_set(&p->trace.asked, (uintptr_t)ring);
	trace_ask_again(p);
}

bool trace_follows(const struct pcpu *p, const struct trace_ring *ring)
{
	/* Acquire: it has done all that it did to its ring. */
	return atomic_read_acquire(&p->trace.follows) == (uintptr_t)ring;
}

/* What is done at exits and entries. Where times are measured, C writes the events. */
static void choose_vector(struct pcpu_trace *t)
{
	t->exits = t->timed					     ? TRACE_EXITS_TIMED :
		   t->ring && t->ring->kinds & BIT(TRACE_KIND_EXITS) ? TRACE_EXITS_WRITTEN :
								       TRACE_EXITS_NOT;
	csr_write(CSR_STVEC, t->exits == TRACE_EXITS_TIMED   ? (uint64_t)trap_vector_timed :
			     t->exits == TRACE_EXITS_WRITTEN ? (uint64_t)trap_vector_traced :
							       (uint64_t)trap_vector);
}

void trace_set_timed(bool on)
{
	struct pcpu_trace *t = &this_pcpu()->trace;

	t->timed = on;
	choose_vector(t);
}

static void turn_off(struct pcpu_trace *t)
{
	end(t);
	t->at = NULL;
	t->ring = NULL;
	choose_vector(t);
}

static void turn_on(struct pcpu_trace *t, struct trace_ring *ring)
{
	t->ring = ring;
	begin_next(t, timer_now());
	trace_runs(trace_label(TRACE_NO_VCPU, TRACE_NO_VCPU));
	choose_vector(t);
}

bool trace_follow(void)
{
	struct pcpu_trace *t = &this_pcpu()->trace;
	struct trace_ring *ring;

	/* Pairs with the release in trace_ask(). If it is asked for something else just now, it finds that, or follows once more. */
	(void)atomic_exchange(&t->is_asked, 0);
	ring = (struct trace_ring *)atomic_read(&t->asked);
	if (ring == t->ring)
		return false;
	if (t->ring)
		turn_off(t);
	if (ring)
		turn_on(t, ring);
	atomic_set_release(&t->follows, (uintptr_t)ring);
	return ring != NULL;
}

/* --- the reader ----------------------------------------------------------------------------------- */

const struct trace_packet *trace_packet_get(struct trace_ring *ring, uint32_t nth, size_t *len)
{
	const struct trace_packet *p = packet(ring, ring->tail + nth);

	*len = p->size / 8;
	return p;
}

void trace_packet_put(struct trace_ring *ring)
{
	ring->told = packet(ring, ring->tail)->lost;
	/* Release: the hart writes to it when what was read of it is read. */
	atomic_set_release(&ring->tail, ring->tail + 1);
}

bool trace_tell_lost(struct trace_ring *ring)
{
	struct trace_packet *p = packet(ring, ring->head);

	if (ring->lost == ring->told)
		return false;
	p->begin = timer_now();
	write_header(ring, p, TRACE_HEADER, p->begin);
	ring->head++;
	return true;
}
