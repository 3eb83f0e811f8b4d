/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whose turn it is on the wire. What a guest prints waits in a queue of its own until its turn comes, and a guest
 * whose queue is full waits itself; so a slow line slows those that print more than their part of it, and
 * no others.
 *
 * Turns are by deficit round robin, charged with the bytes that went on the wire: prefixes, and lines that are
 * repeated, are charged to the guest that they belong to. What a stream puts in one piece (a line, or what is shown
 * of an open one again) is bounded by TERM_LINE_COST, and so is what it may owe.
 *
 * All of it goes in small steps (term_step()), a few at a time: those of a guest that prints are done in its own
 * time, and the rest by the UART's interrupt and a timer.
 */
#include "lib/log.h"
#include "term/term_internal.h"

/* More than an open line that is shown again, so that its guest gets on within a turn. */
#define QUANTUM 512

/* What else takes time: each step, and each byte that goes the long way, as so many bytes on the wire. */
#define STEP_COST 8
#define SLOW_COST 12

static struct list active = { &active,
			      &active }; /* of the streams that may have something to print */
static struct term_stream *streams;	 /* all */
static uint32_t contest; /* counts the times that the list has become empty: debts end with that */

static void room_work_run(struct work *w);
static struct work room_work = { .fn = room_work_run };

uint32_t output_queued(const struct term_stream *s)
{
	return atomic_read(&s->out_head) - atomic_read(&s->out_tail);
}

size_t term_stream_room(const struct term_stream *s)
{
	uint32_t n = output_queued(s);

	return n < TERM_OUTPUT_MAX - 1 ? TERM_OUTPUT_MAX - 1 - n : 0;
}

void output_reset(void)
{
	streams = NULL;
	list_init(&active);
	contest = 1;
	output_work_due = false;
}

void output_add_stream(struct term_stream *s)
{
	list_init(&s->active);
	s->next = streams;
	streams = s;
}

static void deactivate(struct term_stream *s)
{
	list_remove(&s->active);
	if (s->credit > 0)
		s->credit = 0;
	if (list_empty(&active))
		contest++;
}

void output_remove_stream(struct term_stream *s)
{
	for (struct term_stream **p = &streams; *p; p = &(*p)->next) {
		if (*p == s) {
			*p = s->next; /* room_work may be at @s: its own next stays */
			break;
		}
	}
	if (!list_empty(&s->active))
		deactivate(s);
}

void output_activate(struct term_stream *s)
{
	if (!list_empty(&s->active))
		return;
	if (s->contest != contest)
		s->credit = QUANTUM;
	s->contest = contest;
	list_push_back(&active, &s->active);
}

bool output_idle(void)
{
	return list_empty(term_raw ? &term_raw->active : &active);
}

/* Another has the terminal to itself. */
static bool is_held(const struct term_stream *s)
{
	return term_raw && s != term_raw;
}

static bool is_out(const struct term_stream *s)
{
	return output_queued(s) == 0 && s->state == TERM_LINE_OPEN;
}

/* A guest that waits for room is told when half of the queue is free, so that it is told seldom. */
static void look_for_room(struct term_stream *s)
{
	if (s->wants_room && output_queued(s) <= TERM_OUTPUT_MAX / 2)
		s->wants_room = false;
	else if (s->wants_out && is_out(s))
		s->wants_out = false;
	else
		return;
	s->room_due = true;
	output_work_due = true;
}

void output_lose(struct term_stream *s, uint64_t bytes)
{
	s->lost += bytes;
	s->losing = true;
}

/* The line takes nothing: no guest waits for it any longer. */
static void drop_all(void)
{
	while (!list_empty(&active)) {
		struct term_stream *s = list_entry(active.next, struct term_stream, active);

		output_lose(s, output_queued(s));
		atomic_set(&s->out_tail, s->out_head);
		look_for_room(s);
		deactivate(s);
	}
}

/* Whose turn it is. The debt is bounded, and so is the number of rounds. */
static struct term_stream *next_turn(void)
{
	for (;;) {
		struct term_stream *s = list_entry(active.next, struct term_stream, active);

		if (s->credit > 0)
			return s;
		s->credit += QUANTUM;
		list_remove(&s->active);
		list_push_back(&active, &s->active);
	}
}

void output_pump(unsigned int budget)
{
	int left = (int)budget;

	if (wire_gives_up())
		drop_all();
	while (left > 0 && !output_idle() && wire_guest_room()) {
		struct term_stream *s = term_raw ? term_raw : term_going ? term_going : next_turn();
		uint32_t before = wire_position(), slow = step_slow;
		bool more = term_raw ? raw_step(s) : term_step(s);
		int used = (int)(wire_position() - before);

		if (used)
			wire_guest_wrote();
		s->credit -= used;
		left -= used + STEP_COST + (int)(step_slow - slow) * SLOW_COST;
		look_for_room(s);
		if (!more)
			deactivate(s);
	}
}

size_t output_put(struct term_stream *s, const char *buf, size_t len)
{
	size_t n = min_u64(len, term_stream_room(s));

	for (size_t i = 0; i < n; i++)
		s->out[(s->out_head + i) % TERM_OUTPUT_MAX] = buf[i];
	if (n) {
		atomic_set(&s->out_head, s->out_head + (uint32_t)n);
		output_activate(s);
	}
	if (n < len && (wire_gives_up() || is_held(s))) {
		output_lose(s, len - n);
		n = len;
	}
	return n;
}

void output_end_line(struct term_stream *s)
{
	/* Of the room one byte is kept for this. */
	if (output_queued(s) < TERM_OUTPUT_MAX) {
		s->out[s->out_head % TERM_OUTPUT_MAX] = '\n';
		atomic_set(&s->out_head, s->out_head + 1);
	}
	output_activate(s);
}

const char *output_at(const struct term_stream *s)
{
	return &s->out[s->out_tail % TERM_OUTPUT_MAX];
}

size_t output_run(const struct term_stream *s)
{
	return min_u64(output_queued(s), TERM_OUTPUT_MAX - s->out_tail % TERM_OUTPUT_MAX);
}

void output_take(struct term_stream *s, size_t n)
{
	atomic_set(&s->out_tail, s->out_tail + (uint32_t)n);
}

bool term_stream_want_room(struct term_stream *s, size_t len)
{
	bool room;

	spin_lock(&term_lock);
	room = term_stream_room(s) >= len || is_held(s); /* what is written then is lost */
	if (!room)
		s->wants_room = true;
	spin_unlock(&term_lock);
	return room;
}

bool term_stream_want_out(struct term_stream *s)
{
	bool out;

	spin_lock(&term_lock);
	out = is_out(s) || is_held(s);
	if (!out)
		s->wants_out = true;
	spin_unlock(&term_lock);
	return out;
}

void output_hold_others(void)
{
	for (struct term_stream *s = streams; s; s = s->next) {
		if (s == term_raw || !(s->wants_room || s->wants_out))
			continue;
		s->wants_room = s->wants_out = false;
		s->room_due = true;
		output_work_due = true;
	}
}

void output_resume(void)
{
	output_work_due = true; /* what was lost is told */
}

/* --- what is done without the lock ---------------------------------------------------------------- */

bool output_work_due;

/* Not from the log, under whose lock no work is queued: what is due waits for the next that may. */
void output_queue_work(void)
{
	if (!output_work_due)
		return;
	output_work_due = false;
	work_queue(&room_work);
}

/* True: @s has room that its owner waits for. *@lost: bytes that it has lost, once nothing more is. */
static bool take_due(struct term_stream *s, uint64_t *lost)
{
	bool due;

	spin_lock(&term_lock);
	due = s->room_due;
	s->room_due = false;
	*lost = s->losing && !wire_gives_up() && !term_raw ? s->lost : 0;
	if (*lost) {
		s->losing = false;
		s->lost = 0;
	}
	spin_unlock(&term_lock);
	return due;
}

static void room_work_run(struct work *w)
{
	(void)w;
	for (struct term_stream *s = streams; s; s = s->next) {
		uint64_t lost;

		if (take_due(s, &lost) && s->owner->output_ready)
			s->owner->output_ready(s->arg);
		if (lost)
			log_warn("%s: %lu bytes of its output were not shown", s->name,
				 (unsigned long)lost);
	}
}
