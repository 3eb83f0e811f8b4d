/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hartvisor's own command line (/chosen/bootargs of the machine): words of the form hartvisor.NAME=VALUE, separated
 * by blanks. Other words are not hartvisor's. options.c has the table of all names.
 */
#ifndef LIB_OPTIONS_H
#define LIB_OPTIONS_H

#include "lib/types.h"

/*
 * option_text - VALUE of `@name=VALUE` in @args, copied into @buf (cut at @len - 1). Of several the first is taken.
 * False: not given.
 */
bool option_text(const char *args, const char *name, char *buf, size_t len);

/* option_number - the same as a decimal number; false also when it is none, or not in the range of the table. */
bool option_number(const char *args, const char *name, uint64_t *out);

/* option_flag - is @name there, alone or with a value that is not 0? Of several the first counts. */
bool option_flag(const char *args, const char *name);

/*
 * options_check - report the words of @args that begin with "hartvisor." and have no effect: names that do not exist,
 * values that are missing or not allowed, names that are given twice. One line each, at most a few.
 */
void options_check(const char *args);

#endif
