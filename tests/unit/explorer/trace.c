/* SPDX-License-Identifier: BSD-2-Clause */
/* The explorer: what happened on the way to a state. */
#include "explorer/engine.h"

#include <inttypes.h>
#include <stdio.h>

void trace_add(const char *what, const void *addr, uint64_t val)
{
	if (search->trace_len < MAX_TRACE)
		search->trace[search->trace_len++] =
			(struct trace){ model.self, what, (uintptr_t)addr, val };
}

void trace_print(void)
{
	unsigned int from = search->trace_len > 150 ? search->trace_len - 150 : 0;

	for (unsigned int i = from; i < search->trace_len; i++) {
		const struct trace *t = &search->trace[i];
		const char *name = NULL;

		for (unsigned int k = 0; k < search->nr_names; k++)
			if (search->names[k].addr == t->addr)
				name = search->names[k].text;
		printf("    %-12s %-18s ", t->thread < 0 ? "-" : model.threads[t->thread].name,
		       t->what);
		if (name)
			printf("%s", name);
		else if (t->addr)
			printf("%#" PRIxPTR, t->addr);
		printf(" %#" PRIx64 "\n", t->val);
	}
}

void explorer_name(const void *p, const char *name)
{
	if (search->nr_names == MAX_NAMES)
		return;
	search->names[search->nr_names].addr = (uintptr_t)p;
	snprintf(search->names[search->nr_names++].text, sizeof(search->names[0].text), "%s", name);
}
