/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Store buffers for Spin, which by itself is sequentially consistent.
 *
 * Each process that stands for a hart has a FIFO of its stores; a drain process takes them to memory
 * whenever it likes. A load reads memory (no process here reads what it has stored itself and not fenced).
 * STORE: a plain or release store. OR: an atomic OR whose result is not used; it is atomic when it
 * reaches memory, and until then later loads may pass it, as C11 and the RISC-V AMO without aq allow.
 * FENCE: fence_full(): waits until the buffer is empty. An atomic with a result drains first.
 *
 * RVWMO is weaker than this (stores may pass stores, loads may pass loads): where that matters the
 * models say it in so many words (EARLY loads), and litmus/ asks herd7 about the emitted instructions.
 *
 * The includer defines inline apply(w, x): word w of memory takes x; OR_ words are ORed.
 */
#define BUFFER(c) chan c = [2] of {byte, byte}
#define STORE(c, w, x) c!w, x
#define OR(c, w, x) c!w, x
#define FENCE(c) (empty(c))

proctype drain(chan c)
{
	byte w, x;
end:
	do
	:: atomic { c?w, x -> apply(w, x); w = 0; x = 0 }
	od
}
