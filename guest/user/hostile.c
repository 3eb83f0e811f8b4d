// SPDX-License-Identifier: BSD-2-Clause
/*
 * An unprivileged Linux process that tries what it must not. Each attempt is a child's; it has to die by
 * the signal that the architecture and the kernel say, and everything else has to go on. Static, without a
 * C library. The last line is "HOSTILE PASS" or "HOSTILE FAIL".
 */
#include <stddef.h>
#include <stdint.h>

enum { SYS_write = 64, SYS_exit = 93, SYS_clone = 220, SYS_wait4 = 260 };
enum { SIGILL = 4, SIGTRAP = 5, SIGBUS = 7, SIGSEGV = 11, SIGCHLD = 17 };

#define BIT(n) (1U << (n))
#define ILL    BIT(SIGILL)
#define TRAP   BIT(SIGTRAP)
#define FAULT  (BIT(SIGSEGV) | BIT(SIGBUS))
#define OK     BIT(0) /* it may go through */

void _start(void);
void run(void);

static long sys(long nr, long a, long b, long c, long d, long e)
{
	register long a0 __asm__("a0") = a;
	register long a1 __asm__("a1") = b;
	register long a2 __asm__("a2") = c;
	register long a3 __asm__("a3") = d;
	register long a4 __asm__("a4") = e;
	register long a7 __asm__("a7") = nr;

	__asm__ volatile("ecall"
			 : "+r"(a0)
			 : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a7)
			 : "memory");
	return a0;
}

static void say(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	sys(SYS_write, 1, (long)s, (long)n, 0, 0);
}

static void say_number(unsigned int v)
{
	char digits[4] = { (char)('0' + v / 100 % 10), (char)('0' + v / 10 % 10),
			   (char)('0' + v % 10), 0 };

	say(v >= 100 ? digits : v >= 10 ? digits + 1 : digits + 2);
}

static char buffer[4096] __attribute__((aligned(4096)));

#define INSN(word) __asm__ volatile("mv a0, %0\n .4byte " #word : : "r"(buffer) : "a0", "memory")

static void zeros(void)
{
	__asm__ volatile(".2byte 0");
}
static void ones(void)
{
	INSN(0xffffffff);
}
static void mret(void)
{
	INSN(0x30200073);
}
static void sret(void)
{
	INSN(0x10200073);
}
static void sfence(void)
{
	INSN(0x12000073);
}
static void hfence(void)
{
	INSN(0x22000073);
}
static void hfence_g(void)
{
	INSN(0x62000073);
}
static void hlv(void)
{
	INSN(0x6c054573);
}
static void hsv(void)
{
	INSN(0x6ea54073);
}
static void wfi(void)
{
	INSN(0x10500073);
}
static void wrs_nto(void)
{
	INSN(0x00d00073);
}
static void wrs_sto(void)
{
	INSN(0x01d00073);
}
static void cbo_inval(void)
{
	INSN(0x0005200f);
}
static void cbo_clean(void)
{
	INSN(0x0015200f);
}
static void cbo_zero(void)
{
	INSN(0x0045200f);
}
static void csr_mstatus(void)
{
	INSN(0x30002573);
}
static void csr_sstatus(void)
{
	INSN(0x10002573);
}
static void csr_satp(void)
{
	INSN(0x18051073);
}
static void csr_hgatp(void)
{
	INSN(0x68051073);
}
static void csr_hstatus(void)
{
	INSN(0x60002573);
}
static void csr_vsatp(void)
{
	INSN(0x28051073);
}
static void csr_stimecmp(void)
{
	INSN(0x14d51073);
}
static void csr_cycle(void)
{
	INSN(0xc0002573);
}
static void csr_time(void)
{
	INSN(0xc0102573);
}
static void csr_seed(void)
{
	INSN(0x01551573);
}
static void ebreak(void)
{
	INSN(0x00100073);
}
static void vector(void)
{
	INSN(0x0d0572d7);
}

/* gcc must not see that these are no addresses. */
static char *somewhere(unsigned long addr)
{
	__asm__ volatile("" : "+r"(addr));
	return (char *)addr;
}

static void load_kernel(void)
{
	(void)*(volatile char *)somewhere(-4096UL);
}
static void load_null(void)
{
	(void)*(volatile char *)somewhere(16);
}
static void store_kernel(void)
{
	*(volatile char *)somewhere(1UL << 63) = 1;
}
static void load_device(void)
{
	(void)*(volatile char *)somewhere(0x0c200004);
}
static void jump_kernel(void)
{
	((void (*)(void))somewhere(-4096UL))();
}
static void jump_nowhere(void)
{
	((void (*)(void))somewhere(1UL << 50))();
}
static void jump_data(void)
{
	((void (*)(void))buffer)();
}

static void misaligned_lr(void)
{
	long v;

	__asm__ volatile("lr.d %0, (%1)" : "=r"(v) : "r"(buffer + 1) : "memory");
}

static void misaligned_amo(void)
{
	long v = 1;

	__asm__ volatile("amoadd.d %0, %0, (%1)" : "+r"(v) : "r"(buffer + 4093) : "memory");
}

static void unknown_call(void)
{
	for (long nr = 4000; nr < 5000; nr++)
		sys(nr, -1, -1, -1, -1, -1);
}

static const struct attempt {
	const char *name;
	void (*fn)(void);
	unsigned int expected;
} attempts[] = {
	{ "zeros", zeros, ILL },
	{ "ones", ones, ILL },
	{ "mret", mret, ILL },
	{ "sret", sret, ILL },
	{ "sfence.vma", sfence, ILL },
	{ "hfence.vvma", hfence, ILL },
	{ "hfence.gvma", hfence_g, ILL },
	{ "hlv.d", hlv, ILL },
	{ "hsv.d", hsv, ILL },
	{ "wfi", wfi, ILL },
	{ "wrs.nto", wrs_nto, ILL | OK },
	{ "wrs.sto", wrs_sto, ILL | OK },
	{ "cbo.inval", cbo_inval, ILL | OK },
	{ "cbo.clean", cbo_clean, ILL | OK },
	{ "cbo.zero", cbo_zero, ILL | OK },
	{ "mstatus", csr_mstatus, ILL },
	{ "sstatus", csr_sstatus, ILL },
	{ "satp", csr_satp, ILL },
	{ "hgatp", csr_hgatp, ILL },
	{ "hstatus", csr_hstatus, ILL },
	{ "vsatp", csr_vsatp, ILL },
	{ "stimecmp", csr_stimecmp, ILL },
	{ "cycle", csr_cycle, ILL | OK },
	{ "time", csr_time, OK },
	{ "seed", csr_seed, ILL },
	{ "ebreak", ebreak, TRAP },
	{ "vsetvli", vector, ILL | OK },
	{ "load-kernel", load_kernel, FAULT },
	{ "load-null", load_null, FAULT },
	{ "store-kernel", store_kernel, FAULT },
	{ "load-device", load_device, FAULT },
	{ "jump-kernel", jump_kernel, FAULT },
	{ "jump-nowhere", jump_nowhere, FAULT },
	{ "jump-data", jump_data, FAULT | ILL },
	{ "misaligned-lr", misaligned_lr, FAULT },
	{ "misaligned-amo", misaligned_amo, FAULT | OK },
	{ "unknown-calls", unknown_call, OK },
};

/* The signal that ended it; 0: none. */
static unsigned int try(const struct attempt *a)
{
	int status = 0;
	long pid = sys(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0) {
		a->fn();
		sys(SYS_exit, 0, 0, 0, 0, 0);
	}
	sys(SYS_wait4, pid, (long)&status, 0, 0, 0);
	return (unsigned int)status & 0x7f;
}

void run(void)
{
	unsigned int wrong = 0;

	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		unsigned int sig = try(&attempts[i]);

		if (sig < 32 && (attempts[i].expected & BIT(sig)))
			continue;
		say("hostile: ");
		say(attempts[i].name);
		say(" ended by signal ");
		say_number(sig);
		say("\n");
		wrong++;
	}
	say(wrong ? "HOSTILE FAIL\n" : "HOSTILE PASS\n");
	sys(SYS_exit, wrong != 0, 0, 0, 0, 0);
}

__attribute__((naked)) void _start(void)
{
	__asm__ volatile("andi sp, sp, -16\n call run\n");
}
