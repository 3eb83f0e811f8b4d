/* SPDX-License-Identifier: BSD-2-Clause */
/* SBI of the protocol's tests: IPI and RFENCE, of one function each, which may be light. */
#ifndef FAKE_LIGHT_SBI_H
#define FAKE_LIGHT_SBI_H

#include "sbi/dispatch.h"

/* light_sbi_call - the test's own: what either call does. */
struct sbi_ret light_sbi_call(struct vcpu *v, uint32_t eid, uint32_t fid, const uint64_t a[6]);

#endif
