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
	{ "image.put", "NAME BYTES", "begin to send a bundle of so many bytes", CONTROL_ANYTHING, 0,
	  cmd_control_image_put },
	{ "image.data", "NAME BYTES", "the next bytes of it, which follow this line",
	  CONTROL_ANYTHING, 0, cmd_control_image_data },
	{ "image.list", "", "the bundles that were sent", CONTROL_NOTHING, 0,
	  cmd_control_image_list },
	{ "image.drop", "NAME", "forget a bundle; its memory is free once no VM of it is left",
	  CONTROL_ANYTHING, 0, cmd_control_image_drop },
	{ "vm.create", "IMAGE [CONFIGURATION]", "make the VMs of a bundle, all or none",
	  CONTROL_ANYTHING, 0, cmd_control_create },
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
	{ "snapshot", "", "does not exist yet", CONTROL_ANYTHING, 0, cmd_control_later },
	{ "restore", "", "does not exist yet", CONTROL_ANYTHING, 0, cmd_control_later },
};

const unsigned int nr_control_commands = ARRAY_SIZE(control_commands);
