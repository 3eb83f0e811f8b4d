// SPDX-License-Identifier: BSD-2-Clause
/*
 * A task on a pcpu: work that is done for a VM, in steps, for as long as the scheduler gives it the hart.
 *
 * Between two steps the hart looks at its interrupts, and at whether something else is to run. So whatever is more
 * urgent waits for one step.
 */
#include "run/run.h"
#include "run/times.h"

#include "arch/smp.h"
#include "lib/work.h"
#include "mm/vmid.h"
#include "vcpu/load.h"

/*
 * Something else waits meanwhile for the vcpu that is loaded here: another hart, to run it. It may be taken only when
 * no walk of this hart uses its tables any more (switch_to() in vcpu_run.c).
 */
void pcpu_unload(struct pcpu *p)
{
	struct vcpu *v = p->current;

	if (!v)
		return;
	if (trace_is_timed())
		times_done();
	vcpu_put_for_good(v, p);
	sched_unloaded(&v->se);
}

static bool must_stop(struct sched_entity *se, struct pcpu *p)
{
	if (pcpu_work_is_due(p))
		return true;
	if (!atomic_read(&p->need_resched))
		return false;
	return pcpu_must_switch(se, p);
}

void task_run(struct sched_entity *se)
{
	struct pcpu *p = this_pcpu();
	bool more;

	pcpu_unload(p);
	pcpu_set_slice(se, p);
	do {
		more = sched_task_step(se);
		pcpu_poll_interrupts();
	} while (more && !must_stop(se, p));
	sched_put(se, more ? SCHED_PREEMPTED : SCHED_BLOCKS, timer_now());
	sched_unloaded(se);
}
