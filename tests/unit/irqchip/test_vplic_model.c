// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/plic.h
/* The virtual PLIC and a plain one, side by side. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fake/plic.h"
#include "irqchip/vplic_state.h"

/* A second, plain PLIC: sets are arrays of bool, everything is recomputed by walking all sources. */
static struct {
	bool level[1024], pending[1024], service[1024], pulsed[1024], enabled[VCPUS][1024];
	unsigned int prio[1024], threshold[VCPUS];
} model;

static unsigned int model_best(unsigned int hart, unsigned int above)
{
	unsigned int best = 0;
	unsigned int prio = above;

	for (unsigned int s = 1; s < 1024; s++) {
		if (model.pending[s] && model.enabled[hart][s] && model.prio[s] > prio) {
			best = s;
			prio = model.prio[s];
		}
	}
	return best;
}

static void model_step(unsigned int op, unsigned int s, unsigned int hart)
{
	unsigned int val = (unsigned int)rand() % 8;
	bool on = val & 1;

	switch (op) {
	case 0:
		priority(s, val);
		model.prio[s] = val;
		break;
	case 1:
		on ? enable(S(hart), s) : disable(S(hart), s);
		model.enabled[hart][s] = on;
		break;
	case 2:
		threshold(S(hart), val % 4);
		model.threshold[hart] = val % 4;
		break;
	case 3:
		virq_set_level((struct virq){ plic, s }, on);
		model.level[s] = on;
		if (on && !model.service[s])
			model.pending[s] = true;
		break;
	case 4:
		virq_pulse((struct virq){ plic, s });
		if (model.service[s])
			model.pulsed[s] = true;
		else
			model.pending[s] = true;
		break;
	case 5:
		s = model_best(hart, 0);
		assert_int_equal(claim(S(hart)), s);
		if (s) {
			model.pending[s] = false;
			model.service[s] = true;
		}
		break;
	default:
		complete(S(hart), s);
		if (!model.enabled[hart][s] || !model.service[s])
			break;
		model.service[s] = false;
		if (model.level[s] || model.pulsed[s])
			model.pending[s] = true;
		model.pulsed[s] = false;
		break;
	}
}

/* What the PLIC keeps so that it need not walk agrees with the sets. */
static void check_summaries(void)
{
	const struct vplic *p = container_of(plic, struct vplic, chip);
	unsigned int of_prio[PLIC_NR_PRIORITIES] = { 0 }, all = 0, last = 0;

	for (unsigned int s = 1; s < 1024; s++) {
		if (!plic_set_test(&p->pending, s))
			continue;
		of_prio[p->priority[s] % PLIC_NR_PRIORITIES]++;
		all++;
		last = s;
	}
	for (unsigned int prio = 0; prio < PLIC_NR_PRIORITIES; prio++) {
		assert_int_equal(p->nr_pending[prio], of_prio[prio]);
		assert_int_equal((p->pending_prios & prio_bit(prio)) != 0, of_prio[prio] != 0);
	}
	for (unsigned int i = 0; i < PLIC_WORDS; i++)
		assert_int_equal(p->pending_words >> i & 1, p->pending.word[i] != 0);
	assert_int_equal(p->pending_words >> (PLIC_WORDS - 1) >> 1, 0);
	if (p->lone)
		assert_true(all == 1 && p->lone == last);
	for (unsigned int h = 0; h < VCPUS; h++) {
		uint64_t any = 0;

		for (unsigned int i = 0; i < PLIC_WORDS; i++)
			any |= p->contexts[S(h)].enabled->word[i];
		assert_int_equal(vcpu_set_has(p->listening, h), any != 0);
		assert_int_equal(vcpu_set_has(p->raised, h), fake_vseip(h));
	}
}

/* The only one that is pending is known, so that it need not be searched for. */
static void one_that_is_alone_is_known(void **state)
{
	const struct vplic *p = container_of(plic, struct vplic, chip);

	(void)state;
	priority(10, 2);
	priority(95, 1);
	enable(S(0), 10);
	enable(S(0), 95);
	virq_pulse((struct virq){ plic, 10 });
	assert_int_equal(p->lone, 10);
	priority(10, 5);
	assert_int_equal(p->lone, 10);
	virq_pulse((struct virq){ plic, 95 });
	assert_int_equal(p->lone, 0);
	assert_int_equal(claim(S(0)), 10);
	assert_int_equal(claim(S(0)), 95);
	virq_pulse((struct virq){ plic, 95 });
	complete(S(0), 10);
	virq_pulse((struct virq){ plic, 10 });
	assert_int_equal(p->lone, 10);
	priority(10, 0);
	assert_int_equal(claim(S(0)), 0);
	disable(S(0), 10);
	priority(10, 1);
	assert_int_equal(claim(S(0)), 0);
	assert_false(fake_vseip(0));
}

static void random_walk_agrees_with_a_plain_model(void **state)
{
	static const unsigned int sources[] = { 1, 2, 10, 31, 32, 63, 64, 511, 1023 };

	(void)state;
	srand(1);
	for (unsigned int i = 0; i < 20000; i++) {
		model_step((unsigned int)rand() % 8, sources[(size_t)rand() % ARRAY_SIZE(sources)],
			   (unsigned int)rand() % VCPUS);
		for (unsigned int h = 0; h < VCPUS; h++)
			assert_int_equal(fake_vseip(h), model_best(h, model.threshold[h]) != 0);
		check_summaries();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLIC_TEST(one_that_is_alone_is_known),
		PLIC_TEST(random_walk_agrees_with_a_plain_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
