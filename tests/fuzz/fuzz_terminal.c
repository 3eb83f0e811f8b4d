// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/terminal.h
// SOURCES: tests/unit/fake/vt.c
/*
 * The terminal: two guests print, keys are typed, hartvisor speaks, focus and menu come and go. What comes out goes to a
 * small terminal emulator, which fails for anything that a guest must not do (fake/vt.h). Where the other end is no
 * terminal, every row must begin with a prefix. A guest to which the terminal is attached may print anything.
 */
#define _GNU_SOURCE
#include "common/fuzz.h"

#include "fake/terminal.h"
#include "fake/vt.h"
#include "lib/work.h"

enum other_end { PIPE, TERMINAL, ATTACHED };

static enum other_end other_end;
static struct work menu;

static void menu_run(struct work *work)
{
	(void)work;
	while (term_menu_key() >= 0)
		;
}

static enum term_menu_more rule(char key)
{
	return key == 'k' ? TERM_MENU_ANSWER : key == 'g' ? TERM_MENU_LINE : TERM_MENU_ONE;
}

/* --- what comes out ------------------------------------------------------------------------------- */

static bool must_start_with_prefix(const char *row)
{
	static const char *const prefixes[] = { "[a] ", "[a]+",		"[b] ",
						"[b]+", "[hartvisor] ", "[hartvisor]+" };
	unsigned int i = 0;

	while (i < ARRAY_SIZE(prefixes) && strncmp(row, prefixes[i], strlen(prefixes[i])) != 0)
		i++;
	fuzz_must(i < ARRAY_SIZE(prefixes));
	return true;
}

/* Across two calls: is what comes next in a row that has begun? */
static bool in_row;

static void check_rows(void)
{
	for (size_t i = 0; i < screen_len; i++) {
		if (screen[i] == '\n')
			in_row = false;
		else if (!in_row && screen[i] != '\r')
			in_row = must_start_with_prefix(&screen[i]);
	}
}

/* hartvisor's own question for the columns, which the emulator does not know. */
#define ASK_COLUMNS "\0337\033[999C\033[6n\0338"

static unsigned int columns;

/* The terminal draws what came, and answers. */
static void draw(void)
{
	const char *at = screen, *ask;
	unsigned int answers = 0;
	char answer[24];

	while ((ask = memmem(at, screen_len - (size_t)(at - screen), ASK_COLUMNS,
			     strlen(ASK_COLUMNS)))) {
		vt_feed(at, (size_t)(ask - at));
		at = ask + strlen(ASK_COLUMNS);
		answers++;
	}
	vt_feed(at, screen_len - (size_t)(at - screen));
	clear_screen();
	snprintf(answer, sizeof(answer), "\x1b[1;%uR", columns);
	for (; answers > 0; answers--)
		type(answer);
}

static void see(void)
{
	transmit_all();
	if (other_end == PIPE)
		check_rows();
	while (screen_len > 0 && other_end == TERMINAL)
		draw();
	clear_screen();
}

/* --- what happens ---------------------------------------------------------------------------------- */

static void start(struct fuzz_input *in)
{
	uint8_t how = fuzz_u8(in);
	char answer[24];

	in_row = false;
	columns = 42 + (how >> 3) * 4;
	other_end = how & 1 ? TERMINAL : how & 2 ? ATTACHED : PIPE;
	(void)terminal_setup(NULL);
	have_irq = !(how & 4) || other_end == TERMINAL;
	if (other_end != PIPE) {
		start_again(true);
		type("\x1b[0n");
		snprintf(answer, sizeof(answer), "\x1b[1;%uR", columns);
		type(answer);
	}
	work_init(&menu, menu_run);
	term_on_escape(&menu, rule);
	vt_start(columns, 1 + (how >> 2 & 1));
	clear_screen();
}

static struct term_stream *stream(uint8_t nr)
{
	return nr & 1 ? b : a;
}

static size_t text_of(struct fuzz_input *in, char *text, size_t room)
{
	size_t n = fuzz_u8(in);

	n = n < room - 1 ? n : room - 1;
	n = n < in->left ? n : in->left;
	fuzz_bytes(in, text, n);
	text[n] = '\0';
	return n;
}

/* No escape from the keyboard of a terminal: it could be an answer that is not this terminal's. */
static void type_text(struct fuzz_input *in)
{
	char keys[256];
	size_t n = text_of(in, keys, sizeof(keys));

	for (size_t i = 0; i < n; i++)
		if (keys[i] == 0 || (keys[i] == 0x1b && other_end == TERMINAL))
			keys[i] = '\r';
	if (uart_fn)
		type(keys);
}

static void hartvisor_speaks(struct fuzz_input *in, uint8_t how)
{
	char text[256];

	(void)text_of(in, text, sizeof(text));
	/* The log cleans its lines before they come here. */
	for (char *p = text; *p; p++)
		*p = *p < 0x20 || *p == 0x7f ? '?' : *p;
	switch (how % 4) {
	case 0:
		term_log(text, strlen(text));
		break;
	case 1:
		term_printf("%s", text);
		break;
	case 2:
		text[40] = '\0';
		term_prompt(text);
		break;
	default:
		term_hold(true);
		term_printf("one");
		term_printf("%s", text);
		term_hold(false);
		break;
	}
}

static void guest_prints(struct fuzz_input *in, bool seen)
{
	struct term_stream *s = stream(fuzz_u8(in));
	char text[256];
	size_t n = text_of(in, text, sizeof(text));

	put(s, text, n);
	if (seen)
		see();
}

static void reader(uint8_t what)
{
	struct term_stream *s = stream(what);
	char buf[40];
	bool is_break;

	switch (what >> 1 & 3) {
	case 0:
		fuzz_must(term_stream_read(s, buf, sizeof(buf)) <= sizeof(buf));
		break;
	case 1:
		fuzz_must(term_stream_read_break(s, buf, 5, &is_break) <= 5);
		break;
	case 2:
		term_stream_discard_input(s);
		fuzz_must(!term_stream_input_pending(s));
		break;
	default:
		term_stream_flush(s);
		break;
	}
}

static void one_step(struct fuzz_input *in)
{
	uint8_t what = fuzz_u8(in), more = what >> 3;

	switch (what & 7) {
	case 0:
	case 1:
		guest_prints(in, what & 1);
		break;
	case 2:
		tick();
		while (work_run_one())
			;
		break;
	case 3:
		if (fuzz_u8(in) & 2)
			type_text(in);
		break;
	case 4:
		term_focus(more % 3 ? stream(more % 3 == 1) : NULL);
		break;
	case 5:
		reader(more);
		break;
	case 6:
		hartvisor_speaks(in, more);
		break;
	default:
		if (other_end == ATTACHED)
			(void)term_attach();
		absent_why = more & 1 ? "paused" : NULL;
		absent_keeps = more & 2;
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };

	start(&in);
	for (unsigned int n = 0; in.left > 0 && n < 200; n++)
		one_step(&in);
	see();
	(void)terminal_teardown(NULL);
	return 0;
}
