/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The errors that functions return as a negative int. Names as in POSIX; our own numbers, because the
 * C library's errno.h brings a thread-local variable along and tp belongs to the pcpu.
 */
#ifndef LIB_ERRNO_H
#define LIB_ERRNO_H

enum hv_error {
	HV_OK = 0,
	HV_ENOMEM = -1,	   /* no memory left */
	HV_EINVAL = -2,	   /* an argument that can never be right */
	HV_EFAULT = -3,	   /* an address outside of what the VM owns */
	HV_EEXIST = -4,	   /* it is there already */
	HV_ENOENT = -5,	   /* it is not there */
	HV_ENXIO = -6,	   /* no such device, or switched off */
	HV_EBUSY = -7,	   /* not now */
	HV_EIO = -8,	   /* the machine or the firmware refused */
	HV_ENOTSUP = -9,   /* this machine cannot */
	HV_EOVERFLOW = -10 /* does not fit */
};

#endif
