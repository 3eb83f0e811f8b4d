/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Disks of the machine. Requests are passed on as they are: the memory of a request is given to the device, which reads and
 * writes it by itself. Its users (guests' disks, each of a part of it) take turns.
 *
 * A disk has a lock (LOCK_HOST_DISK) for its ring and its queue of users. It is taken with a guest's queue locked, and is
 * not held while a request's done() or a user's may_go() is called.
 *
 * The disk is not trusted to answer at all. One that does not for HOST_DISK_PATIENCE_NS, or answers what it was not asked, is reset,
 * which ends its access to memory. Then all its requests fail, and so does each one that comes later.
 */
#ifndef PLATFORM_DISK_H
#define PLATFORM_DISK_H

#include "lib/list.h"
#include "lib/virtio_blk_abi.h"
#include "platform/virtio/ring.h"

#define HOST_DISK_MAX	      8
#define HOST_DISK_PATIENCE_NS UINT64_C(30000000000)

/* Most pieces of one request. */
#define HOST_DISK_PIECES 128

struct host_disk;

/* What a disk can do; fixed once it is open. */
struct host_disk_facts {
	uint64_t sectors; /* of 512 bytes */
	bool read_only, flush, discard, write_zeroes;
	uint32_t pieces;	  /* of one request at most, and at most HOST_DISK_PIECES */
	uint32_t piece_bytes;	  /* of one piece at most; not 0 */
	uint32_t discard_sectors; /* of one DISCARD at most; 0 without */
	uint32_t zero_sectors;	  /* of one WRITE_ZEROES at most; 0 without */
	uint32_t block_bytes;	  /* what the disk reads and writes at once: a multiple of 512 */
};

/* One that has requests. Guarded by the disk's lock. */
struct host_disk_user {
	struct list node;
	bool waits;
	/* may_go - the request that did not fit may fit now. No lock is held; from a hart's interrupt, or host_disk_submit() of
	 * another user. It takes its turn here or never: what does not submit anything has lost it. */
	void (*may_go)(struct host_disk_user *u);
};

/* In memory that the disk sees; its first two members are the disk's. */
struct host_disk_request {
	struct blk_header header;
	struct blk_range range; /* of DISCARD and WRITE_ZEROES */
	uint8_t status;		/* enum blk_status, or whatever the disk wrote */
	/* done - @status is what it has come to. In a hart's interrupt or a timer, without locks. The request may be used again. */
	void (*done)(struct host_disk_request *r, enum blk_status status);
};

/* Memory of an open disk, which is the caller's to find: cleared, in the direct map, aligned to a page. */
#define HOST_DISK_MEMORY KIB(16)

/*
 * host_disk_open - the disk at @path of the machine's tree, a path or an alias. @memory is used only if it is HV_OK, and then stays in
 * use. On errors *@why is what is wrong, in words that follow the value of a property. Boot hart.
 */
int host_disk_open(const void *fdt, const char *path, void *memory, struct host_disk **out,
		   const char **why);

const struct host_disk_facts *host_disk_facts(const struct host_disk *d);

/*
 * host_disk_submit - @r: its header, range and done() are filled; @pieces are its data. Its range has been checked against the disk.
 * HV_EBUSY: others come first, or the disk has no room; user->may_go() is called when it has. HV_EIO: the disk has failed. With
 * the lock of a guest's queue at most.
 */
int host_disk_submit(struct host_disk *d, struct host_disk_user *user, struct host_disk_request *r,
		     const struct host_piece *pieces, unsigned int nr);

/* host_disk_leave - @user waits no longer, and its may_go() is not called any more when this returns. Not from may_go(); no lock
 * that it takes is held. */
void host_disk_leave(struct host_disk *d, struct host_disk_user *user);

/* host_disk_read_now - boot hart, before any guest: read @sectors into @to, in the direct map, and wait for it. HV_EIO. */
int host_disk_read_now(struct host_disk *d, uint64_t sector, void *to, unsigned int sectors);

#endif
