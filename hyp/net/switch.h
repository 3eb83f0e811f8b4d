/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Switches: the networks between VMs. A switch has ports, each of a device of some VM (dev/virtio/net.h). A frame goes from the
 * sender's memory to the receivers' in one copy each, on the sender's hart and in the sender's time. No frame is kept here: a
 * receiver without room for it does not get it, and the sender does not wait.
 *
 * struct net_switch has the ports and the addresses that are known. switch.c has both, forward.c the way of a frame.
 * struct net_port is one end of it, in the memory of its device. struct net_sender is what one queue of a port sends by.
 *
 * Addresses. Each port of a VM has a fixed one, which no other port can send from. Others are learned from what a port sends, at most
 * NET_LEARNED_MAX of each port: a guest that makes up addresses replaces its own ones. They are forgotten after NET_AGE_SECONDS.
 *
 * VLANs. A port belongs to one VLAN, or to none. Ports exchange frames only within theirs. Guests see frames without tags; a
 * frame that a guest has tagged is dropped, so no guest chooses its VLAN.
 *
 * Locks: a sender has its own (that of its queue). In it ops->open() takes the receiver's, in the order of lib/lock_rank.h: no
 * hart that has a receiver's lock waits for a sender's, so two ports that send to each other never wait in a circle.
 * The switch's own lock guards the addresses and the joining of ports. A sender remembers its last decision together with
 * `changes`, and takes that lock only when something has changed.
 *
 * Life: all that a sender does is in a bracket of vcpu/vm_mem.h. A port is taken out of the switch, and then vm_mem_wait() ends
 * every use of it. So a sender needs no reference.
 */
#ifndef NET_SWITCH_H
#define NET_SWITCH_H

#include "lib/atomic.h"
#include "lib/named.h"
#include "lib/spinlock.h"
#include "net/frame.h"

#define NET_SWITCHES_MAX 16
#define NET_PORTS_MAX	 64 /* of a switch */
#define NET_LEARNED_MAX	 16
#define NET_AGE_SECONDS	 300
#define NET_VLAN_MAX	 4094
#define NET_MAC_BYTES	 6

/* An Ethernet address as a number, the first byte lowest. 0 is none. */
typedef struct {
	uint64_t mac;
} net_mac_t;

static inline net_mac_t net_mac(const uint8_t bytes[NET_MAC_BYTES])
{
	uint64_t val = 0;

	for (unsigned int i = 0; i < NET_MAC_BYTES; i++)
		val |= (uint64_t)bytes[i] << (8 * i);
	return (net_mac_t){ val };
}

static inline uint8_t net_mac_byte(net_mac_t a, unsigned int i)
{
	return (uint8_t)(a.mac >> (8 * i));
}

/* net_mac_is_group - a multicast address, or all ones for broadcast. */
static inline bool net_mac_is_group(net_mac_t a)
{
	return a.mac & 1;
}

#define NET_BROADCAST ((net_mac_t){ 0xffffffffffffu })

/* net_destination - where @f is to go. */
static inline net_mac_t net_destination(const struct net_frame *f)
{
	return (net_mac_t){ net_frame_word(f, 0) & NET_BROADCAST.mac };
}

/* Why a frame is not delivered. The first ones are counted at the port that sends, the others at the one that does not get it. */
enum net_drop {
	NET_DROP_MALFORMED, /* too short, or what it leaves to the receiver does not fit it */
	NET_DROP_TAGGED,    /* by the guest */
	NET_DROP_SOURCE, /* it comes from a group, from 0, or from the fixed address of another port */
	NET_DROP_TOO_LONG, /* for the sender's mtu */
	NET_DROP_RATE,	   /* beyond the port's rate */
	NET_DROP_DOWN,	   /* the receiver is not ready, or paused; or the link of either is down */
	NET_DROP_FULL,	   /* it has no buffers left */
	NET_DROP_NO_ROOM,  /* its buffers, or its mtu, are too small */
	NR_NET_DROPS,
};

struct net_port_counts {
	uint64_t sent, sent_bytes, received, received_bytes;
	uint64_t drops[NR_NET_DROPS];
};

/* What became of a frame. */
enum net_fate {
	NET_DELIVERED,
	NET_FILTERED, /* the receiver does not want it */
	NET_FULL,
	NET_NO_ROOM,
	NET_BROKEN,	  /* the receiver cannot go on */
	NET_SOURCE_FAULT, /* the sender's memory is not there */
};

/* What a receiver does itself of what a sender leaves undone. */
#define NET_TAKES_CSUM	BIT(0)
#define NET_TAKES_TCPV4 BIT(NET_GSO_TCPV4)
#define NET_TAKES_TCPV6 BIT(NET_GSO_TCPV6)

struct net_port;

/* A receiver that is open. */
struct net_receiver {
	struct net_port *port; /* NULL: none is */
	unsigned int lane;     /* the receiver's own number of its queue */
	uint64_t takes;
};

struct net_port_ops {
	/*
	 * open - the port is to get frames from lane @lane of a sender: it takes its lock and fills r->lane and r->takes. False: it
	 * is not ready, and has no lock. deliver - one frame, all of it or nothing. close - the guest is to see what has been
	 * delivered; the lock is given up. With the sender's lock, in a bracket that was begun for the sender's VM.
	 */
	bool (*open)(struct net_port *p, unsigned int lane, struct net_receiver *r);
	enum net_fate (*deliver)(struct net_port *p, unsigned int lane, struct net_frame *f);
	void (*close)(struct net_port *p, unsigned int lane);
	/* count - what has gone through the port, but for the drops, is added. Any hart; of one moment each, not of the same. */
	void (*count)(struct net_port *p, struct net_port_counts *out);
	/* link - p->unplugged has changed: the guest is told. NULL: it is no VM's port. With the switch's lock. */
	void (*link)(struct net_port *p);
};

/* An address that is known, in the switch's table; guarded by its lock. */
struct net_address {
	struct net_address *next; /* in its bucket */
	struct net_port *port;	  /* NULL: not in use */
	net_mac_t mac;
	uint64_t seen; /* host time */
};

struct net_switch;
struct net_uplink;

struct net_port {
	/* The device's, fixed from net_port_join() on. */
	const struct net_port_ops *ops;
	const char *vm; /* its name, and N of net@N: for messages */
	unsigned int unit;
	net_mac_t mac; /* 0: it has no fixed address */
	uint16_t vlan; /* 0: none */
	uint32_t mtu;  /* bytes behind the Ethernet header */
	uint64_t rate; /* bytes a second that it sends; 0: any */

	struct net_switch *of;
	unsigned int number; /* of its ports */
	uint64_t due; /* atomic; forward.c: when all that it has sent is paid for by its rate */
	uint64_t drops[NR_NET_DROPS];	/* atomic */
	struct net_port_counts counted; /* what is not told any more; with the switch's lock */
	uint32_t unplugged;		/* atomic: the operator has taken its link down */
	struct net_address fixed, own[NET_LEARNED_MAX];
	struct net_address *learned; /* NULL before it joins: `own` */
	unsigned int nr_learned;
};

/* One queue that sends. Guarded by the queue's lock. */
struct net_sender {
	struct net_port *port; /* fixed, as the number of the lane */
	unsigned int lane;
	uint64_t now;	       /* host time of this step; 0: not asked for yet */
	uint64_t addresses[2]; /* of the last decision: as the frame has them */
	uint64_t changes,
		until;	     /* it holds for as long as net_switch.changes stays, and until then */
	struct net_port *to; /* NULL: there is no decision */
	struct net_receiver open; /* the receiver of the last frames */
	uint64_t frames, bytes;	  /* sent; read without the lock */
};

#define NET_BUCKETS 64

struct net_switch {
	struct named named;
	struct spinlock lock;  /* LOCK_SWITCH; guards writing the ports, and the addresses */
	uint64_t changes;      /* atomic; counts what makes a decision invalid */
	unsigned int nr_slots; /* atomic; ports behind it are NULL */
	struct net_port *ports[NET_PORTS_MAX]; /* atomic; NULL: free */
	struct net_address *buckets[NET_BUCKETS];
	struct net_uplink *uplink; /* NULL: none (net/uplink.h) */
};

/* net_switch_add - @s, of zeroes but for its name, becomes one of those that there are. Boot hart. */
void net_switch_add(struct net_switch *s);

extern struct named *net_switches;

/* net_switch_of - the switch that has the name @n; NULL of NULL. */
static inline struct net_switch *net_switch_of(struct named *n)
{
	return n ? container_of(n, struct net_switch, named) : NULL;
}

/*
 * net_port_join - @p becomes a port of @s. HV_EEXIST: *@other has its address. HV_ENOMEM: there are NET_PORTS_MAX already.
 * net_port_leave - it is none any more, and no sender uses it. Neither in a bracket, nor with a lock that a sender may want.
 */
int net_port_join(struct net_port *p, struct net_switch *s, const struct net_port **other);
void net_port_leave(struct net_port *p);

/* net_port_look - number @i of @s, as the operator sees it; false: there is no such port. No locks. */
struct net_port_look {
	char vm[32]; /* its name, and N of net@N */
	unsigned int unit;
	uint16_t vlan;
	bool unplugged;
	struct net_port_counts counts;
};

bool net_port_look(struct net_switch *s, unsigned int i, struct net_port_look *out);

/* net_ports_zero - all ports of @s count from now on. No locks. */
void net_ports_zero(struct net_switch *s);

/* net_port_link - the link of net@@unit of VM @vm is up from now on, or down. HV_ENOENT: there is no such port. No locks. */
int net_port_link(const char *vm, unsigned int unit, bool up);

/* net_port_forget - what has been learned of @p is forgotten: its guest begins anew. No locks. */
void net_port_forget(struct net_port *p);

/* net_lookup - the port that has @mac in the VLAN of @from, which may be @from itself; NULL: it is not known. With the lock. */
struct net_port *net_lookup(const struct net_switch *s, const struct net_port *from, net_mac_t mac,
			    uint64_t now);

/* net_learn - @from has sent from @mac. False: that is the fixed address of another port. With the lock. */
bool net_learn(struct net_switch *s, struct net_port *from, net_mac_t mac, uint64_t now);

/* net_drop - one more frame was dropped at @p. Any hart. */
static inline void net_drop(struct net_port *p, enum net_drop why)
{
	counter_inc_shared(&p->drops[why % NR_NET_DROPS]);
}

/*
 * net_send - the frame @f goes from @s to where it is to go. *@state: 0 of a new frame. Not 0 when it returns: the frame goes to
 * more ports, and the caller calls again with it. At most one frame, or @budget and one frame, is moved. Returns how many bytes;
 * HV_EFAULT: the sender's memory is not there. net_send_end - the step is over: the receiver sees what it has got.
 * With the sender's lock, in a bracket.
 */
int64_t net_send(struct net_sender *s, struct net_frame *f, uint32_t *state, uint64_t budget);
void net_send_end(struct net_sender *s);

#endif
