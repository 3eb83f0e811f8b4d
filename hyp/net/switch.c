// SPDX-License-Identifier: BSD-2-Clause
/* Which switches and ports there are, and the addresses that are known. */
#include "net/switch.h"

#include <stdio.h>
#include <string.h>

#include "arch/timer.h"
#include "lib/errno.h"
#include "vcpu/vm_mem.h"

struct named *net_switches;

void net_switch_add(struct net_switch *s)
{
	spin_init(&s->lock, LOCK_SWITCH);
	named_add(&net_switches, &s->named);
}

/* --- addresses ------------------------------------------------------------------------------------ */

static unsigned int bucket_of(net_mac_t mac)
{
	return (unsigned int)(mac.mac * UINT64_C(0x9e3779b97f4a7c15) >> 58) % NET_BUCKETS;
}

static void changed(struct net_switch *s)
{
	atomic_set_release(&s->changes, s->changes + 1);
}

static bool is_fixed(const struct net_address *a)
{
	return a == &a->port->fixed;
}

static bool is_old(const struct net_address *a, uint64_t now)
{
	return !is_fixed(a) && now - a->seen > NET_AGE_SECONDS * timer_frequency();
}

/* Ports of different VLANs may have, or have learned, the same address. */
static struct net_address *find(const struct net_switch *s, uint16_t vlan, net_mac_t mac)
{
	struct net_address *a = s->buckets[bucket_of(mac)];

	while (a && (a->mac.mac != mac.mac || a->port->vlan != vlan))
		a = a->next;
	return a;
}

static void insert(struct net_switch *s, struct net_address *a, struct net_port *p, net_mac_t mac)
{
	struct net_address **bucket = &s->buckets[bucket_of(mac)];

	a->port = p;
	a->mac = mac;
	a->next = *bucket;
	*bucket = a;
	changed(s);
}

static void take_out(struct net_switch *s, struct net_address *a)
{
	struct net_address **at = &s->buckets[bucket_of(a->mac)];

	if (!a->port)
		return;
	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	a->port = NULL;
	changed(s);
}

/* The one of @p's places that is free, or was seen the longest ago. */
static struct net_address *place_for(struct net_port *p, uint64_t now)
{
	struct net_address *oldest = &p->learned[0];

	for (unsigned int i = 0; i < p->nr_learned; i++) {
		struct net_address *a = &p->learned[i];

		if (!a->port)
			return a;
		if (now - a->seen > now - oldest->seen)
			oldest = a;
	}
	return oldest;
}

struct net_port *net_lookup(const struct net_switch *s, const struct net_port *from, net_mac_t mac,
			    uint64_t now)
{
	const struct net_address *a = find(s, from->vlan, mac);

	return a && !is_old(a, now) ? a->port : NULL;
}

bool net_learn(struct net_switch *s, struct net_port *from, net_mac_t mac, uint64_t now)
{
	struct net_address *a = find(s, from->vlan, mac);

	if (a && a->port != from) {
		if (is_fixed(a))
			return false;
		take_out(s, a); /* it has moved */
		a = NULL;
	}
	if (!a) {
		a = place_for(from, now);
		take_out(s, a);
		insert(s, a, from, mac);
	}
	a->seen = now;
	return true;
}

static void forget(struct net_port *p)
{
	for (unsigned int i = 0; i < p->nr_learned; i++)
		take_out(p->of, &p->learned[i]);
}

void net_port_forget(struct net_port *p)
{
	if (!p->of)
		return;
	spin_lock(&p->of->lock);
	forget(p);
	spin_unlock(&p->of->lock);
}

/* --- ports ---------------------------------------------------------------------------------------- */

/* HV_EEXIST: *@other has @p's address, in whatever VLAN. */
static int find_place(const struct net_switch *s, const struct net_port *p, unsigned int *place,
		      const struct net_port **other)
{
	*place = NET_PORTS_MAX;
	for (unsigned int i = 0; i < NET_PORTS_MAX; i++) {
		if (!s->ports[i]) {
			*place = *place == NET_PORTS_MAX ? i : *place;
		} else if (p->mac.mac != 0 && s->ports[i]->mac.mac == p->mac.mac) {
			*other = s->ports[i];
			return HV_EEXIST;
		}
	}
	return *place == NET_PORTS_MAX ? HV_ENOMEM : HV_OK;
}

int net_port_join(struct net_port *p, struct net_switch *s, const struct net_port **other)
{
	struct net_address *a;
	unsigned int i;
	int err;

	spin_lock(&s->lock);
	err = find_place(s, p, &i, other);
	if (err == HV_OK) {
		p->of = s;
		p->number = i;
		if (!p->learned) {
			p->learned = p->own;
			p->nr_learned = NET_LEARNED_MAX;
		}
		/* An address that another port was seen to use is this one's from now on. */
		a = p->mac.mac != 0 ? find(s, p->vlan, p->mac) : NULL;
		if (a)
			take_out(s, a);
		if (p->mac.mac != 0)
			insert(s, &p->fixed, p, p->mac);
		(void)atomic_exchange(&s->ports[i % NET_PORTS_MAX], p);
		if (i >= s->nr_slots)
			atomic_set_release(&s->nr_slots, i + 1);
	}
	spin_unlock(&s->lock);
	return err;
}

/* All of it, ever. The counters only grow. */
static void count(struct net_port *p, struct net_port_counts *out)
{
	*out = (struct net_port_counts){ 0 };
	p->ops->count(p, out);
	for (unsigned int why = 0; why < NR_NET_DROPS; why++)
		out->drops[why] = atomic_read(&p->drops[why]);
}

bool net_port_look(struct net_switch *s, unsigned int i, struct net_port_look *out)
{
	struct net_port *p;

	spin_lock(&s->lock);
	p = s->ports[i % NET_PORTS_MAX];
	if (p) {
		*out = (struct net_port_look){ .unit = p->unit, .vlan = p->vlan };
		out->unplugged = atomic_read(&p->unplugged);
		snprintf(out->vm, sizeof(out->vm), "%s", p->vm);
		count(p, &out->counts);
		for (size_t w = 0; w < sizeof(p->counted) / sizeof(uint64_t); w++)
			((uint64_t *)&out->counts)[w] -= ((const uint64_t *)&p->counted)[w];
	}
	spin_unlock(&s->lock);
	return p;
}

cold void net_ports_zero(struct net_switch *s)
{
	spin_lock(&s->lock);
	for (unsigned int i = 0; i < NET_PORTS_MAX; i++)
		if (s->ports[i])
			count(s->ports[i], &s->ports[i]->counted);
	spin_unlock(&s->lock);
}

static bool link_one(struct net_switch *s, const char *vm, unsigned int unit, bool up)
{
	bool found = false;

	spin_lock(&s->lock);
	for (unsigned int i = 0; i < NET_PORTS_MAX && !found; i++) {
		struct net_port *p = s->ports[i];

		found = p && p->ops->link && p->unit == unit && strcmp(p->vm, vm) == 0;
		if (found) {
			atomic_set(&p->unplugged, !up);
			p->ops->link(p);
		}
	}
	spin_unlock(&s->lock);
	return found;
}

cold int net_port_link(const char *vm, unsigned int unit, bool up)
{
	for (struct named *n = net_switches; n; n = n->next)
		if (link_one(net_switch_of(n), vm, unit, up))
			return HV_OK;
	return HV_ENOENT;
}

void net_port_leave(struct net_port *p)
{
	struct net_switch *s = p->of;

	if (!s)
		return;
	spin_lock(&s->lock);
	forget(p);
	take_out(s, &p->fixed);
	(void)atomic_exchange(&s->ports[p->number % NET_PORTS_MAX], NULL);
	changed(s);
	spin_unlock(&s->lock);
	/* A sender that found the port before has it in a bracket. One that begins later finds it no more (fences D). */
	vm_mem_wait();
	p->of = NULL;
}
