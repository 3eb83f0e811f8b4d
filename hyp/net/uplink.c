// SPDX-License-Identifier: BSD-2-Clause
#include "net/uplink.h"

#include <string.h>

#include "arch/memmap.h"
#include "lib/errno.h"
#include "mm/page.h"
#include "net/header.h"
#include "platform/net.h"
#include "vcpu/vm_mem.h"

/* A tag (802.1Q) stands in front of the type: its own type, then priority and VLAN. */
#define TAG_AT	  12
#define TAG_BYTES 4
#define TAG_TYPE  0x8100
#define TAG_VLAN  0x0fff

/* One VLAN of an uplink, in pages of its own. */
struct lane {
	struct net_port port;
	struct net_sender sender; /* by one hart at a time: platform/net.h */
	struct net_uplink *uplink;
	uint64_t frames, bytes; /* atomic: to the outside */
	struct net_address learned[NET_UPLINK_LEARNED];
};

struct net_uplink {
	struct host_net *host;
	struct host_net_user user;
	struct net_switch *of;
	bool in_bracket; /* frames of this step have been received */
	unsigned int nr; /* atomic */
	struct lane *lanes[NET_UPLINK_VLANS];
};

static struct lane *lane_of(struct net_port *p)
{
	return container_of(p, struct lane, port);
}

/* --- to the outside ------------------------------------------------------------------------------- */

static bool uplink_open(struct net_port *p, unsigned int number, struct net_receiver *r)
{
	const struct host_net *host = lane_of(p)->uplink->host;
	const struct host_net_facts *f = host_net_facts(host);

	(void)number;
	r->lane = 0;
	r->takes = p->vlan != 0 ? 0 :
				  (f->csum ? NET_TAKES_CSUM : 0) | (f->tso4 ? NET_TAKES_TCPV4 : 0) |
					  (f->tso6 ? NET_TAKES_TCPV6 : 0);
	return host_net_link(host);
}

/* A frame that is copied into the buffers of the machine's device. */
struct out {
	const struct host_net *host;
	struct host_net_frame frame;
	uint8_t *at; /* in a buffer that has `room` more bytes */
	uint32_t room;
};

static void put(struct out *o, const uint8_t *from, uint64_t n)
{
	while (n > 0) {
		uint64_t piece;

		if (o->room == 0)
			o->at = host_net_buffer(o->host, &o->frame, &o->room);
		piece = min_u64(n, o->room);
		net_copy(o->at, from, piece);
		from += piece;
		n -= piece;
		o->at += piece;
		o->room -= (uint32_t)piece;
	}
}

static void put_head(struct out *o, const struct net_frame *f, uint16_t vlan)
{
	uint8_t tag[TAG_BYTES];

	put(o, f->head, TAG_AT);
	if (vlan != 0) {
		net_put16(tag, TAG_TYPE);
		net_put16(tag + 2, vlan);
		put(o, tag, sizeof(tag));
	}
	put(o, f->head + TAG_AT, f->head_len - TAG_AT);
}

static int put_rest(struct out *o, struct net_frame *f)
{
	for (uint64_t left = f->len - f->head_len; left > 0;) {
		const uint8_t *from;
		int64_t n = net_piece(f, left, &from);

		if (n < 0)
			return (int)n;
		put(o, from, (uint64_t)n);
		left -= (uint64_t)n;
	}
	return HV_OK;
}

static enum net_fate uplink_deliver(struct net_port *p, unsigned int number, struct net_frame *f)
{
	struct host_net *host = lane_of(p)->uplink->host;
	const struct net_header h = net_header_of(f);
	struct out o = { .host = host };

	(void)number;
	if (!host_net_begin(host, f->len + (p->vlan != 0 ? TAG_BYTES : 0), &o.frame))
		return NET_FULL;
	put_head(&o, f, p->vlan);
	if (put_rest(&o, f) != HV_OK) {
		host_net_cancel(host, &o.frame);
		return NET_SOURCE_FAULT;
	}
	host_net_send(host, &o.frame, &h);
	counter_inc_shared(&lane_of(p)->frames);
	(void)atomic_fetch_add(&lane_of(p)->bytes, f->len);
	return NET_DELIVERED;
}

static void uplink_close(struct net_port *p, unsigned int number)
{
	(void)number;
	host_net_flush(lane_of(p)->uplink->host);
}

static cold void uplink_count(struct net_port *p, struct net_port_counts *out)
{
	const struct lane *l = lane_of(p);

	out->sent = atomic_read(&l->sender.frames);
	out->sent_bytes = atomic_read(&l->sender.bytes);
	out->received = atomic_read(&l->frames);
	out->received_bytes = atomic_read(&l->bytes);
}

static const struct net_port_ops uplink_ops = {
	.open = uplink_open,
	.deliver = uplink_deliver,
	.close = uplink_close,
	.count = uplink_count,
};

/* --- from the outside ----------------------------------------------------------------------------- */

/* A frame in a buffer of the machine's device, without its tag. */
struct in {
	struct net_frame frame;
	const uint8_t *body; /* as if the frame began here: right from the type on */
	uint64_t at;	     /* where the next piece begins */
};

static int64_t in_piece(struct net_frame *f, uint64_t max, const uint8_t **at)
{
	struct in *i = container_of(f, struct in, frame);
	const uint64_t n = min_u64(max, f->len - i->at);

	*at = i->body + i->at;
	i->at += n;
	return n == 0 ? HV_EFAULT : (int64_t)n;
}

static int in_seek(struct net_frame *f, uint64_t off)
{
	struct in *i = container_of(f, struct in, frame);

	f->next_len = 0;
	i->at = off;
	return HV_OK;
}

/* The lane of the frame's VLAN; NULL: there is none. *@tag: bytes of its tag. A tag with VLAN 0 has a priority alone. */
static struct lane *find_lane(const struct net_uplink *u, const uint8_t *frame, uint32_t len,
			      uint32_t *tag)
{
	const unsigned int nr = atomic_read_acquire(&u->nr);
	uint16_t vlan = 0;

	*tag = 0;
	if (net_get16(frame + TAG_AT) == TAG_TYPE) {
		if (len < NET_ETHER_BYTES + TAG_BYTES)
			return NULL;
		*tag = TAG_BYTES;
		vlan = net_get16(frame + TAG_AT + 2) & TAG_VLAN;
	}
	for (unsigned int i = 0; i < nr; i++) {
		struct lane *l = u->lanes[index_below(i, NET_UPLINK_VLANS)];

		if (l->port.vlan == vlan)
			return l;
	}
	return NULL;
}

/* False: it leaves something undone that it must not. */
static bool take_frame(struct in *i, const struct net_header *h, const uint8_t *frame, uint32_t len,
		       uint32_t tag)
{
	struct net_frame *f = &i->frame;
	struct net_header moved = *h;

	f->piece = in_piece;
	f->seek = in_seek;
	f->next_len = 0;
	f->all = frame + tag;
	f->len = len - tag;
	f->head_len = (uint32_t)min_u64(f->len, NET_HEAD_MAX);
	f->offload = (struct net_offload){ 0 };
	i->body = frame + tag;
	i->at = f->head_len;
	memcpy(f->head, frame, TAG_AT);
	memcpy(f->head + TAG_AT, i->body + TAG_AT, f->head_len - TAG_AT);
	if (h->gso_type != NET_HDR_GSO_NONE || moved.csum_start < tag)
		return h->gso_type == NET_HDR_GSO_NONE && !(h->flags & NET_HDR_NEEDS_CSUM);
	moved.csum_start = (uint16_t)(moved.csum_start - tag);
	return !(h->flags & NET_HDR_NEEDS_CSUM) || net_take_checksum(f, &moved);
}

static void received(struct host_net_user *user, const struct net_header *h, const uint8_t *frame,
		     uint32_t len)
{
	struct net_uplink *u = container_of(user, struct net_uplink, user);
	uint32_t tag, state = 0;
	struct lane *l = find_lane(u, frame, len, &tag);
	struct in i; /* take_frame() fills it */

	if (!l)
		return;
	if (!take_frame(&i, h, frame, len, tag)) {
		net_drop(&l->port, NET_DROP_MALFORMED);
		return;
	}
	/* One for all frames of a step, as receivers stay open in between. */
	if (!u->in_bracket)
		vm_mem_begin_for_any();
	u->in_bracket = true;
	/* One call does it all, however many ports get the frame. */
	(void)net_send(&l->sender, &i.frame, &state, UINT64_MAX);
}

static void received_all(struct host_net_user *user)
{
	struct net_uplink *u = container_of(user, struct net_uplink, user);
	const unsigned int nr = atomic_read_acquire(&u->nr);

	if (!u->in_bracket)
		return;
	for (unsigned int i = 0; i < nr; i++)
		net_send_end(&u->lanes[index_below(i, NET_UPLINK_VLANS)]->sender);
	u->in_bracket = false;
	vm_mem_end();
}

/* --- making --------------------------------------------------------------------------------------- */

cold int net_uplink_open(struct net_switch *s, const void *fdt, const char *path, const char **why)
{
	const uint64_t bytes = align_up(HOST_NET_MEMORY + sizeof(struct net_uplink), PAGE_SIZE);
	uint8_t *memory = page_alloc_zeroed(bytes, PAGE_SIZE);
	struct net_uplink *u;
	int err;

	*why = "no memory is left for the device's buffers";
	if (!memory)
		return HV_ENOMEM;
	u = (struct net_uplink *)(void *)(memory + HOST_NET_MEMORY);
	u->user = (struct host_net_user){ received, received_all };
	u->of = s;
	err = host_net_open(fdt, path, memory, &u->user, &u->host, why);
	if (err == HV_OK)
		s->uplink = u;
	else
		page_free(ptr_to_hpa(memory), bytes);
	return err;
}

const struct host_net_facts *net_uplink_facts(const struct net_switch *s)
{
	return s->uplink ? host_net_facts(s->uplink->host) : NULL;
}

static cold void make_lane(struct lane *l, struct net_uplink *u, uint16_t vlan)
{
	l->uplink = u;
	l->sender.port = &l->port;
	l->port.ops = &uplink_ops;
	l->port.vm = "the uplink";
	l->port.vlan = vlan;
	l->port.mtu = host_net_facts(u->host)->mtu;
	l->port.learned = l->learned;
	l->port.nr_learned = NET_UPLINK_LEARNED;
}

cold int net_uplink_reach(struct net_switch *s, uint16_t vlan)
{
	struct net_uplink *u = s->uplink;
	const uint64_t bytes = align_up(sizeof(struct lane), PAGE_SIZE);
	const struct net_port *other;
	struct lane *l;
	int err;

	for (unsigned int i = 0; u && i < u->nr; i++)
		if (u->lanes[index_below(i, NET_UPLINK_VLANS)]->port.vlan == vlan)
			return HV_OK;
	if (!u)
		return HV_OK;
	if (u->nr == NET_UPLINK_VLANS)
		return HV_EOVERFLOW;
	l = page_alloc_zeroed(bytes, PAGE_SIZE);
	if (!l)
		return HV_ENOMEM;
	make_lane(l, u, vlan);
	err = net_port_join(&l->port, s, &other);
	if (err != HV_OK) {
		page_free(ptr_to_hpa(l), bytes);
		return err;
	}
	u->lanes[index_below(u->nr, NET_UPLINK_VLANS)] = l;
	atomic_set_release(&u->nr, u->nr + 1);
	return HV_OK;
}
