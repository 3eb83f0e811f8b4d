// SPDX-License-Identifier: BSD-2-Clause
/* What a VM's life is made of, as fakes: CSRs, timers, vcpus, devices, console, loader. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/csr.h"
#include "arch/isa.h"
#include "arch/pte.h"
#include "arch/smp.h"
#include "dev/mmio.h"
#include "fake/life.h"
#include "term/term.h"
#include "vcpu/hsm.h"
#include "pv/magic.h"
#include "vcpu/registry.h"
#include "vcpu/vm_mem.h"
#include "vcpu/vm_part.h"
#include "vm/bundle.h"
#include "vm/config_ram.h"
#include "vm/loader.h"

unsigned int nr_pcpus = 1;

static char streams[VM_MAX];	     /* their addresses are all that is needed */
static struct timer *timers[VM_MAX]; /* armed; one VM has one */

void life_parts_reset(void)
{
	nr_pcpus = 1;
	memset(timers, 0, sizeof(timers));
}

/* Is there memory for @part? */
static bool can_make(const char *part)
{
	return !life.cannot_make || strcmp(life.cannot_make, part) != 0;
}

/* No bundle is read here. */
const struct config_images *bundle_images_of(struct bundle_images *out, const struct vm_config *cfg)
{
	(void)out, (void)cfg;
	return NULL;
}

/* --- the hart and its timers --------------------------------------------------------------------------- */

uint64_t fake_csr_read(unsigned int csr)
{
	(void)csr;
	return HGATP_MODE_SV39X4 << HGATP_MODE_SHIFT;
}

void fake_csr_write(unsigned int csr, uint64_t val)
{
	(void)csr, (void)val;
}

uint64_t timer_now(void)
{
	return life.now;
}

uint64_t timer_ticks_to_ns(uint64_t ticks)
{
	return ticks;
}

uint64_t timer_ns_to_ticks(uint64_t ns)
{
	return ns;
}

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	t->fn = fn;
}

void timer_arm(struct timer *t, uint64_t deadline)
{
	assert_non_null(t->fn);
	assert_true(deadline > life.now);
	t->deadline = deadline;
	life.armed = t;
	for (unsigned int i = 0; i < ARRAY_SIZE(timers); i++) {
		if (timers[i] && timers[i] != t)
			continue;
		timers[i] = t;
		return;
	}
	fail_msg("more timers than VMs");
}

static void disarm(unsigned int i)
{
	memmove(&timers[i], &timers[i + 1], (ARRAY_SIZE(timers) - 1 - i) * sizeof(timers[0]));
	timers[ARRAY_SIZE(timers) - 1] = NULL;
}

void timer_cancel(struct timer *t)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(timers); i++) {
		if (timers[i] == t) {
			disarm(i);
			return;
		}
	}
}

void smp_grace_begin(struct smp_grace *g)
{
	g->taken[0] = ++life.grace;
}

bool smp_grace_is_over(const struct smp_grace *g)
{
	assert_int_equal(g->taken[0], life.grace);
	return !life.grace_lasts;
}

bool life_next_timer_fires(uint64_t until)
{
	unsigned int next = 0;
	struct timer *t;

	for (unsigned int i = 0; i < ARRAY_SIZE(timers) && timers[i]; i++)
		if (timers[i]->deadline < timers[next]->deadline)
			next = i;
	t = timers[next];
	if (!t || t->deadline > until)
		return false;
	disarm(next);
	life.now = max_u64(life.now, t->deadline);
	t->fn(t);
	return true;
}

uint64_t isa_guest_henvcfg(void)
{
	return 0x1234;
}

/* --- vcpus --------------------------------------------------------------------------------------------- */

struct vcpu *vcpu_new(struct vm *vm, unsigned int id, const struct sched_params *sched)
{
	struct vcpu *v = can_make("vcpu") ? arena_new(&vm->arena, struct vcpu) : NULL;

	if (!v)
		return NULL;
	v->vm = vm;
	v->id = id;
	v->se.affinity = sched->affinity;
	return v;
}

void vcpu_power_on(struct vcpu *v)
{
	life_called("power on %u", v->id);
}

void vcpu_stats_zero(struct vcpu *v)
{
	life_called("counters zeroed %u", v->id);
}

void pv_magic_reset(struct vcpu *v)
{
	life_called("magic page reset %u", v->id);
}

void pv_magic_free(struct vcpu *v)
{
	life_called("magic page freed %u", v->id);
}

int vcpu_hsm_prepare(struct vcpu *v, gpa_t pc, uint64_t arg)
{
	life_called("start %u at %lx with %lx", v->id, pc.gpa, arg);
	return HV_OK;
}

void vcpu_make_request(enum vcpu_request req, struct vcpu *v)
{
	(void)req, (void)v;
}

bool vm_make_all_vcpus_request(struct vm *vm, enum vcpu_request req)
{
	if ((req & REQUEST_MASK) == REQUEST_VM_DEAD)
		life_called("%s: all are told of the end", vm->name);
	return false;
}

void vcpu_kick(struct vcpu *v)
{
	life_called("kick %u", v->id);
}

void config_vcpu_sched(const struct vm_config *c, unsigned int i, struct sched_params *out)
{
	*out = c->sched;
	out->affinity = (struct pcpu_set){ { c->affinity } };
	if (c->affinity == 0) /* of its own: vcpu n on hart n */
		out->affinity.word[0] = BIT(i);
}

/* --- devices and the console ---------------------------------------------------------------------------- */

struct mmio_bus *mmio_bus_new(struct arena *a)
{
	return can_make("bus") ? arena_new(a, struct mmio_bus) : NULL;
}

/* A part that remembers its calls. */
static int create(struct vm *vm, const char *part, void **state)
{
	*state = vm;
	assert_null(vm_get_by_name(vm->name)); /* it is being made: nothing may find it */
	if (life.refuses && strcmp(life.refuses, part) == 0)
		return HV_EINVAL;
	return can_make(part) ? HV_OK : HV_ENOMEM;
}

/* The RAM is there before a part is asked. */
static int uart_map(void *state, struct vm *vm)
{
	assert_ptr_equal(state, vm);
	assert_true(gstage_is_ram(&vm->gstage, gpa(GUEST_RAM_BASE), vm->config->memory));
	life.maps++;
	return life.map_error;
}

static void uart_resume(void *state)
{
	struct vm *vm = state;

	assert_int_equal(vm->state, VM_RUNNING);
	assert_int_equal(lock_rank_held()->ranks, 0);
	life.resumes++;
}

#define FAKE_PART(part, of_order, ...)                                                         \
	static int part##_create(struct vm *vm, const struct vm_part_args *args, void **state) \
	{                                                                                      \
		assert_int_equal(args->plan->nr_images, 0);                                    \
		return create(vm, #part, state);                                               \
	}                                                                                      \
	static void part##_reset(void *state)                                                  \
	{                                                                                      \
		assert_non_null(state);                                                        \
		life_called(#part " reset");                                                   \
	}                                                                                      \
	static void part##_destroy(void *state)                                                \
	{                                                                                      \
		assert_non_null(state);                                                        \
		life_called(#part " destroyed");                                               \
	}                                                                                      \
	VM_PART(part) = { .name = #part,                                                       \
			  .order = of_order,                                                   \
			  .create = part##_create,                                             \
			  .reset = part##_reset,                                               \
			  .destroy = part##_destroy,                                           \
			  __VA_ARGS__ }

FAKE_PART(uart, VM_PART_DEVICE, .map = uart_map, .resume = uart_resume);
FAKE_PART(plic, VM_PART_IRQCHIP);

struct term_stream *vm_console_new(struct vm *vm)
{
	return can_make("stream") ? (struct term_stream *)(void *)&streams[vm->id] : NULL;
}

void term_stream_flush(struct term_stream *s)
{
	assert_non_null(s);
	life_called("output shown");
}

void term_stream_discard_input(struct term_stream *s)
{
	assert_non_null(s);
	life_called("input discarded");
}

struct term_stream *term_focused(void)
{
	return life.focus;
}

void term_focus(struct term_stream *s)
{
	life.focus = s;
}

bool term_stream_want_out(struct term_stream *s)
{
	assert_non_null(s);
	return !life.output_stays;
}

void term_stream_close(struct term_stream *s)
{
	assert_non_null(s);
	life_called("console closed");
}

void term_drain(void)
{
	life_called("terminal drained");
}

/* --- guest memory for device code ---------------------------------------------------------------------- */

void vm_mem_open(struct vm *vm)
{
	assert_int_equal(vm->state, VM_BUILDING);
	vm->mem_open = 1;
}

void vm_mem_close(struct vm *vm)
{
	assert_int_equal(vm->state, VM_STOPPING);
	vm->mem_open = 0;
}

void vm_mem_wait(void)
{
	if (life.mem_waited_for)
		life.at_mem_wait = atomic_read(&life.mem_waited_for->state);
}

/* --- the loader ----------------------------------------------------------------------------------------- */

int loader_prepare(struct loader *l, const struct vm *vm)
{
	(void)l, (void)vm;
	if (life.prepare_fails)
		return HV_ENOMEM;
	life.loaders++;
	return HV_OK;
}

void loader_free(struct loader *l)
{
	(void)l;
	assert_true(life.loaders-- > 0);
	life_called("loader freed");
}

void loader_plan(const struct loader *l, struct vm_ram_plan *out)
{
	assert_non_null(l->vm);
	*out = (struct vm_ram_plan){ .nr_images = 0 };
}

bool loader_abandon_step(struct loader *l)
{
	(void)l;
	return life.to_abandon > 0 && life.to_abandon-- > 0;
}

/* What another VM or an earlier life has left in its RAM would be the next guest's to read. */
static void assert_ram_is_clear(const struct vm *vm)
{
	static const uint8_t zero[KIB(4)];
	uint8_t page[KIB(4)];

	for (unsigned int i = 0; vm->gstage.nr_ram != 0 && i < config_nr_ram(vm->config); i++) {
		struct config_ram r = config_ram(vm->config, i);

		for (uint64_t at = 0; at < r.size; at += sizeof(page)) {
			assert_int_equal(gstage_read(&vm->gstage, gpa(r.base.gpa + at), page,
						     sizeof(page)),
					 HV_OK);
			assert_true(memcmp(page, zero, sizeof(page)) ==
				    0); /* cmocka's own is slow */
		}
	}
}

int loader_begin(struct loader *l, struct vm *vm, const struct vm_config *c)
{
	assert_int_equal(life.to_abandon, 0);
	assert_ram_is_clear(vm);
	if (life.begin_fails)
		return HV_EINVAL;
	*l = (struct loader){ .vm = vm,
			      .cfg = c,
			      .result = { gpa(GUEST_RAM_BASE), gpa(GUEST_RAM_BASE + MIB(1)) } };
	return HV_OK;
}

int loader_step(struct loader *l)
{
	if (life.load_steps > 0) {
		life.load_steps--;
		return 1;
	}
	if (life.stopped_by_loader) {
		assert_true(vm_stop(life.stopped_by_loader, VM_STOP_DESTROY, NULL));
		life.stopped_by_loader = NULL;
	}
	life_write_secrets(l->vm);
	return life.load_fails ? HV_EINVAL : 0;
}
