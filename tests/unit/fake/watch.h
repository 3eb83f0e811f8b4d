/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM of two vcpus under the watch. A second is one tick of each test's loop. For programs that test hyp/vcpu/watch.c:
 *
 * SOURCES: hyp/vcpu/watch.c tests/unit/fake/registry.c
 */
#ifndef FAKE_WATCH_H
#define FAKE_WATCH_H

#include <string.h>

#include "arch/csr.h"
#include "arch/timer.h"
#include "fake/log.h"
#include "fake/registry.h"
#include "term/term.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"

#define SECOND UINT64_C(1000000000)
#define LOOP   0xffffffff80001000u

static struct vm vm;
static struct vcpu vcpus[2];
static struct sched_times times[2];
static uint64_t now, written_at;
static struct timer *armed;
static unsigned int asked; /* vcpus, for samples */

/* What each vcpu does in a second, and says of itself when it is asked. */
enum does { RUNS, SLEEPS, DOZES /* both */ };
static enum does does[2];
static struct vcpu_sample says[2];
static bool mute[2]; /* it says nothing */
static unsigned int
	tick_every; /* one in so many samples falls behind a timer interrupt instead; 0: none */
static unsigned int looks;

uint64_t timer_now(void)
{
	return now;
}

uint64_t timer_ns_to_ticks(uint64_t ns)
{
	return ns;
}

uint64_t timer_ticks_to_ns(uint64_t ticks)
{
	return ticks;
}

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	t->fn = fn;
}

void timer_arm(struct timer *t, uint64_t deadline)
{
	assert_in_range(deadline, now + 1, now + SECOND);
	t->deadline = deadline;
	armed = t;
}

uint64_t term_stream_written_at(const struct term_stream *s)
{
	(void)s;
	looks++;
	return written_at;
}

struct sched_times sched_times(const struct sched_entity *se, uint64_t at)
{
	assert_int_equal(at, now);
	return times[container_of(se, struct vcpu, se)->id];
}

bool vcpus_make_request(struct vm *m, struct vcpu_set set, enum vcpu_request req)
{
	struct vcpu *v;

	assert_ptr_equal(m, &vm);
	assert_int_equal(req, REQUEST_WATCH);
	vm_for_each_vcpu(v, m, set) {
		assert_int_equal(does[v->id], RUNS);
		assert_int_equal(v->sample.fresh, 0);
		if (mute[v->id])
			continue;
		v->sample = says[v->id];
		v->sample.fresh = 1;
		asked++;
		if (tick_every && asked % tick_every == 0) {
			v->sample.trap = ~0u;
			v->sample.what = SAMPLE_PAGED;
		}
	}
	return true;
}

/* By the watchdog; and the VMs of which the event has told. */
static unsigned int resets, hangs;

bool vm_stop(struct vm *m, enum vm_stop how, const char *why)
{
	assert_ptr_equal(m, &vm);
	assert_int_equal(how, VM_STOP_REBOOT);
	assert_null(why);
	m->state = VM_STOPPING;
	resets++;
	return true;
}

static void hang(const struct vm *m)
{
	assert_ptr_equal(m, &vm);
	hangs++;
}

static void seconds(unsigned int n)
{
	uint64_t end;

	while (n--) {
		for (unsigned int i = 0; i < 2; i++) {
			times[i].run += does[i] == RUNS	 ? SECOND :
					does[i] == DOZES ? SECOND / 2 :
							   0;
			times[i].block += does[i] == SLEEPS ? SECOND :
					  does[i] == DOZES  ? SECOND / 2 :
							      0;
		}
		for (end = now + SECOND; armed && armed->deadline <= end;) {
			struct timer *t = armed;

			now = t->deadline;
			armed = NULL;
			t->fn(t);
		}
		now = end;
	}
}

/* A kernel with paging, in one place; its last trap was a timer interrupt; the other vcpu sleeps. */
static int setup(void **state)
{
	(void)state;
	memset(&vm, 0, sizeof(vm));
	memset(vcpus, 0, sizeof(vcpus));
	memset(times, 0, sizeof(times));
	strcpy(vm.name, "a");
	vm.nr_vcpus = 2;
	vm.state = VM_RUNNING;
	for (unsigned int i = 0; i < 2; i++) {
		vm.vcpus[i] = &vcpus[i];
		vcpus[i].id = i;
		vcpus[i].vm = &vm;
		mute[i] = false;
		says[i] = (struct vcpu_sample){ .pc = LOOP, .trap = 1, .what = SAMPLE_PAGED };
	}
	does[0] = RUNS;
	does[1] = SLEEPS;
	vm.stream = (struct term_stream *)(void *)&vm;
	vms[0] = &vm;
	nr_vms = 1;
	now = 1000 * SECOND;
	vm.watch.since = now;
	written_at = 0;
	asked = looks = tick_every = resets = hangs = 0;
	vm_watch_event = hang;
	fake_log_reset();
	watch_start();
	return 0;
}

static bool hinted(const char *what)
{
	char hint[96];

	return vm_watch_hint(&vm, hint, sizeof(hint)) && strstr(hint, what);
}

static bool silent(void)
{
	return !hinted("") && fake_log_count == 0;
}

#endif
