/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The timeline: events that a hart writes to a ring of its own while an operator wants a trace. docs/operating.md says what it is good
 * for, trace_list.h has the events.
 *
 * A ring is a row of packets of 4 KiB in the Common Trace Format's own layout: a header of 64 bytes, and events of 32. The hart alone
 * writes events, with interrupts off, so there is no lock. It hands over whole packets: `head` counts those that are written, `tail`
 * those that are read. Each is released by its writer and acquired by the other side, so the reader never sees half an event, and the
 * hart never writes to what is being read. When all packets are full, events go to a page that nothing reads, and are counted: what is
 * lost is new, and the next packet says how much it was.
 *
 * Only the hart itself turns its trace on and off: it is asked (trace_ask()), interrupted, and follows (trace_follow()). So when it is
 * seen to be off, nothing writes to the ring any more, and its memory can be freed.
 *
 * What it costs where nothing is traced: a load and a branch at each place that asks trace_is_on(). For exits a hart has a second trap
 * vector (switch.S), so the ordinary one asks nothing; the way into the guest from the run loop does.
 *
 * Room is kept for what switch.S writes: the vector, which has no registers to spare, does not look for the end of the packet. The way
 * in does, and leaves room for two events: an exit, and the one after it.
 */
#ifndef ARCH_TRACE_H
#define ARCH_TRACE_H

#include "arch/guest.h"
#include "arch/pcpu.h"
#include "arch/trace_list.h"
#include "lib/atomic.h"

#define TRACE_PACKET	  4096
#define TRACE_HEADER	  64
#define TRACE_EVENT	  32
#define TRACE_EVENT_WORDS (TRACE_EVENT / 8)
#define TRACE_MAGIC	  0xc1fc1fc1u
#define TRACE_LEAST	  (4 * TRACE_PACKET) /* bytes of a ring */
#define TRACE_NO_VCPU	  0xffff	     /* what is done for a VM besides its vcpus: its task */
#define TRACE_NO_HART	  UINT64_MAX

enum trace_event {
#define TRACE_EVENT_ID(NAME, ...) TRACE_##NAME,
	TRACE_EVENTS(TRACE_EVENT_ID)
#undef TRACE_EVENT_ID
		NR_TRACE_EVENTS
};

enum trace_kind {
#define TRACE_KIND_ID(NAME, ...) TRACE_KIND_##NAME,
	TRACE_KINDS(TRACE_KIND_ID)
#undef TRACE_KIND_ID
		NR_TRACE_KINDS
};

/* How an entity came to run, and how a kick was done. */
enum trace_how { TRACE_PICKED, TRACE_ON_LOAN, TRACE_HANDED_BACK, TRACE_RESTED };
enum trace_kick { TRACE_KICK_IPI, TRACE_KICK_WAKE };
#define TRACE_LENDS 3 /* beside enum sched_reason, of ready */

/* What this hart does at exits and entries: nothing; an event; or what run/times.h has, and an event if it is on. */
enum trace_exits { TRACE_EXITS_NOT, TRACE_EXITS_WRITTEN, TRACE_EXITS_TIMED };

/* The header of a packet. `begin` has the place of an event's time, for what comes first in it. */
struct trace_packet {
	uint32_t magic, stream;
	uint64_t number;  /* in its stream */
	uint64_t content; /* bits; and of the packet, which has no padding */
	uint64_t size;
	uint64_t begin, end; /* host time */
	uint64_t lost;	     /* events of this stream until its end, ever */
	uint32_t hart, unused;
};

static_assert(sizeof(struct trace_packet) == TRACE_HEADER, "and of whole events");
static_assert(offsetof(struct trace_packet, begin) == TRACE_HEADER - TRACE_EVENT, "trace.c");

/* The beginning of a ring's memory; then a page for what is lost, and the packets. */
struct trace_ring {
	uint32_t hart;
	uint32_t nr;	/* packets */
	uint32_t head;	/* atomic, the hart's: packets that were written, ever */
	uint32_t tail;	/* atomic, the reader's: and read */
	uint64_t lost;	/* the hart's; for others when it is off */
	uint64_t told;	/* the reader's: of them, what packets have said that were read */
	uint32_t kinds; /* bits by enum trace_kind */
	bool losing;	/* the hart's: there is no packet to write to */
};

struct trace_name {
	const char *name;
	uint8_t kind;
	const char *n, *a, *b;
};

extern const struct trace_name trace_names[NR_TRACE_EVENTS];
extern const char *const trace_kinds[NR_TRACE_KINDS];

/* trace_label - which vcpu an event is about. */
static inline uint32_t trace_label(unsigned int vm, unsigned int vcpu)
{
	return (vm & 0xffff) | (uint32_t)vcpu << 16;
}

/* trace_is_on - does this hart write events? The one thing to be asked where something happens. */
static inline bool trace_is_on(void)
{
	return __builtin_expect(this_pcpu()->trace.at != NULL, 0);
}

/* trace_is_timed - does this hart measure what it does with its time? Asked as trace_is_on() is, where something is measured. */
static inline bool trace_is_timed(void)
{
	return __builtin_expect(this_pcpu()->trace.timed != 0, 0);
}

/*
 * trace_call - @fn(a, b, c), where trace_is_on() or trace_is_timed(). To the compiler it changes no register, so the code around it is what it was: a call
 * in a function that has none would make it save what it needs, and that is most of what a hook costs while nothing is traced.
 */
#if defined(__riscv) && !defined(__cppcheck__)
/* The arguments go by the stack, wherever they are now: to bind them to registers would move them where nothing is traced, too. */
#define trace_call(fn, a, b, c)                                                                    \
	do {                                                                                       \
		static_assert(__builtin_types_compatible_p(__typeof__((fn)((a), (b), (c))), void), \
			      "of the right types");                                               \
		__asm__ volatile("addi sp, sp, -32\n\t"                                            \
				 "sd %0, 0(sp)\n\t"                                                \
				 "sd %z1, 8(sp)\n\t"                                               \
				 "sd %z2, 16(sp)\n\t"                                              \
				 "lla t1, %3\n\t"                                                  \
				 "jal t0, trace_keeping\n\t" /* switch.S */                        \
				 "addi sp, sp, 32"                                                 \
				 :                                                                 \
				 : "r"((uint64_t)(a)), "rJ"((uint64_t)(b)), "rJ"((uint64_t)(c)),   \
				   "i"(fn)                                                         \
				 : "t0", "t1", "memory");                                          \
	} while (0)
#else
#define trace_call(fn, a, b, c) (fn)((a), (b), (c))
#endif

/*
 * trace_event - this hart, which is on: @label's event @id happens now, or, trace_event_at(), has happened at host time @at, not long ago.
 * trace_time - the time that such an event gets: @at, or that of this hart's last event, if that is later.
 * trace_runs - the vcpu that enters and leaves the guest here is @label, from now on. Any locks.
 */
void trace_event(enum trace_event id, uint32_t label, unsigned int n, uint64_t a, uint64_t b);
void trace_event_at(uint64_t at, enum trace_event id, uint32_t label, unsigned int n, uint64_t a,
		    uint64_t b);
uint64_t trace_time(uint64_t at);
void trace_runs(uint32_t label);

/* trace_exit, trace_enter - what switch.S writes, where times are measured: the guest of @r has left; it is about to enter. */
void trace_exit(const struct guest_regs *r);
void trace_enter(void);

/* trace_set_timed - this hart measures times from now on, or no more. */
void trace_set_timed(bool on);

/* trace_name_vm - VM @vm is called @name, of 32 bytes, of which those behind its end are 0. */
void trace_name_vm(unsigned int vm, const char *name);

/* trace_ring_make - a ring for @hart in @memory, of @bytes bytes: pages, not fewer than TRACE_LEAST. */
struct trace_ring *trace_ring_make(void *memory, uint64_t bytes, unsigned int hart, uint32_t kinds);

/*
 * trace_ask - pcpu @p is to write to @ring from now on; NULL: it is to be off, and the packet that it writes to ends. It has to be
 * interrupted. trace_follows - has it? One hart asks at a time.
 */
void trace_ask(struct pcpu *p, struct trace_ring *ring);
bool trace_follows(const struct pcpu *p, const struct trace_ring *ring);

/* trace_ask_again - pcpu @p is to look at what is asked of it. It has to be interrupted. */
static inline void trace_ask_again(struct pcpu *p)
{
	atomic_set_release(&p->trace.is_asked, 1);
}

/* trace_is_asked - is this hart to follow? When it has taken an IPI. trace_follow - do it. True: it is on now. */
static inline bool trace_is_asked(void)
{
	return __builtin_expect(atomic_read(&this_pcpu()->trace.is_asked) != 0, 0);
}

bool trace_follow(void);

/*
 * For the one reader. trace_packets - how many packets of @ring can be read now. trace_packet_get - the @nth of them, from 0, with its
 * size in @len. trace_packet_put - the first one has been read. trace_tell_lost - the hart is off, and all has been read: what it lost
 * last comes as a packet without events. False: the packets that were read have said it.
 */
static inline uint32_t trace_packets(const struct trace_ring *ring)
{
	return atomic_read_acquire(&ring->head) - ring->tail;
}

const struct trace_packet *trace_packet_get(struct trace_ring *ring, uint32_t nth, size_t *len);
void trace_packet_put(struct trace_ring *ring);
bool trace_tell_lost(struct trace_ring *ring);

/* trace_next_packet - switch.S: there is no room for two events more. */
void trace_next_packet(void);

#endif
