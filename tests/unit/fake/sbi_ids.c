/* SPDX-License-Identifier: BSD-2-Clause */
#include "sbi/sbi.h"

struct sbi_ids sbi_ids;
