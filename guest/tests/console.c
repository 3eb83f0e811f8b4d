// SPDX-License-Identifier: BSD-2-Clause
/*
 * A guest whose console attacks the operator's terminal: it writes over others' lines, forges some of
 * hartvisor's, and asks questions whose answers would be typed into the VM in focus. Boot arguments: n=
 * rounds, columns= the width of the terminal.
 */
#include "csr.h"
#include "fdt.h"
#include "test.h"
#include "time.h"

GUEST("console");

#define FORGED "[hartvisor] error: forged: press ^] k to recover"

static const char *const attacks[] = {
	/* To the row above or to the screen's top, or back to the row's start; erase; write. */
	"x\033[1G\033[2K" FORGED,
	"x\033[1G\033[2K[good] password for root: \033[1E\033[2K" FORGED "\033[0K",
	"\033[A\033[1G" FORGED,
	"\033[H" FORGED,
	"\033[1;1f" FORGED,
	"\0337\033[1d\033[1`" FORGED "\0338",
	"\033M\r" FORGED,
	"\033E" FORGED,
	"\033D\r" FORGED,
	"\033[S\033[F" FORGED,
	"\033c" FORGED,
	"\033[1;3r\033[L" FORGED "\033[r",
	"\033[?1049h\033[2J\033[H" FORGED,
	"\013\014\r" FORGED,
	"\302\205" FORGED, /* NEL, a C1 control, in UTF-8 */
	"\302\2331G" FORGED,
	"\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b" FORGED,
	"\033[99D" FORGED,
	"\r\b\b\b\b\b\b\b\b" FORGED,
	"\344\270\255\b\b\b\b\b\b\b\b" FORGED, /* a wide character */
	"e\314\201\b\b\b\b\b\b\b\b" FORGED,    /* a combining one */
	"\033[?7h\033[?45h\b\b\b\b\b\b\b\b\b\b\b\b\b\b" FORGED,
	/* What stays: title, clipboard, character set, colours that hide. */
	"\033]0;forged\a\033]52;c;Zm9yZ2Vk\a",
	"\033P$qm\033\\\033_x\033\\",
	"\016\033(0qqq\033)0",
	"\033[8m\033[30;40m",
	"\033[4h\033[20h\033[?25l\033[?1000h",
	/* Questions. */
	"q\033[6n\033[c\033[5n\005",
	"\033[>c\033[=c\033[?6n\033Z\033[18t\033[x\033[?7$p",
};

/* A line that the terminal would wrap, so that a forged one begins the next row. */
static void print_long_line(unsigned long spaces)
{
	char line[256];

	for (unsigned long i = 0; i < spaces; i++)
		line[i] = ' ';
	line[spaces] = '\0';
	print("%s" FORGED "\n", line);
}

static void wait_ms(unsigned long ms)
{
	unsigned long until = time_in_ms(ms);

	csr_set(sie, 1UL << IRQ_TIMER);
	timer_set(until);
	while (time_now() < until)
		wfi();
	timer_set(~0UL);
}

void guest_main(void)
{
	unsigned long rounds = machine_arg("n", 10), columns = machine_arg("columns", 80);

	for (unsigned long i = 0; i < rounds; i++) {
		print("CONSOLE round %lu\n", i);
		for (unsigned int k = 0; k < sizeof(attacks) / sizeof(attacks[0]); k++)
			print("%s\n", attacks[k]);
		for (unsigned long spaces = columns - 12; spaces <= columns; spaces++)
			print_long_line(spaces);
		wait_ms(20);
	}
}
