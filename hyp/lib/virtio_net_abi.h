/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers and structures of virtio's network device (Virtual I/O Device, version 1.2, section 5.1). All is little-endian. */
#ifndef LIB_VIRTIO_NET_ABI_H
#define LIB_VIRTIO_NET_ABI_H

#include <stddef.h>

#include "lib/types.h"

/* Features (5.1.3). */
#define NET_F_CSUM	    BIT(0)
#define NET_F_GUEST_CSUM    BIT(1)
#define NET_F_MTU	    BIT(3)
#define NET_F_MAC	    BIT(5)
#define NET_F_GUEST_TSO4    BIT(7)
#define NET_F_GUEST_TSO6    BIT(8)
#define NET_F_HOST_TSO4	    BIT(11)
#define NET_F_HOST_TSO6	    BIT(12)
#define NET_F_MRG_RXBUF	    BIT(15)
#define NET_F_STATUS	    BIT(16)
#define NET_F_CTRL_VQ	    BIT(17)
#define NET_F_CTRL_RX	    BIT(18)
#define NET_F_MQ	    BIT(22)
#define NET_F_CTRL_MAC_ADDR BIT(23)

/* The configuration (5.1.4). */
struct net_layout {
	uint8_t mac[6];
	uint16_t status;
	uint16_t max_pairs;
	uint16_t mtu;
};

#define NET_S_LINK_UP 1u

static_assert(offsetof(struct net_layout, status) == 6 &&
		      offsetof(struct net_layout, max_pairs) == 8 &&
		      offsetof(struct net_layout, mtu) == 10,
	      "as in the specification");

/* What a packet begins with (5.1.6). */
struct net_header {
	uint8_t flags;
	uint8_t gso_type;
	uint16_t hdr_len;
	uint16_t gso_size;
	uint16_t csum_start;
	uint16_t csum_offset;
	uint16_t num_buffers;
};

#define NET_HDR_NEEDS_CSUM 1u
#define NET_HDR_GSO_NONE   0u
#define NET_HDR_GSO_TCPV4  1u
#define NET_HDR_GSO_TCPV6  4u

static_assert(sizeof(struct net_header) == 12 && offsetof(struct net_header, csum_start) == 6 &&
		      offsetof(struct net_header, num_buffers) == 10,
	      "as in the specification");

/* The control queue (5.1.6.5): class, command, what belongs to it; and the answer. */
enum net_ctrl_class { NET_CTRL_RX, NET_CTRL_MAC, NET_CTRL_VLAN, NET_CTRL_ANNOUNCE, NET_CTRL_MQ };

#define NET_CTRL_RX_PROMISC    0u
#define NET_CTRL_RX_ALLMULTI   1u
#define NET_CTRL_MAC_TABLE_SET 0u
#define NET_CTRL_MAC_ADDR_SET  1u
#define NET_CTRL_MQ_PAIRS_SET  0u

#define NET_CTRL_OK  0
#define NET_CTRL_ERR 1

#endif
