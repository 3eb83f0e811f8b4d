/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A network device (virtio 1.2, section 5.1): one port of a switch (net/switch.h). net.c is the device and what it sends,
 * net_receive.c what it gets, net_control.c the control queue and what it receives at all, net_part.c its properties.
 *
 * A packet goes to the receivers in the exit of the sender's notification, as long as that hart works on the sender's queue. It has
 * the lock of that queue, and takes that of a receiver's queue. So receive queues have a rank of their own, behind that of
 * all other queues, and a hart that has such a lock waits for no queue.
 *
 * Nothing is done when a driver gives buffers to a receive queue: a packet that comes looks for them.
 */
#ifndef DEV_VIRTIO_NET_H
#define DEV_VIRTIO_NET_H

#include "dev/virtio/virtio.h"
#include "lib/virtio_net_abi.h"
#include "net/switch.h"

#define NET_QUEUE_SIZE 256 /* a segment of 64 KiB takes up to 43 buffers of 1,536 bytes */
#define NET_PAIRS_MAX  8
#define NET_FILTER_MAX 32 /* addresses of each kind; of more, all of the kind are received */

/* Receive and transmit queues take turns; the control queue is behind the pairs that the driver may use (5.1.2). */
static inline unsigned int net_rx_queue(unsigned int pair)
{
	return 2 * pair;
}

struct net_list {
	bool all; /* there were more than there is room for */
	unsigned int nr;
	net_mac_t macs[NET_FILTER_MAX];
};

/* What is received besides frames for the device's own address and broadcasts. */
struct net_filter {
	struct spinlock lock;	    /* LOCK_NET_FILTER; guards the lists */
	uint32_t promisc, allmulti; /* atomic */
	struct net_list unicast, multicast;
};

/* One pair of queues. */
struct net_lane {
	struct net_sender sender; /* guarded by the transmit queue's lock */
	int err; /* the receive queue's, as what follows: HV_E* of the packets of this opening */
	uint64_t received, received_bytes; /* read without the lock */
};

struct vnet {
	struct virtio_dev dev;
	struct net_port port;
	unsigned int max_pairs; /* fixed */
	uint32_t pairs;		/* atomic: in use; 1 to max_pairs */
	uint64_t mac;		/* atomic: the device's own address, as the driver has set it */
	struct net_filter filter;
	struct net_lane lanes[NET_PAIRS_MAX];
};

static inline struct vnet *vnet_of(struct virtio_dev *d)
{
	return container_of(d, struct vnet, dev);
}

static inline struct vnet *vnet_of_port(struct net_port *p)
{
	return container_of(p, struct vnet, port);
}

static inline struct net_lane *vnet_lane(struct vnet *n, unsigned int pair)
{
	return &n->lanes[index_below(pair, NET_PAIRS_MAX)];
}

extern const struct virtio_ops vnet_ops;
extern const struct net_port_ops vnet_port_ops;

/* vnet_init - @n is a device (virtio_init()) with n->max_pairs: the rest of it is as after a reset. While the VM is made. */
void vnet_init(struct vnet *n);

/* vnet_count - net_port_ops.count. vnet_link - net_port_ops.link. */
void vnet_count(struct net_port *p, struct net_port_counts *out);
void vnet_link(struct net_port *p);

/* vnet_control - virtio_ops.handle() of the control queue. */
int64_t vnet_control(struct vnet *n, struct virtq *q);

/* vnet_filter_reset - only what is for the device's address, and all multicasts. vnet_wants - is @f received? Any hart. */
void vnet_filter_reset(struct vnet *n);
bool vnet_wants(struct vnet *n, const struct net_frame *f);

#endif
