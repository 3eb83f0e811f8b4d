/* SPDX-License-Identifier: BSD-2-Clause */
/* The PLIC as a part of a VM: made, reset, and described in the guest's tree. */
#include "arch/csr.h"
#include "arch/memmap.h"
#include "irqchip/vplic.h"
#include "vcpu/vm_part.h"

/* Contexts of M-mode: "no interrupt" (sifive,plic-1.0.0 binding). */
#define NO_INTERRUPT 0xffffffffu

static int vplic_create(struct vm *vm, const struct vm_part_args *args, void **state)
{
	(void)args;
	vm->irqchip = vplic_new(vm);
	if (!vm->irqchip)
		return HV_ENOMEM;
	*state = vm->irqchip;
	return HV_OK;
}

static void vplic_reset_part(void *state)
{
	vplic_reset(state);
}

static int vplic_map(void *state, struct vm *vm)
{
	uint64_t size;
	uint8_t *page = vplic_enables(state, &size);
	int err = HV_OK;

	for (uint64_t done = 0; err == HV_OK && done < size; done += PAGE_SIZE)
		err = gstage_map_page(&vm->gstage, gpa(VPLIC_BASE + VPLIC_ENABLES + done),
				      ptr_to_hpa(page + done));
	return err;
}

/*
 * Entry n is context n: 2h of M-mode, which leads nowhere, and 2h + 1 of S-mode. Guests find the numbers of contexts by
 * counting, so M-mode's are there.
 */
static void put_contexts(const struct virqchip *chip, struct fdtw *w)
{
	unsigned int n = vplic_nr_contexts(chip);
	fdt32_t *to = fdtw_space(w, "interrupts-extended", n * 2 * sizeof(*to));

	for (unsigned int i = 0; to && i < n; i++) {
		*to++ = cpu_to_fdt32(vm_intc_phandle(i / 2));
		*to++ = cpu_to_fdt32(i % 2 ? IRQ_S_EXT : NO_INTERRUPT);
	}
}

static cold void vplic_describe(const void *state, struct fdtw *w, enum vm_place place)
{
	static const char compatible[] = "sifive,plic-1.0.0\0riscv,plic0";
	const struct virqchip *chip = state;

	if (place != VM_PLACE_SOC)
		return;
	fdtw_begin_device(w, "plic", "plic", chip->phandle, VPLIC_BASE, VPLIC_SIZE);
	fdtw_strings(w, "compatible", compatible);
	fdtw_u32(w, "#address-cells", 0);
	fdtw_u32(w, "#interrupt-cells", 1);
	fdtw_empty(w, "interrupt-controller");
	fdtw_u32(w, "riscv,ndev", VPLIC_NDEV);
	put_contexts(chip, w);
	fdtw_end(w);
}

VM_PART(vplic) = {
	.name = "plic",
	.order = VM_PART_IRQCHIP,
	.create = vplic_create,
	.map = vplic_map,
	.reset = vplic_reset_part,
	.describe = vplic_describe,
};
