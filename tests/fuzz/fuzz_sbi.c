// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/sbi/test_dispatch.c
/*
 * SBI calls of one vcpu: every extension, known function numbers and others, arguments that are addresses, harts, sizes
 * and sets of the VM, or anything. fake/sbi_world.c checks what each call may reach.
 */
#include "common/fuzz.h"

#include "fake/sbi_world.h"

static const uint64_t eids[] = {
	SBI_EXT_BASE,
	SBI_EXT_TIME,
	SBI_EXT_IPI,
	SBI_EXT_RFNC,
	SBI_EXT_HSM,
	SBI_EXT_SRST,
	SBI_EXT_DBCN,
	SBI_EXT_STA,
	HARTVISOR_SBI_EXT_PVLK,
	HARTVISOR_SBI_EXT_VENDOR_BASE + 0x11,
	HARTVISOR_SBI_EXT_VENDOR_BASE,
	0,
	1,
	2,
	3,
	4,
	5,
	6,
	7,
	8,
	9,
	0x0f,
	0x10,
};

static uint64_t any_eid(struct fuzz_input *in)
{
	uint8_t n = fuzz_u8(in);

	return n < 0xf0 ? eids[n % ARRAY_SIZE(eids)] : fuzz_number(in, SBI_EXT_HSM);
}

static uint64_t argument(struct fuzz_input *in)
{
	static const uint64_t near[] = { WORLD_RAM, WORLD_RAM + WORLD_RAM_SIZE, WORLD_DEVICE,
					 PAGE_SIZE };

	return fuzz_number(in, near[fuzz_u8(in) % ARRAY_SIZE(near)]);
}

/* What the machine around the calls does meanwhile. */
static void something_else(struct fuzz_input *in)
{
	uint8_t what = fuzz_u8(in);

	switch (what & 7) {
	case 0:
		w.console_full = what & 8;
		break;
	case 1:
		w.in_len = what * 4u % sizeof(w.in);
		memset(w.in, what, w.in_len);
		break;
	case 2:
		w.no_memory = what & 8;
		break;
	case 3: /* a vcpu has stopped */
		w.running &= ~BIT(1 + (what >> 3) % 3);
		break;
	case 4:
		w.vm.config = NULL;
		w.virt_addr = argument(in);
		w.virt_value = argument(in);
		break;
	default:
		break;
	}
}

static bool is_error(int64_t e)
{
	return e <= 0 && e >= SBI_ERR_INVALID_STATE;
}

/* Harts that the VM has not. */
static bool names_no_hart(uint64_t eid, uint64_t fid, const uint64_t a[6])
{
	uint64_t nr = w.vm.nr_vcpus;

	switch (eid) {
	case SBI_EXT_HSM:
		return (fid == SBI_HSM_HART_START || fid == SBI_HSM_HART_GET_STATUS) && a[0] >= nr;
	case SBI_EXT_IPI:
		return fid == 0 && a[0] != 0 && a[1] != UINT64_MAX &&
		       (a[1] >= nr || a[0] >> 1 >> (nr - 1 - a[1]) != 0);
	default:
		return false;
	}
}

static void call(struct fuzz_input *in)
{
	uint64_t eid = any_eid(in), fid = fuzz_u8(in), a[6], before;
	struct sbi_ret r;

	if (fid >= 0xe0)
		fid = fuzz_number(in, BIT(31));
	for (unsigned int i = 0; i < ARRAY_SIZE(a); i++)
		a[i] = argument(in);
	w.injected = 0;
	before = w.calls;
	r = world_call(eid, fid, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (eid <= SBI_EXT_LEGACY_LAST || w.slept)
		return;
	fuzz_must(is_error(r.error));
	fuzz_must(!names_no_hart(eid, fid, a) || r.error == SBI_ERR_INVALID_PARAM);
	/* What was refused has changed nothing; that a hart runs already is the answer of the vcpu itself. */
	fuzz_must(r.error == SBI_SUCCESS || r.error == SBI_ERR_ALREADY_AVAILABLE ||
		  w.calls == before);
	fuzz_must(r.error == SBI_SUCCESS || r.value == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	uint8_t kind = fuzz_u8(&in);

	world_setup(1 + kind % 4);
	w.vm.pv.calls = kind & 16 ? UINT64_MAX : kind & 32 ? 0 : 0x7f;
	w.vm.pv.pvlk = kind & 64;
	for (unsigned int n = 0; in.left > 0 && n < 100; n++) {
		if (fuzz_u8(&in) % 8 == 0)
			something_else(&in);
		else
			call(&in);
	}
	return 0;
}
