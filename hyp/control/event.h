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
#include "vcpu/vm.h"

#define EVENT_MAX   32
#define EVENT_BYTES 1024 /* of one, as it is written */

struct control_event {
	char vm[VM_NAME_MAX + 1];
	char why[80]; /* of a crash */
	uint32_t from, to;
	uint64_t t;
};

struct control_events {
	struct control_event ring[EVENT_MAX];
	uint32_t put, taken; /* how many ever */
	uint64_t lost;
};

/* control_events_init - keep them in @e from now on, while they are wanted; @w is queued for each. Boot hart, before there are VMs. */
void control_events_init(struct control_events *e, struct work *w);

/* control_events_want - those that happen from now on, or none. What is kept is forgotten. */
void control_events_want(bool want);

/* control_event_write - the next one, as a line in @buf of EVENT_BYTES bytes; returns how many it has, 0: there is none. */
size_t control_event_write(char *buf);

#endif
