/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A fake VM with one disk, and requests to it. A program that is LIKE this file is made of
 *
 * SOURCES: hyp/dev/virtio/blk.c hyp/dev/virtio/blk_request.c hyp/dev/virtio/blk_overlay.c
 * SOURCES: hyp/dev/virtio/blk_source.c tests/unit/fake/no_host_disk.c tests/unit/fake/diskvm.c tests/unit/fake/tree.c
 *
 * and is LIKE fake/vring.h, too.
 */
#ifndef FAKE_DISKVM_H
#define FAKE_DISKVM_H

#include "fake/vring.h"

#define DISK	   VDEV(0)
#define IMAGE_SIZE (KIB(200) + 700) /* it ends in a sector, and in a block */
#define SECTORS	   (IMAGE_SIZE / 512 + 1)
#define DISK_VCPUS 3
#define DISK_FEATURES(more) \
	(VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_RING_RESET | (more))

/* As blk.h and the specification have them. */
enum { IN = 0, OUT = 1, FLUSH = 4, GET_ID = 8, DISCARD = 11, WRITE_ZEROES = 13 };
enum { OK, IOERR, UNSUPP };

extern uint8_t disk_image[IMAGE_SIZE];

/* What the node says; 0 and NULL: it says nothing of it. */
struct disk_says {
	const char *image, *access;
	uint64_t overlay_memory;
	uint32_t queues;
};

/* disk_vm_setup - the VM, without the disk. disk_vm_teardown - false: memory is lost, or the image is not as it was. */
void disk_vm_setup(enum fake_leaves leaves);
bool disk_vm_teardown(void);

/* disk_make - the disk, as unit @unit. What its create() returns. disk_begin - the driver starts queue 0 with @features. */
int disk_make(struct disk_says says, unsigned int unit);
void disk_begin(uint64_t features);

/* disk_state - a struct disk, as the part's create() gave it. */
void *disk_state(void);

/* The part's reset: the VM's life has ended. */
void disk_end_life(void);

extern struct vring disk_ring;

/*
 * Where requests lie in the guest's RAM: what the device reads, and what it writes, are each in one place, but made of
 * buffers as disk_cut says.
 */
#define DISK_DATA KIB(160)
extern uint64_t disk_out, disk_in;

/* How the next request is cut into buffers: each has @cut bytes at most; 0: as drivers do it. With random cuts, up to that. */
extern uint32_t disk_cut;
extern bool disk_cuts_vary, disk_indirect;
uint32_t disk_random(uint32_t below);

/*
 * disk_offer - a request is in the available ring: @out bytes of data that the device reads, which are at @data, and @in that
 * it writes. Returns its head. disk_request - and it is done: its status. disk_written: used.len of it.
 */
uint16_t disk_offer(struct vring *r, uint32_t type, uint64_t sector, const void *data, uint32_t out,
		    uint32_t in);
int disk_request(struct vring *r, uint32_t type, uint64_t sector, const void *data, uint32_t out,
		 uint32_t in);
extern uint32_t disk_written;

/* disk_result - the request that was offered last with @in bytes is done: its status; below 0: it is not. */
int disk_result(struct vring *r, uint16_t head, uint32_t in);

int disk_read(uint64_t sector, void *to, uint32_t len);
int disk_write(uint64_t sector, const void *from, uint32_t len);

/* disk_zero - DISCARD or WRITE_ZEROES of one range. */
int disk_zero(uint32_t type, uint64_t sector, uint32_t sectors, uint32_t flags);

/* disk_needs_reset - has the device asked for it? */
bool disk_needs_reset(void);

#endif
