/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A vcpu in its run loop, with everything around it the test's: guests, handlers, the scheduler and the table of SBI calls.
 *
 * SOURCES: hyp/run/vcpu_run.c hyp/run/fastpath.c hyp/dev/mmio.c tests/unit/fake/pcpu.c tests/unit/fake/csr.c tests/unit/fake/fence.c
 */
#ifndef FAKE_RUN_VCPU_H
#define FAKE_RUN_VCPU_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "arch/guest.h"
#include "fake/run_calls.h"
#include "run/run.h"
#include "sbi/calls.h"
#include "sbi/dispatch.h"
#include "vcpu/load.h"
#include "pv/magic.h"
#include "vcpu/poll.h"
#include "pv/steal.h"

static struct vm vm;
static struct vcpu one, two;

/* --- the guest ------------------------------------------------------------------------------------------ */

/* What it does in a stay, and what the fast path has made of it. The last one is done again and again. */
typedef struct next stay(struct vcpu *v);
static stay *stays[4];
static unsigned int nr_stays, stayed;
static uint64_t retires; /* instructions in a stay */

struct next guest_enter(struct guest_regs **r)
{
	struct vcpu *v = container_of(*r, struct vcpu, regs);
	struct next n;

	called("enter");
	assert_int_equal(v->mode, IN_GUEST_MODE);
	assert_int_equal(v->requests, 0);
	assert_ptr_equal(this_pcpu()->current, v);
	n = stays[stayed](v);
	if (stayed + 1 < nr_stays)
		stayed++;
	csr_write(CSR_INSTRET, csr_read(CSR_INSTRET) + retires);
	return n;
}

/* --- the handlers --------------------------------------------------------------------------------------- */

static struct next how;
static void (*in_exit)(struct vcpu *v);

struct next vcpu_handle_exit(struct vcpu *v, uint64_t cause)
{
	called("exit");
	assert_int_equal(v->mode, OUTSIDE_GUEST_MODE);
	assert_int_equal(cause, csr_read(CSR_SCAUSE));
	if (in_exit)
		in_exit(v);
	return how;
}

static enum vcpu_verdict verdicts[4];
static unsigned int verdict;

enum vcpu_verdict vcpu_handle_requests(struct vcpu *v)
{
	called("requests");
	v->requests = 0;
	return verdicts[verdict++];
}

static bool rests, blocks, polls;
static void (*in_page)(void); /* while its page is written */

bool vcpu_rest(struct vcpu *v)
{
	(void)v;
	called("rest");
	return rests;
}

bool vcpu_block(struct vcpu *v)
{
	(void)v;
	called("block");
	return blocks;
}

bool vcpu_poll(struct vcpu *v)
{
	(void)v;
	called("poll");
	return polls;
}

void vcpu_poll_adapt(struct vcpu *v)
{
	called("adapt");
	v->halt.poll_since = 0;
}

void pv_magic_write(struct vcpu *v, uint32_t state)
{
	(void)v;
	called(state == HARTVISOR_MAGIC_RUNS   ? "runs" :
	       state == HARTVISOR_MAGIC_HALTED ? "halted" :
						 "magic");
	if (in_page)
		in_page();
}

void pv_mark_preempted(struct vcpu *v)
{
	(void)v;
	called("mark");
}

void vcpu_make_request(enum vcpu_request req, struct vcpu *v)
{
	assert_int_equal(req, REQUEST_STEAL_UPDATE);
	called("news");
	v->requests |= BIT(req & 63);
}

/* --- the scheduler -------------------------------------------------------------------------------------- */

static bool must_switch, spin_yields;
static enum sched_switched switches_to;
static struct sched_entity *next, *hands_back;

bool pcpu_must_switch(struct sched_entity *se, struct pcpu *p)
{
	(void)se;
	called("look");
	p->need_resched = 0;
	return must_switch;
}

void pcpu_set_slice(const struct sched_entity *se, struct pcpu *p)
{
	(void)se;
	(void)p;
	called("slice");
}

void sched_unloaded(struct sched_entity *se)
{
	called(se == &one.se ? "unloaded-one" : "unloaded-two");
	assert_true(this_pcpu()->current == NULL || &this_pcpu()->current->se != se);
}

struct sched_entity *sched_switch(struct sched_entity *se, enum sched_reason why, uint64_t at)
{
	(void)se;
	(void)at;
	assert_int_equal(this_pcpu()->need_resched, 0);
	called(why == SCHED_BLOCKS    ? "switch-blocks" :
	       why == SCHED_PREEMPTED ? "switch-preempted" :
					"switch-yielded");
	return next;
}

struct sched_entity *sched_hand_back(struct sched_entity *se, uint64_t at)
{
	(void)se;
	(void)at;
	called("hand-back");
	return hands_back;
}

enum sched_switched sched_switch_to(struct sched_entity *from, struct sched_entity *to, bool asleep)
{
	assert_ptr_equal(from, &one.se);
	assert_ptr_equal(to, &two.se);
	called(asleep ? "wake-and-switch-to" : "switch-to");
	return switches_to;
}

bool sched_spin_yield(struct sched_entity *from)
{
	(void)from;
	called("spin-yield");
	return spin_yields;
}

bool sched_wake(struct sched_entity *se)
{
	called(se == &vm.task ? "wake-task" : "wake-two");
	return true;
}

static struct sched_entity other;

struct sched_entity *sched_running(void)
{
	called("running");
	return &other;
}

static uint64_t injected, injected_tval;

void vcpu_inject_exception(struct vcpu *v, uint64_t cause, uint64_t tval)
{
	(void)v;
	called("inject");
	injected = cause;
	injected_tval = tval;
}

/* No test makes a bus by it. */
void *arena_alloc(struct arena *a, uint64_t size, uint64_t align)
{
	(void)a;
	(void)size;
	(void)align;
	return NULL;
}

/* --- what loading takes --------------------------------------------------------------------------------- */

uint64_t vmid_generation[MAX_PCPUS];

void vcpu_assign_vmid(struct vcpu *v)
{
	(void)v;
}

void vcpu_migrate_in(struct vcpu *v)
{
	v->place.pcpu = this_pcpu()->index;
}

void features_clear_loose(uint32_t loose)
{
	(void)loose;
}

void vcpu_timer_set_host(struct vcpu *v, uint64_t when)
{
	(void)v;
	(void)when;
}

void guest_fp_restore(const struct guest_fp *fp)
{
	(void)fp;
}

void guest_vector_restore(const struct guest_vector *v)
{
	(void)v;
}

void arch_fp_csr_restore(const struct guest_fp *fp)
{
	(void)fp;
}

/* --- the table of calls --------------------------------------------------------------------------------- */

#define EID	   0x48534d
#define EID_PROBED 0x44424e
#define EID_RANGE  HARTVISOR_SBI_EXT_VENDOR_BASE
#define EID_NONE   0x123456

/* Function 4 is for the fast path, others are not. */
static void (*in_call)(struct vcpu *v);
static struct next call_next;
static uint64_t has_it;

static struct next answer_call(struct vcpu *v, const char *what, uint64_t value)
{
	called(what);
	sbi_answer(v, SBI_ERR_ALREADY_AVAILABLE, value);
	if (in_call)
		in_call(v);
	return call_next;
}

static struct next handle(struct vcpu *v, uint64_t fid)
{
	assert_int_equal(fid, v->regs.x[REG_A6]);
	if (fid != 4 && sbi_is_fast(v))
		return sbi_exit();
	return answer_call(v, "handle", 100 + fid);
}

struct next sbi_send_ipi(struct vcpu *v)
{
	return answer_call(v, "send", 200);
}

struct next sbi_fence(struct vcpu *v, uint64_t fid)
{
	return answer_call(v, "fence", 300 + fid);
}

static uint64_t probe(const struct vm *m, uint32_t eid)
{
	assert_ptr_equal(m, &vm);
	(void)eid;
	return has_it;
}

static const struct sbi_extension mine = { .eid_first = EID, .handle = handle };
static const struct sbi_extension probed = { .eid_first = EID_PROBED,
					     .handle = handle,
					     .probe = probe };
static const struct sbi_extension base = { .eid_first = SBI_EXT_BASE, .handle = handle };
static const struct sbi_extension timer = { .eid_first = SBI_EXT_TIME, .handle = handle };
static const struct sbi_extension ipi = { .eid_first = SBI_EXT_IPI, .handle = handle };
static const struct sbi_extension rfence = { .eid_first = SBI_EXT_RFNC, .handle = handle };

const struct sbi_extension *const sbi_extensions[32] = {
	[SBI_SLOT(EID)] = &mine,	  [SBI_SLOT(EID_PROBED)] = &probed,
	[SBI_SLOT(SBI_EXT_BASE)] = &base, [SBI_SLOT(SBI_EXT_TIME)] = &timer,
	[SBI_SLOT(SBI_EXT_IPI)] = &ipi,	  [SBI_SLOT(SBI_EXT_RFNC)] = &rfence,
};
const struct sbi_extension sbi_ext_legacy;
const struct sbi_extension sbi_ext_vendor = { .handle = handle, .probe = probe };

static struct next traps(struct vcpu *v)
{
	(void)v;
	return next_is(NEXT_EXIT);
}

/* --- each test ------------------------------------------------------------------------------------------ */

static void leaves(struct vcpu *v)
{
	(void)v;
	this_pcpu()->need_resched = 1;
}

static int setup(void **state)
{
	struct vcpu *const all[] = { &one, &two };

	(void)state;
	fake_pcpu_setup(1);
	memset(&vm, 0, sizeof(vm));
	vm.state = VM_RUNNING;
	vm.active = 2;
	vm.nr_vcpus = 2;
	vm.vcpus[0] = &one;
	vm.vcpus[1] = &two;
	for (unsigned int i = 0; i < 2; i++) {
		memset(all[i], 0, sizeof(*all[i]));
		all[i]->vm = &vm;
		all[i]->pv.steal.at = all[i]->pv.lock.at = PV_OFF;
		all[i]->timer.deadline = TIMER_NEVER;
		all[i]->hsm.state = SBI_HSM_STATE_STARTED;
		all[i]->id = i;
	}
	this_pcpu()->current = &one;
	hart_features = (struct hart_features){ 0 };
	timer_sstc = true;
	work_count = 0;
	now = 1000;
	slice = 0;
	others_wait = false;
	nr_stays = 1;
	stays[0] = traps;
	stayed = verdict = 0;
	retires = 1000;
	how = call_next = next_is(NEXT_GUEST);
	in_exit = leaves;
	in_call = NULL;
	in_page = NULL;
	injected = injected_tval = 0;
	must_switch = true;
	rests = blocks = polls = spin_yields = false;
	switches_to = SCHED_GO_ON;
	next = hands_back = NULL;
	has_it = 1;
	other = (struct sched_entity){ .step = (bool (*)(struct sched_entity *))1 }; /* a task */
	trace[0] = 0;
	for (unsigned int csr = 0; csr < 4096; csr++)
		csr_write(csr, 0);
	csr_write(CSR_SIE, BIT(IRQ_S_SOFT) | BIT(IRQ_S_TIMER) | BIT(IRQ_S_EXT));
	return 0;
}

__attribute__((unused)) static void preempts_now(struct vcpu *v)
{
	(void)v;
	this_pcpu()->need_resched = 1;
	must_switch = true;
}

#endif
