// SPDX-License-Identifier: BSD-2-Clause
/* The statistics of networks: a row for each port of each switch. */
#include <inttypes.h>
#include <stdio.h>

#include "console/cmd.h"
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
		    " %9" PRIu64,
		    NAME_WIDTH, name, p->vlan, c->sent, c->sent_bytes, c->received,
		    c->received_bytes, refused, lost);
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
