/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random bytes for guests: one generator for the machine, HMAC-DRBG with SHA-256 (NIST SP 800-90A,
 * section 10.1.2), from BearSSL.
 *
 * Boot code adds what the firmware gives as entropy. Then each call of random_bytes() makes one output. The
 * outputs are all that leaves this file. What holds, as long as HMAC-SHA-256 is a pseudorandom function and
 * the entropy is unknown to the attacker:
 *
 * - An output tells nothing of the generator's state, nor of any other output, earlier or later.
 * - The state is replaced after each output. A later copy of the whole memory tells nothing of the outputs
 *   before (forward security), as the call leaves no old state and no output on its stack.
 *
 * Any hart may call. The pool's lock is LOCK_RANDOM, the last rank: it may be taken under any other lock.
 * random_bytes() holds it for at most 34 blocks of SHA-256, of about 5,000 instructions each.
 */
#ifndef LIB_RANDOM_H
#define LIB_RANDOM_H

#include "lib/types.h"

/* Without so much entropy there is no output: 128 bits are what an attacker cannot try. */
#define RANDOM_MIN_ENTROPY 16
/* Of one call's output and @use, to bound its work. */
#define RANDOM_MAX 128

/*
 * random_add - for boot code: mix @len bytes at @entropy into the state. Bytes that are all alike do not count
 * as entropy: they are a place that was never filled. The caller erases its copy.
 */
void random_add(const void *entropy, size_t len);

/* random_ready - has enough entropy been added? */
bool random_ready(void);

/*
 * random_bytes - @len bytes, at most RANDOM_MAX, to @out. @use is public text of @use_len bytes, at most
 * RANDOM_MAX: it says what the bytes are for, and keeps outputs apart when two boots of the machine get
 * the same entropy. False, with @out zeroed: there is not enough entropy, or a length is too large.
 */
bool random_bytes(void *out, size_t len, const void *use, size_t use_len);

/*
 * A VM's own generator. The machine's costs some 100,000 instructions for a seed, under one lock; this one has no lock,
 * so that it may take its time. Its state is an output of the machine's, so it tells nothing of that one's state or of
 * another VM's, nor do its outputs; and it is replaced after each output, too.
 */
struct random_child {
	uint64_t state[18];
	bool ready;
};

/* random_child_init - as random_bytes(), into the state of @c. False: there is not enough entropy. */
bool random_child_init(struct random_child *c, const void *use, size_t use_len);

/* random_child_bytes - as random_bytes(), of @c, which nothing else uses meanwhile. */
bool random_child_bytes(struct random_child *c, void *out, size_t len, const void *use,
			size_t use_len);

#endif
