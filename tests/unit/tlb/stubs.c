/* SPDX-License-Identifier: BSD-2-Clause */
/* What the sources link with. */
#include "arch/guest_state.h"
#include "arch/smp.h"
#include "arch/timer.h"
#include "mm/arena.h"
#include "sched/sched.h"
#include "tlb/world.h"

bool timer_sstc = true;

uint64_t timer_now(void)
{
	return 0;
}

uint64_t timer_ticks_to_ns(uint64_t ticks)
{
	return ticks;
}

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	*t = (struct timer){ .fn = fn };
}

void timer_arm(struct timer *t, uint64_t deadline)
{
	(void)t, (void)deadline;
}

void timer_cancel(struct timer *t)
{
	(void)t;
}

void sched_entity_init(struct sched_entity *se, struct sched_group *group,
		       const struct sched_params *params)
{
	(void)se, (void)group, (void)params;
}

void sched_expedite(struct sched_entity *se)
{
	(void)se;
}

void sched_expedite_end(struct sched_entity *se)
{
	(void)se;
}

bool sched_wake(struct sched_entity *se)
{
	(void)se;
	return false;
}

void sched_group_stop(struct sched_group *g, uint64_t now)
{
	(void)g, (void)now;
}

void sched_group_go(struct sched_group *g, uint64_t now)
{
	(void)g, (void)now;
}

/* The IPI gets whatever runs there out of the guest. Until then it runs. */
void smp_kick(struct pcpu_set set)
{
	unsigned int here = this_pcpu()->index;

	tlb_step();
	for (unsigned int h = 0; h < TLB_HARTS; h++) {
		struct vcpu *v = pcpus[h]->current;

		if (!pcpu_set_has(&set, h) || !v)
			continue;
		if (v->mode == EXITING_GUEST_MODE) {
			v->mode = IN_GUEST_MODE;
			uses(h);
		}
		leaves(h);
	}
	on_hart(here);
	tlb_step();
}

void *arena_alloc(struct arena *a, uint64_t size, uint64_t align)
{
	(void)a, (void)size, (void)align;
	return NULL;
}

void arch_fp_save(struct guest_fp *fp)
{
	(void)fp;
}

void arch_fp_restore(const struct guest_fp *fp)
{
	(void)fp;
}

void arch_fp_csr_save(struct guest_fp *fp)
{
	(void)fp;
}

void arch_fp_csr_restore(const struct guest_fp *fp)
{
	(void)fp;
}

void arch_vector_save(struct guest_vector *v)
{
	(void)v;
}

void arch_vector_restore(const struct guest_vector *v)
{
	(void)v;
}

void arch_vector_csrs_save(struct guest_vector *v)
{
	(void)v;
}
