/* SPDX-License-Identifier: BSD-2-Clause */
/* Little-endian numbers in files, at any alignment. */
#ifndef LIB_LE_H
#define LIB_LE_H

#include "lib/types.h"

static inline uint16_t get_le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t get_le32(const uint8_t *p)
{
	return get_le16(p) | (uint32_t)get_le16(p + 2) << 16;
}

static inline uint64_t get_le64(const uint8_t *p)
{
	return get_le32(p) | (uint64_t)get_le32(p + 4) << 32;
}

#endif
