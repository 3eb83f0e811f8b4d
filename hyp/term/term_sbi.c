/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console of the firmware below, for machines whose UART we have no driver for: the debug console
 * extension (SBI 2.0, chapter "Debug Console Extension"), or the legacy calls of older firmware.
 */
#include "arch/mmu.h"
#include "arch/sbi_call.h"
#include "term/term_internal.h"

#define SBI_READ_MAX 64

static char sbi_buf[SBI_READ_MAX]; /* in the image, whose physical address is known */
static uint32_t sbi_have, sbi_next;
static bool sbi_legacy;

static struct sbi_call_ret dbcn_call(uint64_t fid, const char *buf, uint32_t len)
{
	return sbi_call_host(SBI_EXT_DBCN, fid, len, image_hpa(buf).hpa, 0, 0, 0, 0);
}

uint32_t term_sbi_write(const char *buf, uint32_t len)
{
	if (!sbi_legacy) {
		struct sbi_call_ret r = dbcn_call(SBI_DBCN_CONSOLE_WRITE, buf, len);

		if (r.error == SBI_SUCCESS)
			return r.value <= len ? (uint32_t)r.value : len;
		if (r.error != SBI_ERR_NOT_SUPPORTED)
			return 0;
		sbi_legacy = true;
	}
	for (uint32_t i = 0; i < len; i++)
		(void)sbi_call_host(SBI_EXT_LEGACY_CONSOLE_PUTCHAR, 0, (unsigned char)buf[i], 0, 0,
				    0, 0, 0);
	return len;
}

int term_sbi_getc(void)
{
	if (sbi_next < sbi_have)
		return (unsigned char)sbi_buf[sbi_next++];
	if (sbi_legacy) {
		int64_t c =
			sbi_call_host(SBI_EXT_LEGACY_CONSOLE_GETCHAR, 0, 0, 0, 0, 0, 0, 0).error;

		return c >= 0 && c <= 255 ? (int)c : -1;
	}

	struct sbi_call_ret r = dbcn_call(SBI_DBCN_CONSOLE_READ, sbi_buf, SBI_READ_MAX);

	if (r.error == SBI_ERR_NOT_SUPPORTED)
		sbi_legacy = true;
	sbi_next = 0;
	sbi_have = r.error == SBI_SUCCESS && r.value <= SBI_READ_MAX ? (uint32_t)r.value : 0;
	return sbi_have ? (unsigned char)sbi_buf[sbi_next++] : -1;
}
