/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Memory that VMs share, and a doorbell for each of them: the registers of the tree's node that is compatible with
 * "hartvisor,shared-memory" (docs/devices.md). 32 bits each, little endian; accesses of another size read 0 and write nothing.
 *
 * Each VM that has the region is a peer, with a number of its own. Ringing peer n sets the ringer's bit in n's PENDING, and n's
 * interrupt is high as long as PENDING & ENABLE is not 0.
 */
#ifndef HARTVISOR_SHARED_H
#define HARTVISOR_SHARED_H

#define HARTVISOR_SHARED_MAGIC	 0x00 /* read: HARTVISOR_SHARED_IS */
#define HARTVISOR_SHARED_VERSION 0x04 /* read: 1 */
#define HARTVISOR_SHARED_ACCESS	 0x08 /* read: 1, the peer may write the memory; 0, it may not */
#define HARTVISOR_SHARED_PEER	 0x0c /* read: the peer's own number */
#define HARTVISOR_SHARED_ALIVE \
	0x10 /* read: a bit for each peer that runs or is paused, the own one, too */
#define HARTVISOR_SHARED_RING \
	0x14 /* write: the number of a peer; HARTVISOR_SHARED_ALL: all others */
#define HARTVISOR_SHARED_PENDING \
	0x18 /* read: a bit for each peer that has rung; write: those bits become 0 */
#define HARTVISOR_SHARED_ENABLE \
	0x1c /* read, write: bits of PENDING that interrupt; all of them after a reset of the VM: 0 */

#define HARTVISOR_SHARED_IS    0x4853564d /* "MVSH" in memory */
#define HARTVISOR_SHARED_PEERS 16
#define HARTVISOR_SHARED_ALL   0xffffffff

#endif
