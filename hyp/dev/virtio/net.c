// SPDX-License-Identifier: BSD-2-Clause
/*
 * The network device: its queues, and packets that the driver sends. A packet that the switch does not take is used like any
 * other, and counted (net/switch.h). Only a chain that is no packet at all stops the queue.
 */
#include "dev/virtio/net.h"

#include <string.h>

#include "lib/copy.h"
#include "net/header.h"

/* A packet of the chain that a transmit queue works on. */
struct tx_frame {
	struct net_frame frame;
	const struct virtq *q;
	struct virtq_cursor c; /* behind frame.next */
};

static int64_t tx_piece(struct net_frame *f, uint64_t max, const uint8_t **at)
{
	struct tx_frame *t = container_of(f, struct tx_frame, frame);
	uint8_t *from = NULL;
	int64_t n = virtq_piece(t->q, &t->c, max, &from);

	*at = from;
	return n == 0 ? HV_EFAULT : n;
}

static int tx_seek(struct net_frame *f, uint64_t off)
{
	struct tx_frame *t = container_of(f, struct tx_frame, frame);

	f->next_len = 0;
	t->c = virtq_out(t->q);
	return virtq_skip(t->q, &t->c, sizeof(struct net_header) + off);
}

/* --- what the driver says of a packet -------------------------------------------------------------- */

/* What was not offered, or not taken, is no packet that a driver may send. */
static bool take_segments(const struct virtio_dev *d, struct net_frame *f,
			  const struct net_header *h)
{
	const bool v4 = h->gso_type == NET_HDR_GSO_TCPV4;

	if (!v4 && h->gso_type != NET_HDR_GSO_TCPV6)
		return false;
	if (!virtio_has(d, v4 ? NET_F_HOST_TSO4 : NET_F_HOST_TSO6))
		return false;
	f->offload.gso = v4 ? NET_GSO_TCPV4 : NET_GSO_TCPV6;
	f->offload.gso_size = h->gso_size;
	return net_check_gso(f);
}

static bool take_offloads(const struct virtio_dev *d, struct net_frame *f,
			  const struct net_header *h)
{
	f->offload = (struct net_offload){ 0 };
	if ((h->flags & NET_HDR_NEEDS_CSUM) &&
	    (!virtio_has(d, NET_F_CSUM) || !net_take_checksum(f, h)))
		return false;
	return h->gso_type == NET_HDR_GSO_NONE || take_segments(d, f, h);
}

/* --- a packet ------------------------------------------------------------------------------------- */

/* The first bytes: of a packet that leaves nothing undone, no more than the Ethernet header is looked at. */
static uint32_t head_bytes(const struct net_header *h, uint32_t len)
{
	if ((h->flags & NET_HDR_NEEDS_CSUM) || h->gso_type != NET_HDR_GSO_NONE)
		return (uint32_t)min_u64(len, NET_HEAD_MAX);
	return NET_ETHER_BYTES;
}

typedef uint16_t half_word __attribute__((may_alias));

/* @n bytes, an even number, between addresses that are even. */
static always_inline void copy_halves(void *to, const uint8_t *from, uint32_t n)
{
	half_word *d = to;
	const half_word *s = (const half_word *)(const void *)from;

#pragma GCC unroll 8
	for (uint32_t i = 0; i < n / 2; i++)
		d[i] = s[i];
}

/* The usual: the packet lies together, and at an even address. False: nothing has been done. */
static always_inline bool take_together(struct tx_frame *t, struct net_header *h)
{
	struct net_frame *f = &t->frame;
	struct virtq_cursor c = virtq_out(t->q);
	uint8_t *at;
	const int64_t n = virtq_piece(t->q, &c, sizeof(*h) + NET_FRAME_MAX, &at);

	if (n != (int64_t)(sizeof(*h) + f->len) || !is_aligned((uintptr_t)at, sizeof(half_word)))
		return false;
	copy_halves(h, at, sizeof(*h));
	at += sizeof(*h);
	f->head_len = head_bytes(h, f->len);
	copy_halves(f->head, at, NET_ETHER_BYTES);
	if (f->head_len != NET_ETHER_BYTES)
		copy_bytes(f->head, at, f->head_len);
	f->all = at;
	f->next = at + f->head_len;
	f->next_len = f->len - f->head_len;
	t->c = c;
	return true;
}

static noinline int take_pieces(struct tx_frame *t, struct net_header *h)
{
	struct net_frame *f = &t->frame;
	int err;

	t->c = virtq_out(t->q);
	err = virtq_read(t->q, &t->c, h, sizeof(*h));
	if (err != HV_OK)
		return err;
	f->head_len = head_bytes(h, f->len);
	f->all = NULL;
	f->next_len = 0;
	return virtq_read(t->q, &t->c, f->head, f->head_len);
}

/* The head may have become shorter: net_check_gso() lets it end behind the headers. */
static int after_head(struct net_frame *f, uint32_t was)
{
	return f->head_len == was ? HV_OK : f->seek(f, f->head_len);
}

/* False: it is dropped. *@err: there is no memory where the packet is. */
static bool take_packet(struct virtio_dev *d, struct tx_frame *t, int *err)
{
	struct net_frame *f = &t->frame;
	struct net_header h;
	uint32_t head_len;

	*err = HV_OK;
	f->len = t->q->chain.out - (uint32_t)sizeof(h);
	f->piece = tx_piece;
	f->seek = tx_seek;
	if (f->len < NET_ETHER_BYTES || f->len > NET_FRAME_MAX)
		return false;
	if (!take_together(t, &h))
		*err = take_pieces(t, &h);
	if (*err != HV_OK)
		return false;
	head_len = f->head_len;
	if (!take_offloads(d, f, &h))
		return false;
	*err = after_head(f, head_len);
	return *err == HV_OK;
}

static int64_t transmit(struct vnet *n, struct virtq *q, uint64_t budget)
{
	struct net_sender *s = &vnet_lane(n, q->index / 2)->sender;
	struct tx_frame t; /* take_packet() fills it */
	int64_t moved = 0;
	int err;

	/* What the device would write, or less than a header, is no packet. */
	if (q->chain.in != 0 || q->chain.out < sizeof(struct net_header))
		return HV_EINVAL;
	t.q = q;
	if (atomic_read(&n->port.unplugged)) {
		net_drop(&n->port, NET_DROP_DOWN);
	} else if (take_packet(&n->dev, &t, &err)) {
		moved = net_send(s, &t.frame, &q->chain.done, budget);
		if (moved < 0 || q->chain.done != 0)
			return moved;
	} else if (err != HV_OK) {
		return err;
	} else {
		net_drop(&n->port, NET_DROP_MALFORMED);
	}
	err = virtq_push(q, 0);
	return err == HV_OK ? moved : err;
}

/* --- queues --------------------------------------------------------------------------------------- */

static unsigned int control_queue(const struct vnet *n)
{
	return virtio_has(&n->dev, NET_F_MQ) ? 2 * n->max_pairs : 2;
}

static bool is_control(const struct vnet *n, const struct virtq *q)
{
	return q->index == control_queue(n);
}

static int64_t vnet_handle(struct virtio_dev *d, struct virtq *q, uint64_t budget)
{
	struct vnet *n = vnet_of(d);

	return q->index % 2 != 0 ? transmit(n, q, budget) : vnet_control(n, q);
}

static bool vnet_wants_chain(struct virtio_dev *d, const struct virtq *q)
{
	const struct vnet *n = vnet_of(d);

	return q->index % 2 != 0 || (is_control(n, q) && virtio_has(d, NET_F_CTRL_VQ));
}

static void vnet_step_ends(struct virtio_dev *d, struct virtq *q)
{
	if (q->index % 2 != 0)
		net_send_end(&vnet_lane(vnet_of(d), q->index / 2)->sender);
}

/* What each needs (5.1.3.1). */
static bool vnet_agrees(const struct virtio_dev *d, uint64_t features)
{
	static const struct {
		uint64_t feature, needs;
	} rules[] = {
		{ NET_F_GUEST_TSO4 | NET_F_GUEST_TSO6, NET_F_GUEST_CSUM },
		{ NET_F_HOST_TSO4 | NET_F_HOST_TSO6, NET_F_CSUM },
		{ NET_F_CTRL_RX | NET_F_MQ | NET_F_CTRL_MAC_ADDR, NET_F_CTRL_VQ },
	};

	(void)d;
	for (unsigned int i = 0; i < ARRAY_SIZE(rules); i++)
		if ((features & rules[i].feature) && !(features & rules[i].needs))
			return false;
	return true;
}

static void set_own_mac(struct vnet *n)
{
	struct net_layout *c = virtio_config(&n->dev);

	atomic_set(&n->mac, n->port.mac.mac);
	for (unsigned int i = 0; i < NET_MAC_BYTES; i++)
		c->mac[i] = net_mac_byte(n->port.mac, i);
}

static void vnet_reset(struct virtio_dev *d)
{
	struct vnet *n = vnet_of(d);

	atomic_set(&n->pairs, 1);
	set_own_mac(n);
	vnet_filter_reset(n);
	net_port_forget(&n->port);
}

const struct virtio_ops vnet_ops = {
	.name = "net",
	.id = VIRTIO_ID_NET,
	.handle = vnet_handle,
	.wants = vnet_wants_chain,
	.step_ends = vnet_step_ends,
	.agrees = vnet_agrees,
	.reset = vnet_reset,
};

cold void vnet_init(struct vnet *n)
{
	struct net_layout *c = virtio_config(&n->dev);

	spin_init(&n->filter.lock, LOCK_NET_FILTER);
	for (unsigned int i = 0; i < n->max_pairs; i++) {
		n->lanes[i % NET_PAIRS_MAX].sender.port = &n->port;
		n->lanes[i % NET_PAIRS_MAX].sender.lane = i;
		spin_init(&n->dev.queues[index_below(net_rx_queue(i), n->dev.nr_queues)].lock,
			  LOCK_VIRTQ_RX);
	}
	c->status = NET_S_LINK_UP;
	c->max_pairs = (uint16_t)n->max_pairs;
	c->mtu = (uint16_t)n->port.mtu;
	vnet_reset(&n->dev);
}

/* The driver reads it when it is told, and at its start. */
cold void vnet_link(struct net_port *p)
{
	struct vnet *n = vnet_of_port(p);
	struct net_layout *c = virtio_config(&n->dev);

	atomic_set(&c->status, (uint16_t)(atomic_read(&p->unplugged) ? 0 : NET_S_LINK_UP));
	virtio_config_changed(&n->dev);
}

cold void vnet_count(struct net_port *p, struct net_port_counts *out)
{
	const struct vnet *n = vnet_of_port(p);

	for (unsigned int i = 0; i < n->max_pairs; i++) {
		const struct net_lane *l = &n->lanes[i % NET_PAIRS_MAX];

		out->sent += atomic_read(&l->sender.frames);
		out->sent_bytes += atomic_read(&l->sender.bytes);
		out->received += atomic_read(&l->received);
		out->received_bytes += atomic_read(&l->received_bytes);
	}
}
