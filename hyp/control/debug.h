/* SPDX-License-Identifier: BSD-2-Clause */
/* What commands of a debugger share (cmd_debug.c, cmd_memory.c). Of one work item at a time (channel.c). */
#ifndef CONTROL_DEBUG_H
#define CONTROL_DEBUG_H

#include "control/request.h"

/* control_debug_attached - is the debugger attached to r->vm? False: the answer is an error. */
bool control_debug_attached(struct control_request *r);

/* control_debug_vcpu - the vcpu of r->vm that word @n of the request names. NULL: the answer is an error. */
struct vcpu *control_debug_vcpu(struct control_request *r, unsigned int n);

/* control_debug_abandon - the connection is over. */
void control_debug_abandon(void);

/* control_memory_abandon - the same for a frame of memory that is on its way. */
void control_memory_abandon(void);

#endif
