// SPDX-License-Identifier: BSD-2-Clause
/* Every command of the control channel, in the order in which help lists them. */
#include "control/cmd.h"

const struct control_command control_commands[] = {
	{ "help", "", "the commands", CONTROL_NOTHING, 0, cmd_control_help },
	{ "version", "", "what answers", CONTROL_NOTHING, 0, cmd_control_version },
	{ "machine", "", "harts and memory of the machine", CONTROL_NOTHING, 0,
	  cmd_control_machine },
	{ "list", "", "every VM and its vcpus", CONTROL_NOTHING, 0, cmd_control_list },
	{ "stats", "[reset]", "what every vcpu has counted; with reset: count from now on",
	  CONTROL_MAY_RESET, 0, cmd_control_stats },
	{ "log", "", "the last lines of hartvisor's log", CONTROL_NOTHING, 0, cmd_control_log },
	{ "vm.start", "NAME", "start a VM that has ended", CONTROL_VM, VM_OP_START,
	  cmd_control_operate },
	{ "vm.stop", "NAME", "end a VM at once; it can be started again", CONTROL_VM, VM_OP_STOP,
	  cmd_control_operate },
	{ "vm.pause", "NAME", "pause a VM, and its clock", CONTROL_VM, VM_OP_PAUSE,
	  cmd_control_operate },
	{ "vm.resume", "NAME", "let a VM that is paused go on", CONTROL_VM, VM_OP_RESUME,
	  cmd_control_operate },
	{ "vm.reset", "NAME", "end a VM at once, and start it again", CONTROL_VM, VM_OP_RESET,
	  cmd_control_operate },
	{ "vm.destroy", "NAME", "end a VM, and take it away for good", CONTROL_VM, VM_OP_DESTROY,
	  cmd_control_operate },
	{ "vm.set", "NAME [weight=N] [cap=N]", "change the share of a VM; cap=0: no cap",
	  CONTROL_VM_SETTINGS, 0, cmd_control_set },
	{ "net.link", "NAME net@N up|down", "plug a VM's network device in, or unplug it",
	  CONTROL_VM_SETTINGS, 0, cmd_control_link },
	{ "trace.on", "[memory=MIB] [KIND...]",
	  "write events to rings of memory=MIB (1) a hart: of the kinds sched, exits, kicks, devices, or all",
	  CONTROL_ANYTHING, 0, cmd_control_trace_on },
	{ "trace.read", "", "the next packets of a hart, as a frame", CONTROL_NOTHING, 0,
	  cmd_control_trace_read },
	{ "trace.stop", "", "write no more events; those that are there can be read",
	  CONTROL_NOTHING, 0, cmd_control_trace_stop },
	{ "trace.off", "", "write no more events, and free the rings", CONTROL_NOTHING, 0,
	  cmd_control_trace_off },
	{ "snapshot", "", "does not exist yet", CONTROL_ANYTHING, 0, cmd_control_later },
	{ "restore", "", "does not exist yet", CONTROL_ANYTHING, 0, cmd_control_later },
};

const unsigned int nr_control_commands = ARRAY_SIZE(control_commands);
