// SPDX-License-Identifier: BSD-2-Clause
/*
 * A network device of the machine that is a virtio one (virtio 1.2, section 5.1): one queue that receives, one that sends.
 *
 * Each buffer is one descriptor, with the header in front of the first one of a frame. Frames that come are no longer than a
 * buffer: the device is not allowed to merge buffers, nor to leave segments together.
 */
#include "platform/net.h"

#include <string.h>

#include "arch/memmap.h"
#include "lib/errno.h"
#include "lib/fdt.h"
#include "lib/index.h"
#include "lib/log.h"
#include "lib/spinlock.h"
#include "lib/work.h"
#include "platform/driver.h"
#include "platform/virtio/mmio.h"

#define FEATURES                                                                      \
	(VIRTIO_F_EVENT_IDX | NET_F_CSUM | NET_F_GUEST_CSUM | NET_F_MTU | NET_F_MAC | \
	 NET_F_STATUS | NET_F_HOST_TSO4 | NET_F_HOST_TSO6)

#define RX 0
#define TX 1

#define BUFFER	   2048u
#define RX_BUFFERS 128
#define TX_BUFFERS 128
#define NONE	   UINT16_MAX

/* Frames that are given to the user before guests have their turn. */
#define STEP 32

/* So many interrupts in a row that bring nothing are no accident. */
#define IDLE_MAX 1000

#define ETHER_BYTES 14u

struct queue_memory {
	struct host_ring_memory ring;
	struct host_ring_chain chains[HOST_RING_MAX];
};

struct memory {
	uint8_t rx[RX_BUFFERS][BUFFER];
	uint8_t tx[TX_BUFFERS][BUFFER];
	struct queue_memory queues[2];
	uint16_t next[TX_BUFFERS]; /* of a frame's buffers, or of the free ones */
};

static_assert(sizeof(struct memory) <= HOST_NET_MEMORY, "platform/net.h");
static_assert(sizeof(struct net_header) + ETHER_BYTES + 4 + HOST_NET_MTU_MAX <= BUFFER,
	      "a frame with a VLAN tag fits a buffer");
static_assert(RX_BUFFERS <= HOST_RING_MAX && TX_BUFFERS <= HOST_RING_MAX, "a descriptor each");

struct host_net {
	struct host_virtio *dev;
	struct memory *memory;
	struct host_net_user *user;
	struct host_net_facts facts;
	char path[FDTX_PATH_MAX];
	struct work work; /* go_on() */

	struct spinlock lock; /* LOCK_HOST_NET; guards all that follows, and the rings */
	struct host_ring rx, tx;
	uint16_t free; /* the first free buffer of tx */
	uint16_t nr_free;
	unsigned int idle; /* interrupts since something was last received */
	bool receiving;	   /* some hart gives frames to the user */
	bool again;	   /* it is to look once more */
	bool failed;	   /* atomic */
	bool link;	   /* atomic */
};

static struct host_net nets[HOST_NET_MAX];
static unsigned int nr_nets;

const struct host_net_facts *host_net_facts(const struct host_net *n)
{
	return &n->facts;
}

bool host_net_link(const struct host_net *n)
{
	return atomic_read(&n->link) && !atomic_read(&n->failed);
}

/* --- when it is out of use ------------------------------------------------------------------------ */

/*
 * Buffers that a device has which does not even stop are never used again: nothing is sent or received any more. False: it was given
 * up before.
 */
static cold bool give_up(struct host_net *n, const char *why)
{
	bool first;

	spin_lock(&n->lock);
	first = !n->failed;
	atomic_set(&n->failed, true);
	spin_unlock(&n->lock);
	if (first)
		log_error("%s: %s: the network device is not used any more%s", n->path, why,
			  host_virtio_reset(n->dev) ? "" : ", and does not stop");
	return first;
}

/* --- what is sent --------------------------------------------------------------------------------- */

static struct host_piece piece_of(void *p, uint32_t len)
{
	return (struct host_piece){ ptr_to_hpa(p), len };
}

static uint8_t *tx_buffer(const struct host_net *n, unsigned int i)
{
	return n->memory->tx[index_below(i, TX_BUFFERS)];
}

static uint16_t *next_of(const struct host_net *n, unsigned int i)
{
	return &n->memory->next[index_below(i, TX_BUFFERS)];
}

/* @nr buffers from @first on are free. With the lock. */
static void put_back(struct host_net *n, uint16_t first, uint16_t nr)
{
	uint16_t last = first;

	for (unsigned int i = 1; i < nr; i++)
		last = *next_of(n, last);
	*next_of(n, last) = n->free;
	n->free = first;
	n->nr_free = (uint16_t)(n->nr_free + nr);
}

/* The token of a frame is its first buffer. With the lock. */
static void reap(struct host_net *n)
{
	uint32_t len;
	uint8_t *head;

	while ((head = host_ring_take(&n->tx, &len)) != NULL) {
		uint16_t first = (uint16_t)((uint64_t)(head - n->memory->tx[0]) / BUFFER);
		uint16_t nr = 1;

		/* The links behind a frame's last buffer end. */
		for (uint16_t i = first; *next_of(n, i) != NONE; i = *next_of(n, i))
			nr++;
		put_back(n, first, nr);
	}
}

static uint16_t buffers_for(uint32_t len)
{
	return (uint16_t)((len + sizeof(struct net_header) + BUFFER - 1) / BUFFER);
}

bool host_net_begin(struct host_net *n, uint32_t len, struct host_net_frame *f)
{
	const uint16_t nr = buffers_for(len);
	uint16_t last;
	bool good;

	spin_lock(&n->lock);
	if (n->nr_free < nr && !n->failed) {
		reap(n);
		if (n->tx.broken)
			work_queue(&n->work);
	}
	good = len != 0 && n->nr_free >= nr && !n->failed;
	if (good) {
		*f = (struct host_net_frame){ n->free, n->free, nr, len, len };
		last = n->free;
		for (unsigned int i = 1; i < nr; i++)
			last = *next_of(n, last);
		n->free = *next_of(n, last);
		*next_of(n, last) = NONE;
		n->nr_free = (uint16_t)(n->nr_free - nr);
	}
	spin_unlock(&n->lock);
	return good;
}

uint8_t *host_net_buffer(const struct host_net *n, struct host_net_frame *f, uint32_t *room)
{
	const uint32_t off = f->at == f->first ? sizeof(struct net_header) : 0;
	uint8_t *at = tx_buffer(n, f->at) + off;

	*room = (uint32_t)min_u64(f->left, BUFFER - off);
	f->left -= *room;
	f->at = *next_of(n, f->at);
	return at;
}

void host_net_send(struct host_net *n, const struct host_net_frame *f, const struct net_header *h)
{
	uint32_t left = f->len + (uint32_t)sizeof(*h);
	struct host_ring_adding a;

	memcpy(tx_buffer(n, f->first), h, sizeof(*h));
	spin_lock(&n->lock);
	/* There are no more buffers than descriptors. */
	if (n->failed || !host_ring_begin(&n->tx, &a, f->nr)) {
		put_back(n, f->first, f->nr);
	} else {
		for (uint16_t i = f->first; i != NONE; i = *next_of(n, i)) {
			uint32_t len = (uint32_t)min_u64(left, BUFFER);

			host_ring_add(&n->tx, &a, piece_of(tx_buffer(n, i), len), false);
			left -= len;
		}
		host_ring_end(&n->tx, &a, tx_buffer(n, f->first));
	}
	spin_unlock(&n->lock);
}

void host_net_cancel(struct host_net *n, const struct host_net_frame *f)
{
	spin_lock(&n->lock);
	put_back(n, f->first, f->nr);
	spin_unlock(&n->lock);
}

void host_net_flush(struct host_net *n)
{
	bool notify;

	spin_lock(&n->lock);
	notify = host_ring_publish(&n->tx) && !n->failed;
	spin_unlock(&n->lock);
	if (notify)
		host_virtio_notify(n->dev, TX);
}

/* --- what is received ----------------------------------------------------------------------------- */

/* With the lock. */
static void give_buffer(struct host_net *n, uint8_t *buffer)
{
	struct host_ring_adding a;

	if (!host_ring_begin(&n->rx, &a, 1))
		return; /* never: each buffer has its descriptor */
	host_ring_add(&n->rx, &a, piece_of(buffer, BUFFER), true);
	host_ring_end(&n->rx, &a, buffer);
}

/* The next frame; NULL: there is none, and the device interrupts for the next. @done, if it is not NULL, is a buffer again. */
static uint8_t *next_frame(struct host_net *n, uint8_t *done, uint32_t *len)
{
	uint8_t *frame = NULL;

	spin_lock(&n->lock);
	if (!n->failed) {
		if (done)
			give_buffer(n, done);
		do
			frame = host_ring_take(&n->rx, len);
		while (!frame && host_ring_rearm(&n->rx));
	}
	if (frame)
		n->idle = 0;
	spin_unlock(&n->lock);
	return frame;
}

/* The header is read once. A frame without its addresses is none. */
static void give_frame(const struct host_net *n, const uint8_t *buffer, uint32_t len)
{
	struct net_header h;

	if (len < sizeof(h) + ETHER_BYTES)
		return;
	memcpy(&h, buffer, sizeof(h));
	n->user->received(n->user, &h, buffer + sizeof(h), len - (uint32_t)sizeof(h));
}

static bool publish_rx(struct host_net *n)
{
	bool notify;

	spin_lock(&n->lock);
	notify = host_ring_publish(&n->rx) && !n->failed;
	spin_unlock(&n->lock);
	return notify;
}

/* Up to STEP frames. True: there may be more. */
static bool receive_some(struct host_net *n)
{
	uint8_t *buffer = NULL;
	unsigned int nr = 0;
	uint32_t len = 0;

	while ((buffer = next_frame(n, buffer, &len)) != NULL) {
		give_frame(n, buffer, len);
		if (++nr == STEP)
			break;
	}
	if (buffer) {
		spin_lock(&n->lock);
		if (!n->failed)
			give_buffer(n, buffer);
		spin_unlock(&n->lock);
	}
	n->user->received_all(n->user);
	if (publish_rx(n))
		host_virtio_notify(n->dev, RX);
	return buffer != NULL;
}

/* True: this hart is the one that gives frames to the user. Another hart that is looks once more. */
static bool begin_receiving(struct host_net *n)
{
	bool mine;

	spin_lock(&n->lock);
	mine = !n->receiving;
	n->receiving = true;
	n->again = !mine;
	spin_unlock(&n->lock);
	return mine;
}

/* False: another hart has asked for one more look. If there is @more anyway, it comes later. */
static bool end_receiving(struct host_net *n, bool more)
{
	bool again;

	spin_lock(&n->lock);
	again = n->again && !more;
	n->again = false;
	n->receiving = again;
	spin_unlock(&n->lock);
	return !again;
}

static void receive(struct host_net *n)
{
	bool more;

	if (!begin_receiving(n))
		return;
	do
		more = receive_some(n);
	while (!end_receiving(n, more));
	if (more)
		work_queue(&n->work);
}

static void read_link(struct host_net *n)
{
	uint32_t words[2];

	if (!(n->dev->features & NET_F_STATUS))
		return;
	host_virtio_config(n->dev, 4, words, ARRAY_SIZE(words));
	atomic_set(&n->link, (words[0] >> 16 & NET_S_LINK_UP) != 0);
}

/* What is wrong with the device; NULL: nothing. @interrupt: it has interrupted, and may have brought nothing. */
static const char *find_fault(struct host_net *n, bool interrupt)
{
	const char *why = NULL;
	uint16_t before;

	spin_lock(&n->lock);
	before = n->nr_free;
	if (!n->failed)
		reap(n);
	if (interrupt)
		n->idle = n->nr_free != before ? 0 : n->idle + 1;
	if (n->rx.broken || n->tx.broken)
		why = "it answered what it was not asked";
	else if (n->idle >= IDLE_MAX)
		why = "it interrupts without end";
	spin_unlock(&n->lock);
	return why;
}

static void give_up_if_wrong(struct host_net *n, bool interrupt)
{
	const char *why = find_fault(n, interrupt);

	if (why && give_up(n, why) && interrupt)
		host_irq_off(n);
}

/* There is more to be received, or the ring of what is sent is broken. */
static void go_on(struct work *w)
{
	struct host_net *n = container_of(w, struct host_net, work);

	receive(n);
	give_up_if_wrong(n, false);
}

static void interrupted(void *arg)
{
	struct host_net *n = arg;
	const uint32_t why = host_virtio_interrupts(n->dev);

	if (why & VIRTIO_INT_CONFIG) {
		if (host_virtio_failed(n->dev))
			(void)give_up(n, "it asks for a reset");
		else
			read_link(n);
	}
	if (why & VIRTIO_INT_USED)
		receive(n);
	give_up_if_wrong(n, true);
}

/* --- opening -------------------------------------------------------------------------------------- */

static cold void read_facts(struct host_net *n)
{
	struct host_net_facts *f = &n->facts;
	const uint64_t has = n->dev->features;
	union {
		struct net_layout layout;
		uint32_t words[sizeof(struct net_layout) / 4];
	} config;

	host_virtio_config(n->dev, 0, config.words, ARRAY_SIZE(config.words));
	if (has & NET_F_MAC)
		memcpy(f->mac, config.layout.mac, sizeof(f->mac));
	f->mtu = HOST_NET_MTU;
	if ((has & NET_F_MTU) && config.layout.mtu >= 68)
		f->mtu = (uint32_t)min_u64(config.layout.mtu, HOST_NET_MTU_MAX);
	f->csum = (has & NET_F_CSUM) != 0;
	f->tso4 = f->csum && (has & NET_F_HOST_TSO4);
	f->tso6 = f->csum && (has & NET_F_HOST_TSO6);
	n->link = true;
	read_link(n);
}

static cold void fill(struct host_net *n)
{
	n->free = NONE;
	for (uint16_t i = 0; i < TX_BUFFERS && i < n->tx.size; i++)
		put_back(n, i, 1);
	for (unsigned int i = 0; i < RX_BUFFERS && i < n->rx.size; i++)
		give_buffer(n, n->memory->rx[i]);
	(void)host_ring_publish(&n->rx);
}

static cold int set_up(struct host_net *n, const char **why)
{
	struct queue_memory *q = n->memory->queues;
	int err;

	*why = "the device refuses to be set up";
	err = host_virtio_begin(n->dev, FEATURES);
	if (err == HV_OK)
		err = host_virtio_ring(n->dev, RX, &n->rx, &q[RX].ring, q[RX].chains);
	if (err == HV_OK)
		err = host_virtio_ring(n->dev, TX, &n->tx, &q[TX].ring, q[TX].chains);
	if (err != HV_OK)
		return err;
	read_facts(n);
	fill(n);
	host_ring_quiet(&n->tx);
	*why = "the device has no interrupt that the machine's controller knows";
	return host_irq_request(n->dev->fdt, n->dev->node, interrupted, n);
}

cold int host_net_open(const void *fdt, const char *path, void *memory, struct host_net_user *user,
		       struct host_net **out, const char **why)
{
	struct host_net *n = &nets[nr_nets % HOST_NET_MAX];
	int err;

	*why = "must be at most 4 network devices of the machine in all";
	if (nr_nets == HOST_NET_MAX)
		return HV_EOVERFLOW;
	*n = (struct host_net){ .memory = memory, .user = user };
	spin_init(&n->lock, LOCK_HOST_NET);
	work_init(&n->work, go_on);
	err = host_virtio_claim(fdt, path, VIRTIO_ID_NET, &n->dev, why);
	if (err != HV_OK)
		return err;
	fdtx_path(fdt, n->dev->node, n->path, sizeof(n->path));
	err = set_up(n, why);
	if (err != HV_OK) {
		(void)host_virtio_reset(n->dev);
		return err;
	}
	nr_nets++;
	host_virtio_ready(n->dev);
	host_virtio_notify(n->dev, RX);
	*out = n;
	return HV_OK;
}
