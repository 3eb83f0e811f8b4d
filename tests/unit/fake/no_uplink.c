// SPDX-License-Identifier: BSD-2-Clause
/* For programs whose switches have no uplink. */
#include "lib/errno.h"
#include "net/uplink.h"

/* One beyond is too many for the uplink that a test thinks of; 0: it thinks of none. */
uint16_t fake_uplink_vlans;

int net_uplink_reach(struct net_switch *s, uint16_t vlan)
{
	(void)s;
	return fake_uplink_vlans != 0 && vlan > fake_uplink_vlans ? HV_EOVERFLOW : HV_OK;
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
