// SPDX-License-Identifier: BSD-2-Clause
/* For programs in which there is no network, unless a test makes one. */
#include <stdlib.h>

#include "lib/errno.h"
#include "net/switch.h"

struct named *net_switches;

__attribute__((weak)) int net_port_link(const char *vm, unsigned int unit, bool up)
{
	(void)vm, (void)unit, (void)up;
	return HV_ENOENT;
}

__attribute__((weak)) void net_ports_zero(struct net_switch *s)
{
	(void)s;
	abort();
}

__attribute__((weak)) bool net_port_look(struct net_switch *s, unsigned int i,
					 struct net_port_look *out)
{
	(void)s, (void)i, (void)out;
	abort();
}
