/* SPDX-License-Identifier: BSD-2-Clause */
/* SBI of the protocol's tests: IPI, RFENCE and hartvisor's own calls as they are, and no other. */
#include <hartvisor/sbi.h>

#include "sbi/dispatch.h"

const struct sbi_extension *const sbi_extensions[32] = {
	[SBI_SLOT(SBI_EXT_IPI)] = &sbi_ext_ipi,
	[SBI_SLOT(SBI_EXT_RFNC)] = &sbi_ext_rfence,
};

const struct sbi_extension sbi_ext_legacy; /* no call of these tests is its */
struct sbi_ids sbi_ids;
