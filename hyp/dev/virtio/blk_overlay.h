/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An overlay: what a guest has written to a disk. It is kept in host memory, and the disk's image stays as it is. It costs as
 * much as has been written, up to a bound.
 *
 * The disk is of blocks of 4 KiB. A block is the image's (nothing is kept), or zeroes (a mark), or a page. Marks and pages are
 * in leaf tables, one for each 2 MiB of the disk. A leaf table is made when a block needs it, and counts for the bound. While
 * all blocks of a leaf are the image's, or all are zeroes, the leaf is a mark itself.
 *
 * Several queues use an overlay at once, each with a number (@user), and each with one block at a time. The overlay's lock
 * guards the tables. It is not held while data is copied. So a user says which page it copies from or to (`busy`), and a
 * page that another user has is not freed, but filled with zeroes where it is. Two requests of the guest that meet in a
 * sector have no order, but all others do, also in one block.
 */
#ifndef DEV_VIRTIO_BLK_OVERLAY_H
#define DEV_VIRTIO_BLK_OVERLAY_H

#include "lib/spinlock.h"
#include "mm/arena.h"

#define OVERLAY_BLOCK	    PAGE_SIZE
#define OVERLAY_LEAF_BLOCKS (PAGE_SIZE / sizeof(uint64_t))
#define OVERLAY_USERS	    8
#define OVERLAY_MIN	    (2 * PAGE_SIZE) /* one leaf and one page */

/* What a block, or a leaf, is. Greater numbers are the address of its page, or of its table. */
enum overlay_kind { OVERLAY_IMAGE, OVERLAY_ZERO, OVERLAY_PAGE };

struct overlay {
	const uint8_t *image;
	uint64_t image_size;	    /* what is behind it in its last block is zeroes */
	uint64_t blocks, nr_leaves; /* fixed */
	uint64_t max_pages;	    /* fixed */
	struct arena_extra at_end;  /* frees all pages when the VM goes */
	uint64_t freed;		    /* that one's: the blocks below have been freed */
	struct spinlock lock;	    /* LOCK_OVERLAY; guards all that follows */
	uint64_t pages;		    /* in use: those of blocks, and leaves */
	uint64_t *leaves;	    /* enum overlay_kind or more, each */
	uint64_t busy[OVERLAY_USERS]; /* the page that each user copies; cleared by it without the lock */
};

/*
 * overlay_init - of @image, @size bytes. It takes @max_bytes of host memory at most, and some from the arena @a. When @a is
 * destroyed all pages are freed. HV_ENOMEM. While the VM is made.
 */
int overlay_init(struct overlay *o, struct arena *a, const uint8_t *image, uint64_t size,
		 uint64_t max_bytes);

/* overlay_size_for - how much a disk of @size bytes takes at most. */
uint64_t overlay_size_for(uint64_t size);

/* overlay_read - what @block is. OVERLAY_PAGE: its data are at *@page, which stays until overlay_read_end(). */
enum overlay_kind overlay_read(struct overlay *o, unsigned int user, uint64_t block,
			       const uint8_t **page);
void overlay_read_end(struct overlay *o, unsigned int user);

/* A write into one block. */
struct overlay_write {
	uint8_t *page; /* the whole block; the caller writes from `from` on, `len` bytes */
	uint64_t block, from, len;
	uint64_t was; /* what the block was when the page was filled */
	bool fresh;   /* the page is not in the table yet */
};

/*
 * overlay_write - begin to write @len bytes from byte @from of @block on. HV_ENOMEM: that is more than the bound, or than the
 * host has; nothing changed. overlay_write_end - they are written; or not all of them (@done false), and then the block
 * may be as before.
 */
int overlay_write(struct overlay *o, unsigned int user, uint64_t block, uint64_t from, uint64_t len,
		  struct overlay_write *w);
void overlay_write_end(struct overlay *o, unsigned int user, struct overlay_write *w, bool done);

/*
 * overlay_zero - @block becomes zeroes, and so do some that follow it, at most @max in all. Returns their number, or
 * HV_ENOMEM: there is no memory for the mark. It takes at most about as long as copying a block. @keep: pages stay.
 */
int64_t overlay_zero(struct overlay *o, unsigned int user, uint64_t block, uint64_t max, bool keep);

#endif
