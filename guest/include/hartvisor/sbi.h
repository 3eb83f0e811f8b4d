/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Numbers of the RISC-V Supervisor Binary Interface, as hartvisor uses them towards the firmware below
 * and offers them to guests above (riscv-sbi-doc, v2.0 and v3.0).
 */
#ifndef HARTVISOR_SBI_H
#define HARTVISOR_SBI_H

/* Return codes: chapter "Binary Encoding", table "Standard SBI Errors". */
#define SBI_SUCCESS		  0L
#define SBI_ERR_FAILED		  (-1L)
#define SBI_ERR_NOT_SUPPORTED	  (-2L)
#define SBI_ERR_INVALID_PARAM	  (-3L)
#define SBI_ERR_DENIED		  (-4L)
#define SBI_ERR_INVALID_ADDRESS	  (-5L)
#define SBI_ERR_ALREADY_AVAILABLE (-6L)
#define SBI_ERR_ALREADY_STARTED	  (-7L)
#define SBI_ERR_ALREADY_STOPPED	  (-8L)
#define SBI_ERR_NO_SHMEM	  (-9L)
#define SBI_ERR_INVALID_STATE	  (-10L)
#define SBI_ERR_BAD_RANGE	  (-11L)

/* Legacy extensions, one EID each, FID ignored. */
#define SBI_EXT_LEGACY_SET_TIMER	      0x00
#define SBI_EXT_LEGACY_CONSOLE_PUTCHAR	      0x01
#define SBI_EXT_LEGACY_CONSOLE_GETCHAR	      0x02
#define SBI_EXT_LEGACY_CLEAR_IPI	      0x03
#define SBI_EXT_LEGACY_SEND_IPI		      0x04
#define SBI_EXT_LEGACY_REMOTE_FENCE_I	      0x05
#define SBI_EXT_LEGACY_REMOTE_SFENCE_VMA      0x06
#define SBI_EXT_LEGACY_REMOTE_SFENCE_VMA_ASID 0x07
#define SBI_EXT_LEGACY_SHUTDOWN		      0x08

#define SBI_EXT_BASE 0x10
#define SBI_EXT_TIME 0x54494D45
#define SBI_EXT_IPI  0x735049
#define SBI_EXT_RFNC 0x52464E43
#define SBI_EXT_HSM  0x48534D
#define SBI_EXT_SRST 0x53525354
#define SBI_EXT_DBCN 0x4442434E
#define SBI_EXT_STA  0x535441

#define SBI_BASE_GET_SPEC_VERSION 0
#define SBI_BASE_GET_IMPL_ID	  1
#define SBI_BASE_GET_IMPL_VERSION 2
#define SBI_BASE_PROBE_EXTENSION  3
#define SBI_BASE_GET_MVENDORID	  4
#define SBI_BASE_GET_MARCHID	  5
#define SBI_BASE_GET_MIMPID	  6

#define SBI_TIME_SET_TIMER 0

#define SBI_IPI_SEND_IPI 0

#define SBI_RFNC_REMOTE_FENCE_I		 0
#define SBI_RFNC_REMOTE_SFENCE_VMA	 1
#define SBI_RFNC_REMOTE_SFENCE_VMA_ASID	 2
#define SBI_RFNC_REMOTE_HFENCE_GVMA_VMID 3
#define SBI_RFNC_REMOTE_HFENCE_GVMA	 4
#define SBI_RFNC_REMOTE_HFENCE_VVMA_ASID 5
#define SBI_RFNC_REMOTE_HFENCE_VVMA	 6

#define SBI_HSM_HART_START	0
#define SBI_HSM_HART_STOP	1
#define SBI_HSM_HART_GET_STATUS 2
#define SBI_HSM_HART_SUSPEND	3

#define SBI_HSM_STATE_STARTED	      0
#define SBI_HSM_STATE_STOPPED	      1
#define SBI_HSM_STATE_START_PENDING   2
#define SBI_HSM_STATE_STOP_PENDING    3
#define SBI_HSM_STATE_SUSPENDED	      4
#define SBI_HSM_STATE_SUSPEND_PENDING 5
#define SBI_HSM_STATE_RESUME_PENDING  6

#define SBI_HSM_SUSPEND_RETENTIVE     0x00000000
#define SBI_HSM_SUSPEND_NON_RETENTIVE 0x80000000

#define SBI_SRST_SYSTEM_RESET 0

#define SBI_SRST_TYPE_SHUTDOWN	  0
#define SBI_SRST_TYPE_COLD_REBOOT 1
#define SBI_SRST_TYPE_WARM_REBOOT 2

#define SBI_SRST_REASON_NONE	       0
#define SBI_SRST_REASON_SYSTEM_FAILURE 1

#define SBI_STA_SET_SHMEM 0

#define SBI_DBCN_CONSOLE_WRITE	    0
#define SBI_DBCN_CONSOLE_READ	    1
#define SBI_DBCN_CONSOLE_WRITE_BYTE 2

/* hartvisor's own: sbi_get_impl_id, and the vendor space (low 24 bits are mvendorid's). */
#define HARTVISOR_SBI_IMPL_ID	      12
#define HARTVISOR_SBI_EXT_VENDOR_BASE 0x09000000

#endif
