// SPDX-License-Identifier: BSD-2-Clause
#include "fake/counts.h"

#include <string.h>

#include "vcpu/vm.h"

/* For programs that have no harts else. */
__attribute__((weak)) unsigned int nr_pcpus = 1;

bool fake_timed_wanted, fake_timed_memory, fake_timed_there, fake_has_queues;
unsigned int fake_timed_made, fake_settles;
struct vcpu_timed_counts fake_timed;
uint64_t fake_timed_worst;
struct times fake_times;
struct virtq_counts fake_queues[2];
unsigned int fake_zeroed_vcpus, fake_zeroed_vms, fake_zeroed_harts;

void fake_counts_setup(void)
{
	fake_timed_wanted = fake_timed_there = fake_has_queues = false;
	fake_timed_memory = true;
	fake_timed_made = fake_settles = 0;
	fake_zeroed_vcpus = fake_zeroed_vms = fake_zeroed_harts = 0;
	memset(&fake_timed, 0, sizeof(fake_timed));
	memset(&fake_times, 0, sizeof(fake_times));
	memset(fake_queues, 0, sizeof(fake_queues));
}

void vcpu_timed_want(bool on)
{
	fake_timed_wanted = on;
}

bool vcpu_timed_is_wanted(void)
{
	return fake_timed_wanted;
}

bool vcpu_timed_make(struct vm *vm)
{
	(void)vm;
	if (fake_timed_memory)
		fake_timed_made++;
	return fake_timed_memory;
}

bool vcpu_timed_read(const struct vcpu *v, struct vcpu_timed_counts *out)
{
	(void)v;
	*out = fake_timed;
	return fake_timed_there;
}

uint64_t vcpu_timed_worst(const struct vcpu *v, unsigned int i)
{
	(void)v;
	return fake_timed_worst + i;
}

void vcpu_timed_zero(struct vcpu *v)
{
	(void)v;
	fake_zeroed_vcpus++;
}

bool times_make(void)
{
	return true;
}

void times_want(bool on)
{
	fake_timed_wanted = on;
}

bool times_are_settled(void)
{
	return fake_settles == 0 || --fake_settles == 0;
}

bool times_read(unsigned int index, struct times *out)
{
	(void)index;
	*out = fake_times;
	return out->guest != 0;
}

bool times_are_known(void)
{
	return fake_timed_wanted || fake_times.guest != 0;
}

void times_zero(unsigned int index)
{
	(void)index;
	fake_zeroed_harts++;
}

bool virtio_look(const struct vm *vm, unsigned int slot, unsigned int queue,
		 struct virtio_look *out)
{
	if (!fake_has_queues || vm->id != 0 || slot != 1 || queue >= 2)
		return false;
	*out = (struct virtio_look){ "rng", fake_queues[queue] };
	return true;
}

void virtio_zero(const struct vm *vm)
{
	(void)vm;
	fake_zeroed_vms++;
}
