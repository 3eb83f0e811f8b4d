/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a user may write in a node, as a table: each property's name, reader, bounds and place in a structure. The parser
 * reads by it, a property that is in no table is refused, and tests/unit/vm/test_properties.c compares
 * dts/bindings/ and docs/configuration.md with it.
 */
#ifndef LIB_PROPERTY_H
#define LIB_PROPERTY_H

#include <stddef.h>

#include "lib/config_node.h"
#include "lib/named.h"

struct property {
	const char *name;
	/*
	 * The property is there: read it into @value, the place that the table says. What is wrong with it is told, and
	 * then @value stays as it was. NULL: other code reads it, or nothing.
	 */
	void (*read)(struct config_node *n, const struct property *p, void *value);
	const char *const *words; /* NULL at the end */
	uint32_t min, max;
	uint16_t offset; /* of the value in the structure */
	bool required;	 /* the reader is called without it, too */
};

/* One cell from .min to .max, into a uint32_t. */
void property_u32(struct config_node *n, const struct property *p, void *value);

/* One string of .words; its number, from 0, into an unsigned int. */
void property_word(struct config_node *n, const struct property *p, void *value);

/* One string of at most .max characters; where it is in the tree, into a const char *. */
void property_string(struct config_node *n, const struct property *p, void *value);

/*
 * The name of an image of the bundle, into a struct config_image; with .required also when there is no such property.
 * The bytes are as they stand in the bundle: not unpacked, of any alignment.
 */
void property_image(struct config_node *n, const struct property *p, void *value);

/*
 * property_named - for a reader: the one of @list to which @p refers. NULL: there is none, and the error is told. @where: the node of
 * a configuration below which they stand.
 */
struct named *property_named(struct config_node *n, const struct property *p, struct named *list,
			     const char *where);

#define PROPERTY_U32(text, type, field, least, most)                                   \
	{                                                                              \
		.name = (text), .read = property_u32, .offset = offsetof(type, field), \
		.min = (least), .max = (most)                                          \
	}
#define PROPERTY_WORD(text, type, field, list)                                          \
	{                                                                               \
		.name = (text), .read = property_word, .offset = offsetof(type, field), \
		.words = (list)                                                         \
	}
#define PROPERTY_STRING(text, type, field, most)                                          \
	{                                                                                 \
		.name = (text), .read = property_string, .offset = offsetof(type, field), \
		.max = (most)                                                             \
	}
#define PROPERTY_IMAGE(text, type, field)                                                \
	{                                                                                \
		.name = (text), .read = property_image, .offset = offsetof(type, field), \
	}
#define PROPERTY_IMAGE_REQUIRED(text, type, field)                                       \
	{                                                                                \
		.name = (text), .read = property_image, .offset = offsetof(type, field), \
		.required = true                                                         \
	}
/* With a reader of its own. */
#define PROPERTY(text, reader, type, field)                                       \
	{                                                                         \
		.name = (text), .read = (reader), .offset = offsetof(type, field) \
	}
#define PROPERTY_NAME(text)    \
	{                      \
		.name = (text) \
	}

struct property_table {
	const struct property *rows;
	unsigned int nr;
};

#define PROPERTY_TABLE(array)              \
	{                                  \
		(array), ARRAY_SIZE(array) \
	}

/* property_read_all - read what @n has of @t's properties into @out. */
void property_read_all(struct config_node *n, const struct property_table *t, void *out);

/*
 * property_check_names - an error for each property of @n that is in none of the @nr tables, with a guess at which one
 * was meant. A tree's bookkeeping (phandle) is left alone.
 */
void property_check_names(struct config_node *n, const struct property_table *tables,
			  unsigned int nr);

#endif
