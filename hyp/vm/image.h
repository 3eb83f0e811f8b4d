/* SPDX-License-Identifier: BSD-2-Clause */
/* What a kernel image is, by its first bytes: as it was given, and once it is unpacked. */
#ifndef VM_IMAGE_H
#define VM_IMAGE_H

#include "vm/unpack.h"

/* A RISC-V Linux Image header (Linux: Documentation/arch/riscv/boot-image-header.rst). */
struct image_linux {
	uint64_t text_offset; /* from the start of RAM */
	uint64_t image_size;  /* what it occupies once it runs, .bss included */
};

/*
 * image_open - what is to be unpacked of @image, a kernel: all of it, by @packing or else by its first bytes, or the
 * payload of an EFI zboot image (zboot-header in Linux's drivers/firmware/efi/libstub). Fills data, size and packing of @out.
 * Returns NULL, or what is wrong and what is allowed.
 */
const char *image_open(const struct vm_image *image, enum image_packing packing,
		       struct unpack *out);

/* image_is_linux - is there such a header? Then *@out is filled. */
bool image_is_linux(const uint8_t *data, uint64_t size, struct image_linux *out);

/*
 * image_mistake - NULL when @data may be a raw binary or a RISC-V Image; else what it is instead and
 * what to do about it.
 */
const char *image_mistake(const uint8_t *data, uint64_t size);

#endif
