// SPDX-License-Identifier: BSD-2-Clause

#include "sbi.h"

bool sbi_probe(unsigned long eid)
{
	struct sbiret r = sbi_call(SBI_EXT_BASE, SBI_BASE_PROBE_EXTENSION, eid, 0, 0, 0, 0);

	return r.error == SBI_SUCCESS && r.value != 0;
}

void sbi_set_timer(unsigned long when)
{
	sbi_call(SBI_EXT_TIME, SBI_TIME_SET_TIMER, when, 0, 0, 0, 0);
}

long sbi_send_ipi(unsigned long mask, unsigned long base)
{
	return sbi_call(SBI_EXT_IPI, SBI_IPI_SEND_IPI, mask, base, 0, 0, 0).error;
}

long sbi_remote_fence_i(unsigned long mask, unsigned long base)
{
	return sbi_call(SBI_EXT_RFNC, SBI_RFNC_REMOTE_FENCE_I, mask, base, 0, 0, 0).error;
}

long sbi_remote_sfence_vma(unsigned long mask, unsigned long base, unsigned long start,
			   unsigned long size)
{
	return sbi_call(SBI_EXT_RFNC, SBI_RFNC_REMOTE_SFENCE_VMA, mask, base, start, size, 0).error;
}

long sbi_remote_sfence_vma_asid(unsigned long mask, unsigned long base, unsigned long start,
				unsigned long size, unsigned long asid)
{
	return sbi_call(SBI_EXT_RFNC, SBI_RFNC_REMOTE_SFENCE_VMA_ASID, mask, base, start, size,
			asid)
		.error;
}

long sbi_hart_start(unsigned long hartid, unsigned long addr, unsigned long opaque)
{
	return sbi_call(SBI_EXT_HSM, SBI_HSM_HART_START, hartid, addr, opaque, 0, 0).error;
}

long sbi_hart_status(unsigned long hartid)
{
	struct sbiret r = sbi_call(SBI_EXT_HSM, SBI_HSM_HART_GET_STATUS, hartid, 0, 0, 0, 0);

	return r.error ? r.error : r.value;
}
