# SPDX-License-Identifier: BSD-2-Clause
#
# What no compiler and no test says: layout, format, static analysis. `make -k lint` goes on after the
# first of them that fails; `make format` lets clang-format have its way.

# tests/model's headers are Promela's.
LINT_C    = $(shell git ls-files -co --exclude-standard '*.c' '*.h' ':!tests/model')
LINT_HV_C = $(shell git ls-files -co --exclude-standard 'hyp/*.c' 'platform/*.c')
LINT_SH   = $(shell git ls-files -co --exclude-standard '*.sh' .ci/run)

.PHONY: lint lint-tools lint-layout lint-format lint-shell lint-cppcheck lint-tidy format
lint: lint-layout lint-format lint-shell lint-cppcheck lint-tidy $(B)/hartvisor.elf
	@echo 'lint: clean'

lint-tools:
	@[ '$(SETUP)' != yes ] || tools/setup.sh lint

lint-layout: lint-tools
	$(call say,LINT,'layout: floors and licences')
	$(Q)$(PYTHON) tools/floor-check.py
	$(call say,LINT,'documents: tables and names of files and functions')
	$(Q)$(PYTHON) tools/docs-check.py

lint-format: lint-tools
	$(call say,LINT,clang-format)
	$(Q)clang-format --dry-run -Werror $(LINT_C)

lint-shell: lint-tools
	$(call say,LINT,shellcheck)
	$(Q)shellcheck -x $(LINT_SH)

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

lint-cppcheck: lint-tools
	$(call say,LINT,cppcheck)
	$(Q)cppcheck $(CPPCHECK_FLAGS) hyp platform

TIDY_FLAGS = --target=riscv64-unknown-elf -march=rv64imac -mabi=lp64 -mcmodel=medany -std=gnu11 \
	-isystem $(PICOLIBC_INCLUDE) -isystem $(LIBFDT) -isystem $(BEARSSL)/inc -Ihyp -I. -Iguest/include

lint-tidy: lint-tools
	$(call say,LINT,clang-tidy)
	$(Q)printf '%s\n' $(LINT_HV_C) | xargs -P 2 -n 4 sh -c \
		'clang-tidy --quiet "$$@" -- $(TIDY_FLAGS) 2>/dev/null' sh

format: lint-tools
	$(Q)clang-format -i $(LINT_C)
