// SPDX-License-Identifier: BSD-2-Clause
#include "mm/vmid.h"

#include "arch/csr.h"
#include "arch/fence.h"
#include "arch/pcpu.h"

/* Touched by its own pcpu only. */
struct vmid_pcpu {
	uint64_t generation; /* 0: not probed yet */
	uint32_t next;	     /* the number to be handed out next */
	uint32_t limit;	     /* how many there are */
};

static struct vmid_pcpu vmid_pcpus[MAX_PCPUS];

/* How many bits of hgatp.VMID hold a one. */
static unsigned int probe_bits(void)
{
	uint64_t vmid = 0;
	unsigned int bits = 0;

	/* With MODE = Bare every other field must be zero: only a valid mode shows the VMID's width
	 * (privileged specification, "hgatp"). */
	for (uint64_t mode = HGATP_MODE_SV39X4; mode <= HGATP_MODE_SV57X4 && vmid == 0; mode++) {
		csr_write(CSR_HGATP, mode << HGATP_MODE_SHIFT | HGATP_VMID_MASK << HGATP_VMID_SHIFT);
		vmid = csr_read(CSR_HGATP);
		vmid = vmid >> HGATP_MODE_SHIFT == mode ?
			       vmid >> HGATP_VMID_SHIFT & HGATP_VMID_MASK : 0;
		csr_write(CSR_HGATP, 0);
	}
	for (; vmid & 1; vmid >>= 1)
		bits++;
	return bits;
}

unsigned int vmid_init_pcpu(unsigned int pcpu, unsigned int limit_bits)
{
	struct vmid_pcpu *p = &vmid_pcpus[pcpu];
	unsigned int bits = probe_bits();

	if (bits > limit_bits)
		bits = limit_bits;
	arch_hfence_gvma_all();
	p->generation++;
	p->next = 0;
	p->limit = 1u << bits;
	return bits;
}

bool vmid_is_current(const struct vmid *v, unsigned int pcpu)
{
	return v->generation != 0 && v->pcpu == pcpu &&
	       v->generation == vmid_pcpus[pcpu].generation;
}

bool vmid_alloc(struct vmid *v, unsigned int pcpu)
{
	struct vmid_pcpu *p = &vmid_pcpus[pcpu];

	if (p->next >= p->limit) {
		/* No guest runs on this hart now, and none will under an old number: one flush of the
		 * G-stage serves for all of them. VS-stage entries can only be fenced one VMID at a
		 * time, by whoever gets it next. */
		arch_hfence_gvma_all();
		p->generation++;
		p->next = 0;
	}
	v->generation = p->generation;
	v->pcpu = (uint16_t)pcpu;
	v->id = (uint16_t)p->next++;
	return p->generation > 1;
}
