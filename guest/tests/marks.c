// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every CSR that S-mode can write gets a mark. No other VM on the same hart may find it, and no later life of this VM;
 * the other VM does the same with other marks. hyp/arch/csr_list.h says which CSRs there are and what keeps them; a
 * CSR that can be written and is not there fails the test.
 *
 * While it is marked, all that it reads must be its own mark, or 0 where the list says that the hypervisor clears it.
 * When it starts, all must be as after a reset. After each command of a line on the UART it says "MARKS clean":
 * "again": once more; "reboot"; "quit". Boot arguments: id=: 1 or 2, which marks; n=: rounds.
 *
 * Not marked: satp, under which this very code runs (guest/tests/mem.c and fence.c have their own tables), and in
 * sstatus and sie what would turn interrupts on or FP off.
 */
#include "csr.h"
#include "fdt.h"
#include "smp.h"
#include "string.h"
#include "test.h"
#include "time.h"
#include "trap.h"
#include "uart.h"

GUEST("marks");

enum kept { UNKNOWN, SWITCHED, CLEARED, INDIRECT, CLOSED };

static const struct {
	unsigned short csr;
	unsigned char kept;
} list[] = {
#define X(number, name, extension, kept, text) { number, kept },
#include "../../hyp/arch/csr_list.h"
#undef X
};

#define NR_LISTED (sizeof(list) / sizeof(list[0]))

#define CSR_SATP     0x180
#define CSR_SISELECT 0x150
#define CSR_SIREG    0x151
#define CSR_SIREG6   0x157

#define CSRRW(csr) \
	((uint32_t)(csr) << 20 | 11 << 15 | 1 << 12 | 10 << 7 | 0x73) /* csrrw a0, csr, a1 */
#define CSRRS(csr) ((uint32_t)(csr) << 20 | 2 << 12 | 10 << 7 | 0x73) /* csrrs a0, csr, x0 */
#define RET	   0x00008067

/* As hartvisor's VMs and OpenSBI's payloads find them; all others are 0. FP is on, and the library has its own. */
static const struct {
	unsigned short csr;
	unsigned long value, ignored;
} at_start[] = {
	{ 0x100, 2UL << 32,
	  SSTATUS_FS | SSTATUS_VS | SSTATUS_SPIE |
		  1UL << 63 }, /* sstatus; SPIE is of the probing */
	{ 0x105, 0, ~0UL },    /* stvec: trap_entry */
	{ 0x106, 0, 7 },       /* scounteren */
	{ 0x140, 0, ~0UL },    /* sscratch: this_cpu() */
	{ 0x141, 0, ~0UL },    /* sepc, scause, stval: of the probing */
	{ 0x142, 0, ~0UL },
	{ 0x143, 0, ~0UL },
	{ CSR_STIMECMP, ~0UL, 0 },
};

/* A CSR, or a register behind siselect, that can be read and written. */
struct marked {
	unsigned short csr, select; /* select: NOT_INDIRECT, or what siselect must hold */
	unsigned long own;	    /* what a read gave after the mark was written */
};

#define NOT_INDIRECT 0xffff
#define SELECT_END   0x400
#define MAX_MARKED   4096

static struct marked marked[MAX_MARKED];
static unsigned int nr_marked, nr_direct;
static uint32_t code[4096][4] __attribute__((aligned(16))); /* read, ret, write, ret */
static unsigned long id, rounds, times_away;

static unsigned long do_read(unsigned int csr)
{
	return ((unsigned long (*)(void))code[csr])();
}

static void do_write(unsigned int csr, unsigned long value)
{
	((void (*)(unsigned long, unsigned long))(code[csr] + 2))(0, value);
}

static enum kept how_kept(unsigned int csr)
{
	for (unsigned int i = 0; i < NR_LISTED; i++)
		if (list[i].csr == csr)
			return list[i].kept;
	return UNKNOWN;
}

/* Can it be read, and be written with what was read? */
static bool works(unsigned int csr)
{
	unsigned long value = 0;

	if (TRAP_TRY(value = do_read(csr)).count)
		return false;
	return TRAP_TRY(do_write(csr, value)).count == 0;
}

/*
 * What is behind siselect is reached in two steps, and a turn of another vcpu between them may clear siselect: then the
 * second step traps, or is about another register. So it is repeated until siselect has held @select to its end.
 */
#define WITH_SELECT(select, statement)          \
	do {                                    \
		do_write(CSR_SISELECT, select); \
		TRAP_TRY(statement);            \
	} while (do_read(CSR_SISELECT) != (select))

/* Does siselect take @select? Twice in a row a turn of another vcpu does not end here. */
static bool takes_select(unsigned int select)
{
	for (int i = 0; i < 2; i++) {
		do_write(CSR_SISELECT, select);
		if (do_read(CSR_SISELECT) == select)
			return true;
	}
	return false;
}

static bool works_behind(unsigned int csr, unsigned int select)
{
	bool it_works = false;

	do {
		do_write(CSR_SISELECT, select);
		it_works = works(csr);
	} while (do_read(CSR_SISELECT) != select);
	return it_works;
}

static void add(unsigned int csr, unsigned int select)
{
	CHECK(nr_marked < MAX_MARKED);
	marked[nr_marked++] = (struct marked){ (unsigned short)csr, (unsigned short)select, 0 };
}

static bool is_window(unsigned int csr)
{
	return csr >= CSR_SIREG && csr <= CSR_SIREG6 && csr != 0x154;
}

/* U-mode's and S-mode's, less the read-only ones; the other two levels' are csr.c's to try. */
static bool is_candidate(unsigned int csr)
{
	return (csr >> 8 & 3) < 2 && csr >> 10 != 3;
}

static void find_all(void)
{
	for (unsigned int csr = 0; csr < 4096; csr++) {
		code[csr][0] = CSRRS(csr);
		code[csr][1] = code[csr][3] = RET;
		code[csr][2] = CSRRW(csr);
	}
	fence_i();
	for (unsigned int csr = 0; csr < 4096; csr++) {
		if (!is_candidate(csr) || is_window(csr) || !works(csr))
			continue;
		if (how_kept(csr) == UNKNOWN || how_kept(csr) == CLOSED)
			test_fail("csr %x can be written, and %s", csr,
				  how_kept(csr) == CLOSED ? "is to be closed" :
							    "is not in csr_list.h");
		if (csr != CSR_SATP)
			add(csr, NOT_INDIRECT);
	}
	nr_direct = nr_marked;
	if (!works(CSR_SISELECT))
		return;
	for (unsigned int select = 0; select < SELECT_END; select++) {
		if (!takes_select(select))
			continue;
		for (unsigned int csr = CSR_SIREG; csr <= CSR_SIREG6; csr++)
			if (is_window(csr) && works_behind(csr, select))
				add(csr, select);
	}
	do_write(CSR_SISELECT, 0);
}

/* One behind siselect may trap meanwhile: stvec and sscratch are the library's. */
static unsigned long read_marked(const struct marked *m)
{
	unsigned long got = 0;

	if (m->select == NOT_INDIRECT)
		return do_read(m->csr);
	WITH_SELECT(m->select, got = do_read(m->csr));
	return got;
}

static void check_start(void)
{
	for (unsigned int i = 0; i < nr_marked; i++) {
		const struct marked *m = &marked[i];
		unsigned long got = read_marked(m), want = 0, ignored = 0;

		for (unsigned int k = 0; k < sizeof(at_start) / sizeof(at_start[0]); k++) {
			if (at_start[k].csr == m->csr) {
				want = at_start[k].value;
				ignored = at_start[k].ignored;
			}
		}
		if ((got ^ want) & ~ignored)
			test_fail("csr %x, siselect %x, holds %lx at start", m->csr, m->select,
				  got);
	}
}

/* Two VMs' marks differ in every bit that both can set. */
static unsigned long mark_of(unsigned int csr, unsigned long round)
{
	unsigned long mark = (id + round) & 1 ? 0x5555555555555555 : 0xaaaaaaaaaaaaaaaa;

	switch (csr) {
	case 0x100:
		mark = SSTATUS_FS | SSTATUS_SUM | ((id + round) & 1 ? SSTATUS_SPIE : SSTATUS_SPP);
		return machine_has("v") ? mark | SSTATUS_VS : mark;
	case 0x14e: /* no recording of branches, which would change the records */
		return mark & ~3UL;
	case CSR_STIMECMP: /* far ahead */
		return mark | 1UL << 62;
	default:
		return mark;
	}
}

/* No trap and no interrupt from its end to unmark(): stvec and sscratch hold marks. */
static void mark(unsigned long round)
{
	for (unsigned int i = nr_direct; i < nr_marked; i++) {
		WITH_SELECT(marked[i].select,
			    do_write(marked[i].csr, mark_of(marked[i].csr, round)));
		marked[i].own = read_marked(&marked[i]);
	}
	for (unsigned int i = 0; i < nr_direct; i++)
		do_write(marked[i].csr, mark_of(marked[i].csr, round));
	/* Some are parts of others: fflags of fcsr. So read them when all are written. */
	for (unsigned int i = 0; i < nr_direct; i++)
		marked[i].own = do_read(marked[i].csr);
}

static void unmark(unsigned long old_sie, unsigned long old_stvec, unsigned long old_sscratch)
{
	csr_write(sie, old_sie);
	csr_write(stvec, old_stvec);
	csr_write(sscratch, old_sscratch);
	if (timer_is_sstc())
		csr_write(CSR_STIMECMP, ~0UL);
}

/* Until another vcpu has run here, which makes a hole in time; or for so long that none is there. */
static void wait_until_preempted(void)
{
	unsigned long end = time_in_ms(30), hole = time_in_us(100) - time_now();
	unsigned long before = time_now(), now = before;

	while (now < end && now - before < hole) {
		before = now;
		now = time_now();
	}
	times_away += now - before >= hole;
}

/* The first of marked[@from] to marked[@to - 1] that holds neither its mark nor, where it may, 0; what it holds in @got. */
static const struct marked *find_bad(unsigned int from, unsigned int to, unsigned long *got)
{
	for (unsigned int i = from; i < to; i++) {
		const struct marked *m = &marked[i];
		bool may_be_cleared = how_kept(m->csr) != SWITCHED;

		*got = read_marked(m);
		if (*got != m->own && !(*got == 0 && may_be_cleared))
			return m;
	}
	return NULL;
}

static void one_round(unsigned long round)
{
	unsigned long old_sie = csr_read(sie), old_stvec = csr_read(stvec), got = 0;
	unsigned long old_sscratch = csr_read(sscratch);
	const struct marked *bad;

	mark(round);
	wait_until_preempted();
	bad = find_bad(0, nr_direct, &got);
	unmark(old_sie, old_stvec, old_sscratch);
	if (!bad)
		bad = find_bad(nr_direct, nr_marked, &got);
	if (bad)
		test_fail("csr %x, siselect %x, holds %lx, not %lx, round %lu", bad->csr,
			  bad->select, got, bad->own, round);
}

/* Mostly asleep, which costs an emulator nothing; and awake for long enough to be seen as a hole next door. */
static void rest(void)
{
	unsigned long until = time_in_us(2000);

	csr_write(sie, 1UL << IRQ_TIMER);
	timer_set(until);
	while (time_now() < until)
		wfi();
	timer_set(~0UL);
	csr_write(sie, 0);
	for (until = time_in_us(200); time_now() < until;)
		;
}

static void obey(void)
{
	static char line[16];
	size_t len = 0;

	for (;;) {
		int c = uart_getc();

		if (c < 0)
			rest();
		if (c == '\r' || c == '\n') {
			line[len] = '\0';
			len = 0;
			if (!strcmp(line, "quit"))
				test_pass();
			if (!strcmp(line, "reboot")) {
				mark(0);
				guest_reboot();
			}
			if (!strcmp(line, "again"))
				return;
		} else if (c >= 0 && len + 1 < sizeof(line)) {
			line[len++] = (char)c;
		}
	}
}

void guest_main(void)
{
	id = machine_arg("id", 1);
	rounds = machine_arg("n", 4);
	csr_set(sstatus, SSTATUS_FS | (machine_has("v") ? SSTATUS_VS : 0));
	find_all();
	check_start();
	for (;;) {
		times_away = 0;
		for (unsigned long round = 0; round < rounds; round++)
			one_round(round);
		print("MARKS clean: %u CSRs, %u behind siselect, away %lu times\n", nr_direct,
		      nr_marked - nr_direct, times_away);
		obey();
	}
}
