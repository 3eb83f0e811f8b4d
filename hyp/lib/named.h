/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Things that a configuration gives names, so that nodes of VMs can refer to them: disks, networks, shared memory. A list of each
 * kind, in the order of the nodes. Boot code makes it; then it is fixed, and any hart may read it.
 */
#ifndef LIB_NAMED_H
#define LIB_NAMED_H

#include <string.h>

#include "lib/types.h"

struct named {
	struct named *next;
	const char *name; /* of its node */
};

/* named_add - @n, with its name, becomes the last of @list. Boot hart. */
static inline void named_add(struct named **list, struct named *n)
{
	while (*list)
		list = &(*list)->next;
	n->next = NULL;
	*list = n;
}

/* named_find - NULL: there is none of that name. */
static inline struct named *named_find(struct named *list, const char *name)
{
	while (list && strcmp(list->name, name) != 0)
		list = list->next;
	return list;
}

#endif
