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
#include "irqchip/vplic_state.h"
#include "lib/bits.h"
#include "lib/index.h"
#include "vcpu/irq.h"
#include "vcpu/vm_part.h"

/* --- what is to be delivered ------------------------------------------------------------------- */

/* Among several that are pending. */
static noinline unsigned int vplic_search(const struct vplic *p, const struct vplic_context *c,
					  uint32_t priority)
{
	for (uint32_t prios = p->pending_prios & (prio_bit(priority) - 1); prios;
	     prios &= prios - 1) {
		unsigned int prio = PLIC_NR_PRIORITIES - 1 - bit_first(prios);

		for (uint32_t words = p->pending_words; words; words &= words - 1) {
			unsigned int w = bit_first(words) % PLIC_WORDS;
			uint64_t found =
				p->pending.word[w % PLIC_WORDS] & c->enabled->word[w % PLIC_WORDS] &
				p->of_priority[prio % PLIC_NR_PRIORITIES].word[w % PLIC_WORDS];

			if (found)
				return w * 64 + bit_first(found);
		}
	}
	return 0;
}

/* The pending source that @c takes first of those above @priority, or 0. The lowest number wins. */
static inline unsigned int vplic_best(const struct vplic *p, const struct vplic_context *c,
				      uint32_t priority)
{
	unsigned int lone = p->lone;

	if (lone == 0)
		return p->pending_prios ? vplic_search(p, c, priority) : 0;
	return plic_set_test(c->enabled, lone) && p->priority[lone % VPLIC_NR_SOURCES] > priority ?
		       lone :
		       0;
}

/* @source begins or ceases to be pending. Its priority does not change meanwhile. */
static inline void count_pending(struct vplic *p, unsigned int source)
{
	unsigned int prio = p->priority[source % VPLIC_NR_SOURCES];

	p->nr_pending[prio % PLIC_NR_PRIORITIES]++;
	p->pending_prios |= prio_bit(prio);
}

static inline void uncount_pending(struct vplic *p, unsigned int source)
{
	unsigned int prio = p->priority[source % VPLIC_NR_SOURCES];

	if (--p->nr_pending[prio % PLIC_NR_PRIORITIES] == 0)
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
	if (vcpu_set_has(p->raised, hart) == high)
		return;
	vcpu_set_flip(&p->raised, hart);
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
	unsigned int hart;

	vcpu_set_for_each(hart, p->listening)
		vplic_update_hart(p, hart);
}

/* Something is no longer pending: only lines that are high can change. */
static inline void vplic_update_raised(struct vplic *p)
{
	unsigned int hart;

	vcpu_set_for_each(hart, p->raised) {
		if (p->pending_prios)
			vplic_update_hart(p, hart);
		else
			vplic_drive(p, hart, false);
	}
}

/* @source is pending now: does it raise the line of @hart, which is low? */
static inline void vplic_offer(struct vplic *p, unsigned int source, unsigned int hart)
{
	const struct vplic_context *c = vplic_s_context(p, hart);

	if (plic_set_test(c->enabled, source) &&
	    p->priority[source % VPLIC_NR_SOURCES] > c->threshold)
		vplic_drive(p, hart, true);
}

static noinline void vplic_offer_to_many(struct vplic *p, unsigned int source,
					 struct vcpu_set harts)
{
	unsigned int hart;

	vcpu_set_for_each(hart, harts)
		vplic_offer(p, source, hart);
}

/* The gateway forwards a request: only lines that are low can change, and only for @source. */
static void vplic_set_pending(struct vplic *p, unsigned int source)
{
	struct vcpu_set harts;

	if (plic_set_test(&p->pending, source))
		return;
	plic_set_add(&p->pending, source);
	p->pending_words |= 1u << (source / 64);
	p->lone = p->pending_prios ? 0 : (uint16_t)source;
	count_pending(p, source);
	harts = vcpu_set_without(p->listening, p->raised);
	if (vcpu_set_has_many(harts))
		vplic_offer_to_many(p, source, harts);
	else if (!vcpu_set_empty(harts))
		vplic_offer(p, source, vcpu_set_lowest(harts));
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
	p->lone = 0;
	uncount_pending(p, source);
	plic_set_add(&p->service, source);
	vplic_update_raised(p);
	return source;
}

/* Ignored unless @source is enabled for the context ("Interrupt Completion"). */
static void vplic_complete(struct vplic *p, unsigned int context, uint32_t source)
{
	if (context % 2 == 0 || source == 0 || source >= VPLIC_NR_SOURCES ||
	    !plic_set_test(vplic_context(p, context)->enabled, source) ||
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
	PLIC_REG_NONE, /* reserved, or a claim's: reads 0, ignores writes */
	PLIC_REG_PRIORITY,
	PLIC_REG_PENDING,
	PLIC_REG_ENABLE,
	PLIC_REG_THRESHOLD,
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
	return off % PLIC_CONTEXT_STRIDE == PLIC_THRESHOLD ? PLIC_REG_THRESHOLD : PLIC_REG_NONE;
}

/* But for claims. */
static uint32_t vplic_read32(const struct vplic *p, uint64_t off)
{
	unsigned int context;
	unsigned int index;

	switch (vplic_decode(p, off, &context, &index)) {
	case PLIC_REG_PRIORITY:
		return p->priority[index % VPLIC_NR_SOURCES];
	case PLIC_REG_PENDING:
		return plic_set_read32(&p->pending, index);
	case PLIC_REG_ENABLE:
		return plic_set_read32(vplic_context(p, context)->enabled, index);
	case PLIC_REG_THRESHOLD:
		return vplic_context(p, context)->threshold;
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
		uncount_pending(p, source);
	plic_set_remove(&p->of_priority[*priority % PLIC_NR_PRIORITIES], source);
	*priority = val & PLIC_PRIORITY_MASK;
	plic_set_add(&p->of_priority[*priority % PLIC_NR_PRIORITIES], source);
	if (!pending)
		return;
	count_pending(p, source);
	vplic_update_all(p);
}

static cold void vplic_write_enable(struct vplic *p, unsigned int context, unsigned int index,
				    uint32_t val)
{
	struct plic_set *enabled = vplic_context(p, context)->enabled;
	uint64_t any = 0;

	/* Source 0 does not exist. */
	plic_set_write32(enabled, index, index ? val : val & ~1u);
	for (unsigned int i = 0; i < PLIC_WORDS; i++)
		any |= enabled->word[i];
	if (context % 2 == 0)
		return;
	vcpu_set_remove(&p->listening, context / 2);
	if (any)
		vcpu_set_add(&p->listening, context / 2);
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
	default:
		return;
	}
	if (context % 2)
		vplic_update_hart(p, context / 2);
}

/* Is the claim register of a context at @off? What a guest asks for most. */
static inline bool vplic_is_claim(const struct vplic *p, uint64_t off, unsigned int *context)
{
	uint64_t at = off - (PLIC_CONTEXT + PLIC_CLAIM);

	*context = (unsigned int)(at / PLIC_CONTEXT_STRIDE);
	return at % PLIC_CONTEXT_STRIDE == 0 && at / PLIC_CONTEXT_STRIDE < p->nr_contexts;
}

static noinline uint64_t vplic_read_other(struct vplic *p, uint64_t off, unsigned int len)
{
	uint64_t val;

	spin_lock(&p->lock);
	val = vplic_read32(p, align_down(off, 4));
	if (len == 8)
		val |= (uint64_t)vplic_read32(p, off + 4) << 32;
	spin_unlock(&p->lock);
	return val >> (8 * (off % 4));
}

static uint64_t vplic_read(void *dev, uint64_t off, unsigned int len)
{
	struct vplic *p = dev;
	unsigned int context, source;

	/* Only a 32-bit access claims; others look at the bytes and change nothing. */
	if (len != 4 || !vplic_is_claim(p, off, &context))
		return vplic_read_other(p, off, len);
	spin_lock(&p->lock);
	source = vplic_claim(p, context);
	spin_unlock(&p->lock);
	return source;
}

static noinline void vplic_write_other(struct vplic *p, uint64_t off, uint32_t val)
{
	spin_lock(&p->lock);
	vplic_write32(p, off, val);
	spin_unlock(&p->lock);
}

static void vplic_write(void *dev, uint64_t off, unsigned int len, uint64_t val)
{
	struct vplic *p = dev;
	unsigned int context;

	if (len != 4)
		return;
	if (!vplic_is_claim(p, off, &context)) {
		vplic_write_other(p, off, (uint32_t)val);
		return;
	}
	spin_lock(&p->lock);
	vplic_complete(p, context, (uint32_t)val);
	spin_unlock(&p->lock);
}

static const struct mmio_ops vplic_ops = { vplic_read, vplic_write, NULL };

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
	for (unsigned int i = 0; i < p->nr_contexts; i++) {
		*p->contexts[i].enabled = (struct plic_set){ 0 };
		p->contexts[i].threshold = 0;
	}
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
	p->pending_words = p->pending_prios = p->lone = 0;
	p->listening = vcpu_set_none();
	vplic_update_raised(p);
	spin_unlock(&p->lock);
}

/* All enable registers, as a guest sees them: whole pages, which it may read without an exit. */
static cold bool make_enables(struct vplic *p)
{
	struct plic_set *sets = arena_pages(&p->vm->arena, vplic_enables_size(p));

	for (unsigned int i = 0; sets && i < p->nr_contexts; i++)
		p->contexts[i].enabled = &sets[i];
	return sets;
}

uint8_t *vplic_enables(const struct virqchip *chip, uint64_t *size)
{
	const struct vplic *p = (const struct vplic *)(const void *)chip;

	*size = vplic_enables_size(p);
	return (uint8_t *)p->contexts[0].enabled;
}

cold struct virqchip *vplic_new(struct vm *vm)
{
	struct vplic *p = arena_new(&vm->arena, struct vplic);

	if (!p)
		return NULL;
	spin_init(&p->lock, LOCK_VIRQCHIP);
	p->vm = vm;
	p->chip = (struct virqchip){ &vplic_chip_ops, vm_new_phandle(vm), gpa(VPLIC_BASE) };
	p->nr_contexts = 2 * vm->nr_vcpus;
	p->contexts = arena_alloc(&vm->arena, p->nr_contexts * sizeof(*p->contexts),
				  _Alignof(struct vplic_context));
	if (!p->contexts || !make_enables(p))
		return NULL;
	if (mmio_add(vm->bus, gpa(VPLIC_BASE), VPLIC_SIZE, &vplic_ops, p, "plic"))
		return NULL;
	return &p->chip;
}

unsigned int vplic_nr_contexts(const struct virqchip *chip)
{
	return ((const struct vplic *)(const void *)chip)->nr_contexts;
}
