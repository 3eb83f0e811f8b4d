/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/property.h"

#include <string.h>

#include "lib/fdt.h"
#include "lib/text.h"
#include "lib/word.h"

/* Errors of one node beyond this many would only push the first ones off the screen. */
#define MAX_UNKNOWN 4
/* Of all tables of one node. */
#define MAX_NAMES 64

void property_u32(struct config_node *n, const struct property *p, void *value)
{
	uint32_t v = 0;

	if (fdtx_prop_u32(n->fdt, n->node, p->name, &v) == HV_OK && v >= p->min && v <= p->max)
		*(uint32_t *)value = v;
	else if (p->min + 1 == p->max)
		config_error(n, p->name, "must be %u or %u (one cell)", (unsigned int)p->min,
			     (unsigned int)p->max);
	else
		config_error(n, p->name, "must be %u to %u (one cell)", (unsigned int)p->min,
			     (unsigned int)p->max);
}

void property_word(struct config_node *n, const struct property *p, void *value)
{
	const char *s = fdtx_prop_string(n->fdt, n->node, p->name);
	char list[160];
	struct text t;

	text_begin(&t, list, sizeof(list));
	for (unsigned int i = 0; p->words[i]; i++) {
		if (s && strcmp(s, p->words[i]) == 0) {
			*(unsigned int *)value = i;
			return;
		}
		text_add(&t, "%s\"%s\"",
			 i == 0		 ? "" :
			 p->words[i + 1] ? ", " :
					   " or ",
			 p->words[i]);
	}
	config_error(n, p->name, "must be %s", list);
}

void property_string(struct config_node *n, const struct property *p, void *value)
{
	const char *s = fdtx_prop_string(n->fdt, n->node, p->name);

	if (s && strlen(s) <= p->max)
		*(const char **)value = s;
	else
		config_error(n, p->name, "must be one string of at most %u characters",
			     (unsigned int)p->max);
}

void property_image(struct config_node *n, const struct property *p, void *value)
{
	const char *name = fdtx_prop_string(n->fdt, n->node, p->name);
	char line[200];
	struct text why;

	if (!n->images) {
		config_error(n, p->name,
			     "must not be in a VM of the host's tree: images come from a bundle");
		return;
	}
	if (!name) {
		config_error(n, p->name, "must be the name of an image below /images");
		return;
	}
	text_begin(&why, line, sizeof(line));
	if (n->images->find(n->images, name, value, &why) != HV_OK)
		config_error(n, p->name, "%s", line);
}

struct named *property_named(struct config_node *n, const struct property *p, struct named *list,
			     const char *where)
{
	const char *name = fdtx_prop_string(n->fdt, n->node, p->name);
	struct named *found = name ? named_find(list, name) : NULL;
	char line[160];
	struct text t;

	if (found)
		return found;
	text_begin(&t, line, sizeof(line));
	text_add(&t, list ? ", of" : ", which has none");
	for (; list; list = list->next)
		text_add(&t, " %s", list->name);
	config_error(n, p->name, "must be the name of a node below the configuration's %s%s", where,
		     line);
	return NULL;
}

void property_read_all(struct config_node *n, const struct property_table *t, void *out)
{
	for (unsigned int i = 0; i < t->nr; i++) {
		const struct property *p = &t->rows[i];

		if (p->read && (p->required || fdtx_prop_bool(n->fdt, n->node, p->name)))
			p->read(n, p, (char *)out + p->offset);
	}
}

static void unknown_property(struct config_node *n, const char *name, const char *const *allowed,
			     unsigned int nr)
{
	const char *closest = word_closest(name, allowed, nr);
	char list[256];
	struct text t;

	text_begin(&t, list, sizeof(list));
	for (unsigned int i = 0; i < nr; i++)
		text_add(&t, "%s%s", i == 0 ? "" : ", ", allowed[i]);
	if (closest != NULL)
		config_error(n, name, "unknown, did you mean %s?", closest);
	else
		config_error(n, name, "unknown, allowed: %s", list);
}

/* How many there are. */
static unsigned int list_names(const struct property_table *tables, unsigned int nr,
			       const char *names[MAX_NAMES])
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < nr; i++)
		for (unsigned int j = 0; j < tables[i].nr && n < MAX_NAMES; j++)
			names[n++] = tables[i].rows[j].name;
	return n;
}

void property_check_names(struct config_node *n, const struct property_table *tables,
			  unsigned int nr)
{
	const char *allowed[MAX_NAMES];
	unsigned int nr_allowed = list_names(tables, nr, allowed), unknown = 0;
	int prop;

	fdt_for_each_property_offset(prop, n->fdt, n->node) {
		const char *name = NULL;
		unsigned int i;

		if (fdt_getprop_by_offset(n->fdt, prop, &name, NULL) == NULL || name == NULL)
			continue;
		if (fdtx_is_bookkeeping(name))
			continue;
		for (i = 0; i < nr_allowed && strcmp(name, allowed[i]) != 0; i++)
			;
		if (i < nr_allowed)
			continue;
		if (++unknown > MAX_UNKNOWN) {
			config_error(n, NULL, "more unknown properties are not shown");
			return;
		}
		unknown_property(n, name, allowed, nr_allowed);
	}
}
