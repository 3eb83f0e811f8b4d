// SPDX-License-Identifier: BSD-2-Clause
/* The scheduler of the life cycle's tests: tasks take turns, a step each. */
#include "fake/life.h"

#include <stdarg.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "sched/sched.h"

static struct sched_entity *tasks[8], *stepping;
static unsigned int nr_tasks;
static bool woken_again;

void life_tasks_reset(void)
{
	nr_tasks = 0;
	stepping = NULL;
}

void life_forget_tasks(void)
{
	for (unsigned int i = 0; i < nr_tasks; i++)
		tasks[i]->state = SCHED_BLOCKED;
	nr_tasks = 0;
	if (stepping) /* the machine went off in its step */
		stepping->state = SCHED_BLOCKED;
	stepping = NULL;
}

bool life_task_pending(void)
{
	return nr_tasks != 0;
}

void sched_task_init(struct sched_entity *se, struct sched_group *g, const struct sched_params *p,
		     bool (*step)(struct sched_entity *se))
{
	*se = (struct sched_entity){
		.step = step, .affinity = p->affinity, .weight = p->weight, .group = g
	};
}

bool sched_wake(struct sched_entity *se)
{
	assert_non_null(se->step);
	if (se == stepping) {
		woken_again = true;
		return false;
	}
	for (unsigned int i = 0; i < nr_tasks; i++)
		if (tasks[i] == se)
			return false;
	assert_true(nr_tasks < ARRAY_SIZE(tasks));
	tasks[nr_tasks++] = se;
	se->state = SCHED_RUNNABLE;
	return true;
}

bool life_step_one(void)
{
	struct sched_entity *se = tasks[0];
	bool more;

	if (nr_tasks == 0)
		return false;
	nr_tasks--;
	memmove(tasks, tasks + 1, nr_tasks * sizeof(tasks[0]));
	stepping = se;
	woken_again = false;
	more = se->step(se);
	stepping = NULL;
	se->state = SCHED_BLOCKED;
	if (more || woken_again)
		(void)sched_wake(se);
	return true;
}

void life_steps(unsigned int n)
{
	while (n-- > 0)
		assert_true(life_step_one());
}

/* What asks to be called again and again would never end. */
void life_run_all(void)
{
	for (unsigned int i = 0; life_step_one(); i++)
		assert_true(i < 10000);
}

void life_run_until(struct vm *vm, enum vm_state state)
{
	for (unsigned int i = 0; vm->state != state; i++) {
		assert_true(i < 1000);
		assert_true(life_step_one());
	}
}

void sched_entity_exit(struct sched_entity *se)
{
	for (unsigned int i = 0; i < nr_tasks; i++)
		assert_ptr_not_equal(tasks[i], se);
	life_called("leaves the scheduler");
}

void sched_expedite(struct sched_entity *se)
{
	life.expedited += se->step != NULL;
}

void sched_expedite_end(struct sched_entity *se)
{
	assert_ptr_equal(se, stepping);
	life.expedited = 0;
}

void sched_task_set_capped(struct sched_entity *se, bool capped)
{
	assert_ptr_equal(se, stepping);
	se->uncapped = !capped;
}

void sched_group_init(struct sched_group *g, unsigned int cap)
{
	(void)g;
	life_called("cap %u", cap);
}

void sched_group_go(struct sched_group *g, uint64_t at)
{
	(void)g, (void)at;
}

void sched_group_stop(struct sched_group *g, uint64_t at)
{
	(void)g, (void)at;
}
