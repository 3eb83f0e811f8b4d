// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/vcpu/vm_mem.c hyp/vcpu/vm_mem_find.c tests/unit/fake/pcpu.c
/* What device code remembers of a VM's memory is good as long as nothing has been taken from the VM. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/memmap.h"
#include "fake/pcpu.h"
#include "vcpu/vm_mem.h"

#define BASE GIB(2)

static struct vm vm;
static struct vm_mem_window window;
static struct gstage_ram pieces[2];
static unsigned int walks;
static uint8_t leaf[16];
static void (*meanwhile)(void); /* on another hart, while the list is read */

struct gstage_ram gstage_piece(const struct gstage *gs, gpa_t a)
{
	struct gstage_ram found = { 0 };

	(void)gs;
	for (unsigned int i = 0; i < ARRAY_SIZE(pieces); i++)
		if (a.gpa - pieces[i].gpa.gpa < pieces[i].size)
			found = pieces[i];
	if (meanwhile)
		meanwhile();
	return found;
}

void *gstage_leaf(const struct gstage *gs, gpa_t a, enum gstage_right right, uint64_t *len)
{
	(void)gs, (void)a, (void)right;
	walks++;
	*len = min_u64(*len, sizeof(leaf));
	return leaf;
}

/* None of them is called. */
int gstage_read(const struct gstage *gs, gpa_t a, void *buf, uint64_t len)
{
	(void)gs, (void)a, (void)buf, (void)len;
	return HV_EFAULT;
}

int gstage_write(const struct gstage *gs, gpa_t a, const void *buf, uint64_t len)
{
	(void)gs, (void)a, (void)buf, (void)len;
	return HV_EFAULT;
}

static int setup(void **state)
{
	(void)state;
	fake_pcpu_setup(1);
	memset(&vm, 0, sizeof(vm));
	memset(&window, 0, sizeof(window));
	pieces[0] = (struct gstage_ram){ gpa(BASE), hpa(0x100000), MIB(4) };
	pieces[1] = (struct gstage_ram){ gpa(BASE + MIB(4)), hpa(0x900000), MIB(2) };
	walks = 0;
	meanwhile = NULL;
	vm_mem_open(&vm);
	return 0;
}

static uint8_t *find(uint64_t a, uint64_t *len)
{
	return vm_mem_find(&vm, &window, gpa(a), GSTAGE_WRITE, len);
}

static void must_find(uint64_t a, uint64_t len, uint64_t pa, uint64_t expected)
{
	assert_ptr_equal(find(a, &len), hpa_to_ptr(hpa(pa)));
	assert_int_equal(len, expected);
	assert_int_equal(walks, 0);
}

static void must_walk(uint64_t a)
{
	uint64_t len = 64;

	walks = 0;
	assert_ptr_equal(find(a, &len), leaf);
	assert_int_equal(len, sizeof(leaf));
	assert_int_equal(walks, 1);
	walks = 0;
}

static void a_piece_is_found_up_to_its_end(void **state)
{
	(void)state;
	must_find(BASE, 64, 0x100000, 64);
	must_find(BASE + MIB(4) - 1, 64, 0x100000 + MIB(4) - 1, 1);
	must_find(BASE + MIB(4), MIB(8), 0x900000, MIB(2));
	must_find(BASE + 5, 7, 0x100005, 7);
}

/* Nothing is remembered yet, so that the look into the list bounds it, too. */
static void a_first_look_ends_with_the_piece(void **state)
{
	(void)state;
	must_find(BASE + MIB(4) - 1, 64, 0x100000 + MIB(4) - 1, 1);
	must_find(BASE + MIB(6) - 8, 64, 0x900000 + MIB(2) - 8, 8);
}

static void what_is_in_no_piece_is_walked_for(void **state)
{
	(void)state;
	must_find(BASE, 64, 0x100000, 64);
	must_walk(BASE - 1);
	must_walk(BASE + MIB(6));
	must_walk(0);
	must_walk(UINT64_MAX);
}

static void what_was_remembered_is_forgotten_when_memory_goes(void **state)
{
	(void)state;
	must_find(BASE, 64, 0x100000, 64);
	vm_mem_change_begins(&vm);
	must_walk(BASE); /* the list may be in between */
	pieces[0].size = 0;
	must_walk(BASE);
	vm_mem_change_ends(&vm);
	must_walk(BASE);
	pieces[0] = (struct gstage_ram){ gpa(BASE), hpa(0x200000), MIB(4) };
	must_find(BASE, 64, 0x200000, 64);
	vm_mem_open(&vm); /* another life */
	pieces[0].hpa = hpa(0x300000);
	must_find(BASE, 64, 0x300000, 64);
}

static void begins(void)
{
	meanwhile = NULL;
	vm_mem_change_begins(&vm);
}

static void both(void)
{
	begins();
	vm_mem_change_ends(&vm);
}

static void a_list_that_changes_while_it_is_read_says_nothing(void **state)
{
	(void)state;
	meanwhile = begins;
	must_walk(BASE);
	vm_mem_change_ends(&vm);
	meanwhile = both;
	must_walk(BASE);
	must_find(BASE, 64, 0x100000, 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_piece_is_found_up_to_its_end, setup),
		cmocka_unit_test_setup(a_first_look_ends_with_the_piece, setup),
		cmocka_unit_test_setup(what_is_in_no_piece_is_walked_for, setup),
		cmocka_unit_test_setup(what_was_remembered_is_forgotten_when_memory_goes, setup),
		cmocka_unit_test_setup(a_list_that_changes_while_it_is_read_says_nothing, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
