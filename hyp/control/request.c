// SPDX-License-Identifier: BSD-2-Clause
#include "control/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "control/cmd.h"
#include "lib/text.h"
#include "lib/word.h"
#include "vcpu/registry.h"

/* Of a word that came from outside, as it stands in an error. */
#define SHOWN 40

#define ID_MAX UINT64_C(9007199254740991) /* what every reader of JSON takes as a whole number */

/* --- lines ---------------------------------------------------------------------------------------- */

void control_line_clear(struct control_line *l)
{
	l->len = 0;
	l->too_long = l->not_text = false;
}

bool control_line_add(struct control_line *l, char c)
{
	if (c == '\n') {
		if (l->len > 0 && l->text[l->len - 1] == '\r')
			l->len--;
		l->text[l->len] = '\0';
		return l->len > 0 || l->too_long;
	}
	if (l->len >= CONTROL_LINE) {
		l->too_long = true;
		return false;
	}
	/* A carriage return is one of the line's end, or else wrong. */
	if (l->len > 0 && l->text[l->len - 1] == '\r')
		l->not_text = true;
	if ((c < 0x20 && c != '\r') || c >= 0x7f)
		l->not_text = true;
	l->text[l->len++] = c;
	return false;
}

/* --- what a request says -------------------------------------------------------------------------- */

void control_fail(struct control_request *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->why, sizeof(r->why), fmt, ap);
	va_end(ap);
}

bool control_parse_number(const char *s, uint64_t max, uint64_t *value)
{
	uint64_t n = 0;

	if (*s == '\0')
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		n = n * 10 + (uint64_t)(*s - '0');
		if (n > max)
			return false;
	}
	*value = n;
	return true;
}

/* False: there are too many. */
static bool split(struct control_request *r)
{
	char *at = r->line.text;

	r->nr_words = 0;
	for (;;) {
		while (*at == ' ')
			*at++ = '\0';
		if (*at == '\0')
			return true;
		if (r->nr_words == CONTROL_WORDS)
			return false;
		r->words[r->nr_words++ % CONTROL_WORDS] = at;
		while (*at != ' ' && *at != '\0')
			at++;
	}
}

static void find_command(struct control_request *r, const char *name)
{
	const char *names[64];
	const char *close;
	unsigned int nr = 0;

	for (unsigned int i = 0; i < nr_control_commands; i++) {
		if (nr < ARRAY_SIZE(names))
			names[nr++] = control_commands[i].name;
		if (strcmp(control_commands[i].name, name) == 0)
			r->command = &control_commands[i];
	}
	if (r->command)
		return;
	close = word_closest(name, names, nr);
	control_fail(r, "%.*s: no such command: %s%s", SHOWN, name,
		     close ? "did you mean " : "help lists them", close ? close : "");
}

/* Of VMs, for an error: "a b c", and "..." if there are more than fit. */
static void add_names(struct text *t)
{
	for_each_vm(vm) {
		if (t->len + sizeof(vm->name) + sizeof(" ...") > t->size) {
			vm_put(vm);
			text_add(t, " ...");
			return;
		}
		text_add(t, " %s", vm->name);
	}
}

static void find_vm(struct control_request *r)
{
	const char *name = r->nr_words > 2 ? r->words[2] : "";
	struct text t;

	if (*name == '\0') {
		control_fail(r, "%s: must be followed by a VM's name", r->command->name);
		return;
	}
	r->vm = vm_get_by_name(name);
	if (r->vm)
		return;
	text_begin(&t, r->why, sizeof(r->why));
	text_add(&t, "vm %.*s: no such VM: must be one of", SHOWN, name);
	add_names(&t);
}

static void check_arguments(struct control_request *r)
{
	const unsigned int nr = r->nr_words - 2;
	const char *name = r->command->name;

	switch ((enum control_takes)r->command->takes) {
	case CONTROL_NOTHING:
		if (nr > 0)
			control_fail(r, "%s: must be followed by nothing", name);
		break;
	case CONTROL_MAY_RESET:
		if (nr > 1 || (nr == 1 && strcmp(r->words[2], "reset") != 0))
			control_fail(r, "%s: must be followed by nothing or by reset", name);
		break;
	case CONTROL_VM:
		if (nr > 1)
			control_fail(r, "%s: must be followed by a VM's name alone", name);
		else
			find_vm(r);
		break;
	case CONTROL_VM_SETTINGS:
		find_vm(r);
		break;
	case CONTROL_ANYTHING:
		break;
	}
}

/* Whatever else is wrong with a request, its answer has the id, if it begins with one. */
static void parse_id(struct control_request *r)
{
	const char *at = r->line.text + strspn(r->line.text, " ");
	char word[20];
	size_t len = strcspn(at, " ");

	if (len >= sizeof(word))
		return;
	memcpy(word, at, len);
	word[len] = '\0';
	r->has_id = control_parse_number(word, ID_MAX, &r->id);
}

static void parse(struct control_request *r)
{
	parse_id(r);
	if (r->line.too_long) {
		control_fail(r, "a request must have at most %d characters", CONTROL_LINE);
		return;
	}
	if (r->line.not_text) {
		control_fail(r, "a request must be printable ASCII");
		return;
	}
	if (!split(r)) {
		control_fail(r, "a request must have at most %d words", CONTROL_WORDS);
		return;
	}
	if (!r->has_id)
		control_fail(r, "a request must begin with its id, a decimal number");
	else if (r->nr_words < 2)
		control_fail(r, "a request must be ID COMMAND [ARGUMENT...]: help lists commands");
	else
		find_command(r, r->words[1]);
}

/* --- answers -------------------------------------------------------------------------------------- */

void control_begin(struct control_request *r)
{
	r->has_id = r->begun = r->undecided = false;
	r->command = NULL;
	r->vm = NULL;
	r->why[0] = '\0';
	r->step = r->vm_id = r->vcpu = r->part = 0;
	r->at = 0;
	r->frame.left = 0;
	parse(r);
}

static void begin_answer(struct control_request *r, char *buf, bool ok)
{
	json_begin(&r->json, buf, CONTROL_PIECE);
	json_open(&r->json, NULL, '{');
	if (r->has_id)
		json_number(&r->json, "id", r->id);
	else
		json_null(&r->json, "id");
	json_bool(&r->json, "ok", ok);
}

/* The first piece: the arguments are checked as late as the VM is used. */
static bool begin(struct control_request *r, char *buf)
{
	bool more = false;

	r->begun = true;
	r->undecided = false;
	begin_answer(r, buf, true);
	if (!r->why[0])
		check_arguments(r);
	if (!r->why[0])
		more = r->command->run(r);
	if (r->vm)
		vm_put(r->vm);
	r->vm = NULL;
	if (r->undecided) {
		r->begun = false;
		r->json.len = 0;
		return true;
	}
	if (!r->why[0])
		return more;
	begin_answer(r, buf, false);
	json_string(&r->json, "error", r->why);
	return false;
}

size_t control_go_on(struct control_request *r, char *buf, bool *more)
{
	if (r->begun) {
		json_piece(&r->json, buf, CONTROL_PIECE);
		*more = r->command->run(r);
	} else {
		*more = begin(r, buf);
	}
	if (!*more) {
		json_close(&r->json, '}');
		json_end_line(&r->json);
	}
	return r->json.len;
}
