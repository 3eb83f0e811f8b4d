/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device tree that a guest gets: generated for what its VM has, then changed by the user's overlay.
 *
 * Nodes carry labels (/__symbols__), so that overlays may say &soc or &cpu0. The labels, part of what
 * we promise to users: soc, chosen, cpus, cpu<N>, cpu<N>_intc, memory0, plic, uart0, rtc0, syscon,
 * poweroff, reboot.
 */
#ifndef VM_GUEST_FDT_H
#define VM_GUEST_FDT_H

#include "vm/config.h"
#include "lib/text.h"

/* Room for the largest tree we generate (64 vcpus, every extension: about 200 KiB), and as much again
 * for overlays. */
#define GUEST_FDT_SIZE	      KIB(512)
#define GUEST_FDT_OVERLAY_MAX KIB(64)

/*
 * guest_fdt_build - generate the tree of @vm into @buf (aligned to 8), at most @cap bytes.
 *
 * @initrd_size = 0: no initrd; @rng_seed may be NULL: the guest gets none.
 * HV_EOVERFLOW, after a message: it does not fit.
 * The tree's size is fdt_totalsize(buf). Context: a coroutine (arch/coroutine.h), as for the overlay.
 */
int guest_fdt_build(const struct vm *vm, const struct vm_config *cfg, gpa_t initrd,
		    uint64_t initrd_size, const uint8_t rng_seed[32], void *buf, uint64_t cap);

/*
 * guest_fdt_apply_overlay - merge @vm's overlay @overlay (a .dtbo; dtc -@ is not needed) into the tree in @buf,
 * which may grow to @cap bytes. Works on a copy of the overlay in @copy, where there is room for it or for
 * GUEST_FDT_OVERLAY_MAX bytes. HV_EINVAL or HV_EOVERFLOW after a message that names VM, image and
 * reason; the tree in @buf is then lost. HV_EINVAL also for an overlay of which something, or everything, would
 * not be applied, and for one after which guest_fdt_fits_vm() is false.
 */
int guest_fdt_apply_overlay(void *buf, uint64_t cap, void *copy, const struct vm_image *overlay,
			    const struct vm *vm);

/*
 * guest_fdt_fits_vm - can the tree @fdt, which has passed fdtx_check(), be that of @vm? False when it has a
 * vcpu, RAM or an interrupt controller that the VM has not, or a device in RAM; @why then gets node, value and what
 * is allowed.
 */
bool guest_fdt_fits_vm(const void *fdt, const struct vm *vm, struct text *why);

#endif
