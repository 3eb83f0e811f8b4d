/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fixed devices of a guest, at the addresses of QEMU's virt machine. Each is a part of the VM (vcpu/vm_part.h);
 * what is declared here is for the tests of a device alone. They take a struct vuart or vrtc, as struct vm_part does.
 */
#ifndef DEV_VDEV_H
#define DEV_VDEV_H

#include "vcpu/layout.h"
#include "vcpu/vm.h"

#define VUART_CLOCK	 3686400 /* clock-frequency of its node, as on virt */
#define VSYSCON_POWEROFF 0x5555
#define VSYSCON_REBOOT	 0x7777
#define VSYSCON_FAIL	 0x3333 /* with a code in the upper half */

/*
 * vuart_new - the console's UART: THR goes to vm->stream, vm->stream's input to RBR; interrupt through
 * vm->irqchip. Both exist already. Adds itself to vm->bus. NULL: no memory.
 */
struct vuart;
struct vuart *vuart_new(struct vm *vm);
void vuart_reset(void *u);

/* vuart_input_ready - vm->stream has input. Any hart, no locks of term held. */
void vuart_input_ready(void *u);

/* vuart_output_ready - vm->stream has room again. Any hart, no locks of term held. */
void vuart_output_ready(void *u);

/* vrtc_new - time since 1970 in ns from the host's RTC when there is one (else from 0); alarms. */
struct vrtc;
struct vrtc *vrtc_new(struct vm *vm);
void vrtc_reset(void *r);

#endif
