// SPDX-License-Identifier: BSD-2-Clause
#include "vm/pv.h"

const struct pv_feature pv_features[PV_NR_FEATURES] = {
	{ "poll-irq", BIT(HARTVISOR_POLL_IRQ) },
	{ "magic-page", BIT(HARTVISOR_MAP_MAGIC_PAGE) },
	{ "kick-cpu", BIT(HARTVISOR_KICK_CPU) },
	{ "pv-wait", BIT(HARTVISOR_PV_WAIT) },
	{ "pv-lock", BIT(HARTVISOR_PV_LOCK_FEATURES) | BIT(HARTVISOR_PV_LOCK_PREEMPTED) },
	{ "yield-to", BIT(HARTVISOR_YIELD_TO) },
};

uint64_t pv_all(void)
{
	uint64_t calls = BIT(HARTVISOR_FEATURES);

	for (unsigned int i = 0; i < PV_NR_FEATURES; i++)
		calls |= pv_features[i].calls;
	return calls;
}
