/* SPDX-License-Identifier: BSD-2-Clause */
/* Device registers are the test's: it gets each access, with its width in bytes. */
#ifndef FAKE_PLATFORM_IO_H
#define FAKE_PLATFORM_IO_H

#include "lib/types.h"

uint32_t fake_io_read(const volatile void *reg, unsigned int width);
void fake_io_write(volatile void *reg, unsigned int width, uint32_t val);

#define io_read8(reg)	   ((uint8_t)fake_io_read((reg), 1))
#define io_read16(reg)	   ((uint16_t)fake_io_read((reg), 2))
#define io_read32(reg)	   fake_io_read((reg), 4)
#define io_write8(v, reg)  fake_io_write((reg), 1, (v))
#define io_write16(v, reg) fake_io_write((reg), 2, (v))
#define io_write32(v, reg) fake_io_write((reg), 4, (v))

#endif
