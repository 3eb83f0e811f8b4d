/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake/netvm.h"

#include <stdlib.h>
#include <string.h>

#include "fake/timer.h"
#include "fake/tree.h"
#include "lib/errno.h"

#define MAX_BUFS 64

struct fake_net nets[NETS];

static struct net_switch lan = { .named.name = "lan" };
static uint64_t tree[256];
static uint64_t scratch, command; /* where packets that are sent are put, and commands */
static uint32_t scratch_used;

#define SCRATCH KIB(200)
#define COMMAND KIB(4)

void net_vm_setup(enum fake_leaves leaves)
{
	fake_timer_setup(1000);
	fake_guest_setup(4, leaves, MIB(2));
	memset(nets, 0, sizeof(nets));
	if (!net_switch_of(named_find(net_switches, "lan")))
		net_switch_add(&lan);
	strcpy(fake_vm.name, "vm");
	scratch = fake_ram_alloc(SCRATCH, 8);
	command = fake_ram_alloc(COMMAND, 8);
	scratch_used = 0;
}

bool net_vm_teardown(void)
{
	for (unsigned int i = 0; i < NETS; i++)
		if (nets[i].dev)
			fake_part_named("net")->destroy(nets[i].dev);
	return fake_guest_teardown();
}

int net_make(unsigned int i, struct net_says says)
{
	struct config_node n = { .fdt = tree, .path = "/vm/net" };
	void *state = NULL;
	int err;

	tree_begin(tree, sizeof(tree));
	if (says.to)
		tree_string(tree, "switch", says.to);
	if (says.mac)
		tree_bytes(tree, "mac-address", says.mac, says.mac_len ? (size_t)says.mac_len : 6);
	if (says.vlan)
		tree_cells(tree, "vlan", 1, says.vlan);
	if (says.rate)
		tree_cells(tree, "rate-limit", 1, says.rate);
	if (says.queues)
		tree_cells(tree, "queues", 1, says.queues);
	if (says.mtu)
		tree_cells(tree, "mtu", 1, says.mtu);
	if (says.offloads)
		tree_string(tree, "offloads", says.offloads);
	(void)tree_finish(tree);
	err = fake_virtio_make("net", &n, i, &state);
	if (err == HV_OK)
		nets[i].dev = state;
	return err;
}

void net_begin(unsigned int i, uint64_t features)
{
	struct fake_net *n = &nets[i];
	unsigned int pairs = features & NET_F_MQ ? n->dev->max_pairs : 1;

	if (!(driver_begin(VDEV(i), features) & VIRTIO_FEATURES_OK))
		abort();
	for (unsigned int p = 0; p < pairs; p++) {
		vring_begin(&n->rx[p], VDEV(i), 2 * p, NET_RING, features);
		vring_begin(&n->tx[p], VDEV(i), 2 * p + 1, NET_RING, features);
	}
	vring_begin(&n->ctrl, VDEV(i), 2 * pairs, 16, features);
	n->each = 0;
	(void)driver_ok(VDEV(i));
}

void net_pair(uint64_t features, unsigned int nr, uint32_t each)
{
	for (unsigned int i = 0; i < 2; i++) {
		const char mac[6] = { 2, 0, 0, 0, 0, (char)(i + 1) };

		if (!nets[i].dev &&
		    net_make(i, (struct net_says){ .to = "lan", .mac = mac }) != HV_OK)
			abort();
		net_begin(i, features);
	}
	net_give(1, nr, each);
}

uint16_t net_give_chain(unsigned int i, unsigned int pair, const struct vbuf *bufs, unsigned int nr)
{
	uint16_t head = vring_add(&nets[i].rx[pair], bufs, nr);

	(void)vring_kick(&nets[i].rx[pair]);
	return head;
}

void net_give(unsigned int i, unsigned int nr, uint32_t each)
{
	struct fake_net *n = &nets[i];

	if (n->each != each)
		n->buffers = fake_ram_alloc((uint64_t)NET_RING * each, 8);
	n->each = each;
	for (unsigned int b = 0; b < nr; b++) {
		const uint64_t at = n->buffers + (uint64_t)n->rx[0].next * each;

		(void)vring_add(&n->rx[0], (struct vbuf[]){ { at, each, true } }, 1);
	}
	(void)vring_kick(&n->rx[0]);
}

void net_frame(uint8_t *to, uint32_t len, uint8_t dst, uint8_t src)
{
	for (uint32_t i = 0; i < len; i++)
		to[i] = (uint8_t)(i * 5 + i / 253 + 1);
	memset(to, 0, 12);
	to[0] = to[6] = 2;
	to[5] = dst;
	to[11] = src;
	if (dst == 0xff)
		memset(to, 0xff, 6);
	to[12] = 8;
	to[13] = 0;
}

void net_put_frame(unsigned int i, unsigned int pair, const struct net_header *h, const void *bytes,
		   uint32_t len, uint32_t cut)
{
	const struct net_header none = { 0 };
	const uint32_t all = (uint32_t)sizeof(none) + len;
	struct vbuf bufs[MAX_BUFS];
	unsigned int nr = 0;
	uint64_t at;

	if (scratch_used + all > SCRATCH)
		scratch_used = 0;
	at = scratch + scratch_used;
	scratch_used += (uint32_t)align_up(all, 8);
	fake_ram_write(at, h ? h : &none, sizeof(none));
	fake_ram_write(at + sizeof(none), bytes, len);
	for (uint32_t done = 0; done < all; nr++) {
		uint32_t n = cut && nr + 1 < MAX_BUFS ? (uint32_t)min_u64(cut, all - done) :
							all - done;

		bufs[nr] = (struct vbuf){ at + done, n, false };
		done += n;
	}
	(void)vring_add(&nets[i].tx[pair], bufs, nr);
}

void net_send_frame(unsigned int i, unsigned int pair, const struct net_header *h,
		    const void *bytes, uint32_t len, uint32_t cut)
{
	uint32_t id, written;

	net_put_frame(i, pair, h, bytes, len, cut);
	(void)vring_kick(&nets[i].tx[pair]);
	if (vring_used(&nets[i].tx[pair], &id, &written) && written != 0)
		abort();
}

int net_got(unsigned int i, struct net_header *h, void *to)
{
	struct fake_net *n = &nets[i];
	uint32_t id, len, done = 0;
	unsigned int chains = 1;

	for (unsigned int c = 0; c < chains; c++) {
		uint32_t skip = c == 0 ? sizeof(*h) : 0;
		uint64_t at;

		if (!vring_used(&n->rx[0], &id, &len)) {
			if (c != 0)
				abort();
			return -1;
		}
		at = n->buffers + (uint64_t)id * n->each;
		if (len > n->each || len < skip)
			abort();
		if (c == 0) {
			fake_ram_read(at, h, sizeof(*h));
			chains = h->num_buffers;
		}
		fake_ram_read(at + skip, (uint8_t *)to + done, len - skip);
		done += len - skip;
	}
	return (int)done;
}

int net_control(unsigned int i, const void *bytes, uint32_t len)
{
	struct vring *r = &nets[i].ctrl;
	uint32_t id, written;

	fake_ram_write(command, bytes, len);
	*(uint8_t *)fake_ram_at(command + COMMAND - 1) = 0xee;
	(void)vring_add(
		r, (struct vbuf[]){ { command, len, false }, { command + COMMAND - 1, 1, true } },
		2);
	(void)vring_kick(r);
	if (!vring_used(r, &id, &written))
		return -1;
	if (written != 1)
		abort();
	return *(uint8_t *)fake_ram_at(command + COMMAND - 1);
}

uint64_t net_dropped(unsigned int i, enum net_drop why)
{
	return nets[i].dev->port.drops[why];
}

bool net_broken(unsigned int i)
{
	return vdev_get(VDEV(i), VIRTIO_MMIO_STATUS) & VIRTIO_NEEDS_RESET;
}
