// SPDX-License-Identifier: BSD-2-Clause
#include "common/fuzz.h"

#include "fake/log.h"

/* hyp/lib/log.c cuts longer ones: 496 with the time and the level in front. It also makes every character printable. */
#define LINE_MAX_LEN 472

void fuzz_log_is_plain(void)
{
	size_t len = 0;

	for (const char *p = fake_log_text; *p; p++) {
		if (*p == '\n') {
			fuzz_must(len > 0 && len <= LINE_MAX_LEN);
			len = 0;
			continue;
		}
		len++;
	}
}

/* A failed assertion of a fake is to leave its place on the stack. */
__attribute__((constructor)) static void assertions_abort(void)
{
	setenv("CMOCKA_TEST_ABORT", "1", 1);
}
