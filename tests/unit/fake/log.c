/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log of unit tests: remembers what was said. The functions are weak, so that the test of the log
 * itself links the real ones.
 */
#include "lib/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/interrupts.h"
#include "fake/log.h"

char fake_log_last[512];
char fake_log_text[65536];
unsigned int fake_log_count;

void fake_log_reset(void)
{
	fake_log_last[0] = 0;
	fake_log_text[0] = 0;
	fake_log_count = 0;
}

__attribute__((weak)) void log_set_sink(log_sink_t sink)
{
	(void)sink;
}

__attribute__((weak)) void log_set_level(enum log_level level)
{
	(void)level;
}

__attribute__((weak)) void log_at(enum log_level level, const char *fmt, ...)
{
	va_list ap;
	size_t used = strlen(fake_log_text);

	fake_check_interrupts_off();
	va_start(ap, fmt);
	vsnprintf(fake_log_last, sizeof(fake_log_last), fmt, ap);
	va_end(ap);
	fake_log_count++;
	snprintf(fake_log_text + used, sizeof(fake_log_text) - used, "%s\n", fake_log_last);
	if (getenv("HV_TEST_VERBOSE"))
		fprintf(stderr, "log %d: %s\n", level, fake_log_last);
}
