/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's physical map, and the interrupts of its fixed devices: those of QEMU's virt machine, so that what runs there
 * runs here. A guest learns it from its device tree; nothing here is a promise.
 */
#ifndef VCPU_LAYOUT_H
#define VCPU_LAYOUT_H

#include "lib/types.h"

#define VSYSCON_BASE UINT64_C(0x00100000) /* sifive,test1 + syscon */
#define VSYSCON_SIZE UINT64_C(0x1000)
#define VRTC_BASE    UINT64_C(0x00101000) /* google,goldfish-rtc */
#define VRTC_SIZE    UINT64_C(0x1000)
#define VPLIC_BASE   UINT64_C(0x0c000000)
#define VPLIC_SIZE   UINT64_C(0x600000)	  /* as virt's node says with 512 harts' room */
#define VUART_BASE   UINT64_C(0x10000000) /* ns16550a, registers one byte apart */
#define VUART_SIZE   UINT64_C(0x100)

#define VVIRTIO_BASE UINT64_C(0x10001000) /* virtio,mmio: eight slots of a page */
#define VVIRTIO_SIZE UINT64_C(0x8000)

#define VSHARED_BASE UINT64_C(0x10009000) /* registers of shared memory: a page each */
#define VSHARED_SIZE UINT64_C(0x1000)
#define VSHARED_MAX  4

#define GUEST_RAM_BASE UINT64_C(0x80000000)

/* Sources of the interrupt controller. */
#define VVIRTIO_IRQ 1 /* of the first slot; the others' follow */
#define VUART_IRQ   10
#define VRTC_IRQ    11
#define VSHARED_IRQ 12 /* of the first shared memory; the others' follow */

static_assert(VSYSCON_BASE + VSYSCON_SIZE <= VRTC_BASE && VRTC_BASE + VRTC_SIZE <= VPLIC_BASE &&
		      VPLIC_BASE + VPLIC_SIZE <= VUART_BASE &&
		      VUART_BASE + VUART_SIZE <= VVIRTIO_BASE &&
		      VVIRTIO_BASE + VVIRTIO_SIZE <= VSHARED_BASE &&
		      VSHARED_BASE + VSHARED_MAX * VSHARED_SIZE <= GUEST_RAM_BASE,
	      "nothing overlaps");

#endif
