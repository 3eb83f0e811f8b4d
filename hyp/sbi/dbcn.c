// SPDX-License-Identifier: BSD-2-Clause
/*
 * DBCN: the console by whole buffers (riscv-sbi-doc, "Debug Console Extension"). Reads and writes
 * may be partial, so that no call copies more than a bounded piece; the guest asks again for the
 * rest.
 */
#include "lib/index.h"
#include "sbi/sbi.h"
#include "term/term.h"
#include "vcpu/console.h"
#include "vcpu/guest_mem.h"

#define DBCN_CHUNK     256
#define DBCN_WRITE_MAX 128 /* what is printed costs more: its line, and often the wire */

static uint64_t dbcn_probe(const struct vm *vm, uint32_t eid)
{
	(void)eid;
	return vm->stream != NULL;
}

/* Is (num, lo, hi) a buffer in the guest's RAM? On rv64 the address has no upper part. */
static bool buffer_ok(const struct vm *vm, uint64_t num, uint64_t lo, uint64_t hi)
{
	return hi == 0 && gstage_is_ram(&vm->gstage, gpa(lo), num);
}

static struct sbi_ret console_write(struct vcpu *v, gpa_t from, uint64_t num)
{
	char buf[DBCN_WRITE_MAX];
	uint64_t n = index_limit(num, DBCN_WRITE_MAX);

	if (vcpu_read_guest(v, from, buf, n))
		return sbi_err(SBI_ERR_INVALID_PARAM);
	return sbi_ok(vcpu_console_write(v, buf, n));
}

static struct sbi_ret console_read(struct vcpu *v, gpa_t to, uint64_t num)
{
	char buf[DBCN_CHUNK];
	uint64_t n = term_stream_read(v->vm->stream, buf, index_limit(num, sizeof(buf)));

	if (vcpu_write_guest(v, to, buf, n))
		return sbi_err(SBI_ERR_INVALID_PARAM);
	return sbi_ok(n);
}

static struct sbi_ret dbcn_handle(struct vcpu *v, uint32_t eid, uint32_t fid, const uint64_t a[6])
{
	char byte = (char)(uint8_t)a[0];

	(void)eid;
	switch (fid) {
	case SBI_DBCN_CONSOLE_WRITE:
	case SBI_DBCN_CONSOLE_READ:
		if (!buffer_ok(v->vm, a[0], a[1], a[2]))
			return sbi_err(SBI_ERR_INVALID_PARAM);
		if (a[0] == 0)
			return sbi_ok(0);
		return fid == SBI_DBCN_CONSOLE_WRITE ? console_write(v, gpa(a[1]), a[0]) :
						       console_read(v, gpa(a[1]), a[0]);
	case SBI_DBCN_CONSOLE_WRITE_BYTE:
		(void)vcpu_console_write(v, &byte, 1);
		return sbi_ok(0);
	default:
		return sbi_err(SBI_ERR_NOT_SUPPORTED);
	}
}

const struct sbi_extension sbi_ext_dbcn = {
	.name = "DBCN",
	.eid_first = SBI_EXT_DBCN,
	.eid_last = SBI_EXT_DBCN,
	.probe = dbcn_probe,
	.handle = dbcn_handle,
};
