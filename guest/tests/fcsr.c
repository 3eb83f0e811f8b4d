// SPDX-License-Identifier: BSD-2-Clause
/*
 * The CSRs of FP and vector state are kept, each written by itself, as a process writes it and its kernel hides it:
 * the registers have been saved and called clean; one CSR instruction changes one CSR; the kernel turns FS and VS off
 * and is preempted; later it turns them on again. No other instruction says that anything has changed.
 *
 * Boot arguments: n=: rounds; id=: makes this VM's values differ from another one's.
 */
#include "csr.h"
#include "fdt.h"
#include "test.h"
#include "time.h"

GUEST("fcsr");

#define CSR_FCSR   0x003
#define CSR_VSTART 0x008
#define CSR_VXSAT  0x009
#define CSR_VXRM   0x00a

/* A hole in the time that the loop below sees: some other vcpu ran here. */
#define AWAY_US 100
/* Beside a neighbour that has ended there is no such hole. */
#define ALONE_MS 60

static unsigned long times_away;

static void turn_on(void)
{
	csr_set(sstatus, SSTATUS_FS | (machine_has("v") ? SSTATUS_VS : 0));
}

static void turn_off(void)
{
	csr_clear(sstatus, SSTATUS_FS | SSTATUS_VS);
}

static void wait_until_preempted(void)
{
	unsigned long hole = time_in_us(AWAY_US) - time_now(), end = time_in_ms(ALONE_MS);
	unsigned long before = time_now(), now = before;

	while (now < end && now - before < hole) {
		before = now;
		now = time_now();
	}
	times_away += now - before >= hole;
}

#define ACCESSORS(name, csr)                          \
	static void write_##name(unsigned long value) \
	{                                             \
		csr_write(csr, value);                \
	}                                             \
	static unsigned long read_##name(void)        \
	{                                             \
		return csr_read(csr);                 \
	}

ACCESSORS(fcsr, CSR_FCSR)
ACCESSORS(vstart, CSR_VSTART)
ACCESSORS(vxsat, CSR_VXSAT)
ACCESSORS(vxrm, CSR_VXRM)

/* 0.5 is no integer: the conversion raises NX, bit 0 of fcsr, and writes no FP register. */
static void raise_nx(unsigned long value)
{
	unsigned long integer;

	(void)value;
	__asm__ volatile("fcvt.w.d %0, fa0" : "=r"(integer));
}

static const struct way {
	const char *what;
	bool vector;
	unsigned long values; /* one of 0 to here is written */
	void (*write)(unsigned long value);
	unsigned long (*read)(void);
} ways[] = {
	{ "fcsr", false, 0xff, write_fcsr, read_fcsr },
	{ "a raised flag", false, 0, raise_nx, read_fcsr },
	{ "vxrm", true, 3, write_vxrm, read_vxrm },
	{ "vxsat", true, 1, write_vxsat, read_vxsat },
	{ "vstart", true, 15, write_vstart, read_vstart },
};

#define NR_WAYS (sizeof(ways) / sizeof(ways[0]))

/* All clean, and known to be: f0 to f31 have been written once, and all CSRs are 0. */
static void begin(void)
{
	unsigned long half = 0x3fe0000000000000;

	turn_on();
	__asm__ volatile("fmv.d.x fa0, %0" : : "r"(half));
	csr_write(CSR_FCSR, 0);
	if (machine_has("v")) {
		csr_write(CSR_VXRM, 0);
		csr_write(CSR_VXSAT, 0);
		csr_write(CSR_VSTART, 0);
	}
	wait_until_preempted();
}

static bool is_kept(const struct way *way, unsigned long value)
{
	unsigned long want, got;

	begin();
	way->write(value);
	want = way->read();
	turn_off();
	wait_until_preempted();
	turn_on();
	got = way->read();
	if (got != want)
		print("%s is %lx, not %lx\n", way->what, got, want);
	return got == want;
}

void guest_main(void)
{
	unsigned long rounds = machine_arg("n", 10), id = machine_arg("id", 0),
		      lost[NR_WAYS] = { 0 };

	for (unsigned long round = 0; round < rounds; round++)
		for (unsigned long i = 0; i < NR_WAYS; i++)
			if (!ways[i].vector || machine_has("v"))
				lost[i] += !is_kept(&ways[i], (id + round) & ways[i].values);
	print("fcsr: %lu rounds, away %lu times\n", rounds, times_away);
	for (unsigned long i = 0; i < NR_WAYS; i++)
		if (lost[i])
			test_fail("%s was lost %lu times of %lu", ways[i].what, lost[i], rounds);
}
