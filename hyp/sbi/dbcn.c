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

static struct next console_write(struct vcpu *v, gpa_t from, uint64_t num)
{
	char buf[DBCN_WRITE_MAX];
	uint64_t n = index_limit(num, DBCN_WRITE_MAX);

	if (vcpu_read_guest(v, from, buf, n))
		return sbi_err(v, SBI_ERR_INVALID_PARAM);
	return sbi_ok(v, vcpu_console_write(v, buf, n));
}

static struct next console_read(struct vcpu *v, gpa_t to, uint64_t num)
{
	char buf[DBCN_CHUNK];
	uint64_t n = index_limit(num, sizeof(buf));

	/* What has been read of the stream is gone. */
	if (vcpu_bring_guest(v, to, n))
		return sbi_err(v, SBI_ERR_INVALID_PARAM);
	n = term_stream_read(v->vm->stream, buf, n);
	if (vcpu_write_guest(v, to, buf, n))
		return sbi_err(v, SBI_ERR_INVALID_PARAM);
	return sbi_ok(v, n);
}

static struct next console_buffer(struct vcpu *v, uint64_t fid)
{
	uint64_t num = sbi_arg(v, 0), lo = sbi_arg(v, 1);

	if (!buffer_ok(v->vm, num, lo, sbi_arg(v, 2)))
		return sbi_err(v, SBI_ERR_INVALID_PARAM);
	if (num == 0)
		return sbi_ok(v, 0);
	return fid == SBI_DBCN_CONSOLE_WRITE ? console_write(v, gpa(lo), num) :
					       console_read(v, gpa(lo), num);
}

static struct next dbcn_handle(struct vcpu *v, uint64_t fid)
{
	char byte = (char)(uint8_t)sbi_arg(v, 0);

	if (sbi_is_fast(v))
		return sbi_exit();
	switch (fid) {
	case SBI_DBCN_CONSOLE_WRITE:
	case SBI_DBCN_CONSOLE_READ:
		return console_buffer(v, fid);
	case SBI_DBCN_CONSOLE_WRITE_BYTE:
		(void)vcpu_console_write(v, &byte, 1);
		return sbi_ok(v, 0);
	default:
		return sbi_err(v, SBI_ERR_NOT_SUPPORTED);
	}
}

const struct sbi_extension sbi_ext_dbcn = {
	.name = "DBCN",
	.eid_first = SBI_EXT_DBCN,
	.eid_last = SBI_EXT_DBCN,
	.probe = dbcn_probe,
	.handle = dbcn_handle,
};
