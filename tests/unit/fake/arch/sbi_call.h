/* SPDX-License-Identifier: BSD-2-Clause */
/* The firmware below is a function of the test's own. */
#ifndef FAKE_ARCH_SBI_CALL_H
#define FAKE_ARCH_SBI_CALL_H

#include <hartvisor/sbi.h>

#include "lib/types.h"

struct sbi_call_ret {
	int64_t error;
	uint64_t value;
};

struct sbi_call_ret sbi_call_host(uint64_t eid, uint64_t fid, uint64_t arg0, uint64_t arg1,
				  uint64_t arg2, uint64_t arg3, uint64_t arg4, uint64_t arg5);

static inline bool sbi_host_has(uint64_t eid)
{
	struct sbi_call_ret r =
		sbi_call_host(SBI_EXT_BASE, SBI_BASE_PROBE_EXTENSION, eid, 0, 0, 0, 0, 0);

	return r.error == SBI_SUCCESS && r.value != 0;
}

static inline void sbi_host_shutdown(uint64_t type)
{
	(void)sbi_call_host(SBI_EXT_SRST, SBI_SRST_SYSTEM_RESET, type, SBI_SRST_REASON_NONE, 0, 0,
			    0, 0);
}

#endif
