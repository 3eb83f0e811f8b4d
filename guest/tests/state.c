// SPDX-License-Identifier: BSD-2-Clause
/*
 * Each kind of state in hyp/vm/state_list.h that is said to be this guest's gets a mark. No other VM on the same hart
 * may find it, and no later life of this VM; the other VM does the same with other marks. After a turn of another vcpu,
 * in S-mode and in U-mode, with FP and vectors on and off, all must be as it was marked; when a life begins, as after a
 * reset. A kind without functions in state/ does not compile.
 *
 * After each command of a line on the UART it says "STATE clean": "again": once more; "reboot"; "quit". Boot arguments:
 * id=: 1 or 2, which marks; n=: rounds.
 */
#include "csr.h"
#include "fdt.h"
#include "smp.h"
#include "string.h"
#include "test.h"
#include "time.h"
#include "uart.h"
#include "state/state.h"
#include "state/hold.h"
#include "state/regs.h"
#include "state/sbi_kinds.h"
#include "state/devices.h"

GUEST("state");

struct kind {
	bool (*exists)(void);
	void (*fresh)(void);
	void (*mark)(unsigned long round);
	void (*look)(unsigned long round);
	void (*unmark)(void);
};

static const struct kind kinds[] = {
#define GUEST_KIND(name) { name##_exists, name##_fresh, name##_mark, name##_look, name##_unmark },
#define MARKS_KIND(name)
#define OTHER_KIND(name)
#define STATE(name, test, saved, restored, reset) test##_KIND(name)
#include "../../hyp/vm/state_list.h"
};

#define NR_KINDS (sizeof(kinds) / sizeof(kinds[0]))

unsigned long state_id;

static const char *bad_what;
static unsigned long bad_got, bad_want, rounds, times_away;
static bool exists[NR_KINDS];

void state_is_bad(const char *what, unsigned long got, unsigned long want)
{
	if (bad_what)
		return;
	bad_what = what;
	bad_got = got;
	bad_want = want;
}

static void check_fresh(void)
{
	for (unsigned int i = 0; i < NR_KINDS; i++)
		if (exists[i])
			kinds[i].fresh();
}

static void mark(unsigned long round)
{
	for (unsigned int i = 0; i < NR_KINDS; i++)
		if (exists[i])
			kinds[i].mark(round);
}

static void one_round(unsigned long round)
{
	mark(round);
	times_away += hold(round);
	for (unsigned int i = NR_KINDS; i-- > 0;)
		if (exists[i])
			kinds[i].look(round);
	for (unsigned int i = 0; i < NR_KINDS; i++)
		if (exists[i])
			kinds[i].unmark();
	if (bad_what)
		test_fail("%s: %lx, not %lx, round %lu", bad_what, bad_got, bad_want, round);
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
				mark(state_id +
				     1); /* what one round marks and the next does not, too */
				guest_reboot();
			}
			if (!strcmp(line, "again"))
				return;
		} else if (c >= 0 && len + 1 < sizeof(line)) {
			line[len++] = (char)c;
		}
	}
}

/* Another vcpu has its turn before the second look: what a former life left armed may come then. */
void guest_main(void)
{
	unsigned int nr = 0;

	state_id = machine_arg("id", 1);
	rounds = machine_arg("n", 4);
	csr_set(sstatus, SSTATUS_FS | (machine_has("v") ? SSTATUS_VS : 0));
	for (unsigned int i = 0; i < NR_KINDS; i++)
		nr += exists[i] = kinds[i].exists();
	check_fresh();
	(void)hold(0);
	check_fresh();
	for (;;) {
		times_away = 0;
		for (unsigned long round = 0; round < rounds; round++)
			one_round(round);
		print("STATE clean: %u of %lu kinds, away %lu times, RTC from %x\n", nr, NR_KINDS,
		      times_away, rtc_at_start);
		obey();
	}
}
