/* SPDX-License-Identifier: BSD-2-Clause */
#include "vm/image.h"

#include <string.h>

#include "lib/le.h"

/* struct riscv_image_header, little-endian. */
#define IMAGE_TEXT_OFFSET 8
#define IMAGE_SIZE	  16
#define IMAGE_FLAGS	  24
#define IMAGE_MAGIC2	  56
#define IMAGE_HEADER_SIZE 64
#define IMAGE_BIG_ENDIAN  BIT(0)

static bool has_bytes(const uint8_t *data, uint64_t size, uint64_t at, const char *bytes,
		      uint64_t n)
{
	return size >= at + n && memcmp(data + at, bytes, n) == 0;
}

/* What EFI programs begin with, the offset and the size of the payload, and the name of what packed it. */
#define ZBOOT_MAGIC  4
#define ZBOOT_OFFSET 8
#define ZBOOT_SIZE   12
#define ZBOOT_TYPE   24
#define ZBOOT_HEADER 56

static const char *open_zboot(const struct vm_image *image, struct unpack *out)
{
	const uint8_t *p = image->data;
	uint64_t offset = get_le32(p + ZBOOT_OFFSET), size = get_le32(p + ZBOOT_SIZE);

	if (memchr(p + ZBOOT_TYPE, 0, ZBOOT_HEADER - ZBOOT_TYPE) == NULL ||
	    !unpack_by_name((const char *)p + ZBOOT_TYPE, &out->packing) ||
	    out->packing == PACKING_NONE)
		return "an EFI zboot image: must have its kernel packed by gzip or lz4 "
		       "(CONFIG_KERNEL_GZIP=y, or the Image inside it)";
	if (offset > image->size || size > image->size - offset)
		return "an EFI zboot image that is cut short";
	out->data += offset;
	out->size = size;
	return NULL;
}

const char *image_open(const struct vm_image *image, enum image_packing packing, struct unpack *out)
{
	*out = (struct unpack){
		.data = image->data,
		.size = image->size,
		.packing = packing,
	};
	if (out->packing != PACKING_NONE)
		return NULL;
	if (image->size >= ZBOOT_HEADER && has_bytes(image->data, image->size, 0, "MZ", 2) &&
	    has_bytes(image->data, image->size, ZBOOT_MAGIC, "zimg", 4))
		return open_zboot(image, out);
	out->packing = unpack_by_magic(image->data, image->size);
	return NULL;
}

bool image_is_linux(const uint8_t *data, uint64_t size, struct image_linux *out)
{
	if (size < IMAGE_HEADER_SIZE || !has_bytes(data, size, IMAGE_MAGIC2, "RSC\x05", 4))
		return false;
	out->text_offset = get_le64(data + IMAGE_TEXT_OFFSET);
	out->image_size = get_le64(data + IMAGE_SIZE);
	return true;
}

const char *image_mistake(const uint8_t *data, uint64_t size)
{
	static const struct {
		uint64_t at;
		uint64_t n;
		const char *bytes;
		const char *what;
	} wrong[] = {
		{ 0, 2, "\x1f\x8b", "packed twice: must be packed once, or not at all (gunzip)" },
		{ 0, 4, "\x28\xb5\x2f\xfd",
		  "compressed by zstd: must be by gzip or lz4, or unpacked (unzstd)" },
		{ 0, 6,
		  "\xfd"
		  "7zXZ\0",
		  "compressed by xz: must be by gzip or lz4, or unpacked (unxz)" },
		{ 0, 3, "BZh",
		  "compressed by bzip2: must be by gzip or lz4, or unpacked (bunzip2)" },
		{ 56, 4, "ARM\x64", "an Image for arm64: must be one for riscv64" },
		{ 4, 4, "zimg", "an EFI zboot image that is packed again: must not be" },
		{ 0x202, 4, "HdrS", "a bzImage for x86: must be an Image for riscv64" },
		{ 0, 4, "\xd0\x0d\xfe\xed", "a device tree or FIT image: must be a kernel" },
		{ 0, 4, "\x27\x05\x19\x56", "a U-Boot uImage: must be the Image inside it" },
		{ 0, 2, "MZ", "an EFI program without a RISC-V Image header: must be an Image" },
	};
	struct image_linux header;

	if (image_is_linux(data, size, &header)) {
		if ((get_le64(data + IMAGE_FLAGS) & IMAGE_BIG_ENDIAN) != 0)
			return "a big-endian Image: must be little-endian";
		return NULL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		if (has_bytes(data, size, wrong[i].at, wrong[i].bytes, wrong[i].n))
			return wrong[i].what;
	return NULL;
}
