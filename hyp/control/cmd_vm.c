// SPDX-License-Identifier: BSD-2-Clause
/* What is done to one VM: r->vm. */
#include <string.h>

#include "control/cmd.h"
#include "lib/errno.h"
#include "net/switch.h"

bool cmd_control_operate(struct control_request *r)
{
	char why[VM_WHY_NOT_MAX];

	/* One that is to be destroyed is shown as it is until it is gone. */
	if (!vm_operate(r->vm, (enum vm_op)r->command->op))
		control_fail(r, "%s %s", r->vm->name,
			     r->command->op == VM_OP_DESTROY ? "is being destroyed" :
							       vm_why_not(r->vm, why, sizeof(why)));
	return false;
}

static const struct {
	const char *name;
	uint32_t bit;
} settings[] = {
	{ "weight", VM_SET_WEIGHT },
	{ "cap", VM_SET_CAP },
};

static const char *setting_name(uint32_t bit)
{
	return bit == VM_SET_WEIGHT ? settings[0].name : settings[1].name;
}

/* @word is NAME=NUMBER. False: it is wrong, and the error says so. */
static bool parse_setting(struct control_request *r, const char *word, struct vm_settings *s)
{
	const char *equals = strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : strlen(word);
	uint64_t value;

	for (unsigned int i = 0; i < ARRAY_SIZE(settings); i++) {
		if (strlen(settings[i].name) != len || memcmp(settings[i].name, word, len) != 0)
			continue;
		if (s->which & settings[i].bit) {
			control_fail(r, "%s: %s: must be given once", r->vm->name,
				     settings[i].name);
			return false;
		}
		if (!equals || !control_parse_number(equals + 1, UINT32_MAX, &value)) {
			control_fail(r, "%s: %s = %.20s: must be a decimal number", r->vm->name,
				     settings[i].name, equals ? equals + 1 : "");
			return false;
		}
		s->which |= settings[i].bit;
		if (settings[i].bit == VM_SET_WEIGHT)
			s->weight = (uint32_t)value;
		else
			s->cap = (uint32_t)value;
		return true;
	}
	control_fail(r, "%s: %.40s: no such setting: must be weight=N or cap=N", r->vm->name, word);
	return false;
}

bool cmd_control_set(struct control_request *r)
{
	struct vm_settings s = { 0 };
	const char *why;
	uint32_t wrong;

	if (r->nr_words < 4)
		control_fail(r, "vm.set: must be followed by a VM's name, and weight=N or cap=N");
	for (unsigned int i = 3; i < r->nr_words; i++)
		if (!parse_setting(r, r->words[i % CONTROL_WORDS], &s))
			return false;
	if (r->why[0])
		return false;
	why = vm_set(r->vm, &s, &wrong);
	if (why)
		control_fail(r, "%s: %s = %u: %s", r->vm->name, setting_name(wrong),
			     (unsigned int)(wrong == VM_SET_WEIGHT ? s.weight : s.cap), why);
	return false;
}

/* As a node's name has it: "net@" and hexadecimal digits. False: it is none. */
static bool parse_port(const char *word, unsigned int *unit)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = word + 4;

	*unit = 0;
	if (strncmp(word, "net@", 4) != 0 || *at == '\0' || strlen(at) > 4)
		return false;
	for (; *at; at++) {
		const char *digit = strchr(digits, *at);

		if (!digit)
			return false;
		*unit = 16 * *unit + (unsigned int)(digit - digits);
	}
	return true;
}

bool cmd_control_link(struct control_request *r)
{
	unsigned int unit = 0;
	bool up;

	if (r->nr_words != 5) {
		control_fail(r, "net.link: must be followed by a VM's name, net@N, and up or down");
		return false;
	}
	up = strcmp(r->words[4], "up") == 0;
	if (!up && strcmp(r->words[4], "down") != 0)
		control_fail(r, "%s: %.40s: must be up or down", r->vm->name, r->words[4]);
	else if (!parse_port(r->words[3], &unit) || net_port_link(r->vm->name, unit, up) != HV_OK)
		control_fail(r, "%s: %.40s: must be one of its network devices, as in net@0",
			     r->vm->name, r->words[3]);
	return false;
}

bool cmd_control_later(struct control_request *r)
{
	control_fail(r, "%s does not exist yet", r->command->name);
	return false;
}
