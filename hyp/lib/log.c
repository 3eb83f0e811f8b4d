/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/spinlock.h"

#define LOG_LINE_MAX 496

static struct spinlock log_lock =
	SPINLOCK_INIT(LOCK_LOG);	/* guards log_line, and is held while the sink runs */
static char log_line[LOG_LINE_MAX + 2]; /* and the newline, and the final 0 */
static log_sink_t log_sink;
static uint64_t (*log_clock)(void);
static enum log_level log_level = LOG_INFO;

static char *kept; /* NULL: nothing is kept */
static size_t kept_size;
static uint64_t kept_end; /* bytes that were ever put there */

static char *captured; /* NULL: errors are not captured */
static size_t captured_size;
static unsigned int nr_captured;

static const char *const level_mark[] = {
	[LOG_ERROR] = "error: ",
	[LOG_WARN] = "warning: ",
	[LOG_INFO] = "",
	[LOG_DEBUG] = "debug: ",
};

void log_set_sink(log_sink_t sink)
{
	spin_lock(&log_lock);
	log_sink = sink;
	spin_unlock(&log_lock);
}

void log_set_clock(uint64_t (*us)(void))
{
	spin_lock(&log_lock);
	log_clock = us;
	spin_unlock(&log_lock);
}

void log_set_level(enum log_level level)
{
	atomic_set(&log_level, level);
}

/*
 * One line holds one message, in ASCII: what a name from a device tree brings along must not forge another,
 * nor be a control sequence (C1 begins at 0x80).
 */
static size_t log_clean(char *line, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)line[i];

		if (c < 0x20 || c >= 0x7f)
			line[i] = '?';
	}
	return len;
}

/* The lock is held. */
static void capture(enum log_level level, const char *fmt, va_list ap)
{
	if (!captured || level != LOG_ERROR)
		return;
	if (nr_captured++ > 0)
		return;
	(void)vsnprintf(captured, captured_size, fmt, ap);
	(void)log_clean(captured, strlen(captured));
}

void log_capture(char *buf, size_t size)
{
	spin_lock(&log_lock);
	captured = buf;
	captured_size = size;
	nr_captured = 0;
	spin_unlock(&log_lock);
}

unsigned int log_capture_end(void)
{
	unsigned int nr;

	spin_lock(&log_lock);
	captured = NULL;
	nr = nr_captured;
	spin_unlock(&log_lock);
	return nr;
}

static size_t log_format(enum log_level level, const char *fmt, va_list ap)
{
	uint64_t us = log_clock ? log_clock() : 0;
	int head = snprintf(log_line, LOG_LINE_MAX + 1, "%" PRIu64 ".%06u %s", us / 1000000,
			    (unsigned int)(us % 1000000), level_mark[level]);
	size_t len = head > 0 ? (size_t)head : 0;
	int text = vsnprintf(log_line + len, LOG_LINE_MAX + 1 - len, fmt, ap);

	if (text > 0)
		len += (size_t)text;
	if (len > LOG_LINE_MAX)
		len = LOG_LINE_MAX;
	len = log_clean(log_line, len);
	log_line[len++] = '\n';
	log_line[len] = 0;
	return len;
}

uint64_t log_time_us(void)
{
	uint64_t (*us)(void) = atomic_read(&log_clock);

	return us ? us() : 0;
}

void log_keep(char *buf, size_t size)
{
	spin_lock(&log_lock);
	kept = buf;
	kept_size = size;
	kept_end = 0;
	spin_unlock(&log_lock);
}

/* The lock is held. */
static void keep(const char *line, size_t len)
{
	for (size_t i = 0; i < len && kept; i++)
		kept[kept_end++ & (kept_size - 1)] = line[i];
}

bool log_read(uint64_t *at, char *line, size_t size)
{
	size_t len = 0;
	bool found;
	char c = 0;

	spin_lock(&log_lock);
	/* The first of those that are left may lack its beginning. */
	if (kept_end - *at > kept_size) {
		*at = kept_end - kept_size;
		while (*at < kept_end && kept[(*at)++ & (kept_size - 1)] != '\n')
			;
	}
	found = *at < kept_end;
	while (*at < kept_end && (c = kept[(*at)++ & (kept_size - 1)]) != '\n')
		if (len + 1 < size)
			line[len++] = c;
	spin_unlock(&log_lock);
	line[len] = 0;
	return found;
}

void log_at(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	if (level > atomic_read(&log_level))
		return;
	spin_lock(&log_lock);
	va_start(ap, fmt);
	capture(level, fmt, ap);
	va_end(ap);
	va_start(ap, fmt);
	if (log_sink) {
		size_t len = log_format(level, fmt, ap);

		keep(log_line, len);
		log_sink(log_line, len);
	}
	spin_unlock(&log_lock);
	va_end(ap);
}
