/* SPDX-License-Identifier: BSD-2-Clause */
/* What the code under test has logged. */
#ifndef FAKE_LOG_H
#define FAKE_LOG_H

extern char fake_log_last[512];	  /* the last line, without newline */
extern char fake_log_text[65536]; /* all lines since the start or fake_log_reset() */
extern unsigned int fake_log_count;

void fake_log_reset(void);

#endif
