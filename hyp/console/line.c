// SPDX-License-Identifier: BSD-2-Clause
/* A line that a command wants, typed behind its prompt. Run by the menu's work item alone. */
#include <stdio.h>

#include "console/cmd.h"
#include "term/term.h"

static char typed[LINE_MAX_LEN + 1];
static unsigned int len;
static const char *prompt;
static void (*done)(const char *line); /* NULL: nothing is typed */

static void show(void)
{
	char line[LINE_MAX_LEN + 80];

	snprintf(line, sizeof(line), "%s: %s", prompt, typed);
	term_prompt(line);
}

void line_begin(const char *what, void (*fn)(const char *line))
{
	prompt = what;
	done = fn;
	len = 0;
	typed[0] = '\0';
	show();
}

bool line_key(int key, bool plain)
{
	void (*fn)(const char *line) = done;

	if (!fn)
		return false;
	if (!plain || key == TERM_MENU_CANCEL) {
		done = NULL;
		return plain;
	}
	if (key == '\r' || key == '\n') {
		done = NULL;
		if (len)
			fn(typed);
		return true;
	}
	if ((key == '\b' || key == 0x7f) && len)
		typed[--len] = '\0';
	else if (key > ' ' && key < 0x7f && len < LINE_MAX_LEN) {
		typed[len++] = (char)key;
		typed[len] = '\0';
	}
	show();
	return true;
}
