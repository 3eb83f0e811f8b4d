/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes to the operator and back. Output waits in a ring until the UART takes it.
 *
 * Nothing here waits for the UART while guests run. Code that prints sends a bounded number of bytes, as long as the
 * UART takes them without waiting. For the rest there is either the UART's transmit interrupt, when it has said that
 * it is full, or a timer: for a UART that is faster than we are (an emulated one), a UART without interrupts, and
 * the firmware's console. The timer's pace is such that it takes little of a hart. Only before the guests run, and when
 * all ends, is the ring emptied by polling.
 *
 * Guests get at the ring only while little of theirs is in it, so that it is short, and their turns (term_output.c)
 * count. What hartvisor prints itself takes the rest of it. When even that is full its lines are counted instead.
 */
#include "arch/timer.h"
#include "platform/driver.h"
#include "term/term_internal.h"

#define WIRE_RING 16384 /* a power of two */

/* Guests, and commands that print many rows, wait while the last byte of theirs is further from the UART than this. */
#define GUEST_LIMIT 256
#define OWN_LIMIT   512

/* The ring must have so much room for one step of a guest, or for one line of hartvisor's own, at least. */
#define GUEST_RESERVE 2048
#define OWN_RESERVE   1536

/* Bytes to send in one go, and by the firmware, whose console may poll a slow UART. */
#define PUSH_MAX 128
#define SBI_MAX	 16

/* What the timer brings out, as bytes of wire; its pace while the UART takes all, or none and has no interrupt. */
#define TICK_BUDGET 64
#define FAST_NS	    UINT64_C(200000)
#define SLOW_NS	    UINT64_C(1000000)
#define INPUT_NS    UINT64_C(10000000)
#define WATCH_NS    UINT64_C(1000000000)

/* A UART that takes nothing: by polling it is not waited for longer than this, and guests not longer than that. */
#define STUCK_NS    UINT64_C(1000000000)
#define GIVES_UP_NS UINT64_C(10000000000)

enum pushed { PUSHED_ALL, PUSHED_SOME, PUSH_REFUSED };

static char wire_ring[WIRE_RING];
static uint32_t wire_head, wire_tail; /* free running */
static uint32_t guest_end, own_end;   /* the positions behind their last bytes */
static bool wire_uart;		      /* else the firmware's console */
static bool wire_irq;		      /* the UART interrupts when it is ready for more */
static bool wire_irq_on;
static bool wire_held;	/* what is typed stays in the UART */
static bool wire_polls; /* no guest runs yet: what is written goes out at once */
static bool
	wire_stuck; /* waited in vain by polling: it is not waited for again until it takes something */
static bool gives_up;	       /* took nothing for GIVES_UP_NS */
static uint64_t refuses_since; /* it takes nothing since then; 0: it does */
static uint64_t tick_at;       /* when the timer is armed for; TIMER_NEVER: it is not */
static struct timer wire_timer;
static struct work *own_waiter; /* is queued when there is room */

static uint32_t queued(void)
{
	return wire_head - wire_tail;
}

static void tick_after(uint64_t ns, uint64_t more_ticks)
{
	uint64_t at = timer_now() + timer_ns_to_ticks(ns) + more_ticks;

	if (tick_at <= at)
		return;
	tick_at = at;
	timer_arm(&wire_timer, at);
}

static void wire_tick(struct timer *t)
{
	(void)t;
	term_tick();
}

void wire_ticked(void)
{
	tick_at = TIMER_NEVER;
}

void wire_init(void)
{
	wire_uart = host_uart_present();
	wire_irq = wire_uart && host_uart_interrupts(term_input_interrupt);
	wire_irq_on = wire_held = false;
	wire_polls = true;
	wire_stuck = gives_up = false;
	wire_head = wire_tail = guest_end = own_end = 0;
	refuses_since = 0;
	own_waiter = NULL;
	tick_at = TIMER_NEVER;
	timer_init(&wire_timer, wire_tick);
	if (!wire_irq)
		tick_after(INPUT_NS, 0);
}

void wire_guests_run(void)
{
	wire_polls = false;
	wire_kick();
}

/* --- to the UART ---------------------------------------------------------------------------------- */

static enum pushed moved(void)
{
	refuses_since = 0;
	wire_stuck = false;
	if (gives_up)
		output_work_due = true; /* what was lost is told */
	gives_up = false;
	return PUSHED_ALL;
}

static enum pushed refused(void)
{
	uint64_t now = timer_now();

	if (!refuses_since)
		refuses_since = now;
	else if (now - refuses_since > timer_ns_to_ticks(GIVES_UP_NS))
		gives_up = true;
	return PUSH_REFUSED;
}

/* Send at most @max bytes, as far as the device takes them without waiting. */
static enum pushed wire_push(unsigned int max)
{
	uint32_t n, sent, before = wire_tail;

	do {
		uint32_t at = wire_tail % WIRE_RING;

		n = (uint32_t)min_u64(min_u64(queued(), max), WIRE_RING - at);
		if (n == 0)
			break;
		sent = wire_uart ? host_uart_write(&wire_ring[at], n) :
				   term_sbi_write(&wire_ring[at], (uint32_t)min_u64(n, SBI_MAX));
		wire_tail += sent;
		max -= sent;
	} while (sent == n);
	if (queued() == 0)
		return moved();
	if (wire_tail == before)
		return refused();
	(void)moved();
	return n && wire_uart ? PUSH_REFUSED : PUSHED_SOME;
}

/*
 * Wait until at most @limit bytes are queued. A device that takes nothing for a second (flow control,
 * nothing at the other end) loses what is queued, and is not waited for again until it takes something.
 */
static void wire_wait(uint32_t limit)
{
	uint64_t since = timer_now();

	while (queued() > limit) {
		uint32_t before = wire_tail;

		(void)wire_push(PUSH_MAX);
		if (wire_tail != before) {
			since = timer_now();
		} else if (wire_stuck || timer_now() - since > timer_ns_to_ticks(STUCK_NS)) {
			wire_stuck = true;
			wire_tail = wire_head;
		}
	}
}

bool wire_gives_up(void)
{
	return gives_up;
}

/* The interrupt is on only behind a refusal: it comes when the UART has room, and not all the time. */
static void transmit_interrupt(bool on)
{
	if (wire_irq && wire_irq_on != on) {
		wire_irq_on = on;
		host_uart_tx_interrupt(on);
	}
}

void wire_kick(void)
{
	uint64_t began = timer_now();
	enum pushed how;

	if (wire_polls && !wire_irq)
		wire_wait(0);
	how = wire_push(wire_polls ? WIRE_RING : PUSH_MAX);
	transmit_interrupt(how == PUSH_REFUSED);
	if (how == PUSH_REFUSED)
		tick_after(wire_irq ? WATCH_NS : SLOW_NS, 0);
	else if (how == PUSHED_ALL && output_idle() && !own_waiter)
		return;
	else if (wire_uart)
		tick_after(FAST_NS, 0);
	else /* the firmware polls the UART itself: it does so for a fourth of the time at most */
		tick_after(FAST_NS, 3 * (timer_now() - began));
}

void wire_flush(void)
{
	wire_wait(0);
}

/* --- the ring ------------------------------------------------------------------------------------- */

uint32_t wire_position(void)
{
	return wire_head;
}

void wire_put(char c)
{
	if (queued() < WIRE_RING) /* see the reserves: there is room */
		wire_ring[wire_head++ % WIRE_RING] = c;
}

void wire_write(const char *buf, size_t len)
{
	uint32_t at = wire_head % WIRE_RING;

	if (at + len > WIRE_RING || queued() + len > WIRE_RING) {
		for (const char *end = buf + len; buf < end; buf++)
			wire_put(*buf);
		return;
	}
	for (size_t i = 0; i < len; i++)
		wire_ring[at + i] = buf[i];
	wire_head += (uint32_t)len;
}

/* A position that has been sent stays behind the ring's tail: it is not compared when it is long ago. */
static uint32_t ahead(uint32_t *end)
{
	if ((int32_t)(*end - wire_tail) < 0)
		*end = wire_tail;
	return *end - wire_tail;
}

bool wire_guest_room(void)
{
	return ahead(&guest_end) < GUEST_LIMIT && queued() <= WIRE_RING - GUEST_RESERVE;
}

void wire_guest_wrote(void)
{
	guest_end = wire_head;
}

bool wire_own_begin(void)
{
	if (queued() <= WIRE_RING - OWN_RESERVE)
		return true;
	if (!wire_polls)
		return false;
	wire_wait(WIRE_RING / 2);
	return true;
}

void wire_own_wrote(void)
{
	own_end = wire_head;
}

bool wire_own_room(struct work *w)
{
	if (ahead(&own_end) <= OWN_LIMIT && queued() <= WIRE_RING - GUEST_RESERVE)
		return true;
	own_waiter = w;
	return false;
}

void wire_tell_own_waiter(void)
{
	struct work *w = own_waiter;

	if (!w || ahead(&own_end) > OWN_LIMIT / 2)
		return;
	own_waiter = NULL;
	work_queue(w);
}

/* --- and back ------------------------------------------------------------------------------------- */

static_assert(WIRE_BREAK == HOST_UART_BREAK, "wire_getc() passes it on");

int wire_getc(void)
{
	return wire_uart ? host_uart_getc() : term_sbi_getc();
}

void wire_hold_input(bool on)
{
	if (wire_held == on)
		return;
	wire_held = on;
	if (wire_irq)
		host_uart_rx_interrupt(!on);
}

void wire_poll_input(bool soon)
{
	if (wire_held)
		tick_after(INPUT_NS, 0);
	else if (!wire_irq)
		tick_after(soon ? SLOW_NS : INPUT_NS, 0);
}
