/* SPDX-License-Identifier: BSD-2-Clause */
/* hartvisor's own command line (/chosen/bootargs): words of the form hartvisor.NAME=VALUE. */
#ifndef LIB_OPTIONS_H
#define LIB_OPTIONS_H

#include "lib/types.h"

/* option_text - VALUE of `@name=VALUE` in @args, copied into @buf (cut at @len - 1). False: not given. */
bool option_text(const char *args, const char *name, char *buf, size_t len);

/* option_number - the same as a decimal number; false also when it is none. */
bool option_number(const char *args, const char *name, uint64_t *out);

#endif
