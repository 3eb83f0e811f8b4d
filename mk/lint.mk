# SPDX-License-Identifier: BSD-2-Clause
#
# What no compiler and no test says: layout, format, static analysis. `make -k lint` goes on after the
# first of them that fails; `make format` lets clang-format have its way.

LINT_C    = $(shell git ls-files -co --exclude-standard '*.c' '*.h')
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

lint-format: lint-tools
	$(Q)clang-format -i $(LINT_C)
