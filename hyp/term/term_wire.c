/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes to the operator and back. Output waits in a ring for the UART's transmit interrupt. Where there
 * is no such interrupt (no interrupt controller of ours, or the firmware's console), what is written
 * goes out at once, and a timer looks for input.
 */
#include "arch/timer.h"
#include "platform/driver.h"
#include "term/term_internal.h"

#define WIRE_RING 16384 /* a power of two */
#define OWN_LIMIT \
	1024 /* more that waits holds back a command that prints many rows; half of it lets it go on */
#define POLL_NS	 UINT64_C(10000000)
#define STUCK_NS UINT64_C(1000000000)

static char wire_ring[WIRE_RING];
static uint32_t wire_head, wire_tail; /* free running */
static bool wire_uart;		      /* else the firmware's console */
static bool wire_irq;		      /* the UART interrupts when it is ready for more */
static bool wire_irq_on;
static bool wire_stuck; /* nobody takes anything: output is dropped rather than waited for */
static struct timer wire_poll_timer;
static struct work *own_waiter; /* is queued when there is room */

static void wire_poll(struct timer *t)
{
	term_input_interrupt();
	timer_arm(t, timer_now() + timer_ns_to_ticks(POLL_NS));
}

void wire_init(void)
{
	wire_uart = host_uart_present();
	wire_irq = wire_uart && host_uart_interrupts(term_input_interrupt);
	wire_irq_on = false;
	wire_stuck = false;
	wire_head = wire_tail = 0;
	own_waiter = NULL;
	if (!wire_irq) {
		timer_init(&wire_poll_timer, wire_poll);
		timer_arm(&wire_poll_timer, timer_now() + timer_ns_to_ticks(POLL_NS));
	}
}

/* Send what the device takes without waiting; false when that was nothing. */
static bool wire_push(void)
{
	uint32_t before = wire_tail;

	if (!wire_uart) {
		uint32_t at = wire_tail % WIRE_RING;
		uint64_t len = min_u64(wire_head - wire_tail, WIRE_RING - at);

		wire_tail += term_sbi_write(&wire_ring[at], (uint32_t)len);
	} else {
		while (wire_tail != wire_head && host_uart_putc(wire_ring[wire_tail % WIRE_RING]))
			wire_tail++;
	}
	return wire_tail != before;
}

/*
 * Wait until at most @limit bytes are queued. A device that takes nothing for a second (flow control,
 * nobody at the other end) loses what is queued, and is not waited for again until it takes something:
 * the guests go on without it.
 */
static void wire_wait(uint32_t limit)
{
	uint64_t since = timer_now();

	while (wire_head - wire_tail > limit) {
		if (wire_push()) {
			wire_stuck = false;
			since = timer_now();
		} else if (wire_stuck || timer_now() - since > timer_ns_to_ticks(STUCK_NS)) {
			wire_stuck = true;
			wire_tail = wire_head;
		}
	}
}

void wire_put(char c)
{
	if (wire_head - wire_tail == WIRE_RING)
		wire_wait(WIRE_RING - 1);
	wire_ring[wire_head++ % WIRE_RING] = c;
}

void wire_write(const char *buf, size_t len)
{
	for (const char *end = buf + len; buf < end; buf++)
		wire_put(*buf);
}

bool wire_own_room(struct work *w)
{
	if (wire_head - wire_tail <= OWN_LIMIT)
		return true;
	own_waiter = w;
	return false;
}

void wire_tell_own_waiter(void)
{
	struct work *w = own_waiter;

	if (!w || wire_head - wire_tail > OWN_LIMIT / 2)
		return;
	own_waiter = NULL;
	work_queue(w);
}

void wire_kick(void)
{
	if (!wire_irq) {
		wire_wait(0);
		return;
	}
	(void)wire_push();
	if (wire_irq_on != (wire_head != wire_tail || own_waiter)) {
		wire_irq_on = !wire_irq_on;
		host_uart_tx_interrupt(wire_irq_on);
	}
}

void wire_flush(void)
{
	wire_wait(0);
}

int wire_getc(void)
{
	return wire_uart ? host_uart_getc() : term_sbi_getc();
}
