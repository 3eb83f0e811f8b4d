// SPDX-License-Identifier: BSD-2-Clause
/* The statistics of networks, a row for each port of each switch; and their cables. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "console/cmd.h"
#include "lib/errno.h"
#include "net/switch.h"
#include "term/term.h"

#define NAME_WIDTH 26

static struct named *at;  /* the next row is of this switch, */
static unsigned int port; /* and of this port or one behind it */

static void head(void)
{
	term_printf("%-*s %5s %10s %14s %10s %14s %9s %9s", NAME_WIDTH, "port", "vlan", "sent",
		    "bytes", "received", "bytes", "refused", "lost");
}

/* What it was not let send, and what it did not get. */
static void print(const struct net_switch *s, const struct net_port_look *p)
{
	const struct net_port_counts *c = &p->counts;
	uint64_t refused = 0, lost = 0;
	char name[64];

	for (unsigned int why = 0; why < NR_NET_DROPS; why++)
		*(why < NET_DROP_DOWN ? &refused : &lost) += c->drops[why];
	snprintf(name, sizeof(name), "%.9s %.9s/net@%x", s->named.name, p->vm, p->unit);
	term_printf("%-*s %5u %10" PRIu64 " %14" PRIu64 " %10" PRIu64 " %14" PRIu64 " %9" PRIu64
		    " %9" PRIu64 "%s",
		    NAME_WIDTH, name, p->vlan, c->sent, c->sent_bytes, c->received,
		    c->received_bytes, refused, lost, p->unplugged ? "  unplugged" : "");
}

bool net_row(bool first)
{
	struct net_port_look p;

	if (first) {
		at = net_switches;
		port = 0;
		if (at)
			head();
		return at;
	}
	for (; at; at = at->next, port = 0) {
		while (port < NET_PORTS_MAX) {
			if (net_port_look(net_switch_of(at), port++, &p)) {
				print(net_switch_of(at), &p);
				return true;
			}
		}
	}
	return false;
}

void net_zero(void)
{
	for (struct named *s = net_switches; s; s = s->next)
		net_ports_zero(net_switch_of(s));
}

/* The port of a VM's network device called @name, "VM/net@N". False: there is none. */
static bool find_port(const char *name, struct net_port_look *out)
{
	char is[sizeof(out->vm) + 16];

	for (struct named *s = net_switches; s; s = s->next) {
		for (unsigned int i = 0; i < NET_PORTS_MAX; i++) {
			if (!net_port_look(net_switch_of(s), i, out))
				continue;
			snprintf(is, sizeof(is), "%s/net@%x", out->vm, out->unit);
			if (strcmp(is, name) == 0)
				return true;
		}
	}
	return false;
}

static void plug(const char *name)
{
	struct net_port_look p;

	if (!find_port(name, &p) || net_port_link(p.vm, p.unit, p.unplugged) != HV_OK)
		term_printf("no VM has the port \"%s\": ^] s lists them, as in web/net@0", name);
	else
		term_printf("%s is %s", name, p.unplugged ? "plugged in" : "unplugged");
}

void cmd_wire(void)
{
	line_begin("port to be unplugged, or plugged in again (VM/net@N)", plug);
}
