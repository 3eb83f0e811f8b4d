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
	const char *form;
} settings[] = {
	{ "weight", VM_SET_WEIGHT, "a decimal number" },
	{ "cap", VM_SET_CAP, "a decimal number" },
	{ "affinity", VM_SET_AFFINITY, "harts, as in 0,2" },
};

#define SETTINGS "weight=N, cap=N or affinity=HART,HART..."

/* Decimal numbers with commas between them: bits. False: it is something else. */
static bool parse_harts(const char *at, uint64_t *harts)
{
	*harts = 0;
	for (;;) {
		size_t len = strcspn(at, ",");
		char number[8];
		uint64_t n;

		if (len >= sizeof(number))
			return false;
		memcpy(number, at, len);
		number[len] = '\0';
		if (!control_parse_number(number, MAX_PCPUS - 1, &n))
			return false;
		*harts |= BIT(n);
		if (at[len] == '\0')
			return true;
		at += len + 1;
	}
}

static bool parse_value(uint32_t bit, const char *text, struct vm_settings *s)
{
	uint64_t value;

	if (bit == VM_SET_AFFINITY)
		return parse_harts(text, &s->affinity);
	if (!control_parse_number(text, UINT32_MAX, &value))
		return false;
	*(bit == VM_SET_WEIGHT ? &s->weight : &s->cap) = (uint32_t)value;
	return true;
}

/* Which setting @word, NAME=VALUE, is of, and its value; ARRAY_SIZE(settings): of none. */
static unsigned int find_setting(const char *word, const char **value)
{
	const char *equals = strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : strlen(word);
	unsigned int i = 0;

	*value = equals ? equals + 1 : "";
	while (i < ARRAY_SIZE(settings) &&
	       (strlen(settings[i].name) != len || memcmp(settings[i].name, word, len) != 0))
		i++;
	return i;
}

/* False: @word is wrong, and the error says so. */
static bool parse_setting(struct control_request *r, const char *word, struct vm_settings *s)
{
	const char *value;
	unsigned int i = find_setting(word, &value);

	if (i == ARRAY_SIZE(settings)) {
		control_fail(r, "%s: %.40s: no such setting: must be " SETTINGS, r->vm->name, word);
		return false;
	}
	if (s->which & settings[i].bit) {
		control_fail(r, "%s: %s: must be given once", r->vm->name, settings[i].name);
		return false;
	}
	if (!parse_value(settings[i].bit, value, s)) {
		control_fail(r, "%s: %s = %.20s: must be %s", r->vm->name, settings[i].name, value,
			     settings[i].form);
		return false;
	}
	s->which |= settings[i].bit;
	return true;
}

/* The one of them that is wrong, with what was given. */
static void refuse(struct control_request *r, uint32_t wrong, const char *why)
{
	for (unsigned int i = 3; i < r->nr_words; i++) {
		const char *value;
		unsigned int n = find_setting(r->words[i % CONTROL_WORDS], &value);

		if (n < ARRAY_SIZE(settings) && settings[n].bit == wrong)
			control_fail(r, "%s: %s = %.40s: %s", r->vm->name, settings[n].name, value,
				     why);
	}
}

bool cmd_control_set(struct control_request *r)
{
	struct vm_settings s = { 0 };
	const char *why;
	uint32_t wrong;

	if (r->nr_words < 4)
		control_fail(r, "vm.set: must be followed by a VM's name, and " SETTINGS);
	for (unsigned int i = 3; i < r->nr_words; i++)
		if (!parse_setting(r, r->words[i % CONTROL_WORDS], &s))
			return false;
	if (r->why[0])
		return false;
	why = vm_set(r->vm, &s, &wrong);
	if (why)
		refuse(r, wrong, why);
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
