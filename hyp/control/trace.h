/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A trace: the rings that harts write the timeline to (arch/trace.h). There is one at most. It belongs to the connection that turned it
 * on: when that goes, the trace ends and its memory is free, whatever the other side has forgotten.
 *
 * Harts follow when they take an interrupt, so what is asked of them here is done some steps later: control_trace_is_settled().
 * Of one work item at a time (channel.c).
 */
#ifndef CONTROL_TRACE_H
#define CONTROL_TRACE_H

#include "lib/types.h"

enum control_trace_state {
	CONTROL_TRACE_OFF,
	CONTROL_TRACE_ON,
	CONTROL_TRACE_STOPPED, /* no hart writes, once it is settled; what is in the rings can be read */
};

enum control_trace_state control_trace_state(void);

/* control_trace_on - off: all harts are to write events of @kinds, to rings of @bytes bytes each. False: there is no memory. */
bool control_trace_on(uint64_t bytes, uint32_t kinds);

/* control_trace_stop - not off. control_trace_free - STOPPED, and settled: OFF. */
void control_trace_stop(void);
void control_trace_free(void);

/* control_trace_is_settled - has every hart done what was asked of it last? Asked once a step. */
bool control_trace_is_settled(void);

/* control_trace_lost - how many events were lost until now; exact when it has stopped. */
uint64_t control_trace_lost(void);

/*
 * control_trace_pick - not off: the next hart, in turn, of which something can be read: how many packets, with *@bytes bytes. 0: none has
 * any. control_trace_get, control_trace_sent - their bytes, one packet after another (struct control_frame).
 */
unsigned int control_trace_pick(unsigned int *hart, uint64_t *bytes);
const char *control_trace_get(size_t *len);
void control_trace_sent(size_t n);

/* control_trace_drop - its connection has gone. control_trace_drop_step - go on with it; false: nothing is left to be done. */
void control_trace_drop(void);
bool control_trace_drop_step(void);

#endif
