/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the loader stands on: a VM's RAM, pages, and a device tree that is a text. A program that is LIKE this file is made
 * of
 *
 * SOURCES: hyp/vm/loader_place.c hyp/vm/elf.c hyp/vm/unpack.c hyp/vm/unpack_gzip.c hyp/vm/unpack_lz4.c hyp/lib/xxh32.c
 * SOURCES: hyp/vm/loader.c hyp/vm/image.c hyp/lib/text.c hyp/lib/fdt.c hyp/lib/random.c
 * SOURCES: tests/unit/fake/coroutine.c tests/unit/fake/loader_world.c
 */
#ifndef FAKE_LOADER_WORLD_H
#define FAKE_LOADER_WORLD_H

#include "vm/loader.h"

#define TREE_TEXT "the guest's device tree"

extern uint8_t *ram; /* the guest's */
extern uint64_t largest_write;
extern unsigned int pages_out;
extern bool no_pages;	      /* there is no memory */
extern int overlay_result;    /* what applying an overlay gives */
extern uint8_t seen_seed[32]; /* that the tree was made with */
extern bool seed_given;
extern bool dirty_page_freed;
extern uint64_t seen_initrd;
extern struct vm vm;
extern struct vm_config cfg;
extern uint8_t kernel[MIB(5)];
extern uint8_t ramdisk[MIB(3) + 123];

/* use_image - the kernel is an Image of @bytes that will occupy @image_size from @text_offset on. */
void use_image(uint64_t bytes, uint64_t text_offset, uint64_t image_size);
void use_raw(uint64_t bytes, uint64_t load, uint64_t entry);
void use_ramdisk(uint64_t bytes);

/* start - a VM of @memory bytes without images. drop_ram - for the group's end. */
void start(uint64_t memory);
int drop_ram(void **state);

/* at - what is at this guest-physical address. */
const uint8_t *at(uint64_t gpa_value);

/* assert_says - the log has this line and no other. */
void assert_says(const char *line);

/* assert_fails - the load gives @err and this line, behind the VM's path, and leaks nothing. */
void assert_fails(int err, const char *line);

/* assert_loaded - kernel, ramdisk and tree are in RAM, whole, and apart from each other. */
void assert_loaded(const struct loader_result *r, uint64_t kernel_at, uint64_t occupies);

#endif
