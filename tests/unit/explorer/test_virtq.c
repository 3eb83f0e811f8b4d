// SPDX-License-Identifier: BSD-2-Clause
/*
 * A virtqueue's device and its driver in every order, with stores that arrive late: the device sleeps only when the driver is
 * going to notify, and the driver only when the device is going to interrupt. So each fence of virtq.c counts.
 *
 * SOURCES: hyp/dev/virtio/virtq.c tests/unit/fake/pcpu.c
 * SOURCES: tests/unit/explorer/thread.c tests/unit/explorer/memory.c tests/unit/explorer/state.c
 * SOURCES: tests/unit/explorer/search.c tests/unit/explorer/trace.c
 * SANITIZE: none
 * CFLAGS: -O2
 * INCLUDE: tests/unit/explorer
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/smp.h"
#include "dev/virtio/virtq.h"
#include "explorer/explorer.h"
#include "fake/pcpu.h"

#define SIZE	 2
#define REQUESTS 2

static struct {
	struct vm vm;
	struct virtq q;
	struct virtq_buf bufs[SIZE];
	struct vm_mem_window window;
	struct virtq_desc desc[SIZE];
	struct {
		uint16_t flags, idx, ring[SIZE], event;
	} avail;
	struct {
		uint16_t flags, idx;
		struct virtq_used_elem ring[SIZE];
		uint16_t event;
	} used;
	uint32_t buffer[SIZE]; /* what a request is about: plain, but written and read as shared words */
	uint32_t notified, interrupted;
	bool event_idx;
} w;

/* The buffers are the only memory that is asked for by address. */
uint8_t *vm_mem_find_anew(const struct vm *vm, struct vm_mem_window *window, gpa_t a,
			  enum gstage_right right, uint64_t *len)
{
	(void)vm, (void)window, (void)right, (void)len;
	return (uint8_t *)&w.buffer[a.gpa % SIZE];
}

bool gstage_is_hole(const struct gstage *gs, gpa_t a)
{
	(void)gs, (void)a;
	return false;
}

void *gstage_leaf(const struct gstage *gs, gpa_t a, enum gstage_right right, uint64_t *len)
{
	(void)gs, (void)a, (void)right, (void)len;
	return NULL;
}

void *gstage_write_ptr(const struct gstage *gs, gpa_t a, uint64_t len)
{
	(void)gs, (void)a, (void)len;
	return NULL;
}

int gstage_read(const struct gstage *gs, gpa_t a, void *buf, uint64_t len)
{
	(void)gs, (void)a, (void)buf, (void)len;
	return HV_EFAULT;
}

static bool needs_event(uint16_t event, uint16_t new, uint16_t old)
{
	return (uint16_t)(new - event - 1) < (uint16_t)(new - old);
}

/* An exit or an interrupt is not held back behind later stores. Otherwise the driver's next chain would come with it. */
static void tell(uint32_t *count)
{
	atomic_set(count, atomic_read(count) + 1);
	fence_full();
}

/* --- the driver (2.7.13, 2.7.14) -------------------------------------------------------------------- */

static void offer(uint16_t i)
{
	bool notify;

	atomic_set(&w.buffer[i], 1);
	w.desc[i] = (struct virtq_desc){ .addr = i, .len = 1, .flags = VIRTQ_DESC_WRITE };
	atomic_set(&w.avail.ring[i % SIZE], i);
	atomic_set_release(&w.avail.idx, (uint16_t)(i + 1));
	fence_full();
	notify = w.event_idx ? needs_event(atomic_read(&w.used.event), (uint16_t)(i + 1), i) :
			       !(atomic_read(&w.used.flags) & VIRTQ_USED_NO_NOTIFY);
	if (notify)
		tell(&w.notified);
}

static bool interrupt(void *seen)
{
	return w.interrupted != *(const uint32_t *)seen;
}

/* What is used of the REQUESTS that have been offered; the driver sleeps in between. */
static void takes(void *unused)
{
	uint16_t seen = 0;

	(void)unused;
	while (seen < REQUESTS) {
		uint32_t before = atomic_read(&w.interrupted);

		atomic_set(&w.avail.event, seen);
		fence_full();
		if (atomic_read_acquire(&w.used.idx) == seen) {
			explorer_wait(interrupt, &before);
			continue;
		}
		if (atomic_read(&w.used.ring[seen % SIZE].id) != seen)
			explorer_fail("the used element is not there yet");
		if (atomic_read(&w.buffer[seen]) != 2)
			explorer_fail("the device's data is not there yet");
		seen++;
	}
}

static void drives(void *unused)
{
	for (uint16_t i = 0; i < REQUESTS; i++)
		offer(i);
	takes(unused);
}

/* --- the device ------------------------------------------------------------------------------------- */

static void interrupts(bool yes)
{
	if (yes)
		tell(&w.interrupted);
}

static void handle(struct virtq *q)
{
	struct virtq_cursor c = virtq_in(q);
	uint8_t *at = NULL;

	if (virtq_piece(q, &c, 1, &at) != 1)
		explorer_fail("the chain is not what the driver made");
	if (atomic_read((uint32_t *)(void *)at) != 1)
		explorer_fail("the driver's data is not there yet");
	atomic_set((uint32_t *)(void *)at, 2);
	if (virtq_push(q, 1) != HV_OK)
		explorer_fail("push");
}

static bool notification(void *seen)
{
	return w.notified != *(const uint32_t *)seen;
}

/* As virtio_serve() has it. */
static void serves(struct virtq *q)
{
	bool yes, first = true;
	int err = virtq_quiet(q);

	while (err == HV_OK) {
		err = first || virtq_knows(q) ? virtq_pop(q) : HV_ENOENT;
		first = false;
		if (err == HV_OK) {
			handle(q);
		} else if (err == HV_ENOENT) {
			err = virtq_rearm(q, &yes);
			interrupts(yes);
			if (err == 0)
				return;
			err = err == 1 ? HV_OK : err;
		}
	}
	explorer_fail("the queue breaks");
}

static void works(void *unused)
{
	uint32_t seen = 0;

	(void)unused;
	while (w.q.used_idx < REQUESTS) {
		explorer_wait(notification, &seen);
		seen = atomic_read(&w.notified);
		serves(&w.q);
	}
}

/* As a port of a switch has it: something comes for buffers that have been offered before. */
static void receives(void *unused)
{
	(void)unused;
	for (unsigned int i = 0; i < REQUESTS; i++) {
		bool yes;

		if (virtq_pop(&w.q) != HV_OK)
			explorer_fail("the queue breaks");
		handle(&w.q);
		if (virtq_publish(&w.q, &yes) != HV_OK)
			explorer_fail("the queue breaks");
		interrupts(yes);
	}
}

/* --- scenes ----------------------------------------------------------------------------------------- */

static void all_is_used(void)
{
	if (!explorer_done(1))
		explorer_fail("the device waits for a notification that does not come");
	if (!explorer_done(0))
		explorer_fail("the driver waits for an interrupt that does not come");
}

static void scene(bool event_idx, void (*driver)(void *), void (*device)(void *))
{
	fake_pcpu_setup(2);
	memset(&w, 0, sizeof(w));
	w.event_idx = event_idx;
	w.q = (struct virtq){ .vm = &w.vm,
			      .max = SIZE,
			      .size = SIZE,
			      .ready = true,
			      .event_idx = event_idx,
			      .bufs = w.bufs,
			      .window = &w.window };
	w.q.ring.host[VIRTQ_PART_DESC] = (uint8_t *)w.desc;
	w.q.ring.host[VIRTQ_PART_AVAIL] = (uint8_t *)&w.avail;
	w.q.ring.host[VIRTQ_PART_USED] = (uint8_t *)&w.used;
	w.q.ring.together = true;
	explorer_begin();
	explorer_name(&w.avail.idx, "avail.idx");
	explorer_name(&w.avail.event, "used_event");
	explorer_name(&w.used.idx, "used.idx");
	explorer_name(&w.used.event, "avail_event");
	explorer_name(&w.used.flags, "used.flags");
	explorer_thread("driver", pcpus[0], driver, NULL);
	explorer_thread("device", pcpus[1], device, NULL);
}

/* The buffers are there from the beginning. */
static void scene_of_receiving(bool event_idx)
{
	scene(event_idx, takes, receives);
	for (uint16_t i = 0; i < REQUESTS; i++) {
		w.buffer[i] = 1;
		w.desc[i] = (struct virtq_desc){ .addr = i, .len = 1, .flags = VIRTQ_DESC_WRITE };
		w.avail.ring[i] = i;
	}
	w.avail.idx = REQUESTS;
}

static void explore(const char *name)
{
	assert_true(explorer_run(&(struct explorer_options){
		.name = name, .preemptions = 4, .max_states = 3000000, .final = all_is_used }));
}

static void no_request_is_forgotten_with_event_idx(void **state)
{
	(void)state;
	scene(true, drives, works);
	explore("a virtqueue with EVENT_IDX");
}

static void no_request_is_forgotten_with_flags(void **state)
{
	(void)state;
	scene(false, drives, works);
	explore("a virtqueue with flags");
}

static void nothing_that_comes_is_left_with_event_idx(void **state)
{
	(void)state;
	scene_of_receiving(true);
	explore("a receive queue with EVENT_IDX");
}

static void nothing_that_comes_is_left_with_flags(void **state)
{
	(void)state;
	scene_of_receiving(false);
	explore("a receive queue with flags");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_request_is_forgotten_with_event_idx),
		cmocka_unit_test(no_request_is_forgotten_with_flags),
		cmocka_unit_test(nothing_that_comes_is_left_with_event_idx),
		cmocka_unit_test(nothing_that_comes_is_left_with_flags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
