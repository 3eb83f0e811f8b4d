// SPDX-License-Identifier: BSD-2-Clause
/*
 * Between queues. Three things move an entity: it is woken and its pcpu is busy while another is idle;
 * an idle pcpu takes it; or its queue is behind others in virtual time and gives it away.
 *
 * An idle pcpu beside something that it could run cannot persist: it says that it is idle before it
 * looks at the other queues for the last time, and code that puts something on a queue, or makes it
 * movable, looks for idle pcpus after that (a fence on both sides).
 *
 * Shares hold between queues because of the third: every few ms a pcpu on which an entity waits looks
 * at a few others. If one of them is lighter, and with one entity more still not the heavier one, it
 * gets one. If it is ahead in virtual time by more than the entity that goes could catch up, it gets
 * one, too, even if that makes it the heavier one; then it falls behind, and gives one back. So three
 * equal entities on two harts get two thirds of a hart each.
 */
#include "sched/runq.h"

#include "arch/smp.h"

#define BALANCE_MS 4
#define AHEAD_MS   6  /* of its own time that an entity is behind before it moves */
#define PROBES	   4  /* queues that are compared */
#define SCAN_MAX   16 /* entities that are looked at; the list then goes on behind them */
#define PUSH_MAX   2  /* entities that leave before interrupts are looked at again */

static uint64_t balance_ticks;
static int64_t ahead_ticks;
int64_t sched_time_of_all;

void balance_init(uint64_t ticks_per_second)
{
	balance_ticks = ticks_per_second * BALANCE_MS / 1000;
	ahead_ticks = (int64_t)(ticks_per_second * AHEAD_MS / 1000);
	sched_time_of_all = 0;
}

/* --- waking ----------------------------------------------------------------------------------------- */

/* What @se, if it waits on a queue, waits for. The lower the better. */
enum crowd {
	CROWD_NONE,
	CROWD_SIBLING, /* a sibling runs there; they would take turns */
	CROWD_URGENT,  /* class fifo runs there, and does not give way to it */
};

static enum crowd crowd_on(const struct runq *q, const struct sched_entity *se)
{
	uint32_t urgency = atomic_read(&q->urgency);

	if (urgency >= 2 && urgency >= urgency_of(se))
		return CROWD_URGENT;
	return se->group && atomic_read(&q->group) == (uintptr_t)se->group ? CROWD_SIBLING :
									     CROWD_NONE;
}

static uint32_t least_crowded(const struct sched_entity *se)
{
	const struct runq *last = &runqs[se->pcpu];
	enum crowd least = crowd_on(last, se);
	uint32_t i = se->pcpu, best = i;

	for (unsigned int n = 0; n < PROBES && least != CROWD_NONE; n++) {
		enum crowd there;

		i = pcpu_set_next_common(&se->affinity, NULL, (i + 1) % MAX_PCPUS);
		sched_step();
		if (i == se->pcpu || i == PCPU_NONE)
			break;
		there = crowd_on(&runqs[i], se);
		if (there < least &&
		    (atomic_read(&last->urgency) >= 2 ||
		     atomic_read(&runqs[i].fair.weight) <= atomic_read(&last->fair.weight))) {
			least = there;
			best = i;
		}
	}
	return best;
}

uint32_t balance_place_of_many(const struct sched_entity *se)
{
	uint32_t i = se->pcpu;

	/* Acquired: where it goes must see what was saved where it leaves (sched_unloaded). */
	if (atomic_read_acquire(&se->on_cpu))
		return i;
	/* The hart that clears its bit is the only one that uses this idle pcpu. */
	if (pcpu_set_atomic_clear(&sched_idle, i))
		return i;
	for (unsigned int n = 0; n < PROBES; n++) {
		i = pcpu_set_next_common(&sched_idle, &se->affinity, i);
		sched_step();
		if (i == PCPU_NONE)
			break;
		if (pcpu_set_atomic_clear(&sched_idle, i))
			return i;
	}
	return least_crowded(se);
}

void balance_call_one_idle(const struct sched_entity *se)
{
	uint32_t i;

	fence_full(); /* pairs with the one in sched_idle_begin() */
	if (atomic_read(&se->on_cpu))
		return; /* sched_unloaded() looks again */
	i = pcpu_set_next_common(&sched_idle, &se->affinity, atomic_read(&se->pcpu));
	if (i != PCPU_NONE && pcpu_set_atomic_clear(&sched_idle, i))
		smp_resched(i);
}

/* --- idle ------------------------------------------------------------------------------------------- */

static bool may_go(const struct sched_entity *se, uint32_t to, uint64_t now)
{
	sched_step();
	return pcpu_set_has(&se->affinity, to) && !atomic_read_acquire(&se->on_cpu) &&
	       !cap_is_out(se, now);
}

/* Something that waits on @q and may run on pcpu @to. */
static struct sched_entity *find_for(struct runq *q, uint32_t to, uint64_t now)
{
	struct sched_entity *se = fifo_first(&q->fifo);

	if (se && may_go(se, to, now))
		return se;
	for (unsigned int n = min_u64(q->nr_waiting, SCAN_MAX) & UINT32_MAX; n > 0; n--) {
		se = list_entry(q->scan.next, struct sched_entity, scan);
		if (may_go(se, to, now))
			return se;
		list_remove(&se->scan);
		list_push_back(&q->scan, &se->scan);
	}
	return NULL;
}

static struct sched_entity *pull_from(struct runq *q, const struct runq *me, uint64_t now)
{
	struct sched_entity *se;

	if (atomic_read(&q->nr_waiting) == 0 || !runq_trylock(q))
		return NULL;
	se = find_for(q, me->index, now);
	if (se) {
		runq_take(q, se);
		/* under the old lock: no waker may put it on a queue again */
		atomic_set(&se->state, SCHED_RUNNING);
		runq_change(q, se, me->index);
	}
	spin_unlock(&q->lock);
	return se;
}

static struct pcpu_set snapshot(const struct pcpu_set *s)
{
	struct pcpu_set copy;

	for (unsigned int i = 0; i < PCPU_SET_WORDS; i++)
		copy.word[i] = atomic_read(&s->word[i]);
	return copy;
}

struct sched_entity *balance_pull(const struct runq *me, uint64_t now)
{
	struct pcpu_set loaded = snapshot(&sched_loaded);
	uint32_t i = me->index;

	while ((i = pcpu_set_next_common(&loaded, NULL, i)) != PCPU_NONE) {
		struct sched_entity *se = pull_from(&runqs[i], me, now);

		sched_step();
		if (se) {
			if (trace_is_on())
				trace_call(sched_trace_steal, se, i, 0);
			return se;
		}
		pcpu_set_remove(&loaded, i);
	}
	return NULL;
}

static bool anything_for(uint32_t me)
{
	struct pcpu_set loaded = snapshot(&sched_loaded);
	uint64_t now = timer_now();
	uint32_t i = me;
	bool found = false;

	while (!found && (i = pcpu_set_next_common(&loaded, NULL, i)) != PCPU_NONE) {
		struct runq *q = &runqs[i];

		runq_lock(q);
		found = find_for(q, me, now) != NULL;
		spin_unlock(&q->lock);
		pcpu_set_remove(&loaded, i);
	}
	return found;
}

bool sched_idle_begin(void)
{
	uint32_t me = this_pcpu()->index;

	pcpu_set_atomic_set(&sched_idle, me);
	fence_full(); /* pairs with those in balance_call_one_idle() and sched_unloaded() */
	if (!sched_others_wait() && !anything_for(me))
		return true;
	sched_idle_end();
	return false;
}

void sched_idle_end(void)
{
	(void)pcpu_set_atomic_clear(&sched_idle, this_pcpu()->index);
}

/* --- keeping in step -------------------------------------------------------------------------------- */

/* A snapshot of another queue's virtual time, carried on to @now: a tickless one is charged rarely. */
static int64_t time_of(const struct runq *q, uint64_t weight, uint64_t now)
{
	uint64_t at = atomic_read(&q->charged_at);
	uint64_t since = now > at ? now - at : 0;

	return atomic_read(&q->fair.v) + atomic_read(&q->fair.offset) +
	       (int64_t)((min_u64(since, UINT64_C(1) << 44) << VTIME_SHIFT) / weight);
}

/* How far @q is ahead of @me. Being very far behind is no claim for ever: then our axis moves. */
static int64_t ahead_of(struct runq *me, const struct runq *q, uint64_t weight, int64_t need,
			uint64_t now)
{
	int64_t ahead = time_of(q, weight, now) - me->fair.v - me->fair.offset;
	int64_t most = 4 * (ahead_ticks << VTIME_SHIFT) / SCHED_WEIGHT_DEFAULT;

	if (most < 2 * need)
		most = 2 * need;
	if (ahead <= most)
		return ahead;
	atomic_set(&me->fair.offset, me->fair.offset + (ahead - most));
	return most;
}

static bool is_better(struct runq *me, const struct sched_entity *se, const struct runq *q,
		      uint64_t now)
{
	uint64_t mine = me->fair.weight, theirs = atomic_read(&q->fair.weight);
	uint32_t urgency = atomic_read(&q->urgency);
	int64_t need, ahead;

	sched_step();
	if (se->class == SCHED_CLASS_FIFO)
		return urgency_of(se) > urgency;
	if (urgency >= 2)
		return false;
	if (atomic_read(&me->urgency) >= 2)
		return true;
	if (theirs >= mine || theirs == 0)
		return false;
	need = (ahead_ticks << VTIME_SHIFT) / se->weight;
	ahead = ahead_of(me, q, theirs, need, now);
	/* A lighter queue that is behind has an entity with more weight than a hart can give.
	 * That entity stays where it is. */
	if (theirs + 2 * (uint64_t)se->weight <= mine)
		return ahead >= -need;
	return ahead >= need;
}

/* @probe: the hart that is compared first, if @se may use it; the next one from there on. */
static uint32_t better_place(struct runq *me, const struct sched_entity *se, uint32_t *probe,
			     uint64_t now)
{
	uint32_t i = pcpu_set_next_common(&sched_idle, &se->affinity, me->index);

	if (i != PCPU_NONE && pcpu_set_atomic_clear(&sched_idle, i))
		return i;
	for (unsigned int n = 0; n < PROBES; n++) {
		i = pcpu_set_next_common(&se->affinity, NULL, *probe % MAX_PCPUS);
		if (i == PCPU_NONE)
			break;
		*probe = i + 1;
		if (i != me->index && is_better(me, se, &runqs[i], now))
			return i;
	}
	return PCPU_NONE;
}

/* One that waits on @me, and where it is to go. */
static struct sched_entity *find_to_push(struct runq *me, uint32_t *to, uint64_t now)
{
	/* Random, in step with neither the slices nor the number of those that wait: each of them must be
	 * compared with each hart some time. */
	uint64_t random = fair_random(&me->fair);
	uint32_t probe;

	me->next_balance = now + balance_ticks / 2 + (random >> 32) % balance_ticks;
	probe = (uint32_t)random % nr_runqs;
	for (unsigned int n = min_u64(me->nr_waiting, PROBES) & UINT32_MAX; n > 0; n--) {
		struct sched_entity *se = list_entry(me->scan.next, struct sched_entity, scan);

		list_remove(&se->scan);
		list_push_back(&me->scan, &se->scan);
		if (atomic_read_acquire(&se->on_cpu) || se == me->next || cap_is_out(se, now))
			continue;
		*to = better_place(me, se, &probe, now);
		if (*to != PCPU_NONE)
			return se;
	}
	return NULL;
}

/* Move one; false: there is none to move. */
static bool push_one(struct runq *me, uint64_t now)
{
	struct sched_entity *se;
	struct runq *q;
	uint32_t to = 0;
	bool tell;

	runq_lock(me);
	runq_charge(me, now);
	atomic_set(&sched_time_of_all, me->fair.v + me->fair.offset);
	se = find_to_push(me, &to, now);
	if (!se) {
		spin_unlock(&me->lock);
		return false;
	}
	runq_take(me, se);
	runq_change(me, se, to);
	spin_unlock(&me->lock);
	/* RUNNABLE and on no list: no other hart touches it. */
	q = &runqs[to];
	runq_lock(q);
	tell = runq_add(q, se, now);
	spin_unlock(&q->lock);
	if (tell)
		smp_resched(to);
	return true;
}

void balance_loaded_queue(struct runq *me, uint64_t now)
{
	bool urgent = atomic_read(&me->urgency) >= 2;
	unsigned int n = 0;

	if (!urgent && now < me->next_balance)
		return;
	while (n < (urgent ? PUSH_MAX : 1) && push_one(me, now))
		n++;
	/* What is left would wait until class fifo sleeps, so it is looked at again at once (sched_next_look). */
	if (n == PUSH_MAX)
		me->next_balance = now;
}
