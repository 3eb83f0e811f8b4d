/* SPDX-License-Identifier: BSD-2-Clause */
/* Virtio disks of a machine, each in a slot. They do what they are asked, or what a test wants. */
#ifndef FAKE_MACHINE_DISK_H
#define FAKE_MACHINE_DISK_H

#include "platform/disk.h"

#define SECTORS 64
#define SLOTS	12

struct hw {
	uint32_t id, version, magic;
	uint64_t features, taken;
	uint32_t feature_sel, taken_sel, status, queue_size, size, ready, interrupts;
	uint64_t desc, avail, used;
	struct blk_layout layout;
	uint8_t data[SECTORS * BLK_SECTOR];
	uint16_t seen;
	unsigned int notified, resets;
	uint32_t generation;
	bool unsteady;		   /* its configuration changes at each look */
	unsigned int config_reads; /* cells of it that were read */
	bool refuses, sticks;	   /* FEATURES_OK; status after a reset */
	bool at_once;		   /* it does what it is asked when it is notified */
};

extern struct hw hw[SLOTS];
extern int hw_irq_err;		  /* what host_irq_request() gives */
extern unsigned int hw_irq_offs;  /* how often host_irq_off() was called */
extern uint64_t hw_tree[2048];	  /* the machine's */
extern struct host_disk *hw_disk; /* the last that was opened */
extern const char *hw_why;

/* hw_setup - each slot has a disk, and nothing has been probed. */
void hw_setup(void);

/* hw_path - of slot @s in the tree. hw_probe - its driver looks at it. hw_open - and the disk is opened. */
const char *hw_path(unsigned int s);
int hw_probe(unsigned int s);
int hw_open(unsigned int s);

/* hw_serve_one - the disk does the next request, and gives the status @forced; -1: none. hw_serve - it does @nr, and interrupts. */
void hw_serve_one(unsigned int s, int forced);
void hw_serve(unsigned int s, unsigned int nr);
void hw_interrupt(unsigned int s, uint32_t why);

/* hw_waiting - how many it has not looked at. */
unsigned int hw_waiting(unsigned int s);

uint16_t *hw_u16(uint64_t at);

/* --- those that ask --------------------------------------------------------------------------------- */

struct asked {
	struct host_disk_request request;
	uint8_t data[3 * BLK_SECTOR];
	enum blk_status status;
	unsigned int over;
};

/* ask - as a user that takes no turns. */
int ask(struct asked *a, enum blk_type type, uint64_t sector, unsigned int pieces);
extern struct host_disk_user asker;

/* One that takes its turns. */
struct turn {
	struct host_disk_user user;
	unsigned int wants, got, turns;
};

void takes_turn(struct host_disk_user *u);

#define RING_FULL (HOST_RING_MAX / 3)

extern struct asked many[RING_FULL + 1];

/* fill - the ring has no room for a request of one piece. */
void fill(void);

#endif
