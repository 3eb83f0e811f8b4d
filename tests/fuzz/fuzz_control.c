// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/control.h
/*
 * The control channel: whatever comes in by its port, in whatever pieces, while the other side reads slowly, goes and comes, and VMs
 * change. What goes out is lines of ASCII, each one JSON object, and frames of as many bytes as a line says; and nothing that is done
 * takes a reference, or memory, for good.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "common/fuzz.h"

#include "arch/trace.h"
#include "control/trace.h"
#include "fake/control.h"
#include "fake/pcpu.h"
#include "vm/bundle_store.h"

/* An object, array, string, number or word at @p; its end, or NULL. */
static const char *value_end(const char *p, unsigned int depth);

static const char *string_end(const char *p)
{
	if (*p++ != '"')
		return NULL;
	for (; *p != '"'; p++) {
		fuzz_must(*p >= 0x20 && *p < 0x7f);
		if (*p == '\\') {
			p++;
			fuzz_must(*p == '"' || *p == '\\' || *p == 'u');
		}
	}
	return p + 1;
}

static const char *list_end(const char *p, unsigned int depth)
{
	const bool object = *p++ == '{';
	const char end = object ? '}' : ']';

	if (*p == end)
		return p + 1;
	for (;;) {
		if (object) {
			p = string_end(p);
			fuzz_must(p && *p == ':');
			p++;
		}
		p = value_end(p, depth + 1);
		fuzz_must(p && (*p == ',' || *p == end));
		if (*p++ == end)
			return p;
	}
}

static const char *value_end(const char *p, unsigned int depth)
{
	static const char *const words[] = { "true", "false", "null" };

	fuzz_must(depth < 8);
	if (*p == '{' || *p == '[')
		return list_end(p, depth);
	if (*p == '"')
		return string_end(p);
	for (unsigned int i = 0; i < 3; i++)
		if (strncmp(p, words[i], strlen(words[i])) == 0)
			return p + strlen(words[i]);
	fuzz_must(*p >= '0' && *p <= '9');
	while (*p >= '0' && *p <= '9')
		p++;
	return p;
}

/* Of the frame that is coming. */
static uint64_t frame_left;

/* The end of the line before @p: how many bytes follow it? */
static uint64_t frame_behind(const char *line, const char *p)
{
	static const char bytes[] = ",\"bytes\":";
	const char *at = strstr(line, bytes);

	return at && at < p ? strtoull(at + strlen(bytes), NULL, 10) : 0;
}

/* All lines and frames that have ended; what is left is the beginning of one. */
static void check_output(void)
{
	const char *p = said, *end = said + said_len, *line;

	for (;;) {
		uint64_t n = frame_left < (uint64_t)(end - p) ? frame_left : (uint64_t)(end - p);

		frame_left -= n;
		p += n;
		if (!memchr(p, '\n', (size_t)(end - p)))
			break;
		line = p;
		fuzz_must(*p == '{');
		p = value_end(p, 0);
		fuzz_must(p && *p == '\n');
		p++;
		frame_left = frame_behind(line, p);
		fuzz_must(frame_left <= 16 * TRACE_PACKET);
	}
	said_len = (size_t)(end - p);
	memmove(said, p, said_len + 1);
}

/* What harts do while they write to the timeline. */
static void write_events(unsigned int hart, unsigned int n)
{
	fake_pcpu_become(hart);
	for (; trace_is_on() && n > 0; n--)
		trace_event(TRACE_WAKE, n, n, n, n);
	fake_pcpu_become(0);
}

/* As people would write it, so that commands are reached; or any bytes. */
static void send_some(struct fuzz_input *in)
{
	char bytes[256];
	size_t len = fuzz_u8(in);

	fuzz_bytes(in, bytes, len);
	send_bytes(bytes, len);
}

static void change_a_vm(struct fuzz_input *in)
{
	const uint8_t what = fuzz_u8(in);
	struct vm *vm = &machines[what % 3];

	if (what & 0x80)
		vms[what % 3] = vms[what % 3] ? NULL : vm;
	else
		become(vm, (enum vm_state)(what / 4 % VM_STATES));
}

/* What has come of a line goes with the connection. */
static void change_connection(uint32_t to)
{
	if (to == connection)
		return;
	connection = to;
	frame_left = 0;
	said_len = 0;
	said[0] = '\0';
	send_bytes("", 0);
}

/* A request with a frame behind it, which may be shorter than it says, or longer. */
static void send_frame(struct fuzz_input *in)
{
	static const char *const names[] = { "a", "b", "nope" };
	char line[64];
	const uint8_t which = fuzz_u8(in);

	snprintf(line, sizeof(line), "%s 1 image.%s %s %u\n", which & 8 ? "" : "\n",
		 which & 16 ? "put" : "data", names[which % 3], fuzz_u8(in));
	send_bytes(line, strlen(line));
	send_some(in);
}

static void drop_images(void)
{
	for (struct stored_bundle *b; (b = bundle_store_at(0)) != NULL;) {
		bundle_store_drop(b);
		bundle_store_put(b);
	}
	fuzz_must(creations != 0 || image_memory == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };

	frame_left = 0;
	(void)control_setup(NULL);
	drop_images();
	fuzz_must(creations == 0);
	while (in.left > 0) {
		switch (fuzz_u8(&in) % 18) {
		case 0:
		case 1:
		case 2:
			send_some(&in);
			break;
		case 3:
			room = fuzz_u8(&in);
			break;
		case 4:
			room = 100000;
			send_bytes("", 0);
			break;
		case 5:
			change_a_vm(&in);
			break;
		case 6:
			change_connection(fuzz_u8(&in) % 3);
			break;
		case 7:
			send_frame(&in);
			break;
		case 8:
			creation_steps = fuzz_u8(&in);
			creation_error = creation_steps % 3 ? NULL : "wrong";
			send_bytes("\n3 vm.create a\n", 15);
			break;
		case 9:
			send_bytes("\n4 console.attach vm-1\n", 23);
			prints(0, (const char *)in.next, in.left);
			break;
		case 10:
			type_room = fuzz_u8(&in);
			nr_typed = 0;
			send_bytes("\n5 console.type vm-1 9\n", 23);
			send_some(&in);
			break;
		case 11:
			write_events(0, 8 * fuzz_u8(&in));
			break;
		case 12:
			write_events(1, 64 * fuzz_u8(&in));
			break;
		default:
			send_bytes("\n", 1);
			break;
		}
		run_channel();
		fuzz_must(fake_vm_refs == 0);
		check_output();
	}
	change_connection(0);
	run_channel();
	fuzz_must(control_trace_state() == CONTROL_TRACE_OFF);
	return 0;
}
