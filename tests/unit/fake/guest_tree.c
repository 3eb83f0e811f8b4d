/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake/guest_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/interrupts.h"
#include "fake/devvm.h"
#include "fake/log.h"
#include "fake/tree.h"
#include "lib/fdt.h"
#include "platform/machine.h"
#include "sbi/sbi.h"
#include "vm/parts.h"

struct vm vm;
struct vm_config cfg;
uint64_t guest_tree[GUEST_FDT_SIZE / 8];
static uint64_t host[MIB(2) / 8];
const uint8_t seed32[32] = "The seed of the guest's entropy";

struct sbi_ids sbi_ids;

uint64_t timer_frequency(void)
{
	return 10000000;
}

void guest_tree_pv(const void *pv, size_t pv_len, uint64_t base)
{
	static uint64_t node[512];
	fdt64_t cells = cpu_to_fdt64(base);

	tree_begin(node, sizeof(node));
	tree_bytes(node, "pv", pv, pv_len);
	if (base)
		tree_bytes(node, "pv-lock-base", &cells, sizeof(cells));
	(void)tree_finish(node);
	cfg.fdt = node;
}

int guest_tree_setup(void **state)
{
	const struct tree_virt virt = { .cpus = 2, .memory = GIB(2), .timebase = 10000000 };

	(void)state;
	tree_virt(host, sizeof(host), &virt);
	assert_int_equal(machine_parse(host), HV_OK);
	memset(&vm, 0, sizeof(vm));
	memset(&cfg, 0, sizeof(cfg));
	guest_tree_pv("none", 5, 0);
	strcpy(cfg.name, "linux-a");
	cfg.cpus = 2;
	cfg.memory = MIB(256);
	cfg.bootargs = "console=ttyS0";
	fake_log_reset();
	return 0;
}

void make_parts_of(struct config_node *n, int result)
{
	const struct vm_ram_plan plan = {
		.spare = { "spare", gpa(GUEST_RAM_BASE + MIB(4)), MIB(1) },
	};

	fake_vm_teardown(); /* the memory of the parts before */
	vm.parts = vm.last_part = NULL;
	vm.reserved = NULL;
	vm.nr_phandles = 0;
	vm.pv = (struct vm_pv){ 0 };
	vm.config = &cfg;
	vm.nr_vcpus = cfg.cpus;
	vm.bus = mmio_bus_new(&vm.arena);
	assert_int_equal(parts_create(&vm, n, &plan), result);
}

void make_parts(void)
{
	struct config_node n = { .fdt = cfg.fdt, .node = cfg.node, .path = "/vm" };

	make_parts_of(&n, HV_OK);
}

int build(uint64_t cap)
{
	int err;

	make_parts();
	fake_interrupts_on = true;
	err = guest_fdt_build(&vm, &cfg, gpa(0x88000000), 0x1234, seed32, guest, cap);
	assert_true(fake_interrupts_on);
	fake_interrupts_on = false;
	return err;
}

int apply_overlay(void *buf, uint64_t cap, const struct vm_image *overlay)
{
	void *copy = malloc(overlay->size);
	int err;

	fake_interrupts_on = true;
	err = guest_fdt_apply_overlay(buf, cap, copy, overlay, &vm);
	assert_true(fake_interrupts_on);
	fake_interrupts_on = false;
	free(copy);
	return err;
}

int at(const char *path)
{
	int node = fdt_path_offset(guest, path);

	if (node < 0)
		fail_msg("no %s", path);
	return node;
}

uint32_t u32_at(const char *path, const char *name)
{
	uint32_t v = 0;

	assert_int_equal(fdtx_prop_u32(guest, at(path), name, &v), HV_OK);
	return v;
}

uint64_t u64_at(const char *path, const char *name)
{
	uint64_t v = 0;

	assert_int_equal(fdtx_prop_u64(guest, at(path), name, &v), HV_OK);
	return v;
}

void assert_string_at(const char *path, const char *name, const char *is)
{
	const char *s = fdtx_prop_string(guest, at(path), name);

	assert_non_null(s);
	assert_string_equal(s, is);
}

void assert_reg_at(const char *path, uint64_t base, uint64_t size)
{
	uint64_t a = 0, s = 0;

	assert_int_equal(fdtx_reg(guest, at(path), 0, &a, &s), HV_OK);
	assert_true(a == base && s == size);
}
