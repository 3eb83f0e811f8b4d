/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake/guest_ram.h"

#include <stdlib.h>
#include <string.h>

#include "arch/memmap.h"
#include "fake/devvm.h"
#include "fake/page.h"
#include "fake/pcpu.h"
#include "mm/page.h"
#include "vcpu/vm_mem.h"

#define PAGES (FAKE_RAM_SIZE / PAGE_SIZE)
/* For tables, and what lies around the RAM. */
#define MORE MIB(1)

static hpa_t ram, rom, device;
static enum fake_leaves how;
static uint64_t given;

static void must(int err)
{
	if (err != HV_OK)
		abort();
}

static hpa_t take(uint64_t size)
{
	hpa_t a;

	if (!page_alloc(size, PAGE_SIZE, &a))
		abort();
	return a;
}

/* The host's page that is the guest's page @i. An odd factor: each has one, and no two that follow each other do so there. */
static hpa_t host_page(uint64_t i)
{
	return hpa_add(ram, (how == FAKE_SCATTERED ? (i * 37 + 11) % PAGES : i) * PAGE_SIZE);
}

void fake_ram_setup(enum fake_leaves leaves, uint64_t host)
{
	struct gstage *gs = &fake_vm.gstage;

	fake_pcpu_setup(1);
	fake_pcpu_become(0);
	fake_page_setup(FAKE_RAM_SIZE + MORE + host, MIB(1));
	must(gstage_probe(hpa(0)));
	must(gstage_init(gs, FAKE_DEVICE + PAGE_SIZE));
	how = leaves;
	given = 0;
	ram = take(FAKE_RAM_SIZE);
	rom = take(PAGE_SIZE);
	device = take(PAGE_SIZE);
	memset(hpa_to_ptr(ram), 0xee, FAKE_RAM_SIZE);
	memset(hpa_to_ptr(rom), 0, PAGE_SIZE);
	for (uint64_t i = 0; i < PAGES; i++)
		must(pgtable_map(&gs->pt, FAKE_RAM + i * PAGE_SIZE, host_page(i), PAGE_SIZE,
				 PTE_R | PTE_W | PTE_X | PTE_U | PTE_RAM));
	must(gstage_add_slot(gs, gpa(FAKE_ROM), PAGE_SIZE, GSTAGE_ROM, rom));
	must(gstage_add_slot(gs, gpa(FAKE_DEVICE), PAGE_SIZE, GSTAGE_DEVICE, device));
	vm_mem_open(&fake_vm);
}

bool fake_ram_teardown(void)
{
	fake_page_feed();
	vm_mem_close(&fake_vm);
	gstage_destroy(&fake_vm.gstage);
	page_free(ram, FAKE_RAM_SIZE);
	page_free(rom, PAGE_SIZE);
	page_free(device, PAGE_SIZE);
	return fake_page_teardown();
}

uint64_t fake_ram_alloc(uint64_t len, uint64_t align)
{
	uint64_t at = align_up(given, align);

	if (at > FAKE_RAM_SIZE || FAKE_RAM_SIZE - at < len)
		abort();
	given = at + len;
	return FAKE_RAM + at;
}

void *fake_ram_at(uint64_t a)
{
	const uint64_t off = a - FAKE_RAM;

	if (off >= FAKE_RAM_SIZE)
		abort();
	return (uint8_t *)hpa_to_ptr(host_page(off / PAGE_SIZE)) + off % PAGE_SIZE;
}

/* How many of the @len bytes at @a are in its page. */
static uint64_t in_page(uint64_t a, uint64_t len)
{
	return min_u64(len, PAGE_SIZE - a % PAGE_SIZE);
}

void fake_ram_read(uint64_t a, void *to, uint64_t len)
{
	for (uint64_t done = 0, n; done < len; done += n) {
		n = in_page(a + done, len - done);
		memcpy((uint8_t *)to + done, fake_ram_at(a + done), n);
	}
}

void fake_ram_write(uint64_t a, const void *from, uint64_t len)
{
	for (uint64_t done = 0, n; done < len; done += n) {
		n = in_page(a + done, len - done);
		memcpy(fake_ram_at(a + done), (const uint8_t *)from + done, n);
	}
}

uint16_t fake_ram_u16(uint64_t a)
{
	uint16_t val;

	fake_ram_read(a, &val, sizeof(val));
	return val;
}

uint32_t fake_ram_u32(uint64_t a)
{
	uint32_t val;

	fake_ram_read(a, &val, sizeof(val));
	return val;
}

void fake_ram_set_u16(uint64_t a, uint16_t val)
{
	fake_ram_write(a, &val, sizeof(val));
}

bool fake_ram_is(uint64_t a, uint8_t val, uint64_t len)
{
	for (uint64_t i = 0; i < len; i++)
		if (*(uint8_t *)fake_ram_at(a + i) != val)
			return false;
	return true;
}
