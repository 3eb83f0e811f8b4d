/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fields of hyp/vm/state_list.h as a table, for tests of what a reset does. A program defines the list's macro as
 * FIELD_ROW(OWNER, ...) for each structure that it knows, and then includes this.
 */
#ifndef FAKE_FIELDS_H
#define FAKE_FIELDS_H

#include <stdio.h>
#include <string.h>

#include "lib/types.h"

enum field_kept { NEW, SET, KEPT, LOCK, PARTS };

struct field {
	const char *owner, *name;
	size_t offset, size;
	enum field_kept kept;
	const char *state;
};

#define FIELD_ROW(owner, field, kept, state)                                                 \
	{ #owner, #field, offsetof(struct owner, field), sizeof(((struct owner *)0)->field), \
	  kept,	  state },

static const struct field fields[] = {
#include "vm/state_list.h"
};

static const char *const states[] = {
#define STATE(name, test, saved, restored, reset) #name,
#include "vm/state_list.h"
};

/*
 * Defined as FIELD_INITIALIZER, a macro of the list makes an initializer of the structure, and the compiler says which field has no line:
 * "missing initializer for field", of the structure's last ones.
 */
/* One zero for whatever type the field has. */
#pragma GCC diagnostic ignored "-Wmissing-braces"
#define FIELD_INITIALIZER(owner, field, kept, state) (typeof(((struct owner *)0)->field)){ 0 },

static bool fields_are_of(const struct field *f, const char *owner)
{
	return strcmp(f->owner, owner) == 0;
}

/* Each line is about some state. */
static void fields_check_states(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		bool known = strcmp(fields[i].state, "host") == 0;

		for (size_t k = 0; k < ARRAY_SIZE(states); k++)
			known = known || strcmp(fields[i].state, states[k]) == 0;
		if (!known)
			fail_msg("%s.%s: no state \"%s\"", fields[i].owner, fields[i].name,
				 fields[i].state);
	}
}

/* As a life may leave it: @byte in each byte of what a reset has to make new, or that is written before it is read. */
static void fields_mark(const char *owner, void *object, uint8_t byte)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (fields_are_of(&fields[i], owner) &&
		    (fields[i].kept == NEW || fields[i].kept == SET))
			memset((uint8_t *)object + fields[i].offset, byte, fields[i].size);
}

/* After the reset: what is to be new is as in @fresh, what is kept as in @before. */
static void fields_check_reset(const char *owner, const void *object, const void *fresh,
			       const void *before)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const struct field *f = &fields[i];
		const uint8_t *at = (const uint8_t *)object + f->offset;

		if (!fields_are_of(f, owner))
			continue;
		if (f->kept == NEW && memcmp(at, (const uint8_t *)fresh + f->offset, f->size))
			fail_msg("%s.%s is not as in a new one", owner, f->name);
		if (f->kept == KEPT && memcmp(at, (const uint8_t *)before + f->offset, f->size))
			fail_msg("%s.%s has changed", owner, f->name);
	}
}

#endif
