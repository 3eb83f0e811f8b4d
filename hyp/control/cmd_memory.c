// SPDX-License-Identifier: BSD-2-Clause
/* A VM's memory: what the guest finds at its physical addresses. */
#include <inttypes.h>
#include <string.h>

#include "arch/memmap.h"
#include "control/cmd.h"
#include "control/debug.h"
#include "lib/errno.h"
#include "mm/page.h"
#include "vcpu/registry.h"
#include "vm/debug.h"

static_assert(CONTROL_FRAME_MAX % PAGE_SIZE == 0, "the frame's memory is whole pages");

/* A frame on its way out: copied at once, so that all of it is of one moment. */
static struct {
	char *memory; /* CONTROL_FRAME_MAX bytes, while there is one */
	size_t at, end;
} out;

void control_memory_abandon(void)
{
	if (out.memory)
		page_free(ptr_to_hpa(out.memory), CONTROL_FRAME_MAX);
	out.memory = NULL;
}

static const char *get(size_t *len)
{
	*len = out.end - out.at;
	return out.memory + out.at;
}

static void sent(size_t n)
{
	out.at += n;
	if (out.at == out.end)
		control_memory_abandon();
}

/* Words 3 and 4: ADDRESS BYTES. False: the answer is an error. */
static bool parse(struct control_request *r, uint64_t max, gpa_t *a, uint64_t *n)
{
	if (r->nr_words != 5) {
		control_fail(
			r, "%s: must be followed by a VM's name, an address and a number of bytes",
			r->command->name);
		return false;
	}
	if (!control_parse_number(r->words[3], UINT64_MAX / 16, &a->gpa)) {
		control_fail(r, "%s: %.24s: must be a guest-physical address, in decimal",
			     r->command->name, r->words[3]);
		return false;
	}
	if (control_parse_number(r->words[4], max, n) && *n > 0)
		return true;
	control_fail(r, "%s: %.24s: must be a number of bytes, 1 to %" PRIu64, r->command->name,
		     r->words[4], max);
	return false;
}

static void no_memory_there(struct control_request *r, gpa_t a, uint64_t n)
{
	if (vm_has_life(atomic_read(&r->vm->state)))
		control_fail(r,
			     "%s: 0x%" PRIx64 ": no memory of %" PRIu64
			     " bytes is there: debug.state lists what is",
			     r->vm->name, a.gpa, n);
	else
		control_fail(r, "%s does not run, and has no memory", r->vm->name);
}

bool cmd_control_debug_read(struct control_request *r)
{
	hpa_t memory;
	uint64_t n;
	gpa_t a;

	if (!parse(r, CONTROL_FRAME_MAX, &a, &n))
		return false;
	if (!out.memory) {
		if (!page_alloc(CONTROL_FRAME_MAX, PAGE_SIZE, &memory)) {
			control_fail(r, "no memory left for a frame");
			return false;
		}
		out.memory = hpa_to_ptr(memory);
	}
	if (vm_debug_read(r->vm, a, out.memory, n) != HV_OK) {
		no_memory_there(r, a, n);
		control_memory_abandon();
		return false;
	}
	out.at = 0;
	out.end = (size_t)n;
	json_number(&r->json, "bytes", n);
	r->frame = (struct control_frame){ n, get, sent };
	return false;
}

/* The bytes come behind the line, also if it is wrong: they are skipped then. */
static void begin_write(struct control_request *r)
{
	uint64_t n;
	gpa_t a;

	if (!parse(r, CONTROL_TYPED_MAX, &a, &n))
		return;
	r->data.left = n;
	r->data.typed = control_debug_attached(r);
}

bool cmd_control_debug_write(struct control_request *r)
{
	uint64_t n;
	gpa_t a;

	if (r->step == 0) {
		begin_write(r);
		r->step = 1;
		r->undecided = r->why[0] == '\0';
		return r->undecided;
	}
	if (parse(r, CONTROL_TYPED_MAX, &a, &n) && control_debug_attached(r) &&
	    vm_debug_write(r->vm, a, r->data.bytes, r->data.nr_typed) != HV_OK)
		no_memory_there(r, a, n);
	control_data_drop(r);
	return false;
}
