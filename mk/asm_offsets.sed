# SPDX-License-Identifier: BSD-2-Clause
#
# From the assembler text of hyp/arch/asm_offsets.c to the header that the .S files include.
1i\
/* Made from hyp/arch/asm_offsets.c. */
s/^[[:space:]]*\.ascii[[:space:]]*"-> \([A-Z0-9_]*\) \(-\{0,1\}[0-9][0-9]*\)"$/#define \1 \2/p
