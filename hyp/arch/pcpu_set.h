/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets of pcpus, as long as MAX_PCPUS asks for: one word on the target, more in the simulator. The
 * atomic forms are for sets that several harts write. A set of vcpus is another type (vcpu/vcpu_set.h).
 */
#ifndef ARCH_PCPU_SET_H
#define ARCH_PCPU_SET_H

#include "arch/pcpu.h"
#include "lib/atomic.h"
#include "lib/bits.h"

#define PCPU_SET_WORDS ((MAX_PCPUS + 63) / 64)

struct pcpu_set {
	uint64_t word[PCPU_SET_WORDS];
};

/* pcpu_set_first - the pcpus [0, n). */
static inline struct pcpu_set pcpu_set_first(unsigned int n)
{
	struct pcpu_set s;

	for (unsigned int i = 0; i < PCPU_SET_WORDS; i++) {
		unsigned int from = i * 64;

		s.word[i] = n >= from + 64 ? UINT64_MAX : n <= from ? 0 : BIT(n - from) - 1;
	}
	return s;
}

static inline struct pcpu_set pcpu_set_none(void)
{
	return pcpu_set_first(0);
}

/* pcpu_set_from_mask - the pcpus of a mask of the first 64, as a configuration has it; all ones means all there can be. */
static inline struct pcpu_set pcpu_set_from_mask(uint64_t mask)
{
	struct pcpu_set s = pcpu_set_first(mask == UINT64_MAX ? MAX_PCPUS : 0);

	s.word[0] = mask;
	return s;
}

static inline bool pcpu_set_has(const struct pcpu_set *s, unsigned int i)
{
	return (s->word[i / 64] & BIT(i % 64)) != 0;
}

/* The compiler does not know that of up to 64 pcpus none has an index of 64. */
static inline uint64_t *pcpu_set_word(struct pcpu_set *s, unsigned int i)
{
	return &s->word[PCPU_SET_WORDS == 1 ? 0 : i / 64];
}

static inline void pcpu_set_add(struct pcpu_set *s, unsigned int i)
{
	*pcpu_set_word(s, i) |= BIT(i % 64);
}

static inline void pcpu_set_remove(struct pcpu_set *s, unsigned int i)
{
	*pcpu_set_word(s, i) &= ~BIT(i % 64);
}

static inline struct pcpu_set pcpu_set_of(unsigned int i)
{
	struct pcpu_set s = pcpu_set_none();

	pcpu_set_add(&s, i);
	return s;
}

static inline bool pcpu_set_empty(const struct pcpu_set *s)
{
	for (unsigned int i = 0; i < PCPU_SET_WORDS; i++)
		if (s->word[i])
			return false;
	return true;
}

static inline struct pcpu_set pcpu_set_or(const struct pcpu_set *a, const struct pcpu_set *b)
{
	struct pcpu_set s;

	for (unsigned int i = 0; i < PCPU_SET_WORDS; i++)
		s.word[i] = a->word[i] | b->word[i];
	return s;
}

/* pcpu_set_without - those of @a that are not in @b. */
static inline struct pcpu_set pcpu_set_without(const struct pcpu_set *a, const struct pcpu_set *b)
{
	struct pcpu_set s;

	for (unsigned int i = 0; i < PCPU_SET_WORDS; i++)
		s.word[i] = a->word[i] & ~b->word[i];
	return s;
}

static inline struct pcpu_set pcpu_set_and(const struct pcpu_set *a, const struct pcpu_set *b)
{
	struct pcpu_set s;

	for (unsigned int i = 0; i < PCPU_SET_WORDS; i++)
		s.word[i] = a->word[i] & b->word[i];
	return s;
}

/* pcpu_set_atomic_set - one bit; nothing is written when it is set already. */
static inline void pcpu_set_atomic_set(struct pcpu_set *s, unsigned int i)
{
	uint64_t *w = pcpu_set_word(s, i);

	if (!(atomic_read(w) & BIT(i % 64)))
		(void)atomic_fetch_or(w, BIT(i % 64));
}

/* pcpu_set_atomic_clear - true: it was set, and this call cleared it. */
static inline bool pcpu_set_atomic_clear(struct pcpu_set *s, unsigned int i)
{
	uint64_t *w = pcpu_set_word(s, i);

	return (atomic_read(w) & BIT(i % 64)) && (atomic_fetch_and(w, ~BIT(i % 64)) & BIT(i % 64));
}

/* pcpu_set_lowest - the first pcpu in @s, which is not empty. */
static inline unsigned int pcpu_set_lowest(const struct pcpu_set *s)
{
	unsigned int i = 0;

	while (i + 1 < PCPU_SET_WORDS && s->word[i] == 0)
		i++;
	return i * 64 + bit_first(s->word[i]);
}

/* pcpu_set_drop_lowest - take it out. */
static inline void pcpu_set_drop_lowest(struct pcpu_set *s)
{
	unsigned int i = 0;

	while (i + 1 < PCPU_SET_WORDS && s->word[i] == 0)
		i++;
	s->word[i] &= s->word[i] - 1;
}

/* pcpu_set_for_each - @pcpu is each pcpu in @set, as it was at the beginning, from the first on. */
#define pcpu_set_for_each(pcpu, set)                                                \
	for (struct pcpu_set left_ = (set);                                         \
	     !pcpu_set_empty(&left_) && (((pcpu) = pcpu_set_lowest(&left_)), true); \
	     pcpu_set_drop_lowest(&left_))

#define PCPU_NONE UINT32_MAX

/*
 * pcpu_set_next_common - the first pcpu from @from on, going round once, that is in both @a and @b, which others
 * may be writing; @b NULL: in @a. PCPU_NONE: there is none.
 */
static inline uint32_t pcpu_set_next_common(const struct pcpu_set *a, const struct pcpu_set *b,
					    unsigned int from)
{
	for (unsigned int n = 0; n <= PCPU_SET_WORDS; n++) {
		unsigned int i = from / 64 + n;
		uint64_t w;

		if (i >= PCPU_SET_WORDS)
			i -= PCPU_SET_WORDS;
		w = atomic_read(&a->word[i]) & (b ? atomic_read(&b->word[i]) : UINT64_MAX);

		if (n == 0)
			w &= UINT64_MAX << (from % 64);
		else if (n == PCPU_SET_WORDS)
			w &= BIT(from % 64) - 1;
		if (w)
			return i * 64 + bit_first(w);
	}
	return PCPU_NONE;
}

#endif
