/* SPDX-License-Identifier: BSD-2-Clause */
/* Words that a user may have misspelt. */
#ifndef LIB_WORD_H
#define LIB_WORD_H

#include "lib/types.h"

/*
 * word_closest - the word of the @nr in @list that differs from @word in the fewest letters (changed, missing, added,
 * or two swapped), or NULL when none differs in at most two.
 */
const char *word_closest(const char *word, const char *const *list, unsigned int nr);

#endif
