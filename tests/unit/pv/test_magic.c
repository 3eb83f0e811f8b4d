// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/pv/magic.c tests/unit/fake/pcpu.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/cache.h"
#include "arch/memmap.h"
#include "fake/pcpu.h"
#include "lib/errno.h"
#include "mm/page.h"
#include "pv/magic.h"
#include "vcpu/vm.h"
#include "vcpu/vm_mem.h"

#define AT	UINT64_C(0x40000000)
#define TAKEN	UINT64_C(0x80000000)
#define NS_TICK 100

void vm_mem_wait(void)
{
}

static struct vm vm;
static struct vcpu v;
static uint64_t now;
static uint64_t mapped[4]; /* where the page is */
static unsigned int nr_mapped, flushes, pages;
static bool no_tables, no_pages;

uint64_t timer_now(void)
{
	return now;
}

uint64_t vm_guest_time(struct vm *vm, uint64_t at)
{
	return at + vm->htimedelta;
}

uint64_t timer_ticks_to_ns(uint64_t ticks)
{
	return ticks * NS_TICK;
}

void *page_alloc_zeroed(uint64_t size, uint64_t align)
{
	void *p = no_pages ? NULL : aligned_alloc(align, size);

	if (p) {
		memset(p, 0, size);
		pages++;
	}
	return p;
}

void page_free(hpa_t base, uint64_t size)
{
	assert_int_equal(size, PAGE_SIZE);
	free(hpa_to_ptr(base));
	pages--;
}

int gstage_map_page(struct gstage *gs, gpa_t a, hpa_t page)
{
	assert_ptr_equal(gs, &vm.gstage);
	assert_ptr_equal(hpa_to_ptr(page), v.pv.magic.page);
	if (a.gpa >= BIT(41))
		return HV_EINVAL;
	if (a.gpa == TAKEN || (nr_mapped == 1 && mapped[0] == a.gpa))
		return HV_EEXIST;
	if (no_tables)
		return HV_ENOMEM;
	mapped[nr_mapped++] = a.gpa;
	return HV_OK;
}

void gstage_unmap_page(struct gstage *gs, gpa_t a)
{
	unsigned int i;

	assert_ptr_equal(gs, &vm.gstage);
	for (i = 0; i < nr_mapped && mapped[i] != a.gpa; i++)
		;
	assert_true(i < nr_mapped);
	mapped[i] = mapped[--nr_mapped];
	flushes = 0;
}

bool vm_make_all_vcpus_request(struct vm *m, enum vcpu_request req)
{
	assert_ptr_equal(m, &vm);
	assert_int_equal(req, REQUEST_TLB_FLUSH);
	assert_true(req & REQUEST_WAIT);
	flushes++;
	return true;
}

static int setup(void **state)
{
	(void)state;
	fake_pcpu_setup(1);
	memset(&vm, 0, sizeof(vm));
	spin_init(&vm.lock, LOCK_VM);
	memset(&v, 0, sizeof(v));
	v.vm = &vm;
	v.id = 3;
	nr_mapped = flushes = pages = 0;
	no_tables = no_pages = false;
	now = 1000;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pv_magic_free(&v);
	assert_int_equal(pages, 0);
	return 0;
}

static void it_is_mapped_once_and_every_vcpu_flushed(void **state)
{
	(void)state;
	fake_cleaned_bytes = 0;
	assert_int_equal(pv_magic_map(&v, gpa(AT)), HV_OK);
	assert_int_equal(nr_mapped, 1);
	assert_int_equal(flushes, 1);
	assert_int_equal(fake_cleaned_bytes, PAGE_SIZE); /* the guest may look past the caches */
	assert_int_equal(pv_magic_map(&v, gpa(AT)), HV_OK);
	assert_int_equal(nr_mapped, 1);
	assert_int_equal(flushes, 1);
	assert_ptr_equal(v.pv.magic.mapped, v.pv.magic.page);
}

static void it_moves_and_is_never_at_two_places(void **state)
{
	(void)state;
	assert_int_equal(pv_magic_map(&v, gpa(AT)), HV_OK);
	assert_int_equal(pv_magic_map(&v, gpa(AT + 4096)), HV_OK);
	assert_int_equal(nr_mapped, 1);
	assert_int_equal(mapped[0], AT + 4096);
	assert_int_equal(flushes, 1); /* since the old place went */
	assert_int_equal(pages, 1);
}

static void an_error_changes_nothing(void **state)
{
	(void)state;
	no_pages = true;
	assert_int_equal(pv_magic_map(&v, gpa(AT)), HV_ENOMEM);
	assert_null(v.pv.magic.mapped);
	no_pages = false;
	assert_int_equal(pv_magic_map(&v, gpa(AT)), HV_OK);
	assert_int_equal(pv_magic_map(&v, gpa(AT + 1)), HV_EINVAL);
	assert_int_equal(pv_magic_map(&v, gpa(BIT(41))), HV_EINVAL);
	assert_int_equal(pv_magic_map(&v, gpa(TAKEN)), HV_EEXIST);
	no_tables = true;
	flushes = 0;
	assert_int_equal(pv_magic_map(&v, gpa(AT + 4096)), HV_ENOMEM);
	assert_int_equal(flushes, 1); /* tables came and went */
	assert_int_equal(nr_mapped, 1);
	assert_int_equal(mapped[0], AT);
	assert_int_equal(v.pv.magic.at.gpa, AT);
}

static void unmapped_it_is_not_written(void **state)
{
	(void)state;
	assert_int_equal(pv_magic_unmap(&v), HV_ENOENT);
	assert_int_equal(pv_magic_map(&v, gpa(AT)), HV_OK);
	assert_int_equal(pv_magic_unmap(&v), HV_OK);
	assert_int_equal(nr_mapped, 0);
	assert_int_equal(flushes, 1);
	assert_null(v.pv.magic.mapped);
	assert_int_equal(pv_magic_unmap(&v), HV_ENOENT);
}

static void it_says_what_the_scheduler_counts(void **state)
{
	const struct hartvisor_magic *m;

	(void)state;
	assert_int_equal(pv_magic_map(&v, gpa(AT)), HV_OK);
	m = v.pv.magic.mapped;
	vm.htimedelta = 5;
	v.se.account.run = 200;
	v.se.account.since = 900;
	v.se.account.wait = 70;
	v.pv.steal.base = 20;
	v.stats.exits[EXIT_SBI] = 7;
	v.stats.exits[EXIT_WFI] = 4;
	pv_magic_write(&v, HARTVISOR_MAGIC_PREEMPTED);
	assert_int_equal(m->sequence, 2);
	assert_int_equal(m->version, HARTVISOR_MAGIC_VERSION);
	assert_int_equal(m->hartid, 3);
	assert_int_equal(m->host_hart, 0);
	assert_int_equal(m->state, HARTVISOR_MAGIC_PREEMPTED);
	assert_int_equal(m->since, 1005);
	assert_int_equal(m->run, (200 + 100) * NS_TICK);
	assert_int_equal(m->steal, 50 * NS_TICK);
	assert_int_equal(m->exits, 11);
	pv_magic_write(&v, HARTVISOR_MAGIC_RUNS);
	assert_int_equal(m->sequence, 4);
	assert_int_equal(m->state, HARTVISOR_MAGIC_RUNS);
}

static void a_new_life_begins_without_it_and_counts_from_zero(void **state)
{
	(void)state;
	assert_int_equal(pv_magic_map(&v, gpa(AT)), HV_OK);
	v.stats.exits[EXIT_SBI] = 7;
	v.se.account.run = 50;
	v.se.account.since = now;
	pv_magic_write(&v, HARTVISOR_MAGIC_RUNS);
	pv_magic_reset(&v);
	assert_int_equal(nr_mapped, 0);
	assert_null(v.pv.magic.mapped);
	assert_int_equal(pv_magic_map(&v, gpa(AT)), HV_OK);
	assert_int_equal(v.pv.magic.mapped->sequence, 0);
	assert_int_equal(v.pv.magic.mapped->exits, 0);
	pv_magic_write(&v, HARTVISOR_MAGIC_RUNS);
	assert_int_equal(v.pv.magic.mapped->exits, 0);
	assert_int_equal(v.pv.magic.mapped->run, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_mapped_once_and_every_vcpu_flushed),
		TEST(it_moves_and_is_never_at_two_places),
		TEST(an_error_changes_nothing),
		TEST(unmapped_it_is_not_written),
		TEST(it_says_what_the_scheduler_counts),
		TEST(a_new_life_begins_without_it_and_counts_from_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
