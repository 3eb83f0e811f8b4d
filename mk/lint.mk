# SPDX-License-Identifier: BSD-2-Clause
#
# What no compiler and no test says: layout, format, static analysis. `make -k lint` goes on after the
# first of them that fails; `make format` lets clang-format have its way.

# tests/model's headers are Promela's.
LINT_C    = $(call lint_files,'*.c' '*.h' ':!tests/model')
LINT_HV_C = $(call lint_files,'hyp/*.c' 'platform/*.c')
LINT_SH   = $(call lint_files,'*.sh' .ci/run)

# Git's own and new files, but for those that have just been removed. A tree that belongs to another
# user (a container's) is no danger here: make has read its Makefile already.
lint_files = $(wildcard $(shell git -c safe.directory='$(CURDIR)' ls-files -co --exclude-standard $(1)))

# $(call lint_tool,NAME,FILES): an empty list would be clean, and a tool that is not there must not be.
lint_tool = $(Q)command -v $(1) >/dev/null || { echo 'lint: no $(1): make setup-lint gets it' >&2; exit 1; }; \
	[ -n '$(firstword $(2))' ] || { echo 'lint: no files: git does not answer, or this is no git work tree' >&2; exit 1; }

LINTS := lint-layout lint-format lint-shell lint-cppcheck lint-tidy

.PHONY: lint $(LINTS) format
lint: $(LINTS) $(B)/hartvisor.elf
	@echo 'lint: clean'

lint-layout:
	$(call say,LINT,'layout: floors and licences')
	$(Q)$(PYTHON) tools/floor-check.py

lint-format:
	$(call lint_tool,clang-format,$(LINT_C))
	$(call say,LINT,clang-format)
	$(Q)clang-format --dry-run -Werror $(LINT_C)

lint-shell:
	$(call lint_tool,shellcheck,$(LINT_SH))
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

lint-cppcheck:
	$(call lint_tool,cppcheck,hyp)
	$(call say,LINT,cppcheck)
	$(Q)cppcheck $(CPPCHECK_FLAGS) hyp platform

TIDY_FLAGS = --target=riscv64-unknown-elf -march=rv64imac -mabi=lp64 -mcmodel=medany -std=gnu11 \
	-isystem $(PICOLIBC_INCLUDE) -isystem $(LIBFDT) -Ihyp -I. -Iguest/include

# What it says of itself (how many warnings it suppressed) is of interest only when it fails.
lint-tidy:
	$(call lint_tool,clang-tidy,$(LINT_HV_C))
	$(call say,LINT,clang-tidy)
	$(Q)printf '%s\n' $(LINT_HV_C) | xargs -P $(or $(shell nproc),1) -n 4 sh -c \
		'out=$$(clang-tidy --quiet "$$@" -- $(TIDY_FLAGS) 2>&1) || { printf "%s\n" "$$out" >&2; exit 1; }' sh

format:
	$(call lint_tool,clang-format,$(LINT_C))
	$(Q)clang-format -i $(LINT_C)
