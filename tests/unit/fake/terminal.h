/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two guests at the terminal, and the machine below it: a UART with a FIFO, or a firmware's console; time
 * passes when it is read. A program that is LIKE this file is made of
 *
 * SOURCES: hyp/term/term.c hyp/term/term_filter.c hyp/term/term_row.c hyp/term/term_wire.c
 * SOURCES: hyp/term/term_input.c hyp/term/term_answer.c hyp/term/term_sbi.c hyp/term/term_output.c hyp/term/term_own.c hyp/term/term_raw.c hyp/term/term_tap.c
 * SOURCES: hyp/lib/work.c
 * SOURCES: tests/unit/fake/terminal.c
 */
#ifndef FAKE_TERMINAL_H
#define FAKE_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/timer.h"
#include "term/term.h"

#define SCREEN_SIZE (1 << 20)

/*
 * What came over the wire, and what is going to: "\xfe" is a UART's BREAK, "\xfd" old firmware's zero byte, "\xfc" an
 * answer of old firmware's that is no byte.
 */
extern char screen[SCREEN_SIZE];
extern size_t screen_len;
extern const char *typed;

extern bool have_uart, have_irq, have_dbcn, uart_dead, tx_irq, rx_irq;
extern void (*uart_fn)(void);  /* its interrupt */
extern unsigned int fifo_room; /* 0: full until the next interrupt or look */
extern uint64_t uart_ns;       /* how long it takes to write to it */
extern unsigned int legacy_calls, rx_irq_calls, getc_calls;
extern int64_t dbcn_error;  /* what DBCN's calls answer */
extern uint64_t dbcn_reads; /* how many bytes a read says it has; 0: as many as it has */

extern uint64_t now;
extern uint64_t ns_per_tick; /* of the machine's clock */
extern bool no_memory;	     /* for a new stream */
extern struct timer *polling;

/* The guests' streams, and how often each was told of input. */
extern struct term_stream *a, *b;
extern unsigned int ready_a, ready_b;
extern unsigned int room_a, room_b; /* and of room */

/* Why their owners do not read; NULL: they do. */
extern const char *absent_why;
extern bool absent_keeps;

/* For each test: a UART with interrupts, no colours, no focus, nothing on the screen. */
int terminal_setup(void **state);
int terminal_teardown(void **state);

#define TERMINAL_TEST(name) cmocka_unit_test_setup_teardown(name, terminal_setup, terminal_teardown)

/* start_again - with or without colours, on the machine as it is now. */
void start_again(bool colour);

/* start_alone - with the one guest a; its rows have a prefix if @prefix. */
void start_alone(bool prefix);

/* transmit_all - the wire gets its time. clear_screen - and nothing of it is left on the screen. */
void transmit_all(void);
void clear_screen(void);

/* tick - the timer's time has come. */
void tick(void);

/* put - all of @text, as a guest does that sleeps while there is no room. say - and the wire gets its time. */
void put(struct term_stream *s, const char *text, size_t len);
void say(struct term_stream *s, const char *text);
void focus(struct term_stream *s);
void type(const char *keys);

/* read_all - what waits in the stream of @s; until the next call. */
const char *read_all(struct term_stream *s);

#define SCREEN(text) assert_string_equal(screen, text)

#endif
