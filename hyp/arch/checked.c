// SPDX-License-Identifier: BSD-2-Clause
#define ARCH_CHECKED_C
#include "arch/checked.h"

#ifdef HARTVISOR_CHECKED
#include "arch/csr.h"
#include "arch/pcpu.h"
#include "arch/trap.h"
#include "lib/lock_rank.h"
#include "lib/log.h"

#define TRAIL 24
/* What goes into the log at all. */
#define MIN_TICKS 40

struct mark {
	uint64_t at;
	const void *from;
};

struct stretch {
	uint64_t begin; /* 0: none */
	uint64_t ticks;
	unsigned int nr;
	struct mark trail[TRAIL];
};

static struct stretch now[MAX_PCPUS], longest[MAX_PCPUS];
static uint64_t told[MAX_PCPUS];

void checked_interrupts_off(void)
{
	if (csr_read(CSR_SSTATUS) & SSTATUS_SIE)
		panic("a lock or this_pcpu() with interrupts on, called from %p",
		      __builtin_return_address(0));
}

static unsigned int me(void)
{
	return this_pcpu()->index % MAX_PCPUS;
}

static void mark(const void *from)
{
	struct stretch *s = &now[me()];

	s->trail[s->nr++ % TRAIL] = (struct mark){ csr_read(CSR_TIME), from };
}

void checked_lock(void)
{
	checked_interrupts_off();
	mark(__builtin_return_address(0));
}

static struct held_locks held[MAX_PCPUS];
static bool wrong_told; /* one is enough: a panic takes locks, too */

struct held_locks *lock_rank_held(void)
{
	return &held[me()];
}

void lock_rank_wrong(const char *taken, const char *outer)
{
	if (wrong_told)
		return;
	wrong_told = true;
	panic("%s is taken%s%s", taken, outer ? " while this is held: " : "", outer ? outer : "");
}

void stretch_begin(void)
{
	struct stretch *s = &now[me()];

	s->begin = csr_read(CSR_TIME);
	s->nr = 0;
}

void stretch_end(void)
{
	struct stretch *s = &now[me()];

	if (!s->begin)
		return;
	mark(__builtin_return_address(0));
	s->ticks = csr_read(CSR_TIME) - s->begin;
	if (s->ticks > longest[me()].ticks)
		longest[me()] = *s;
	s->begin = 0;
}

void stretch_tell(void)
{
	const struct stretch *s = &longest[me()];
	unsigned int first = s->nr > TRAIL ? s->nr - TRAIL : 0;

	if (s->ticks <= told[me()] || s->ticks < MIN_TICKS)
		return;
	told[me()] = s->ticks;
	log_info("STRETCH hart %u: %lu ticks", me(), s->ticks);
	for (unsigned int i = first; i < s->nr; i++) {
		const struct mark *m = &s->trail[i % TRAIL];

		log_info("  +%lu %p", m->at - s->begin, m->from); /* addr2line has the names */
	}
	stretch_begin(); /* these lines count for no stretch */
}
#endif
