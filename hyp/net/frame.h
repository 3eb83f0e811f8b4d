/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A frame on its way from one port of a switch to others.
 *
 * Its first bytes, the head, are a copy. They are checked there, and delivered from there, so the sender cannot change what
 * was checked. The rest stays in the sender's memory, and is read while it is copied to a receiver.
 *
 * A sender may leave work to the receiver (struct net_offload). What a receiver does not do itself is done here: checksum.c
 * for the checksum, segment.c for a TCP frame that is larger than the network carries.
 */
#ifndef NET_FRAME_H
#define NET_FRAME_H

#include "lib/index.h"

#define NET_ETHER_BYTES 14     /* two addresses and a type */
#define NET_FRAME_MAX	65549u /* bytes: an IP packet of 65,535 behind an Ethernet header */
#define NET_HEAD_MAX	192u   /* Ethernet, IP with options and TCP with options have 134 at most */

enum net_gso { NET_GSO_NONE, NET_GSO_TCPV4, NET_GSO_TCPV6 };

/* What the sender has left undone. Offsets are in bytes from the beginning of the frame, and have been checked. */
struct net_offload {
	bool csum; /* the checksum of all from csum_start on is missing; its field has the sum of the pseudo-header */
	uint8_t gso;	      /* enum net_gso: the frame is to be cut into segments; csum is set */
	uint16_t csum_start;  /* within the head */
	uint16_t csum_offset; /* of the field, from csum_start on; within the head */
	uint16_t gso_size;    /* bytes of data in each segment */
	uint16_t hdr_len;     /* what each segment begins with; the head, if gso is set */
};

struct net_frame {
	/*
	 * piece - the next bytes, at most @max (not 0) and at least one, that lie together in host memory, at *@at. Returns
	 * their number; HV_EFAULT: the sender's memory is not there.
	 * seek - the next piece begins at byte @off, from head_len to len. HV_EFAULT.
	 * The caller has not read behind the end. In a bracket of vcpu/vm_mem.h.
	 */
	int64_t (*piece)(struct net_frame *f, uint64_t max, const uint8_t **at);
	int (*seek)(struct net_frame *f, uint64_t off);
	/* The next bytes, without a call, as far as they are known. */
	const uint8_t *next;
	uint64_t next_len;
	const uint8_t *
		all; /* the whole frame, if it lies together; its beginning may have become another one. Else NULL */
	uint32_t len; /* of all, NET_ETHER_BYTES to NET_FRAME_MAX */
	uint32_t head_len;
	struct net_offload offload;
	_Alignas(8) uint8_t head[NET_HEAD_MAX];
};

typedef uint64_t net_word __attribute__((may_alias));

/* net_frame_word - the first 8 bytes of the head (@i 0), or the 8 behind them (1), of which 4 are the end of the addresses. */
static inline uint64_t net_frame_word(const struct net_frame *f, unsigned int i)
{
	return ((const net_word *)f->head)[i % 2];
}

/* net_piece - as f->piece(). */
static inline int64_t net_piece(struct net_frame *f, uint64_t max, const uint8_t **at)
{
	const uint64_t n = min_u64(f->next_len, max);

	if (n == 0)
		return f->piece(f, max, at);
	*at = f->next;
	f->next += n;
	f->next_len -= n;
	return (int64_t)n;
}

/* A 16-bit number of a packet, at any address. */
static inline uint16_t net_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline void net_put16(uint8_t *p, uint16_t val)
{
	p[0] = (uint8_t)(val >> 8);
	p[1] = (uint8_t)val;
}

static inline uint32_t net_get32(const uint8_t *p)
{
	return (uint32_t)net_get16(p) << 16 | net_get16(p + 2);
}

static inline void net_put32(uint8_t *p, uint32_t val)
{
	net_put16(p, (uint16_t)(val >> 16));
	net_put16(p + 2, (uint16_t)val);
}

/* net_wire_bytes - the largest frame that @f is on the network. */
static inline uint32_t net_wire_bytes(const struct net_frame *f)
{
	return f->offload.gso == NET_GSO_NONE ? f->len :
						(uint32_t)f->offload.hdr_len + f->offload.gso_size;
}

/* net_copy - as memcpy(), of any alignment: by words even where source and destination are not aligned alike, as packets are. */
void net_copy(uint8_t *to, const uint8_t *from, uint64_t n);

/*
 * net_sum - the Internet checksum (RFC 1071) of @n bytes at @p, added to @sum, which begins as 0. @odd: an odd number of bytes
 * came before. net_sum_fold - the 16 bits that go into a packet by net_put16(), not inverted.
 */
uint64_t net_sum(uint64_t sum, const uint8_t *p, uint64_t n, bool odd);
uint16_t net_sum_fold(uint64_t sum);

/*
 * net_checksum - the checksum that the sender has left is put into the head. The next piece is the one behind the head again.
 * HV_EFAULT: the sender's memory is not there.
 */
int net_checksum(struct net_frame *f);

/*
 * net_check_gso - what f->offload says of segments fits the packet in the head, which has all of its headers: TCP right behind
 * IP. f->offload.hdr_len is set, and the head ends there. False: it does not fit.
 */
bool net_check_gso(struct net_frame *f);

/* One segment of a larger frame. */
struct net_segment {
	struct net_frame frame;
	struct net_frame *of;
	uint32_t at; /* of its data, in the larger frame */
};

/*
 * net_segment_at - @s is the segment of @f with the data from @at on; net_check_gso() has passed @f. @at is hdr_len plus a multiple
 * of gso_size. Its checksum is left undone. net_segment_next - where the one behind it begins; f->len: there is none.
 */
void net_segment_at(struct net_segment *s, struct net_frame *f, uint32_t at);

static inline uint32_t net_segment_next(const struct net_frame *f, uint32_t at)
{
	return (uint32_t)min_u64((uint64_t)at + f->offload.gso_size, f->len);
}

#endif
