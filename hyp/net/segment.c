// SPDX-License-Identifier: BSD-2-Clause
/* TCP frames that are larger than the network carries: checked, and cut (RFC 791, 8200, 9293). */
#include <string.h>

#include "lib/errno.h"
#include "net/frame.h"

#define TYPE_IPV4 0x0800
#define TYPE_IPV6 0x86dd

#define IP	   NET_ETHER_BYTES
#define IPV6_BYTES 40
#define TCP_BYTES  20
#define PROTO_TCP  6

/* Of the TCP header. */
#define TCP_SEQ	 4
#define TCP_DOFF 12
#define TCP_BITS 13
#define TCP_SUM	 16
#define TCP_FIN	 0x01
#define TCP_PSH	 0x08
#define TCP_CWR	 0x80

/* A segment of less costs more than it carries: a guest could have thousands made of one frame. Linux takes no less either. */
#define GSO_SIZE_MIN 48

/* Where TCP begins; 0: the frame is no TCP packet without fragments and extension headers. */
static uint32_t tcp_at(const struct net_frame *f)
{
	const uint8_t *ip = f->head + IP;
	const uint16_t type = net_get16(f->head + 12);
	uint32_t bytes;

	if (f->offload.gso == NET_GSO_TCPV4) {
		bytes = 4u * (ip[0] & 15u);
		if (type != TYPE_IPV4 || ip[0] >> 4 != 4 || bytes < 20 || ip[9] != PROTO_TCP ||
		    (net_get16(ip + 6) & 0x3fff) != 0)
			return 0;
		return IP + bytes;
	}
	return type == TYPE_IPV6 && ip[0] >> 4 == 6 && ip[6] == PROTO_TCP ? IP + IPV6_BYTES : 0;
}

bool net_check_gso(struct net_frame *f)
{
	struct net_offload *o = &f->offload;
	uint32_t tcp, end;

	if (!o->csum || o->gso_size < GSO_SIZE_MIN || f->head_len < IP + IPV6_BYTES + TCP_BYTES)
		return false;
	tcp = tcp_at(f);
	if (tcp == 0 || tcp + TCP_BYTES > f->head_len || o->csum_start != tcp ||
	    o->csum_offset != TCP_SUM)
		return false;
	end = tcp + 4u * (f->head[index_below(tcp + TCP_DOFF, NET_HEAD_MAX)] >> 4);
	if (end < tcp + TCP_BYTES || end > f->head_len || end >= f->len)
		return false;
	o->hdr_len = (uint16_t)end;
	f->head_len = end;
	return true;
}

static int64_t segment_piece(struct net_frame *f, uint64_t max, const uint8_t **at)
{
	return net_piece(container_of(f, struct net_segment, frame)->of, max, at);
}

static int segment_seek(struct net_frame *f, uint64_t off)
{
	const struct net_segment *s = container_of(f, struct net_segment, frame);

	return s->of->seek(s->of, s->at + off - f->head_len);
}

/* The header of IP says how long the packet is, and version 4 has a number for each and a sum. @nr: of the segment. */
static void finish_ip(struct net_frame *f, uint32_t nr)
{
	uint8_t *ip = f->head + IP;

	if (f->offload.gso == NET_GSO_TCPV6) {
		net_put16(ip + 4, (uint16_t)(f->len - IP - IPV6_BYTES));
		return;
	}
	net_put16(ip + 2, (uint16_t)(f->len - IP));
	net_put16(ip + 4, (uint16_t)(net_get16(ip + 4) + nr));
	net_put16(ip + 10, 0);
	net_put16(ip + 10,
		  (uint16_t)~net_sum_fold(net_sum(0, ip, f->offload.csum_start - IP, false)));
}

/* The sum of the pseudo-header: both addresses, the protocol and the length. */
static uint16_t pseudo_sum(const struct net_frame *f)
{
	const uint8_t *ip = f->head + IP;
	const uint32_t len = f->len - f->offload.csum_start;
	const uint8_t more[4] = { 0, PROTO_TCP, (uint8_t)(len >> 8), (uint8_t)len };
	uint64_t sum = f->offload.gso == NET_GSO_TCPV6 ? net_sum(0, ip + 8, 32, false) :
							 net_sum(0, ip + 12, 8, false);

	return net_sum_fold(net_sum(sum, more, sizeof(more), false));
}

static void finish_tcp(struct net_frame *f, uint32_t off, bool last)
{
	uint8_t *tcp = f->head + f->offload.csum_start;

	net_put32(tcp + TCP_SEQ, net_get32(tcp + TCP_SEQ) + off);
	if (!last)
		tcp[TCP_BITS] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	if (off != 0)
		tcp[TCP_BITS] &= (uint8_t)~TCP_CWR;
	net_put16(tcp + TCP_SUM, pseudo_sum(f));
}

void net_segment_at(struct net_segment *s, struct net_frame *f, uint32_t at)
{
	const uint32_t end = net_segment_next(f, at), off = at - f->offload.hdr_len;

	s->of = f;
	s->at = at;
	s->frame.piece = segment_piece;
	s->frame.seek = segment_seek;
	s->frame.next = NULL;
	s->frame.next_len = 0;
	s->frame.all = NULL;
	s->frame.len = f->head_len + (end - at);
	s->frame.head_len = f->head_len;
	s->frame.offload = f->offload;
	memcpy(s->frame.head, f->head, f->head_len);
	finish_ip(&s->frame, off / f->offload.gso_size);
	finish_tcp(&s->frame, off, end == f->len);
	s->frame.offload.gso = NET_GSO_NONE;
	s->frame.offload.gso_size = 0;
}
