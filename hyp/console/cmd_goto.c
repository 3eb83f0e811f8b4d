/* SPDX-License-Identifier: BSD-2-Clause */
/* The console of a VM by its number or name, for those that no single key reaches. */
#include <stdio.h>
#include <string.h>

#include "console/cmd.h"
#include "term/term.h"
#include "vcpu/console.h"
#include "vcpu/registry.h"

static const char *typed;
static size_t len;

/* 0: it is no number of a VM. */
static unsigned int number(void)
{
	unsigned int n = 0;

	for (const char *p = typed; *p; p++) {
		if (*p < '0' || *p > '9' || n > VM_MAX)
			return 0;
		n = n * 10 + (unsigned int)(*p - '0');
	}
	return n <= VM_MAX ? n : 0;
}

/* The name itself, or what only one name begins with; a name may be a number, too. */
static unsigned int by_name(unsigned int *nr_found)
{
	unsigned int found = 0;

	*nr_found = 0;
	for_each_vm(vm) {
		if (strncmp(vm->name, typed, len) != 0)
			continue;
		found = vm->id + 1;
		if (vm->name[len] == '\0') {
			vm_put(vm);
			*nr_found = 1;
			return found;
		}
		(*nr_found)++;
	}
	return found;
}

/*
 * The further consoles of VMs, by their own names: the one that is typed gets the focus, or the only one that begins so.
 * Returns how many there are.
 */
static unsigned int further_by_name(void)
{
	char found[LINE_MAX_LEN + 1];
	unsigned int nr = 0;

	for_each_vm(vm) {
		struct term_stream *s = vm_stream_after(vm, NULL);

		while (s && (s = vm_stream_after(vm, s)) != NULL) {
			if (strncmp(term_stream_name(s), typed, len) != 0)
				continue;
			nr++;
			snprintf(found, sizeof(found), "%s", term_stream_name(s));
			if (found[len] != '\0')
				continue;
			term_focus(s);
			vm_put(vm);
			return 1;
		}
	}
	if (nr == 1) {
		typed = found;
		len = strlen(typed);
		return further_by_name();
	}
	return nr;
}

static void go(const char *line)
{
	unsigned int nr = 0, n;

	typed = line;
	len = strlen(line);
	n = number();
	if (n == 0)
		n = by_name(&nr);
	else
		nr = 1;
	if (nr == 1) {
		menu_focus(n);
		return;
	}
	if (nr == 0) {
		nr = further_by_name();
		if (nr == 1)
			return;
	}
	if (nr == 0)
		term_printf("no VM has the number or name \"%s\": ^] l lists them", typed);
	else
		term_printf("%u consoles have names that begin with \"%s\": type more of it", nr,
			    typed);
}

void cmd_goto(void)
{
	line_begin("console of VM (number or name)", go);
}
