/* SPDX-License-Identifier: BSD-2-Clause */
/* What the log must have said; include after cmocka.h. */
#ifndef FAKE_SAID_H
#define FAKE_SAID_H

#include <string.h>

#include "fake/log.h"

/* @line is one whole line of the log. */
static inline void assert_logged(const char *line)
{
	size_t n = strlen(line);

	for (const char *p = fake_log_text; (p = strstr(p, line)) != NULL; p += n)
		if ((p == fake_log_text || p[-1] == '\n') && p[n] == '\n')
			return;
	fail_msg("not logged: %s\nbut: %s", line, fake_log_text);
}

/* What the log would cut (lib/log.h; it puts time and level in front) is of no use. */
static inline void assert_lines_fit(void)
{
	for (const char *p = fake_log_text; *p != '\0';) {
		size_t n = strcspn(p, "\n");

		assert_in_range(n, 1, 472);
		p += n + 1;
	}
}

#endif
