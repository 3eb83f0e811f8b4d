// SPDX-License-Identifier: BSD-2-Clause
/*
 * The control queue of a network device (virtio 1.2, section 5.1.6.5), and which frames it receives. A command that is not known,
 * or has a wrong size, is answered by ERR and changes nothing.
 */
#include <string.h>

#include "dev/virtio/net.h"

/* --- which frames --------------------------------------------------------------------------------- */

cold void vnet_filter_reset(struct vnet *n)
{
	struct net_filter *l = &n->filter;

	spin_lock(&l->lock);
	atomic_set(&l->promisc, 0);
	atomic_set(&l->allmulti, 1); /* a driver without CTRL_RX cannot ask for any */
	memset(&l->unicast, 0, sizeof(l->unicast));
	memset(&l->multicast, 0, sizeof(l->multicast));
	spin_unlock(&l->lock);
}

static bool is_listed(const struct net_list *l, net_mac_t mac)
{
	bool found = l->all;

	for (unsigned int i = 0; i < l->nr && !found; i++)
		found = l->macs[i % NET_FILTER_MAX].mac == mac.mac;
	return found;
}

static noinline bool filter_has(struct net_filter *l, net_mac_t mac)
{
	bool found;

	spin_lock(&l->lock);
	found = is_listed(net_mac_is_group(mac) ? &l->multicast : &l->unicast, mac);
	spin_unlock(&l->lock);
	return found;
}

bool vnet_wants(struct vnet *n, const struct net_frame *f)
{
	const net_mac_t to = net_destination(f);

	if (to.mac == atomic_read(&n->mac) || to.mac == NET_BROADCAST.mac ||
	    atomic_read(&n->filter.promisc))
		return true;
	if (net_mac_is_group(to) && atomic_read(&n->filter.allmulti))
		return true;
	return filter_has(&n->filter, to);
}

/* --- commands ------------------------------------------------------------------------------------- */

/* A byte that is read for itself takes as long as so many that are copied together: a command is paid for, too. */
#define COST_OF_BYTE 64

/* A command, and what belongs to it: @left bytes at @at. */
struct command {
	const struct virtq *q;
	struct virtq_cursor at;
	uint32_t left;
	uint32_t cost; /* in bytes that are moved */
};

/* False: there are fewer bytes, or they are in no memory. */
static bool take(struct command *c, void *to, uint32_t bytes)
{
	if (bytes > c->left || virtq_read(c->q, &c->at, to, bytes) != HV_OK)
		return false;
	c->left -= bytes;
	c->cost += bytes * COST_OF_BYTE;
	return true;
}

static bool set_receive_mode(struct vnet *n, uint8_t number, struct command *c)
{
	uint8_t on;

	if (!virtio_has(&n->dev, NET_F_CTRL_RX) || !take(c, &on, sizeof(on)) || c->left != 0)
		return false;
	if (number != NET_CTRL_RX_PROMISC && number != NET_CTRL_RX_ALLMULTI)
		return false;
	atomic_set(number == NET_CTRL_RX_PROMISC ? &n->filter.promisc : &n->filter.allmulti,
		   on != 0);
	return true;
}

/* A list of addresses, behind their number. Those for which there is no room are passed over. */
static bool take_list(struct command *c, struct net_list *l)
{
	uint8_t mac[NET_MAC_BYTES];
	uint32_t nr, over;

	memset(l, 0, sizeof(*l));
	if (!take(c, &nr, sizeof(nr)) || nr > c->left / NET_MAC_BYTES)
		return false;
	l->nr = (unsigned int)min_u64(nr, NET_FILTER_MAX);
	for (unsigned int i = 0; i < l->nr; i++) {
		if (!take(c, mac, sizeof(mac)))
			return false;
		l->macs[i % NET_FILTER_MAX] = net_mac(mac);
	}
	l->all = nr > NET_FILTER_MAX;
	over = (nr - l->nr) * NET_MAC_BYTES;
	c->left -= over;
	return virtq_skip(c->q, &c->at, over) == HV_OK;
}

static bool set_table(struct vnet *n, struct command *c)
{
	struct net_list unicast, multicast;

	if (!virtio_has(&n->dev, NET_F_CTRL_RX) || !take_list(c, &unicast) ||
	    !take_list(c, &multicast) || c->left != 0)
		return false;
	spin_lock(&n->filter.lock);
	n->filter.unicast = unicast;
	n->filter.multicast = multicast;
	spin_unlock(&n->filter.lock);
	return true;
}

/* The configuration has it, too (5.1.6.5.2.1). The port's own address stays the port's in the switch. */
static bool set_address(struct vnet *n, struct command *c)
{
	struct net_layout *config = virtio_config(&n->dev);
	uint8_t bytes[NET_MAC_BYTES];
	net_mac_t mac;

	if (!virtio_has(&n->dev, NET_F_CTRL_MAC_ADDR) || !take(c, bytes, sizeof(bytes)) ||
	    c->left != 0)
		return false;
	mac = net_mac(bytes);
	if (net_mac_is_group(mac) || mac.mac == 0)
		return false;
	atomic_set(&n->mac, mac.mac);
	for (unsigned int i = 0; i < NET_MAC_BYTES; i++)
		atomic_set(&config->mac[i], bytes[i]);
	return true;
}

static bool set_pairs(struct vnet *n, struct command *c)
{
	uint16_t pairs;

	if (!virtio_has(&n->dev, NET_F_MQ) || !take(c, &pairs, sizeof(pairs)) || c->left != 0 ||
	    pairs == 0 || pairs > n->max_pairs)
		return false;
	atomic_set(&n->pairs, pairs);
	return true;
}

static bool carry_out(struct vnet *n, struct command *c)
{
	uint8_t which[2];

	if (!take(c, which, sizeof(which)))
		return false;
	if (which[0] == NET_CTRL_RX)
		return set_receive_mode(n, which[1], c);
	if (which[0] == NET_CTRL_MAC && which[1] == NET_CTRL_MAC_TABLE_SET)
		return set_table(n, c);
	if (which[0] == NET_CTRL_MAC && which[1] == NET_CTRL_MAC_ADDR_SET)
		return set_address(n, c);
	if (which[0] == NET_CTRL_MQ && which[1] == NET_CTRL_MQ_PAIRS_SET)
		return set_pairs(n, c);
	return false;
}

/* A command without a place for the answer is none. */
int64_t vnet_control(struct vnet *n, struct virtq *q)
{
	struct command c = { .q = q, .at = virtq_out(q), .left = q->chain.out };
	struct virtq_cursor to = virtq_in(q);
	uint8_t answer;
	int err;

	if (q->chain.in == 0)
		return HV_EINVAL;
	answer = carry_out(n, &c) ? NET_CTRL_OK : NET_CTRL_ERR;
	err = virtq_write(q, &to, &answer, sizeof(answer));
	if (err == HV_OK)
		err = virtq_push(q, sizeof(answer));
	return err == HV_OK ? (int64_t)(c.cost + sizeof(answer)) : err;
}
