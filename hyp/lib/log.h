/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hypervisor's own log: one line a call, with a level. It knows nothing of devices: a sink takes
 * whole lines (early: the firmware's console; later: the terminal). What a guest can repeat is never
 * logged above LOG_DEBUG.
 */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include "lib/types.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* A whole line with its newline, @len bytes; called with the log's lock held. */
typedef void (*log_sink_t)(const char *line, size_t len);

void log_set_sink(log_sink_t sink);
/* log_set_clock - @us: microseconds since boot, with which each line begins, as seconds: "0.061894 ". Any locks. */
void log_set_clock(uint64_t (*us)(void));
void log_set_level(enum log_level level);

/* log_time_us - what that clock says now; 0: there is none. */
uint64_t log_time_us(void);

/*
 * log_keep - from now on the last lines are kept in @buf, of @size bytes, a power of two.
 * log_read - the first line that is kept and begins at *@at or later, without its newline, as much of it as fits in @size bytes with a
 * final 0; *@at is then that of the next one. Begin with 0. False: there are no more. Takes LOCK_LOG.
 */
void log_keep(char *buf, size_t size);
bool log_read(uint64_t *at, char *line, size_t size);

/*
 * log_capture - from now on the first error's line goes into @buf, too, of @size bytes, without time and level. log_capture_end - no
 * more; returns how many errors there were. One caller at a time. Errors that other harts log meanwhile are among them.
 */
void log_capture(char *buf, size_t size);
unsigned int log_capture_end(void);

/*
 * log_at - format one line and hand it to the sink; longer ones are cut at 336 characters, time and level among them.
 * Takes LOCK_LOG, under which the sink runs; the terminal's takes LOCK_TERM. No newline in @fmt.
 */
void log_at(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)

#endif
