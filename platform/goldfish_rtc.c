/* SPDX-License-Identifier: BSD-2-Clause */
/* The wall clock of QEMU's virt machine (Android's goldfish platform, "google,goldfish-rtc"). */
#include "arch/mmu.h"
#include "lib/fdt.h"
#include "lib/log.h"
#include "lib/spinlock.h"
#include "platform/driver.h"
#include "platform/host.h"
#include "platform/io.h"

#define RTC_TIME_LOW  0x00 /* reading it latches TIME_HIGH */
#define RTC_TIME_HIGH 0x04

static volatile uint8_t *rtc_regs;
static struct spinlock rtc_lock = SPINLOCK_INIT(LOCK_HOST_RTC); /* low and high are read together */

static uint64_t rtc_now(void)
{
	uint64_t low, high;

	spin_lock(&rtc_lock);
	low = io_read32(rtc_regs + RTC_TIME_LOW);
	high = io_read32(rtc_regs + RTC_TIME_HIGH);
	spin_unlock(&rtc_lock);
	return high << 32 | low;
}

static const struct host_rtc rtc = { .now = rtc_now };

static int rtc_probe(const void *fdt, int node, const struct driver_reg *reg)
{
	char path[FDTX_PATH_MAX];

	if (rtc_regs)
		return HV_EBUSY;
	if (reg->err || reg->size < 8) {
		log_warn("%s: reg has to give at least 8 bytes",
			 fdtx_path(fdt, node, path, sizeof(path)));
		return HV_EINVAL;
	}
	rtc_regs = device_map(hpa(reg->base), reg->size);
	if (!rtc_regs)
		return HV_ENOMEM;
	return host_bind_rtc(&rtc);
}

static const char *const rtc_compatible[] = { "google,goldfish-rtc", NULL };

DRIVER(goldfish_rtc) = {
	.compatible = rtc_compatible,
	.order = DRIVER_DEVICE,
	.probe = rtc_probe,
};
