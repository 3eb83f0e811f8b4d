/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For the tests of hyp/run: a trace of what is called, and of the machine what all of them need. Each program brings the
 * rest.
 *
 * SOURCES: tests/unit/fake/pcpu.c tests/unit/fake/csr.c
 */
#ifndef FAKE_RUN_CALLS_H
#define FAKE_RUN_CALLS_H

#include <string.h>

#include "arch/features.h"
#include "arch/guest_state.h"
#include "arch/timer.h"
#include "fake/pcpu.h"
#include "lib/work.h"
#include "sched/sched.h"
#include "vcpu/vtimer.h"

struct hart_features hart_features;
bool timer_sstc;
uint32_t work_count;

static char trace[512];
static uint64_t now, slice;
static bool others_wait;

static void called(const char *what)
{
	strncat(trace, what, sizeof(trace) - strlen(trace) - 2);
	strcat(trace, " ");
}

#define CALLS(text) assert_string_equal(trace, text)

uint64_t timer_now(void)
{
	return ++now;
}

void timer_set_slice(uint64_t at)
{
	slice = at;
}

void timer_cancel(struct timer *t)
{
	(void)t;
}

void sched_put(struct sched_entity *se, enum sched_reason why, uint64_t at)
{
	(void)se;
	(void)at;
	called(why == SCHED_BLOCKS    ? "put-blocks" :
	       why == SCHED_PREEMPTED ? "put-preempted" :
					"put-yielded");
}

uint64_t sched_next_look(const struct sched_entity *se)
{
	(void)se;
	return 1000000;
}

bool sched_others_wait(void)
{
	return others_wait;
}

void vmid_park(unsigned int index)
{
	(void)index;
	called("park");
}

void vcpu_timer_arm_host(struct vcpu *v)
{
	(void)v;
}

void guest_fp_save_dirty(struct guest_regs *r, struct guest_fp *fp)
{
	(void)r;
	(void)fp;
}

void guest_vector_save_dirty(struct guest_regs *r, struct guest_vector *v)
{
	(void)r;
	(void)v;
}

void arch_fp_csr_save(struct guest_fp *fp)
{
	(void)fp;
}

void arch_vector_csrs_save(struct guest_vector *v)
{
	(void)v;
}

#endif
