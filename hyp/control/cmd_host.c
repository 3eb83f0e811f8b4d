// SPDX-License-Identifier: BSD-2-Clause
/* Hartvisor itself, and the machine. */
#include "arch/timer.h"
#include "control/cmd.h"
#include "lib/log.h"
#include "mm/page.h"
#include "platform/machine.h"

/* What a program has to know of the protocol: it changes when an old client would not understand a new answer. */
#define PROTOCOL 1

bool cmd_control_version(struct control_request *r)
{
	json_string(&r->json, "name", "hartvisor");
	json_number(&r->json, "protocol", PROTOCOL);
	return false;
}

bool cmd_control_machine(struct control_request *r)
{
	struct json *j = &r->json;
	uint64_t image, own = vm_own_memory(&image);

	json_number(j, "t", log_time_us());
	json_number(j, "harts", nr_pcpus);
	json_number(j, "harts_of_machine", machine.total_cpus);
	json_number(j, "timebase", timer_frequency());
	json_number(j, "memory", machine.memory_bytes);
	json_number(j, "memory_free", page_free_bytes());
	json_number(j, "memory_own", own);
	json_number(j, "memory_images", bundle_store_memory());
	json_number(j, "image", image);
	return false;
}

/* What is logged meanwhile is not waited for. */
bool cmd_control_log(struct control_request *r)
{
	char line[512];

	if (r->step == 0) {
		json_open(&r->json, "lines", '[');
		r->step = 1;
	}
	/* More than the log keeps. */
	if (r->step++ > 512 || !log_read(&r->at, line, sizeof(line))) {
		json_close(&r->json, ']');
		return false;
	}
	json_string(&r->json, NULL, line);
	return true;
}

bool cmd_control_help(struct control_request *r)
{
	struct json *j = &r->json;
	const struct control_command *c;

	if (r->step == 0)
		json_open(j, "commands", '[');
	if (r->step == nr_control_commands) {
		json_close(j, ']');
		return false;
	}
	c = &control_commands[index_below(r->step, nr_control_commands)];
	r->step++;
	json_open(j, NULL, '{');
	json_string(j, "name", c->name);
	json_string(j, "args", c->args);
	json_string(j, "what", c->what);
	json_close(j, '}');
	return true;
}
