/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pcpu's loop with a scheduler, a clock and a WFI that are the test's: what is called in which order. A program that is
 * LIKE this file, and LIKE fake/run_calls.h, is made of besides
 *
 * SOURCES: hyp/run/task.c hyp/run/rest.c hyp/run/pcpu_loop.c
 */
#ifndef FAKE_RUN_LOOP_H
#define FAKE_RUN_LOOP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "arch/features.h"
#include "arch/guest.h"
#include "arch/smp.h"
#include "fake/run_calls.h"
#include "platform/driver.h"
#include "run/run.h"
#include "vcpu/load.h"
#include "vcpu/vm.h"
#include "vcpu/vtimer.h"

static jmp_buf out;

static bool must_switch, idle, rest_begins;
static struct sched_entity *picks[4];
static unsigned int nr_picks, picked;
static unsigned int steps, steps_left; /* of the task: taken, and to come */
static void (*in_step)(void), (*in_wfi)(void), (*in_rest)(void);
static struct sched_entity *after_vcpu; /* what vcpu_run() returns */

static struct vm vm;
static struct vcpu vcpu;
static struct sched_entity task;

uint64_t timer_ns_to_ticks(uint64_t ns)
{
	return ns;
}

void timer_run(void)
{
	called("timer");
	csr_clear(CSR_SIP, BIT(IRQ_S_TIMER));
}

void host_irq_handle(void)
{
	called("external");
	csr_clear(CSR_SIP, BIT(IRQ_S_EXT));
}

void smp_ipi_taken(void)
{
	called("ipi");
}

void cpu_wait_for_interrupt(void)
{
	called("wfi");
	assert_int_equal(this_pcpu()->idle, 1);
	if (in_wfi)
		in_wfi();
}

bool work_run_one(void)
{
	called("work");
	if (!work_count)
		return false;
	work_count--;
	return true;
}

struct sched_entity *sched_pick(uint64_t at)
{
	(void)at;
	assert_int_equal(this_pcpu()->need_resched, 0);
	if (picked == nr_picks)
		longjmp(out, 1);
	called("pick");
	return picks[picked++];
}

void sched_unloaded(struct sched_entity *se)
{
	called(se == &task ? "unloaded-task" : "unloaded");
	assert_null(this_pcpu()->current);
}

bool sched_idle_begin(void)
{
	return idle;
}

static bool must_unload;

/* Until it has been. */
bool sched_must_unload(const struct sched_entity *se)
{
	assert_ptr_equal(se, &this_pcpu()->current->se);
	return must_unload;
}

void sched_idle_end(void)
{
}

bool sched_should_switch(struct sched_entity *se)
{
	(void)se;
	assert_int_equal(this_pcpu()->need_resched, 0);
	called("look");
	return must_switch;
}

bool sched_rest_begin(struct sched_entity *se, uint64_t at)
{
	(void)se;
	(void)at;
	called("rest");
	if (in_rest)
		in_rest();
	return rest_begins;
}

void sched_rest_end(struct sched_entity *se, uint64_t at)
{
	(void)se;
	(void)at;
	called("rested");
}

void sched_take_wake(struct sched_entity *se)
{
	(void)se;
	called("take-wake");
}

struct sched_entity *vcpu_run(struct vcpu *v)
{
	assert_ptr_equal(v, &vcpu);
	called("run");
	return after_vcpu;
}

static bool step(struct sched_entity *se)
{
	assert_ptr_equal(se, &task);
	called("step");
	steps++;
	if (in_step)
		in_step();
	return --steps_left != 0;
}

static int setup(void **state)
{
	(void)state;
	fake_pcpu_setup(1);
	this_pcpu()->current = NULL;
	memset(&vm, 0, sizeof(vm));
	memset(&vcpu, 0, sizeof(vcpu));
	vm.state = VM_RUNNING;
	vcpu.vm = &vm;
	vcpu.halt.ends = sleep_ends(SLEEP_WFI);
	vcpu.halt.poll_since = 1;
	task = (struct sched_entity){ .step = step };
	now = 1000;
	slice = 0;
	work_count = 0;
	timer_sstc = idle = rest_begins = true;
	others_wait = must_switch = must_unload = false;
	nr_picks = picked = steps = 0;
	steps_left = 1;
	in_step = in_wfi = in_rest = NULL;
	after_vcpu = NULL;
	trace[0] = 0;
	for (unsigned int csr = 0; csr < 4096; csr++)
		csr_write(csr, 0);
	csr_write(CSR_SIE, BIT(IRQ_S_SOFT) | BIT(IRQ_S_TIMER) | BIT(IRQ_S_EXT));
	csr_write(CSR_VSTIMECMP, UINT64_MAX);
	return 0;
}

__attribute__((unused)) static void interrupts_come(void)
{
	if (steps == 1)
		csr_write(CSR_SIP, BIT(IRQ_S_TIMER) | BIT(IRQ_S_EXT) | BIT(IRQ_S_SOFT));
}

#endif
