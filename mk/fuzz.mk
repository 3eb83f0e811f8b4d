# SPDX-License-Identifier: BSD-2-Clause
#
# Fuzzing. Every tests/fuzz/fuzz_*.c is one target. Its comment lines say what it is linked with (SOURCES, LIKE, and LDFLAGS),
# as those of a unit test do (mk/test.mk); tests/unit/fake and tests/fuzz/common/log.c are at hand, and cmocka for the fakes.
#
#   make fuzz                       all corpora, then new inputs for SECONDS=120 in all (FUZZ_SECONDS= is the same, for CI)
#   make fuzz TARGET=x SECONDS=600  one target
#   make fuzz-replay                the corpora alone, built by gcc
#   make fuzz-corpus                the corpora anew: seeds, what fuzzing found, and minimised
#
# With libFuzzer each target is built by clang; without it the corpora are replayed by programs built by gcc.

F := $(B)/fuzz

FUZZ_SRCS    := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_TARGETS := $(FUZZ_SRCS:tests/fuzz/fuzz_%.c=%)
FUZZ_CLANG   ?= clang

# -Wno-...: what clang says of the sources and gcc does not; gcc's view is the one that decides.
FUZZ_CFLAGS := -std=gnu11 -O1 -g -Wall -Wextra -Werror -Wno-unknown-warning-option -Wno-initializer-overrides \
	-Wno-gnu-folding-constant -Wno-unused-function -DHARTVISOR_UNIT_TEST \
	-Itests/unit/fake -Itests/unit -Itests/fuzz -Ihyp -I. -Iguest/include -isystem $(LIBFDT) -isystem $(BEARSSL)/inc -isystem $(ZLIB) -isystem $(LZ4)

FUZZ_COMMON := tests/fuzz/common/log.c

# $(call fuzz_rules,KIND,COMPILER,FLAGS): objects of this kind in $(F)/KIND.
define fuzz_rules
$(F)/$(1)/%.o: %.c mk/fuzz.mk
	@mkdir -p $$(@D)
	$$(Q)$(2) $(3) $$(FUZZ_CFLAGS) -MMD -MP -c $$< -o $$@

$(F)/$(1)/libfdt/%.o: $(LIBFDT)/%.c mk/fuzz.mk
	@mkdir -p $$(@D)
	$$(Q)$(2) $(3) -O1 -g $$(if $$(filter fdt_ro,$$(*F)),$$(LIBFDT_EXACT)) -I$(LIBFDT) -c $$< -o $$@

$(F)/$(1)/libfdt/fdt_exact.o: hyp/lib/fdt_exact.c mk/fuzz.mk
	@mkdir -p $$(@D)
	$$(Q)$(2) $(3) -O1 -g -I$(LIBFDT) -c $$< -o $$@
$(F)/$(1)/zlib/%.o: $(ZLIB)/%.c mk/fuzz.mk
	@mkdir -p $$(@D)
	$$(Q)$(2) $(3) -O1 -g $(ZLIB_FLAGS) -c $$< -o $$@
$(F)/$(1)/lz4/%.o: $(LZ4)/%.c mk/fuzz.mk
	@mkdir -p $$(@D)
	$$(Q)$(2) $(3) -O1 -g $(LZ4_FLAGS) -c $$< -o $$@
$(F)/$(1)/libunpack.a: $(ZLIB_SRCS:%=$(F)/$(1)/zlib/%.o) $(LZ4_SRCS:%=$(F)/$(1)/lz4/%.o)
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
endef
$(eval $(call fuzz_rules,clang,$(FUZZ_CLANG),$(SANITIZE) -fsanitize=fuzzer-no-link))
$(eval $(call fuzz_rules,gcc,$(HOSTCC),$(SANITIZE)))

# Targets share their objects, so what a program's CFLAGS say does not hold here. Of these, which are control's alone, it does.
FUZZ_TRACE := hyp/arch/trace.c $(wildcard hyp/control/*.c) tests/unit/fake/control.c tests/fuzz/fuzz_control.c
$(foreach kind,clang gcc,$(FUZZ_TRACE:%.c=$(F)/$(kind)/%.o)): FUZZ_CFLAGS += -DFAKE_TRACE

fuzz_libfdt = $(LIBFDT_SRCS:%=$(F)/$(1)/libfdt/%.o) $(F)/$(1)/libfdt/fdt_exact.o

# $(call fuzz_objs,KIND,TARGET)
fuzz_objs = $(patsubst %.c,$(F)/$(1)/%.o,tests/fuzz/fuzz_$(2).c $(call unit_sources,tests/fuzz/fuzz_$(2).c) $(FUZZ_COMMON)) \
	$(call fuzz_libfdt,$(1)) $(F)/$(1)/libunpack.a

define fuzz_program
$(F)/clang/fuzz_$(1): $(call fuzz_objs,clang,$(1))
	$$(call say,FUZZ,$$@)
	$$(Q)$(FUZZ_CLANG) $(SANITIZE) -fsanitize=fuzzer $$^ $(call unit_says,LDFLAGS,tests/fuzz/fuzz_$(1).c) -lcmocka -o $$@

$(F)/gcc/fuzz_$(1): $(call fuzz_objs,gcc,$(1)) $(F)/gcc/tests/fuzz/common/replay.o
	$$(call say,FUZZ,$$@)
	$$(Q)$(HOSTCC) $(SANITIZE) $$(filter-out %.a,$$^) $$(filter %.a,$$^) $(call unit_says,LDFLAGS,tests/fuzz/fuzz_$(1).c) -lcmocka -o $$@
endef
$(foreach t,$(FUZZ_TARGETS),$(eval $(call fuzz_program,$(t))))

FUZZ_RUN = PYTHONDONTWRITEBYTECODE=1 $(PYTHON) tests/fuzz/run.py --make '$(MAKE)' --clang '$(FUZZ_CLANG)' \
	$(if $(TARGET),--target '$(TARGET)')

.PHONY: fuzz fuzz-replay fuzz-corpus
fuzz:
	+@$(FUZZ_RUN) --seconds '$(or $(if $(filter command,$(origin SECONDS)),$(SECONDS)),$(FUZZ_SECONDS),120)'

fuzz-replay:
	+@$(FUZZ_RUN) --replay

fuzz-corpus:
	+@$(FUZZ_RUN) --corpus

-include $(foreach k,clang gcc,$(wildcard $(F)/$(k)/*/*.d $(F)/$(k)/*/*/*.d $(F)/$(k)/*/*/*/*.d))
