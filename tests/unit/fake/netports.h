/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ports of a switch that are no devices: what they get lies in arrays. A program that is LIKE this file is made of
 *
 * SOURCES: hyp/net/switch.c hyp/net/forward.c hyp/net/checksum.c hyp/net/segment.c hyp/net/copy.c
 * SOURCES: tests/unit/fake/netports.c tests/unit/fake/timer.c
 */
#ifndef FAKE_NETPORTS_H
#define FAKE_NETPORTS_H

#include "net/switch.h"

#define FAKE_PORTS  8
#define FAKE_FRAMES 64

struct fake_port {
	struct net_port port;
	struct net_sender sender;
	bool is_down, is_open;
	uint64_t takes;
	enum net_fate fate;	   /* of what it is to get */
	unsigned int room;	   /* frames, then it is full */
	unsigned int opens, nr;	   /* of what it has got */
	unsigned int lane;	   /* of the last one */
	uint8_t *got[FAKE_FRAMES]; /* allocated */
	uint32_t len[FAKE_FRAMES];
	struct net_offload offload[FAKE_FRAMES];
};

extern struct fake_port fake_ports[FAKE_PORTS];
extern struct net_switch fake_switch;
extern unsigned int fake_mem_waits; /* calls of vm_mem_wait() */

/* fake_net_begin - the switch has ports 0 to FAKE_PORTS - 1, with addresses of fake_mac(). fake_net_end - and none any more. */
void fake_net_begin(void);
void fake_net_end(void);

/* fake_port_joins - port @i joins (again), in @vlan. */
void fake_port_joins(unsigned int i, uint16_t vlan);

/* fake_mac - 02:00:00:00:00:@n. */
net_mac_t fake_mac(unsigned int n);

/* A frame in one place, which comes in pieces of at most @piece bytes. */
struct flat {
	struct net_frame frame;
	const uint8_t *bytes;
	uint64_t at, piece;
	bool faults; /* behind the head */
};

/* flat_begin - @f is the frame of @len bytes at @bytes, with a head of @head bytes. */
void flat_begin(struct flat *f, const uint8_t *bytes, uint32_t len, uint32_t head);

/* fake_ether - an Ethernet header at @to. */
void fake_ether(uint8_t *to, net_mac_t dst, net_mac_t src, uint16_t type);

/* fake_send_flat - port @i sends @f, as often as it takes, and its step ends. What net_send() returned last. */
int64_t fake_send_flat(unsigned int i, struct flat *f);

/* fake_send - a frame of 60 bytes from @src to @dst, of port @i. */
int64_t fake_send(unsigned int i, net_mac_t dst, net_mac_t src);

/* fake_got - how many frames port @i has got since the last call. fake_got_set - bit n: port n has got one. */
unsigned int fake_got(unsigned int i);
uint32_t fake_got_set(void);

/* fake_dropped - how many frames have been dropped at port @i since the last call, for @why. */
uint64_t fake_dropped(unsigned int i, enum net_drop why);

#endif
