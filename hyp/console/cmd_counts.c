// SPDX-License-Identifier: BSD-2-Clause
/* The statistics that are not of vcpus: what harts did with their time, and the queues of virtio devices. */
#include <inttypes.h>
#include <stdio.h>

#include "arch/pcpu.h"
#include "arch/timer.h"
#include "console/cmd.h"
#include "dev/virtio/look.h"
#include "lib/index.h"
#include "run/times.h"
#include "term/term.h"
#include "vcpu/registry.h"

#define NAME_WIDTH 26

static unsigned int hart;

static uint64_t ms(uint64_t ticks)
{
	return timer_ticks_to_ns(ticks) / 1000000;
}

bool times_row(bool first)
{
	uint64_t all;
	struct times t;

	if (first) {
		hart = 0;
		if (times_are_known())
			term_printf("%-*s %10s %10s %10s %9s", NAME_WIDTH, "hart", "guest ms",
				    "own ms", "idle ms", "own %");
		return times_are_known();
	}
	if (hart >= nr_pcpus)
		return false;
	(void)times_read(hart, &t);
	all = max_u64(t.guest + t.own + t.idle, 1);
	term_printf("%-*u %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %7u.%u", NAME_WIDTH, hart,
		    ms(t.guest), ms(t.own), ms(t.idle), (unsigned int)(100 * t.own / all),
		    (unsigned int)(1000 * t.own / all % 10));
	hart++;
	return true;
}

static unsigned int id, slot, queue; /* the next row's, or behind it */

static void print_queue(const char *vm, const struct virtio_look *look)
{
	char name[64];

	snprintf(name, sizeof(name), "%.14s/%u %s %u", vm, slot + 1, look->device, queue);
	term_printf("%-*s %10" PRIu64 " %14" PRIu64 " %10" PRIu64, NAME_WIDTH, name,
		    look->counts.notified, look->counts.used, look->counts.interrupts);
}

/* The next queue that there is, with the VM's reference in *@vm. False: there are no more. */
static bool find_queue(struct vm **vm, struct virtio_look *look)
{
	for (; id < VM_MAX; id++, slot = queue = 0) {
		*vm = vm_get(id);
		for (; *vm && slot < VIRTIO_SLOTS; slot++, queue = 0)
			if (virtio_look(*vm, slot, queue, look))
				return true;
		if (*vm)
			vm_put(*vm);
	}
	return false;
}

bool queue_row(bool first)
{
	struct virtio_look look;
	struct vm *vm;

	if (first)
		id = slot = queue = 0;
	if (!find_queue(&vm, &look))
		return false;
	if (first)
		term_printf("%-*s %10s %14s %10s", NAME_WIDTH, "queue", "notified", "used",
			    "interrupts");
	else
		print_queue(vm->name, &look);
	queue += !first;
	vm_put(vm);
	return true;
}
