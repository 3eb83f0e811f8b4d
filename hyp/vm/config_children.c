// SPDX-License-Identifier: BSD-2-Clause
#include "vm/config_children.h"

#include "lib/fdt.h"
#include "lib/log.h"
#include "lib/property.h"
#include "vm/config.h"

void config_children(const void *fdt, int node, const char *path,
		     void (*parse)(struct config_node *n))
{
	static const struct property rows[] = { PROPERTY_NAME("description") };
	static const struct property_table table = PROPERTY_TABLE(rows);
	char child_path[FDTX_PATH_MAX];
	struct config_node n = { .fdt = fdt, .node = node, .path = path };
	int child;

	property_check_names(&n, &table, 1);
	fdtx_for_each_child(fdt, node, child) {
		n = (struct config_node){ .fdt = fdt, .node = child };
		n.path = fdtx_path(fdt, child, child_path, sizeof(child_path));
		if (fdtx_is_disabled(fdt, child))
			log_info("config: %s: status = \"disabled\": left out", child_path);
		else
			parse(&n);
	}
}

bool config_child_is_new(struct config_node *n, struct named *list, unsigned int most,
			 const char *where)
{
	unsigned int nr = 0;

	if (named_find(list, fdtx_name(n->fdt, n->node))) {
		config_error(n, NULL, "must be unique: another node has this name");
		return false;
	}
	for (; list; list = list->next)
		nr++;
	if (nr >= most)
		config_error(n, NULL, "must be at most %u nodes below %s", most, where);
	return nr < most;
}
