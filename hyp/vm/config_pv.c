// SPDX-License-Identifier: BSD-2-Clause
#include "vm/config_pv.h"

#include <hartvisor/pv.h>
#include <string.h>

#include "lib/fdt.h"
#include "vm/pv.h"
#include "vm/text.h"

/* One word of the list; false: it is none. */
static bool add_word(struct vm_config *vm, const char *word)
{
	if (strcmp(word, "pvlk") == 0) {
		vm->pvlk = true;
		return true;
	}
	if (strcmp(word, "all") == 0) {
		vm->pv |= pv_all();
		return true;
	}
	for (unsigned int i = 0; i < PV_NR_FEATURES; i++) {
		if (strcmp(word, pv_features[i].name) == 0) {
			vm->pv |= pv_features[i].calls | BIT(HARTVISOR_FEATURES);
			return true;
		}
	}
	return false;
}

static void wrong_word(struct vm_node *n)
{
	char list[120];
	struct text t;

	text_begin(&t, list, sizeof(list));
	for (unsigned int i = 0; i < PV_NR_FEATURES; i++)
		text_add(&t, "\"%s\", ", pv_features[i].name);
	vm_node_error(n, "pv", "must be \"none\", or a list of \"all\", %s\"pvlk\"", list);
}

static void parse_pv(struct vm_node *n)
{
	int nr = fdt_stringlist_count(n->fdt, n->node, "pv");
	const char *first = fdtx_prop_string(n->fdt, n->node, "pv");
	const char *twice = NULL;

	if (nr == -FDT_ERR_NOTFOUND)
		return;
	n->vm->pv = 0;
	if (nr == 1 && first && strcmp(first, "none") == 0)
		return;
	for (int i = 0; i < nr; i++) {
		const char *word = fdt_stringlist_get(n->fdt, n->node, "pv", i, NULL);

		if (!word || !add_word(n->vm, word)) {
			nr = 0;
			break;
		}
		if (!twice && fdt_stringlist_search(n->fdt, n->node, "pv", word) < i)
			twice = word;
	}
	if (nr <= 0)
		wrong_word(n);
	else if (twice)
		vm_node_warn(n, "pv", "names \"%s\" twice", twice);
}

void vm_node_pv(struct vm_node *n)
{
	int err;

	parse_pv(n);
	err = fdtx_prop_u64(n->fdt, n->node, "pv-lock-base", &n->vm->pv_lock_base);
	if (err == HV_OK)
		n->vm->pv_lock_base_given = true;
	else if (err != HV_ENOENT)
		vm_node_error(n, "pv-lock-base",
			      "must be an address in the VM's RAM (one or two "
			      "cells)");
}
