/* SPDX-License-Identifier: BSD-2-Clause */
#include "tlb/world.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include <hartvisor/sbi.h>

#include "arch/csr.h"
#include "fake/pcpu.h"
#include "mm/page.h"
#include "vcpu/hsm.h"
#include "vcpu/load.h"
#include "pv/magic.h"
#include "pv/steal.h"

struct tlb_vm tlb_vms[TLB_VMS];

/* The vcpu whose registers are in the hart still, and the one whose registers come. */
static struct {
	const struct vcpu *loaded, *comes;
	bool handles_exit;
} busy[TLB_HARTS];

static uint64_t random_state;

void random_seed(uint64_t seed)
{
	random_state = seed;
}

unsigned int random_below(unsigned int n)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned int)(random_state >> 33) % n;
}

void on_hart(unsigned int h)
{
	fake_pcpu_become(h);
}

/* One hart goes on in the middle of what the other one does. */
struct held_locks *lock_rank_held(void)
{
	static struct held_locks held[TLB_HARTS];

	return &held[this_pcpu()->index];
}

/* --- what is written down ----------------------------------------------------------------------------- */

/* Where everything is now, is a place where it may be found. Called by the harts before they walk. */
void tlb_note(void)
{
	for (unsigned int i = 0; i < TLB_VMS; i++) {
		struct tlb_vm *t = &tlb_vms[i];

		for (unsigned int gpa = 0; t->lives && gpa < TLB_GPAS; gpa++)
			tlb_add(&t->pages[gpa], tlb_walk(t->vm.gstage.hgatp, gpa));
	}
}

void pages_are_fenced(struct tlb_vm *t)
{
	memset(t->pages, 0, sizeof(t->pages));
	tlb_note();
}

unsigned int table_of_asid(const struct tlb_vm *t, unsigned int asid)
{
	/* Not the same in every VM, so that one's vsatp with another's hgatp leads astray. */
	return asid ^ (t->vm.id & 1) ? RAM_TABLE_B : RAM_TABLE_A;
}

/* What the guest's memory says of @gva. Its tables are where they were at the beginning. */
static uint16_t gpa_now(const struct tlb_vm *t, unsigned int asid, unsigned int gva)
{
	struct tlb_page p = tlb_walk(t->vm.gstage.hgatp, table_of_asid(t, asid));
	uint64_t word = tlb_words(p.page)[gva];

	return (uint16_t)BIT(word ? word & (TLB_GPAS - 1) : TLB_GPAS);
}

void tables_are_fenced(struct tlb_vm *t, uint64_t vcpus, unsigned int asids, unsigned int gvas)
{
	for (unsigned int i = 0; i < VCPUS; i++)
		for (unsigned int asid = 0; asid < TLB_ASIDS; asid++)
			for (unsigned int gva = 0; gva < TLB_GVAS; gva++)
				if ((vcpus & BIT(i)) && (asids & BIT(asid)) && (gvas & BIT(gva)))
					t->gpas[i][asid][gva] = gpa_now(t, asid, gva);
}

void code_is_fenced(struct tlb_vm *t, uint64_t vcpus)
{
	for (unsigned int i = 0; i < VCPUS; i++)
		if (vcpus & BIT(i))
			t->versions[i] = 1u << t->version;
}

static bool may_be(const struct tlb_vm *t, uint16_t gpas, struct tlb_page p)
{
	if (p.page == TLB_NOWHERE && (gpas & TLB_NO_GPA))
		return true;
	for (unsigned int gpa = 0; gpa < TLB_GPAS; gpa++)
		if ((gpas & BIT(gpa)) && tlb_has(&t->pages[gpa], p))
			return true;
	return false;
}

static void check_answer(const struct tlb_vm *t, uint16_t gpas, struct tlb_page p)
{
	if (p.page == TLB_NOWHERE) {
		if (!may_be(t, gpas, p))
			tlb_fail("a guest's access may fault where there is a page");
	} else if (!tlb_page_lives(p)) {
		tlb_fail("a guest's access may go to a page that was freed");
	} else if (tlb_page_owner(p) != t->vm.id) {
		tlb_fail("a guest's access may go to another VM's page");
	} else if (!may_be(t, gpas, p)) {
		tlb_fail("a guest's access may go to where its tables do not lead");
	}
}

/* --- vcpus on harts ----------------------------------------------------------------------------------- */

bool is_free_to_run(const struct vcpu *v, unsigned int h)
{
	return v->vm->state == VM_RUNNING && busy[!h].loaded != v && busy[!h].comes != v;
}

struct vcpu *another(const struct vcpu *v)
{
	for (unsigned int i = 0; i < TLB_VMS * VCPUS; i++) {
		struct vcpu *to = vcpu_of(i / VCPUS, i % VCPUS);

		if (to->vm != v->vm && is_free_to_run(to, 0) && is_free_to_run(to, 1))
			return to;
	}
	return NULL;
}

void load_on(unsigned int h, struct vcpu *v)
{
	struct pcpu *p;

	on_hart(h);
	p = this_pcpu();
	if (p->current == v)
		return;
	leaves(h);
	busy[h].handles_exit = false;
	busy[h].comes = v;
	if (p->current) {
		pv_preempted(p->current);
		vcpu_put(p->current, p);
	}
	vcpu_load(v, p);
	/* The scheduler may move the former one from now on. */
	busy[h].loaded = v;
	pv_resumes(v);
}

bool enters(unsigned int h)
{
	struct vcpu *v = pcpus[h]->current;

	on_hart(h);
	busy[h].handles_exit = false;
	if (v)
		atomic_set(&v->halt.blocked, 0);
	for (;;) {
		if (!v || vcpu_handle_requests(v) != VCPU_MAY_RUN)
			return false;
		atomic_set(&v->mode, IN_GUEST_MODE);
		if (!vcpu_request_pending(v))
			return true;
		vcpu_leave(v);
	}
}

void leaves(unsigned int h)
{
	struct vcpu *v = pcpus[h]->current;

	if (v && v->mode != OUTSIDE_GUEST_MODE) {
		vcpu_leave(v);
		busy[h].handles_exit = true;
	}
}

bool handles_exit(unsigned int h)
{
	return busy[h].handles_exit;
}

void reaches(const struct vcpu *v)
{
	const struct tlb_vm *t = vm_of(v);
	uint64_t vsatp = csr_read(CSR_VSATP);

	for (unsigned int gva = 0; gva < TLB_GVAS; gva++) {
		const struct tlb_answers *set = tlb_use(gva);
		uint16_t gpas = vsatp ? t->gpas[v->id][vsatp >> 44 & 1][gva] :
					(uint16_t)BIT(tlb_bare_gpa(gva));

		for (unsigned int i = 0; i < set->n; i++)
			check_answer(t, gpas, set->a[i]);
	}
}

void uses(unsigned int h)
{
	const struct vcpu *v = pcpus[h]->current;

	if (!v || v->mode != IN_GUEST_MODE)
		return;
	on_hart(h);
	reaches(v);
	if (tlb_fetch(v->vm->id) & ~vm_of(v)->versions[v->id])
		tlb_fail("a guest may execute an instruction that is no more");
}

void runs_on(unsigned int h, struct vcpu *v)
{
	if (pcpus[!h]->current == v)
		load_on(!h, another(v));
	load_on(h, v);
	leaves(h);
	assert_true(enters(h));
	uses(h);
}

/* --- lives -------------------------------------------------------------------------------------------- */

static void start(struct tlb_vm *t)
{
	t->vm.state = VM_RUNNING;
	for (unsigned int i = 0; i < VCPUS; i++) {
		vcpu_power_on(&t->vcpu[i]);
		assert_int_equal(vcpu_hsm_prepare(&t->vcpu[i], gpa(0x80200000), 0), HV_OK);
	}
	tables_are_fenced(t, UINT64_MAX, UINT32_MAX, UINT32_MAX);
	code_is_fenced(t, UINT64_MAX);
}

static void write_tables(struct tlb_vm *t)
{
	static const uint8_t gpas[TLB_ASIDS][TLB_GVAS] = {
		{ RAM_DATA_A, RAM_DATA_B, HOLE_NEAR, HOLE_FAR },
		{ RAM_DATA_B, RAM_TABLE_A, RAM_OTHER, HOLE_BESIDE },
	};

	for (unsigned int asid = 0; asid < TLB_ASIDS; asid++) {
		struct tlb_page p = tlb_walk(t->vm.gstage.hgatp, table_of_asid(t, asid));

		for (unsigned int gva = 0; gva < TLB_GVAS; gva++)
			tlb_words(p.page)[gva] = tlb_guest_word(gpas[asid][gva]);
	}
}

static void clear(struct gstage *gs)
{
	uint64_t at = 0, n;

	while ((n = gstage_clear_step(gs, at, 2 * PAGE_SIZE)) != 0)
		at += n;
}

void vm_makes(unsigned int i)
{
	struct tlb_vm *t = &tlb_vms[i];

	tlb_owner = i;
	assert_int_equal(gstage_init(&t->vm.gstage, MIB(1)), HV_OK);
	assert_int_equal(gstage_alloc_ram(&t->vm.gstage, gpa(TLB_RAM_FIRST * PAGE_SIZE),
					  TLB_RAM_PAGES * PAGE_SIZE),
			 HV_OK);
	clear(&t->vm.gstage);
	write_tables(t);
	t->lives = true;
	pages_are_fenced(t);
	start(t);
}

void dies_on(unsigned int h, struct vcpu *v)
{
	v->vm->state = VM_STOPPING;
	if (pcpus[!h]->current == v)
		load_on(!h, another(v));
	load_on(h, v);
	leaves(h);
	busy[h].handles_exit = false;
	vcpu_put_for_good(v, this_pcpu());
	busy[h].loaded = busy[h].comes = NULL;
	tlb_step();
}

void vm_ends(unsigned int i)
{
	struct tlb_vm *t = &tlb_vms[i];

	for (unsigned int j = 0; j < VCPUS; j++)
		pv_magic_free(&t->vcpu[j]);
	clear(&t->vm.gstage);
	t->lives = false;
	t->vm.state = VM_OFF;
	gstage_destroy(&t->vm.gstage);
}

void vm_reboots(unsigned int i)
{
	struct tlb_vm *t = &tlb_vms[i];

	for (unsigned int j = 0; j < VCPUS; j++)
		pv_magic_reset(&t->vcpu[j]);
	write_tables(t);
	pages_are_fenced(t);
	start(t);
}

static hpa_t begin_memory(void)
{
	hpa_t root;

	tlb_owner = TLB_VMS; /* hartvisor */
	assert_true(page_alloc(GSTAGE_ROOT_SIZE, GSTAGE_ROOT_SIZE, &root));
	memset(tlb_words(tlb_page(root).page), 0, GSTAGE_ROOT_SIZE);
	return root;
}

void world_begin(unsigned int vmidlen)
{
	hpa_t root;

	memset(tlb_vms, 0, sizeof(tlb_vms));
	memset(busy, 0, sizeof(busy));
	tlb_setup(vmidlen);
	fake_pcpu_setup(TLB_HARTS);
	hart_features = (struct hart_features){ .sstc = true };
	root = begin_memory();
	for (unsigned int h = 0; h < TLB_HARTS; h++) {
		on_hart(h);
		assert_int_equal(gstage_probe(root), HV_OK);
		assert_int_equal(vmid_init_pcpu(h, 14, root), vmidlen);
	}
	page_free(root, GSTAGE_ROOT_SIZE);
	on_hart(0);
	for (unsigned int i = 0; i < TLB_VMS; i++) {
		struct tlb_vm *t = &tlb_vms[i];

		spin_init(&t->vm.lock, LOCK_VM);
		spin_init(&t->vm.transition, LOCK_VM_TRANSITION);
		t->vm.id = i;
		t->vm.nr_vcpus = VCPUS;
		for (unsigned int j = 0; j < VCPUS; j++) {
			spin_init(&t->vcpu[j].fences.lock, LOCK_FENCES);
			t->vcpu[j].vm = &t->vm;
			t->vcpu[j].id = j;
			t->vcpu[j].place.pcpu = UINT32_MAX;
			t->vm.vcpus[j] = &t->vcpu[j];
		}
		vm_makes(i);
	}
}
