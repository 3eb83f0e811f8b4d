/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a hart has beyond the base: which optional CSRs, which vector length.
 *
 * The boot hart probes first; hart_features is what it found, and the other files decide by it alone. So each further
 * hart must have the same. One that differs is left out: features_misfit() says in what.
 *
 * A guest can reach some CSRs that no guest is told of, because no state-enable bit closes them on a hart without
 * Smstateen (csr_list.h has all). `loose` names those. They are zero whenever another vcpu has been loaded:
 * features_clear_loose().
 */
#ifndef ARCH_FEATURES_H
#define ARCH_FEATURES_H

#include "lib/types.h"

/* Groups of CSRs that are cleared and not switched; bits of hart_features.loose. */
#define LOOSE_SISELECT BIT(0) /* siselect (vsiselect): Sscsrind, AIA */
#define LOOSE_CTR      BIT(1) /* sctrctl (vsctrctl), sctrstatus and the records: Ssctr */
#define LOOSE_SCONTEXT BIT(2) /* scontext: Sdtrig */
#define LOOSE_JVT      BIT(3) /* jvt: Zcmt */

struct hart_features {
	bool senvcfg, sstateen0, henvcfg, hstateen0, sstc;
	bool instret;	/* the firmware lets us count instructions */
	uint32_t vlenb; /* bytes; 0: no vector extension, or closed */
	uint32_t loose; /* what to clear when another vcpu is loaded; 0 where hstateen0 closes it */
};

extern struct hart_features hart_features;

/* features_has_d - does this hart have the D extension? Turns sstatus.FS on. */
bool features_has_d(void);

/* features_probe - what this hart has. Leaves sstatus.VS off. */
struct hart_features features_probe(void);

/* features_probe_boot - the boot hart, once, before any other one is started. @vector: guests may get vectors. */
void features_probe_boot(bool vector);

/* In what a hart differs from the boot hart; what is NULL: in nothing. */
struct hart_misfit {
	const char *what;
	uint32_t here, boot;
};

/* features_compare - in what @f, another hart's, differs from hart_features. */
struct hart_misfit features_compare(const struct hart_features *f);

/* features_misfit - the same for this hart. Lowers hart_features.instret where this hart does not count. */
struct hart_misfit features_misfit(void);

/* features_close - this hart, once: zero all that hart_features.loose may name, and what AIA adds to HS-mode. */
void features_close(void);

/* features_clear_loose - this hart: zero what hart_features.loose names. */
void features_clear_loose(uint32_t loose);

#endif
