// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: platform/virtio/ring.c
/* A random device of the machine, asked once at boot: good ones, slow ones, and such that do as they like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake/said.h"
#include "platform/virtio/rng.c"

/* --- the device ------------------------------------------------------------------------------------ */

static struct host_virtio dev;
static struct host_ring_memory *ring_memory;
static struct memory memory;
static int begins, rings; /* errors */
static bool absent, stops, is_ready, answers;
static unsigned int resets, notified, seen, answer_after;
static uint32_t most, says; /* bytes of an answer; how many it says, 0: as many */
static uint32_t asked[4], answer_id;
static uint64_t now;

struct host_virtio *host_virtio_find(uint32_t id)
{
	assert_int_equal(id, VIRTIO_ID_RNG);
	return absent || dev.claimed ? NULL : &dev;
}

int host_virtio_begin(struct host_virtio *d, uint64_t wanted)
{
	assert_ptr_equal(d, &dev);
	assert_true(dev.claimed);
	assert_int_equal(wanted & VIRTIO_F_INDIRECT_DESC, 0);
	return begins;
}

int host_virtio_ring(const struct host_virtio *d, unsigned int index, struct host_ring *r,
		     struct host_ring_memory *m, struct host_ring_chain *chains)
{
	assert_ptr_equal(d, &dev);
	assert_int_equal(index, 0);
	ring_memory = m;
	seen = 0;
	host_ring_init(r, m, chains, 8, false);
	return rings;
}

void host_virtio_ready(const struct host_virtio *d)
{
	assert_ptr_equal(d, &dev);
	/* Nothing is there to be done yet, and no interrupt is wanted. */
	assert_int_equal(*(uint16_t *)(void *)(ring_memory->avail + VIRTQ_AVAIL_IDX), 0);
	assert_int_equal(*(uint16_t *)(void *)(ring_memory->avail + VIRTQ_AVAIL_FLAGS),
			 VIRTQ_AVAIL_NO_INTERRUPT);
	is_ready = true;
}

bool host_virtio_reset(const struct host_virtio *d)
{
	assert_ptr_equal(d, &dev);
	resets++;
	return stops;
}

void fake_io_write(volatile void *at, unsigned int width, uint32_t val)
{
	assert_true(is_ready);
	assert_int_equal((volatile uint8_t *)at - dev.regs, VIRTIO_MMIO_QUEUE_NOTIFY);
	assert_int_equal(width, 4);
	assert_int_equal(val, 0);
	notified++;
}

static uint16_t *word(uint8_t *part, uint64_t off)
{
	return (uint16_t *)(void *)(part + off);
}

static void answer(void)
{
	uint16_t head = *word(ring_memory->avail, VIRTQ_AVAIL_RING + 2u * (seen % 8));
	const struct virtq_desc *d = &ring_memory->desc[head % 8];
	uint32_t len = d->len < most ? d->len : most;
	struct virtq_used_elem e = { head ^ answer_id, says ? says : len };

	assert_int_equal(d->flags, VIRTQ_DESC_WRITE);
	asked[seen % 4] = d->len;
	for (uint32_t i = 0; i < len; i++)
		((uint8_t *)hpa_to_ptr(hpa(d->addr)))[i] = (uint8_t)(16 * seen + i + 1);
	memcpy(ring_memory->used + VIRTQ_USED_RING + 8ul * (seen % 8), &e, sizeof(e));
	seen++;
	*word(ring_memory->used, VIRTQ_USED_IDX) = (uint16_t)seen;
}

/* Each look at the clock takes 1 ms. A device that has been notified answers after so many of them. */
uint64_t timer_now(void)
{
	static unsigned int looks;

	now += 1000000;
	if (answers && notified > seen && ++looks > answer_after) {
		looks = 0;
		answer();
	}
	return now;
}

uint64_t timer_ns_to_ticks(uint64_t ns)
{
	return ns;
}

const char *fdtx_path(const void *fdt, int node, char *buf, size_t len)
{
	(void)fdt, (void)node, (void)len;
	return strcpy(buf, "/rng");
}

static int setup(void **state)
{
	static uint8_t regs[0x200];

	(void)state;
	fake_log_reset();
	dev = (struct host_virtio){ .regs = regs };
	memset(&memory, 0, sizeof(memory));
	begins = rings = 0;
	absent = is_ready = false;
	stops = answers = true;
	resets = notified = answer_after = 0;
	most = UINT32_MAX;
	says = answer_id = 0;
	now = 5;
	return 0;
}

/* --- tests ------------------------------------------------------------------------------------------ */

static unsigned int ask_for(uint8_t *out, unsigned int len, bool stopped)
{
	bool does;
	unsigned int came = host_rng_read(&memory, out, len, &does);

	assert_int_equal(does, stopped);
	return came;
}

static void bytes_come_and_the_device_is_reset(void **state)
{
	uint8_t out[HOST_RNG_BYTES + 1] = { 0 };

	(void)state;
	assert_true(host_rng_present());
	answer_after = 900;
	assert_int_equal(ask_for(out, HOST_RNG_BYTES, true), HOST_RNG_BYTES);
	for (unsigned int i = 0; i < HOST_RNG_BYTES; i++)
		assert_int_equal(out[i], i + 1);
	assert_int_equal(out[HOST_RNG_BYTES], 0);
	assert_int_equal(resets, 1);
	assert_logged("/rng: 64 random bytes for the generator");
	/* It is asked once. */
	assert_false(host_rng_present());
	assert_int_equal(ask_for(out, 32, true), 0);
	assert_int_equal(notified, 1);
}

static void a_device_may_give_few_at_a_time(void **state)
{
	uint8_t out[HOST_RNG_BYTES] = { 0 };

	(void)state;
	most = 12;
	assert_int_equal(ask_for(out, 32, true), 32);
	assert_int_equal(asked[0], 32);
	assert_int_equal(asked[1], 20);
	assert_int_equal(asked[2], 8);
	assert_int_equal(out[11], 12);
	assert_int_equal(out[12], 17);
	assert_int_equal(out[31], 16 * 2 + 8);
	assert_int_equal(out[32], 0);
}

static void without_a_device_nothing_is_said(void **state)
{
	uint8_t out[HOST_RNG_BYTES];

	(void)state;
	absent = true;
	assert_false(host_rng_present());
	assert_int_equal(ask_for(out, 32, true), 0);
	assert_int_equal(resets, 0);
	absent = false;
	assert_int_equal(ask_for(out, HOST_RNG_BYTES + 1, true), 0);
	assert_int_equal(resets, 0);
	assert_string_equal(fake_log_text, "");
}

static void one_that_refuses_is_reset(void **state)
{
	int *const errors[] = { &begins, &rings };
	uint8_t out[32];

	for (unsigned int i = 0; i < 2; i++) {
		setup(state);
		*errors[i] = HV_ENXIO;
		assert_int_equal(ask_for(out, 32, true), 0);
		assert_int_equal(resets, 1);
		assert_int_equal(notified, 0);
		assert_logged("/rng: the random device refuses to be set up");
	}
}

/* Whatever it does, boot goes on. */
static void one_that_does_not_answer_is_left(void **state)
{
	uint8_t out[HOST_RNG_BYTES] = { 0 };

	(void)state;
	answers = stops = false;
	assert_int_equal(ask_for(out, 32, false), 0);
	assert_in_range(now, 1000000000, 1010000000);
	assert_logged("/rng: the random device gave too few bytes within 1 s, and does not stop");
	/* All requests together have one second. */
	setup(state);
	most = 1;
	answer_after = 100;
	assert_in_range(ask_for(out, 32, true), 8, 10);
	assert_in_range(now, 1000000000, 1010000000);
	assert_logged("/rng: the random device gave too few bytes within 1 s");
}

static void wrong_answers_give_nothing(void **state)
{
	uint8_t out[HOST_RNG_BYTES + 1] = { 0 };

	(void)state;
	most = 0;
	assert_int_equal(ask_for(out, 32, true), 0);
	assert_int_equal(notified, 1);
	setup(state);
	answer_id = 3;
	assert_int_equal(ask_for(out, 32, true), 0);
	assert_true(now < 100000000); /* there is nothing to wait for */
	assert_int_equal(resets, 1);
	/* It says more than there is room for. */
	setup(state);
	says = 4000;
	(void)ask_for(out, 32, true);
	assert_int_equal(out[32], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(bytes_come_and_the_device_is_reset, setup),
		cmocka_unit_test_setup(a_device_may_give_few_at_a_time, setup),
		cmocka_unit_test_setup(without_a_device_nothing_is_said, setup),
		cmocka_unit_test_setup(one_that_refuses_is_reset, setup),
		cmocka_unit_test_setup(one_that_does_not_answer_is_left, setup),
		cmocka_unit_test_setup(wrong_answers_give_nothing, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
