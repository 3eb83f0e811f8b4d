/* SPDX-License-Identifier: BSD-2-Clause */
/* What a frame leaves undone, as the header of a virtio network device says it (virtio 1.2, section 5.1.6). */
#ifndef NET_HEADER_H
#define NET_HEADER_H

#include "lib/virtio_net_abi.h"
#include "net/frame.h"

/* net_header_of - what @f leaves undone. num_buffers is 0. */
static inline struct net_header net_header_of(const struct net_frame *f)
{
	const struct net_offload *o = &f->offload;
	struct net_header h = { 0 };

	if (o->csum) {
		h.flags = NET_HDR_NEEDS_CSUM;
		h.csum_start = o->csum_start;
		h.csum_offset = o->csum_offset;
	}
	if (o->gso != NET_GSO_NONE) {
		h.gso_type = o->gso == NET_GSO_TCPV4 ? NET_HDR_GSO_TCPV4 : NET_HDR_GSO_TCPV6;
		h.gso_size = o->gso_size;
		h.hdr_len = o->hdr_len;
	}
	return h;
}

/*
 * net_take_checksum - the checksum of @f is missing, as @h says. False: its field is not within the head, or what it is of begins
 * within the Ethernet header.
 */
static inline bool net_take_checksum(struct net_frame *f, const struct net_header *h)
{
	const uint32_t end = (uint32_t)h->csum_start + h->csum_offset + 2;

	if (h->csum_start < NET_ETHER_BYTES || end > f->head_len)
		return false;
	f->offload.csum = true;
	f->offload.csum_start = h->csum_start;
	f->offload.csum_offset = h->csum_offset;
	return true;
}

#endif
