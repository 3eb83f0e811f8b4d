/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The test device of QEMU's virt (sifive,test1): one register, by whose value the guest ends itself.
 * Its tree node also makes it a syscon, through which Linux does poweroff and reboot.
 */
#include <stdio.h>

#include "dev/mmio.h"
#include "dev/vdev.h"
#include "vcpu/console.h"

static uint64_t vsyscon_read(void *dev, uint64_t off, unsigned int len)
{
	(void)dev;
	(void)off;
	(void)len;
	return 0;
}

static void vsyscon_fail(struct vm *vm, unsigned int code)
{
	char why[40];

	snprintf(why, sizeof(why), "guest reported failure code %u", code);
	vm_stop(vm, VM_STOP_CRASH, why);
}

static void vsyscon_write(void *dev, uint64_t off, unsigned int len, uint64_t val)
{
	struct vm *vm = dev;

	if (off != 0 || (len != 4 && len != 2) || !vcpu_console_is_out(this_vcpu()))
		return;
	switch (val & 0xffff) {
	case VSYSCON_POWEROFF:
		vm_stop(vm, VM_STOP_POWEROFF, "");
		break;
	case VSYSCON_REBOOT:
		vm_stop(vm, VM_STOP_REBOOT, "");
		break;
	case VSYSCON_FAIL:
		vsyscon_fail(vm, (unsigned int)(val >> 16) & 0xffff);
		break;
	default:
		break;
	}
}

static const struct mmio_ops vsyscon_ops = { vsyscon_read, vsyscon_write };

int vsyscon_new(struct vm *vm)
{
	return mmio_add(vm->bus, gpa(VSYSCON_BASE), VSYSCON_SIZE, &vsyscon_ops, vm, "syscon");
}
