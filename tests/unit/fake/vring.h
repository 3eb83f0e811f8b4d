/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver's side of a virtio device: a guest that finds it behind virtio-mmio, sets up its rings in the RAM of
 * fake/guest_ram.h, and makes chains available, right ones and wrong ones. A program that is LIKE this file is made of
 *
 * SOURCES: hyp/dev/virtio/virtio.c hyp/dev/virtio/virtq.c hyp/dev/virtio/registers.c hyp/dev/virtio/slots.c hyp/dev/mmio.c
 * SOURCES: hyp/lib/property.c hyp/lib/config_node.c hyp/lib/word.c hyp/lib/text.c hyp/lib/fdt.c hyp/lib/fdt_writer.c hyp/vcpu/vm_part.c
 * SOURCES: hyp/mm/gstage.c hyp/mm/gstage_leaf.c hyp/mm/pgtable.c hyp/mm/page.c hyp/vcpu/vm_mem.c hyp/vcpu/vm_mem_find.c
 * SOURCES: tests/unit/fake/vring.c tests/unit/fake/guest_ram.c tests/unit/fake/devvm.c
 * SOURCES: tests/unit/fake/page.c tests/unit/fake/csr.c tests/unit/fake/fence.c tests/unit/fake/pcpu.c
 *
 * and of the device's own sources.
 *
 *	fake_guest_setup(1, FAKE_SCATTERED, MIB(1));
 *	assert_int_equal(fake_virtio_make("rng", NULL, 0, &state), HV_OK);
 *	assert_true(driver_begin(VDEV(0), features) & VIRTIO_FEATURES_OK);
 *	vring_begin(&r, VDEV(0), 0, 16, features);
 *	driver_ok(VDEV(0));
 *	head = vring_add(&r, (struct vbuf[]){ { fake_ram_alloc(64, 1), 64, true } }, 1);
 *	(void)vring_kick(&r);
 *	assert_true(vring_used(&r, &id, &len));
 */
#ifndef FAKE_VRING_H
#define FAKE_VRING_H

#include "dev/virtio/virtio.h"
#include "fake/devvm.h"
#include "fake/guest_ram.h"
#include "lib/config_node.h"
#include "vcpu/layout.h"

/* VDEV - where the guest has the registers of slot @slot, from 0. */
#define VDEV(slot) (VVIRTIO_BASE + (slot)*PAGE_SIZE)

/*
 * fake_guest_setup - fake_vm with @vcpus vcpus, RAM (fake_ram_setup), an interrupt controller and the eight slots. Vcpu 0 is
 * the one that makes accesses. fake_guest_teardown - false: some of the host's memory has not been given back.
 */
void fake_guest_setup(unsigned int vcpus, enum fake_leaves leaves, uint64_t host);
bool fake_guest_teardown(void);

/*
 * fake_virtio_make - fake_vm gets the part @name, as @n says (NULL: it says nothing), and as the node's unit @unit. What its
 * create() returns; HV_EINVAL without asking it when a property is wrong.
 */
int fake_virtio_make(const char *name, struct config_node *n, unsigned int unit, void **state);

/* fake_part_named - the part itself, for its other operations. */
const struct vm_part *fake_part_named(const char *name);

/* --- registers and interrupts --------------------------------------------------------------------- */

uint32_t vdev_get(uint64_t dev, uint64_t reg);
void vdev_set(uint64_t dev, uint64_t reg, uint32_t val);

/* vdev_config64 - a field of the configuration, read as drivers do: in two halves. */
uint64_t vdev_config64(uint64_t dev, uint64_t off);

/* vdev_features - all that the device offers. */
uint64_t vdev_features(uint64_t dev);

/* vdev_line - is the device's line high? fake_interrupts: how often a line has risen. */
bool vdev_line(uint64_t dev);
extern unsigned int fake_interrupts;

/* vdev_acknowledge - as a driver's interrupt handler does. What InterruptStatus was. */
uint32_t vdev_acknowledge(uint64_t dev);

/* driver_begin - reset the device and take @features; returns Status afterwards, with FEATURES_OK if it agrees. */
uint32_t driver_begin(uint64_t dev, uint64_t features);

/* driver_ok - set DRIVER_OK. Returns how often that store was executed. */
unsigned int driver_ok(uint64_t dev);

/* --- rings ---------------------------------------------------------------------------------------- */

struct vring {
	uint64_t dev; /* its registers */
	unsigned int index;
	uint16_t size;
	bool event_idx;
	uint64_t desc, avail, used; /* where they are in the guest's RAM */
	uint16_t next; /* the descriptor that is filled next; one that is in use is overwritten */
	uint16_t offered; /* chains in the available ring; the device sees them by vring_publish() */
	uint16_t published; /* avail.idx */
	uint16_t seen;	    /* of the used ring */
};

/* One buffer of a chain. */
struct vbuf {
	uint64_t at;
	uint32_t len;
	bool in; /* the device writes it */
};

/* vring_begin - a ring of @size entries in fresh memory is queue @index of @dev, and is ready. vring_set_addresses - the
 * device gets what @r says, without making it ready. */
void vring_begin(struct vring *r, uint64_t dev, unsigned int index, uint16_t size,
		 uint64_t features);
void vring_set_addresses(const struct vring *r);

/* vring_add - a chain of @nr buffers is in the available ring. Returns its head. vring_add_indirect - the same, but of one
 * descriptor that names a table. */
uint16_t vring_add(struct vring *r, const struct vbuf *bufs, unsigned int nr);
uint16_t vring_add_indirect(struct vring *r, const struct vbuf *bufs, unsigned int nr);

/* vring_table - a table of descriptors for @bufs in fresh memory. */
uint64_t vring_table(const struct vbuf *bufs, unsigned int nr);

/* For what is wrong: one descriptor of the table at @table; one entry of the available ring. */
void vring_put_desc(uint64_t table, uint16_t i, struct virtq_desc d);
void vring_offer(struct vring *r, uint16_t head);

/* vring_publish - the device may see all that has been offered. True: it wants to be notified of that. */
bool vring_publish(struct vring *r);

/* vring_notify - the store to QueueNotify, as often as the device has it executed again. Returns how often. */
unsigned int vring_notify(const struct vring *r);

/* vring_notify_once - the store once: one step of the device. True: it is to be executed again. */
bool vring_notify_once(const struct vring *r);

/* vring_kick - publish, and notify if the device wants it. Returns how often the store was executed. */
unsigned int vring_kick(struct vring *r);

/* vring_used - the next entry of the used ring; false: there is none. The next one is to raise an interrupt. */
bool vring_used(struct vring *r, uint32_t *id, uint32_t *len);

#endif
