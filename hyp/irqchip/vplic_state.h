/* SPDX-License-Identifier: BSD-2-Clause */
/* What vplic.c keeps of a PLIC: its registers' places, sets of sources, and the structure. */
#ifndef IRQCHIP_VPLIC_STATE_H
#define IRQCHIP_VPLIC_STATE_H

#include "irqchip/vplic.h"
#include "lib/spinlock.h"
#include "vcpu/vm.h"

#define PLIC_PENDING	    0x1000u
#define PLIC_ENABLE	    VPLIC_ENABLES
#define PLIC_ENABLE_STRIDE  0x80u
#define PLIC_CONTEXT	    0x200000u
#define PLIC_CONTEXT_STRIDE 0x1000u
#define PLIC_THRESHOLD	    0x0u
#define PLIC_CLAIM	    0x4u

#define PLIC_NR_PRIORITIES 8
#define PLIC_PRIORITY_MASK (PLIC_NR_PRIORITIES - 1)

#define PLIC_WORDS (VPLIC_NR_SOURCES / 64)

static_assert(PLIC_CONTEXT + 2 * VM_MAX_VCPUS * PLIC_CONTEXT_STRIDE <= VPLIC_SIZE,
	      "every context of the largest VM lies in the window");

struct plic_set {
	uint64_t word[PLIC_WORDS];
};

struct vplic_context {
	struct plic_set
		*enabled; /* one of an array: the registers as they lie in the guest's pages */
	uint32_t threshold;
};

struct vplic {
	struct virqchip chip;
	struct spinlock lock; /* LOCK_VIRQCHIP; guards all that follows */
	struct vm *vm;
	unsigned int nr_contexts; /* fixed */
	struct vplic_context *contexts;

	struct plic_set level;	 /* the devices' lines */
	struct plic_set pending; /* the gateway has forwarded a request, which is not claimed yet */
	struct plic_set service; /* claimed and not completed: the gateway is shut */
	struct plic_set pulsed;	 /* an edge came while it was shut */
	struct plic_set of_priority[PLIC_NR_PRIORITIES];
	uint8_t priority[VPLIC_NR_SOURCES];
	uint32_t pending_words; /* bit n: pending.word[n] is not 0 */
	uint32_t pending_prios; /* prio_bit() of each priority that has pending sources */
	uint16_t nr_pending[PLIC_NR_PRIORITIES]; /* how many each priority has */
	uint16_t lone; /* the one source that is pending; 0: none or several are, or it is not known */
	struct vcpu_set listening; /* vcpus with sources enabled in their S-mode contexts */
	struct vcpu_set raised;	   /* vcpus with VSEIP high */
};

static_assert(offsetof(struct vplic, chip) == 0, "vplic_nr_contexts()");
static_assert(sizeof(struct plic_set) == PLIC_ENABLE_STRIDE && PLIC_ENABLE % PAGE_SIZE == 0,
	      "the sets of enabled sources are pages of registers");
static_assert((PLIC_WORDS & (PLIC_WORDS - 1)) == 0, "a word's number is masked by it");
static_assert(PLIC_WORDS <= 32, "pending_words has a bit for each");

static inline uint64_t vplic_enables_size(const struct vplic *p)
{
	return align_up(p->nr_contexts * PLIC_ENABLE_STRIDE, PAGE_SIZE);
}

static inline bool plic_set_test(const struct plic_set *s, unsigned int source)
{
	return (s->word[source / 64 % PLIC_WORDS] >> (source % 64)) & 1;
}

static inline void plic_set_add(struct plic_set *s, unsigned int source)
{
	s->word[source / 64 % PLIC_WORDS] |= BIT(source % 64);
}

static inline void plic_set_remove(struct plic_set *s, unsigned int source)
{
	s->word[source / 64 % PLIC_WORDS] &= ~BIT(source % 64);
}

/* The 32-bit register number @reg of a set that is laid out as registers. */
static inline uint32_t plic_set_read32(const struct plic_set *s, unsigned int reg)
{
	return (uint32_t)(s->word[reg / 2 % PLIC_WORDS] >> (32 * (reg % 2)));
}

static inline void plic_set_write32(struct plic_set *s, unsigned int reg, uint32_t val)
{
	unsigned int shift = 32 * (reg % 2);
	uint64_t others = s->word[reg / 2 % PLIC_WORDS] & ~((uint64_t)UINT32_MAX << shift);

	/* A guest may read it at the same time. */
	atomic_set(&s->word[reg / 2 % PLIC_WORDS], others | (uint64_t)val << shift);
}

/* The highest priority is bit 0, so that the first bit is the one to begin with. */
static inline uint32_t prio_bit(uint32_t priority)
{
	return 1u << (PLIC_NR_PRIORITIES - 1 - priority % PLIC_NR_PRIORITIES);
}

#endif
