/* SPDX-License-Identifier: BSD-2-Clause */
/* For tests whose guests have no magic page. */
#include "lib/errno.h"
#include "mm/gstage.h"

int gstage_map_page(struct gstage *gs, gpa_t a, hpa_t page)
{
	(void)gs, (void)a, (void)page;
	return HV_ENOMEM;
}

void gstage_unmap_page(struct gstage *gs, gpa_t a)
{
	(void)gs, (void)a;
}
