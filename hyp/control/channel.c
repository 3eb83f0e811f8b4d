// SPDX-License-Identifier: BSD-2-Clause
/* The channel's end here: bytes of the port become requests, and answers and events go back as there is room. */
#include "control/control.h"

#include <string.h>

#include "arch/memmap.h"
#include "arch/timer.h"
#include "control/cmd.h"
#include "control/debug.h"
#include "control/event.h"
#include "control/request.h"
#include "control/trace.h"
#include "lib/log.h"
#include "mm/page.h"
#include "platform/port.h"

#define PORT_NAME "org.hartvisor.ctl"

/* From one step to the next: guests' turn. So a flood of requests is no more work than one request in so many. */
#define STEP_NS UINT64_C(50000)

/* Bytes that are looked at in one step. */
#define INPUT 256

#define OUTPUT	 4096
#define LOG_KEPT KIB(8)

struct channel {
	struct host_port *port;
	uint32_t connection; /* the one that is being served; 0: none */
	struct control_request request;
	bool answering; /* there is more of the answer */

	char input[INPUT];
	size_t input_at, input_end;
	char output[OUTPUT];
	size_t output_at, output_end;

	struct control_events events;
	char log[LOG_KEPT];
};

#define CHANNEL_MEMORY ((sizeof(struct channel) + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE)

static struct channel *channel;
static struct work work;
static struct timer timer;
static uint64_t next_at; /* the next step is not before; the timer is armed for it */

static void ready(struct host_port_user *u)
{
	(void)u;
	work_queue(&work);
}

static struct host_port_user user = { ready };

static void timer_fired(struct timer *t)
{
	(void)t;
	work_queue(&work);
}

/* --- output --------------------------------------------------------------------------------------- */

/* Room for @size bytes in one piece, at output_end. False: the other side has to read first. */
static bool has_room(struct channel *c, size_t size)
{
	c->output_at +=
		host_port_write(c->port, c->output + c->output_at, c->output_end - c->output_at);
	if (c->output_at > 0) {
		c->output_end -= c->output_at;
		memmove(c->output, c->output + c->output_at, c->output_end);
		c->output_at = 0;
	}
	return OUTPUT - c->output_end >= size;
}

/* False: there is none. */
static bool send_event(struct channel *c)
{
	size_t len = control_event_write(c->output + c->output_end);

	c->output_end += len;
	return len != 0;
}

static void send_piece(struct channel *c)
{
	c->output_end += control_go_on(&c->request, c->output + c->output_end, &c->answering);
	if (!c->answering)
		control_line_clear(&c->request.line);
}

/* Of a frame, from where it is to the port. False: the other side has to read first. */
static bool send_frame(struct channel *c)
{
	struct control_frame *f = &c->request.frame;
	const char *at;
	size_t len, n;

	if (c->output_end != 0)
		return false;
	at = f->get(&len);
	n = host_port_write(c->port, at, (size_t)min_u64(len, f->left));
	f->left -= n;
	f->sent(n);
	return n != 0;
}

/* --- input ---------------------------------------------------------------------------------------- */

/* True: a request is whole. */
static bool take_line(struct channel *c)
{
	while (c->input_at < c->input_end)
		if (control_line_add(&c->request.line, c->input[c->input_at++ % INPUT]))
			return true;
	return false;
}

/* False: nothing has come. */
static bool take_input(struct channel *c)
{
	if (c->input_at == c->input_end) {
		c->input_at = 0;
		c->input_end = host_port_read(c->port, c->connection, c->input, INPUT);
	}
	if (c->input_end == 0)
		return false;
	if (c->connection == 0) { /* what the last one has left */
		c->input_at = c->input_end;
	} else if (take_line(c)) {
		control_begin(&c->request);
		c->answering = true;
	}
	return true;
}

/* Of the bytes behind a request's line. False: none has come. */
static bool take_data(struct channel *c)
{
	size_t room, n = c->input_end - c->input_at;
	char *to = control_data_room(&c->request, &room);

	if (n > 0) { /* what came with the line */
		n = (size_t)min_u64(n, room);
		if (to)
			memcpy(to, c->input + c->input_at, n);
		c->input_at += n;
	} else if (to) {
		n = host_port_read(c->port, c->connection, to, room);
	} else {
		n = host_port_read(c->port, c->connection, c->input, (size_t)min_u64(room, INPUT));
	}
	control_data_came(&c->request, n);
	return n != 0;
}

/* --- a step --------------------------------------------------------------------------------------- */

/* Nothing of the last connection is the next one's: half a line, or what is left of an answer. */
static void serve_another(struct channel *c, uint32_t connection)
{
	c->connection = connection;
	c->answering = false;
	c->request.frame.left = 0;
	control_trace_drop();
	control_data_drop(&c->request);
	control_images_abandon();
	control_debug_abandon();
	control_events_attach(NULL, "");
	c->input_at = c->input_end = 0;
	c->output_at = c->output_end = 0;
	control_line_clear(&c->request.line);
	control_events_want(connection != 0);
}

static_assert(CONTROL_PIECE >= EVENT_BYTES && OUTPUT >= CONTROL_PIECE, "one step's output");

/* False: nothing is left to be done, until the port is ready again or something happens. */
static bool step(struct channel *c)
{
	uint32_t connection = host_port_connection(c->port);

	if (connection != c->connection)
		serve_another(c, connection);
	if (control_trace_drop_step())
		return true;
	if (!has_room(c, CONTROL_PIECE))
		return false;
	if (c->request.data.left && (!c->answering || !c->request.begun))
		return take_data(c) || send_event(c);
	if (c->answering) {
		send_piece(c);
	} else if (c->request.frame.left) {
		return send_frame(c);
	} else if (!send_event(c)) {
		if (!take_input(c))
			return false;
		if (c->answering)
			send_piece(c);
	}
	(void)has_room(c, 0);
	return true;
}

static void run(struct work *w)
{
	(void)w;
	if (timer_now() < next_at || !step(channel))
		return;
	next_at = timer_now() + timer_ns_to_ticks(STEP_NS);
	timer_arm(&timer, next_at);
}

void control_init(void)
{
	uint8_t *port_memory;
	bool stopped;

	if (!host_port_present())
		return;
	channel = page_alloc_zeroed(CHANNEL_MEMORY, PAGE_SIZE);
	port_memory = page_alloc_zeroed(HOST_PORT_MEMORY, PAGE_SIZE);
	if (!channel || !port_memory) {
		log_error("no memory left for the control channel");
		return;
	}
	work_init(&work, run);
	timer_init(&timer, timer_fired);
	next_at = 0;
	channel->port = host_port_open(PORT_NAME, port_memory, &user, &stopped);
	if (channel->port) {
		control_events_init(&channel->events, &work);
		log_keep(channel->log, LOG_KEPT);
		return;
	}
	/* It may go on writing there. */
	if (stopped)
		page_free(ptr_to_hpa(port_memory), HOST_PORT_MEMORY);
	page_free(ptr_to_hpa(channel), CHANNEL_MEMORY);
}
