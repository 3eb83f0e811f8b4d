/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RAM of the fake VM (fake/devvm.h), behind the real G-stage tables: gstage.c, pgtable.c, page.c, vm_mem.c. For programs that
 * are LIKE fake/vring.h.
 */
#ifndef FAKE_GUEST_RAM_H
#define FAKE_GUEST_RAM_H

#include "lib/types.h"
#include "vcpu/vm_mem.h"

#define FAKE_RAM      GIB(2)
#define FAKE_RAM_SIZE MIB(1)
#define FAKE_RAM_END  (FAKE_RAM + FAKE_RAM_SIZE)     /* nothing is mapped in this page */
#define FAKE_ROM      (FAKE_RAM_END + PAGE_SIZE)     /* a page that the guest may only read */
#define FAKE_DEVICE   (FAKE_RAM_END + 2 * PAGE_SIZE) /* a page that is mapped and is no memory */

/* How the RAM lies in the host's memory: in one piece, or so that no page lies before the one that follows it. */
enum fake_leaves { FAKE_ONE_PIECE, FAKE_SCATTERED };

/*
 * fake_ram_setup - after fake_vm_setup(): fake_vm has a life and FAKE_RAM_SIZE bytes of RAM. The host has @host bytes
 * of free memory besides (a multiple of 1 MiB). fake_ram_teardown: false: some of the host's memory has not been
 * given back.
 */
void fake_ram_setup(enum fake_leaves leaves, uint64_t host);
bool fake_ram_teardown(void);

/* fake_ram_alloc - @len bytes of the RAM that no earlier call gave, aligned to @align. Their content is 0xee. */
uint64_t fake_ram_alloc(uint64_t len, uint64_t align);

/* fake_ram_at - where guest-physical @a is; good up to the end of its page. */
void *fake_ram_at(uint64_t a);

/* What the guest itself reads and writes in its RAM. */
void fake_ram_read(uint64_t a, void *to, uint64_t len);
void fake_ram_write(uint64_t a, const void *from, uint64_t len);
uint16_t fake_ram_u16(uint64_t a);
uint32_t fake_ram_u32(uint64_t a);
void fake_ram_set_u16(uint64_t a, uint16_t val);

/* fake_ram_changed - the tables have been changed, as vm_give_back_ram() says it. */
static inline void fake_ram_changed(struct vm *vm)
{
	vm_mem_change_begins(vm);
	vm_mem_change_ends(vm);
}

/* fake_ram_is - are all @len bytes at @a @val? */
bool fake_ram_is(uint64_t a, uint8_t val, uint64_t len);

#endif
