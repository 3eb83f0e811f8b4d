/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual PLIC (riscv-plic-1.0.0, as SiFive's and as on QEMU's virt): sources 1 to 1023, two
 * contexts per vcpu: 2h is M-mode's and inert (registers read and write, nothing is ever delivered),
 * 2h+1 is S-mode's and drives VSEIP of vcpu h.
 *
 * A device drives a source by virq_set_level(). The gateway latches a pending bit when the line is
 * high and the source is not in service; completion looks at the line again, so a line that stays
 * high is delivered again (level), and a short pulse is not lost (edge: virq_pulse()).
 * Lock: vplic.lock (LOCK_VIRQCHIP); VSEIP is changed under it.
 */
#ifndef IRQCHIP_VPLIC_H
#define IRQCHIP_VPLIC_H

#include "dev/mmio.h"
#include "irqchip/virqchip.h"
#include "vcpu/layout.h"
#include "vcpu/vm.h"

#define VPLIC_NR_SOURCES 1024 /* source 0 does not exist */
#define VPLIC_NDEV	 95   /* riscv,ndev in the guest's tree, as on virt */

/*
 * vplic_new - for @vm, after its vcpus; adds itself to vm->bus. NULL: no memory. A source that is not there (0, or 1024
 * and more) is ignored. It is a part of the VM (vcpu/vm_part.h); this is for tests of it alone.
 */
struct virqchip *vplic_new(struct vm *vm);

/* vplic_reset - as after power-on: nothing enabled, pending or in service. No vcpu runs. */
void vplic_reset(struct virqchip *chip);

/*
 * vplic_enables - the enable registers of all contexts, *@size bytes of whole pages, which are to be mapped read-only at
 * VPLIC_BASE + VPLIC_ENABLES. Linux reads one of them for each interrupt, from 6.12 on.
 */
uint8_t *vplic_enables(const struct virqchip *chip, uint64_t *size);

#define VPLIC_ENABLES 0x2000u

/* vplic_nr_contexts - two for each vcpu. */
unsigned int vplic_nr_contexts(const struct virqchip *chip);

#endif
