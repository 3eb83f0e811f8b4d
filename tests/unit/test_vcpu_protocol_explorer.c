// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/vcpu/request.c hyp/vcpu/vcpu.c hyp/vcpu/irq.c hyp/vcpu/fence.c hyp/vcpu/hsm.c
// SOURCES: hyp/vcpu/steal.c hyp/vcpu/magic.c hyp/vcpu/vm.c hyp/vcpu/guest_mem.c hyp/vcpu/vtimer.c hyp/sched/sched.c hyp/sched/account.c hyp/sched/fair.c
// SOURCES: hyp/sched/fifo.c hyp/sched/cap.c hyp/sched/balance.c hyp/sched/yield.c hyp/sched/rest.c hyp/vcpu/poll.c
// SOURCES: hyp/run/vcpu_run.c hyp/run/pcpu_loop.c hyp/run/rest.c hyp/arch/smp.c hyp/arch/guest.c
// SOURCES: tests/unit/explorer/thread.c tests/unit/explorer/memory.c tests/unit/explorer/state.c tests/unit/explorer/search.c tests/unit/explorer/trace.c tests/unit/fake/hart.c
// SANITIZE: none
// CFLAGS: -O2
// INCLUDE: tests/unit/include-explorer tests/unit/include-hart
/*
 * The vcpu protocol in every order that differs, with stores that arrive late (explorer/explorer.h). Each
 * test is a small scene: harts that run the real pcpu_loop() with guests that do what their script
 * says, and outsiders that ask for things. What must hold is checked in the guest, at every
 * instruction of it, and at each end, when everybody is done or asleep.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <hartvisor/sbi.h>

#include "arch/csr.h"
#include "arch/guest_state.h"
#include "arch/smp.h"
#include "explorer/explorer.h"
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

#define VCPUS_MAX 3

enum guest_op {
	END,	/* run on; whatever comes is only looked at */
	TAKE,	/* for ever: take each VSSIP, clearing it first; wait in the guest for the next */
	IDLE,	/* for ever: take each VSSIP; wait for the next in WFI */
	NOP,	/* an exit for nothing */
	WFI,	/* halt once */
	YIELD,	/* WRS.NTO */
	READ,	/* an SBI call that reads guest memory */
	STOP,	/* hart_stop */
	ENABLE, /* vsie.SSIE */
	ARM,	/* the timer, for later */
	CATCH,	/* for ever: look for what was thrown; wait for a kick, and nothing else */
	CATCH_IDLE,   /* the same, and as IDLE */
	THROW,	      /* to the other vcpu, and kick it, and yield to it */
	FENCE_OTHERS, /* remote fence.i to all other vcpus */
	LIGHT_FENCE,  /* the same by a light exit */
	LIGHT_IPI,    /* VSSIP to all others by a light exit */
};

struct guest {
	const enum guest_op *script;
	unsigned int at;
	enum guest_op op; /* why it left */
	unsigned int entries;
	uint64_t posted, seen;	 /* interrupts for it: made by others, taken notice of */
	uint64_t thrown, caught; /* with kicks: by others into its memory, and seen by it */
	unsigned int calls;	 /* of others on their way to it */
	unsigned int resets;
	uint64_t asked[NR_HART_FENCES], returned[NR_HART_FENCES], fenced[NR_HART_FENCES];
};

static struct world {
	struct vm vm;
	struct guest guests[VCPUS_MAX];
	unsigned int ipis; /* sent, for whatever reason */
	bool only_kicks;   /* nobody sleeps in this scene: an IPI is for a stay in the guest */
	bool paused;	   /* vm_pause() has returned, vm_resume() has not begun */
	bool must_not_run; /* nobody may enter */
	unsigned int buried;
	uint32_t table; /* the G-stage's one entry; 0: unmapped */
	bool freed;	/* what it points to */
	struct work *work;
	void (*work_fn)(void);
	uint64_t vmids;
	uint64_t time;
	unsigned int harts;
} w;

static uint8_t arena[VCPUS_MAX * (sizeof(struct vcpu) + 64)] __attribute__((aligned(64)));
static uint64_t arena_used;
static uint8_t queues[3072] __attribute__((aligned(64)));

static bool no_rest; /* each halt goes through the scheduler */

static struct guest *guest_of(const struct vcpu *v)
{
	return &w.guests[v->id];
}

static struct vcpu *vcpu(unsigned int i)
{
	return w.vm.vcpus[i];
}

/* --- what the sources call ------------------------------------------------------------------------- */

void *arena_alloc(struct arena *a, uint64_t size, uint64_t align)
{
	void *p;

	(void)a;
	arena_used = align_up(arena_used, align);
	assert_true(arena_used + size <= sizeof(arena));
	p = arena + arena_used;
	arena_used += size;
	return p;
}

void *page_alloc_zeroed(uint64_t size, uint64_t align)
{
	(void)size, (void)align;
	memset(queues, 0, sizeof(queues));
	return queues;
}

uint64_t vmid_generation[MAX_PCPUS] = { [0 ... MAX_PCPUS - 1] = 1 };

bool vmid_alloc(struct vmid *v, unsigned int pcpu)
{
	*v = (struct vmid){ .generation = 1, .pcpu = (uint16_t)pcpu, .id = (uint16_t)++w.vmids };
	return false;
}

/* A walk: the entry, then the page that it names, for a while. */
static int walk(void)
{
	if (!explorer_load(&w.table, sizeof(w.table), false))
		return HV_EFAULT;
	for (int i = 0; i < 2; i++) {
		explorer_step();
		if (w.freed)
			explorer_fail("a page is read after it was freed");
	}
	return HV_OK;
}

int gstage_read(const struct gstage *gs, gpa_t a, void *buf, uint64_t len)
{
	(void)gs, (void)a, (void)buf, (void)len;
	return walk();
}

/* No vcpu here has steal time. */
void *gstage_write_ptr(const struct gstage *gs, gpa_t a, uint64_t len)
{
	(void)gs, (void)a, (void)len;
	return NULL;
}

int gstage_write(const struct gstage *gs, gpa_t a, const void *buf, uint64_t len)
{
	(void)gs, (void)a, (void)buf, (void)len;
	return walk();
}

void page_free(hpa_t base, uint64_t size)
{
	(void)base, (void)size;
}

/* No scene has a magic page. */
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

int gstage_unmap_ram(struct gstage *gs, gpa_t base, uint64_t size, struct gstage_ram *out,
		     unsigned int max, unsigned int *nr)
{
	(void)gs, (void)base, (void)size, (void)out, (void)max;
	*nr = 1;
	explorer_store(&w.table, sizeof(w.table), 0, false);
	return HV_OK;
}

void gstage_free_pieces(struct gstage *gs, const struct gstage_ram *pieces, unsigned int nr)
{
	(void)gs, (void)pieces, (void)nr;
	w.freed = true;
}

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	*t = (struct timer){ .deadline = TIMER_NEVER, .fn = fn };
}

void timer_arm(struct timer *t, uint64_t deadline)
{
	t->deadline = deadline;
	t->armed = true;
}

void timer_cancel(struct timer *t)
{
	t->armed = false;
}

void timer_run(void)
{
}

void timer_set_slice(uint64_t deadline)
{
	(void)deadline;
}

uint64_t timer_now(void)
{
	return w.time;
}

uint64_t hart_time(void)
{
	return w.time;
}

uint64_t timer_ticks_to_ns(uint64_t ticks)
{
	return ticks * 100;
}

uint64_t timer_ns_to_ticks(uint64_t ns)
{
	return ns / 100;
}

bool timer_sstc = true;

void host_irq_handle(void)
{
}

/* One piece of work: the scene's, or the end of the VM. */
void work_queue(struct work *work)
{
	if (work == &w.vm.life)
		w.buried++;
	else
		w.work = work;
}

bool work_pending(void)
{
	explorer_step();
	return w.work != NULL;
}

bool work_run_one(void)
{
	if (!work_pending())
		return false;
	w.work = NULL;
	w.work_fn();
	return true;
}

static bool ipi_here(void *p)
{
	return hart_ipi_pending(((struct pcpu *)p)->index);
}

static bool wfi_ends(void *p)
{
	return hart_wfi_ends(((struct pcpu *)p)->index);
}

void cpu_wait_for_interrupt(void)
{
	explorer_drain();
	explorer_wait(wfi_ends, this_pcpu());
}

/* How many times anybody has been in guest mode, till now. */
static uint64_t stays(void)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < w.vm.nr_vcpus; i++)
		n += vcpu(i)->guest_seq + (vcpu(i)->mode != OUTSIDE_GUEST_MODE);
	return n;
}

/* The firmware has fences enough: what the caller did before is seen by whom the IPI reaches. */
void hart_ipi(uint64_t set)
{
	explorer_step();
	explorer_drain();
	w.ipis += (unsigned int)__builtin_popcountll(set);
	if (w.only_kicks && w.ipis > stays())
		explorer_fail("%u IPIs for %lu stays in the guest", w.ipis, stays());
}

void hart_ipi_to_nobody(void)
{
	explorer_fail("an IPI to a hart that does not exist");
}

void hart_fenced(enum hart_fence kind)
{
	struct vcpu *v = this_pcpu()->current;

	if (v)
		guest_of(v)->fenced[kind] = guest_of(v)->asked[kind];
}

/* --- the guest --------------------------------------------------------------------------------------- */

/* Each instruction: may it run at all, and is nothing overdue? */
static void check_in_guest(const struct vcpu *v)
{
	const struct guest *g = guest_of(v);
	bool ipi = hart_ipi_pending(this_pcpu()->index);

	if (w.paused)
		explorer_fail("vcpu %u runs while its VM is paused", v->id);
	if (w.must_not_run)
		explorer_fail("vcpu %u runs though it must not", v->id);
	if (v->hsm != SBI_HSM_STATE_STARTED)
		explorer_fail("vcpu %u runs in HSM state %u", v->id, v->hsm);
	if (csr_read(CSR_HTIMEDELTA) != v->vm->htimedelta)
		explorer_fail("vcpu %u runs with a clock of before", v->id);
	if (g->calls == 0 && !ipi) {
		if (v->requests)
			explorer_fail("vcpu %u runs with requests %#lx unseen", v->id, v->requests);
		if (v->irq.inject)
			explorer_fail("vcpu %u runs with an interrupt not flushed", v->id);
	}
	for (int k = 0; k < NR_HART_FENCES; k++)
		if (g->fenced[k] < g->returned[k])
			explorer_fail("vcpu %u runs without its fence", v->id);
}

static void guest_take_interrupt(struct guest *g)
{
	csr_clear(CSR_HVIP, BIT(IRQ_VS_SOFT));
	explorer_step();
	g->seen = g->posted;
}

/* One instruction. True: it leaves. */
static bool guest_step(const struct vcpu *v, struct guest *g)
{
	bool irq = (csr_read(CSR_HVIP) & csr_read(CSR_HIE) & BIT(IRQ_VS_SOFT)) != 0;

	g->op = g->script[g->at];
	switch (g->op) {
	case END:
		explorer_wait(ipi_here, this_pcpu());
		return false;
	case TAKE:
		if (irq)
			guest_take_interrupt(g);
		else
			explorer_wait(ipi_here, this_pcpu());
		return false;
	case IDLE:
		if (irq) {
			guest_take_interrupt(g);
			return false;
		}
		break;
	case CATCH:
	case CATCH_IDLE:
		if (irq && g->op == CATCH_IDLE) {
			guest_take_interrupt(g);
			return false;
		}
		if (explorer_load(&g->thrown, sizeof(g->thrown), false) != g->caught) {
			g->caught = explorer_load(&g->thrown, sizeof(g->thrown), false);
			return false;
		}
		break;
	case ARM:
		csr_write(CSR_VSIE, BIT(IRQ_S_SOFT) | BIT(IRQ_S_TIMER));
		csr_write(CSR_VSTIMECMP, w.time + 1000);
		g->at++;
		return false;
	case ENABLE:
		csr_write(CSR_VSIE, BIT(IRQ_S_SOFT));
		g->at++;
		return false;
	default:
		g->at++;
		break;
	}
	(void)v;
	hart_trap(EXC_ECALL_VS, 0);
	return true;
}

bool guest_enter(struct guest_regs *r, enum light_verdict (*light)(struct guest_regs *r))
{
	const struct vcpu *v = container_of(r, struct vcpu, regs);
	struct guest *g = guest_of(v);

	g->entries++;
	for (;;) {
		explorer_step();
		check_in_guest(v);
		if (hart_ipi_pending(this_pcpu()->index)) {
			hart_trap(SCAUSE_INTERRUPT | IRQ_S_SOFT, 0);
			return false;
		}
		if (!guest_step(v, g))
			continue;
		if (g->op != LIGHT_FENCE && g->op != LIGHT_IPI)
			return false;
		r->x[REG_A7] = g->op == LIGHT_IPI ? SBI_EXT_IPI : SBI_EXT_RFNC;
		r->x[REG_A6] = 0;
		if (light(r) == LIGHT_LEAVE)
			return true;
	}
}

/* Calls by others: while one is on its way the target may still run as before. */
static void calls(uint64_t set, int n)
{
	for (; set; set &= set - 1)
		w.guests[__builtin_ctzll(set)].calls += (unsigned int)n;
}

static void fence_i(uint64_t set)
{
	uint64_t asked[VCPUS_MAX];

	for (unsigned int i = 0; i < w.vm.nr_vcpus; i++)
		if (set & BIT(i))
			asked[i] = ++w.guests[i].asked[HART_FENCE_I];
	calls(set, 1);
	vm_fence_i(&w.vm, set);
	calls(set, -1);
	for (unsigned int i = 0; i < w.vm.nr_vcpus; i++)
		if (set & BIT(i))
			w.guests[i].returned[HART_FENCE_I] =
				max_u64(w.guests[i].returned[HART_FENCE_I], asked[i]);
}

/* What a guest waits for with a kick: a word of its own memory, then the call. */
static void throws_to(unsigned int i)
{
	struct guest *g = &w.guests[i];

	explorer_store(&g->thrown, sizeof(g->thrown),
		       explorer_load(&g->thrown, sizeof(g->thrown), false) + 1, false);
	vcpu_unhalt(vcpu(i));
}

static void posts_to(unsigned int i);

static struct sbi_ret light_call(struct vcpu *v, uint32_t eid, uint32_t fid, const uint64_t a[6])
{
	uint64_t others = vm_all_vcpus(v->vm) & ~BIT(v->id);

	(void)fid, (void)a;
	if (eid == SBI_EXT_RFNC)
		fence_i(others);
	else
		for (; others; others &= others - 1)
			posts_to((unsigned int)__builtin_ctzll(others));
	return sbi_ok(0);
}

static const struct sbi_extension ipi = { .eid_first = SBI_EXT_IPI,
					  .handle = light_call,
					  .light = 1 };
static const struct sbi_extension rfence = { .eid_first = SBI_EXT_RFNC,
					     .handle = light_call,
					     .light = 1 };

const struct sbi_extension *const sbi_extensions[32] = {
	[SBI_SLOT(SBI_EXT_IPI)] = &ipi,
	[SBI_SLOT(SBI_EXT_RFNC)] = &rfence,
};

/* No call of these tests is theirs. */
const struct sbi_extension sbi_ext_legacy, sbi_ext_vendor;

void sbi_answer(struct vcpu *v, const struct sbi_extension *ext)
{
	sbi_do(v, ext);
}

enum exit_result vcpu_handle_exit(struct vcpu *v, uint64_t cause)
{
	uint8_t byte;

	if (cause & SCAUSE_INTERRUPT) {
		csr_clear(CSR_SIP, BIT(IRQ_S_SOFT));
		return EXIT_GOES_ON;
	}
	switch (guest_of(v)->op) {
	case IDLE:
	case WFI:
		vcpu_halt(v);
		return EXIT_GOES_ON;
	case YIELD:
		return EXIT_SPINS;
	case CATCH:
		vcpu_wait_kick(v, false);
		return EXIT_GOES_ON;
	case CATCH_IDLE:
		vcpu_wait_kick(v, true);
		return EXIT_GOES_ON;
	case THROW:
		throws_to(1 - v->id);
		v->yield_to = vcpu(1 - v->id);
		return EXIT_YIELDS;
	case READ:
		(void)vcpu_read_guest(v, gpa(0), &byte, 1);
		return EXIT_GOES_ON;
	case STOP:
		vcpu_hsm_stop(v);
		return EXIT_GOES_ON;
	case FENCE_OTHERS:
		fence_i(vm_all_vcpus(v->vm) & ~BIT(v->id));
		return EXIT_GOES_ON;
	default:
		return EXIT_GOES_ON;
	}
}

/* --- scenes ------------------------------------------------------------------------------------------ */

static void run_hart(void *arg)
{
	(void)arg;
	pcpu_loop();
}

static void name_words(void)
{
	char text[32];

	for (unsigned int i = 0; i < w.vm.nr_vcpus; i++) {
		struct vcpu *v = vcpu(i);
		const struct {
			const void *at;
			const char *name;
		} words[] = { { &v->mode, "mode" },	      { &v->requests, "requests" },
			      { &v->guest_seq, "guest_seq" }, { &v->irq.inject, "inject" },
			      { &v->irq.levels, "levels" },   { &v->hsm, "hsm" },
			      { &v->blocked, "blocked" },     { &v->kicked, "kicked" },
			      { &v->last_pcpu, "last_pcpu" }, { &v->se.pcpu, "se.pcpu" },
			      { &v->se.on_cpu, "se.on_cpu" }, { &v->fence_lock, "fence_lock" } };

		for (unsigned int k = 0; k < ARRAY_SIZE(words); k++) {
			snprintf(text, sizeof(text), "vcpu %u %s", i, words[k].name);
			explorer_name(words[k].at, text);
		}
	}
	explorer_name(&w.vm.paused, "vm paused");
	explorer_name(&w.vm.state, "vm state");
	explorer_name(&w.vm.htimedelta, "vm htimedelta");
	explorer_name(&w.table, "table");
	for (unsigned int i = 0; i < w.harts; i++) {
		snprintf(text, sizeof(text), "pcpu %u need_resched", i);
		explorer_name(&pcpus[i]->need_resched, text);
		snprintf(text, sizeof(text), "pcpu %u idle", i);
		explorer_name(&pcpus[i]->idle, text);
	}
}

static struct vcpu *new_vcpu(unsigned int id, uint64_t affinity)
{
	struct sched_params p = { .affinity = hartset_of(affinity) };

	return vcpu_new(&w.vm, id, &p);
}

/*
 * @harts pcpus that run guests and @others more for outsiders; @vcpus of which number i may run on the
 * pcpus in affinity[i].
 */
static void scene(unsigned int harts, unsigned int others, unsigned int vcpus,
		  const uint64_t affinity[])
{
	static const char *const names[] = { "hart 0", "hart 1", "hart 2" };

	memset(&w, 0, sizeof(w));
	memset(arena, 0, sizeof(arena));
	arena_used = 0;
	harts_setup(harts + others);
	w.harts = harts;
	w.table = 1;
	assert_int_equal(sched_init(harts, 10000000), 0);
	for (unsigned int i = harts; i-- > 0;) {
		fake_pcpu_become(i);
		sched_init_pcpu();
	}
	explorer_begin();
	w.vm.state = VM_RUNNING;
	/* Who has a cap never rests; so large a one changes nothing else. */
	sched_group_init(&w.vm.group, no_rest ? 100 * HARTS_MAX : 0);
	for (unsigned int i = 0; i < vcpus; i++) {
		static const enum guest_op end[] = { END };

		w.vm.vcpus[i] = new_vcpu(i, affinity[i]);
		w.vm.nr_vcpus = i + 1;
		w.guests[i].script = end;
		explorer_quiet(&vcpu(i)->stats, sizeof(struct vcpu_stats));
	}
	w.vm.active = vcpus;
	name_words();
	for (unsigned int i = 0; i < harts; i++)
		explorer_thread(names[i], pcpus[i], run_hart, NULL);
}

static void outsider(const char *name, void (*fn)(void *arg), uintptr_t arg)
{
	static unsigned int next;

	next = next < w.harts || next + 1 >= nr_pcpus ? w.harts : next + 1;
	explorer_thread(name, pcpus[next], fn, (void *)arg);
}

/* It has been running for a while when the scene begins, and is at its pcpu's queue. */
static void runs(unsigned int i, const enum guest_op *script)
{
	w.guests[i].script = script;
	vcpu(i)->hsm = SBI_HSM_STATE_STARTED;
	vcpu(i)->vs.vsie = BIT(IRQ_S_SOFT);
	vcpu(i)->blocked = 0;
	sched_wake(&vcpu(i)->se);
	w.ipis = 0;
	for (unsigned int h = 0; h < nr_pcpus; h++) {
		hart_clear_ipi(h);
		pcpus[h]->need_resched = 0;
	}
}

static void tidy(void)
{
	for (unsigned int i = 0; i < w.vm.nr_vcpus; i++) {
		struct vcpu *v = vcpu(i);

		memset(&v->stats, 0, sizeof(v->stats));
		v->se.switches = v->se.migrations = v->se.run_ticks = 0;
		w.guests[i].entries = w.guests[i].entries ? 1 : 0;
	}
	for (unsigned int i = 0; i < nr_pcpus; i++)
		pcpus[i]->ipis_sent = pcpus[i]->ipis_taken = 0;
}

static const uint64_t no_wakeup =
	BIT(REQUEST_SLEEP & REQUEST_MASK) | BIT(REQUEST_TLB_FLUSH & REQUEST_MASK) |
	BIT(REQUEST_UPDATE_HGATP & REQUEST_MASK) | BIT(REQUEST_FENCE_I & REQUEST_MASK) |
	BIT(REQUEST_HFENCE & REQUEST_MASK) | BIT(REQUEST_HFENCE_VVMA_ALL & REQUEST_MASK) |
	BIT(REQUEST_HFENCE_GVMA_ALL & REQUEST_MASK);

static bool timer_is_set(const struct vcpu *v)
{
	return v->timer_off ? v->vs.vstimecmp != TIMER_NEVER :
			      hart_csr(v->se.pcpu, CSR_VSTIMECMP) != TIMER_NEVER;
}

/* Either the stand-in, or, while it rests, its own. */
static bool timer_wakes(const struct vcpu *v)
{
	return v->timer_off ? v->timer.armed : v->se.resting;
}

/* Everybody is done or asleep: nobody may have slept over something. */
static void nothing_is_left(void)
{
	for (unsigned int i = 0; i < w.vm.nr_vcpus; i++) {
		const struct vcpu *v = vcpu(i);
		uint64_t irqs = v->irq.inject | v->irq.levels;

		if (v->requests & BIT(REQUEST_VM_DEAD))
			continue; /* never cleared */
		if (v->se.state == SCHED_RUNNABLE)
			explorer_fail("vcpu %u waits for a hart that sleeps", i);
		if (v->se.state == SCHED_RUNNING && !v->se.resting &&
		    (v->requests || v->irq.inject))
			explorer_fail("vcpu %u runs on, with requests %#lx inject %#lx", i,
				      v->requests, v->irq.inject);
		if (v->se.state != SCHED_BLOCKED && !v->se.resting)
			continue;
		if (!v->blocked)
			explorer_fail("vcpu %u sleeps though somebody woke it", i);
		if (v->requests & ~no_wakeup)
			explorer_fail("vcpu %u sleeps with requests %#lx", i, v->requests);
		if (v->halted && !w.vm.paused && v->kicked)
			explorer_fail("vcpu %u sleeps with a kick", i);
		if (v->halted && v->kick_only)
			continue;
		if (v->halted && !w.vm.paused && (irqs & v->vs.vsie << 1) != 0)
			explorer_fail("vcpu %u sleeps with an interrupt pending", i);
		if (v->halted && !w.vm.paused && timer_is_set(v) && !timer_wakes(v))
			explorer_fail("vcpu %u sleeps and its timer wakes nobody", i);
	}
}

static void all_are_done(void)
{
	for (unsigned int i = w.harts; i < nr_pcpus; i++)
		if (!explorer_done(i))
			explorer_fail("an outsider waits for ever");
}

static void final_common(void)
{
	nothing_is_left();
	all_are_done();
	for (unsigned int i = 0; i < w.vm.nr_vcpus; i++)
		if (w.guests[i].seen != w.guests[i].posted &&
		    w.guests[i].script[w.guests[i].at] != END)
			explorer_fail("vcpu %u saw %lu of %lu interrupts", i, w.guests[i].seen,
				      w.guests[i].posted);
}

static bool long_run(void)
{
	return getenv("HV_LONG") != NULL;
}

static void explore_to(const char *name, unsigned int preemptions, void (*final)(void))
{
	const struct explorer_options o = {
		.name = name,
		.preemptions = long_run() ? preemptions + 2 : preemptions,
		.max_states = long_run() ? 1500000 : 60000,
		.tidy = tidy,
		.final = final,
	};

	bool good = explorer_run(&o);

	if (!good && getenv("HV_FAIL_FAST"))
		exit(1);
	assert_true(good);
}

#define explore(preemptions, final) explore_to(__func__, preemptions, final)

static const uint64_t own_hart[] = { BIT(0), BIT(1), BIT(2) };
static const uint64_t first_hart[] = { BIT(0), BIT(0), BIT(0) };
static const uint64_t any_hart[] = { UINT64_MAX, UINT64_MAX, UINT64_MAX };

static const enum guest_op runs_on[] = { END };
static const enum guest_op takes[] = { TAKE };
static const enum guest_op catches[] = { CATCH };
static const enum guest_op catches_idle[] = { CATCH_IDLE };
static const enum guest_op idles[] = { IDLE };

static void pauses_and_resumes(void *arg);

/* --- requests and entry -------------------------------------------------------------------------------- */

static void asks_fence_i(void *arg)
{
	uint64_t set = (uintptr_t)arg;

	fence_i(set);
}

static void kicks_request(void *arg)
{
	struct vcpu *v = vcpu((unsigned int)(uintptr_t)arg);

	calls(BIT(v->id), 1);
	vcpu_make_request(REQUEST_HFENCE_VVMA_ALL, v);
	vcpu_kick(v);
	calls(BIT(v->id), -1);
}

static void request_is_seen_before_entry(void **state)
{
	static const enum guest_op script[] = { NOP, END };

	(void)state;
	scene(1, 1, 1, own_hart);
	runs(0, script);
	w.only_kicks = true;
	outsider("requester", kicks_request, 0);
	explore(6, final_common);
}

static void two_requesters_send_one_ipi_a_stay(void **state)
{
	(void)state;
	scene(1, 2, 1, own_hart);
	runs(0, runs_on);
	w.only_kicks = true;
	outsider("requester", kicks_request, 0);
	outsider("broadcaster", asks_fence_i, 1);
	explore(4, final_common);
}

static void broadcast_is_seen_before_entry(void **state)
{
	static const enum guest_op script[] = { NOP, END };

	(void)state;
	scene(1, 1, 1, own_hart);
	runs(0, script);
	w.only_kicks = true;
	outsider("broadcaster", asks_fence_i, 1);
	explore(6, final_common);
}

static void final_asleep(void)
{
	final_common();
	if (w.ipis)
		explorer_fail("an IPI for a vcpu that sleeps");
	if (w.guests[0].entries)
		explorer_fail("it was woken");
}

static void no_wakeup_leaves_a_blocked_vcpu_alone(void **state)
{
	(void)state;
	scene(1, 2, 1, own_hart);
	outsider("broadcaster", asks_fence_i, 1);
	outsider("broadcaster 2", asks_fence_i, 1);
	w.must_not_run = true;
	explore(8, final_asleep);
}

/* --- interrupts and halting ---------------------------------------------------------------------------- */

static void posts_to(unsigned int i)
{
	w.guests[i].posted++;
	calls(BIT(i), 1);
	vcpu_inject(vcpu(i), BIT(IRQ_VS_SOFT));
	calls(BIT(i), -1);
}

static void posts(void *arg)
{
	posts_to((unsigned int)(uintptr_t)arg);
}

static void posts_twice(void *arg)
{
	posts(arg);
	posts(arg);
}

static void inject_and_guest_clear_lose_nothing(void **state)
{
	(void)state;
	scene(1, 2, 1, own_hart);
	runs(0, takes);
	outsider("sender", posts_twice, 0);
	outsider("sender 2", posts, 0);
	explore(4, final_common);
}

static void kick_before_halt_is_remembered(void **state)
{
	(void)state;
	scene(1, 2, 1, own_hart);
	runs(0, idles);
	outsider("sender", posts, 0);
	outsider("sender 2", posts, 0);
	explore(4, final_common);
}

static void throws(void *arg)
{
	throws_to((unsigned int)(uintptr_t)arg);
}

static void throws_and_throws(void *arg)
{
	throws(arg);
	throws(arg);
}

static void final_caught(void)
{
	nothing_is_left();
	all_are_done();
	for (unsigned int i = 0; i < w.vm.nr_vcpus; i++)
		if (w.guests[i].caught != w.guests[i].thrown)
			explorer_fail("vcpu %u caught %lu of %lu", i, w.guests[i].caught,
				      w.guests[i].thrown);
}

static void final_no_ipi(void)
{
	nothing_is_left();
	all_are_done();
	if (w.ipis)
		explorer_fail("a kick took a vcpu out of the guest");
}

static void a_kick_leaves_who_does_not_halt_in_the_guest(void **state)
{
	(void)state;
	scene(1, 1, 1, own_hart);
	runs(0, runs_on);
	w.ipis = 0;
	outsider("kicker", throws_and_throws, 0);
	explore(6, final_no_ipi);
}

static void no_kick_is_lost(void **state)
{
	(void)state;
	scene(1, 2, 1, own_hart);
	runs(0, catches);
	outsider("kicker", throws_and_throws, 0);
	outsider("kicker 2", throws, 0);
	explore(4, final_caught);
}

static void an_interrupt_does_not_take_a_kick_along(void **state)
{
	(void)state;
	scene(1, 2, 1, own_hart);
	runs(0, catches_idle);
	outsider("kicker", throws_and_throws, 0);
	outsider("sender", posts, 0);
	explore(4, final_caught);
}

static void interrupts_leave_who_waits_for_a_kick_asleep(void **state)
{
	(void)state;
	scene(1, 2, 1, own_hart);
	runs(0, catches);
	outsider("sender", posts, 0);
	outsider("kicker", throws, 0);
	explore(4, final_caught);
}

static void two_that_kick_and_yield_to_each_other_get_on(void **state)
{
	static const enum guest_op first[] = { THROW, THROW, CATCH },
				   second[] = { NOP, THROW, CATCH };

	(void)state;
	scene(1, 0, 2, first_hart);
	runs(0, first);
	runs(1, second);
	explore(6, final_caught);
}

static void kicks_between_two_harts_are_seen(void **state)
{
	static const enum guest_op first[] = { THROW, CATCH }, second[] = { THROW, CATCH };

	(void)state;
	scene(2, 0, 2, any_hart);
	runs(0, first);
	runs(1, second);
	explore(3, final_caught);
}

static void a_halted_vcpu_has_its_timer_armed(void **state)
{
	static const enum guest_op script[] = { ARM, IDLE };

	(void)state;
	scene(1, 2, 1, own_hart);
	runs(0, script);
	outsider("sender", posts, 0);
	outsider("operator", pauses_and_resumes, 0);
	explore(2, final_common);
}

static void wake_and_block_race_in_the_scheduler(void **state)
{
	(void)state;
	scene(2, 1, 1, any_hart);
	runs(0, idles);
	outsider("sender", posts_twice, 0);
	explore(4, final_common);
}

static void two_vcpus_on_one_hart_wake_each_other(void **state)
{
	(void)state;
	scene(1, 2, 2, first_hart);
	runs(0, idles);
	runs(1, idles);
	outsider("sender", posts, 0);
	outsider("sender 2", posts, 1);
	explore(3, final_common);
}

static void requests_and_interrupts_together(void **state)
{
	(void)state;
	scene(1, 2, 1, own_hart);
	runs(0, idles);
	outsider("sender", posts, 0);
	outsider("broadcaster", asks_fence_i, 1);
	explore(4, final_common);
}

/* --- waiting ------------------------------------------------------------------------------------------- */

static void frees_the_page(void *arg)
{
	(void)arg;
	w.guests[0].asked[HART_FENCE_GVMA]++;
	calls(1, 1);
	(void)vm_give_back_ram(&w.vm, gpa(0), PAGE_SIZE);
	calls(1, -1);
	w.guests[0].returned[HART_FENCE_GVMA] = 1;
}

static void wait_returns_after_the_reader_left(void **state)
{
	static const enum guest_op script[] = { READ, READ, END };

	(void)state;
	scene(1, 1, 1, own_hart);
	runs(0, script);
	outsider("freer", frees_the_page, 0);
	explore(5, final_common);
}

static void two_waiters_for_each_other_finish(void **state)
{
	static const enum guest_op script[] = { FENCE_OTHERS, END };

	(void)state;
	scene(2, 0, 2, own_hart);
	runs(0, script);
	runs(1, script);
	w.only_kicks = true;
	explore(3, final_common);
}

static void light_waiters_for_each_other_finish(void **state)
{
	static const enum guest_op script[] = { LIGHT_FENCE, END };

	(void)state;
	scene(2, 0, 2, own_hart);
	runs(0, script);
	runs(1, script);
	w.only_kicks = true;
	explore(3, final_common);
}

static void a_light_waiter_and_others_finish(void **state)
{
	static const enum guest_op light[] = { LIGHT_FENCE, END }, slow[] = { FENCE_OTHERS, END };

	(void)state;
	scene(2, 1, 2, own_hart);
	runs(0, light);
	runs(1, slow);
	w.only_kicks = true;
	outsider("broadcaster", asks_fence_i, 3);
	explore(2, final_common);
}

static void light_interrupts_wake_those_elsewhere(void **state)
{
	static const enum guest_op light[] = { LIGHT_IPI, IDLE };

	(void)state;
	scene(2, 0, 2, own_hart);
	runs(0, light);
	runs(1, light);
	explore(3, final_common);
}

static void light_interrupts_wake_those_on_the_same_hart(void **state)
{
	static const enum guest_op light[] = { LIGHT_IPI, LIGHT_IPI, IDLE };

	(void)state;
	scene(1, 1, 2, first_hart);
	runs(0, light);
	runs(1, idles);
	outsider("sender", posts, 0);
	explore(3, final_common);
}

/* Hart 0 runs on with somebody waiting for it; hart 1 must not rest beside that. */
static void who_would_rest_takes_what_waits_elsewhere(void **state)
{
	(void)state;
	scene(2, 1, 3, any_hart);
	runs(0, runs_on);
	runs(1, idles);
	runs(2, idles);
	outsider("sender", posts, 1);
	explore(3, final_common);
}

static void waiters_for_one_that_reenters_finish(void **state)
{
	static const enum guest_op script[] = { NOP, NOP, END };

	(void)state;
	scene(1, 2, 1, own_hart);
	runs(0, script);
	w.only_kicks = true;
	outsider("broadcaster", asks_fence_i, 1);
	outsider("requester", kicks_request, 0);
	explore(4, final_common);
}

static void fences_a_hundred_times(void *arg)
{
	const struct vcpu_fence f = { .start = 0x1000, .size = 0x1000 };

	(void)arg;
	for (int i = 0; i < 100; i++)
		vm_fence_vvma(&w.vm, 1, &f);
}

static void final_fenced(void)
{
	all_are_done();
	if (vcpu(0)->nr_fences > VCPU_FENCE_RING)
		explorer_fail("the ring ran over");
	if (!vcpu_test_request(REQUEST_HFENCE_VVMA_ALL, vcpu(0)))
		explorer_fail("fences that had no room are forgotten");
}

static void hundred_fences_never_wait_for_a_vcpu_that_does_not_run(void **state)
{
	(void)state;
	scene(1, 1, 1, own_hart);
	w.must_not_run = true;
	outsider("broadcaster", fences_a_hundred_times, 0);
	explore(1, final_fenced);
}

static void requests_follow_a_vcpu_that_migrates(void **state)
{
	static const enum guest_op script[] = { YIELD, END };

	(void)state;
	scene(2, 1, 2, any_hart);
	runs(0, script);
	runs(1, script);
	outsider("broadcaster", asks_fence_i, 3);
	explore(3, final_common);
}

/* The first kick of its life finds the hart where it runs. */
static void a_kick_finds_the_hart_that_loaded_it_last(void **state)
{
	(void)state;
	scene(1, 1, 1, own_hart);
	runs(0, runs_on);
	w.only_kicks = true;
	outsider("requester", kicks_request, 0);
	explore(4, final_common);
}

/* --- pause, stop, end ---------------------------------------------------------------------------------- */

static void pauses(void *arg)
{
	uint64_t all = vm_all_vcpus(&w.vm);

	(void)arg;
	calls(all, 1);
	w.paused = vm_pause(&w.vm);
	if (!w.paused && w.vm.state == VM_RUNNING)
		explorer_fail("not paused");
	w.time += 100;
	calls(all, -1);
	explorer_step();
	explorer_step();
}

static void pauses_and_resumes(void *arg)
{
	uint64_t all = vm_all_vcpus(&w.vm);

	pauses(arg);
	calls(all, 1);
	w.paused = false;
	(void)vm_resume(&w.vm);
	calls(all, -1);
}

static void final_resumed(void)
{
	final_common();
	for (unsigned int i = 0; i < w.vm.nr_vcpus; i++)
		if (vcpu(i)->se.state != SCHED_RUNNING && w.guests[i].script == runs_on)
			explorer_fail("vcpu %u was not resumed", i);
}

static void pause_returns_when_nobody_runs(void **state)
{
	static const enum guest_op script[] = { NOP, NOP, END };

	(void)state;
	scene(1, 1, 1, own_hart);
	runs(0, script);
	outsider("operator", pauses, 0);
	explore(5, NULL);
}

static void resume_is_not_lost(void **state)
{
	(void)state;
	scene(1, 1, 1, own_hart);
	runs(0, runs_on);
	outsider("operator", pauses_and_resumes, 0);
	explore(4, final_resumed);
}

static void an_interrupt_during_the_pause_is_seen_after_it(void **state)
{
	(void)state;
	scene(1, 2, 1, own_hart);
	runs(0, idles);
	outsider("operator", pauses_and_resumes, 0);
	outsider("sender", posts, 0);
	explore(4, final_common);
}

static void stops(void)
{
	uint64_t all = vm_all_vcpus(&w.vm);

	calls(all, 1);
	(void)vm_stop(&w.vm, VM_STOP_DESTROY, NULL);
	calls(all, -1);
}

static void final_ended(void)
{
	if (w.vm.active != 0 || w.buried != 1)
		explorer_fail("%u vcpus still live, the end was told %u times", w.vm.active,
			      w.buried);
	for (unsigned int i = 0; i < w.vm.nr_vcpus; i++)
		if (vcpu(i)->se.state != SCHED_BLOCKED || vcpu(i)->se.on_cpu)
			explorer_fail("dead vcpu %u is still somewhere", i);
}

static void destroys(void *arg)
{
	(void)arg;
	stops();
}

static void destroy_reaches_all(void **state)
{
	(void)state;
	scene(2, 1, 2, own_hart);
	runs(0, idles);
	runs(1, runs_on);
	outsider("operator", destroys, 0);
	explore(3, final_ended);
}

static void destroy_during_pause_and_interrupts(void **state)
{
	(void)state;
	scene(1, 3, 1, own_hart);
	runs(0, idles);
	outsider("operator", destroys, 0);
	outsider("operator 2", pauses_and_resumes, 0);
	outsider("sender", posts, 0);
	explore(2, final_ended);
}

/* What the console asks for is done by some hart's loop, in which the target may still be loaded. */
static void queues_work(void *arg)
{
	static struct work work;

	(void)arg;
	work_queue(&work);
	explorer_step();
	(void)smp_wake_one_idle();
	explorer_step();
	smp_kick(1);
}

static void destroy_by_the_hart_that_has_it_loaded(void **state)
{
	(void)state;
	scene(1, 1, 1, own_hart);
	runs(0, idles);
	w.work_fn = stops;
	outsider("operator", queues_work, 0);
	explore(4, final_ended);
}

/* --- HSM ------------------------------------------------------------------------------------------------- */

static bool stopped(void *v)
{
	return ((struct vcpu *)v)->hsm == SBI_HSM_STATE_STOPPED;
}

static void starts_again(void *arg)
{
	struct vcpu *v = vcpu((unsigned int)(uintptr_t)arg);

	calls(BIT(v->id), 1);
	do
		explorer_wait(stopped, v);
	while (vcpu_hsm_start(v, 0x1000, 7) != HV_OK);
	calls(BIT(v->id), -1);
}

static void final_started(void)
{
	final_common();
	if (vcpu(0)->hsm != SBI_HSM_STATE_STARTED || vcpu(0)->se.state != SCHED_RUNNING)
		explorer_fail("it was not started");
	if (vcpu(0)->regs.sepc != 0x1000 || vcpu(0)->regs.x[REG_A1] != 7)
		explorer_fail("it was started elsewhere");
}

static void stop_then_start_is_not_lost(void **state)
{
	static const enum guest_op script[] = { STOP, END };

	(void)state;
	scene(1, 2, 1, own_hart);
	runs(0, script);
	outsider("starter", starts_again, 0);
	outsider("broadcaster", asks_fence_i, 1);
	explore(4, final_started);
}

static void stop_and_pause_and_start(void **state)
{
	static const enum guest_op script[] = { STOP, END };

	(void)state;
	scene(1, 2, 1, own_hart);
	runs(0, script);
	outsider("starter", starts_again, 0);
	outsider("operator", pauses_and_resumes, 0);
	explore(3, final_started);
}

static int rest_off(void **state)
{
	(void)state;
	no_rest = true;
	return 0;
}

static int rest_on(void **state)
{
	(void)state;
	no_rest = false;
	return 0;
}

#define WITHOUT_REST(test)                                             \
	{                                                              \
#test " (without rest)", test, rest_off, rest_on, NULL \
	}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_is_seen_before_entry),
		cmocka_unit_test(two_requesters_send_one_ipi_a_stay),
		cmocka_unit_test(broadcast_is_seen_before_entry),
		cmocka_unit_test(no_wakeup_leaves_a_blocked_vcpu_alone),
		cmocka_unit_test(inject_and_guest_clear_lose_nothing),
		cmocka_unit_test(kick_before_halt_is_remembered),
		WITHOUT_REST(kick_before_halt_is_remembered),
		cmocka_unit_test(a_kick_leaves_who_does_not_halt_in_the_guest),
		cmocka_unit_test(no_kick_is_lost),
		cmocka_unit_test(an_interrupt_does_not_take_a_kick_along),
		cmocka_unit_test(interrupts_leave_who_waits_for_a_kick_asleep),
		cmocka_unit_test(two_that_kick_and_yield_to_each_other_get_on),
		cmocka_unit_test(kicks_between_two_harts_are_seen),
		cmocka_unit_test(a_halted_vcpu_has_its_timer_armed),
		WITHOUT_REST(a_halted_vcpu_has_its_timer_armed),
		cmocka_unit_test(wake_and_block_race_in_the_scheduler),
		WITHOUT_REST(wake_and_block_race_in_the_scheduler),
		cmocka_unit_test(two_vcpus_on_one_hart_wake_each_other),
		WITHOUT_REST(two_vcpus_on_one_hart_wake_each_other),
		cmocka_unit_test(requests_and_interrupts_together),
		WITHOUT_REST(requests_and_interrupts_together),
		cmocka_unit_test(wait_returns_after_the_reader_left),
		cmocka_unit_test(two_waiters_for_each_other_finish),
		cmocka_unit_test(light_waiters_for_each_other_finish),
		cmocka_unit_test(a_light_waiter_and_others_finish),
		cmocka_unit_test(light_interrupts_wake_those_elsewhere),
		WITHOUT_REST(light_interrupts_wake_those_elsewhere),
		cmocka_unit_test(light_interrupts_wake_those_on_the_same_hart),
		cmocka_unit_test(who_would_rest_takes_what_waits_elsewhere),
		cmocka_unit_test(waiters_for_one_that_reenters_finish),
		cmocka_unit_test(hundred_fences_never_wait_for_a_vcpu_that_does_not_run),
		cmocka_unit_test(requests_follow_a_vcpu_that_migrates),
		cmocka_unit_test(a_kick_finds_the_hart_that_loaded_it_last),
		cmocka_unit_test(pause_returns_when_nobody_runs),
		cmocka_unit_test(resume_is_not_lost),
		WITHOUT_REST(resume_is_not_lost),
		cmocka_unit_test(an_interrupt_during_the_pause_is_seen_after_it),
		WITHOUT_REST(an_interrupt_during_the_pause_is_seen_after_it),
		cmocka_unit_test(destroy_reaches_all),
		cmocka_unit_test(destroy_during_pause_and_interrupts),
		WITHOUT_REST(destroy_during_pause_and_interrupts),
		cmocka_unit_test(destroy_by_the_hart_that_has_it_loaded),
		WITHOUT_REST(destroy_by_the_hart_that_has_it_loaded),
		cmocka_unit_test(stop_then_start_is_not_lost),
		cmocka_unit_test(stop_and_pause_and_start),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
