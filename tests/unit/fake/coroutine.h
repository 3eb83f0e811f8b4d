/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FAKE_COROUTINE_H
#define FAKE_COROUTINE_H

/* How often coroutine_run() finds an interrupt pending before the function runs, in one piece. */
extern unsigned int fake_coroutine_interrupts;
/* coroutine_forget() calls so far. */
extern unsigned int fake_coroutines_forgotten;

#endif
