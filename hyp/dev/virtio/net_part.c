// SPDX-License-Identifier: BSD-2-Clause
/* The network device as a part of a VM: a port of a switch for each node net@N. */
#include <string.h>

#include "dev/virtio/net.h"
#include "lib/text.h"
#include "net/uplink.h"

#define MTU_DEFAULT 1500
#define MTU_MIN	    68u /* RFC 791: what each network carries */
#define MTU_MAX	    (NET_FRAME_MAX - NET_ETHER_BYTES)
#define RATE_MIN    1000u

static_assert(MTU_MAX == 65535 && NET_PAIRS_MAX == 8,
	      "the bindings and docs/configuration.md say so");

enum offloads { OFFLOADS_ALL, OFFLOADS_NONE };

struct vnet_config {
	// cppcheck-suppress unusedStructMember
	struct virtio_config virtio; /* first: virtio_init() reads it */
	struct net_switch *to;
	uint64_t mac; /* 0: nothing is said */
	uint32_t vlan, rate, queues, mtu;
	unsigned int offloads; /* enum offloads */
};

static const char *const offload_words[] = { "all", "none", NULL };

static void read_switch(struct config_node *n, const struct property *p, void *value)
{
	struct named *found = property_named(n, p, net_switches, "networks");

	if (found)
		*(struct net_switch **)value = net_switch_of(found);
}

static void read_mac(struct config_node *n, const struct property *p, void *value)
{
	int len = 0;
	const uint8_t *bytes = fdt_getprop(n->fdt, n->node, p->name, &len);
	net_mac_t mac;

	if (!bytes || len != NET_MAC_BYTES) {
		config_error(n, p->name, "must be 6 bytes, as in [02 00 00 00 00 01]");
		return;
	}
	mac = net_mac(bytes);
	if (net_mac_is_group(mac) || mac.mac == 0)
		config_error(n, p->name,
			     "must be the address of one device: the first byte must be even, and "
			     "not all bytes 0");
	else
		*(uint64_t *)value = mac.mac;
}

static const struct property rows[] = {
	VIRTIO_PROPERTIES(struct vnet_config),
	{ .name = "switch",
	  .read = read_switch,
	  .offset = offsetof(struct vnet_config, to),
	  .required = true },
	PROPERTY("mac-address", read_mac, struct vnet_config, mac),
	PROPERTY_U32("vlan", struct vnet_config, vlan, 1, NET_VLAN_MAX),
	PROPERTY_U32("rate-limit", struct vnet_config, rate, RATE_MIN, UINT32_MAX),
	PROPERTY_U32("queues", struct vnet_config, queues, 1, NET_PAIRS_MAX),
	PROPERTY_U32("mtu", struct vnet_config, mtu, MTU_MIN, MTU_MAX),
	PROPERTY_WORD("offloads", struct vnet_config, offloads, offload_words),
};
static const struct vnet_config initial = { .queues = 1, .mtu = MTU_DEFAULT };

/*
 * An address that is the same each time: of the VM's name and N by FNV-1a (64 bits). The first byte says that it was made up
 * locally, and is of one device.
 */
static net_mac_t default_mac(const char *vm, unsigned int unit)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (const char *c = vm; *c != '\0'; c++)
		hash = (hash ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
	hash = (hash ^ (0x100 + unit)) * UINT64_C(0x100000001b3);
	hash ^= hash >> 32;
	return (net_mac_t){ (hash << 8 & NET_BROADCAST.mac) | 0x02 };
}

static uint64_t features(const struct vnet_config *c)
{
	uint64_t f = NET_F_MTU | NET_F_MAC | NET_F_MRG_RXBUF | NET_F_STATUS | NET_F_CTRL_VQ |
		     NET_F_CTRL_RX | NET_F_CTRL_MAC_ADDR;

	if (c->queues > 1)
		f |= NET_F_MQ;
	if (c->offloads == OFFLOADS_ALL)
		f |= NET_F_CSUM | NET_F_GUEST_CSUM | NET_F_GUEST_TSO4 | NET_F_GUEST_TSO6 |
		     NET_F_HOST_TSO4 | NET_F_HOST_TSO6;
	return f;
}

static void fill_port(struct net_port *p, const struct vm *vm, const struct vnet_config *c,
		      unsigned int unit)
{
	p->ops = &vnet_port_ops;
	p->vm = vm->name;
	p->unit = unit;
	p->mac.mac = c->mac != 0 ? c->mac : default_mac(vm->name, unit).mac;
	p->vlan = (uint16_t)c->vlan;
	p->mtu = c->mtu;
	p->rate = c->rate;
}

static int join(struct vnet *n, const struct vm_part_args *args)
{
	const struct vnet_config *c = args->config;
	const struct net_port *other = NULL;
	int err = net_uplink_reach(c->to, n->port.vlan);

	if (err == HV_EOVERFLOW) {
		config_error(args->node, "vlan",
			     "must be one of at most %d in a network that has an uplink",
			     NET_UPLINK_VLANS);
		return HV_EINVAL;
	}
	if (err == HV_OK)
		err = net_port_join(&n->port, c->to, &other);
	if (err == HV_EEXIST && other)
		config_error(args->node, "mac-address",
			     "must be unique in the network: net@%x of %s has "
			     "%02x:%02x:%02x:%02x:%02x:%02x, too",
			     other->unit, other->vm, net_mac_byte(other->mac, 0),
			     net_mac_byte(other->mac, 1), net_mac_byte(other->mac, 2),
			     net_mac_byte(other->mac, 3), net_mac_byte(other->mac, 4),
			     net_mac_byte(other->mac, 5));
	else if (err != HV_OK)
		config_error(args->node, "switch", "must have at most %u ports", NET_PORTS_MAX);
	return err == HV_OK ? HV_OK : HV_EINVAL;
}

static int vnet_create(struct vm *vm, const struct vm_part_args *args, void **state)
{
	const struct vnet_config *c = args->config;
	struct vnet *n = arena_new(&vm->arena, struct vnet);
	int err;

	if (!n)
		return HV_ENOMEM;
	*state = n;
	if (c->queues > vm->nr_vcpus) {
		config_error(args->node, "queues", "must be 1 to %u: the VM has no more vcpus",
			     vm->nr_vcpus);
		return HV_EINVAL;
	}
	n->max_pairs = c->queues;
	fill_port(&n->port, vm, c, args->unit);
	err = virtio_init(&n->dev, vm, args, &vnet_ops, features(c), 2 * c->queues + 1,
			  NET_QUEUE_SIZE);
	if (err != HV_OK)
		return err;
	vnet_init(n);
	return join(n, args);
}

static void vnet_part_reset(void *state)
{
	(void)virtio_reset(&((struct vnet *)state)->dev);
}

static void vnet_destroy(void *state)
{
	struct vnet *n = state;

	vnet_part_reset(n);
	net_port_leave(&n->port);
}

VM_PART(vnet) = {
	.name = "net",
	.order = VM_PART_DEVICE,
	.child = "net",
	VM_PART_CONFIG(rows, initial),
	.create = vnet_create,
	.reset = vnet_part_reset,
	.destroy = vnet_destroy,
};
