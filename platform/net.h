/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Network devices of the machine. What comes is put into buffers of ours by the device, and what goes is copied into others: the
 * device never sees a guest's memory.
 *
 * One that sends does not wait: without a free buffer its frame goes nowhere. Frames that come are given to the device's one user
 * in the order in which they came, by one hart at a time, a bounded number for each interrupt.
 *
 * The device is not trusted. One that answers what it was not asked, asks for a reset, or interrupts without end is reset, which
 * ends its access to memory; then its link is down for ever.
 */
#ifndef PLATFORM_NET_H
#define PLATFORM_NET_H

#include "lib/types.h"
#include "lib/virtio_net_abi.h"

#define HOST_NET_MAX	 4
#define HOST_NET_MEMORY	 (KIB(512) + KIB(32)) /* of host_net_open() */
#define HOST_NET_MAC	 6
#define HOST_NET_MTU	 1500 /* if the device says nothing */
#define HOST_NET_MTU_MAX 2000 /* what a buffer holds, with the headers */

struct host_net;

/* Fixed once the device is open. */
struct host_net_facts {
	uint8_t mac[HOST_NET_MAC];
	uint32_t mtu;	       /* bytes behind the Ethernet header */
	bool csum, tso4, tso6; /* what may be left undone in a frame that is sent */
};

/* What gets the frames that come. Called without locks, by one hart at a time. */
struct host_net_user {
	/* received - a frame of @len bytes, not 0, at @frame, good until it returns. Each field of @h is as the device has it. */
	void (*received)(struct host_net_user *u, const struct net_header *h, const uint8_t *frame,
			 uint32_t len);
	/* received_all - the frames of this step have been given. */
	void (*received_all)(struct host_net_user *u);
};

/*
 * host_net_open - the device at @path of the machine's tree (a path or an alias) is set up for @user, in HOST_NET_MEMORY bytes of
 * zeroed pages at @memory. HV_E*, and *@why, in words that follow the value of a property. Boot hart.
 */
int host_net_open(const void *fdt, const char *path, void *memory, struct host_net_user *user,
		  struct host_net **out, const char **why);

const struct host_net_facts *host_net_facts(const struct host_net *n);

/* host_net_link - is a network connected, and the device in use? Any hart. */
bool host_net_link(const struct host_net *n);

/* A frame that is being sent, in one buffer or more. */
struct host_net_frame {
	uint16_t first, at; /* buffers: the first one, and the one that is filled next */
	uint16_t nr;
	uint32_t len; /* bytes of the frame */
	uint32_t left;
};

/*
 * host_net_begin - buffers for a frame of @len bytes, not 0. False: as many are not free, or the device is out of use. Then one call of
 * host_net_send() or host_net_cancel() follows. Any hart.
 * host_net_buffer - where the frame goes on, in the next buffer: *@room bytes, not 0. Called until all @len bytes have been given.
 */
bool host_net_begin(struct host_net *n, uint32_t len, struct host_net_frame *f);
uint8_t *host_net_buffer(const struct host_net *n, struct host_net_frame *f, uint32_t *room);

/* host_net_send - the frame goes, with the header @h. host_net_cancel - it does not. host_net_flush - the device is told of all. */
void host_net_send(struct host_net *n, const struct host_net_frame *f, const struct net_header *h);
void host_net_cancel(struct host_net *n, const struct host_net_frame *f);
void host_net_flush(struct host_net *n);

#endif
