/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/config_node.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/fdt.h"
#include "lib/log.h"
#include "lib/text.h"

static void say(const struct config_node *n, enum log_level level, const char *prop,
		const char *fmt, va_list ap)
{
	char line[400];
	struct text t;

	if (n->quiet)
		return;
	text_begin(&t, line, sizeof(line));
	if (prop != NULL) {
		text_add_plain(&t, prop, 40);
		if (fdtx_prop_bool(n->fdt, n->node, prop)) {
			text_add(&t, " = ");
			text_add_property(&t, n->fdt, n->node, prop);
		} else {
			text_add(&t, " is missing");
		}
		text_add(&t, ": ");
	}
	vsnprintf(line + t.len, sizeof(line) - t.len, fmt, ap);
	log_at(level, "config: %s: %s", n->path, line);
}

void config_error(struct config_node *n, const char *prop, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(n, LOG_ERROR, prop, fmt, ap);
	va_end(ap);
	n->failed = true;
}

void config_warn(const struct config_node *n, const char *prop, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(n, LOG_WARN, prop, fmt, ap);
	va_end(ap);
}
