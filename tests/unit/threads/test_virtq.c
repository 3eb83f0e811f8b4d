// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/dev/virtio/virtq.c tests/unit/fake/pcpu.c tests/unit/threads/chaos.c
// SANITIZE: thread
// INCLUDE: tests/unit/threads
/*
 * A virtqueue's device and its driver as two real threads: each sleeps only when the other is going to wake it, and what a
 * request is about is there when its index says so. The buffers are plain memory, so that TSan sees an order that is missing.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <cmocka.h>

#include "arch/smp.h"
#include "dev/virtio/virtq.h"
#include "fake/pcpu.h"

#define SIZE	 4
#define REQUESTS 20000
/* A thread that sleeps for so many looks of its own has been forgotten. */
#define PATIENCE 20000000

static struct {
	struct vm vm;
	struct virtq q;
	struct virtq_buf bufs[SIZE];
	struct vm_mem_window window;
	_Alignas(16) struct virtq_desc desc[SIZE];
	struct {
		uint16_t flags, idx, ring[SIZE], event;
	} avail;
	_Alignas(8) struct {
		uint16_t flags, idx;
		struct virtq_used_elem ring[SIZE];
		uint16_t event;
	} used;
	uint32_t buffer[SIZE];
	uint32_t notified, interrupted;
	bool event_idx;
} w;

/* Called at each atomic access: others go on in between, now and then. */
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

static void sleep_until_not(uint32_t *word, uint32_t old, const char *what)
{
	for (unsigned int i = 0; atomic_read_acquire(word) == old; i++) {
		if (i == PATIENCE)
			fail_msg("%s is not woken", what);
		sched_yield();
	}
}

/* --- the driver ------------------------------------------------------------------------------------- */

static void offer(uint16_t n)
{
	uint16_t i = n % SIZE;
	bool notify;

	w.buffer[i] = n;
	/* As on RISC-V, where a driver's stores are words: the device's copy is of words. */
	atomic_set((uint64_t *)&w.desc[i], i);
	atomic_set((uint64_t *)&w.desc[i] + 1,
		   sizeof(w.buffer[0]) | (uint64_t)VIRTQ_DESC_WRITE << 32);
	atomic_set(&w.avail.ring[i], i);
	atomic_set_release(&w.avail.idx, (uint16_t)(n + 1));
	fence_full();
	notify = w.event_idx ? needs_event(atomic_read(&w.used.event), (uint16_t)(n + 1), n) :
			       !(atomic_read(&w.used.flags) & VIRTQ_USED_NO_NOTIFY);
	if (notify)
		(void)atomic_fetch_add(&w.notified, 1);
}

static void collect(uint16_t seen)
{
	for (;;) {
		uint32_t before = atomic_read(&w.interrupted);

		atomic_set(&w.avail.event, seen);
		fence_full();
		if (atomic_read_acquire(&w.used.idx) != seen)
			break;
		sleep_until_not(&w.interrupted, before, "the driver");
	}
	assert_int_equal(atomic_read(&w.used.ring[seen % SIZE].id), seen % SIZE);
	assert_int_equal(w.buffer[seen % SIZE], ~(uint32_t)seen);
}

static void drive(void)
{
	uint32_t offered = 0;

	for (uint32_t seen = 0; seen < REQUESTS; seen++) {
		while (offered < REQUESTS && offered - seen < 1 + seen % SIZE)
			offer((uint16_t)offered++);
		collect((uint16_t)seen);
	}
}

/* --- the device ------------------------------------------------------------------------------------- */

static void handle(struct virtq *q)
{
	struct virtq_cursor c = virtq_in(q);
	uint32_t *buffer;
	uint8_t *at = NULL;

	assert_int_equal(virtq_piece(q, &c, sizeof(*buffer), &at), sizeof(*buffer));
	buffer = (uint32_t *)(void *)at;
	assert_int_equal((uint16_t)*buffer, q->used_idx);
	*buffer = ~*buffer;
	assert_int_equal(virtq_push(q, sizeof(*buffer)), HV_OK);
}

static void serve(struct virtq *q)
{
	bool yes;

	assert_int_equal(virtq_quiet(q), HV_OK);
	for (bool first = true;; first = false) {
		int err = first || virtq_knows(q) ? virtq_pop(q) : HV_ENOENT;

		if (err == HV_OK) {
			handle(q);
			continue;
		}
		assert_int_equal(err, HV_ENOENT);
		err = virtq_rearm(q, &yes);
		assert_true(err >= 0);
		if (yes)
			(void)atomic_fetch_add(&w.interrupted, 1);
		if (err == 0)
			return;
	}
}

static void *work(void *unused)
{
	uint32_t served = 0;

	(void)unused;
	fake_pcpu_become(1);
	for (uint32_t seen = 0; served < REQUESTS;) {
		uint16_t before = w.q.used_idx;

		sleep_until_not(&w.notified, seen, "the device");
		seen = atomic_read(&w.notified);
		serve(&w.q);
		served += (uint16_t)(w.q.used_idx - before);
	}
	return NULL;
}

static void run(bool event_idx)
{
	pthread_t device;

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
	pthread_create(&device, NULL, work, NULL);
	drive();
	pthread_join(device, NULL);
}

static void no_request_is_forgotten_with_event_idx(void **state)
{
	(void)state;
	run(true);
}

static void no_request_is_forgotten_with_flags(void **state)
{
	(void)state;
	run(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_request_is_forgotten_with_event_idx),
		cmocka_unit_test(no_request_is_forgotten_with_flags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
