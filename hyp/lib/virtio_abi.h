/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers and structures of virtio (Virtual I/O Device, version 1.2): what all devices share. All is little-endian. */
#ifndef LIB_VIRTIO_ABI_H
#define LIB_VIRTIO_ABI_H

#include <stddef.h>

#include "lib/types.h"

/* Registers (section 4.2.2, "MMIO Device Register Layout"). */
#define VIRTIO_MMIO_MAGIC_VALUE		0x000u
#define VIRTIO_MMIO_VERSION		0x004u
#define VIRTIO_MMIO_DEVICE_ID		0x008u
#define VIRTIO_MMIO_VENDOR_ID		0x00cu
#define VIRTIO_MMIO_DEVICE_FEATURES	0x010u
#define VIRTIO_MMIO_DEVICE_FEATURES_SEL 0x014u
#define VIRTIO_MMIO_DRIVER_FEATURES	0x020u
#define VIRTIO_MMIO_DRIVER_FEATURES_SEL 0x024u
#define VIRTIO_MMIO_QUEUE_SEL		0x030u
#define VIRTIO_MMIO_QUEUE_SIZE_MAX	0x034u
#define VIRTIO_MMIO_QUEUE_SIZE		0x038u
#define VIRTIO_MMIO_QUEUE_READY		0x044u
#define VIRTIO_MMIO_QUEUE_NOTIFY	0x050u
#define VIRTIO_MMIO_INTERRUPT_STATUS	0x060u
#define VIRTIO_MMIO_INTERRUPT_ACK	0x064u
#define VIRTIO_MMIO_STATUS		0x070u
#define VIRTIO_MMIO_QUEUE_DESC_LOW	0x080u
#define VIRTIO_MMIO_QUEUE_DESC_HIGH	0x084u
#define VIRTIO_MMIO_QUEUE_DRIVER_LOW	0x090u
#define VIRTIO_MMIO_QUEUE_DRIVER_HIGH	0x094u
#define VIRTIO_MMIO_QUEUE_DEVICE_LOW	0x0a0u
#define VIRTIO_MMIO_QUEUE_DEVICE_HIGH	0x0a4u
#define VIRTIO_MMIO_SHM_LEN_LOW		0x0b0u /* four registers up to 0xbc: length and base */
#define VIRTIO_MMIO_QUEUE_RESET		0x0c0u
#define VIRTIO_MMIO_CONFIG_GENERATION	0x0fcu
#define VIRTIO_MMIO_CONFIG		0x100u

#define VIRTIO_MMIO_MAGIC     0x74726976u /* "virt" */
#define VIRTIO_MMIO_VERSION_2 2u
#define VIRTIO_VENDOR	      0x56545248u /* "HRTV"; any is allowed */

/* Status (2.1, "Device Status Field"). */
#define VIRTIO_ACKNOWLEDGE 1u
#define VIRTIO_DRIVER	   2u
#define VIRTIO_DRIVER_OK   4u
#define VIRTIO_FEATURES_OK 8u
#define VIRTIO_NEEDS_RESET 64u
#define VIRTIO_FAILED	   128u

/* InterruptStatus */
#define VIRTIO_INT_USED	  1u
#define VIRTIO_INT_CONFIG 2u

/* Features of all devices (6, "Reserved Feature Bits"). */
#define VIRTIO_F_INDIRECT_DESC BIT(28)
#define VIRTIO_F_EVENT_IDX     BIT(29)
#define VIRTIO_F_VERSION_1     BIT(32)
#define VIRTIO_F_IN_ORDER      BIT(35)
#define VIRTIO_F_RING_RESET    BIT(40)

/* Device ids (5, "Device Types"). */
#define VIRTIO_ID_NET	  1u
#define VIRTIO_ID_BLOCK	  2u
#define VIRTIO_ID_CONSOLE 3u
#define VIRTIO_ID_RNG	  4u
#define VIRTIO_ID_BALLOON 5u

/* The descriptor table (2.7.5). */
struct virtq_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

#define VIRTQ_DESC_NEXT	    1u
#define VIRTQ_DESC_WRITE    2u
#define VIRTQ_DESC_INDIRECT 4u

/* The available ring (2.7.6): flags, idx, ring[size], used_event. */
#define VIRTQ_AVAIL_FLAGS	 0u
#define VIRTQ_AVAIL_IDX		 2u
#define VIRTQ_AVAIL_RING	 4u
#define VIRTQ_AVAIL_NO_INTERRUPT 1u
#define VIRTQ_AVAIL_EVENT(size)	 (4u + 2u * (size))
#define VIRTQ_AVAIL_BYTES(size)	 (6u + 2u * (size))

/* The used ring (2.7.8): flags, idx, ring[size] of struct virtq_used_elem, avail_event. */
#define VIRTQ_USED_FLAGS       0u
#define VIRTQ_USED_IDX	       2u
#define VIRTQ_USED_RING	       4u
#define VIRTQ_USED_NO_NOTIFY   1u
#define VIRTQ_USED_EVENT(size) (4u + 8u * (size))
#define VIRTQ_USED_BYTES(size) (6u + 8u * (size))

struct virtq_used_elem {
	uint32_t id;
	uint32_t len;
};

static_assert(sizeof(struct virtq_desc) == 16 && offsetof(struct virtq_desc, len) == 8 &&
		      offsetof(struct virtq_desc, flags) == 12 &&
		      offsetof(struct virtq_desc, next) == 14,
	      "as in the specification");
static_assert(sizeof(struct virtq_used_elem) == 8 && offsetof(struct virtq_used_elem, len) == 4,
	      "as in the specification");

#endif
