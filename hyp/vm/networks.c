// SPDX-License-Identifier: BSD-2-Clause
#include "vm/networks.h"

#include "lib/fdt.h"
#include "lib/log.h"
#include "mm/page.h"
#include "net/uplink.h"
#include "platform/machine.h"
#include "platform/net.h"
#include "vm/config.h"
#include "vm/config_children.h"

struct network_config {
	const char *uplink; /* NULL: none */
};

static const struct property rows[] = {
	PROPERTY_NAME("compatible"),
	PROPERTY_NAME("description"),
	PROPERTY_NAME("status"),
	PROPERTY_STRING("uplink", struct network_config, uplink, FDTX_PATH_MAX - 1),
};

const struct property_table network_properties = PROPERTY_TABLE(rows);

static void open_uplink(struct config_node *n, struct net_switch *s, const char *host)
{
	const struct host_net_facts *f;
	const char *why;

	if (net_uplink_open(s, machine.fdt, host, &why) != HV_OK) {
		config_error(n, "uplink", "%s", why);
		return;
	}
	f = net_uplink_facts(s);
	log_info("network %s: uplink %s, %02x:%02x:%02x:%02x:%02x:%02x, mtu %u", s->named.name,
		 host, f->mac[0], f->mac[1], f->mac[2], f->mac[3], f->mac[4], f->mac[5], f->mtu);
}

static void make(struct config_node *n, const struct network_config *c)
{
	struct net_switch *s = page_alloc_zeroed(align_up(sizeof(*s), PAGE_SIZE), PAGE_SIZE);

	if (!s) {
		config_error(n, NULL, "no memory is left for the network");
		return;
	}
	s->named.name = fdtx_name(n->fdt, n->node);
	net_switch_add(s);
	if (c->uplink)
		open_uplink(n, s, c->uplink);
}

static void parse_one(struct config_node *n)
{
	struct network_config c = { 0 };

	if (!fdtx_is_compatible(n->fdt, n->node, "hartvisor,switch"))
		config_error(n, "compatible", "must be \"hartvisor,switch\"");
	property_check_names(n, &network_properties, 1);
	property_read_all(n, &network_properties, &c);
	if (!n->failed && config_child_is_new(n, net_switches, NET_SWITCHES_MAX, "networks"))
		make(n, &c);
}

void networks_parse(const void *fdt, int node, const char *path)
{
	config_children(fdt, node, path, parse_one);
}
