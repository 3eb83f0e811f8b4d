/* SPDX-License-Identifier: BSD-2-Clause */
#include "vm/image.h"

#include <string.h>

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

static uint64_t get_le64(const uint8_t *p)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < 8; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
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
		{ 0, 4,
		  "\x7f"
		  "ELF",
		  "an ELF file: must be a raw binary or Image (objcopy -O binary)" },
		{ 0, 2, "\x1f\x8b", "compressed by gzip: must be unpacked (gunzip)" },
		{ 0, 4, "\x28\xb5\x2f\xfd", "compressed by zstd: must be unpacked (unzstd)" },
		{ 0, 6,
		  "\xfd"
		  "7zXZ\0",
		  "compressed by xz: must be unpacked (unxz)" },
		{ 0, 3, "BZh", "compressed by bzip2: must be unpacked (bunzip2)" },
		{ 0, 4, "\x02\x21\x4c\x18", "compressed by lz4: must be unpacked (unlz4)" },
		{ 56, 4, "ARM\x64", "an Image for arm64: must be one for riscv64" },
		{ 4, 4, "zimg",
		  "an EFI zboot image: must be the Image inside it "
		  "(CONFIG_EFI_ZBOOT=n, or extract-vmlinux)" },
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
