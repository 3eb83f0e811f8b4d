/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operator's menu: ^] and a key. It runs as work, between two vcpus of some pcpu, and only looks
 * (without locks: a snapshot that may be a moment old) or asks the life cycle.
 */
#ifndef CONSOLE_MENU_H
#define CONSOLE_MENU_H

/* menu_init - take the terminal's escape from now on. */
void menu_init(void);

#endif
