// SPDX-License-Identifier: BSD-2-Clause
/*
 * Checks a block device from Linux: blkcheck DEVICE DEPTH REQUESTS [read]. Random reads and writes of 4 to 64 KiB with
 * O_DIRECT, so many at a time (Linux AIO). Each 512 bytes that were written say which sector they are of and how often it has
 * been written; what is read must be what was written last, or, before that, what the device had at first. "read": no
 * writes, and a sector that says something of itself must say the right number. Without a C library.
 */
enum {
	SYS_io_setup = 0,
	SYS_io_submit = 2,
	SYS_io_getevents = 4,
	SYS_openat = 56,
	SYS_lseek = 62,
	SYS_write = 64,
	SYS_exit = 93,
	O_RDWR = 2,
	O_DIRECT = 040000,
};

#define MAX_DEPTH  64
#define BLOCK	   4096UL
#define MAX_BLOCKS 16	 /* of a request */
#define DEVICE_MAX 16384 /* blocks that are used: 64 MiB */
#define MARK	   0x6b63656863UL

struct iocb {
	unsigned long data;
	unsigned int key, flags;
	unsigned short opcode, priority;
	unsigned int fd;
	unsigned long buf, bytes;
	long offset;
	unsigned long reserved;
	unsigned int more_flags, eventfd;
};

struct io_event {
	unsigned long data, iocb;
	long res, res2;
};

static char buffers[MAX_DEPTH][MAX_BLOCKS * BLOCK] __attribute__((aligned(4096)));
static struct iocb requests[MAX_DEPTH];
static unsigned int first[MAX_DEPTH],
	count[MAX_DEPTH];		 /* blocks of the request; 0: there is none */
static unsigned int written[DEVICE_MAX]; /* how often */
static unsigned char busy[DEVICE_MAX];
static unsigned long seed = 88172645463325252UL;

static long syscall5(long nr, long a, long b, long c, long d, long e)
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

static void say(const char *text)
{
	long len = 0;

	while (text[len])
		len++;
	syscall5(SYS_write, 1, (long)text, len, 0, 0);
}

static void say_number(unsigned long n)
{
	char digits[21], *p = digits + 20;

	*p = 0;
	do {
		*--p = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	say(p);
}

__attribute__((noreturn)) static void end(const char *text, unsigned long n)
{
	say(text);
	say_number(n);
	say("\n");
	syscall5(SYS_exit, 0, 0, 0, 0, 0);
	for (;;)
		;
}

static unsigned long rnd(unsigned long below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % below;
}

static unsigned long number(const char *s)
{
	unsigned long n = 0;

	while (*s >= '0' && *s <= '9')
		n = 10 * n + (unsigned long)(*s++ - '0');
	return n;
}

static void fill(char *buffer, unsigned int block, unsigned int blocks)
{
	for (unsigned int s = 0; s < 8 * blocks; s++) {
		unsigned long *word = (unsigned long *)(buffer + 512 * s);

		for (unsigned int i = 0; i < 64; i += 4) {
			word[i] = MARK;
			word[i + 1] = 8UL * block + s;
			word[i + 2] = written[block + s / 8];
			word[i + 3] = i;
		}
	}
}

static void check(const char *buffer, unsigned int block, unsigned int blocks)
{
	for (unsigned int s = 0; s < 8 * blocks; s++) {
		const unsigned long *word = (const unsigned long *)(buffer + 512 * s);
		unsigned int times = written[block + s / 8];

		if (!times && word[0] != MARK)
			continue; /* as it was at first */
		for (unsigned int i = 0; i < 64; i += 4)
			if (word[i] != MARK || word[i + 1] != 8UL * block + s ||
			    (times && word[i + 2] != times) || word[i + 3] != i)
				end("BLKCHECK FAIL sector ", 8UL * block + s);
	}
}

static int range_is_free(unsigned int block, unsigned int blocks)
{
	for (unsigned int i = 0; i < blocks; i++)
		if (busy[block + i])
			return 0;
	return 1;
}

/* Requests that are under way at once have no block in common. */
static void submit(unsigned long ctx, unsigned int slot, long fd, unsigned long size, int writes)
{
	struct iocb *r = &requests[slot], *list = r;
	unsigned int blocks, block;

	do {
		blocks = 1 + (unsigned int)rnd(MAX_BLOCKS);
		block = (unsigned int)rnd(size - blocks + 1);
	} while (!range_is_free(block, blocks));
	*r = (struct iocb){ .data = slot,
			    .fd = (unsigned int)fd,
			    .buf = (unsigned long)buffers[slot],
			    .bytes = blocks * BLOCK,
			    .offset = (long)(block * BLOCK) };
	r->opcode = writes && rnd(2); /* IOCB_CMD_PREAD, _PWRITE */
	for (unsigned int i = 0; i < blocks; i++) {
		busy[block + i] = 1;
		written[block + i] += r->opcode;
	}
	if (r->opcode)
		fill(buffers[slot], block, blocks);
	first[slot] = block;
	count[slot] = blocks;
	if (syscall5(SYS_io_submit, (long)ctx, 1, (long)&list, 0, 0) != 1)
		end("BLKCHECK FAIL submit, block ", block);
}

static void complete(const struct io_event *e)
{
	unsigned int slot = (unsigned int)e->data, block = first[slot], blocks = count[slot];

	if (e->res != (long)(blocks * BLOCK))
		end("BLKCHECK FAIL error ", (unsigned long)-e->res);
	if (!requests[slot].opcode)
		check(buffers[slot], block, blocks);
	for (unsigned int i = 0; i < blocks; i++)
		busy[block + i] = 0;
	count[slot] = 0;
}

__attribute__((used)) static void run(long argc, char **argv)
{
	int writes = argc < 5;
	unsigned long depth = number(argv[2]), left = number(argv[3]), ctx = 0, under_way = 0,
		      done = 0;
	long fd = syscall5(SYS_openat, -100, (long)argv[1], writes ? O_RDWR | O_DIRECT : O_DIRECT,
			   0, 0);
	long size = syscall5(SYS_lseek, fd, 0, 2, 0, 0) / (long)BLOCK;
	struct io_event e;

	if (fd < 0 || size < MAX_BLOCKS || depth == 0 || depth > MAX_DEPTH)
		end("BLKCHECK FAIL open ", (unsigned long)-fd);
	if (size > DEVICE_MAX)
		size = DEVICE_MAX;
	if (syscall5(SYS_io_setup, (long)depth, (long)&ctx, 0, 0, 0))
		end("BLKCHECK FAIL setup ", depth);
	while (left || under_way) {
		for (unsigned int slot = 0; slot < depth && left; slot++) {
			if (count[slot])
				continue;
			submit(ctx, slot, fd, (unsigned long)size, writes);
			under_way++;
			left--;
		}
		if (syscall5(SYS_io_getevents, (long)ctx, 1, 1, (long)&e, 0) != 1)
			end("BLKCHECK FAIL events ", depth);
		complete(&e);
		under_way--;
		done++;
	}
	end("BLKCHECK PASS ", done);
}

__attribute__((naked)) void _start(void)
{
	__asm__ volatile("ld a0, 0(sp)\n"
			 "addi a1, sp, 8\n"
			 "andi sp, sp, -16\n"
			 "j run");
}
