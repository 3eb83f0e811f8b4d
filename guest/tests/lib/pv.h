/* SPDX-License-Identifier: BSD-2-Clause */
/* hartvisor's own calls, at the EID that the device tree says. */
#ifndef GUEST_PV_H
#define GUEST_PV_H

#include <hartvisor/pv.h>

#include "fdt.h"
#include "sbi.h"

static inline struct sbiret pv_call(unsigned long fid, unsigned long arg0, unsigned long arg1)
{
	return sbi_call((unsigned long)(int)machine.pv_eid, fid, arg0, arg1, 0, 0, 0);
}

static inline long pv_kick(unsigned long hartid)
{
	return pv_call(HARTVISOR_KICK_CPU, 0, hartid).error;
}

static inline long pv_wait(unsigned long flags)
{
	return pv_call(HARTVISOR_PV_WAIT, flags, 0).error;
}

#endif
