/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A simulator of harts and vcpus around the real scheduler (hyp/sched), with a clock of its own: a tick
 * is a nanosecond, a hart's pcpu_loop() is sim_step_hart(), what a vcpu does is run, and sleep.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "sched/runq.h"
#include "sched/sched.h"

#define SIM_MS UINT64_C(1000000)
#define SIM_S  UINT64_C(1000000000)

struct sim_vcpu {
	struct sched_entity se;
	unsigned int id;
	uint64_t run;	/* runs so long, */
	uint64_t sleep; /* then sleeps so long; 0: always busy */
	bool random;	/* each time a random part of twice that */
	uint64_t left;
	uint64_t base;	/* run_ticks when sim_mark() was called */
	uint64_t stays; /* times that it was given a hart */
};

extern uint64_t sim_now;
extern unsigned int sim_nr_vcpus;
extern struct sim_vcpu *sim_vcpus;
extern uint64_t sim_decisions; /* picks */
extern uint64_t sim_kicks;     /* IPIs */
extern bool sim_has_memory;    /* for sched_init() */

/* sim_begin - a fresh machine, at time 0. sim_end - forget it. */
void sim_begin(unsigned int harts, unsigned int max_vcpus, uint64_t seed);
void sim_end(void);

struct sched_params sim_params(uint32_t weight);
struct sched_group *sim_group(uint32_t cap);
struct sim_vcpu *sim_add(struct sched_group *g, const struct sched_params *p, uint64_t run,
			 uint64_t sleep);
/* sim_add_task - the same, a task. */
struct sim_vcpu *sim_add_task(struct sched_group *g, const struct sched_params *p, uint64_t run,
			      uint64_t sleep);
/* sim_start - wake all that were added. */
void sim_start(void);
void sim_run(uint64_t ns);
/* sim_mark - count from now. sim_ran - time it ran since then, in ns. */
void sim_mark(void);
uint64_t sim_ran(const struct sim_vcpu *v);

/* sim_become - the calls that follow are made on hart @hart. */
void sim_become(unsigned int hart);
/* sim_step_hart - hart @hart looks: put what must be put, pick. */
void sim_step_hart(unsigned int hart);
struct sim_vcpu *sim_running(unsigned int hart);
/* sim_stop - what runs on @hart is put for reason @why, and its state perhaps taken out of the hart. */
void sim_stop(unsigned int hart, enum sched_reason why);
/* sim_stop_for_next - the same, and the next one at once, as the run loop has it. */
void sim_stop_for_next(unsigned int hart, enum sched_reason why);
/* sim_hand_over - what runs on @hart hands it over to @to, by loan_begin(). False: it cannot. */
bool sim_hand_over(unsigned int hart, struct sim_vcpu *to);
/* sim_unload - the context that is loaded on @hart, which runs nothing, leaves it. */
void sim_unload(unsigned int hart);
uint64_t sim_random(void);
/* sim_check - every vcpu is where its state says, once. Aborts with a message. */
void sim_check(void);

#endif
