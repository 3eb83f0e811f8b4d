// SPDX-License-Identifier: BSD-2-Clause
#include "control/trace.h"

#include "arch/memmap.h"
#include "arch/smp.h"
#include "arch/trace.h"
#include "lib/index.h"
#include "mm/page.h"
#include "run/run.h"

/* Packets of one frame: enough for asking not to be what takes the time. */
#define FRAME_PACKETS 16

static struct {
	enum control_trace_state state;
	bool dropped;
	uint64_t bytes; /* of a ring */
	struct trace_ring *rings[MAX_PCPUS];
	unsigned int read; /* the hart that was read last */
	size_t sent;	   /* bytes of its first packet */
} trace;

enum control_trace_state control_trace_state(void)
{
	return trace.state;
}

static void free_rings(void)
{
	for (unsigned int i = 0; i < nr_pcpus; i++) {
		if (trace.rings[i])
			page_free(ptr_to_hpa(trace.rings[i]), trace.bytes);
		trace.rings[i] = NULL;
	}
}

static bool make_rings(uint32_t kinds)
{
	for (unsigned int i = 0; i < nr_pcpus; i++) {
		hpa_t memory;

		if (!page_alloc(trace.bytes, PAGE_SIZE, &memory))
			return false;
		trace.rings[i] = trace_ring_make(hpa_to_ptr(memory), trace.bytes, i, kinds);
	}
	return true;
}

static void ask_all(bool on)
{
	for (unsigned int i = 0; i < nr_pcpus; i++)
		trace_ask(pcpus[i], on ? trace.rings[i] : NULL);
	smp_kick(pcpu_set_first(nr_pcpus));
}

bool control_trace_on(uint64_t bytes, uint32_t kinds)
{
	trace.bytes = bytes;
	trace.read = 0;
	trace.sent = 0;
	if (!make_rings(kinds)) {
		free_rings();
		return false;
	}
	ask_all(true);
	trace.state = CONTROL_TRACE_ON;
	return true;
}

void control_trace_stop(void)
{
	if (trace.state == CONTROL_TRACE_ON)
		ask_all(false);
	trace.state = CONTROL_TRACE_STOPPED;
}

void control_trace_free(void)
{
	free_rings();
	trace.state = CONTROL_TRACE_OFF;
}

bool control_trace_is_settled(void)
{
	if (trace_is_asked())
		pcpu_follow_trace();
	for (unsigned int i = 0; i < nr_pcpus; i++)
		if (!trace_follows(pcpus[i],
				   trace.state == CONTROL_TRACE_ON ? trace.rings[i] : NULL))
			return false;
	return true;
}

uint64_t control_trace_lost(void)
{
	uint64_t lost = 0;

	for (unsigned int i = 0; i < nr_pcpus; i++)
		lost += atomic_read(&trace.rings[i]->lost);
	return lost;
}

static struct trace_ring *ring_read(void)
{
	return trace.rings[index_below(trace.read, MAX_PCPUS)];
}

static unsigned int packets_to_read(struct trace_ring *ring)
{
	uint32_t n = trace_packets(ring);

	if (n == 0 && trace.state == CONTROL_TRACE_STOPPED && trace_tell_lost(ring))
		n = 1;
	return n < FRAME_PACKETS ? n : FRAME_PACKETS;
}

unsigned int control_trace_pick(unsigned int *hart, uint64_t *bytes)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < nr_pcpus && n == 0; i++) {
		trace.read = (trace.read + 1) % nr_pcpus;
		n = packets_to_read(ring_read());
	}
	*hart = trace.read;
	*bytes = 0;
	for (unsigned int i = 0; i < n; i++) {
		size_t len;

		(void)trace_packet_get(ring_read(), i, &len);
		*bytes += len;
	}
	return n;
}

const char *control_trace_get(size_t *len)
{
	const char *p = (const char *)trace_packet_get(ring_read(), 0, len);

	*len -= trace.sent;
	return p + trace.sent;
}

void control_trace_sent(size_t n)
{
	size_t len;

	(void)trace_packet_get(ring_read(), 0, &len);
	trace.sent += n;
	if (trace.sent < len)
		return;
	trace_packet_put(ring_read());
	trace.sent = 0;
}

void control_trace_drop(void)
{
	if (trace.state == CONTROL_TRACE_OFF)
		return;
	control_trace_stop();
	trace.dropped = true;
}

bool control_trace_drop_step(void)
{
	if (!trace.dropped)
		return false;
	if (control_trace_is_settled()) {
		control_trace_free();
		trace.dropped = false;
	}
	return true;
}
