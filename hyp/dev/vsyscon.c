/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The test device of QEMU's virt (sifive,test1): one register, by whose value the guest ends itself.
 * Its tree node also makes it a syscon, through which Linux does poweroff and reboot.
 */
#include <stdio.h>

#include "dev/mmio.h"
#include "dev/vdev.h"
#include "vcpu/console.h"
#include "vcpu/vm_part.h"

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

static const struct mmio_ops vsyscon_ops = { vsyscon_read, vsyscon_write, NULL };

struct vsyscon {
	uint32_t phandle;
	uint32_t poweroff_phandle;
	uint32_t reboot_phandle;
};

static int vsyscon_create(struct vm *vm, const struct vm_part_args *args, void **state)
{
	struct vsyscon *s = arena_new(&vm->arena, struct vsyscon);

	(void)args;
	if (!s)
		return HV_ENOMEM;
	s->phandle = vm_new_phandle(vm);
	s->poweroff_phandle = vm_new_phandle(vm);
	s->reboot_phandle = vm_new_phandle(vm);
	*state = s;
	return mmio_add(vm->bus, gpa(VSYSCON_BASE), VSYSCON_SIZE, &vsyscon_ops, vm, "syscon");
}

static void describe_action(const struct vsyscon *s, struct fdtw *w, const char *name,
			    uint32_t phandle, const char *compatible, uint32_t value)
{
	fdtw_begin(w, name);
	fdtw_label(w, name, phandle);
	fdtw_string(w, "compatible", compatible);
	fdtw_u32(w, "regmap", s->phandle);
	fdtw_u32(w, "offset", 0);
	fdtw_u32(w, "value", value);
	fdtw_end(w);
}

static void vsyscon_describe(const void *state, struct fdtw *w, enum vm_place place)
{
	static const char compatible[] = "sifive,test1\0sifive,test0\0syscon";
	const struct vsyscon *s = state;

	if (place == VM_PLACE_SOC) {
		fdtw_begin_device(w, "test", "syscon", s->phandle, VSYSCON_BASE, VSYSCON_SIZE);
		fdtw_strings(w, "compatible", compatible);
		fdtw_end(w);
	} else if (place == VM_PLACE_ROOT) {
		describe_action(s, w, "poweroff", s->poweroff_phandle, "syscon-poweroff",
				VSYSCON_POWEROFF);
		describe_action(s, w, "reboot", s->reboot_phandle, "syscon-reboot", VSYSCON_REBOOT);
	}
}

VM_PART(vsyscon) = {
	.name = "syscon",
	.order = VM_PART_DEVICE,
	.create = vsyscon_create,
	.describe = vsyscon_describe,
};
