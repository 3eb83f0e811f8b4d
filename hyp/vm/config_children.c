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
