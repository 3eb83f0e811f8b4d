// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/dev/mmio.c hyp/vm/parts.c hyp/vcpu/vm_part.c hyp/lib/property.c hyp/lib/config_node.c hyp/lib/word.c hyp/lib/text.c hyp/lib/fdt.c hyp/lib/fdt_writer.c tests/unit/fake/devvm.c tests/unit/fake/part_world.c tests/unit/fake/timer.c tests/unit/fake/pcpu.c tests/unit/fake/no_magic_page.c
/* A device that is reset is as a new one, in every field that hyp/vm/state_list.h says so of; and it lists all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dev/vrtc.c"
#include "dev/vuart.c"
#include "irqchip/vplic.c"
#include "irqchip/vplic_part.c"

#define FIELD_VUART(...)	 FIELD_ROW(vuart, __VA_ARGS__)
#define FIELD_VPLIC(...)	 FIELD_ROW(vplic, __VA_ARGS__)
#define FIELD_VPLIC_CONTEXT(...) FIELD_ROW(vplic_context, __VA_ARGS__)
#define FIELD_VRTC(...)		 FIELD_ROW(vrtc, __VA_ARGS__)
#include "fake/devvm.h"
#include "fake/fields.h"
#include "fake/timer.h"

static const struct vuart __attribute__((unused)) all_of_vuart = {
#define FIELD_VUART(...) FIELD_INITIALIZER(vuart, __VA_ARGS__)
#include "vm/state_list.h"
};
static const struct vplic __attribute__((unused)) all_of_vplic = {
#define FIELD_VPLIC(...) FIELD_INITIALIZER(vplic, __VA_ARGS__)
#include "vm/state_list.h"
};
static const struct vplic_context __attribute__((unused)) all_of_vplic_context = {
#define FIELD_VPLIC_CONTEXT(...) FIELD_INITIALIZER(vplic_context, __VA_ARGS__)
#include "vm/state_list.h"
};
static const struct vrtc __attribute__((unused)) all_of_vrtc = {
#define FIELD_VRTC(...) FIELD_INITIALIZER(vrtc, __VA_ARGS__)
#include "vm/state_list.h"
};

#define VCPUS 2

static const uint8_t marks[] = { 0, 1 }; /* what a bool may hold */

static struct virqchip *fresh_chip;
static struct vuart *fresh_uart, *uart;
static struct vrtc *fresh_rtc, *rtc;

/* Two of each, since a bus has one of each only. */
static int setup(void **state)
{
	(void)state;
	fake_vm_setup(VCPUS);
	fake_vm.irqchip = fresh_chip = vplic_new(&fake_vm);
	fresh_uart = vuart_new(&fake_vm);
	fresh_rtc = vrtc_new(&fake_vm);
	fake_vm.bus = mmio_bus_new(&fake_vm.arena);
	fake_vm.irqchip = vplic_new(&fake_vm);
	uart = vuart_new(&fake_vm);
	rtc = vrtc_new(&fake_vm);
	fake_timer_setup(12345);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(fake_arms, 0);
	fake_vm_teardown();
	return 0;
}

static void every_line_is_about_a_state(void **state)
{
	(void)state;
	fields_check_states();
}

static void a_uart_that_is_reset_is_as_a_new_one(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		struct vuart before, *u;

		assert_int_equal(setup(state), 0);
		u = uart;
		fields_mark("vuart", u, marks[i]);
		before = *u;
		vm_part_vuart.reset(u);
		fields_check_reset("vuart", u, fresh_uart, &before);
		(void)teardown(state);
	}
}

static void a_clock_that_is_reset_is_as_a_new_one_but_for_its_time(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		struct vrtc before, *r;

		assert_int_equal(setup(state), 0);
		r = rtc;
		fields_mark("vrtc", r, marks[i]);
		r->offset += 4711; /* the guest has set it */
		before = *r;
		vm_part_vrtc.reset(r);
		fields_check_reset("vrtc", r, fresh_rtc, &before);
		assert_int_equal(fake_cancels, 1);
		(void)teardown(state);
	}
}

/* The lines to the vcpus are as the mark says. */
static void mark_plic(struct vplic *p, uint8_t mark)
{
	fields_mark("vplic", p, mark);
	for (unsigned int i = 0; i < p->nr_contexts; i++) {
		struct plic_set *enabled = p->contexts[i].enabled;

		fields_mark("vplic_context", &p->contexts[i], mark);
		p->contexts[i].enabled = enabled;
		memset(enabled, mark, sizeof(*enabled));
	}
	p->raised = vcpu_set_first(mark ? VCPUS : 0);
	for (unsigned int h = 0; mark && h < VCPUS; h++)
		vcpu_set_level(fake_vm.vcpus[h], IRQ_VS_EXT, true);
}

static void a_plic_that_is_reset_is_as_a_new_one(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		const struct vplic *fresh;
		struct vplic before, *p;
		struct vplic_context context;

		assert_int_equal(setup(state), 0);
		p = vplic_of(fake_vm.irqchip);
		fresh = vplic_of(fresh_chip);
		mark_plic(p, marks[i]);
		before = *p;
		context = p->contexts[0]; /* each with a pointer of its own */
		vm_part_vplic.reset(p);
		fields_check_reset("vplic", p, fresh, &before);
		for (unsigned int c = 0; c < p->nr_contexts; c++) {
			context.enabled = p->contexts[c].enabled;
			fields_check_reset("vplic_context", &p->contexts[c], &fresh->contexts[c],
					   &context);
			assert_memory_equal(context.enabled, fresh->contexts[c].enabled,
					    sizeof(*context.enabled));
		}
		for (unsigned int h = 0; h < VCPUS; h++)
			assert_false(fake_vseip(h));
		(void)teardown(state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_line_is_about_a_state),
		cmocka_unit_test(a_uart_that_is_reset_is_as_a_new_one),
		cmocka_unit_test(a_clock_that_is_reset_is_as_a_new_one_but_for_its_time),
		cmocka_unit_test(a_plic_that_is_reset_is_as_a_new_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
