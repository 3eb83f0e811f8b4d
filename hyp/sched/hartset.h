/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets of pcpus, as long as MAX_PCPUS asks for: one word on the target, more in the simulator. The
 * atomic forms are for sets that several harts write.
 */
#ifndef SCHED_HARTSET_H
#define SCHED_HARTSET_H

#include "arch/pcpu.h"
#include "lib/atomic.h"
#include "lib/bits.h"

#define HARTSET_WORDS ((MAX_PCPUS + 63) / 64)

struct hartset {
	uint64_t word[HARTSET_WORDS];
};

/* hartset_first - the pcpus [0, n). */
static inline struct hartset hartset_first(unsigned int n)
{
	struct hartset s;

	for (unsigned int i = 0; i < HARTSET_WORDS; i++) {
		unsigned int from = i * 64;

		s.word[i] = n >= from + 64 ? UINT64_MAX : n <= from ? 0 : BIT(n - from) - 1;
	}
	return s;
}

/* hartset_of - the pcpus of a mask of the first 64; all ones means all there can be. */
static inline struct hartset hartset_of(uint64_t mask)
{
	struct hartset s = hartset_first(mask == UINT64_MAX ? MAX_PCPUS : 0);

	s.word[0] = mask;
	return s;
}

static inline bool hartset_has(const struct hartset *s, unsigned int i)
{
	return (s->word[i / 64] & BIT(i % 64)) != 0;
}

static inline bool hartset_empty(const struct hartset *s)
{
	for (unsigned int i = 0; i < HARTSET_WORDS; i++)
		if (s->word[i])
			return false;
	return true;
}

static inline struct hartset hartset_or(const struct hartset *a, const struct hartset *b)
{
	struct hartset s;

	for (unsigned int i = 0; i < HARTSET_WORDS; i++)
		s.word[i] = a->word[i] | b->word[i];
	return s;
}

static inline struct hartset hartset_and(const struct hartset *a, const struct hartset *b)
{
	struct hartset s;

	for (unsigned int i = 0; i < HARTSET_WORDS; i++)
		s.word[i] = a->word[i] & b->word[i];
	return s;
}

/* The compiler does not know that of up to 64 pcpus none has an index of 64. */
static inline uint64_t *hartset_word(struct hartset *s, unsigned int i)
{
	return &s->word[HARTSET_WORDS == 1 ? 0 : i / 64];
}

/* hartset_atomic_set - one bit; nothing is written when it is set already. */
static inline void hartset_atomic_set(struct hartset *s, unsigned int i)
{
	uint64_t *w = hartset_word(s, i);

	if (!(atomic_read(w) & BIT(i % 64)))
		(void)atomic_fetch_or(w, BIT(i % 64));
}

/* hartset_atomic_clear - true: it was set, and this call cleared it. */
static inline bool hartset_atomic_clear(struct hartset *s, unsigned int i)
{
	uint64_t *w = hartset_word(s, i);

	return (atomic_read(w) & BIT(i % 64)) && (atomic_fetch_and(w, ~BIT(i % 64)) & BIT(i % 64));
}

#define HARTSET_NONE UINT32_MAX

/*
 * hartset_next_common - the first pcpu from @from on, going round once, that is in both @a (which others
 * may be writing) and @b; @b NULL: in @a. HARTSET_NONE: there is none.
 */
static inline uint32_t hartset_next_common(const struct hartset *a, const struct hartset *b,
					   unsigned int from)
{
	for (unsigned int n = 0; n <= HARTSET_WORDS; n++) {
		unsigned int i = from / 64 + n;
		uint64_t w;

		if (i >= HARTSET_WORDS)
			i -= HARTSET_WORDS;
		w = atomic_read(&a->word[i]) & (b ? b->word[i] : UINT64_MAX);

		if (n == 0)
			w &= UINT64_MAX << (from % 64);
		else if (n == HARTSET_WORDS)
			w &= BIT(from % 64) - 1;
		if (w)
			return i * 64 + bit_first(w);
	}
	return HARTSET_NONE;
}

#endif
