/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers: one queue per pcpu, a pairing heap inside the timers themselves, so that arming costs O(1)
 * and cancelling O(log n) amortised, without any memory of its own.
 */
#include "arch/timer.h"

#include "arch/csr.h"
#include "arch/pcpu.h"
#include "arch/sbi_call.h"
#include "lib/spinlock.h"

/* What one timer_run() runs at most; the rest is due at once again, after other work had its turn. */
#define TIMER_RUN_MAX 128

struct timer_queue {
	struct spinlock lock; /* guards heap, and the timers' links and armed */
	struct timer *heap;   /* the earliest, or NULL */
	uint64_t slice;	      /* own pcpu only */
	uint64_t programmed; /* own pcpu only: what the hart timer holds; never after the earliest */
} __attribute__((aligned(64)));

static struct timer_queue timer_queues[MAX_PCPUS] = {
	[0 ... MAX_PCPUS - 1] = { .lock = SPINLOCK_INIT(LOCK_TIMERS) },
};
static uint64_t timer_hz;
bool timer_sstc;

/* --- the heap ------------------------------------------------------------------------------------- */

/* The later of two roots becomes the first child of the other. */
static struct timer *heap_meld(struct timer *a, struct timer *b)
{
	struct timer *t;

	if (!a)
		return b;
	if (!b)
		return a;
	if (b->deadline < a->deadline) {
		t = a;
		a = b;
		b = t;
	}
	b->prev = a;
	b->next = a->child;
	if (b->next)
		b->next->prev = b;
	a->child = b;
	return a;
}

/* The children of a root that went: meld them in pairs, then the pairs from the last to the first. */
static struct timer *heap_meld_children(struct timer *child)
{
	struct timer *pairs = NULL, *root = NULL;

	while (child) {
		struct timer *a = child, *b = a->next;

		child = b ? b->next : NULL;
		a->next = a->prev = NULL;
		if (b)
			b->next = b->prev = NULL;
		a = heap_meld(a, b);
		a->next = pairs;
		pairs = a;
	}
	while (pairs) {
		struct timer *t = pairs;

		pairs = t->next;
		t->next = NULL;
		root = heap_meld(root, t);
	}
	return root;
}

static void heap_insert(struct timer_queue *q, struct timer *t)
{
	t->child = t->next = t->prev = NULL;
	q->heap = heap_meld(q->heap, t);
}

static void heap_remove(struct timer_queue *q, struct timer *t)
{
	struct timer *rest = heap_meld_children(t->child);

	if (q->heap == t) {
		q->heap = rest;
	} else {
		if (t->prev->child == t)
			t->prev->child = t->next;
		else
			t->prev->next = t->next;
		if (t->next)
			t->next->prev = t->prev;
		q->heap = heap_meld(q->heap, rest);
	}
	t->child = t->next = t->prev = NULL;
}

/* --- the hart timer ------------------------------------------------------------------------------- */

static struct timer_queue *this_queue(void)
{
	return &timer_queues[this_pcpu()->index];
}

/* Own pcpu. Either way of writing takes back a pending interrupt when the new time is in the future. */
static void timer_write(uint64_t deadline)
{
	if (timer_sstc)
		csr_write(CSR_STIMECMP, deadline);
	else
		(void)sbi_call_host(SBI_EXT_TIME, SBI_TIME_SET_TIMER, deadline, 0, 0, 0, 0, 0);
}

static void timer_program(struct timer_queue *q, uint64_t deadline)
{
	if (deadline == q->programmed)
		return;
	q->programmed = deadline;
	timer_write(deadline);
}

static uint64_t queue_earliest(const struct timer_queue *q)
{
	return min_u64(q->heap ? q->heap->deadline : TIMER_NEVER, q->slice);
}

/* --- timers --------------------------------------------------------------------------------------- */

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	*t = (struct timer){ .deadline = TIMER_NEVER, .fn = fn };
}

/* The lock of the queue that @t belongs to now; t->pcpu changes only under it. */
static struct timer_queue *timer_lock(struct timer *t)
{
	for (;;) {
		struct timer_queue *q = &timer_queues[atomic_read(&t->pcpu)];

		spin_lock(&q->lock);
		/* Acquire: it came from a queue whose lock we do not take; see timer_arm(). */
		if (q == &timer_queues[atomic_read_acquire(&t->pcpu)])
			return q;
		spin_unlock(&q->lock);
	}
}

static void timer_unlink(struct timer_queue *q, struct timer *t)
{
	if (!t->armed)
		return;
	heap_remove(q, t);
	atomic_set(&t->armed, false);
}

void timer_arm(struct timer *t, uint64_t deadline)
{
	struct timer_queue *own = this_queue(), *q;

	/* From the queue of another pcpu it moves here first: never two locks at once. */
	while ((q = timer_lock(t)) != own) {
		timer_unlink(q, t);
		atomic_set_release(&t->pcpu, this_pcpu()->index);
		spin_unlock(&q->lock);
	}
	timer_unlink(own, t);
	t->deadline = deadline;
	atomic_set(&t->armed, true);
	heap_insert(own, t);
	timer_program(own, queue_earliest(own));
	spin_unlock(&own->lock);
}

void timer_cancel(struct timer *t)
{
	struct timer_queue *q = timer_lock(t);

	/*
	 * The hart timer stays as it is: another hart's is out of reach, and for our own one
	 * interrupt too many now and then is cheaper than a call to the firmware for each cancel.
	 */
	timer_unlink(q, t);
	spin_unlock(&q->lock);
}

/* A timer that is due, off the queue; NULL: there is none, and the hart timer is set for the next. */
static struct timer *timer_take_due(struct timer_queue *q, uint64_t now)
{
	struct timer *t;

	spin_lock(&q->lock);
	t = q->heap;
	if (t && t->deadline <= now) {
		timer_unlink(q, t);
	} else {
		t = NULL;
		timer_program(q, queue_earliest(q));
	}
	spin_unlock(&q->lock);
	return t;
}

void timer_run(void)
{
	struct timer_queue *q = this_queue();
	uint64_t now = timer_now();
	struct timer *t;

	if (now < q->programmed) {
		/*
		 * The interrupt of an earlier deadline, which was replaced as it passed. The privileged
		 * specification lets it be taken; QEMU (10.0) even keeps it pending, when its timer
		 * thread sets STIP after the hart's write has cleared it, until stimecmp is written
		 * again. Without that write no guest would execute an instruction here any more.
		 */
		timer_write(q->programmed);
		return;
	}
	if (q->slice <= now) {
		q->slice = TIMER_NEVER;
		atomic_set(&this_pcpu()->need_resched, 1U);
	}
	for (unsigned int i = 0; i < TIMER_RUN_MAX; i++) {
		t = timer_take_due(q, now);
		if (!t)
			return;
		t->fn(t);
	}
	/* The hart timer is still at a time that has passed, so the interrupt stays pending for the others. */
}

void timer_set_slice(uint64_t deadline)
{
	struct timer_queue *q = this_queue();

	q->slice = deadline;
	/* An earlier hart timer than needed does no harm: see timer_cancel(). But 0 means that it has
	 * not been programmed yet, and it need not fire. */
	if (deadline < q->programmed || q->programmed == 0)
		timer_program(q, deadline);
}

/* --- time ----------------------------------------------------------------------------------------- */

void timer_setup(uint64_t ticks_per_second, bool sstc)
{
	timer_hz = ticks_per_second ? ticks_per_second : 1;
	timer_sstc = sstc;
	for (unsigned int i = 0; i < MAX_PCPUS; i++)
		timer_queues[i].slice = timer_queues[i].programmed = TIMER_NEVER;
}

cold void timer_init_pcpu(void)
{
	struct timer_queue *q = this_queue();

	/* The firmware may have left anything in the hart timer. What has been armed here already stays. */
	spin_lock(&q->lock);
	q->programmed = queue_earliest(q);
	timer_write(q->programmed);
	spin_unlock(&q->lock);
}

uint64_t timer_frequency(void)
{
	return timer_hz;
}

#ifndef __riscv
uint64_t timer_now(void)
{
	return csr_read(CSR_TIME);
}
#endif

/*
 * a * b / c without a 128-bit division, where b or c is 10^9: both factors are split by c, and the
 * product of the two remainders fits 64 bits for every c up to 2^32. A larger c (a clock of more than
 * 4 GHz) costs the lowest bits. Saturates.
 */
static uint64_t mul_div(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t whole, part, sum, a_rem = a % c, b_rem = b % c;

	if (__builtin_mul_overflow(a / c, b, &whole) ||
	    __builtin_mul_overflow(a_rem, b / c, &part) ||
	    __builtin_add_overflow(whole, part, &sum))
		return UINT64_MAX;
	while (c >> 32) {
		a_rem >>= 1;
		c >>= 1;
	}
	if (__builtin_add_overflow(sum, a_rem * b_rem / c, &sum))
		return UINT64_MAX;
	return sum;
}

uint64_t timer_ns_to_ticks(uint64_t ns)
{
	return mul_div(ns, timer_hz, UINT64_C(1000000000));
}

uint64_t timer_ticks_to_ns(uint64_t ticks)
{
	return mul_div(ticks, UINT64_C(1000000000), timer_hz);
}
