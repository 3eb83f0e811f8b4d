// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a network device gets, on the sender's hart. A packet is put into the buffers that the driver has offered, and used; the
 * driver sees it when the sender's step ends. A packet that does not fit leaves all buffers as they were.
 *
 * num_buffers, in the first buffer, is known only when the last one has been filled. No buffer has been given back by then:
 * used.idx is written behind all of it (5.1.6.4; QEMU's CVE-2021-3748 was a write to a buffer that had been).
 */
#include <string.h>

#include "dev/virtio/net.h"
#include "net/header.h"

/* A packet on its way into buffers. */
struct rx {
	struct virtio_dev *dev;
	struct virtq *q;
	struct virtq_cursor to;
	uint32_t written;  /* into this chain */
	uint32_t chains;   /* that have been popped */
	uint8_t *count[2]; /* where num_buffers is; two bytes may lie in two pieces */
};

/* HV_ENOENT: there is no buffer that could be filled now. Another HV_E*: the driver has made an error. */
static int next_chain(struct rx *r)
{
	struct virtq *q = r->q;
	int err = virtq_pop(q);

	if (err != HV_OK)
		return err;
	if (q->chain.out != 0 || q->chain.in == 0)
		return HV_EINVAL;
	if (!virtio_there(r->dev, q))
		return HV_ENOENT;
	r->to = virtq_in(q);
	r->written = 0;
	r->chains++;
	return HV_OK;
}

/* A chain is full, and the packet goes on in the next one. Without MRG_RXBUF it has been seen that one is enough. */
static noinline int turn_over(struct rx *r)
{
	int err = virtq_push(r->q, r->written);

	return err == HV_OK ? next_chain(r) : err;
}

/* The next bytes of the buffers, as virtq_piece(), but never none. */
static inline int64_t room(struct rx *r, uint64_t max, uint8_t **at)
{
	int64_t n = virtq_piece(r->q, &r->to, max, at);

	if (n == 0) {
		int err = turn_over(r);

		n = err == HV_OK ? virtq_piece(r->q, &r->to, max, at) : err;
	}
	if (n > 0)
		r->written += (uint32_t)n;
	return n;
}

static int put(struct rx *r, const uint8_t *from, uint64_t n)
{
	while (n > 0) {
		uint8_t *at = NULL;
		int64_t piece = room(r, n, &at);

		if (piece < 0)
			return (int)piece;
		net_copy(at, from, (uint64_t)piece);
		from += piece;
		n -= (uint64_t)piece;
	}
	return HV_OK;
}

/* Writes of the header, as words: @at is aligned to 4. */
static inline void store_header(uint8_t *at, const struct net_header *h)
{
	typedef uint32_t word __attribute__((may_alias));
	const word *from = (const word *)(const void *)h;
	word *to = (word *)(void *)at;

	to[0] = from[0];
	to[1] = from[1];
	to[2] = from[2];
}

static_assert(offsetof(struct net_header, num_buffers) == sizeof(struct net_header) - 2,
	      "put_header() writes it by itself");

/* All of it lies in the first chain. */
static int put_header(struct rx *r, const struct net_frame *f)
{
	const struct net_header h = net_header_of(f);
	struct virtq_cursor before = r->to;
	uint8_t *at = NULL;
	int err;

	if (room(r, sizeof(h), &at) == sizeof(h) && is_aligned((uintptr_t)at, sizeof(uint32_t))) {
		store_header(at, &h);
		r->count[0] = at + offsetof(struct net_header, num_buffers);
		r->count[1] = r->count[0] + 1;
		return HV_OK;
	}
	r->to = before;
	r->written = 0;
	err = put(r, (const uint8_t *)&h, offsetof(struct net_header, num_buffers));
	for (unsigned int i = 0; err == HV_OK && i < 2; i++) {
		int64_t n = room(r, 1, &r->count[i]);

		err = n < 0 ? (int)n : HV_OK;
	}
	return err;
}

/*
 * The usual: the packet lies together, and so does the buffer, which has room for all of it. The head, as it was checked, is
 * written over what has been copied. False: it is another one, and nothing has been done.
 */
static always_inline bool put_together(struct rx *r, const struct net_frame *f)
{
	const uint64_t all = sizeof(struct net_header) + f->len;
	struct virtq_cursor c = r->to;
	struct net_header h;
	uint8_t *at = NULL;

	if (!f->all || virtq_piece(r->q, &c, all, &at) != (int64_t)all ||
	    !is_aligned((uintptr_t)at, sizeof(uint32_t)))
		return false;
	h = net_header_of(f);
	h.num_buffers = 1;
	net_copy(at + sizeof(h), f->all, f->len);
	store_header(at, &h);
	memcpy(__builtin_assume_aligned(at + sizeof(h), 4), f->head, NET_ETHER_BYTES);
	if (f->head_len != NET_ETHER_BYTES)
		net_copy(at + sizeof(h), f->head, f->head_len);
	r->written = (uint32_t)all;
	return true;
}

/* *@fault: it was the sender's memory that is not there. */
static int put_rest(struct rx *r, struct net_frame *f, bool *fault)
{
	uint64_t left = f->len - f->head_len;

	while (left > 0) {
		const uint8_t *from;
		int64_t n = net_piece(f, left, &from);
		int err;

		if (n < 0) {
			*fault = true;
			return (int)n;
		}
		err = put(r, from, (uint64_t)n);
		if (err != HV_OK)
			return err;
		left -= (uint64_t)n;
	}
	return HV_OK;
}

static noinline int put_pieces(struct rx *r, struct net_frame *f, bool *fault)
{
	int err = put_header(r, f);

	if (err == HV_OK)
		err = put(r, f->head, f->head_len);
	if (err == HV_OK)
		err = put_rest(r, f, fault);
	if (err != HV_OK)
		return err;
	*r->count[0] = (uint8_t)r->chains;
	*r->count[1] = (uint8_t)(r->chains >> 8);
	return HV_OK;
}

static inline int put_packet(struct rx *r, struct net_frame *f, bool *fault)
{
	int err = put_together(r, f) ? HV_OK : put_pieces(r, f, fault);

	return err == HV_OK ? virtq_push(r->q, r->written) : err;
}

/* --- as a port ------------------------------------------------------------------------------------ */

static bool vnet_open(struct net_port *p, unsigned int lane, struct net_receiver *to)
{
	struct vnet *n = vnet_of_port(p);
	/* A sender keeps a flow in one of its queues, so the flow stays in one here, and in order. */
	const unsigned int pair = lane % atomic_read(&n->pairs);

	if (atomic_read(&p->unplugged) ||
	    !virtio_borrow(&n->dev,
			   &n->dev.queues[index_below(net_rx_queue(pair), n->dev.nr_queues)]))
		return false;
	to->lane = pair;
	to->takes = (virtio_has(&n->dev, NET_F_GUEST_CSUM) ? NET_TAKES_CSUM : 0) |
		    (virtio_has(&n->dev, NET_F_GUEST_TSO4) ? NET_TAKES_TCPV4 : 0) |
		    (virtio_has(&n->dev, NET_F_GUEST_TSO6) ? NET_TAKES_TCPV6 : 0);
	vnet_lane(n, pair)->err = HV_OK;
	return true;
}

static struct virtq *rx_queue(const struct vnet *n, unsigned int pair)
{
	return &n->dev.queues[index_below(net_rx_queue(pair), n->dev.nr_queues)];
}

static void vnet_close(struct net_port *p, unsigned int pair)
{
	struct vnet *n = vnet_of_port(p);

	virtio_return(&n->dev, rx_queue(n, pair), vnet_lane(n, pair)->err);
}

/* A buffer that is too small for the header is an error; one that is for the packet, without MRG_RXBUF, is not. */
static int check_first(const struct vnet *n, const struct virtq *q, const struct net_frame *f)
{
	if (virtio_has(&n->dev, NET_F_MRG_RXBUF))
		return q->chain.in >= sizeof(struct net_header) ? HV_OK : HV_EINVAL;
	return q->chain.in >= sizeof(struct net_header) + f->len ? HV_OK : HV_ENOMEM;
}

static enum net_fate vnet_deliver(struct net_port *p, unsigned int pair, struct net_frame *f)
{
	struct vnet *n = vnet_of_port(p);
	struct net_lane *l = vnet_lane(n, pair);
	struct rx r = { .dev = &n->dev, .q = rx_queue(n, pair) };
	struct virtq_mark before;
	bool fault = false;
	int err;

	if (!vnet_wants(n, f))
		return NET_FILTERED;
	before = virtq_mark(r.q);
	err = next_chain(&r);
	if (err == HV_OK)
		err = check_first(n, r.q, f);
	if (err == HV_OK)
		err = put_packet(&r, f, &fault);
	if (err == HV_OK) {
		atomic_set(&l->received, l->received + 1);
		atomic_set(&l->received_bytes, l->received_bytes + f->len);
		return NET_DELIVERED;
	}
	virtq_rewind(r.q, before);
	if (fault)
		return NET_SOURCE_FAULT;
	if (err == HV_ENOENT || err == HV_ENOMEM)
		return err == HV_ENOENT ? NET_FULL : NET_NO_ROOM;
	l->err = err;
	return NET_BROKEN;
}

const struct net_port_ops vnet_port_ops = {
	.open = vnet_open,
	.deliver = vnet_deliver,
	.close = vnet_close,
	.count = vnet_count,
	.link = vnet_link,
};
