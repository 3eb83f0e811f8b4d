/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The uplink of a switch: a network device of the machine (platform/net.h), by which ports reach what is outside.
 *
 * It has a port of the switch for each VLAN that some other port belongs to. On the wire, frames of a VLAN have its tag
 * (802.1Q), and those of no VLAN have none. Frames with the tag of a VLAN without ports are dropped.
 *
 * What comes from outside is given to its receivers by the hart that takes the interrupt. What goes there is copied into buffers of the
 * machine's device by the sender. A checksum or segments that a sender leaves undone are left to the device if it takes them, and if
 * the frame is not tagged.
 */
#ifndef NET_UPLINK_H
#define NET_UPLINK_H

#include "net/switch.h"

#define NET_UPLINK_VLANS   16 /* of one uplink, and no VLAN counts as one */
#define NET_UPLINK_LEARNED 64 /* addresses outside that are known, of each VLAN */

/*
 * net_uplink_open - the device at @path of the machine's tree @fdt becomes the uplink of @s, which has no ports yet. HV_E*, and *@why,
 * in words that follow the value of a property. Boot hart.
 */
int net_uplink_open(struct net_switch *s, const void *fdt, const char *path, const char **why);

/* net_uplink_facts - the address and the MTU of @s's uplink; NULL: there is none. */
const struct host_net_facts *net_uplink_facts(const struct net_switch *s);

/*
 * net_uplink_reach - a port of VLAN @vlan is to join @s: the uplink, if there is one, has that VLAN from then on. HV_EOVERFLOW: it has
 * NET_UPLINK_VLANS of them. HV_ENOMEM. One hart at a time.
 */
int net_uplink_reach(struct net_switch *s, uint16_t vlan);

#endif
