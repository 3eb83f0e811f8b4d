/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A fake VM with some network devices on one switch, and their drivers. A program that is LIKE this file is made of
 *
 * SOURCES: hyp/dev/virtio/net.c hyp/dev/virtio/net_receive.c hyp/dev/virtio/net_control.c hyp/dev/virtio/net_part.c
 * SOURCES: hyp/net/switch.c hyp/net/forward.c hyp/net/checksum.c hyp/net/segment.c hyp/net/copy.c
 * SOURCES: tests/unit/fake/no_uplink.c tests/unit/fake/netvm.c tests/unit/fake/tree.c tests/unit/fake/timer.c
 *
 * and is LIKE fake/vring.h, too.
 */
#ifndef FAKE_NETVM_H
#define FAKE_NETVM_H

#include "dev/virtio/net.h"
#include "fake/vring.h"

#define NETS	 4 /* devices at most, in slots 0 to 3 */
#define NET_RING 64

/* What a driver takes, if nothing else is said. */
#define NET_PLAIN                                                                        \
	(VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_RING_RESET | NET_F_MAC | \
	 NET_F_CTRL_VQ | NET_F_CTRL_RX)
#define NET_OFFLOADS                                                                             \
	(NET_F_CSUM | NET_F_GUEST_CSUM | NET_F_GUEST_TSO4 | NET_F_GUEST_TSO6 | NET_F_HOST_TSO4 | \
	 NET_F_HOST_TSO6)

/* What a node says; 0 and NULL: nothing of it. mac: 6 bytes if mac_len is 0. */
struct net_says {
	const char *to;
	const char *mac;
	int mac_len;
	uint32_t vlan, rate, queues, mtu;
	const char *offloads;
};

struct fake_net {
	struct vnet *dev;
	struct vring rx[NET_PAIRS_MAX], tx[NET_PAIRS_MAX], ctrl;
	uint64_t buffers; /* where the ones of rx[0] are */
	uint32_t each;	  /* bytes of each */
};

extern struct fake_net nets[NETS];

/* net_vm_setup - the VM with four vcpus, and the switch "lan". net_vm_teardown - false: memory is lost. */
void net_vm_setup(enum fake_leaves leaves);
bool net_vm_teardown(void);

/* net_make - device @i, as net@i. What its create() returns. */
int net_make(unsigned int i, struct net_says says);

/* net_begin - the driver of device @i starts it with @features: all pairs that it has with MQ, else one. */
void net_begin(unsigned int i, uint64_t features);

/* net_pair - devices 0 and 1, with the addresses 02:..:01 and 02:..:02, started with @features; 1 has @nr buffers. */
void net_pair(uint64_t features, unsigned int nr, uint32_t each);

/* net_give - @nr buffers of @each bytes for queue 0 of device @i. net_give_chain - one chain of them, for queue @pair. */
void net_give(unsigned int i, unsigned int nr, uint32_t each);
uint16_t net_give_chain(unsigned int i, unsigned int pair, const struct vbuf *bufs,
			unsigned int nr);

/* net_frame - a frame of @len bytes: Ethernet of @dst and @src (the last bytes of addresses 02:..), then a pattern. */
void net_frame(uint8_t *to, uint32_t len, uint8_t dst, uint8_t src);

/*
 * net_send_frame - device @i sends @len bytes at @bytes with the header @h, by @pair, in buffers of @cut bytes at most (0: one).
 * net_put_frame - the same, without a notification.
 */
void net_put_frame(unsigned int i, unsigned int pair, const struct net_header *h, const void *bytes,
		   uint32_t len, uint32_t cut);
void net_send_frame(unsigned int i, unsigned int pair, const struct net_header *h,
		    const void *bytes, uint32_t len, uint32_t cut);

/* net_got - the next packet that device @i has got in buffers of net_give(); its length without the header, or -1. */
int net_got(unsigned int i, struct net_header *h, void *to);

/* net_control - a command of device @i: @len bytes at @bytes. Its answer; -1: there is none. */
int net_control(unsigned int i, const void *bytes, uint32_t len);

/* net_dropped - how many frames have been dropped at device @i for @why. net_broken - does it ask for a reset? */
uint64_t net_dropped(unsigned int i, enum net_drop why);
bool net_broken(unsigned int i);

#endif
