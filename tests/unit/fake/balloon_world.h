/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest with a balloon, its driver, and what the balloon calls. hyp/dev/virtio/balloon_ram.c is in here, so one source of a program
 * includes this, after cmocka.h.
 */
#ifndef FAKE_BALLOON_WORLD_H
#define FAKE_BALLOON_WORLD_H

#include "dev/virtio/balloon.h"

#define FIELD_VBALLOON(...) FIELD_ROW(vballoon, __VA_ARGS__)
#include "fake/fields.h"
#include "arch/memmap.h"
#include "dev/virtio/balloon.h"
#include "fake/log.h"
#include "fake/vring.h"
#include "mm/page.h"
#include "vcpu/console.h"
#include "vcpu/vm_mem.h"

static void counted_wait(void);

#define vm_mem_wait() counted_wait()
#include "dev/virtio/balloon_ram.c"
#undef vm_mem_wait

#define LEAVES	   4
#define RAM	   GIB(1) /* leaves; FAKE_RAM has the rings */
#define LEAF(i)	   (RAM + (i)*GSTAGE_LEAF)
#define REPORTING  BIT(5)
#define LEAF_STEPS (GSTAGE_LEAF / VIRTIO_STEP)

static struct vring ring;
static struct vballoon *b;
static uint64_t at_first; /* free bytes */
static unsigned int flushes, waits, unhalted, armed, own_flushes;
static struct timer *timer;
static uint64_t flushed; /* the leaf that must be on its way; 0: none */

/* --- what it calls ---------------------------------------------------------------------------------- */

static uint64_t free_bytes(void)
{
	return page_free_bytes();
}

/* The tables have lost it, and nothing else has happened to it: it is neither cleared nor free. */
bool vm_make_all_vcpus_request(struct vm *vm, enum vcpu_request req)
{
	assert_ptr_equal(vm, &fake_vm);
	assert_int_equal(req, REQUEST_TLB_FLUSH);
	assert_int_equal(vcpu_mode(fake_vm.vcpus[0]), OUTSIDE_GUEST_MODE);
	assert_int_equal(b->job.active, 0); /* nothing writes to it, or frees it */
	if (flushed)
		assert_true(gstage_is_hole(&vm->gstage, gpa(flushed)));
	assert_int_equal(vm_mem_generation(vm) & 1, 0);
	flushes++;
	return true;
}

/* Device code is waited for once the flush is done, and before anything else happens. */
static void counted_wait(void)
{
	if (flushes > waits) {
		assert_int_equal(b->job.active, 0);
		waits++;
	}
	vm_mem_wait();
}

void vcpu_make_request(enum vcpu_request req, struct vcpu *v)
{
	assert_int_equal(req, REQUEST_TLB_FLUSH);
	assert_ptr_equal(v, fake_vm.vcpus[0]);
	own_flushes++;
}

void vcpu_unhalt(struct vcpu *v)
{
	v->halt.ends = 0;
	unhalted++;
}

uint64_t timer_now(void)
{
	return 1000;
}

uint64_t timer_ns_to_ticks(uint64_t ns)
{
	return ns / 100;
}

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	t->fn = fn;
	timer = t;
}

void timer_arm(struct timer *t, uint64_t deadline)
{
	assert_ptr_equal(t, timer);
	assert_true(deadline > timer_now());
	armed++;
}

void timer_cancel(struct timer *t)
{
	assert_ptr_equal(t, timer);
	armed = 0;
}

/* --- the guest --------------------------------------------------------------------------------------- */

static void begin(uint32_t queue)
{
	const uint64_t features = VIRTIO_F_VERSION_1 | REPORTING;

	assert_true(driver_begin(VDEV(0), features) & VIRTIO_FEATURES_OK);
	vring_begin(&ring, VDEV(0), queue, 16, features);
	(void)driver_ok(VDEV(0));
}

static int setup(void **state)
{
	void *made;

	(void)state;
	fake_log_reset();
	flushes = waits = unhalted = armed = own_flushes = 0;
	flushed = 0;
	fake_guest_setup(2, FAKE_ONE_PIECE, MIB(16));
	spin_init(&fake_vm.lock, LOCK_VM);
	assert_int_equal(gstage_alloc_ram(&fake_vm.gstage, gpa(RAM), LEAVES * GSTAGE_LEAF), HV_OK);
	assert_int_equal(fake_virtio_make("balloon", NULL, 0, &made), HV_OK);
	b = made;
	assert_ptr_equal(fake_vm.balloon, &b->port);
	assert_int_equal(fake_part_named("balloon")->map(made, &fake_vm), HV_OK);
	at_first = free_bytes();
	begin(BALLOON_REPORT);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_part_named("balloon")->destroy(b);
	fake_vm.balloon = NULL;
	return fake_guest_teardown() ? 0 : -1;
}

static uint8_t *leaf(unsigned int i)
{
	uint64_t len = GSTAGE_LEAF;
	uint8_t *p = gstage_leaf(&fake_vm.gstage, gpa(LEAF(i)), GSTAGE_WRITE, &len);

	return len == GSTAGE_LEAF ? p : NULL;
}

static bool is_hole(unsigned int i)
{
	return gstage_is_hole(&fake_vm.gstage, gpa(LEAF(i)));
}

static bool is_all(const uint8_t *p, uint8_t val)
{
	return p && p[0] == val && memcmp(p, p + 1, GSTAGE_LEAF - 1) == 0;
}

static bool report(const struct vbuf *bufs, unsigned int n)
{
	uint32_t id, len;

	(void)vring_add(&ring, bufs, n);
	(void)vring_kick(&ring);
	return vring_used(&ring, &id, &len) && len == 0;
}

/* One exit of the driver's. */
static void step(void)
{
	(void)vring_publish(&ring);
	(void)vring_notify_once(&ring);
}

static bool says(const char *text)
{
	return strstr(fake_log_text, text) != NULL;
}

static bool report_leaf(unsigned int i)
{
	flushed = LEAF(i);
	fake_vm.vcpus[0]->mode = IN_GUEST_MODE; /* as on the fast path */
	return report(&(struct vbuf){ LEAF(i), GSTAGE_LEAF, true }, 1);
}

/* As the guest does it, again and again. Returns how often it had to. */
static unsigned int touch(uint64_t a)
{
	unsigned int n = 0;

	while (b->port.touch(&b->port, fake_vm.vcpus[0], gpa(a)) && n < 1000)
		n++;
	return n;
}

static bool pages(uint32_t first, unsigned int n)
{
	const uint64_t at = fake_ram_alloc(4 * n, 4);

	for (unsigned int i = 0; i < n; i++)
		fake_ram_write(at + 4 * i, &(uint32_t){ first + i }, 4);
	return report(&(struct vbuf){ at, 4 * n, false }, 1);
}

#endif
