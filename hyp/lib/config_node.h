/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A node of a device tree that a user wrote, while it is read: what is wrong in it is told in one line with node,
 * property, value and what would be right.
 */
#ifndef LIB_CONFIG_NODE_H
#define LIB_CONFIG_NODE_H

#include "lib/types.h"

struct text;

/* An image that a property names: bytes in host memory, which stay there and are never written. */
struct config_image {
	const char *name;
	const uint8_t *data; /* direct map, any alignment */
	uint64_t size;	     /* not 0 */
};

/* Where the images are that a node may name. */
struct config_images {
	/* find - image @name. On errors HV_E*, @why gets what is wrong and what is allowed, and @out is untouched. */
	int (*find)(const struct config_images *from, const char *name, struct config_image *out,
		    struct text *why);
};

struct config_node {
	const void *fdt; /* has passed fdtx_check() */
	int node;
	const char *path;		    /* for messages */
	const struct config_images *images; /* NULL: the node is not of a bundle, and may name none */
	bool failed;			    /* an error has been found */
	bool quiet;			    /* all has been told already: nothing is */
};

/*
 * config_error - report what is wrong with @prop in one line, "config: PATH: PROP = VALUE: ...", or "PROP is missing:
 * ..."; with @prop NULL about the node itself. The node has failed then.
 */
void config_error(struct config_node *n, const char *prop, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* config_warn - the same line as a warning. */
void config_warn(const struct config_node *n, const char *prop, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
