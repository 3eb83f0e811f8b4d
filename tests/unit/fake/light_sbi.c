/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake/light_sbi.h"

#include <hartvisor/sbi.h>

static const struct sbi_extension ipi = { .eid_first = SBI_EXT_IPI,
					  .handle = light_sbi_call,
					  .light = 1 };
static const struct sbi_extension rfence = { .eid_first = SBI_EXT_RFNC,
					     .handle = light_sbi_call,
					     .light = 1 };

const struct sbi_extension *const sbi_extensions[32] = {
	[SBI_SLOT(SBI_EXT_IPI)] = &ipi,
	[SBI_SLOT(SBI_EXT_RFNC)] = &rfence,
};

/* No call of these tests is theirs. */
const struct sbi_extension sbi_ext_legacy, sbi_ext_vendor;

void sbi_answer(struct vcpu *v, const struct sbi_extension *ext)
{
	(void)sbi_handle(v, ext);
}
