/* SPDX-License-Identifier: BSD-2-Clause */
#define OUTSIDE 0
#define IN 1
#define EXITING 2
#define READING 3
