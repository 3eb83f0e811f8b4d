/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake/netports.h"

#include <stdlib.h>
#include <string.h>

#include "fake/timer.h"
#include "lib/errno.h"
#include "vcpu/vm_mem.h"

struct fake_port fake_ports[FAKE_PORTS];
struct net_switch fake_switch;
unsigned int fake_mem_waits;

static uint64_t dropped[FAKE_PORTS][NR_NET_DROPS];

void vm_mem_wait(void)
{
	fake_mem_waits++;
}

static struct fake_port *fake_of(struct net_port *p)
{
	return container_of(p, struct fake_port, port);
}

static bool port_open(struct net_port *p, unsigned int lane, struct net_receiver *r)
{
	struct fake_port *f = fake_of(p);

	if (f->is_open)
		abort();
	f->is_open = !f->is_down;
	f->opens += f->is_open;
	f->lane = lane;
	r->lane = 7;
	r->takes = f->takes;
	return f->is_open;
}

static enum net_fate port_deliver(struct net_port *p, unsigned int lane, struct net_frame *f)
{
	struct fake_port *to = fake_of(p);
	uint8_t *got;

	if (!to->is_open || lane != 7 || to->nr >= FAKE_FRAMES)
		abort();
	if (to->fate != NET_DELIVERED)
		return to->fate;
	if (to->room == 0)
		return NET_FULL;
	got = malloc(f->len);
	memcpy(got, f->head, f->head_len);
	for (uint64_t done = f->head_len; done < f->len;) {
		const uint8_t *at;
		int64_t n = net_piece(f, f->len - done, &at);

		if (n <= 0) {
			free(got);
			return NET_SOURCE_FAULT;
		}
		memcpy(got + done, at, (size_t)n);
		done += (uint64_t)n;
	}
	to->got[to->nr] = got;
	to->len[to->nr] = f->len;
	to->offload[to->nr++] = f->offload;
	to->room--;
	return NET_DELIVERED;
}

static void port_close(struct net_port *p, unsigned int lane)
{
	struct fake_port *f = fake_of(p);

	if (!f->is_open || lane != 7)
		abort();
	f->is_open = false;
}

static void port_count(struct net_port *p, struct net_port_counts *out)
{
	out->sent = p->number;
}

static const struct net_port_ops ops = { port_open, port_deliver, port_close, port_count, NULL };

net_mac_t fake_mac(unsigned int n)
{
	return (net_mac_t){ 0x02 | (uint64_t)n << 40 };
}

void fake_port_joins(unsigned int i, uint16_t vlan)
{
	struct fake_port *f = &fake_ports[i];
	const struct net_port *other;

	(void)fake_got(i);
	*f = (struct fake_port){ .room = FAKE_FRAMES };
	f->port = (struct net_port){
		.ops = &ops, .vm = "vm", .unit = i, .mac = fake_mac(i), .vlan = vlan, .mtu = 1500
	};
	f->sender = (struct net_sender){ .port = &f->port, .lane = 3 };
	memset(dropped[i], 0, sizeof(dropped[i]));
	if (net_port_join(&f->port, &fake_switch, &other) != HV_OK)
		abort();
}

void fake_net_begin(void)
{
	fake_timer_setup(1000);
	fake_mem_waits = 0;
	memset(&fake_switch, 0, sizeof(fake_switch));
	fake_switch.named.name = "lan";
	net_switches = NULL; /* it may have been there before */
	net_switch_add(&fake_switch);
	for (unsigned int i = 0; i < FAKE_PORTS; i++)
		fake_port_joins(i, 0);
}

void fake_net_end(void)
{
	for (unsigned int i = 0; i < FAKE_PORTS; i++) {
		(void)fake_got(i);
		net_port_leave(&fake_ports[i].port);
	}
}

static int64_t flat_piece(struct net_frame *f, uint64_t max, const uint8_t **at)
{
	struct flat *t = container_of(f, struct flat, frame);
	uint64_t n = min_u64(min_u64(max, t->piece), f->len - t->at);

	if (t->faults || n == 0)
		return HV_EFAULT;
	*at = t->bytes + t->at;
	t->at += n;
	return (int64_t)n;
}

static int flat_seek(struct net_frame *f, uint64_t off)
{
	struct flat *t = container_of(f, struct flat, frame);

	if (off > f->len)
		abort();
	t->at = off;
	f->next_len = 0;
	return HV_OK;
}

void flat_begin(struct flat *f, const uint8_t *bytes, uint32_t len, uint32_t head)
{
	*f = (struct flat){ .bytes = bytes, .at = head, .piece = len };
	f->frame.piece = flat_piece;
	f->frame.seek = flat_seek;
	f->frame.len = len;
	f->frame.head_len = head;
	memcpy(f->frame.head, bytes, head);
}

void fake_ether(uint8_t *to, net_mac_t dst, net_mac_t src, uint16_t type)
{
	for (unsigned int i = 0; i < NET_MAC_BYTES; i++) {
		to[i] = net_mac_byte(dst, i);
		to[6 + i] = net_mac_byte(src, i);
	}
	net_put16(to + 12, type);
}

int64_t fake_send_flat(unsigned int i, struct flat *f)
{
	uint32_t state = 0;
	int64_t n;

	do {
		n = net_send(&fake_ports[i].sender, &f->frame, &state, UINT64_MAX);
	} while (n >= 0 && state != 0);
	net_send_end(&fake_ports[i].sender);
	return n;
}

int64_t fake_send(unsigned int i, net_mac_t dst, net_mac_t src)
{
	uint8_t bytes[60] = { 0 };
	struct flat f;

	fake_ether(bytes, dst, src, 0x0800);
	flat_begin(&f, bytes, sizeof(bytes), NET_ETHER_BYTES);
	return fake_send_flat(i, &f);
}

unsigned int fake_got(unsigned int i)
{
	struct fake_port *f = &fake_ports[i];
	unsigned int nr = f->nr;

	for (unsigned int j = 0; j < nr; j++)
		free(f->got[j]);
	f->nr = 0;
	f->room = FAKE_FRAMES;
	return nr;
}

uint32_t fake_got_set(void)
{
	uint32_t set = 0;

	for (unsigned int i = 0; i < FAKE_PORTS; i++)
		set |= (uint32_t)(fake_got(i) != 0) << i;
	return set;
}

uint64_t fake_dropped(unsigned int i, enum net_drop why)
{
	uint64_t was = dropped[i][why];

	dropped[i][why] = fake_ports[i].port.drops[why];
	return dropped[i][why] - was;
}
