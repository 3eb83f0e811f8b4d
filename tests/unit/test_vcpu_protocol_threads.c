// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/vcpu/request.c hyp/vcpu/vcpu.c hyp/vcpu/irq.c hyp/vcpu/fence.c hyp/vcpu/hsm.c
// SOURCES: hyp/vcpu/steal.c hyp/vcpu/magic.c hyp/vcpu/vm.c hyp/vcpu/guest_mem.c hyp/vcpu/vtimer.c hyp/sched/sched.c hyp/sched/account.c hyp/sched/fair.c hyp/lib/work.c
// SOURCES: hyp/sched/fifo.c hyp/sched/cap.c hyp/sched/balance.c hyp/sched/yield.c hyp/sched/rest.c hyp/vcpu/poll.c
// SOURCES: hyp/run/vcpu_run.c hyp/run/pcpu_loop.c hyp/run/rest.c hyp/arch/smp.c hyp/arch/guest.c hyp/arch/timer.c
// SOURCES: hyp/mm/vmid.c tests/unit/fake/hart.c
// SANITIZE: thread
// INCLUDE: tests/unit/include-threads tests/unit/include-hart
/*
 * The vcpu protocol on real threads under TSan: one thread for each hart, which runs the real
 * pcpu_loop() with guests that do anything at random, and one for each of those who ask for things
 * from outside. What must hold is checked in the guest between any two of its "instructions", and at
 * the end of each round, when nobody asks for more: then every interrupt, timer and wake-up that was
 * ever posted must have been taken.
 *
 * HV_SEED=n repeats a run as far as threads can, HV_ROUNDS=n says how long, HV_LONG=1 is a soak.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include <hartvisor/sbi.h>

#include "arch/csr.h"
#include "arch/guest_state.h"
#include "arch/smp.h"
#include "fake/hart.h"
#include "fake/pcpu.h"
#include "lib/work.h"
#include "mm/gstage.h"
#include "mm/page.h"
#include "platform/driver.h"
#include "run/run.h"
#include "sbi/dispatch.h"
#include "vcpu/fence.h"
#include "vcpu/guest_mem.h"
#include "vcpu/hsm.h"
#include "vcpu/irq.h"
#include "vcpu/vm.h"
#include "vcpu/vtimer.h"

#define HARTS	      3
#define VMS	      2
#define VCPUS	      3 /* of each VM */
#define ALL_VCPUS     (VMS * VCPUS)
#define PAGE_WORDS    8
#define WATCHDOG_SECS 30 /* without any progress; HV_WATCHDOG */
#define NS_PER_TICK   2	 /* of a 10 MHz clock that runs 200 times as fast */

#define read_now(p)	__atomic_load_n((p), __ATOMIC_RELAXED)
#define write_now(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define add_now(p, n)	__atomic_fetch_add((p), (n), __ATOMIC_RELAXED)

enum guest_op { NOP, WFI, SUSPEND, YIELD, KICK, READ, STOP, SEND, FENCE, TIMER, CLAIM, REBOOT };

/* What the test knows of a vcpu. */
struct guest {
	enum guest_op op; /* own hart, as `at` */
	uint32_t inside;
	uint32_t calls; /* of others on their way to it */
	uint64_t posted, seen;
	uint64_t raised, claimed; /* the level line; raised under line */
	pthread_mutex_t line;
	uint32_t timer; /* armed */
	uint64_t stays;
	uint64_t asked[NR_HART_FENCES], returned[NR_HART_FENCES], fenced[NR_HART_FENCES];
};

struct machine {
	struct vm vm;
	struct guest guests[VCPUS];
	pthread_rwlock_t life; /* written while it begins anew: nobody may ask for anything then */
	uint32_t paused, dead; /* nobody may be in the guest */
	uint64_t *table;       /* the page that readers find; atomic */
	uint64_t pages[2][PAGE_WORDS];
	unsigned int lives;
};

static struct machine machines[VMS];
static uint32_t calm;	 /* guests do nothing of their own */
static uint32_t the_end; /* harts go home */
static uint64_t operations, progress, seed;
static _Thread_local uint64_t rng;

static struct {
	unsigned int injects, levels, fences, flushes, pauses, starts, reboots, reads, timers,
		halts, light;
} did;

/* --- chance ------------------------------------------------------------------------------------------ */

static uint64_t chance(uint64_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (rng >> 11) % n;
}

static void rng_begin(unsigned int thread)
{
	rng = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) + thread * UINT64_C(0xbf58476d1ce4e5b9);
	rng |= 1;
}

void chaos(void)
{
	if (rng == 0)
		return;
	if (chance(48) == 0)
		sched_yield();
	else if (chance(4096) == 0)
		usleep(30);
}

static _Noreturn void broken(const char *fmt, ...)
{
	va_list ap;

	printf("BROKEN: ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf(" (HV_SEED=%" PRIu64 ", operation %" PRIu64 ")\n", seed, read_now(&operations));
	fflush(stdout);
	_exit(1);
}

const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "halt_on_error=1";
}

/* --- what the sources call ------------------------------------------------------------------------- */

void *arena_alloc(struct arena *a, uint64_t size, uint64_t align)
{
	(void)a, (void)align;
	return calloc(1, size);
}

void *page_alloc_zeroed(uint64_t size, uint64_t align)
{
	(void)align;
	return calloc(1, size);
}

/* The page must be as it was made while somebody reads it. */
static int walk(const struct gstage *gs)
{
	struct machine *mc = container_of(gs, struct machine, vm.gstage);
	const uint64_t *page = __atomic_load_n(&mc->table, __ATOMIC_ACQUIRE);

	for (unsigned int i = 0; i < PAGE_WORDS; i++) {
		if (page[i] != 0x600d)
			broken("a table is read after it was freed");
		chaos();
	}
	add_now(&did.reads, 1);
	return HV_OK;
}

int gstage_read(const struct gstage *gs, gpa_t a, void *buf, uint64_t len)
{
	(void)a, (void)buf, (void)len;
	return walk(gs);
}

/* No vcpu here has steal time. */
void *gstage_write_ptr(const struct gstage *gs, gpa_t a, uint64_t len)
{
	(void)gs, (void)a, (void)len;
	return NULL;
}

int gstage_write(const struct gstage *gs, gpa_t a, const void *buf, uint64_t len)
{
	(void)a, (void)buf, (void)len;
	return walk(gs);
}

void page_free(hpa_t base, uint64_t size)
{
	(void)base, (void)size;
}

/* No machine has a magic page. */
int gstage_map_page(struct gstage *gs, gpa_t a, hpa_t page)
{
	(void)gs, (void)a, (void)page;
	return HV_ENOMEM;
}

void gstage_unmap_page(struct gstage *gs, gpa_t a)
{
	(void)gs, (void)a;
}

void gstage_prune_page(struct gstage *gs, gpa_t a)
{
	(void)gs, (void)a;
}

/* The table's page goes, and becomes garbage as soon as nobody can read it any more. */
int gstage_unmap_ram(struct gstage *gs, gpa_t base, uint64_t size, struct gstage_ram *out,
		     unsigned int max, unsigned int *nr)
{
	struct machine *mc = container_of(gs, struct machine, vm.gstage);
	uint64_t *old = mc->table, *new = old == mc->pages[0] ? mc->pages[1] : mc->pages[0];

	(void)base, (void)size, (void)max;
	*out = (struct gstage_ram){ .hpa = hpa((uintptr_t)old) };
	*nr = 1;
	for (unsigned int i = 0; i < PAGE_WORDS; i++)
		new[i] = 0x600d;
	__atomic_store_n(&mc->table, new, __ATOMIC_RELEASE);
	return HV_OK;
}

void gstage_free_pieces(struct gstage *gs, const struct gstage_ram *pieces, unsigned int nr)
{
	uint64_t *page = (uint64_t *)(uintptr_t)pieces[0].hpa.hpa;

	(void)gs, (void)nr;
	for (unsigned int i = 0; i < PAGE_WORDS; i++)
		page[i] = 0xbad;
}

void host_irq_handle(void)
{
}

uint64_t hart_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return ((uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec) / NS_PER_TICK;
}

void cpu_wait_for_interrupt(void)
{
	for (unsigned int i = 0; !hart_wfi_ends(this_pcpu()->index); i++) {
		if (read_now(&the_end))
			pthread_exit(NULL);
		if (i < 20)
			sched_yield();
		else
			usleep(20);
	}
}

void hart_ipi(uint64_t set)
{
	(void)set;
}

void hart_ipi_to_nobody(void)
{
	broken("an IPI to a hart that does not exist");
}

static struct machine *machine_of(const struct vcpu *v)
{
	return container_of(v->vm, struct machine, vm);
}

static struct guest *guest_of(const struct vcpu *v)
{
	return &machine_of(v)->guests[v->id];
}

static uint64_t payload, payload_seen;
static bool payload_test, stop_test;

void hart_fenced(enum hart_fence kind)
{
	struct vcpu *v = this_pcpu()->current;

	if (!v)
		return;
	if (payload_test) {
		if (kind == HART_FENCE_I)
			__atomic_store_n(&payload_seen, payload, __ATOMIC_RELEASE);
		return;
	}
	write_now(&guest_of(v)->fenced[kind], read_now(&guest_of(v)->asked[kind]));
}

/* --- asking for things ------------------------------------------------------------------------------- */

/* While a call is on its way its targets may run on as before. */
static void calls(struct machine *mc, uint64_t set, int n)
{
	for (; set; set &= set - 1)
		__atomic_fetch_add(&mc->guests[__builtin_ctzll(set)].calls, (uint32_t)n,
				   __ATOMIC_SEQ_CST);
	add_now(&operations, n > 0);
}

static void posts(struct vcpu *v)
{
	calls(machine_of(v), BIT(v->id), 1);
	add_now(&guest_of(v)->posted, 1);
	vcpu_inject(v, BIT(IRQ_VS_SOFT));
	calls(machine_of(v), BIT(v->id), -1);
	add_now(&did.injects, 1);
}

static void posts_to_itself(struct vcpu *v)
{
	add_now(&guest_of(v)->posted, 1);
	vcpu_inject_self(v, BIT(IRQ_VS_SOFT));
	add_now(&did.injects, 1);
}

static void raises(struct vcpu *v)
{
	struct guest *g = guest_of(v);

	calls(machine_of(v), BIT(v->id), 1);
	pthread_mutex_lock(&g->line);
	add_now(&g->raised, 1);
	vcpu_set_level(v, IRQ_VS_EXT, true);
	pthread_mutex_unlock(&g->line);
	calls(machine_of(v), BIT(v->id), -1);
	add_now(&did.levels, 1);
}

static void claims(struct vcpu *v)
{
	struct guest *g = guest_of(v);

	pthread_mutex_lock(&g->line);
	vcpu_set_level(v, IRQ_VS_EXT, false);
	write_now(&g->claimed, read_now(&g->raised));
	pthread_mutex_unlock(&g->line);
}

static void fences(struct machine *mc, uint64_t set, enum hart_fence kind)
{
	const struct vcpu_fence page = { .start = 0x1000, .size = 0x1000 }, space = { 0 };
	uint64_t asked[VCPUS] = { 0 };

	for (unsigned int i = 0; i < VCPUS; i++)
		if (set & BIT(i))
			asked[i] = add_now(&mc->guests[i].asked[kind], 1) + 1;
	calls(mc, set, 1);
	if (kind == HART_FENCE_I)
		vm_fence_i(&mc->vm, set);
	else if (kind == HART_FENCE_VVMA)
		vm_fence_vvma(&mc->vm, set, chance(3) ? &page : &space);
	else
		(void)vm_give_back_ram(&mc->vm, gpa(0), PAGE_SIZE);
	for (unsigned int i = 0; i < VCPUS; i++) {
		uint64_t *r = &mc->guests[i].returned[kind], old = read_now(r);

		while (old < asked[i] &&
		       !__atomic_compare_exchange_n(r, &old, asked[i], false, __ATOMIC_RELAXED,
						    __ATOMIC_RELAXED))
			;
	}
	calls(mc, set, -1);
	add_now(&did.fences, 1);
}

/* --- the guest --------------------------------------------------------------------------------------- */

static void check_in_guest(const struct vcpu *v, const struct guest *g)
{
	const struct machine *mc = machine_of(v);
	uint64_t returned[NR_HART_FENCES], requests, inject;

	for (int k = 0; k < NR_HART_FENCES; k++)
		returned[k] = read_now(&g->returned[k]);
	if (read_now(&mc->paused))
		broken("vcpu %u runs while its VM is paused", v->id);
	if (read_now(&mc->dead))
		broken("vcpu %u runs after its VM has ended", v->id);
	if (read_now(&v->hsm) != SBI_HSM_STATE_STARTED)
		broken("vcpu %u runs in HSM state %u", v->id, read_now(&v->hsm));
	if (csr_read(CSR_HTIMEDELTA) != read_now(&mc->vm.htimedelta))
		broken("vcpu %u runs with a clock of before", v->id);
	if (this_pcpu()->current != v)
		broken("vcpu %u runs where it is not loaded", v->id);
	for (int k = 0; k < NR_HART_FENCES; k++)
		if (read_now(&g->fenced[k]) < returned[k])
			broken("vcpu %u runs without its fence %d", v->id, k);
	requests = read_now(&v->requests);
	inject = read_now(&v->irq.inject);
	if ((requests || inject) && read_now(&g->calls) == 0 &&
	    !hart_ipi_pending(this_pcpu()->index))
		broken("vcpu %u runs with requests %#" PRIx64 " inject %#" PRIx64 " unseen", v->id,
		       requests, inject);
}

#define ALL_IRQS (BIT(IRQ_S_SOFT) | BIT(IRQ_S_TIMER) | BIT(IRQ_S_EXT))

/* RESET leaves vsie zero: what was posted before counts no more. */
static void guest_boot(struct guest *g)
{
	write_now(&g->seen, read_now(&g->posted));
	write_now(&g->timer, 0);
	csr_write(CSR_VSIE, ALL_IRQS);
}

static bool guest_timer_due(void)
{
	return hart_time() + csr_read(CSR_HTIMEDELTA) >= csr_read(CSR_VSTIMECMP);
}

/* True: it leaves to claim the external interrupt. */
static bool guest_interrupts(struct guest *g)
{
	if (csr_read(CSR_HVIP) & BIT(IRQ_VS_SOFT)) {
		csr_clear(CSR_HVIP, BIT(IRQ_VS_SOFT));
		chaos();
		write_now(&g->seen, read_now(&g->posted));
		add_now(&progress, 1);
	}
	if (csr_read(CSR_VSTIMECMP) != UINT64_MAX && guest_timer_due()) {
		csr_write(CSR_VSTIMECMP, UINT64_MAX);
		write_now(&g->timer, 0);
		add_now(&did.timers, 1);
	}
	return (csr_read(CSR_HVIP) & BIT(IRQ_VS_EXT)) != 0;
}

static enum guest_op guest_wants(void)
{
	static const enum guest_op likely[] = { WFI,  WFI,  WFI,  SUSPEND, YIELD, KICK, READ,
						READ, SEND, SEND, FENCE,   TIMER, NOP };

	if (read_now(&calm))
		return WFI;
	if (chance(400) == 0)
		return STOP;
	if (chance(3000) == 0)
		return REBOOT;
	return likely[chance(ARRAY_SIZE(likely))];
}

static uint64_t guest_leaves(struct guest *g)
{
	for (unsigned int steps = (unsigned int)chance(12);; steps--) {
		uint64_t sip = csr_read(CSR_SIP);
		const struct vcpu *v = this_pcpu()->current;

		if (sip & BIT(IRQ_S_SOFT))
			return SCAUSE_INTERRUPT | IRQ_S_SOFT;
		if (sip & BIT(IRQ_S_TIMER))
			return SCAUSE_INTERRUPT | IRQ_S_TIMER;
		check_in_guest(v, g);
		if (csr_read(CSR_VSIE) == 0)
			guest_boot(g);
		if (guest_interrupts(g)) {
			g->op = CLAIM;
			return EXC_ECALL_VS;
		}
		if (steps == 0) {
			g->op = guest_wants();
			return EXC_ECALL_VS;
		}
		chaos();
	}
}

static bool payload_guest(void);

/* The calls that may be light, at random, are. */
static enum light_verdict calls_light(struct guest *g, struct guest_regs *r, light_fn *light)
{
	if ((g->op != SEND && g->op != FENCE && g->op != KICK) || chance(2))
		return LIGHT_NOT;
	r->x[REG_A7] = g->op == FENCE ? SBI_EXT_RFNC : SBI_EXT_IPI;
	r->x[REG_A6] = 0;
	add_now(&did.light, 1);
	return light_verdict(light(r));
}

bool guest_enter(struct guest_regs **regs, light_fn *light)
{
	struct guest_regs *r = *regs;
	const struct vcpu *v = container_of(r, struct vcpu, regs);
	struct guest *g = guest_of(v);
	enum light_verdict verdict;

	if (payload_test) {
		while (payload_guest())
			;
		return false;
	}
	if (stop_test) {
		g->op = STOP;
		hart_trap(EXC_ECALL_VS, 0);
		return false;
	}
	if (__atomic_exchange_n(&g->inside, 1, __ATOMIC_RELAXED))
		broken("vcpu %u runs twice", v->id);
	write_now(&g->stays, g->stays + 1);
	do {
		uint64_t cause = guest_leaves(g);

		hart_trap(cause, 0);
		verdict = cause == EXC_ECALL_VS ? calls_light(g, r, light) : LIGHT_NOT;
	} while (verdict == LIGHT_DONE);
	write_now(&g->inside, 0);
	return verdict == LIGHT_LEAVE;
}

static void reboots(struct machine *mc)
{
	calls(mc, BIT(VCPUS) - 1, 1);
	if (vm_stop(&mc->vm, VM_STOP_REBOOT, NULL))
		add_now(&did.reboots, 1);
	calls(mc, BIT(VCPUS) - 1, -1);
}

/* What both kinds of exits do. */
static struct sbi_ret do_call(struct vcpu *v, uint32_t eid, uint32_t fid, const uint64_t a[6])
{
	struct machine *mc = machine_of(v);

	(void)eid, (void)fid, (void)a;
	if (guest_of(v)->op == SEND) {
		struct vcpu *to = v->vm->vcpus[chance(VCPUS)];

		if (to == v)
			posts_to_itself(v);
		else
			posts(to);
	} else if (guest_of(v)->op == KICK) {
		v->yield_to = v->vm->vcpus[chance(VCPUS)];
		vcpu_unhalt(v->yield_to);
	} else {
		fences(mc, chance(BIT(VCPUS)), chance(2) ? HART_FENCE_I : HART_FENCE_VVMA);
	}
	return sbi_ok(0);
}

static const struct sbi_extension ipi = { .eid_first = SBI_EXT_IPI, .handle = do_call, .light = 1 };
static const struct sbi_extension rfence = { .eid_first = SBI_EXT_RFNC,
					     .handle = do_call,
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

enum exit_result vcpu_handle_exit(struct vcpu *v, uint64_t cause)
{
	struct machine *mc = machine_of(v);
	uint64_t byte;

	if (cause == (SCAUSE_INTERRUPT | IRQ_S_SOFT)) {
		csr_clear(CSR_SIP, BIT(IRQ_S_SOFT));
		return EXIT_GOES_ON;
	}
	if (cause == (SCAUSE_INTERRUPT | IRQ_S_TIMER)) {
		timer_run();
		return EXIT_GOES_ON;
	}
	switch (guest_of(v)->op) {
	case NOP:
		return EXIT_GOES_ON;
	case WFI:
		add_now(&did.halts, 1);
		vcpu_wait_kick(v, true);
		return EXIT_GOES_ON;
	case SUSPEND:
		vcpu_hsm_suspend(v);
		return EXIT_GOES_ON;
	case YIELD:
		return EXIT_SPINS;
	case KICK:
		(void)do_call(v, 0, 0, NULL);
		return EXIT_YIELDS;
	case READ:
		(void)vcpu_read_guest(v, gpa(0), &byte, sizeof(byte));
		return EXIT_GOES_ON;
	case STOP:
		vcpu_hsm_stop(v);
		return EXIT_GOES_ON;
	case SEND:
	case FENCE:
		(void)do_call(v, 0, 0, NULL);
		return EXIT_GOES_ON;
	case TIMER:
		write_now(&guest_of(v)->timer, 1);
		vcpu_timer_set(v, hart_time() + csr_read(CSR_HTIMEDELTA) +
					  chance(chance(2) ? 100000 : 3000000));
		return EXIT_GOES_ON;
	case CLAIM:
		claims(v);
		return EXIT_GOES_ON;
	case REBOOT:
		reboots(mc);
		return EXIT_GOES_ON;
	}
	return EXIT_GOES_ON;
}

/* --- life -------------------------------------------------------------------------------------------- */

/* As vm/lifecycle.c has it; in place of loading, one lock that keeps the outsiders away. */
static void begin_life(struct machine *mc)
{
	struct vm *vm = &mc->vm;

	for (unsigned int i = 0; i < VCPUS; i++) {
		vcpu_power_on(vm->vcpus[i]);
		write_now(&mc->guests[i].claimed, read_now(&mc->guests[i].raised));
		for (int k = 0; k < NR_HART_FENCES; k++)
			mc->guests[i].fenced[k] = mc->guests[i].asked[k];
	}
	atomic_set(&vm->active, VCPUS);
	atomic_set(&vm->stop, VM_STOP_NONE);
	atomic_set(&vm->paused, 0);
	atomic_set(&vm->htimedelta, -timer_now());
	mc->lives++;
	write_now(&mc->dead, 0);
	atomic_set_release(&vm->state, VM_RUNNING);
	(void)vcpu_hsm_start(vm->vcpus[0], 0x1000, 0);
}

static void life_work(struct work *w)
{
	struct machine *mc = container_of(w, struct machine, vm.life);

	if (atomic_read_acquire(&mc->vm.state) != VM_STOPPING || read_now(&mc->vm.active) != 0)
		broken("the end of a VM was told twice");
	write_now(&mc->dead, 1);
	pthread_rwlock_wrlock(&mc->life);
	begin_life(mc);
	pthread_rwlock_unlock(&mc->life);
	add_now(&progress, 1);
}

static void pauses(struct machine *mc)
{
	uint64_t all = BIT(VCPUS) - 1;
	bool done;

	calls(mc, all, 1);
	done = vm_pause(&mc->vm);
	if (done)
		write_now(&mc->paused, 1);
	calls(mc, all, -1);
	if (!done)
		return;
	usleep((useconds_t)chance(200));
	calls(mc, all, 1);
	write_now(&mc->paused, 0);
	/* A vcpu that was on its way out when the pause began may have ended its VM meanwhile. */
	if (!vm_resume(&mc->vm) && read_now(&mc->vm.state) == VM_RUNNING)
		broken("not resumed");
	calls(mc, all, -1);
	add_now(&did.pauses, 1);
}

static void starts(struct machine *mc)
{
	for (unsigned int i = 0; i < VCPUS; i++) {
		struct vcpu *v = mc->vm.vcpus[i];

		calls(mc, BIT(i), 1);
		if (vcpu_hsm_status(v) == SBI_HSM_STATE_STOPPED &&
		    vcpu_hsm_start(v, 0x1000, 0) == HV_OK)
			add_now(&did.starts, 1);
		calls(mc, BIT(i), -1);
	}
}

static void frees(struct machine *mc)
{
	fences(mc, BIT(VCPUS) - 1, HART_FENCE_GVMA);
	add_now(&did.flushes, 1);
}

/* --- threads ----------------------------------------------------------------------------------------- */

enum role { POSTER, POSTER_2, FENCER, FREER, OPERATOR, STARTER, NR_ROLES };

#define OPS_PER_ROUND 400

static pthread_barrier_t round_begins, round_ends;
static unsigned int rounds;

static void act(enum role role, struct machine *mc)
{
	struct vcpu *v = mc->vm.vcpus[chance(VCPUS)];

	switch (role) {
	case POSTER:
	case POSTER_2:
		if (chance(4))
			posts(v);
		else
			raises(v);
		break;
	case FENCER:
		fences(mc, chance(BIT(VCPUS)), (enum hart_fence)chance(2));
		break;
	case FREER:
		frees(mc);
		break;
	case OPERATOR:
		if (chance(8))
			usleep((useconds_t)chance(100));
		else if (chance(60))
			pauses(mc);
		else
			reboots(mc);
		break;
	case STARTER:
		usleep((useconds_t)chance(30));
		starts(mc);
		break;
	case NR_ROLES:
		break;
	}
}

static void *outsider(void *arg)
{
	enum role role = (enum role)(uintptr_t)arg;

	fake_pcpu_become(HARTS + (unsigned int)role);
	rng_begin(100 + role);
	for (unsigned int r = 0; r < rounds; r++) {
		pthread_barrier_wait(&round_begins);
		for (unsigned int i = 0; i < OPS_PER_ROUND; i++) {
			struct machine *mc = &machines[chance(VMS)];

			pthread_rwlock_rdlock(&mc->life);
			act(role, mc);
			pthread_rwlock_unlock(&mc->life);
			if (chance(2) == 0)
				usleep((useconds_t)chance(300));
			add_now(&progress, 1);
		}
		pthread_barrier_wait(&round_ends);
	}
	return NULL;
}

static void *hart(void *arg)
{
	fake_pcpu_become((unsigned int)(uintptr_t)arg);
	rng_begin((unsigned int)(uintptr_t)arg);
	vmid_init_pcpu(this_pcpu()->index, 3); /* few, so that generations pass */
	csr_write(CSR_STIMECMP, UINT64_MAX);
	pcpu_loop();
}

static unsigned int from_environment(const char *name, unsigned int otherwise)
{
	const char *text = getenv(name);

	return text ? (unsigned int)strtoul(text, NULL, 0) : otherwise;
}

/* Nothing has been making progress for long: say who waits for what. */
static __attribute__((no_sanitize("thread"))) void *watchdog(void *arg)
{
	unsigned int seconds = from_environment("HV_WATCHDOG", WATCHDOG_SECS);
	uint64_t last = 0;

	(void)arg;
	for (unsigned int still = 0; still < seconds; still++) {
		uint64_t now = read_now(&progress);

		if (now != last)
			still = 0;
		last = now;
		sleep(1);
		if (read_now(&the_end))
			return NULL;
	}
	for (unsigned int i = 0; i < ALL_VCPUS; i++) {
		const struct vcpu *v = machines[i / VCPUS].vm.vcpus[i % VCPUS];
		const struct guest *g = guest_of(v);

		printf("vm %u vcpu %u: mode %u requests %#" PRIx64
		       " blocked %u sched %u hsm %u halted %d "
		       "posted %" PRIu64 " seen %" PRIu64 " raised %" PRIu64 " claimed %" PRIu64
		       " timer %u state %u\n",
		       i / VCPUS, v->id, v->mode, v->requests, v->blocked, v->se.state, v->hsm,
		       v->halted, g->posted, g->seen, g->raised, g->claimed, g->timer,
		       v->vm->state);
	}
	broken("nothing moves");
}

/* Has everything that was asked for been done? */
static bool at_rest(void)
{
	for (unsigned int i = 0; i < ALL_VCPUS; i++) {
		const struct vcpu *v = machines[i / VCPUS].vm.vcpus[i % VCPUS];
		const struct guest *g = guest_of(v);
		uint32_t hsm = read_now(&v->hsm);

		if (read_now(&v->vm->state) != VM_RUNNING)
			return false;
		if (hsm == SBI_HSM_STATE_STOPPED)
			continue;
		if (hsm == SBI_HSM_STATE_START_PENDING || hsm == SBI_HSM_STATE_STOP_PENDING)
			return false;
		if (read_now(&v->blocked) == 0 || read_now(&g->seen) != read_now(&g->posted) ||
		    read_now(&g->raised) != read_now(&g->claimed) || read_now(&g->timer))
			return false;
	}
	return true;
}

static void make_machines(void)
{
	for (unsigned int n = 0; n < VMS; n++) {
		struct machine *mc = &machines[n];

		mc->vm.id = n;
		sched_group_init(&mc->vm.group, 0);
		work_init(&mc->vm.life, life_work);
		pthread_rwlock_init(&mc->life, NULL);
		mc->table = mc->pages[0];
		for (unsigned int i = 0; i < PAGE_WORDS; i++)
			mc->pages[0][i] = 0x600d;
		for (unsigned int i = 0; i < VCPUS; i++) {
			pthread_mutex_init(&mc->guests[i].line, NULL);
			mc->vm.vcpus[i] = vcpu_new(&mc->vm, i, NULL);
			mc->vm.nr_vcpus = i + 1;
		}
	}
}

static void harts_begin(unsigned int harts, unsigned int others, pthread_t threads[])
{
	seed = from_environment("HV_SEED", (unsigned int)hart_time());
	printf("threads: HV_SEED=%" PRIu64 "\n", seed);
	fflush(stdout);
	harts_setup(harts + others);
	timer_setup(10000000, true);
	assert_int_equal(sched_init(harts, 10000000), 0);
	for (unsigned int i = harts; i-- > 0;) {
		fake_pcpu_become(i);
		sched_init_pcpu();
	}
	write_now(&the_end, 0);
	(void)threads;
}

static void harts_end(unsigned int harts, pthread_t threads[])
{
	write_now(&the_end, 1);
	for (unsigned int i = 0; i < harts; i++)
		pthread_join(threads[i], NULL);
}

static void check_counters(void)
{
	for (unsigned int i = 0; i < ALL_VCPUS; i++) {
		const struct vcpu *v = machines[i / VCPUS].vm.vcpus[i % VCPUS];
		uint64_t stays =
			read_now(&guest_of(v)->stays) + read_now(&v->stats.aborted_entries);

		if (read_now(&v->stats.ipis_sent) > stays)
			broken("%" PRIu64 " IPIs for %" PRIu64 " stays in the guest",
			       v->stats.ipis_sent, stays);
	}
}

static void everybody_at_once_loses_nothing(void **state)
{
	pthread_t harts[HARTS], others[NR_ROLES], dog;

	(void)state;
	rounds = from_environment("HV_ROUNDS", getenv("HV_LONG") ? 3000 : 60);
	harts_begin(HARTS, NR_ROLES, harts);
	make_machines();
	for (unsigned int n = 0; n < VMS; n++)
		begin_life(&machines[n]);
	pthread_barrier_init(&round_begins, NULL, NR_ROLES + 1);
	pthread_barrier_init(&round_ends, NULL, NR_ROLES + 1);
	for (unsigned int i = 0; i < HARTS; i++)
		pthread_create(&harts[i], NULL, hart, (void *)(uintptr_t)i);
	for (unsigned int i = 0; i < NR_ROLES; i++)
		pthread_create(&others[i], NULL, outsider, (void *)(uintptr_t)i);
	pthread_create(&dog, NULL, watchdog, NULL);
	for (unsigned int r = 0; r < rounds; r++) {
		write_now(&calm, 0);
		pthread_barrier_wait(&round_begins);
		pthread_barrier_wait(&round_ends);
		write_now(&calm, 1);
		while (!at_rest())
			usleep(200);
		check_counters();
	}
	for (unsigned int i = 0; i < NR_ROLES; i++)
		pthread_join(others[i], NULL);
	harts_end(HARTS, harts);
	pthread_join(dog, NULL);
	printf("threads: %" PRIu64
	       " operations: %u injects, %u levels, %u fences, %u flushes, %u pauses, "
	       "%u starts, %u reboots; guests: %u reads, %u timers, %u halts, %u light exits, "
	       "%u and %u lives\n",
	       operations, did.injects, did.levels, did.fences, did.flushes, did.pauses, did.starts,
	       did.reboots, did.reads, did.timers, did.halts, did.light, machines[0].lives,
	       machines[1].lives);
	fflush(stdout);
}

/* In ticks. */
static uint64_t patience(void)
{
	return from_environment("HV_WATCHDOG", WATCHDOG_SECS) *
	       (UINT64_C(1000000000) / NS_PER_TICK);
}

/* --- the order of data and bit ----------------------------------------------------------------------- */

static bool payload_guest(void)
{
	if (hart_ipi_pending(this_pcpu()->index)) {
		hart_trap(SCAUSE_INTERRUPT | IRQ_S_SOFT, 0);
		return false;
	}
	if (read_now(&the_end))
		pthread_exit(NULL);
	sched_yield();
	return true;
}

/*
 * The payload is not atomic, and nothing but the request orders it: TSan says when that is not enough.
 */
static void what_was_written_before_a_request_is_seen_after_it(void **state)
{
	static struct machine mc;
	struct sched_params first = { .affinity = hartset_of(1) };
	pthread_t threads[1];
	struct vcpu *v;

	(void)state;
	payload_test = true;
	harts_begin(1, 1, threads);
	v = vcpu_new(&mc.vm, 0, &first);
	mc.vm.vcpus[0] = v;
	mc.vm.nr_vcpus = 1;
	mc.vm.state = VM_RUNNING;
	v->hsm = SBI_HSM_STATE_STARTED;
	v->blocked = 0;
	sched_wake(&v->se);
	pthread_create(&threads[0], NULL, hart, (void *)0);
	fake_pcpu_become(1);
	for (uint64_t i = 1; i <= 3000; i++) {
		payload = i;
		vcpu_make_request(REQUEST_FENCE_I, v);
		vcpu_kick(v);
		for (uint64_t since = hart_time();
		     __atomic_load_n(&payload_seen, __ATOMIC_ACQUIRE) != i;) {
			sched_yield();
			if (hart_time() - since > patience())
				broken("request %" PRIu64 " is not seen", i);
		}
	}
	harts_end(1, threads);
	payload_test = false;
}

/* start_pc is not atomic either: STOPPED orders its next writer after its last reader. */
static void a_hart_that_stops_is_started_again_and_again(void **state)
{
	static struct machine mc;
	struct sched_params first = { .affinity = hartset_of(1) };
	pthread_t threads[1];
	struct vcpu *v;

	(void)state;
	stop_test = true;
	harts_begin(1, 1, threads);
	v = vcpu_new(&mc.vm, 0, &first);
	mc.vm.vcpus[0] = v;
	mc.vm.nr_vcpus = 1;
	mc.vm.state = VM_RUNNING;
	pthread_create(&threads[0], NULL, hart, (void *)0);
	fake_pcpu_become(1);
	for (uint64_t i = 0; i < 3000; i++) {
		uint64_t since = hart_time();

		while (vcpu_hsm_start(v, i, i) != HV_OK)
			if (hart_time() - since > patience())
				broken("start %" PRIu64 " is lost", i);
	}
	harts_end(1, threads);
	stop_test = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_before_a_request_is_seen_after_it),
		cmocka_unit_test(a_hart_that_stops_is_started_again_and_again),
		cmocka_unit_test(everybody_at_once_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
