/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM of two vcpus that a debugger has in its hands: its memory is arrays, and what its vcpus are asked is counted.
 *
 * SOURCES: hyp/vm/debug.c hyp/vcpu/debug.c hyp/vcpu/hsm.c tests/unit/fake/registry.c
 */
#ifndef FAKE_DEBUG_WORLD_H
#define FAKE_DEBUG_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <hartvisor/sbi.h>

#include "arch/guest_state.h"
#include "fake/registry.h"
#include "lib/errno.h"
#include "vcpu/debug.h"
#include "vcpu/hsm.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm_mem.h"
#include "vm/debug.h"

#define RAM  UINT64_C(0x80000000)
#define ROM  UINT64_C(0x90000000)
#define HOLE (RAM + 3 * PAGE_SIZE)

#define NO_BREAKPOINTS (HEDELEG_GUEST & ~BIT(EXC_BREAKPOINT))

static struct vm vm, other;
static struct vcpu vcpus[2];
static uint8_t ram[4 * PAGE_SIZE], rom[PAGE_SIZE];
static unsigned int brackets, open_brackets, fences, events;
static uint64_t synced[2]; /* SYNC_STATE with a wake-up, of each */
static uint64_t sampled;   /* and without */

/* --- what it links with ------------------------------------------------------------------------------- */

bool vm_mem_begin(const struct vm *of)
{
	assert_int_equal(open_brackets, 0);
	if (!of->mem_open)
		return false;
	open_brackets++;
	brackets++;
	return true;
}

void vm_mem_end(void)
{
	assert_int_equal(open_brackets, 1);
	open_brackets--;
}

static uint8_t *memory_at(gpa_t a, uint64_t len, bool write)
{
	assert_true(a.gpa % PAGE_SIZE + len <= PAGE_SIZE || write);
	if (a.gpa >= RAM && a.gpa + len <= RAM + sizeof(ram))
		return ram + (a.gpa - RAM);
	if (!write && a.gpa >= ROM && a.gpa + len <= ROM + sizeof(rom))
		return rom + (a.gpa - ROM);
	return NULL;
}

bool gstage_is_hole(const struct gstage *gs, gpa_t a)
{
	(void)gs;
	return a.gpa >= HOLE && a.gpa < HOLE + PAGE_SIZE;
}

int gstage_read(const struct gstage *gs, gpa_t a, void *buf, uint64_t len)
{
	const uint8_t *at = memory_at(a, len, false);

	(void)gs;
	assert_int_equal(open_brackets, 1);
	if (!at)
		return HV_EFAULT;
	memcpy(buf, at, len);
	return HV_OK;
}

int vm_mem_write(const struct vm *of, gpa_t a, const void *buf, uint64_t len)
{
	uint8_t *at = memory_at(a, len, true);

	if (!of->mem_open || !at)
		return HV_EFAULT;
	memcpy(at, buf, len);
	return HV_OK;
}

bool vcpus_make_request(struct vm *of, struct vcpu_set set, enum vcpu_request req)
{
	if (of == &other) /* it has no vcpus */
		return false;
	for (unsigned int i = 0; i < 2; i++) {
		if (!vcpu_set_has(set, i))
			continue;
		if (req == REQUEST_SYNC_STATE)
			synced[i]++;
		else if (req == (REQUEST_SYNC_STATE | REQUEST_NO_WAKEUP))
			sampled++;
		else
			fail();
	}
	return true;
}

bool vm_make_all_vcpus_request(struct vm *of, enum vcpu_request req)
{
	if (req == REQUEST_FENCE_I) {
		fences++;
		return true;
	}
	return vcpus_make_request(of, vcpu_set_first(2), req);
}

void vcpu_make_request(enum vcpu_request req, struct vcpu *v)
{
	(void)req, (void)v;
	fail();
}

void vcpu_kick(struct vcpu *v)
{
	(void)v;
	fail();
}

static bool detaches_meanwhile; /* another hart does, before the pause */

bool vm_pause(struct vm *of)
{
	if (detaches_meanwhile) {
		detaches_meanwhile = false;
		vm_debug_detach();
	}
	if (of->state != VM_RUNNING)
		return false;
	of->state = VM_PAUSED;
	of->pauses++;
	return true;
}

bool vm_resume(struct vm *of)
{
	if (of->state != VM_PAUSED)
		return false;
	of->state = VM_RUNNING;
	return true;
}

struct vm *vm_get_by_name(const char *name)
{
	for (unsigned int i = 0; i < nr_vms; i++)
		if (vms[i] && strcmp(vms[i]->name, name) == 0)
			return vm_get(i);
	return NULL;
}

static void met(const struct vcpu *v)
{
	assert_ptr_equal(v->vm, &vm);
	events++;
}

static int setup(void **state)
{
	(void)state;
	vm_debug_detach();
	memset(&vm, 0, sizeof(vm));
	memset(&other, 0, sizeof(other));
	memset(vcpus, 0, sizeof(vcpus));
	strcpy(vm.name, "vm");
	strcpy(other.name, "other");
	vm.nr_vcpus = 2;
	vm.mem_open = 1;
	vm.hedeleg = HEDELEG_GUEST;
	for (unsigned int i = 0; i < 2; i++) {
		vcpus[i].vm = &vm;
		vcpus[i].id = i;
		vm.vcpus[i] = &vcpus[i];
	}
	spin_init(&vm.transition, LOCK_VM_TRANSITION);
	vms[0] = &vm;
	vms[1] = &other;
	other.id = 1;
	nr_vms = 2;
	for (unsigned int i = 0; i < sizeof(ram); i++)
		ram[i] = (uint8_t)(i * 7 + i / PAGE_SIZE);
	memset(rom, 0x5a, sizeof(rom));
	brackets = fences = events = 0;
	synced[0] = synced[1] = sampled = 0;
	vm_break_event = met;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(fake_vm_refs, 0);
	assert_int_equal(open_brackets, 0);
	nr_vms = 0;
	return 0;
}

static inline void attach(void)
{
	assert_true(vm_debug_attach(&vm));
}

static inline void settle(void)
{
	synced[0] = synced[1] = 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
