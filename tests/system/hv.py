# SPDX-License-Identifier: BSD-2-Clause
"""Bundles and machines for the system tests.

A test says what it wants to run and talks to it:

    with Machine("name", bundle("name", [Vm("good", guest("hello")), Vm("evil", guest("csr"))])) as m:
        m.expect_line("evil", "TEST csr PASS")
        m.focus(1)
        m.send_line("hi")
        m.expect_line("good", "echo: hi")

Everything that came over the console is in build/tests/logs/NAME.log. Waiting is always for a text,
never for a time; a panic of hartvisor or the end of QEMU fails the test at once. When a text does not
come, the failure says what state hartvisor's vcpus are in, or, when hartvisor does not answer, what the harts'
registers hold. With HV_SOAK=1 the machine of a test that failed stays, stopped (make soak).
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import Optional, Sequence, Union

import pexpect
from monitor import Monitor, hold_terminal

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
WORK = BUILD / os.environ.get("HV_WORK", "tests")
LOGS = WORK / os.environ.get("HV_LOGS", "logs")

TIMEOUT = int(os.environ.get("HV_TIMEOUT", "300"))
MIB = 1 << 20

# How long hartvisor has for a word about a hang, and how much of it a failure repeats.
STATES_TIMEOUT = int(os.environ.get("HV_STATES_TIMEOUT", "60"))
STATES_LINES = 200

# How long a test may take whatever it waits for, in seconds; those marked long may take longer.
TEST_LIMIT = int(os.environ.get("HV_TEST_LIMIT", 6 * TIMEOUT))
LONG_TEST_LIMIT = max(TEST_LIMIT, 5 * 3600)

SOAK = bool(os.environ.get("HV_SOAK"))

ESCAPE = "\x1d"
PANIC = r"\[hartvisor\] panic on hart [^\r\n]*"


def setting(name: str, otherwise: str) -> str:
    """From the environment, else as tools/setup.sh wrote it."""
    if os.environ.get(name):
        return os.environ[name]
    try:
        for line in (BUILD / "setup.mk").read_text().splitlines():
            match = re.match(rf"{name}\s*[?:]?=\s*(.*)", line)
            if match and match.group(1).strip():
                return match.group(1).strip()
    except FileNotFoundError:
        pass
    return otherwise


QEMU = setting("QEMU", "qemu-system-riscv64")
OPENSBI = pathlib.Path(setting("OPENSBI", "/usr/lib/riscv64-linux-gnu/opensbi/generic"))
UBOOT = pathlib.Path(setting("UBOOT", "/usr/lib/u-boot/qemu-riscv64_smode/u-boot.bin"))
HARTVISOR = pathlib.Path(os.environ.get("HARTVISOR", BUILD / "hartvisor.bin"))
GDB_SCRIPT = ROOT / "tools" / "gdb" / "hartvisor.py"
LINUX = BUILD / "guest" / "Image"
INITRAMFS = BUILD / "guest" / "initramfs.cpio.gz"
BUSYBOX = BUILD / "guest" / "busybox"


def guest(name: str) -> pathlib.Path:
    """A bare-metal guest, guest/tests/NAME.c."""
    return BUILD / "guest-tests" / f"{name}.bin"


@dataclass(frozen=True)
class Image:
    """What a VM may name as its kernel or ramdisk; a plain path does where load and entry do not matter."""

    name: str
    path: pathlib.Path
    load: int = 0
    entry: int = 0
    compression: str = "none"


@dataclass
class Vm:
    name: str
    kernel: Union[pathlib.Path, Image]
    cpus: int = 1
    memory: int = 64 * MIB
    ramdisk: Union[pathlib.Path, Image, None] = None
    bootargs: str = ""
    more: str = ""  # properties as they stand in the .its
    fdt: Optional[pathlib.Path] = None  # a .dtbo


def linux(name: str, ramdisk: pathlib.Path = INITRAMFS, cpus: int = 2, bootargs: str = "") -> Vm:
    return Vm(name, LINUX, cpus=cpus, memory=256 * MIB, ramdisk=ramdisk,
              bootargs=f"console=ttyS0 earlycon=sbi {bootargs}".strip())


def image_name(image: Union[pathlib.Path, Image]) -> str:
    if isinstance(image, Image):
        return image.name
    return re.sub(r"[^a-z0-9]", "-", image.name.lower())


def image_node(image: Union[pathlib.Path, Image], kind: str) -> str:
    if isinstance(image, pathlib.Path):
        image = Image(image_name(image), image)
    where = f"load = <{image.load:#x}>; entry = <{image.entry:#x}>;" if kind == "kernel" else ""
    return f"""
        {image_name(image)} {{
            description = "{image.path.name}";
            data = /incbin/("{image.path}");
            type = "{kind}"; arch = "riscv"; os = "linux"; compression = "{image.compression}"; {where}
        }};"""


def vm_node(vm: Vm) -> str:
    ramdisk = f'ramdisk = "{image_name(vm.ramdisk)}";' if vm.ramdisk else ""
    bootargs = f'bootargs = "{vm.bootargs}";' if vm.bootargs else ""
    fdt = f'fdt = "{image_name(vm.fdt)}";' if vm.fdt else ""
    return f"""
            {vm.name} {{
                compatible = "hartvisor,vm";
                cpus = <{vm.cpus}>;
                memory = <{vm.memory >> 32:#x} {vm.memory & 0xffffffff:#x}>;
                kernel = "{image_name(vm.kernel)}";
                {ramdisk} {fdt} {bootargs} {vm.more}
            }};"""


def its_text(vms: Sequence[Vm], data: Sequence[Image] = (), disks: str = "", networks: Sequence[str] = (),
             shared: str = "") -> str:
    """@data: images that properties in the VMs' `more` name. @disks: nodes of parts of the machine's disks. @networks: names, or whole nodes. @shared: nodes of shared-memory."""
    switches = " ".join(n if "{" in n else f'{n} {{ compatible = "hartvisor,switch"; }};' for n in networks)
    nodes = {"disks": disks, "networks": switches, "shared-memory": shared}
    beside = " ".join(f"{name} {{ {text} }};" for name, text in nodes.items() if text)
    images = {image.name: image_node(image, "filesystem") for image in data}
    for vm in vms:
        images[image_name(vm.kernel)] = image_node(vm.kernel, "kernel")
        if vm.ramdisk:
            images[image_name(vm.ramdisk)] = image_node(vm.ramdisk, "ramdisk")
        if vm.fdt:
            images[image_name(vm.fdt)] = image_node(vm.fdt, "flat_dt")
    return f"""/dts-v1/;
/ {{
    description = "a test's bundle";
    #address-cells = <1>;
    images {{{"".join(images.values())}
    }};
    configurations {{
        default = "test";
        test {{
            compatible = "hartvisor,config"; {beside}
            {"".join(vm_node(vm) for vm in vms)}
        }};
    }};
}};
"""


def firmware(name: str, itb: pathlib.Path) -> pathlib.Path:
    """OpenSBI, hartvisor and @itb in one file, as make firmware puts them together."""
    image = WORK / f"{name}.fw"
    run_tool([sys.executable, ROOT / "firmware" / "mkfw.py", "--opensbi", OPENSBI / "fw_jump.bin",
              "--hartvisor", HARTVISOR, "--bundle", itb, "-o", image])
    return image


def initramfs_with(name: str, files: dict) -> pathlib.Path:
    """The usual initramfs and @files: path inside to path here."""
    tree, archive = WORK / f"{name}.root", WORK / f"{name}.cpio.gz"
    for inside, path in files.items():
        (tree / inside).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, tree / inside)
    run_tool([sys.executable, ROOT / "guest" / "initramfs" / "mkinitramfs.py", archive, BUSYBOX,
              ROOT / "guest" / "initramfs" / "root", tree])
    return archive


def user_program(name: str) -> pathlib.Path:
    """guest/user/NAME.c, a static program for Linux that needs no C library."""
    WORK.mkdir(parents=True, exist_ok=True)
    program = WORK / name
    run_tool(["riscv64-unknown-elf-gcc", "-march=rv64imafdc_zicsr_zifencei", "-mabi=lp64", "-O2", "-std=gnu11",
              "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-fno-stack-protector", "-nostdlib", "-static",
              "-I", ROOT / "guest" / "include", "-Wl,-Ttext=0x10000", "-Wl,--build-id=none",
              ROOT / "guest" / "user" / f"{name}.c", "-o", program])
    return program


def run_tool(command: Sequence[Union[str, pathlib.Path]]) -> None:
    result = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, errors="replace")
    assert result.returncode == 0, f"{' '.join(map(str, command))}:\n{result.stdout}"


def device_tree(name: str, harts: int, machine: str = "virt", memory: str = "1G") -> pathlib.Path:
    """QEMU's own, in a file."""
    tree = WORK / f"{name}.dtb"
    WORK.mkdir(parents=True, exist_ok=True)
    run_tool([QEMU, "-M", f"{machine},dumpdtb={tree}", "-cpu", "rv64", "-smp", str(harts), "-m", memory, "-nographic"])
    return tree


def make_itb(name: str, its: str, tool: str = "mkimage") -> pathlib.Path:
    """@tool: "mkimage", "mkimage -E" (data outside the tree) or "dtc" (for what mkimage would refuse)."""
    WORK.mkdir(parents=True, exist_ok=True)
    source, itb = WORK / f"{name}.its", WORK / f"{name}.itb"
    source.write_text(its)
    if tool == "dtc":
        run_tool(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", itb, source])
    else:
        run_tool([*tool.split(), "-f", source, itb])
    return itb


def bundle(name: str, vms: Sequence[Vm], external: bool = False) -> pathlib.Path:
    return make_itb(name, its_text(vms), "mkimage -E" if external else "mkimage")


def menu_keys(keys: str) -> str:
    """What is typed for the menu's @keys: those that ask are typed again."""
    return "".join(ESCAPE + key + (key if key in "krq" else "") for key in keys)


def whole(pattern: str) -> str:
    """@pattern; one that ends with a repetition waits for what ends it. Output comes in pieces: of a number at the end
    of what has come, more digits may follow."""
    return rf"(?>{pattern})(?!\Z)" if re.search(r"(?<!\\)[+*]\)*$", pattern) else pattern


class Machine:
    """A QEMU that runs until the test is done with it."""

    running = set()

    def __init__(self, name: str, initrd: Optional[pathlib.Path] = None, smp: Union[int, str] = 2,
                 mem: str = "1G", cpu: str = "rv64", append: str = "",
                 kernel: Optional[pathlib.Path] = HARTVISOR, args: Sequence[str] = (), machine: str = "virt",
                 prefix: bool = True):
        """@prefix: a VM that is alone has its name before its lines, too."""
        LOGS.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.log = LOGS / f"{name}.log"
        self.monitor = Monitor()
        self.told = self.kept = False
        command = ["-M", machine, "-cpu", cpu, "-smp", str(smp), "-m", mem, "-nographic", "-no-reboot"]
        command += self.monitor.arguments()
        if kernel:
            command += ["-kernel", str(kernel)]
        if initrd:
            command += ["-initrd", str(initrd)]
        if kernel and prefix:
            append = f"{append} hartvisor.prefix=1".strip()
        if append:
            command += ["-append", append]
        command += [str(arg) for arg in args]
        self.log_file = open(self.log, "w", encoding="utf-8", errors="replace", newline="")
        self.log_file.write(f"$ {QEMU} {' '.join(command)}\n")
        self.child = pexpect.spawn(QEMU, command, encoding="utf-8", codec_errors="replace", timeout=TIMEOUT,
                                   echo=False, maxread=65536)
        self.child.logfile_read = self.log_file
        self.child.delaybeforesend = None
        Machine.running.add(self)

    def __enter__(self) -> "Machine":
        return self

    def __exit__(self, kind, value, traceback) -> None:
        if kind is not None and issubclass(kind, pexpect.TIMEOUT) and not self.told:
            print(self.states(), file=sys.stderr)
        if kind is not None and SOAK:
            self.keep()
        self.close()
        if kind is not None:
            print(f"--- the end of {self.log}", *self.text().splitlines()[-40:], sep="\n", file=sys.stderr)

    def close(self) -> None:
        Machine.running.discard(self)
        if not self.child.closed:
            self.child.close(force=True)
        if not self.kept:
            self.monitor.close()
        self.log_file.close()

    def keep(self) -> None:
        """Stop the machine and let it outlive this process, with its monitor and a socket for gdb."""
        try:
            self.monitor.ask("stop")
            self.monitor.serve_gdb()
        except OSError as error:
            print(f"{self.name}: cannot be kept: its monitor does not answer: {error}", file=sys.stderr)
            return
        self.log_file.flush()
        hold_terminal(self.child.child_fd, self.log)
        # The holder has the terminal now; pexpect would end QEMU with its own.
        os.close(self.child.child_fd)
        self.child.closed = self.child.ptyproc.closed = self.kept = True
        print(f"--- {self.name}: kept, stopped (QEMU is process {self.child.pid})",
              f"  monitor:  socat -,icanon=0,echo=0 UNIX-CONNECT:{self.monitor.path}",
              "            (info registers -a; cont; quit ends it)",
              f"  gdb:      gdb-multiarch {HARTVISOR.with_suffix('.elf')} -x {GDB_SCRIPT} "
              f"-ex 'target remote {self.monitor.gdb}'",
              "            (hv vcpus; help hv)",
              f"  console:  {self.log}", sep="\n", file=sys.stderr)

    def text(self) -> str:
        """All that came so far."""
        if not self.log_file.closed:
            self.log_file.flush()
        return self.log.read_bytes().decode("utf-8", "replace").replace("\r", "")

    def expect(self, *patterns: str, timeout: int = TIMEOUT) -> int:
        """Wait for one of @patterns, of which the one that came is returned by its index."""
        try:
            found = self.child.expect([PANIC, *map(whole, patterns)], timeout=timeout)
        except pexpect.TIMEOUT:
            raise AssertionError(f"{self.name}: no {' or '.join(patterns)} within {timeout} s\n"
                                 f"{self.states()}") from None
        except pexpect.EOF:
            raise AssertionError(f"{self.name}: QEMU ended before {' or '.join(patterns)}") from None
        if found == 0:
            panic = self.child.match.group(0)
            self.drain()
            raise AssertionError(f"{self.name}: {panic}")
        return found - 1

    def expect_line(self, vm: str, text: str, timeout: int = TIMEOUT) -> None:
        """Wait for @text, a regular expression, in a line of @vm's ("hartvisor" for our own)."""
        self.expect(rf"\[{re.escape(vm)}\] [^\r\n]*?{text}", timeout=timeout)

    def expect_lines(self, wanted: dict, timeout: int = TIMEOUT) -> None:
        """Wait for one line of each VM, in any order. @wanted: VM's name to text, a regular expression."""
        left = {vm: rf"\[{re.escape(vm)}\] [^\r\n]*?{text}" for vm, text in wanted.items()}
        while left:
            names = list(left)
            del left[names[self.expect(*left.values(), timeout=timeout)]]

    def expect_end(self, timeout: int = TIMEOUT) -> str:
        """Wait until QEMU has ended. Returns all that was said."""
        try:
            if self.child.expect([PANIC, pexpect.EOF], timeout=timeout) == 0:
                raise AssertionError(f"{self.name}: {self.child.match.group(0)}")
        except pexpect.TIMEOUT:
            raise AssertionError(f"{self.name}: the machine did not end within {timeout} s\n"
                                 f"{self.states()}") from None
        return self.text()

    def expect_passed(self, vm: str, test: str, timeout: int = TIMEOUT) -> None:
        """Wait for the verdict of bare-metal guest @test in @vm."""
        line = rf"\[{re.escape(vm)}\] TEST {re.escape(test)} "
        crash = rf"\[hartvisor\] [\d.]+ (?:error: )?{re.escape(vm)}: (?:crashed|not started)[^\r\n]*"
        found = self.expect(line + r"PASS", line + r"FAIL[^\r\n]*[\r\n]", crash, timeout=timeout)
        assert found == 0, self.child.match.group(0)

    def states(self) -> str:
        """What hartvisor says of all VMs and vcpus, for the message of a failure; the harts' registers, when it does
        not say it.

        Raises nothing, and comes to an end when the machine does not answer either: the failure that it
        is for must be seen.
        """
        self.told = True
        whole, text = self.ask_states()
        return text if whole else f"{text}\n{self.registers()}"

    def registers(self) -> str:
        """Of all harts, from QEMU's monitor. Raises nothing."""
        try:
            return f"QEMU says of the harts:\n{self.monitor.registers(STATES_TIMEOUT)}"
        except OSError as error:
            return f"QEMU's monitor does not answer: {error}"

    def ask_states(self) -> tuple:
        """(whether hartvisor has answered, what it said). Raises nothing."""
        try:
            said = len(self.text())
            # A terminal that nothing reads from is full at some time, and a write to it would wait.
            os.set_blocking(self.child.child_fd, False)
            os.write(self.child.child_fd, f"{ESCAPE}s{ESCAPE}l".encode())
            os.set_blocking(self.child.child_fd, True)
            end = self.child.expect([r"hartvisor's own memory[^\r\n]*", PANIC, pexpect.TIMEOUT, pexpect.EOF],
                                    timeout=STATES_TIMEOUT)
            lines = [line for line in self.text()[said:].splitlines()
                     if not re.match(r"\[(?!hartvisor\])[^\]]*\] ", line)]
            head = ("hartvisor's vcpus at that time:", "hartvisor panicked when it was asked for its vcpus:",
                    f"hartvisor does not answer ^] s and ^] l within {STATES_TIMEOUT} s; what came:",
                    "QEMU ended when hartvisor was asked for its vcpus:")[end]
            return end == 0, "\n".join([head, *lines[-STATES_LINES:]])
        except BlockingIOError:
            return False, "the machine takes no input: no states of its vcpus"
        except Exception as error:  # whatever it is, it is not what the test is about
            return False, f"hartvisor could not be asked for its vcpus: {error!r}"

    def drain(self) -> None:
        try:
            self.child.expect(pexpect.EOF, timeout=5)
        except pexpect.TIMEOUT:
            pass

    def send(self, text: str) -> None:
        """Fails when the machine does not take @text in time; a plain write would wait for ever then."""
        fd, data, end = self.child.child_fd, text.encode(), time.monotonic() + TIMEOUT
        os.set_blocking(fd, False)
        while data:
            try:
                data = data[os.write(fd, data):]
            except BlockingIOError:
                if time.monotonic() > end:
                    raise AssertionError(f"{self.name}: takes no input within {TIMEOUT} s\n{self.states()}") from None
                select.select([], [fd], [], 1)
        os.set_blocking(fd, True)

    def send_line(self, text: str) -> None:
        self.send(text + "\r")

    def menu(self, key: str) -> None:
        """^] and @key, with the answer to what it asks."""
        self.send(menu_keys(key))

    def focus(self, number: int, name: str) -> None:
        """Type to VM @number, which is called @name, from now on."""
        self.menu(str(number))
        self.expect(rf"console: {re.escape(name)}\b")

    def ping(self, vm: str, what: str) -> None:
        """Does guest hello in @vm, which has the focus, still answer?"""
        self.send_line(what)
        self.expect_line(vm, f"echo: {re.escape(what)}[\r\n]", timeout=60)

    def pause_until_verdict(self, vm: str, test: str, nap: float = 0) -> int:
        """Pause @vm, which has the focus, and let it go on, again and again, until guest @test holds (hold=1). Between
        two pauses it runs for up to 6 @nap seconds. Returns the number of pauses."""
        pauses, verdict = 0, None
        while not verdict:
            self.menu("p")
            self.expect(f"{vm} is paused")
            self.menu("p")
            self.expect(f"{vm} goes on")
            pauses += 1
            time.sleep(nap * (pauses % 7))
            # What came between two of the menu's answers has been passed over.
            verdict = re.search(rf"\[{vm}\] TEST {test} (.*)\n", self.text())
        assert verdict[1] == "HOLD", verdict[0]
        return pauses

    def own_lines(self) -> list:
        """The lines of hartvisor's log, which begin with the time; the menu's answers do not."""
        return [line for line in self.text().splitlines() if re.match(r"\[hartvisor\] \d+\.\d{6} ", line)]

    def shell(self, vm: str, command: str, answer: str, timeout: int = TIMEOUT) -> None:
        """Type @command to the shell of @vm, which has the focus, and wait for a line with @answer alone."""
        self.send_line(command)
        self.expect(rf"\[{re.escape(vm)}\] {answer}\r*\n", timeout=timeout)


@contextlib.contextmanager
def time_limit(what: str, seconds: float):
    """Ends a test that hangs where no timeout of its own ends it. Its machines tell their registers and are killed, so that whatever waits for them fails."""

    def end() -> None:
        print(f"{what}: no end within {seconds} s", file=sys.stderr)
        faulthandler.dump_traceback(file=sys.__stderr__)
        for machine in list(Machine.running):
            print(f"{machine.name}: {machine.registers()}", file=sys.stderr)
            os.kill(machine.child.pid, signal.SIGKILL)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
