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
		fuzz_must(guest_fdt_fits_vm(guest, &cfg, &why));
		fuzz_must(fake_log_count == 0);
	} else {
		fuzz_must(fake_log_count == 1);
	}
	fuzz_log_is_plain();
	fuzz_must(memcmp(odd + 1, data, size) == 0); /* several VMs may name one image */
	free(odd);
	return 0;
}
