# SPDX-License-Identifier: BSD-2-Clause
#
# The models of the vcpu protocol (tests/model): Spin's, and the litmus tests of what the compiler
# emitted. Spin and herd7 come by tools/setup-verify.sh; the results go to build/verify/models.json.

RUN_MODELS = PYTHONDONTWRITEBYTECODE=1 $(PYTHON) tests/model/run_models.py --elf $(B)/hartvisor.elf \
	--objdump $(CROSS)objdump $(if $(K),--only '$(K)')

.PHONY: model-tools
model-tools:
	@[ '$(SETUP)' != yes ] || tools/setup-verify.sh

.PHONY: model
model: $(B)/hartvisor.elf model-tools
	@$(RUN_MODELS) --short

.PHONY: model-long
model-long: $(B)/hartvisor.elf model-tools
	@$(RUN_MODELS)
