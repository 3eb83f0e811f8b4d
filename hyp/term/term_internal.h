/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The terminal's inside, in three files: term.c composes lines, term_wire.c brings bytes to the UART
 * and back, term_input.c hands out what was typed. Everything here is guarded by term_lock.
 */
#ifndef TERM_TERM_INTERNAL_H
#define TERM_TERM_INTERNAL_H

#include "lib/spinlock.h"
#include "term/term.h"

#define TERM_NAME_MAX  31
#define TERM_LINE_MAX  256
#define TERM_INPUT_MAX 256 /* a power of two */

struct term_stream {
	char name[TERM_NAME_MAX + 1];
	unsigned int colour; /* index of the palette */
	void (*input_ready)(void *arg);
	void *arg;

	/* Its unfinished line, raw: held back (not in focus) or on the screen already (in focus). */
	char line[TERM_LINE_MAX];
	unsigned int line_len;

	/* Typed and not read yet; free-running counters. */
	char input[TERM_INPUT_MAX];
	uint32_t input_head;
	uint32_t input_tail;
};

extern struct spinlock term_lock;

/* The stream that gets what is typed, or NULL. */
extern struct term_stream *term_focus_stream;

/* The other end is a terminal: prefixes have colours. */
extern bool term_colour;

/* --- term_wire.c ---------------------------------------------------------------------------------- */

/* wire_init - use the host's UART if one is bound, else the firmware's console. */
void wire_init(void);

/* wire_put - queue one byte; makes room by polling when the ring is full. */
void wire_put(char c);

/* wire_kick - see to it that what is queued goes out; from the interrupt, too. */
void wire_kick(void);

/* wire_flush - wait until all is out (bounded, for a UART that takes nothing any more). */
void wire_flush(void);

/* wire_getc - the next byte from the operator, or -1. */
int wire_getc(void);

/* --- term_sbi.c: the firmware's console, DBCN or the legacy calls --------------------------------- */

/* term_sbi_write - how many of the @len bytes at @buf (part of the image) it took. */
uint32_t term_sbi_write(const char *buf, uint32_t len);

/* term_sbi_getc - the next byte, or -1. */
int term_sbi_getc(void);

/* --- term_input.c --------------------------------------------------------------------------------- */

/* The question that every terminal answers by itself (ECMA-48, DSR 5), and its answer. */
#define TERM_QUESTION "\033[5n"
#define TERM_ANSWER   "\033[0n"

/* term_input_expect_answer - the question was asked: its answer is not typed by the operator. */
void term_input_expect_answer(bool expect);

/* term_input_interrupt - take what was typed and what is to be sent. Takes term_lock itself. */
void term_input_interrupt(void);

#endif
