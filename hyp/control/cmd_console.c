// SPDX-License-Identifier: BSD-2-Clause
/* Consoles of VMs: one at a time is attached, and what it prints comes as events. */
#include <string.h>

#include "control/cmd.h"
#include "control/event.h"
#include "vcpu/console.h"
#include "vcpu/registry.h"

/*
 * The console @name, of a VM that r->vm has a reference to from then on: as the terminal shows it, a VM's name, and for further ones
 * behind a dot that of their own. NULL, and the answer is an error: there is none.
 */
static struct term_stream *find(struct control_request *r)
{
	const char *name = r->nr_words > 2 ? r->words[2] : "";
	struct term_stream *s;

	if (*name == '\0') {
		control_fail(r, "%s: must be followed by a console's name", r->command->name);
		return NULL;
	}
	for_each_vm(vm) {
		vm_for_each_stream(s, vm)
		{
			if (strcmp(term_stream_name(s), name) != 0)
				continue;
			r->vm = vm;
			return s;
		}
	}
	control_fail(
		r,
		"console %.40s: no such console: must be a VM's name, and for further ones .PORT behind it",
		name);
	return NULL;
}

bool cmd_control_attach(struct control_request *r)
{
	struct term_stream *s = find(r);

	if (!s)
		return false;
	if (r->nr_words > 3)
		control_fail(r, "console.attach: must be followed by a console's name alone");
	else
		control_events_attach(s, term_stream_name(s));
	return false;
}

bool cmd_control_detach(struct control_request *r)
{
	(void)r;
	control_events_attach(NULL, "");
	return false;
}

/* A frame of what is typed begins. */
static void begin(struct control_request *r)
{
	uint64_t n = 0;

	if (r->nr_words != 4 || !control_parse_number(r->words[3], CONTROL_TYPED_MAX, &n) ||
	    n == 0) {
		control_fail(
			r,
			"console.type: must be followed by a console's name and the number of bytes behind this line, 1 to %d",
			CONTROL_TYPED_MAX);
		return;
	}
	r->data.left = n;
	r->data.typed = find(r) != NULL;
}

/* What is not taken now may be typed again later. */
bool cmd_control_type(struct control_request *r)
{
	struct term_stream *s;

	if (r->step == 0) {
		begin(r);
		r->step = 1;
		r->undecided = r->why[0] == '\0';
		return r->undecided;
	}
	s = find(r);
	if (s)
		json_number(&r->json, "taken",
			    term_stream_type(s, r->data.bytes, r->data.nr_typed));
	control_data_drop(r);
	return false;
}
