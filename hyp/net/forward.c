// SPDX-License-Identifier: BSD-2-Clause
/* The way of a frame through a switch: what may be sent, to which ports it goes, and what is done for those that do less. */
#include "arch/timer.h"
#include "lib/errno.h"
#include "net/switch.h"

/* A decision holds for a second. So an address that is used is seen again long before it is forgotten. */
#define DECISION_SECONDS 1

/* A port that has a rate may send so much at once: a tenth of a second's, but two large frames at least. */
#define BURST_PART 10
#define BURST_MIN  KIB(128)

/* Time of a rate is counted in so small a part of a tick that the time of one byte is no 0. */
#define TICK_PARTS_SHIFT 8

/* What a frame that is not delivered counts as, in bytes moved, and each further port that it is offered to. */
#define OFFER_COST 256

/* Destination and source, as the frame has them: six bytes each. */
static uint64_t first_word(const struct net_frame *f)
{
	return net_frame_word(f, 0);
}

static uint64_t second_word(const struct net_frame *f)
{
	return (uint32_t)net_frame_word(f, 1);
}

static net_mac_t source(const struct net_frame *f)
{
	return (net_mac_t){ first_word(f) >> 48 | second_word(f) << 16 };
}

/* --- may it be sent? ------------------------------------------------------------------------------ */

/* 802.1Q, 802.1ad, and what came before that. */
static bool is_tagged(const struct net_frame *f)
{
	/* As memory has them: the low byte is the second one. */
	const uint16_t type = (uint16_t)(net_frame_word(f, 1) >> 32);

	return type == 0x0081 || type == 0xa888 || type == 0x0091;
}

/*
 * A bucket of tokens, as the time at which it would be full: p->due. What is sent moves that time on. It may lie as far in
 * the future as a burst takes (the "virtual scheduling" form of the generic cell rate algorithm, ITU-T I.371). The difference of
 * two times is signed, so it may wrap.
 */
static noinline bool within_rate(struct net_port *p, uint64_t now, uint32_t bytes)
{
	const uint64_t second = timer_frequency() << TICK_PARTS_SHIFT;
	const uint64_t burst = max_u64(second / BURST_PART, BURST_MIN * second / p->rate);
	uint64_t was = atomic_read(&p->due), due;

	now <<= TICK_PARTS_SHIFT;
	do {
		due = (int64_t)(was - now) < 0 ? now : was;
		due += bytes * second / p->rate;
		if ((int64_t)(due - now) > (int64_t)burst)
			return false;
	} while (!atomic_compare_exchange(&p->due, &was, due));
	return true;
}

static bool refuse(struct net_port *p, enum net_drop why)
{
	net_drop(p, why);
	return false;
}

static bool may_send(struct net_sender *s, const struct net_frame *f)
{
	struct net_port *p = s->port;

	if (is_tagged(f))
		return refuse(p, NET_DROP_TAGGED);
	if (net_wire_bytes(f) > p->mtu + NET_ETHER_BYTES)
		return refuse(p, NET_DROP_TOO_LONG);
	if (p->rate != 0 && !within_rate(p, s->now, f->len))
		return refuse(p, NET_DROP_RATE);
	return true;
}

/* --- one receiver --------------------------------------------------------------------------------- */

static void close_receiver(struct net_sender *s)
{
	struct net_receiver *r = &s->open;

	if (!r->port)
		return;
	r->port->ops->close(r->port, r->lane);
	r->port = NULL;
}

void net_send_end(struct net_sender *s)
{
	close_receiver(s);
	s->now = 0;
}

static noinline bool open_receiver(struct net_sender *s, struct net_port *to)
{
	close_receiver(s);
	if (!to->ops->open(to, s->lane, &s->open)) {
		net_drop(to, NET_DROP_DOWN);
		return false;
	}
	s->open.port = to;
	return true;
}

/* Each segment by itself. What does not find a buffer any more is lost with all behind it, as TCP expects. */
static noinline enum net_fate deliver_segments(struct net_port *to, const struct net_receiver *r,
					       struct net_frame *f)
{
	enum net_fate fate = NET_DELIVERED;
	struct net_segment g;

	if (f->seek(f, f->head_len) != HV_OK)
		return NET_SOURCE_FAULT;
	for (uint32_t at = f->head_len; at < f->len && fate == NET_DELIVERED;
	     at = net_segment_next(f, at)) {
		net_segment_at(&g, f, at);
		if (!(r->takes & NET_TAKES_CSUM) && net_checksum(&g.frame) != HV_OK)
			return NET_SOURCE_FAULT;
		fate = to->ops->deliver(to, r->lane, &g.frame);
	}
	return fate;
}

/* As the receiver takes it. A checksum that has been computed is right for the ports that follow, too. */
static inline enum net_fate deliver(struct net_port *to, const struct net_receiver *r,
				    struct net_frame *f)
{
	if (net_wire_bytes(f) > to->mtu + NET_ETHER_BYTES)
		return NET_NO_ROOM;
	if (f->offload.gso != NET_GSO_NONE && !(r->takes & BIT(f->offload.gso % 8)))
		return deliver_segments(to, r, f);
	if (f->offload.csum && !(r->takes & NET_TAKES_CSUM) && net_checksum(f) != HV_OK)
		return NET_SOURCE_FAULT;
	return to->ops->deliver(to, r->lane, f);
}

/* @to gets the frame, or a drop is counted. Returns what it counts as; HV_EFAULT. */
static inline int64_t give(struct net_sender *s, struct net_port *to, struct net_frame *f)
{
	if (s->open.port != to && !open_receiver(s, to))
		return OFFER_COST;
	switch (deliver(to, &s->open, f)) {
	case NET_DELIVERED:
		return (int64_t)f->len;
	case NET_FULL:
		net_drop(to, NET_DROP_FULL);
		break;
	case NET_NO_ROOM:
		net_drop(to, NET_DROP_NO_ROOM);
		break;
	case NET_BROKEN:
		net_drop(to, NET_DROP_DOWN);
		close_receiver(s);
		break;
	case NET_SOURCE_FAULT:
		return HV_EFAULT;
	case NET_FILTERED:
		break;
	}
	return OFFER_COST;
}

/* --- which receivers? ----------------------------------------------------------------------------- */

/* A port may leave meanwhile. It is used no longer than until the bracket ends. */
static struct net_port *port_at(const struct net_switch *w, unsigned int i)
{
	return atomic_read_acquire(&w->ports[i % NET_PORTS_MAX]);
}

/* All ports of the VLAN but the sender's, from number *@state - 1 on. */
static noinline int64_t flood(struct net_sender *s, struct net_frame *f, uint32_t *state,
			      uint64_t budget)
{
	const struct net_switch *w = s->port->of;
	const unsigned int nr = atomic_read_acquire(&w->nr_slots);
	uint64_t moved = 0;

	for (unsigned int i = *state - 1; i < nr; i++) {
		struct net_port *to = port_at(w, i);
		int64_t n;

		if (!to || to == s->port || to->vlan != s->port->vlan)
			continue;
		n = f->seek(f, f->head_len) == HV_OK ? give(s, to, f) : HV_EFAULT;
		if (n < 0)
			return n;
		moved += (uint64_t)n;
		if (moved >= budget) {
			*state = i + 2;
			return (int64_t)moved;
		}
	}
	*state = 0;
	return (int64_t)moved;
}

static bool is_decided(const struct net_sender *s, const struct net_frame *f)
{
	return s->to && s->addresses[0] == first_word(f) && s->addresses[1] == second_word(f) &&
	       s->changes == atomic_read_acquire(&s->port->of->changes) && s->now < s->until;
}

/* False: the frame is not to come from its address. Else s->to is the one receiver; NULL: all get it, or the sender itself has
 * the address (*@back). */
static noinline bool decide(struct net_sender *s, const struct net_frame *f, bool *back)
{
	struct net_switch *w = s->port->of;
	const net_mac_t from = source(f), to = net_destination(f);
	bool good = from.mac != 0 && !net_mac_is_group(from);

	s->to = NULL;
	*back = false;
	if (!good)
		return false;
	spin_lock(&w->lock);
	good = net_learn(w, s->port, from, s->now);
	if (good && !net_mac_is_group(to))
		s->to = net_lookup(w, s->port, to, s->now);
	s->changes = w->changes;
	spin_unlock(&w->lock);
	if (s->to == s->port) {
		s->to = NULL;
		*back = true;
	}
	s->addresses[0] = first_word(f);
	s->addresses[1] = second_word(f);
	s->until = s->now + DECISION_SECONDS * timer_frequency();
	return good;
}

static void count(struct net_sender *s, const struct net_frame *f)
{
	atomic_set(&s->frames, s->frames + 1);
	atomic_set(&s->bytes, s->bytes + f->len);
}

int64_t net_send(struct net_sender *s, struct net_frame *f, uint32_t *state, uint64_t budget)
{
	bool back;

	if (s->now == 0)
		s->now = timer_now();
	if (*state != 0)
		return is_tagged(f) ? (*state = 0) : flood(s, f, state, budget);
	if (!may_send(s, f))
		return 0;
	if (!is_decided(s, f)) {
		if (!decide(s, f, &back)) {
			net_drop(s->port, NET_DROP_SOURCE);
			return 0;
		}
		if (!s->to) {
			count(s, f);
			*state = back ? 0 : 1;
			return back ? 0 : flood(s, f, state, budget);
		}
	}
	count(s, f);
	return give(s, s->to, f);
}
