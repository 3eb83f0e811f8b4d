/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The terminal: one host UART shared by hartvisor's log and the consoles of all guests.
 *
 * Each guest console is a term_stream: output bytes go in from any hart, input bytes come out through a
 * ring. One stream has the focus: it gets what is typed, and its output appears character by
 * character. The others' output is held until a line is whole (or 256 bytes), so that lines of
 * different guests never mix. Every row starts with "[name] ", coloured when the other end turned out
 * to be a terminal. What a guest prints is data: text, colours and line editing pass, all else that a
 * terminal would obey is shown (docs/design.md, "The terminal"). When another line has to come out while the focused guest's line is open (a prompt),
 * the terminal ends that line, prints the other and repeats the open one.
 * Carriage returns: a guest's "\r\n" and "\n" both end a line.
 *
 * ^] (0x1d) is the escape: the key after it is not a guest's but the menu's (hyp/console), which is
 * told through a work item. "^] ^]" sends one to the guest.
 *
 * Each stream has a queue for output. A guest that finds its own full sleeps until there is room (vcpu/console.h), and
 * no hart polls the UART for it: the wire is shared fairly, by bytes (term_output.c, term_wire.c). What hartvisor says
 * itself skips the queues. Without a UART of ours the firmware's DBCN serves, input polled by timer.
 *
 * Lock: the term lock (LOCK_TERM). The log's sink for the terminal is term_log, which takes it under the log's lock:
 * so nothing logs under the term lock.
 */
#ifndef TERM_TERM_H
#define TERM_TERM_H

#include "lib/types.h"
#include "lib/work.h"
#include "mm/arena.h"

#define TERM_ESCAPE 0x1d /* ^] */

struct term_stream;

/* When is the other end asked whether it is a terminal? */
enum term_ask { TERM_ASK_NEVER, TERM_ASK_NOW, TERM_ASK_TYPED };

/*
 * term_init - take over from the early console. @ask: when to ask the other end for its status (ECMA-48
 * DSR): a terminal answers, and prefixes are coloured from then on. A file or a pipe does not, and sees plain text;
 * with TERM_ASK_TYPED, which asks when the first byte is typed, nothing else.
 */
void term_init(enum term_ask ask);

/* term_guests_run - until now what was written went out by polling; from now on no hart waits for the wire. */
void term_guests_run(void);

/* term_log - sink for lib/log: a line of hartvisor's own, prefixed "[hartvisor] ". */
void term_log(const char *line, size_t len);

/* What the owner of a stream is told. Any hart, no locks held; @arg is term_stream_new()'s. */
struct term_owner {
	void (*input_ready)(void *arg); /* input came while there was none, or none had been found */
	void (*output_ready)(void *arg); /* there is room again, which was waited for */
	/*
	 * Why what is typed is not read, as it goes on behind the name, and what to do; NULL: there is a reader. *@keeps:
	 * what is typed is of use later. With the term lock held. May be NULL.
	 */
	const char *(*absent)(void *arg, bool *keeps);
};

/*
 * term_prefix - @always: the rows of guests begin with "[name] " even when there is one console only. Before guests run;
 * no locks.
 */
void term_prefix(bool always);

/* term_stream_new - a console named @name. NULL: no memory. */
struct term_stream *term_stream_new(struct arena *a, const char *name,
				    const struct term_owner *owner, void *arg);

/* term_stream_name - as term_stream_new() was told, as much as is shown of it. */
const char *term_stream_name(const struct term_stream *s);

/*
 * term_stream_write - up to @len bytes of guest output; returns how many it took. 0: its queue is full, and
 * output_ready() is called when that is over. Any hart; takes the term lock.
 */
size_t term_stream_write(struct term_stream *s, const char *buf, size_t len);

/*
 * term_stream_room - how many bytes it would take at least; any locks. term_stream_want_room - are there @len? False: not
 * now, and output_ready() is called when there are. Takes the term lock.
 */
size_t term_stream_room(const struct term_stream *s);
bool term_stream_want_room(struct term_stream *s, size_t len);

/* term_stream_want_out - is nothing of it queued any more? False: output_ready() is called when that is so. */
bool term_stream_want_out(struct term_stream *s);

/* term_stream_written_at - host time of the last output of @s; 0: there was none. */
uint64_t term_stream_written_at(const struct term_stream *s);

/* term_stream_read - up to @len bytes of input; 0: none. Any hart; takes the term lock. */
size_t term_stream_read(struct term_stream *s, char *buf, size_t len);

/* term_stream_read_break - the same; ends with the zero byte of a BREAK, and then *@is_break is true. For UARTs. */
size_t term_stream_read_break(struct term_stream *s, char *buf, size_t len, bool *is_break);

/* term_stream_input_pending - is there input to read? */
bool term_stream_input_pending(const struct term_stream *s);

/* term_focus - typed characters go to @s from now on (NULL: nowhere); announces it in one line. */
void term_focus(struct term_stream *s);

/*
 * term_attach - give the terminal to the stream in focus, raw: what it prints is not filtered and has no prefixes, and
 * what is typed is not looked at but for ^]. If that is so already: end it, as every term_focus() does. False: no stream
 * is in focus.
 */
bool term_attach(void);

struct term_stream *term_focused(void);

/*
 * term_tap - from now on @take is told what @s prints, too, and nothing of any other stream; NULL: of none. It is called with the term
 * lock held. Ends when @s is closed. No locks.
 */
void term_tap(struct term_stream *s, void (*take)(const char *buf, size_t len));

/* term_stream_type - as if @buf had been typed for @s; returns how many of @len bytes it took. Any hart, no locks. */
size_t term_stream_type(struct term_stream *s, const char *buf, size_t len);

/* term_stream_discard_input - forget what was typed and not read yet (a VM's life ended). Any hart, no locks. */
void term_stream_discard_input(struct term_stream *s);

/* term_stream_flush - end an unfinished line (a VM ended). */
void term_stream_flush(struct term_stream *s);

#define TERM_MENU_PLAIN	 0x100 /* of a key: it was typed without ^] */
#define TERM_MENU_CANCEL 0x1b  /* Esc */

/* What belongs to a menu's command. */
enum term_menu_more {
	TERM_MENU_ONE,	  /* its key alone */
	TERM_MENU_ANSWER, /* the next key, too: a question is going to be asked */
	TERM_MENU_LINE,	  /* all keys up to Enter or Esc */
};

/*
 * term_on_escape - @w is queued when a key was typed for the menu; term_menu_key() then returns it (-1: none). @rule
 * says what more belongs to a command, at once, so that what is typed behind it goes the right way: it is called with
 * the term lock held. term_menu_release - nothing more belongs to the last command, its question has been dropped.
 */
void term_on_escape(struct work *w, enum term_menu_more (*rule)(char key));
int term_menu_key(void);
void term_menu_release(void);

/* term_stream_close - @s is gone for the terminal: what it had queued, and what was typed for it, is dropped. A hart that is
 * telling the owner something goes on until it is back in its loop (smp_grace_begin). Any hart, no locks. */
void term_stream_close(struct term_stream *s);

/* term_prompt - the menu's unfinished line, drawn anew at each call; the next line of anything else ends it. */
void term_prompt(const char *text);

/* term_printf - a line of the menu's own, with the prefix of the log's lines, but without their time. */
void term_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * term_own_room - does more of hartvisor's own output fit in? For commands that print more than a few lines: print one
 * row, return, and print the next as another run of work. False: not before what was printed is on its way; @w
 * is queued as soon as it is. Only one @w waits at a time (the menu's), the last one that asked.
 */
bool term_own_room(struct work *w);

/*
 * term_hold - while on, an interrupted line of the focused guest's is not repeated: for code that
 * prints several lines. Calls nest.
 */
void term_hold(bool on);

/* term_drain - wait until all is on the wire (panic, power-off). Never blocks on a lock for ever. */
void term_drain(void);

#endif
