// SPDX-License-Identifier: BSD-2-Clause
/*
 * The neighbour of hostile drivers: its memory has a pattern, which it looks through round after round (boot argument n=),
 * and its own entropy device answers meanwhile. If it has memory that others share and may only read, that has the pattern, too.
 */
#include "fdt.h"
#include "victim.h"

GUEST("virtio_canary");

extern char _image_end[];

#define PATTERN(at) ((at)*0x9e3779b97f4a7c15UL)

static void look(unsigned long start, unsigned long end, bool first)
{
	for (unsigned long at = start; at < end; at += 64) {
		volatile unsigned long *word = (volatile unsigned long *)at;

		if (first)
			*word = PATTERN(at);
		else if (*word != PATTERN(at))
			test_fail("0x%lx has 0x%lx, not 0x%lx", at, *word, PATTERN(at));
	}
}

static void look_at_shared(bool first)
{
	if (machine.nr_shared)
		look(machine.shared[0].base, machine.shared[0].base + machine.shared[0].size,
		     first);
}

void guest_main(void)
{
	unsigned long start = ((unsigned long)_image_end + 0x1fffff) & ~0x1fffffUL;
	unsigned long end = RAM_END, fdt = (unsigned long)machine.fdt & ~0x1fffffUL;

	if (fdt > start && fdt < end)
		end = fdt; /* the loader puts the tree at the end */
	victim_find();
	look(start, end, true);
	look_at_shared(true);
	for (unsigned long n = machine_arg("n", 40); n; n--) {
		look(start, end, false);
		look_at_shared(false);
		victim_works("a round");
	}
	print("virtio_canary: looked at 0x%lx to 0x%lx\n", start, end);
}
