/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registers are those of the RISC-V PLIC specification 1.0.0, and behind a guest's MMIO exit; so the
 * aim is that neither a claim nor a device's level costs a walk over sources, priorities or vcpus. Sets of
 * sources are bitmaps: pending, in service, one per priority, one enable set per context; the best source of a
 * context is the first bit of their intersection, from the highest priority that is pending down. A request is
 * looked at for those vcpus only that have sources enabled; Linux enables one on one vcpu.
 */
#include "irqchip/vplic.h"

#include "arch/csr.h"
#include "lib/bits.h"
#include "lib/index.h"
#include "vcpu/irq.h"
#include "vcpu/vm_part.h"

#define PLIC_PENDING	    0x1000u
#define PLIC_ENABLE	    0x2000u
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
	struct plic_set enabled;
	uint32_t threshold;
};

struct vplic {
	struct virqchip chip;
	struct spinlock lock; /* after the devices', before the runq's; guards all that follows */
	struct vm *vm;
	unsigned int nr_contexts; /* fixed */
	struct vplic_context *contexts;

	struct plic_set level;	 /* the devices' lines */
	struct plic_set pending; /* the gateway has forwarded a request, nobody has claimed it yet */
	struct plic_set service; /* claimed and not completed: the gateway is shut */
	struct plic_set pulsed;	 /* an edge came while it was shut */
	struct plic_set of_priority[PLIC_NR_PRIORITIES];
	uint8_t priority[VPLIC_NR_SOURCES];
	uint32_t pending_words; /* bit n: pending.word[n] is not 0 */
	uint32_t pending_prios; /* prio_bit() of each priority that has pending sources */
	uint16_t nr_pending[PLIC_NR_PRIORITIES]; /* how many each priority has */
	uint64_t listening; /* bit h: the S-mode context of vcpu h has sources enabled */
	uint64_t raised;    /* bit h: VSEIP of vcpu h is high */
};

static_assert(offsetof(struct vplic, chip) == 0, "vplic_nr_contexts()");
static_assert((PLIC_WORDS & (PLIC_WORDS - 1)) == 0, "a word's number is masked by it");
static_assert(PLIC_WORDS <= 32, "pending_words has a bit for each");

static bool plic_set_test(const struct plic_set *s, unsigned int source)
{
	return (s->word[source / 64 % PLIC_WORDS] >> (source % 64)) & 1;
}

static void plic_set_add(struct plic_set *s, unsigned int source)
{
	s->word[source / 64 % PLIC_WORDS] |= BIT(source % 64);
}

static void plic_set_remove(struct plic_set *s, unsigned int source)
{
	s->word[source / 64 % PLIC_WORDS] &= ~BIT(source % 64);
}

/* The 32-bit register number @reg of a set that is laid out as registers. */
static uint32_t plic_set_read32(const struct plic_set *s, unsigned int reg)
{
	return (uint32_t)(s->word[reg / 2 % PLIC_WORDS] >> (32 * (reg % 2)));
}

static void plic_set_write32(struct plic_set *s, unsigned int reg, uint32_t val)
{
	unsigned int shift = 32 * (reg % 2);
	uint64_t others = s->word[reg / 2 % PLIC_WORDS] & ~((uint64_t)UINT32_MAX << shift);

	s->word[reg / 2 % PLIC_WORDS] = others | (uint64_t)val << shift;
}

/* --- what is to be delivered ------------------------------------------------------------------- */

/* The highest priority is bit 0, so that the first bit is the one to begin with. */
static uint32_t prio_bit(uint32_t priority)
{
	return 1u << (PLIC_NR_PRIORITIES - 1 - priority % PLIC_NR_PRIORITIES);
}

/* The pending source that @c takes first of those above @priority, or 0. The lowest number wins. */
static unsigned int vplic_best(const struct vplic *p, const struct vplic_context *c,
			       uint32_t priority)
{
	for (uint32_t prios = p->pending_prios & (prio_bit(priority) - 1); prios;
	     prios &= prios - 1) {
		unsigned int prio = PLIC_NR_PRIORITIES - 1 - bit_first(prios);

		for (uint32_t words = p->pending_words; words; words &= words - 1) {
			unsigned int w = bit_first(words) % PLIC_WORDS;
			uint64_t found =
				p->pending.word[w % PLIC_WORDS] & c->enabled.word[w % PLIC_WORDS] &
				p->of_priority[prio % PLIC_NR_PRIORITIES].word[w % PLIC_WORDS];

			if (found)
				return w * 64 + bit_first(found);
		}
	}
	return 0;
}

/* @source begins (@more) or ceases to be pending. Its priority does not change meanwhile. */
static void count_pending(struct vplic *p, unsigned int source, bool more)
{
	unsigned int prio = p->priority[source % VPLIC_NR_SOURCES];

	p->nr_pending[prio % PLIC_NR_PRIORITIES] =
		(uint16_t)(p->nr_pending[prio % PLIC_NR_PRIORITIES] + (more ? 1 : -1));
	if (p->nr_pending[prio % PLIC_NR_PRIORITIES])
		p->pending_prios |= prio_bit(prio);
	else
		p->pending_prios &= ~prio_bit(prio);
}

static struct vplic_context *vplic_context(const struct vplic *p, unsigned int context)
{
	return &p->contexts[index_below(context, p->nr_contexts)];
}

/* The S-mode context of vcpu @hart; its M-mode one is the even one before it. */
static struct vplic_context *vplic_s_context(const struct vplic *p, unsigned int hart)
{
	return vplic_context(p, 2 * hart + 1);
}

static void vplic_drive(struct vplic *p, unsigned int hart, bool high)
{
	if (((p->raised & BIT(hart)) != 0) == high)
		return;
	p->raised ^= BIT(hart);
	vcpu_set_level(p->vm->vcpus[hart % VM_MAX_VCPUS], IRQ_VS_EXT, high);
}

static void vplic_update_hart(struct vplic *p, unsigned int hart)
{
	const struct vplic_context *c = vplic_s_context(p, hart);

	vplic_drive(p, hart, vplic_best(p, c, c->threshold) != 0);
}

/* A line is high only where sources are enabled. */
static cold void vplic_update_all(struct vplic *p)
{
	for (uint64_t left = p->listening; left; left &= left - 1)
		vplic_update_hart(p, bit_first(left));
}

/* Something is no longer pending: only lines that are high can change. */
static void vplic_update_raised(struct vplic *p)
{
	for (uint64_t left = p->raised; left; left &= left - 1)
		vplic_update_hart(p, bit_first(left));
}

/* The gateway forwards a request: only lines that are low can change, and only for @source. */
static void vplic_set_pending(struct vplic *p, unsigned int source)
{
	if (plic_set_test(&p->pending, source))
		return;
	plic_set_add(&p->pending, source);
	p->pending_words |= 1u << (source / 64);
	count_pending(p, source, true);
	for (uint64_t left = p->listening & ~p->raised; left; left &= left - 1) {
		unsigned int hart = bit_first(left);
		const struct vplic_context *c = vplic_s_context(p, hart);

		if (plic_set_test(&c->enabled, source) &&
		    p->priority[source % VPLIC_NR_SOURCES] > c->threshold)
			vplic_drive(p, hart, true);
	}
}

/*
 * The threshold does not matter here (PLIC specification, "Interrupt Claim Process"); priority 0 means
 * never.
 */
static unsigned int vplic_claim(struct vplic *p, unsigned int context)
{
	unsigned int source;

	if (context % 2 == 0)
		return 0; /* M-mode's, inert */
	source = vplic_best(p, vplic_context(p, context), 0);
	if (source == 0)
		return 0;
	plic_set_remove(&p->pending, source);
	if (p->pending.word[source / 64 % PLIC_WORDS] == 0)
		p->pending_words &= ~(1u << (source / 64));
	count_pending(p, source, false);
	plic_set_add(&p->service, source);
	vplic_update_raised(p);
	return source;
}

/* Ignored unless @source is enabled for the context ("Interrupt Completion"). */
static void vplic_complete(struct vplic *p, unsigned int context, uint32_t source)
{
	if (context % 2 == 0 || source == 0 || source >= VPLIC_NR_SOURCES ||
	    !plic_set_test(&vplic_context(p, context)->enabled, source) ||
	    !plic_set_test(&p->service, source))
		return;
	plic_set_remove(&p->service, source);
	if (plic_set_test(&p->level, source) || plic_set_test(&p->pulsed, source)) {
		plic_set_remove(&p->pulsed, source);
		vplic_set_pending(p, source);
	}
}

/* --- registers --------------------------------------------------------------------------------- */

enum plic_reg {
	PLIC_REG_NONE, /* reserved: reads 0, ignores writes */
	PLIC_REG_PRIORITY,
	PLIC_REG_PENDING,
	PLIC_REG_ENABLE,
	PLIC_REG_THRESHOLD,
	PLIC_REG_CLAIM,
};

/* Which 32-bit register is at @off; @index is its number within its context or array. */
static enum plic_reg vplic_decode(const struct vplic *p, uint64_t off, unsigned int *context,
				  unsigned int *index)
{
	uint64_t nr;

	*context = 0;
	if (off < PLIC_PENDING) {
		*index = (unsigned int)off / 4;
		return PLIC_REG_PRIORITY;
	}
	if (off < PLIC_ENABLE) {
		*index = (unsigned int)(off - PLIC_PENDING) / 4;
		return *index < VPLIC_NR_SOURCES / 32 ? PLIC_REG_PENDING : PLIC_REG_NONE;
	}
	if (off < PLIC_CONTEXT) {
		nr = (off - PLIC_ENABLE) / PLIC_ENABLE_STRIDE;
		*index = (unsigned int)(off % PLIC_ENABLE_STRIDE) / 4;
		*context = (unsigned int)nr;
		return nr < p->nr_contexts ? PLIC_REG_ENABLE : PLIC_REG_NONE;
	}
	nr = (off - PLIC_CONTEXT) / PLIC_CONTEXT_STRIDE;
	*index = 0;
	*context = (unsigned int)nr;
	if (nr >= p->nr_contexts)
		return PLIC_REG_NONE;
	switch (off % PLIC_CONTEXT_STRIDE) {
	case PLIC_THRESHOLD:
		return PLIC_REG_THRESHOLD;
	case PLIC_CLAIM:
		return PLIC_REG_CLAIM;
	default:
		return PLIC_REG_NONE;
	}
}

/* @proper: a 32-bit access. Only such a one claims; others look at the bytes and change nothing. */
static uint32_t vplic_read32(struct vplic *p, uint64_t off, bool proper)
{
	unsigned int context;
	unsigned int index;

	switch (vplic_decode(p, off, &context, &index)) {
	case PLIC_REG_PRIORITY:
		return p->priority[index % VPLIC_NR_SOURCES];
	case PLIC_REG_PENDING:
		return plic_set_read32(&p->pending, index);
	case PLIC_REG_ENABLE:
		return plic_set_read32(&vplic_context(p, context)->enabled, index);
	case PLIC_REG_THRESHOLD:
		return vplic_context(p, context)->threshold;
	case PLIC_REG_CLAIM:
		return proper ? vplic_claim(p, context) : 0;
	default:
		return 0;
	}
}

static cold void vplic_write_priority(struct vplic *p, unsigned int source, uint32_t val)
{
	uint8_t *priority = &p->priority[source % VPLIC_NR_SOURCES];
	bool pending = plic_set_test(&p->pending, source);

	if (source == 0)
		return;
	if (pending)
		count_pending(p, source, false);
	plic_set_remove(&p->of_priority[*priority % PLIC_NR_PRIORITIES], source);
	*priority = val & PLIC_PRIORITY_MASK;
	plic_set_add(&p->of_priority[*priority % PLIC_NR_PRIORITIES], source);
	if (!pending)
		return;
	count_pending(p, source, true);
	vplic_update_all(p);
}

static cold void vplic_write_enable(struct vplic *p, unsigned int context, unsigned int index,
				    uint32_t val)
{
	struct plic_set *enabled = &vplic_context(p, context)->enabled;
	uint64_t any = 0;

	/* Source 0 does not exist. */
	plic_set_write32(enabled, index, index ? val : val & ~1u);
	for (unsigned int i = 0; i < PLIC_WORDS; i++)
		any |= enabled->word[i];
	if (context % 2 == 0)
		return;
	p->listening &= ~BIT(context / 2);
	if (any)
		p->listening |= BIT(context / 2);
}

static void vplic_write32(struct vplic *p, uint64_t off, uint32_t val)
{
	unsigned int context;
	unsigned int index;

	switch (vplic_decode(p, off, &context, &index)) {
	case PLIC_REG_PRIORITY:
		vplic_write_priority(p, index, val);
		return;
	case PLIC_REG_ENABLE:
		vplic_write_enable(p, context, index, val);
		break;
	case PLIC_REG_THRESHOLD:
		vplic_context(p, context)->threshold = val & PLIC_PRIORITY_MASK;
		break;
	case PLIC_REG_CLAIM:
		vplic_complete(p, context, val);
		return;
	default:
		return;
	}
	if (context % 2)
		vplic_update_hart(p, context / 2);
}

static uint64_t vplic_read(void *dev, uint64_t off, unsigned int len)
{
	struct vplic *p = dev;
	uint64_t val;

	spin_lock(&p->lock);
	val = vplic_read32(p, align_down(off, 4), len == 4);
	if (len == 8)
		val |= (uint64_t)vplic_read32(p, off + 4, false) << 32;
	spin_unlock(&p->lock);
	return val >> (8 * (off % 4));
}

static void vplic_write(void *dev, uint64_t off, unsigned int len, uint64_t val)
{
	struct vplic *p = dev;

	if (len != 4)
		return;
	spin_lock(&p->lock);
	vplic_write32(p, off, (uint32_t)val);
	spin_unlock(&p->lock);
}

static const struct mmio_ops vplic_ops = { vplic_read, vplic_write };

/* --- the outside ------------------------------------------------------------------------------- */

static struct vplic *vplic_of(struct virqchip *chip)
{
	return container_of(chip, struct vplic, chip);
}

static void vplic_set_level(struct virqchip *chip, unsigned int source, bool high)
{
	struct vplic *p = vplic_of(chip);

	if (source == 0 || source >= VPLIC_NR_SOURCES)
		return;
	spin_lock(&p->lock);
	if (!high) {
		/* A request that was forwarded stays, as the specification says of level sources. */
		plic_set_remove(&p->level, source);
	} else {
		plic_set_add(&p->level, source);
		if (!plic_set_test(&p->service, source))
			vplic_set_pending(p, source);
	}
	spin_unlock(&p->lock);
}

static void vplic_pulse(struct virqchip *chip, unsigned int source)
{
	struct vplic *p = vplic_of(chip);

	if (source == 0 || source >= VPLIC_NR_SOURCES)
		return;
	spin_lock(&p->lock);
	if (plic_set_test(&p->service, source))
		plic_set_add(&p->pulsed, source);
	else
		vplic_set_pending(p, source);
	spin_unlock(&p->lock);
}

static void vplic_put_specifier(const struct virqchip *chip, unsigned int source, struct fdtw *w)
{
	(void)chip;
	fdtw_u32(w, "interrupts", source);
}

static const struct virqchip_ops vplic_chip_ops = { vplic_set_level, vplic_pulse,
						    vplic_put_specifier };

cold void vplic_reset(struct virqchip *chip)
{
	struct vplic *p = vplic_of(chip);

	spin_lock(&p->lock);
	for (unsigned int i = 0; i < p->nr_contexts; i++)
		p->contexts[i] = (struct vplic_context){ 0 };
	p->level = (struct plic_set){ 0 };
	p->pending = (struct plic_set){ 0 };
	p->service = (struct plic_set){ 0 };
	p->pulsed = (struct plic_set){ 0 };
	for (unsigned int i = 0; i < PLIC_NR_PRIORITIES; i++) {
		p->of_priority[i] = (struct plic_set){ 0 };
		p->nr_pending[i] = 0;
	}
	for (unsigned int i = 0; i < VPLIC_NR_SOURCES; i++)
		p->priority[i] = 0;
	p->pending_words = p->pending_prios = 0;
	p->listening = 0;
	vplic_update_raised(p);
	spin_unlock(&p->lock);
}

cold struct virqchip *vplic_new(struct vm *vm)
{
	struct vplic *p = arena_new(&vm->arena, struct vplic);

	if (!p)
		return NULL;
	spin_init(&p->lock);
	p->vm = vm;
	p->chip = (struct virqchip){ &vplic_chip_ops, vm_new_phandle(vm), gpa(VPLIC_BASE) };
	p->nr_contexts = 2 * vm->nr_vcpus;
	p->contexts = arena_alloc(&vm->arena, p->nr_contexts * sizeof(*p->contexts),
				  _Alignof(struct vplic_context));
	if (!p->contexts)
		return NULL;
	if (mmio_add(vm->bus, gpa(VPLIC_BASE), VPLIC_SIZE, &vplic_ops, p, "plic"))
		return NULL;
	return &p->chip;
}

unsigned int vplic_nr_contexts(const struct virqchip *chip)
{
	return ((const struct vplic *)(const void *)chip)->nr_contexts;
}
