# SPDX-License-Identifier: BSD-2-Clause
#
# What no compiler and no test says: layout, format, device trees, static analysis (tools/lint.sh says which versions of
# the tools decide). `make -k lint` goes on after the first of them that fails; `make format` lets
# clang-format have its way.

LINTS := lint-layout lint-format lint-shell lint-schema lint-cppcheck lint-tidy

.PHONY: lint $(LINTS) format
lint: $(LINTS) $(B)/hartvisor.elf
	@echo 'lint: done'

lint-layout: $(MADE)/arch/asm_offsets.h
	$(call say,LINT,'layout: floors and licences and subscripts')
	$(Q)$(PYTHON) tools/floor-check.py
	$(call say,LINT,'documents: tables and names of files and functions')
	$(Q)$(PYTHON) tools/docs-check.py
	$(Q)$(PYTHON) tools/words-check.py
	$(Q)$(PYTHON) tools/index-check.py
	$(Q)$(PYTHON) tools/fields-check.py
	$(Q)PYTHONDONTWRITEBYTECODE=1 $(PYTHON) tools/bench_doc.py --check
	$(call say,LINT,'fences: each has a mutant')
	+$(Q)PYTHONDONTWRITEBYTECODE=1 $(PYTHON) tests/mutants/fences.py --check >$(B)/fences.log || { cat $(B)/fences.log; exit 1; }
	$(call say,LINT,'mutants of the protocol: they can be made')
	$(Q)PYTHONDONTWRITEBYTECODE=1 $(PYTHON) tests/model/mutate_sources.py --check >$(B)/fences.log || { cat $(B)/fences.log; exit 1; }

lint-format:
	$(call say,LINT,clang-format)
	$(Q)tools/lint.sh format

lint-shell:
	$(call say,LINT,shellcheck)
	$(Q)tools/lint.sh shell

# The trees of guests are those that a unit test makes.
lint-schema: $(U)/vm/test_guest_fdt
	$(call say,LINT,'dt-schema: bindings and bundles and trees of guests')
	$(Q)rm -rf $(B)/schema && mkdir -p $(B)/schema
	$(Q)HV_TEST_DTB=$(B)/schema $< >$(B)/schema/test.log 2>&1 || { cat $(B)/schema/test.log; exit 1; }
	$(Q)PYTHONDONTWRITEBYTECODE=1 $(PYTHON) tools/schema-check.py $(B)/schema

# comparePointers: the linker script's symbols are the ends of one object, which cppcheck cannot know.
# variableScope: declarations stand at the top of a function here, or where the code reads best.
# badBitmaskCheck: a request number or flag may well be 0 in an OR.
# pointerOutOfBoundsCond: cppcheck goes on behind a call that does not return.
# clarifyCalculation: wants parentheses in "a & b ? x : y".
CPPCHECK_FLAGS := --quiet --enable=warning,style,performance,portability --std=c11 --platform=unix64 \
	--inline-suppr --error-exitcode=1 --suppress=missingIncludeSystem --suppress=comparePointers \
	--suppress=variableScope --suppress=badBitmaskCheck --suppress=clarifyCalculation \
	--suppress=pointerOutOfBoundsCond \
	-D__cppcheck__ -D__riscv -D__riscv_xlen=64 -Ihyp -I. -Iguest/include

lint-cppcheck:
	$(call say,LINT,cppcheck)
	$(Q)tools/lint.sh cppcheck $(CPPCHECK_FLAGS)

TIDY_FLAGS = --target=riscv64-unknown-elf -march=rv64imac -mabi=lp64 -mcmodel=medany -std=gnu11 \
	-isystem $(PICOLIBC_INCLUDE) -isystem $(LIBFDT) -isystem $(BEARSSL)/inc -isystem $(ZLIB) -isystem $(LZ4) -Ihyp -I. -Iguest/include

lint-tidy:
	$(call say,LINT,clang-tidy)
	$(Q)tools/lint.sh tidy $(TIDY_FLAGS)

format:
	$(Q)tools/lint.sh reformat
