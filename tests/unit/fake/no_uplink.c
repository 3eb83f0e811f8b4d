// SPDX-License-Identifier: BSD-2-Clause
/* For programs whose switches have no uplink. */
#include "lib/errno.h"
#include "net/uplink.h"

int net_uplink_reach(struct net_switch *s, uint16_t vlan)
{
	(void)s, (void)vlan;
	return HV_OK;
}

int net_uplink_open(struct net_switch *s, const void *fdt, const char *path, const char **why)
{
	(void)s, (void)fdt, (void)path;
	*why = "there is none";
	return HV_ENXIO;
}

const struct host_net_facts *net_uplink_facts(const struct net_switch *s)
{
	(void)s;
	return NULL;
}
