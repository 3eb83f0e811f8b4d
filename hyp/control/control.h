/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control channel: what the operator's programs ask, over a port of the machine's console device called org.hartvisor.ctl. Without
 * such a device there is none, and it costs nothing. docs/operating.md has the protocol.
 *
 *   channel.c   the port: what comes in becomes lines, what goes out waits for room; one step at a time
 *   request.h   a line becomes a request, and a request an answer, in pieces; commands.c has the table
 *   event.h     what happens unasked
 *   json.h      how all of it is written
 *   trace.h     the timeline's rings
 *   debug.h     what a debugger does to a VM (vm/debug.h)
 *
 * All but events runs in one work item, so on one hart at a time, and needs no lock. A step takes one request, or writes one piece of
 * an answer, and then guests have their turn. If the other side does not read, no request is taken, and events are counted and not
 * kept: nothing grows. What is done to VMs is vm/operator.h's, as it is for the console.
 */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

/* control_init - look for the port, and answer from now on if there is one. Boot hart, before there are VMs. */
void control_init(void);

#endif
