// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: platform/virtio/ring.c
/* The driver's side of a virtqueue, with a device that does as it likes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/atomic.h"
#include "platform/virtio/ring.h"

#define SIZE 8

static struct host_ring_memory memory;
static struct host_ring_chain chains[HOST_RING_MAX];
static struct host_ring ring;
static uint16_t seen; /* chains that the device has looked at */

static uint16_t *field(uint8_t *part, uint64_t off)
{
	return (uint16_t *)(void *)(part + off);
}

static uint16_t avail_idx(void)
{
	return *field(memory.avail, VIRTQ_AVAIL_IDX);
}

static uint16_t next_head(void)
{
	return *field(memory.avail, VIRTQ_AVAIL_RING + 2u * (seen++ % SIZE));
}

static void use(uint32_t id, uint32_t len)
{
	uint16_t *idx = field(memory.used, VIRTQ_USED_IDX);
	struct virtq_used_elem e = { id, len };

	memcpy(memory.used + VIRTQ_USED_RING + sizeof(e) * (*idx % SIZE), &e, sizeof(e));
	(*idx)++;
}

static void begin(bool event_idx)
{
	memset(&memory, 0, sizeof(memory));
	seen = 0;
	host_ring_init(&ring, &memory, chains, SIZE, event_idx);
}

static int setup(void **state)
{
	(void)state;
	begin(false);
	return 0;
}

/* A chain of @out and @in descriptors of 16 bytes each, at addresses that say which they are. */
static bool add(unsigned int out, unsigned int in, void *token)
{
	struct host_ring_adding a;

	if (!host_ring_begin(&ring, &a, (uint16_t)(out + in)))
		return false;
	for (unsigned int i = 0; i < out + in; i++)
		host_ring_add(&ring, &a,
			      (struct host_piece){ hpa((uint64_t)(uintptr_t)token + i), 16 },
			      i >= out);
	host_ring_end(&ring, &a, token);
	return true;
}

static void *token(unsigned int n)
{
	return (void *)(uintptr_t)(0x1000 * (n + 1));
}

/* The device walks the chain that begins at @head: it is @token's, of @out and @in descriptors. */
static void is_chain(uint16_t head, void *of, unsigned int out, unsigned int in)
{
	uint16_t i = head;

	for (unsigned int n = 0; n < out + in; n++) {
		const struct virtq_desc *d = &memory.desc[i];
		bool last = n + 1 == out + in;

		assert_true(i < SIZE);
		assert_int_equal(d->addr, (uint64_t)(uintptr_t)of + n);
		assert_int_equal(d->len, 16);
		assert_int_equal(d->flags,
				 (n >= out ? VIRTQ_DESC_WRITE : 0) | (last ? 0 : VIRTQ_DESC_NEXT));
		i = d->next;
	}
}

static void chains_come_back_in_any_order(void **state)
{
	uint16_t head[3];
	uint32_t len;

	(void)state;
	for (unsigned int i = 0; i < 3; i++)
		assert_true(add(1, 1, token(i)));
	assert_int_equal(avail_idx(), 0);
	assert_true(host_ring_publish(&ring));
	assert_int_equal(avail_idx(), 3);
	assert_false(host_ring_publish(&ring));
	for (unsigned int i = 0; i < 3; i++) {
		head[i] = next_head();
		is_chain(head[i], token(i), 1, 1);
	}
	use(head[1], 5);
	use(head[0], 16);
	assert_ptr_equal(host_ring_take(&ring, &len), token(1));
	assert_int_equal(len, 5);
	assert_ptr_equal(host_ring_take(&ring, &len), token(0));
	assert_null(host_ring_take(&ring, &len));
	use(head[2], 16);
	assert_ptr_equal(host_ring_take(&ring, &len), token(2));
	assert_int_equal(ring.nr_free, SIZE);
}

/* Over many rounds, and past 65535, each descriptor is in one place. */
static void descriptors_are_used_again(void **state)
{
	void *in_flight[SIZE] = { NULL };
	unsigned int nr = 0, n = 0, taken = 0;
	uint32_t len;

	(void)state;
	srand(1);
	while (taken < 70000) {
		unsigned int out = 1 + (unsigned int)rand() % 3, in = (unsigned int)rand() % 3;

		if (add(out, in, token(n))) {
			uint16_t head;

			(void)host_ring_publish(&ring);
			head = next_head();
			is_chain(head, token(n), out, in);
			in_flight[head] = token(n);
			nr++;
			n++;
			continue;
		}
		assert_true(nr > 0);
		for (unsigned int i = (unsigned int)rand() % SIZE;; i = (i + 1) % SIZE) {
			if (!in_flight[i])
				continue;
			use(i, 0);
			assert_ptr_equal(host_ring_take(&ring, &len), in_flight[i]);
			in_flight[i] = NULL;
			break;
		}
		nr--;
		taken++;
	}
	while (host_ring_forget(&ring))
		nr--;
	assert_int_equal(nr, 0);
	assert_int_equal(ring.nr_free, SIZE);
}

static void what_does_not_fit_changes_nothing(void **state)
{
	struct host_ring before;

	(void)state;
	assert_true(add(5, 1, token(0)));
	before = ring;
	assert_false(add(1, 2, token(1)));
	assert_memory_equal(&before, &ring, sizeof(ring));
	assert_true(add(1, 1, token(1)));
	assert_false(add(1, 0, token(2)));
}

/* An answer that was not asked for: a number out of range, one that is free, the middle of a chain, the same one again. */
static void a_wrong_answer_breaks_the_ring(void **state)
{
	static const uint32_t ids[] = { SIZE, UINT32_MAX, HOST_RING_MAX, 0x10000, 7, 1 };
	uint32_t len;

	(void)state;
	for (unsigned int i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		begin(false);
		assert_true(add(1, 1, token(0)));
		use(ids[i], 16);
		assert_null(host_ring_take(&ring, &len));
		assert_true(ring.broken);
		use(0, 16);
		assert_null(host_ring_take(&ring, &len));
		assert_false(host_ring_rearm(&ring));
		assert_ptr_equal(host_ring_forget(&ring), token(0));
		assert_null(host_ring_forget(&ring));
	}
	begin(false);
	assert_true(add(1, 1, token(0)));
	use(0, 16);
	use(0, 16);
	assert_ptr_equal(host_ring_take(&ring, &len), token(0));
	assert_null(host_ring_take(&ring, &len));
	assert_true(ring.broken);
}

static void the_length_is_at_most_what_it_may_write(void **state)
{
	uint32_t len;

	(void)state;
	assert_true(add(1, 2, token(0)));
	assert_true(add(2, 0, token(1)));
	use(0, UINT32_MAX);
	use(3, 4);
	assert_ptr_equal(host_ring_take(&ring, &len), token(0));
	assert_int_equal(len, 32);
	assert_ptr_equal(host_ring_take(&ring, &len), token(1));
	assert_int_equal(len, 0);
}

/* What is in the shared memory is the device's to spoil; what is ours is not read back. */
static void the_device_may_write_all_it_sees(void **state)
{
	uint32_t len;

	(void)state;
	assert_true(add(2, 2, token(0)));
	assert_true(add(1, 1, token(1)));
	(void)host_ring_publish(&ring);
	memset(&memory, 0xff, sizeof(memory));
	*field(memory.used, VIRTQ_USED_IDX) = 0;
	use(4, 3);
	use(0, 3);
	assert_ptr_equal(host_ring_take(&ring, &len), token(1));
	assert_ptr_equal(host_ring_take(&ring, &len), token(0));
	assert_int_equal(ring.nr_free, SIZE);
	assert_true(add(4, 4, token(2)));
	(void)host_ring_publish(&ring);
	assert_int_equal(avail_idx(), 3);
}

static void notifications_are_as_the_device_wants_them(void **state)
{
	uint32_t len;

	(void)state;
	*field(memory.used, VIRTQ_USED_FLAGS) = VIRTQ_USED_NO_NOTIFY;
	assert_true(add(1, 0, token(0)));
	assert_false(host_ring_publish(&ring));
	begin(true);
	*field(memory.used, VIRTQ_USED_EVENT(SIZE)) = 1;
	assert_true(add(1, 0, token(0)));
	assert_false(host_ring_publish(&ring));
	assert_true(add(1, 0, token(1)));
	assert_true(host_ring_publish(&ring));
	assert_true(add(1, 0, token(2)));
	assert_false(host_ring_publish(&ring));
	/* It interrupts for the next one, of which there may be one already. */
	use(0, 0);
	use(1, 0);
	assert_ptr_equal(host_ring_take(&ring, &len), token(0));
	assert_true(host_ring_rearm(&ring));
	assert_int_equal(*field(memory.avail, VIRTQ_AVAIL_EVENT(SIZE)), 1);
	assert_ptr_equal(host_ring_take(&ring, &len), token(1));
	assert_false(host_ring_rearm(&ring));
	assert_int_equal(*field(memory.avail, VIRTQ_AVAIL_EVENT(SIZE)), 2);
}

#define test(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		test(chains_come_back_in_any_order),
		test(descriptors_are_used_again),
		test(what_does_not_fit_changes_nothing),
		test(a_wrong_answer_breaks_the_ring),
		test(the_length_is_at_most_what_it_may_write),
		test(the_device_may_write_all_it_sees),
		test(notifications_are_as_the_device_wants_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
