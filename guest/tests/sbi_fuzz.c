// SPDX-License-Identifier: BSD-2-Clause
/*
 * SBI calls with bad arguments, by the thousand (boot argument n=, seed=), then a storm of unknown ones.
 * Calls that are meant to end or silence this hart are left out: shutdown, stop, suspend, a real start,
 * and text for the console.
 */
#include "csr.h"
#include "fdt.h"
#include "sbi.h"
#include "smp.h"
#include "test.h"
#include "trap.h"

GUEST("sbi_fuzz");

static unsigned long seed;
static unsigned long answers; /* a hash of all: the same ones give the same */

static unsigned long rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static unsigned long argument(void)
{
	static const unsigned long nice[] = {
		0,
		1,
		2,
		3,
		7,
		63,
		64,
		65,
		0xfff,
		0x1000,
		0x100000,
		0x0c000000,
		0x10000000,
		0x7fffffff,
		0x7ffffff8,
		0x80000000,
		0x80001000,
		0x80200000,
		0x8fffffff,
		0xffffffff,
		1UL << 38,
		1UL << 39,
		1UL << 41,
		1UL << 50,
		1UL << 56,
		1UL << 63,
		~0UL << 32,
		~0UL,
		~0UL - 1,
		~0UL - 4095,
		(1UL << 63) - 1,
	};

	return rnd() % 4 ? nice[rnd() % (sizeof(nice) / sizeof(nice[0]))] : rnd();
}

static unsigned long extension(void)
{
	static const unsigned long eids[] = {
		SBI_EXT_BASE, SBI_EXT_TIME, SBI_EXT_IPI, SBI_EXT_RFNC, SBI_EXT_HSM, SBI_EXT_SRST,
		SBI_EXT_DBCN, SBI_EXT_STA,  0x504d55,	 0x53555350,   0x43505043,  0x4e41434c,
		0x535345,     0x46574654,   0x44425452,	 0x4d505859,   0x50564c4b,  0x09000000,
		0x0a00000c,   0x08000000,   0x0,	 0x2,	       0x3,	    0x4,
		0x5,	      0x6,	    0x7,	 0x9,	       0xf,
	};

	return rnd() % 8 ? eids[rnd() % (sizeof(eids) / sizeof(eids[0]))] : rnd() & 0xffffffff;
}

static bool in_ram(unsigned long addr)
{
	return addr - machine.ram_base < machine.ram_size;
}

/* Is this one of those that do what they are asked? */
static bool is_effective(unsigned long eid, unsigned long fid, const unsigned long *arg)
{
	switch (eid) {
	case SBI_EXT_LEGACY_CONSOLE_PUTCHAR:
	case SBI_EXT_LEGACY_SHUTDOWN:
		return true;
	case SBI_EXT_SRST:
		return fid == 0 && (arg[0] & 0xffffffff) < 3 && (arg[1] & 0xffffffff) < 2;
	case SBI_EXT_HSM:
		return fid == SBI_HSM_HART_STOP ||
		       (fid == SBI_HSM_HART_START && arg[0] < nr_cpus && in_ram(arg[1])) ||
		       (fid == SBI_HSM_HART_SUSPEND && (arg[0] << 33) == 0);
	case 0x53555350: /* SUSP */
		return true;
	case 0x09000000: /* hartvisor's PV_WAIT would halt it */
	case 0x0a00000c:
		return fid == 6;
	case SBI_EXT_DBCN: /* OpenSBI hangs on an address that is nowhere */
		return !guest_is_virtual() || (fid == SBI_DBCN_CONSOLE_WRITE && in_ram(arg[1])) ||
		       (fid == SBI_DBCN_CONSOLE_READ && in_ram(arg[1])) ||
		       fid == SBI_DBCN_CONSOLE_WRITE_BYTE;
	default:
		return false;
	}
}

static void one_call(void)
{
	unsigned long eid = extension(), fid = rnd() % 16 ? rnd() % 12 : rnd();
	unsigned long arg[5];
	struct sbiret r;
	struct trap t;

	for (int i = 0; i < 5; i++)
		arg[i] = argument();
	/* MPXY, STA and the like write to memory of ours that they are given: not in the image. */
	if (is_effective(eid, fid, arg))
		return;
	if (machine_arg("trace", 0))
		print("%lx/%lx(%lx, %lx, %lx, %lx, %lx)\n", eid, fid, arg[0], arg[1], arg[2],
		      arg[3], arg[4]);
	t = TRAP_TRY(r = sbi_call(eid, fid, arg[0], arg[1], arg[2], arg[3], arg[4]));
	if (t.count) /* a legacy mask pointer that leads nowhere */
		return;
	answers = (answers ^ (unsigned long)r.error) * 0x100000001b3UL;
	answers = (answers ^ (unsigned long)r.value) * 0x100000001b3UL;
	/* and whether an interrupt of its own came of it */
	answers = (answers ^ (csr_read(sip) & 1UL << IRQ_SOFT)) * 0x100000001b3UL;
	csr_clear(sip, 1UL << IRQ_SOFT);
	if (eid > 0xf && (r.error > 0 || r.error < -14))
		test_fail("%lx/%lx(%lx, %lx, %lx, %lx, %lx) returned %ld", eid, fid, arg[0], arg[1],
			  arg[2], arg[3], arg[4], r.error);
}

void guest_main(void)
{
	unsigned long calls = machine_arg("n", 20000), storm = machine_arg("storm", 100000);

	seed = machine_arg("seed", 88172645463325252UL);
	for (unsigned long i = 0; i < calls; i++)
		one_call();
	print("sbi_fuzz: %lu calls, answers %lx\n", calls, answers);
	csr_write(sie, 0);
	for (unsigned long i = 0; i < storm; i++)
		CHECK_EQ(sbi_call(0x0badca11 + i, i, 0, 0, 0, 0, 0).error, SBI_ERR_NOT_SUPPORTED);
	print("sbi_fuzz: %lu unknown calls\n", storm);
}
