// SPDX-License-Identifier: BSD-2-Clause
#include "run/times.h"

#include "arch/csr.h"
#include "arch/smp.h"
#include "lib/index.h"
#include "mm/page.h"
#include "vcpu/timed.h"
#include "vcpu/vtimer.h"

enum phase { PHASE_OFF, PHASE_OWN, PHASE_GUEST, PHASE_IDLE, NR_PHASES };

/* Written by its hart, but for `seen` and `counted`. */
struct hart_times {
	uint32_t seq; /* atomic: odd while the words of the phase are written */
	uint32_t phase;
	uint64_t since; /* host time when it began */
	uint64_t ticks[NR_PHASES];
	uint64_t seen[NR_PHASES];    /* atomic: when it was read last */
	uint64_t counted[NR_PHASES]; /* atomic: before what times_read() tells */
	/* The exit that the hart works for. */
	const struct vcpu *left;  /* NULL: for none */
	struct vcpu_timed *timed; /* its */
	uint64_t left_at;
	uint64_t exits[NR_VCPU_EXITS]; /* as they were counted before it */
} __attribute__((aligned(64)));

static struct hart_times *harts; /* nr_pcpus of them; NULL: it was never wanted */
static uint64_t since;		 /* atomic: host time from which on they are */

static struct hart_times *own_times(void)
{
	return &harts[index_below(this_pcpu()->index, nr_pcpus)];
}

/* --- the hart's own time -------------------------------------------------------------------------- */

/* The release fences: a reader that finds a word of these finds `seq` odd or changed. */
static void begin(struct hart_times *h, enum phase phase, uint64_t now)
{
	uint64_t *ticks = &h->ticks[index_below(h->phase, NR_PHASES)];

	atomic_set(&h->seq, h->seq + 1);
	fence_release();
	atomic_set(ticks, *ticks + (now - h->since));
	atomic_set(&h->phase, phase);
	atomic_set(&h->since, now);
	atomic_set_release(&h->seq, h->seq + 1);
}

/* A hart that the machine below holds up in begin() is not waited for long: then it is told as it was seen last. */
#define TRIES 1000

static void read_all(struct hart_times *h, uint64_t out[NR_PHASES])
{
	uint64_t at, now;
	uint32_t seq, phase;

	for (unsigned int i = 0; i < TRIES; i++) {
		seq = atomic_read_acquire(&h->seq);
		for (unsigned int p = 0; p < NR_PHASES; p++)
			out[p] = atomic_read(&h->ticks[p]);
		phase = atomic_read(&h->phase);
		at = atomic_read(&h->since);
		now = timer_now();
		if (now > at)
			out[index_below(phase, NR_PHASES)] += now - at;
		fence_acquire();
		if ((seq & 1) || atomic_read(&h->seq) != seq)
			continue;
		for (unsigned int p = 0; p < NR_PHASES; p++)
			atomic_set(&h->seen[p], out[p]);
		return;
	}
	for (unsigned int p = 0; p < NR_PHASES; p++)
		out[p] = atomic_read(&h->seen[p]);
}

static struct hart_times *hart(unsigned int index)
{
	return harts ? &harts[index_below(index, nr_pcpus)] : NULL;
}

static uint64_t after(const struct hart_times *h, const uint64_t all[NR_PHASES], enum phase phase)
{
	const uint64_t now = all[index_below(phase, NR_PHASES)];

	return now - min_u64(now, atomic_read(&h->counted[index_below(phase, NR_PHASES)]));
}

bool times_read(unsigned int index, struct times *out)
{
	struct hart_times *h = hart(index);
	uint64_t all[NR_PHASES];

	*out = (struct times){ 0 };
	if (!h)
		return false;
	read_all(h, all);
	out->guest = after(h, all, PHASE_GUEST);
	out->own = after(h, all, PHASE_OWN);
	out->idle = after(h, all, PHASE_IDLE);
	return out->guest + out->own + out->idle != 0;
}

bool times_are_known(void)
{
	struct times t;

	for (unsigned int i = 0; i < nr_pcpus; i++)
		if (times_read(i, &t))
			return true;
	return vcpu_timed_is_wanted();
}

void times_zero(unsigned int index)
{
	struct hart_times *h = hart(index);
	uint64_t all[NR_PHASES];

	if (!h)
		return;
	read_all(h, all);
	for (unsigned int p = 0; p < NR_PHASES; p++)
		atomic_set(&h->counted[p], all[p]);
}

/* --- on and off ------------------------------------------------------------------------------------ */

bool times_make(void)
{
	if (!harts)
		harts = page_alloc_zeroed(align_up(nr_pcpus * sizeof(*harts), PAGE_SIZE),
					  PAGE_SIZE);
	return harts;
}

void times_want(bool on)
{
	atomic_set(&since, timer_now());
	vcpu_timed_want(on);
	for (unsigned int i = 0; i < nr_pcpus; i++)
		trace_ask_again(pcpus[i]);
	smp_kick(pcpu_set_first(nr_pcpus));
}

bool times_are_settled(void)
{
	for (unsigned int i = 0; harts && i < nr_pcpus; i++)
		if ((atomic_read(&harts[i].phase) != PHASE_OFF) != vcpu_timed_is_wanted())
			return false;
	return true;
}

void times_follow(void)
{
	bool on = vcpu_timed_is_wanted();
	struct hart_times *h = own_times();

	if (!harts || on == (h->phase != PHASE_OFF))
		return;
	h->left = NULL;
	begin(h, on ? PHASE_OWN : PHASE_OFF, timer_now());
	trace_set_timed(on);
}

/* --- exits ----------------------------------------------------------------------------------------- */

/* The time since the exit is its cause's. */
static void charge(struct hart_times *h, uint64_t now)
{
	const struct vcpu *v = h->left;
	struct vcpu_timed *t = h->timed;
	uint64_t took = now - h->left_at;

	h->left = NULL;
	for (unsigned int i = 0; v && i < NR_VCPU_EXITS; i++) {
		if (v->stats.exits[i] == h->exits[i])
			continue;
		counter_inc(&t->exits[i]);
		atomic_set(&t->ticks[i], t->ticks[i] + took);
		if (took > t->worst[i])
			atomic_set(&t->worst[i], took);
		return;
	}
}

/* Is there a deadline that has passed, of which the guest does not know? From now on it does. */
static bool tell_timer(struct vcpu *v, struct vcpu_timed *t, uint64_t *deadline)
{
	*deadline = vcpu_timer_deadline(v);
	if (*deadline == t->told || !vcpu_timer_wakes(v))
		return false;
	t->told = *deadline;
	return true;
}

/*
 * The guest is told that its timer is due. The deadline may lie long before the guest has set it, so no more counts than the time since
 * the guest was left. What it did before this was measured is not known.
 */
static void count_lateness(const struct vcpu *v, struct vcpu_timed *t, uint64_t deadline,
			   uint64_t now)
{
	uint64_t at = deadline - atomic_read(&v->vm->htimedelta);

	if (t->left_at < atomic_read(&since))
		return;
	/* The clocks of two harts may differ by a hair. */
	if (at > now || at < t->left_at)
		at = min_u64(t->left_at, now);
	histogram_add(&t->late, timer_ticks_to_ns(now - at));
}

void times_left(struct guest_regs *r)
{
	struct vcpu *v = container_of(r, struct vcpu, regs);
	struct vcpu_timed *t = atomic_read_acquire(&v->timed);
	struct hart_times *h = own_times();
	uint64_t now = timer_now(), deadline;

	begin(h, PHASE_OWN, now);
	if (t) {
		h->left = v;
		h->timed = t;
		h->left_at = now;
		for (unsigned int i = 0; i < NR_VCPU_EXITS; i++)
			h->exits[i] = v->stats.exits[i];
		if (timer_has_sstc()) /* the hart has told it */
			(void)tell_timer(v, t, &deadline);
		t->left_at = now;
	}
	if (trace_is_on())
		trace_exit(r);
}

void times_enters(struct guest_regs *r)
{
	struct vcpu *v = container_of(r, struct vcpu, regs);
	struct vcpu_timed *t = atomic_read_acquire(&v->timed);
	struct hart_times *h = own_times();
	uint64_t now = timer_now(), deadline;

	charge(h, now);
	if (t && tell_timer(v, t, &deadline))
		count_lateness(v, t, deadline, now);
	begin(h, PHASE_GUEST, now);
	if (trace_is_on())
		trace_enter();
}

void times_done(void)
{
	charge(own_times(), timer_now());
}

void times_sleep(bool begins)
{
	struct hart_times *h = own_times();
	uint64_t now = timer_now();

	if (begins)
		charge(h, now);
	begin(h, begins ? PHASE_IDLE : PHASE_OWN, now);
}
