/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest that counts what operations cost, in instructions, on hartvisor and natively on OpenSBI.
 *
 * It relies on QEMU's -icount shift=0: one instruction takes one virtual nanosecond on whatever hart, so
 * a tick of the 10 MHz time counter is 100 instructions. clock_edge() waits for the beginning of a tick,
 * clock_now() finds how far the next one is; with both an interval is known to about two instructions.
 * Without icount the figures mean nothing.
 *
 * Boot arguments: set=NUMBER, which rows (enum bench_set). What was found is kept by bench_result() and
 * said at the end, "BENCH row tenths-of-instructions" a line, since output disturbs what comes after it.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>

#include "csr.h"
#include "sbi.h"
#include "smp.h"

#define TICK 100 /* instructions */

enum bench_set {
	SET_ONE = 1,	 /* one vcpu by itself */
	SET_PAIR = 2,	 /* two vcpus on one hart */
	SET_HARTS = 3,	 /* two vcpus on two harts */
	SET_FENCES = 4,	 /* fences to 1, 3, ... siblings; one hart for all */
	SET_SCALE = 5,	 /* wake-up and broadcast among many */
	SET_SWITCH = 6,	 /* all vcpus compute; what the switches take */
	SET_IDLE = 7,	 /* all vcpus sleep: company for SET_SCALE in another VM */
	SET_RUNNING = 8, /* fences to 1, 3, ... siblings; a hart for each */
	SET_BOOT = 9,	 /* nothing but when it began */
	SET_VIRTIO = 10, /* virtio devices */
	SET_HOST = 11,	 /* a disk of the machine */
	SET_NET = 12,	 /* network devices */
};

/* bench_result - @row took @total instructions @n times. */
void bench_result(const char *row, long total, long n);

/* bench_say_results - all of them, and that these are all. */
void bench_say_results(void);

/* bench_median - of @n samples, which get sorted. */
long bench_median(long *samples, unsigned int n);

/* bench_middle - the mean of the middle half of @n samples, which get sorted; in tenths. */
long bench_middle(long *samples, unsigned int n);

void bench_one(void);
void bench_pair(void);
void bench_harts(void);
void bench_fences(void);
void bench_running(void);
void bench_scale(void);
void bench_switch(void);
void bench_idle(void);
void bench_virtio(void);
void bench_host(void);
void bench_net(void);

/* bench_wait_asleep - until the others have had the time to go to sleep. */
void bench_wait_asleep(void);

/* vectors.S */
extern char bench_vec_soft[], bench_vec_skip[], bench_vec_timer[], bench_vec_disk[],
	bench_hart_entry[];

/* --- the clock, in instructions ------------------------------------------------------------------- */

/* clock_edge - waits for the beginning of a tick; the moment of returning. */
static inline long clock_edge(void)
{
	long before, after;

	__asm__ volatile("csrr %0, time\n"
			 "1: csrr %1, time\n"
			 "beq %1, %0, 1b"
			 : "=&r"(before), "=&r"(after)
			 :
			 : "memory");
	return after * TICK;
}

/* The moment that is @turns turns of three instructions before the beginning of tick @next. */
static inline long clock_before(long next, long turns)
{
	return next * TICK - 3 * turns + 2;
}

/* clock_now - the moment of being called; takes up to a tick. */
static inline long clock_now(void)
{
	long before, after, turns = 0;

	__asm__ volatile("csrr %0, time\n"
			 "1: addi %2, %2, 1\n"
			 "csrr %1, time\n"
			 "beq %1, %0, 1b"
			 : "=&r"(before), "=&r"(after), "+&r"(turns)
			 :
			 : "memory");
	return clock_before(after, turns);
}

/* --- rows ----------------------------------------------------------------------------------------- */

#define BATCHES 15

/* BATCH_MEDIAN - what a batch of @n times @op takes, with the loop. */
#define BATCH_MEDIAN(n, op)                                       \
	({                                                        \
		long samples_[BATCHES];                           \
		for (unsigned int b_ = 0; b_ < BATCHES; b_++) {   \
			long began_ = clock_edge();               \
			for (unsigned int i_ = 0; i_ < (n); i_++) \
				op;                               \
			samples_[b_] = clock_now() - began_;      \
		}                                                 \
		bench_median(samples_, BATCHES);                  \
	})

/* BENCH_ROW - @op without what @nothing, the same loop with the instruction left out, takes. */
#define BENCH_ROW(row, n, op, nothing)                 \
	do {                                           \
		long took_ = BATCH_MEDIAN(n, op);      \
		long loop_ = BATCH_MEDIAN(n, nothing); \
		bench_result(row, took_ - loop_, (n)); \
	} while (0)

/*
 * BENCH_SBI - an SBI call, @insn being "ecall" or, for the cost of all else, nothing. s11 may be changed
 * by a vector meanwhile.
 */
#define BENCH_SBI(insn, eid, fid, arg0, arg1, arg2, arg3)                     \
	({                                                                    \
		register unsigned long a0 __asm__("a0") = (arg0);             \
		register unsigned long a1 __asm__("a1") = (arg1);             \
		register unsigned long a2 __asm__("a2") = (arg2);             \
		register unsigned long a3 __asm__("a3") = (arg3);             \
		register unsigned long a6 __asm__("a6") = (fid);              \
		register unsigned long a7 __asm__("a7") = (eid);              \
		__asm__ volatile(insn                                         \
				 : "+r"(a0), "+r"(a1)                         \
				 : "r"(a2), "r"(a3), "r"(a6), "r"(a7)         \
				 : "memory", "s7", "s8", "s9", "s10", "s11"); \
		(long)a0;                                                     \
	})

#define BENCH_SBI_ROW(row, n, ...) \
	BENCH_ROW(row, n, (void)BENCH_SBI("ecall", __VA_ARGS__), (void)BENCH_SBI("", __VA_ARGS__))

/* bench_vector - @vector takes the traps; returns the one before. */
static inline unsigned long bench_vector(const void *vector)
{
	unsigned long old = csr_read(stvec);

	csr_write(stvec, (unsigned long)vector);
	return old;
}

#endif
