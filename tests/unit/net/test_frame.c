// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/netports.h
/* What senders leave undone: checksums, and TCP packets that are larger than the network carries. And copies at any alignment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake/netports.h"
#include "lib/errno.h"

#define M(n) fake_mac(n)

enum { FIN = 0x01, PSH = 0x08, ACK = 0x10, CWR = 0x80 };

static int setup(void **state)
{
	(void)state;
	fake_net_begin();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_net_end();
	return 0;
}

static uint8_t pattern(uint64_t i)
{
	return (uint8_t)(i * 7 + i / 251 + 3);
}

/* As RFC 1071 has it, word by word. */
static uint16_t sum_of(uint32_t sum, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i += 2)
		sum += (uint32_t)p[i] << 8 | (i + 1 < n ? p[i + 1] : 0u);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* --- bytes ---------------------------------------------------------------------------------------- */

/* In blocks of their own size, so that a byte that is read beyond them is seen. */
static void each_byte_is_copied_at_any_alignment(void **state)
{
	(void)state;
	for (size_t n = 0; n < 600; n += n < 160 ? 1 : 37) {
		for (unsigned int off = 0; off < 64; off++) {
			uint8_t *from = malloc((off & 7) + n + 1), *to = malloc((off >> 3) + n + 2);

			for (size_t i = 0; i < n; i++)
				from[(off & 7) + i] = pattern(i);
			to[(off >> 3) + n] = 0xa5;
			net_copy(to + (off >> 3), from + (off & 7), n);
			for (size_t i = 0; i < n; i++)
				assert_int_equal(to[(off >> 3) + i], pattern(i));
			assert_int_equal(to[(off >> 3) + n], 0xa5);
			free(from);
			free(to);
		}
	}
}

static void a_sum_is_that_of_its_words(void **state)
{
	uint8_t bytes[600];

	(void)state;
	for (unsigned int i = 0; i < sizeof(bytes); i++)
		bytes[i] = i % 3 ? 0xff : pattern(i);
	for (unsigned int off = 0; off < 8; off++) {
		for (unsigned int n = 0; n < 500; n++) {
			const unsigned int cut = n * 3 / 7;
			uint64_t sum = net_sum(0, bytes + off, cut, false);

			assert_int_equal(net_sum_fold(net_sum(0, bytes + off, n, false)) % 0xffff,
					 sum_of(0, bytes + off, n) % 0xffff);
			/* In two parts, the first of which may be odd. */
			sum = net_sum(sum, bytes + off + cut, n - cut, cut & 1);
			assert_int_equal(net_sum_fold(sum) % 0xffff,
					 sum_of(0, bytes + off, n) % 0xffff);
		}
	}
}

/* --- checksums ------------------------------------------------------------------------------------ */

static void a_checksum_is_left_to_a_receiver_that_takes_it(void **state)
{
	uint8_t bytes[100] = { 0 };
	struct flat f;

	(void)state;
	fake_ports[1].takes = NET_TAKES_CSUM;
	fake_ether(bytes, M(1), M(0), 0x0800);
	flat_begin(&f, bytes, sizeof(bytes), sizeof(bytes));
	f.frame.offload = (struct net_offload){ .csum = true, .csum_start = 34, .csum_offset = 6 };
	assert_int_equal(fake_send_flat(0, &f), 100);
	assert_memory_equal(fake_ports[1].got[0], bytes, 100);
	assert_memory_equal(&fake_ports[1].offload[0], &f.frame.offload, sizeof(f.frame.offload));
}

static void a_checksum_is_computed_for_others(void **state)
{
	static uint8_t bytes[1514];
	struct flat f;

	(void)state;
	for (unsigned int len = 60; len < 1514; len += 13) {
		for (unsigned int piece = 1; piece < 2000; piece = piece * 3 + 1) {
			const uint16_t before = 0x1234;
			uint16_t want;
			uint8_t *got;

			for (unsigned int i = 0; i < len; i++)
				bytes[i] = pattern(i + len);
			fake_ether(bytes, M(1), M(0), 0x0800);
			net_put16(bytes + 34 + 6, before); /* the pseudo-header */
			flat_begin(&f, bytes, len, (uint32_t)min_u64(len, 50));
			f.piece = piece;
			f.frame.offload = (struct net_offload){ .csum = true,
								.csum_start = 34,
								.csum_offset = 6 };
			assert_int_equal(fake_send_flat(0, &f), len);
			got = fake_ports[1].got[0];
			assert_false(fake_ports[1].offload[0].csum);
			want = sum_of(0, bytes + 34, len - 34) ^ 0xffff;
			assert_int_equal(net_get16(got + 40), want == 0 ? 0xffff : want);
			net_put16(got + 40, before);
			assert_memory_equal(got, bytes, len);
			assert_int_equal(fake_got(1), 1);
		}
	}
}

/* --- segments ------------------------------------------------------------------------------------- */

static uint8_t big[66000];

struct shape {
	bool v6;
	uint32_t ip_options, tcp_options, data, size;
};

/* A large TCP packet from port 0 to 1. Returns its length. */
static uint32_t make_big(const struct shape *s, struct net_offload *o)
{
	const uint32_t tcp = 14 + (s->v6 ? 40 : 20 + s->ip_options);
	const uint32_t head = tcp + 20 + s->tcp_options;

	for (uint32_t i = 0; i < head + s->data; i++)
		big[i] = pattern(i);
	fake_ether(big, M(1), M(0), s->v6 ? 0x86dd : 0x0800);
	big[14] = (uint8_t)(s->v6 ? 0x60 : 0x40 | (20 + s->ip_options) / 4);
	if (s->v6) {
		net_put16(big + 18, (uint16_t)(head + s->data - 54));
		big[20] = 6;
	} else {
		net_put16(big + 16, (uint16_t)(head + s->data - 14));
		net_put16(big + 18, 0xfffe);
		net_put16(big + 20, 0x4000);
		big[23] = 6;
	}
	net_put32(big + tcp + 4, 0xffff0000);
	big[tcp + 12] = (uint8_t)((20 + s->tcp_options) / 4 << 4);
	big[tcp + 13] = FIN | PSH | ACK | CWR;
	*o = (struct net_offload){ .csum = true,
				   .gso = s->v6 ? NET_GSO_TCPV6 : NET_GSO_TCPV4,
				   .gso_size = (uint16_t)s->size,
				   .csum_start = (uint16_t)tcp,
				   .csum_offset = 16 };
	return head + s->data;
}

static void begin_big(struct flat *f, const struct shape *s)
{
	struct net_offload o;
	const uint32_t len = make_big(s, &o);

	flat_begin(f, big, len, (uint32_t)min_u64(len, NET_HEAD_MAX));
	f->frame.offload = o;
}

/* The sums of what port 1 has got as number @i: IP's own, and TCP's with the pseudo-header. */
static void check_sums(const struct shape *s, const uint8_t *p, uint32_t len, uint32_t tcp)
{
	uint32_t sum = 6 + (len - tcp);

	if (!s->v6)
		assert_int_equal(sum_of(0, p + 14, tcp - 14), 0xffff);
	sum += s->v6 ? sum_of(0, p + 22, 32) : sum_of(0, p + 26, 8);
	assert_int_equal(sum_of(sum, p + tcp, len - tcp), 0xffff);
}

static void check_segments(const struct shape *s, uint64_t takes)
{
	const uint32_t tcp = 14 + (s->v6 ? 40 : 20 + s->ip_options);
	const uint32_t head = tcp + 20 + s->tcp_options;
	const unsigned int nr = (s->data + s->size - 1) / s->size;
	uint32_t at = 0;

	assert_int_equal(fake_ports[1].nr, nr);
	for (unsigned int i = 0; i < nr; i++) {
		const uint8_t *p = fake_ports[1].got[i];
		const uint32_t n = (uint32_t)min_u64(s->size, s->data - at);
		uint8_t bits = ACK;

		assert_int_equal(fake_ports[1].len[i], head + n);
		assert_int_equal(fake_ports[1].offload[i].gso, NET_GSO_NONE);
		assert_int_equal(fake_ports[1].offload[i].csum, takes != 0);
		assert_memory_equal(p, big, 14);
		assert_memory_equal(p + head, big + head + at, n);
		if (s->v6) {
			assert_int_equal(net_get16(p + 18), head + n - 54);
		} else {
			assert_int_equal(net_get16(p + 16), head + n - 14);
			assert_int_equal(net_get16(p + 18), (uint16_t)(0xfffe + i));
		}
		assert_int_equal(net_get32(p + tcp + 4), 0xffff0000 + at);
		bits |= i == 0 ? CWR : 0;
		bits |= i + 1 == nr ? FIN | PSH : 0;
		assert_int_equal(p[tcp + 13], bits);
		if (takes == 0)
			check_sums(s, p, head + n, tcp);
		at += n;
	}
	assert_int_equal(fake_got(1), nr);
}

static const struct shape shapes[] = {
	{ false, 0, 0, 14480, 1448 }, { false, 0, 12, 14481, 1448 }, { false, 40, 40, 3000, 999 },
	{ true, 0, 0, 14480, 1440 },  { true, 0, 40, 50000, 1400 },  { false, 0, 0, 60000, 1001 },
	{ false, 0, 0, 65495, 1460 }, { true, 0, 12, 1429, 1428 },   { false, 0, 0, 48, 48 },
};

static void a_large_packet_is_cut_for_a_receiver_that_does_not_take_it(void **state)
{
	struct flat f;

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(shapes); i++) {
		for (unsigned int how = 0; how < 6; how++) {
			const uint64_t takes = how % 2 ? NET_TAKES_CSUM : 0;

			begin_big(&f, &shapes[i]);
			f.piece = (uint64_t[]){ 1000000, 4096, 333 }[how / 2];
			assert_true(net_check_gso(&f.frame));
			assert_int_equal(f.frame.seek(&f.frame, f.frame.head_len), HV_OK);
			fake_ports[1].takes = takes;
			assert_int_equal(fake_send_flat(0, &f), f.frame.len);
			check_segments(&shapes[i], takes);
		}
	}
}

static void a_large_packet_goes_whole_to_a_receiver_that_takes_it(void **state)
{
	struct flat f;

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(shapes); i++) {
		begin_big(&f, &shapes[i]);
		assert_true(net_check_gso(&f.frame));
		assert_int_equal(f.frame.seek(&f.frame, f.frame.head_len), HV_OK);
		fake_ports[1].takes = NET_TAKES_CSUM | NET_TAKES_TCPV4 | NET_TAKES_TCPV6;
		assert_int_equal(fake_send_flat(0, &f), f.frame.len);
		assert_memory_equal(fake_ports[1].got[0], big, f.frame.len);
		assert_int_equal(fake_ports[1].offload[0].gso, f.frame.offload.gso);
		assert_int_equal(fake_ports[1].offload[0].hdr_len, f.frame.head_len);
		assert_int_equal(fake_got(1), 1);
	}
}

static void a_full_receiver_loses_the_rest_of_the_segments(void **state)
{
	struct flat f;

	(void)state;
	begin_big(&f, &shapes[0]);
	assert_true(net_check_gso(&f.frame));
	assert_int_equal(f.frame.seek(&f.frame, f.frame.head_len), HV_OK);
	fake_ports[1].room = 3;
	assert_true(fake_send_flat(0, &f) >= 0);
	assert_int_equal(fake_got(1), 3);
	assert_int_equal(fake_dropped(1, NET_DROP_FULL), 1);
}

/* One byte of the packet, or one number that the driver says of it, is wrong. */
static void what_does_not_fit_the_packet_is_refused(void **state)
{
	static const struct {
		bool v6;
		unsigned int at; /* 0: none */
		uint8_t byte;
		struct net_offload o; /* what is not 0 */
		uint32_t head;	      /* not 0: it has fewer bytes */
	} wrong[] = {
		{ false, 12, 0x86, { 0 }, 0 },
		{ false, 14, 0x55, { 0 }, 0 },
		{ false, 14, 0x44, { 0 }, 0 },
		{ false, 14, 0x46, { 0 }, 0 },
		{ false, 14, 0x4f, { 0 }, 0 },
		{ false, 23, 17, { 0 }, 0 },
		{ false, 20, 0x20, { 0 }, 0 },
		{ false, 21, 0x01, { 0 }, 0 },
		{ false, 46, 0x40, { 0 }, 0 },
		{ false, 46, 0x00, { 0 }, 0 },
		{ true, 12, 0x08, { 0 }, 0 },
		{ true, 14, 0x40, { 0 }, 0 },
		{ true, 20, 0, { 0 }, 0 },
		{ true, 20, 44, { 0 }, 0 },
		{ true, 66, 0x10, { 0 }, 0 },
		{ false, 0, 0, { .csum_start = 33 }, 0 },
		{ false, 0, 0, { .csum_start = 54 }, 0 },
		{ false, 0, 0, { .csum_offset = 6 }, 0 },
		{ false, 0, 0, { .csum_offset = 18 }, 0 },
		{ false, 0, 0, { .gso_size = 47 }, 0 },
		{ false, 0, 0, { .gso_size = 1 }, 0 },
		{ false, 0, 0, { 0 }, 73 },
		{ true, 0, 0, { 0 }, 73 },
		{ true, 66, 0xf0, { 0 }, 113 },
	};
	struct flat f;

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct net_offload *o = &f.frame.offload;

		begin_big(&f, &(struct shape){ .v6 = wrong[i].v6, .data = 3000, .size = 1000 });
		if (wrong[i].at)
			f.frame.head[wrong[i].at] = wrong[i].byte;
		o->csum_start = wrong[i].o.csum_start ? wrong[i].o.csum_start : o->csum_start;
		o->csum_offset = wrong[i].o.csum_offset ? wrong[i].o.csum_offset : o->csum_offset;
		o->gso_size = wrong[i].o.gso_size ? wrong[i].o.gso_size : o->gso_size;
		f.frame.head_len = wrong[i].head ? wrong[i].head : f.frame.head_len;
		if (net_check_gso(&f.frame))
			fail_msg("row %u is taken", i);
	}
	/* All is header; and without a checksum that is left. */
	begin_big(&f, &(struct shape){ .tcp_options = 20, .data = 0, .size = 1000 });
	assert_false(net_check_gso(&f.frame));
	begin_big(&f, &shapes[0]);
	f.frame.offload.csum = false;
	assert_false(net_check_gso(&f.frame));
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_byte_is_copied_at_any_alignment),
		cmocka_unit_test(a_sum_is_that_of_its_words),
		test(a_checksum_is_left_to_a_receiver_that_takes_it),
		test(a_checksum_is_computed_for_others),
		test(a_large_packet_is_cut_for_a_receiver_that_does_not_take_it),
		test(a_large_packet_goes_whole_to_a_receiver_that_takes_it),
		test(a_full_receiver_loses_the_rest_of_the_segments),
		test(what_does_not_fit_the_packet_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
