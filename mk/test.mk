# SPDX-License-Identifier: BSD-2-Clause
#
# Tests. Every tests/unit/*/test_*.c is one cmocka program for the build machine, with ASan and UBSan. It stands in the
# folder of the room that it tests; explorer, threads and tlb are nets that cross rooms. It names the sources it
# is linked with in comment lines of its own. There is no list of a room, since which sources are real and which are fakes
# is the first thing to know of a program; programs that share them are LIKE a header that names them.
#
#     // SOURCES: hyp/irqchip/vplic.c tests/unit/fake/devvm.c
#
# UNIT_ALWAYS comes along. tests/unit/fake is searched before hyp: the headers of its arch and
# platform take the place of hyp/arch's and platform's, and call the program. Two nets have a lib/atomic.h and a
# lib/spinlock.h besides, in folders that INCLUDE names: the explorer makes each access a step that its memory model sees,
# the threads let others run before each. One set for all programs would be the real ones with both behind #ifdef.
# A program may also say
#
#     // SANITIZE: thread        instead of address,undefined; "none" for none
#     // CFLAGS: -O2             after all others
#     // INCLUDE: tests/unit/x   a folder to search even before tests/unit/fake
#     // LIKE: tests/unit/fake/NAME.h  such lines of that file count, too

HOSTCC := gcc
U      := $(B)/unit

UNIT_SRCS  := $(wildcard tests/unit/*/test_*.c)
UNIT_NAMES := $(UNIT_SRCS:tests/unit/%.c=%)

# What every program has: the log, and the order of locks.
UNIT_ALWAYS := tests/unit/fake/log.c tests/unit/fake/lock_rank.c hyp/lib/lock_rank.c

SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer

UNIT_CFLAGS := -std=gnu11 -O1 -g -Wall -Wextra -Werror -DHARTVISOR_UNIT_TEST \
	-Itests/unit/fake -Itests/unit -Ihyp -I. -Iguest/include -isystem $(LIBFDT) -isystem $(BEARSSL)/inc -isystem $(ZLIB) -isystem $(LZ4)

$(U)/libfdt/%.o: $(LIBFDT)/%.c mk/test.mk mk/hartvisor.mk
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -O1 -g $(SANITIZE) $(if $(filter fdt_ro,$(*F)),$(LIBFDT_EXACT)) -I$(LIBFDT) -c $< -o $@

$(U)/libfdt/fdt_exact.o: hyp/lib/fdt_exact.c mk/test.mk
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -O1 -g $(SANITIZE) -I$(LIBFDT) -c $< -o $@

# With the exact look-up of nodes, as hartvisor has it.
$(U)/libfdt.a: $(LIBFDT_SRCS:%=$(U)/libfdt/%.o) $(U)/libfdt/fdt_exact.o
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

# What unpacks images, and from the same sources what packs them for the tests.
UNPACK_OBJS := $(addprefix $(U)/unpack/,$(ZLIB_SRCS:%=zlib/%.o) zlib/deflate.o zlib/trees.o zlib/zutil.o $(LZ4_SRCS:%=lz4/%.o) \
	lz4/lz4frame.o lz4/lz4hc.o lz4/xxhash.o)
# lz4frame allocates.
UNIT_LZ4_FLAGS = $(filter-out -DLZ4_FREESTANDING=1,$(LZ4_FLAGS))
$(U)/unpack/zlib/%.o: $(ZLIB)/%.c mk/test.mk mk/hartvisor.mk
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -O1 -g $(SANITIZE) $(ZLIB_FLAGS) -c $< -o $@
$(U)/unpack/lz4/%.o: $(LZ4)/%.c mk/test.mk mk/hartvisor.mk
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -O1 -g $(SANITIZE) $(UNIT_LZ4_FLAGS) -c $< -o $@
$(U)/libunpack.a: $(UNPACK_OBJS)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

# BearSSL is compiled once for each SANITIZE. Objects with ASan do not link into a program with TSan, and TSan
# sees no race in objects without it.
# $(call unit_bearssl,SANITIZE): the archive for such programs.
unit_bearssl = $(U)/bearssl$(addprefix -,$(1)).a

# $(call bearssl_rule,SANITIZE)
define bearssl_rule
$(U)/bearssl$(addprefix -,$(1))/%.o: $(BEARSSL)/src/%.c mk/test.mk mk/hartvisor.mk
	@mkdir -p $$(@D)
	$$(Q)$(HOSTCC) -O1 -g $(call unit_sanitize,$(1)) $(BEARSSL_FLAGS) -c $$< -o $$@

$(call unit_bearssl,$(1)): $(BEARSSL_SRCS:%=$(U)/bearssl$(addprefix -,$(1))/%.o)
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
endef

# $(call unit_says,KEY,FILE): what follows KEY in the comment lines of FILE, and of those it is LIKE.
unit_lines = $(shell sed -n 's,^[/ ]*[/*] *$(1): *,,p' $(2))
unit_says = $(call unit_lines,$(1),$(2) $(call unit_lines,LIKE,$(2)))

# $(call unit_sources,FILE): what its SOURCES lines name, and what every program has.
unit_sources = $(sort $(call unit_says,SOURCES,$(1)) $(UNIT_ALWAYS))

# $(call unit_flags,FILE): what its SANITIZE, CFLAGS and INCLUDE lines make of the flags.
unit_sanitize = $(if $(1),$(if $(filter none,$(1)),,-fsanitize=$(1)),$(SANITIZE))
unit_flags = $(call unit_sanitize,$(call unit_says,SANITIZE,$(1))) \
	$(addprefix -I,$(call unit_says,INCLUDE,$(1))) $(UNIT_CFLAGS) $(call unit_says,CFLAGS,$(1))

$(foreach kind,address none thread,$(eval $(call bearssl_rule,$(kind))))
$(eval $(call bearssl_rule))

# $(call unit_program,NAME): the sources it is made of.
unit_program = tests/unit/$(1).c $(call unit_sources,tests/unit/$(1).c)

unit_libbearssl = $(call unit_bearssl,$(call unit_says,SANITIZE,tests/unit/$(1).c))

# Programs that are compiled alike share their objects, in $(U)/obj/TAG: the tag is a digest of the flags.
unit_tag = $(firstword $(shell printf '%s' '$(strip $(1))' | cksum))

# $(call unit_compile_rule,TAG,FLAGS)
define unit_compile_rule
$(U)/obj/$(1)/%.o: %.c mk/test.mk
	@mkdir -p $$(@D)
	$$(Q)$(HOSTCC) $(2) -MMD -MP -c $$< -o $$@

$(U)/obj/$(1)/%.o: %.S mk/test.mk
	@mkdir -p $$(@D)
	$$(Q)$(HOSTCC) $(2) -c $$< -o $$@
endef

# $(call unit_objects,NAME)
unit_objects = $(patsubst %,$(U)/obj/$(unit_tag_$(1))/%.o,$(basename $(call unit_program,$(1))))

define unit_rule
unit_flags_$(1) := $(call unit_flags,tests/unit/$(1).c)
unit_tag_$(1) := $$(call unit_tag,$$(unit_flags_$(1)))
ifeq ($$(filter $$(unit_tag_$(1)),$$(UNIT_TAGS)),)
UNIT_TAGS += $$(unit_tag_$(1))
$$(eval $$(call unit_compile_rule,$$(unit_tag_$(1)),$$(unit_flags_$(1))))
endif
$(U)/$(1): $$(call unit_objects,$(1)) $(U)/libfdt.a $(U)/libunpack.a $(call unit_libbearssl,$(1))
	$$(call say,HOSTCC,$$@)
	@mkdir -p $$(@D)
	$$(Q)$(HOSTCC) $$(unit_flags_$(1)) $$^ -lcmocka -lpthread -o $$@
endef
UNIT_TAGS :=
$(foreach name,$(UNIT_NAMES),$(eval $(call unit_rule,$(name))))

# hartvisor's functions: the table that a panic has of them, and nm's own words.
$(U)/symbols/table.S: $(B)/hartvisor.elf
	@mkdir -p $(@D)
	$(Q)$(PYTHON) tools/mksyms.py $(CROSS)nm $< >$@

$(U)/symbols/functions.inc: $(B)/hartvisor.elf
	@mkdir -p $(@D)
	$(Q)$(CROSS)nm --defined-only $< | sort -s -k1,1 | \
		awk '$$2 ~ /^[tTwW]$$/ && $$3 !~ /^[.$$]/ && !seen[$$1]++ { print "{ 0x" $$1 ", \"" $$3 "\" }," }' >$@

$(call unit_objects,arch/test_symbols): $(U)/symbols/functions.inc

.PHONY: unit-programs
unit-programs: $(UNIT_NAMES:%=$(U)/%)

# The runner has make build the unit programs one by one, so that one which does not compile counts
# as a failure of its own and the others still run.
RUN_TESTS = PYTHONDONTWRITEBYTECODE=1 $(PYTHON) tools/run-tests.py --make '$(MAKE)' --python '$(PYTHON)' --lints '$(LINTS)' $(if $(K),-k '$(K)')
export QEMU OPENSBI

.PHONY: unit
unit:
	+@$(RUN_TESTS) unit

# All that the system tests boot.
.PHONY: test-builds
test-builds: all guest-tests firmware fit $(B)/hartvisor-no-fast.bin $(B)/hartvisor-checked.bin \
	$(B)/hartvisor-probe.bin

.PHONY: system
system: test-builds
	+@$(RUN_TESTS) system

# The concurrent ones among the system tests, while loops keep all cores of this machine busy.
.PHONY: busy
busy: test-builds
	+@$(RUN_TESTS) busy

# System tests again and again until one fails: K= which, N= how often at most, LOAD=yes with busy cores.
.PHONY: soak
soak: test-builds
	+@PYTHONDONTWRITEBYTECODE=1 $(PYTHON) tools/soak.py --python '$(PYTHON)' --times $(or $(N),100) -k '$(K)' $(if $(filter yes,$(LOAD)),--load)

.PHONY: test
test:
	+@$(RUN_TESTS) build unit model fuzz-replay system bench

# What .ci/run runs. Lint and fresh come last: what is wrong with the code is said first.
.PHONY: ci
ci:
	+@FUZZ_SECONDS='$(or $(FUZZ_SECONDS),75)' $(RUN_TESTS) build unit model fuzz system busy bench lint fresh

# A newcomer's first minute, in a minimal chroot of each release (tools/fresh.sh).
.PHONY: fresh
fresh:
	@PYTHON='$(PYTHON)' tools/fresh.sh $(RELEASES)

# The long forms of all, in parts (tools/run-tests.py has their names): PART= takes one of them. What passed is kept
# below build/verify until something that it depends on changes.
.PHONY: verify
verify:
	+@FUZZ_SECONDS='$(or $(FUZZ_SECONDS),1500)' $(RUN_TESTS) $(if $(filter yes,$(SETUP)),--setup) --verify $(PART)

# Known ways to break the vcpu protocol; the unit tests of it must notice each.
.PHONY: mutants-protocol
mutants-protocol:
	@PYTHONDONTWRITEBYTECODE=1 $(PYTHON) tests/model/mutate_sources.py

# Each fence of translations, instructions and devices, taken away or misplaced.
.PHONY: mutants-fences
mutants-fences: $(U)/libfdt.a $(U)/libunpack.a $(call unit_bearssl) $(call unit_bearssl,none) $(MADE)/arch/asm_offsets.h
	+@PYTHONDONTWRITEBYTECODE=1 $(PYTHON) tests/mutants/fences.py

# Small changes all over hyp and platform, a sample of each room; FILE= takes all of a file, ROOM= one room,
# SAMPLE= so many of each room, ARGS= more options (tests/mutants/run.py).
.PHONY: mutants print-mutants
mutants: test-builds $(U)/libfdt.a $(U)/libunpack.a $(foreach kind,address none thread,$(call unit_bearssl,$(kind))) $(call unit_bearssl) \
		$(U)/symbols/table.S $(U)/symbols/functions.inc
	+@PYTHONDONTWRITEBYTECODE=1 $(PYTHON) tests/mutants/run.py $(if $(FILE),--file '$(FILE)') $(if $(ROOM),--room '$(ROOM)') \
		$(if $(SAMPLE),--sample '$(SAMPLE)') $(ARGS)

print-mutants:
	@echo 'CC=$(CC)'
	@echo 'FLAGS=$(TARGET_CFLAGS) $(INCLUDES)'
	@echo 'LIBFDT=$(LIBFDT)'
	@echo 'BEARSSL=$(BEARSSL)'
	@echo 'UNPACK=$(ZLIB) $(LZ4)'
	@echo 'SMALL=$(SMALL_OBJS)'

-include $(shell find $(U)/obj -name '*.d' 2>/dev/null)
