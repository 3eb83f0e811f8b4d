// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/guest_tree.h
// SOURCES: tests/fuzz/common/tree_mutator.c
/* A user's overlay, applied to the tree that hartvisor makes for a VM. */
#include "common/fuzz.h"

#include "fake/guest_tree.h"
#include "fake/log.h"
#include "lib/fdt.h"

static uint64_t plain_tree[GUEST_FDT_SIZE / 8];
static uint64_t plain_size;

static void build_once(void)
{
	void *state = NULL;

	if (plain_size > 0)
		return;
	fuzz_must(guest_tree_setup(&state) == 0);
	fuzz_must(build(GUEST_FDT_SIZE) == HV_OK);
	plain_size = fdt_totalsize(guest);
	memcpy(plain_tree, guest, plain_size);
}

#define RAM_END (GUEST_RAM_BASE + cfg.memory)

/* By its own look at the tree: no vcpu and no RAM that the VM has not, and no device of the bus in its RAM. */
static void check_tree(void)
{
	int node, parent = fdt_path_offset(guest, "/cpus");
	uint64_t base, size;

	fdtx_for_each_child(guest, parent, node) {
		const char *type = fdtx_prop_string(guest, node, "device_type");

		if (type && strcmp(type, "cpu") == 0 && fdtx_is_available(guest, node))
			fuzz_must(fdtx_reg(guest, node, 0, &base, NULL) == HV_OK &&
				  base < cfg.cpus);
	}
	fdtx_for_each_child(guest, 0, node) {
		const char *type = fdtx_prop_string(guest, node, "device_type");

		if (!type || strcmp(type, "memory") != 0 || !fdtx_is_available(guest, node))
			continue;
		for (unsigned int i = 0; fdtx_reg(guest, node, i, &base, &size) == HV_OK; i++)
			fuzz_must(base >= GUEST_RAM_BASE && base + size <= RAM_END);
	}
	parent = fdt_path_offset(guest, "/soc");
	if (fdt_path_offset(guest, "/reserved-memory") >= 0 || parent < 0 ||
	    !fdtx_is_compatible(guest, parent, "simple-bus"))
		return;
	fdtx_for_each_child(guest, parent, node) {
		if (!fdtx_is_available(guest, node))
			continue;
		for (unsigned int i = 0; fdtx_reg(guest, node, i, &base, &size) == HV_OK; i++)
			fuzz_must(size == 0 || base >= RAM_END || base + size <= GUEST_RAM_BASE);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* At an odd address, as in a bundle, with its end watched; now and then there is little room. */
	uint8_t *odd = malloc(size + 1);
	struct vm_image image = { .name = "an-overlay", .data = odd + 1, .size = size };
	uint64_t cap;
	char said[300];
	struct text why;

	build_once();
	cap = size % 4 ? GUEST_FDT_SIZE : plain_size + size;
	memcpy(odd + 1, data, size);
	memcpy(guest, plain_tree, plain_size);
	fake_log_reset();
	if (apply_overlay(guest, cap, &image) == HV_OK) {
		fuzz_must(fdtx_problem(guest, cap) == NULL);
		fuzz_must(fdt_totalsize(guest) <= cap);
		text_begin(&why, said, sizeof(said));
		fuzz_must(guest_fdt_fits_vm(guest, &vm, &why));
		check_tree();
		fuzz_must(fake_log_count == 0);
	} else {
		fuzz_must(fake_log_count == 1);
	}
	fuzz_log_is_plain();
	fuzz_must(memcmp(odd + 1, data, size) == 0); /* several VMs may name one image */
	free(odd);
	return 0;
}
