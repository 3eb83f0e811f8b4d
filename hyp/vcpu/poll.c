// SPDX-License-Identifier: BSD-2-Clause
#include "vcpu/poll.h"

#include "arch/csr.h"
#include "lib/work.h"
#include "vcpu/vm.h"
#include "vcpu/wake.h"

#define POLL_START_NS UINT64_C(10000)

/* Another entity wants this hart, or an interrupt of the host's waits for it. */
static bool is_wanted(void)
{
	return atomic_read(&this_pcpu()->need_resched) || sched_others_wait() || work_pending() ||
	       (csr_read(CSR_SIP) & csr_read(CSR_SIE)) != 0;
}

bool vcpu_poll(struct vcpu *v)
{
	uint64_t now, end;

	if (!vcpu_is_halted(v))
		return false;
	now = timer_now();
	if (v->halt.poll_since == 0)
		v->halt.poll_since = now;
	end = v->halt.poll_since + v->halt.poll_ticks;
	while (!is_wanted() && now < end) {
		if (vcpu_sleep_is_over(v)) {
			counter_inc(&v->stats.polls_won);
			return true;
		}
		now = timer_now();
	}
	/* Interrupts of the host's are taken where a vcpu that gives its hart up comes by. */
	return false;
}

void vcpu_poll_adapt(struct vcpu *v)
{
	uint64_t most = v->vm->halt_poll_max, start, lasted;

	if (v->halt.poll_since == 0)
		return;
	lasted = timer_now() - v->halt.poll_since;
	v->halt.poll_since = 0;
	start = timer_ns_to_ticks(POLL_START_NS);
	if (lasted <= v->halt.poll_ticks)
		return;
	if (lasted > most)
		v->halt.poll_ticks = v->halt.poll_ticks / 2 < start ? 0 : v->halt.poll_ticks / 2;
	else
		v->halt.poll_ticks = min_u64(most, max_u64(start, 2 * v->halt.poll_ticks));
}
