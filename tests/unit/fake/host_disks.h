/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Disks of the machine for programs that read a configuration: any path that begins with "/disk" is one, in memory. Nothing is
 * asked of them but to be read at boot. A program with them is made of
 *
 * SOURCES: platform/partition.c tests/unit/fake/host_disks.c
 *
 * and a page allocator.
 */
#ifndef FAKE_HOST_DISKS_H
#define FAKE_HOST_DISKS_H

#include "lib/types.h"

#define FAKE_HOST_DISK_BYTES MIB(1)

extern uint8_t fake_host_disk[FAKE_HOST_DISK_BYTES]; /* what is on each of them */
extern bool fake_host_disk_read_only;

/* fake_host_disks_forget - no disk is open, and no part of one has a name. */
void fake_host_disks_forget(void);

#endif
