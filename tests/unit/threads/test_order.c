// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/threads/machine.h
/*
 * What the vcpu protocol orders for others: data that is not atomic is written before a request and read
 * after it, and TSan says when nothing orders the two. One hart, one vcpu.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <cmocka.h>

#include <hartvisor/sbi.h>

#include "arch/csr.h"
#include "arch/guest.h"
#include "fake/pcpu.h"
#include "run/run.h"
#include "threads/machine.h"
#include "vcpu/hsm.h"

static uint64_t payload, payload_seen;
static bool stops; /* the guest does; otherwise it runs on */

/* In ticks. */
static uint64_t patience(void)
{
	return from_environment("HV_WATCHDOG", WATCHDOG_SECS) *
	       (UINT64_C(1000000000) / NS_PER_TICK);
}

/* --- what the sources call ------------------------------------------------------------------------- */

void hart_fenced(enum hart_fence kind)
{
	if (this_pcpu()->current && !stops && kind == HART_FENCE_I)
		__atomic_store_n(&payload_seen, payload, __ATOMIC_RELEASE);
}

struct next guest_enter(struct guest_regs **r)
{
	(void)r;
	if (stops) {
		hart_trap(EXC_ECALL_VS, 0);
		return next_is(NEXT_EXIT);
	}
	while (!hart_ipi_pending(this_pcpu()->index)) {
		if (read_now(&the_end))
			pthread_exit(NULL);
		sched_yield();
	}
	hart_trap(SCAUSE_INTERRUPT | IRQ_S_SOFT, 0);
	return next_is(NEXT_EXIT);
}

struct next vcpu_handle_exit(struct vcpu *v, uint64_t cause)
{
	if (cause & SCAUSE_INTERRUPT)
		csr_clear(CSR_SIP, BIT(IRQ_S_SOFT));
	else
		vcpu_hsm_stop(v);
	return next_is(NEXT_GUEST);
}

/* --- the tests --------------------------------------------------------------------------------------- */

/*
 * The payload is not atomic, and nothing but the request orders it: TSan says when that is not enough.
 */
static void what_was_written_before_a_request_is_seen_after_it(void **state)
{
	static struct machine mc;
	struct sched_params first = { .affinity = pcpu_set_from_mask(1) };
	pthread_t threads[1];
	struct vcpu *v;

	(void)state;
	stops = false;
	harts_begin(1, 1, true);
	v = vcpu_new(&mc.vm, 0, &first);
	mc.vm.vcpus[0] = v;
	mc.vm.nr_vcpus = 1;
	mc.vm.state = VM_RUNNING;
	v->hsm.state = SBI_HSM_STATE_STARTED;
	v->halt.blocked = 0;
	sched_wake(&v->se);
	pthread_create(&threads[0], NULL, hart, (void *)0);
	fake_pcpu_become(1);
	for (uint64_t i = 1; i <= 3000; i++) {
		payload = i;
		vcpu_make_request(REQUEST_FENCE_I, v);
		vcpu_kick(v);
		for (uint64_t since = hart_time();
		     __atomic_load_n(&payload_seen, __ATOMIC_ACQUIRE) != i;) {
			sched_yield();
			if (hart_time() - since > patience())
				broken("request %" PRIu64 " is not seen", i);
		}
	}
	harts_end(1, threads);
}

/* start_pc is not atomic either: STOPPED orders its next writer after its last reader. */
static void a_hart_that_stops_is_started_again_and_again(void **state)
{
	static struct machine mc;
	struct sched_params first = { .affinity = pcpu_set_from_mask(1) };
	pthread_t threads[1];
	struct vcpu *v;

	(void)state;
	stops = true;
	harts_begin(1, 1, true);
	v = vcpu_new(&mc.vm, 0, &first);
	mc.vm.vcpus[0] = v;
	mc.vm.nr_vcpus = 1;
	mc.vm.state = VM_RUNNING;
	pthread_create(&threads[0], NULL, hart, (void *)0);
	fake_pcpu_become(1);
	for (uint64_t i = 0; i < 3000; i++) {
		uint64_t since = hart_time();

		while (vcpu_hsm_start(v, gpa(i), i) != HV_OK)
			if (hart_time() - since > patience())
				broken("start %" PRIu64 " is lost", i);
	}
	harts_end(1, threads);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_before_a_request_is_seen_after_it),
		cmocka_unit_test(a_hart_that_stops_is_started_again_and_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
