/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets of vcpus of one VM, by their ids: a register wide. A type of its own, so that the compiler refuses a set of pcpus
 * (arch/pcpu_set.h) or a number in its place. The atomic forms are for sets that several harts write.
 */
#ifndef VCPU_VCPU_SET_H
#define VCPU_VCPU_SET_H

#include "lib/atomic.h"
#include "lib/bits.h"

#define VM_MAX_VCPUS 64

struct vcpu_set {
	uint64_t bits; /* bit n: vcpu n */
};

static_assert(VM_MAX_VCPUS <= 64, "a bit for each");

static inline struct vcpu_set vcpu_set_none(void)
{
	return (struct vcpu_set){ 0 };
}

/* vcpu_set_first - the vcpus [0, n). */
static inline struct vcpu_set vcpu_set_first(unsigned int n)
{
	return (struct vcpu_set){ n == 64 ? UINT64_MAX : BIT(n) - 1 };
}

static inline struct vcpu_set vcpu_set_of(unsigned int id)
{
	return (struct vcpu_set){ BIT(id) };
}

static inline bool vcpu_set_has(struct vcpu_set s, unsigned int id)
{
	return (s.bits & BIT(id)) != 0;
}

static inline bool vcpu_set_empty(struct vcpu_set s)
{
	return s.bits == 0;
}

/* vcpu_set_has_many - two or more. */
static inline bool vcpu_set_has_many(struct vcpu_set s)
{
	return (s.bits & (s.bits - 1)) != 0;
}

static inline bool vcpu_set_equal(struct vcpu_set a, struct vcpu_set b)
{
	return a.bits == b.bits;
}

static inline struct vcpu_set vcpu_set_and(struct vcpu_set a, struct vcpu_set b)
{
	return (struct vcpu_set){ a.bits & b.bits };
}

/* vcpu_set_without - those of @a that are not in @b. */
static inline struct vcpu_set vcpu_set_without(struct vcpu_set a, struct vcpu_set b)
{
	return (struct vcpu_set){ a.bits & ~b.bits };
}

static inline struct vcpu_set vcpu_set_or(struct vcpu_set a, struct vcpu_set b)
{
	return (struct vcpu_set){ a.bits | b.bits };
}

static inline void vcpu_set_add(struct vcpu_set *s, unsigned int id)
{
	s->bits |= BIT(id);
}

static inline void vcpu_set_remove(struct vcpu_set *s, unsigned int id)
{
	s->bits &= ~BIT(id);
}

static inline void vcpu_set_flip(struct vcpu_set *s, unsigned int id)
{
	s->bits ^= BIT(id);
}

/* vcpu_set_lowest - the lowest id in @s, which is not empty. */
static inline unsigned int vcpu_set_lowest(struct vcpu_set s)
{
	return bit_first(s.bits);
}

/* vcpu_set_head, vcpu_set_rest - the lowest of @s, which is not empty, as a set; and the others. */
static inline struct vcpu_set vcpu_set_head(struct vcpu_set s)
{
	return (struct vcpu_set){ s.bits & -s.bits };
}

static inline struct vcpu_set vcpu_set_rest(struct vcpu_set s)
{
	return (struct vcpu_set){ s.bits & (s.bits - 1) };
}

/*
 * vcpu_set_for_each_left - a step for each vcpu in @set, from the lowest up: it is the lowest in @left, the others in which
 * are still to come. vcpu_set_for_each - the same by its @id.
 */
#define vcpu_set_for_each_left(left, set) \
	for (struct vcpu_set left = (set); !vcpu_set_empty(left); left = vcpu_set_rest(left))

#define vcpu_set_for_each(id, set)                                              \
	for (struct vcpu_set left_ = (set);                                     \
	     !vcpu_set_empty(left_) && (((id) = vcpu_set_lowest(left_)), true); \
	     left_ = vcpu_set_rest(left_))

static inline bool vcpu_set_atomic_has(const struct vcpu_set *s, unsigned int id)
{
	return (atomic_read(&s->bits) & BIT(id)) != 0;
}

static inline void vcpu_set_atomic_add(struct vcpu_set *s, unsigned int id)
{
	(void)atomic_fetch_or(&s->bits, BIT(id));
}

static inline void vcpu_set_atomic_remove(struct vcpu_set *s, unsigned int id)
{
	(void)atomic_fetch_and(&s->bits, ~BIT(id));
}

/* vcpu_set_atomic_take - what is in @s, which is empty then. */
static inline struct vcpu_set vcpu_set_atomic_take(struct vcpu_set *s)
{
	return (struct vcpu_set){ atomic_exchange(&s->bits, 0) };
}

/* vcpu_set_atomic_clear - by a plain store: nothing else writes @s meanwhile. */
static inline void vcpu_set_atomic_clear(struct vcpu_set *s)
{
	atomic_set(&s->bits, 0);
}

#endif
