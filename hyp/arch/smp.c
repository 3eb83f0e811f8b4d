// SPDX-License-Identifier: BSD-2-Clause
#include "arch/smp.h"

#include "arch/cpu.h"
#include "arch/csr.h"
#include "arch/fence.h"
#include "arch/mmu.h"
#include "arch/sbi_call.h"
#include "lib/atomic.h"
#include "lib/log.h"

struct pcpu boot_pcpu;
struct pcpu *pcpus[MAX_PCPUS];
unsigned int nr_pcpus;

uint64_t secondary_satp; /* read by entry.S before translation is on */
static void (*secondary_main)(void);
static struct hart_misfit (*secondary_check)(void);

void secondary_entry(void);
void smp_secondary_main(void);

/* Of the hart that comes and the boot hart that gives up waiting for it, one is first. */
static bool becomes(struct pcpu *p, enum pcpu_online how)
{
	uint32_t awaited = PCPU_AWAITED;

	return atomic_compare_exchange(&p->online, &awaited, how);
}

/* A hart that is left out. It touches nothing: another hart may have its index by now. */
static _Noreturn void stop_hart(void)
{
	for (;;) {
		(void)sbi_call_host(SBI_EXT_HSM, SBI_HSM_HART_STOP, 0, 0, 0, 0, 0, 0);
		cpu_wait_for_interrupt();
	}
}

void smp_secondary_main(void)
{
	struct pcpu *p = this_pcpu();

	p->misfit = secondary_check();
	if (!becomes(p, p->misfit.what ? PCPU_UNFIT : PCPU_ONLINE) || p->misfit.what)
		stop_hart();
	secondary_main();
}

static int64_t hart_status(uint64_t hartid)
{
	struct sbi_call_ret r =
		sbi_call_host(SBI_EXT_HSM, SBI_HSM_HART_GET_STATUS, hartid, 0, 0, 0, 0, 0);

	return r.error == SBI_SUCCESS ? (int64_t)r.value : r.error;
}

/* A started hart needs a few dozen instructions to say that it is online; one that the firmware calls
 * STARTED and that stays silent for so many status calls never will. */
#define STATUS_CALLS_MAX 2000000u

static int has_come(const struct pcpu *p)
{
	if (atomic_read_acquire(&p->online) == PCPU_ONLINE)
		return HV_OK;
	log_warn("hart %lu: left out: %s has to be as on the boot hart: it is %#x there, %#x here",
		 p->hartid, p->misfit.what, p->misfit.boot, p->misfit.here);
	return HV_EIO;
}

static int wait_online(struct pcpu *p)
{
	int64_t s = SBI_HSM_STATE_START_PENDING;

	for (unsigned int i = 0; i < STATUS_CALLS_MAX; i++) {
		if (atomic_read_acquire(&p->online) != PCPU_AWAITED)
			return has_come(p);
		s = hart_status(p->hartid);
		if (s != SBI_HSM_STATE_STARTED && s != SBI_HSM_STATE_START_PENDING)
			break;
	}
	if (!becomes(p, PCPU_LEFT_OUT))
		return has_come(p);
	if (s != SBI_HSM_STATE_STARTED && s != SBI_HSM_STATE_START_PENDING)
		log_warn("hart %lu: left out: the firmware reports HSM state %ld after hart_start",
			 p->hartid, s);
	else
		log_warn(
			"hart %lu: left out: the firmware calls it %s, but it never reached hartvisor",
			p->hartid, s == SBI_HSM_STATE_STARTED ? "STARTED" : "START_PENDING");
	return HV_EIO;
}

int smp_start(struct pcpu *p, uint64_t satp, struct hart_misfit (*check)(void), void (*main)(void))
{
	struct sbi_call_ret r;

	secondary_satp = satp;
	secondary_check = check;
	secondary_main = main;
	fence_full();
	r = sbi_call_host(SBI_EXT_HSM, SBI_HSM_HART_START, p->hartid,
			  image_hpa((const void *)secondary_entry).hpa, ptr_to_hpa(p).hpa, 0, 0, 0);
	if (r.error != SBI_SUCCESS) {
		log_warn("hart %lu: left out: hart_start returned %ld", p->hartid, r.error);
		return HV_EIO;
	}
	return wait_online(p);
}

static bool have_kick_registers; /* written once, before the other harts start */

void smp_set_kick_register(struct pcpu *p, volatile uint32_t *reg)
{
	p->setssip = reg;
	have_kick_registers = true;
}

/* The firmware wants hart ids, which are numbers of its own: a mask, and the id that bit 0 stands for. */
static void kick_by_sbi(struct pcpu_set set)
{
	unsigned int i;

	while (!pcpu_set_empty(&set)) {
		uint64_t base = UINT64_MAX, mask = 0;

		pcpu_set_for_each(i, set)
			base = min_u64(base, pcpus[i]->hartid);
		pcpu_set_for_each(i, set) {
			uint64_t bit = pcpus[i]->hartid - base;

			if (bit >= 64)
				continue;
			mask |= BIT(bit);
			pcpu_set_remove(&set, i);
		}
		(void)sbi_call_host(SBI_EXT_IPI, SBI_IPI_SEND_IPI, mask, base, 0, 0, 0, 0);
		this_pcpu()->ipis_sent++;
	}
}

/*
 * FENCE w,o: in the memory model a store to a device is none to memory, and may come before what was
 * written earlier: the request, the queue. The target would take the interrupt, clear it and find nothing, and
 * no other kick would follow. One fence does for the whole set. (By SBI, the firmware's store has its own.)
 */
static noinline void kick_by_register(struct pcpu_set set)
{
	struct pcpu_set left = set, stored;
	unsigned int i;

	arch_fence_w_o();
	pcpu_set_for_each(i, set) {
		if (pcpus[i]->setssip) {
			*pcpus[i]->setssip = 1;
			pcpu_set_remove(&left, i);
		}
	}
	stored = pcpu_set_without(&set, &left);
	if (!pcpu_set_empty(&stored))
		this_pcpu()->ipis_sent++;
	if (!pcpu_set_empty(&left))
		kick_by_sbi(left);
}

void smp_kick(struct pcpu_set set)
{
	if (have_kick_registers)
		kick_by_register(set);
	else
		kick_by_sbi(set);
}

void smp_resched(unsigned int index)
{
	struct pcpu *p = pcpus[index];

	if (atomic_exchange(&p->need_resched, 1) == 0 && p != this_pcpu())
		smp_kick(pcpu_set_of(index));
}

bool smp_wake_one_idle(void)
{
	for (unsigned int i = 0; i < nr_pcpus; i++) {
		if (pcpus[i] != this_pcpu() && atomic_read(&pcpus[i]->idle)) {
			smp_kick(pcpu_set_of(i));
			return true;
		}
	}
	return false;
}

void smp_grace_begin(struct smp_grace *g)
{
	/* What has been taken away before is seen to be gone by all that is done after a count that differs. */
	fence_full();
	for (unsigned int i = 0; i < nr_pcpus; i++)
		g->taken[i] = atomic_read(&pcpus[i]->ipis_taken);
	smp_kick(pcpu_set_first(nr_pcpus));
}

bool smp_grace_is_over(const struct smp_grace *g)
{
	for (unsigned int i = 0; i < nr_pcpus; i++)
		if (atomic_read_acquire(&pcpus[i]->ipis_taken) == g->taken[i])
			return false;
	return true;
}

void smp_ipi_taken(void)
{
	struct pcpu *p = this_pcpu();

	atomic_set_release(&p->ipis_taken, p->ipis_taken + 1);
	fence_full(); /* what comes now is after the count: smp_grace_begin() */
}
