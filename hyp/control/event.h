/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events: what the other side is told unasked. A few are kept until there is room for them; those for which there is no place are
 * counted, and an event of its own says how many.
 *
 * Lock: one spinlock inside, LOCK_EVENTS.
 */
#ifndef CONTROL_EVENT_H
#define CONTROL_EVENT_H

#include "control/json.h"
#include "lib/work.h"
#include "term/term.h"
#include "vcpu/vm.h"

#define EVENT_MAX   32
#define EVENT_BYTES 1024 /* of one, as it is written */

struct control_event {
	char vm[VM_NAME_MAX + 1];
	char why[96]; /* of a crash or a hang */
	enum { EVENT_STATE, EVENT_HANG, EVENT_BREAK } kind;
	uint32_t from, to; /* of a transition */
	uint32_t vcpu;	   /* that has met a breakpoint */
	uint64_t t;
};

/* What the console that is attached prints, until it is read. */
#define CONSOLE_KEPT  4096 /* a power of two */
#define CONSOLE_PIECE 144  /* bytes of one event: each may be six as it is written */

struct control_console {
	char name[VM_NAME_MAX + 16]; /* of the console; "": none is attached */
	char kept[CONSOLE_KEPT];
	uint32_t put, taken; /* how many ever */
	uint64_t lost;	     /* behind what is kept */
};

struct control_events {
	struct control_console console;
	struct control_event ring[EVENT_MAX];
	uint32_t put, taken; /* how many ever */
	uint64_t lost;
};

/* control_events_init - keep them in @e from now on, while they are wanted; @w is queued for each. Boot hart, before there are VMs. */
void control_events_init(struct control_events *e, struct work *w);

/* control_events_want - those that happen from now on, or none. What is kept is forgotten. */
void control_events_want(bool want);

/* control_events_attach - what @s prints, the console called @name, is told from now on; NULL: no console is attached. Takes the terminal's lock. */
void control_events_attach(struct term_stream *s, const char *name);

/* control_event_write - the next one, as a line in @buf of EVENT_BYTES bytes; returns how many it has, 0: there is none. */
size_t control_event_write(char *buf);

#endif
