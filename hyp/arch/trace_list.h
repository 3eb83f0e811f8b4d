/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every event of the timeline: X(NAME, name, KIND, n, a, b). The three strings name what the event says besides its time, its VM and its
 * vcpu; an empty one is not used. hartctl gets this list in the answer to trace.on, and knows no other one.
 *
 *   run    n: how it got the hart (enum trace_how); a, b: what it has run and waited until now, in ticks
 *   ready  it has not blocked, and waits for a hart; n: why (enum sched_reason, or TRACE_LENDS)
 *   halt   n: 1: its hart sleeps for it (sched/rest.c), 0: it has left it
 *   wake   it was blocked and waits for a hart; written by the hart that wakes it; n: the hart it is to run on
 *   state  what a vcpu did when the trace began; n: enum sched_state
 *   kick   its vcpu was kicked; n: enum trace_kick; a: the hart that was interrupted, or UINT64_MAX
 *   name   16 bytes of a VM's name; n: which
 *
 * enter, exit and sbi are written by switch.S. An exit is either exit or sbi.
 */
#define TRACE_EVENTS(X)                                      \
	X(ENTER, "enter", EXITS, "", "", "")                 \
	X(EXIT, "exit", EXITS, "", "cause", "pc")            \
	X(SBI, "sbi", EXITS, "", "eid", "fid")               \
	X(RUN, "run", SCHED, "how", "ran", "waited")         \
	X(READY, "ready", SCHED, "why", "ran", "waited")     \
	X(HALT, "halt", SCHED, "how", "ran", "waited")       \
	X(WAKE, "wake", SCHED, "hart", "", "")               \
	X(MIGRATE, "migrate", SCHED, "to", "from", "")       \
	X(STEAL, "steal", SCHED, "from", "", "")             \
	X(STATE, "state", SCHED, "state", "ran", "waited")   \
	X(KICK, "kick", KICKS, "how", "hart", "")            \
	X(INJECT, "inject", KICKS, "", "irqs", "")           \
	X(REQUEST, "request", KICKS, "request", "vcpus", "") \
	X(QUEUE, "queue", DEVICES, "queue", "device", "")    \
	X(VM, "vm", LIFE, "to", "from", "")                  \
	X(NAME, "name", LIFE, "part", "text", "")

/* Kinds, of which a trace has some or all: X(KIND, name). LIFE is always among them. */
#define TRACE_KINDS(X)    \
	X(LIFE, "life")   \
	X(SCHED, "sched") \
	X(EXITS, "exits") \
	X(KICKS, "kicks") \
	X(DEVICES, "devices")
