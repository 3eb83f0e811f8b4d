# SPDX-License-Identifier: BSD-2-Clause
"""tools/setup.sh on machines that lack something: none of these paths runs where everything is there.

Each machine is a copy of the scripts and a PATH of our own: the tools of this machine but for those that
are taken away, and an apt that is played.
"""

import pathlib
import re
import shutil
import stat
import subprocess

import pytest
from hv import ROOT

# What apt-get and apt-cache say and do is in files below $FAKE_APT: lists (apt-cache knows packages), known
# (package and version a line), does-NAME (a script that install runs), update-fails.
APT_GET = """#!/bin/sh
echo "$*" >>"$FAKE_APT/log"
case " $* " in
*" indextargets "*) echo 'Debian|Debian|http://mirror.invalid/debian/' ;;
*" update "*) [ ! -e "$FAKE_APT/update-fails" ] || exit 100; touch "$FAKE_APT/lists" ;;
*" install "*)
	for word; do [ ! -e "$FAKE_APT/does-$word" ] || sh "$FAKE_APT/does-$word"; done ;;
esac
"""
APT_CACHE = """#!/bin/sh
[ -e "$FAKE_APT/lists" ] || exit 0
echo "$2:"; sed -n "s/^$2 /  Candidate: /p" "$FAKE_APT/known"
"""
NO_ROOT = """#!/bin/sh
echo 1000
"""
QEMU = """#!/bin/sh
echo 'QEMU emulator version {}'
"""


# What the scripts use of a minimal Debian, and what the tests' machine has of the rest.
REAL = """bash sh env awk basename cat chmod chown cmp cp cut date dirname dpkg dpkg-deb dpkg-query find grep gzip head
    id ln ls mkdir mv od paste printf python3 rm rmdir sed sha256sum sort tail tar touch tr uname xargs
    dtc gcc make mke2fs mkimage riscv64-unknown-elf-gcc xz"""
PLAYED = """gdb-multiarch babeltrace2 git clang-format clang-tidy cppcheck shellcheck dt-validate spin herd7 riscv64-linux-gnu-gcc flex
    bison bc perl patch"""


class Fresh:
    def __init__(self, path):
        self.path, self.bin, self.apt = path, path / "bin", path / "apt"
        for folder in ("bin", "apt", "tools", "build/dl", "build/libfdt-src/libfdt", "build/bearssl-src/inc",
                       "build/zlib-src", "build/lz4-src/lib",
                       "opensbi", "u-boot"):
            (path / folder).mkdir(parents=True)
        for script in [*ROOT.glob("tools/setup*.sh"), ROOT / "tools/apt-state.sh"]:
            shutil.copy(script, path / "tools")
        for file in ("build/dl/linux-image-6.12-riscv64_6.12_riscv64.deb", "build/dl/busybox-static_1_riscv64.deb",
                     "build/dl/e2fsck-static_1_riscv64.deb",
                     "build/libfdt-src/libfdt/fdt.c", "build/bearssl-src/inc/bearssl.h", "opensbi/fw_jump.bin",
                     "build/zlib-src/inflate.c", "build/lz4-src/lib/lz4.c",
                     "opensbi/fw_dynamic.bin", "u-boot/u-boot.bin"):
            (path / file).touch()
        for tool in REAL.split():
            found = shutil.which(tool)
            if found:
                (self.bin / tool).symlink_to(found)
        for tool in PLAYED.split():
            self.script(tool, "#!/bin/sh\n")
        self.script("apt-get", APT_GET)
        self.script("apt-cache", APT_CACHE)
        self.script("qemu-system-riscv64", QEMU.format("10.0.2"))
        (self.apt / "known").touch()
        (self.apt / "log").touch()

    def lacks(self, *names):
        for name in names:
            (self.bin / name).unlink(missing_ok=True)

    def script(self, name, text):
        self.lacks(name)
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(stat.S_IRWXU)

    def knows(self, package, version, *installs):
        with open(self.apt / "known", "a", encoding="utf-8") as known:
            known.write(f"{package} {version}\n")
        if installs:
            (self.apt / f"does-{package}").write_text("\n".join(installs) + "\n")

    def setup(self, *arguments, script="setup.sh"):
        environment = {"PATH": str(self.bin), "FAKE_APT": str(self.apt), "HOME": str(self.path),
                       "OPENSBI": str(self.path / "opensbi"), "UBOOT": str(self.path / "u-boot/u-boot.bin")}
        result = subprocess.run([self.path / "tools" / script, *arguments], env=environment, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        print(result.stdout)
        # The shell's own words, for a fault of the script's.
        assert not re.search(r"unbound variable|: line \d+:|command not found", result.stdout), result.stdout
        return result.returncode, result.stdout

    def asked_of_apt(self):
        return (self.apt / "log").read_text()


@pytest.fixture
def fresh(tmp_path):
    return Fresh(tmp_path)


def become_qemu(fresh, version):
    """A line of shell that installs QEMU."""
    text = QEMU.format(version)
    return f"cat >{fresh.bin}/qemu-system-riscv64 <<'END'\n{text}END\nchmod +x {fresh.bin}/qemu-system-riscv64"


TOOLS = {"riscv64-unknown-elf-gcc": "gcc-riscv64-unknown-elf", "dtc": "device-tree-compiler", "mkimage": "u-boot-tools",
         "gcc": "gcc libc6-dev", "make": "make", "xz": "xz-utils", "qemu-system-riscv64": "qemu-system-riscv"}


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("why", ["no apt-get", "neither root nor sudo"])
def test_what_cannot_be_installed_is_named(fresh, tool, why):
    fresh.lacks(tool, *(["apt-get", "apt-cache"] if why == "no apt-get" else ["sudo"]))
    if why != "no apt-get":
        fresh.script("id", NO_ROOT)
    code, said = fresh.setup()
    assert code == 1
    assert f"cannot be installed from here ({why})" in said
    assert TOOLS[tool] in said
    assert "install" not in fresh.asked_of_apt()


@pytest.mark.parametrize("tool", ["dtc", "mkimage", "riscv64-unknown-elf-gcc"])
def test_a_check_names_what_is_missing_and_installs_nothing(fresh, tool):
    fresh.lacks(tool)
    code, said = fresh.setup("--check")
    assert code == 1
    assert TOOLS[tool] in said and "make setup" in said
    assert not fresh.asked_of_apt()


def test_a_check_asks_for_nothing_that_a_build_does_not_need(fresh):
    fresh.lacks("qemu-system-riscv64", "apt-get", "apt-cache", "gcc")
    (fresh.path / "opensbi/fw_jump.bin").unlink()
    assert fresh.setup("--check")[0] == 0
    assert "KERNEL_DEB" in (fresh.path / "build/setup.mk").read_text()
    code, said = fresh.setup("--check", "unit", "firmware")
    assert code == 1 and "libcmocka-dev" in said


def test_what_the_tests_alone_need_is_installed(fresh):
    (fresh.path / "u-boot/u-boot.bin").unlink()
    # This machine may have Debian's at its usual place.
    script = fresh.path / "tools/setup-has.sh"
    script.write_text(script.read_text().replace("/usr/lib/u-boot/", f"{fresh.path}/u-boot/"))
    assert fresh.setup("--check")[0] == 0
    there = fresh.path / "u-boot/qemu-riscv64_smode/u-boot.bin"
    fresh.knows("u-boot-qemu", "2023.01", f"mkdir -p {there.parent}; touch {there}")
    code, said = fresh.setup()
    assert code == 0, said
    assert "install --no-install-recommends u-boot-qemu" in fresh.asked_of_apt()
    assert f"UBOOT ?= {there}" in (fresh.path / "build/setup.mk").read_text()


def test_the_gdb_of_the_tests_is_installed(fresh):
    fresh.lacks("gdb-multiarch")
    assert fresh.setup("--check", "unit", "firmware")[0] == 0
    there = fresh.bin / "gdb-multiarch"
    fresh.knows("gdb-multiarch", "13.1-3", f"ln -s sh {there}")
    code, said = fresh.setup()
    assert code == 0, said
    assert "install --no-install-recommends gdb-multiarch" in fresh.asked_of_apt()


def test_missing_downloads_are_named(fresh):
    for deb in (fresh.path / "build/dl").iterdir():
        deb.unlink()
    (fresh.path / "build/libfdt-src/libfdt/fdt.c").unlink()
    (fresh.path / "build/bearssl-src/inc/bearssl.h").unlink()
    code, said = fresh.setup("--check")
    assert code == 1 and "the source of libfdt and bearssl, the guests' kernel, busybox and e2fsck" in said
    fresh.lacks("apt-get", "apt-cache")
    code, said = fresh.setup()
    assert code == 1 and "put Debian's tarballs into build/dl/: device-tree-compiler_" in said
    (fresh.path / "build/libfdt-src/libfdt/fdt.c").touch()
    (fresh.path / "build/bearssl-src/inc/bearssl.h").touch()
    code, said = fresh.setup()
    assert code == 1 and "By hand: put Debian's riscv64 packages" in said


@pytest.mark.parametrize("package", ["qemu-system-riscv", "qemu-system-misc"])
def test_an_apt_without_lists_is_asked_to_look(fresh, package):
    """As on every machine that was just made: no QEMU, and apt knows no package at all."""
    fresh.lacks("qemu-system-riscv64")
    fresh.knows(package, "1:10.0.2+ds-2", become_qemu(fresh, "10.0.2"))
    fresh.knows("opensbi", "1.6-1")
    code, said = fresh.setup()
    assert code == 0, said
    asked = fresh.asked_of_apt()
    assert asked.index("update") < asked.index("install")
    assert f"{package} opensbi" in asked


@pytest.mark.skipif("ID=debian\n" not in pathlib.Path("/etc/os-release").read_text(), reason="Debian's backports")
def test_an_old_qemu_is_taken_from_backports(fresh):
    fresh.lacks("qemu-system-riscv64")
    fresh.knows("qemu-system-misc", "1:7.2+dfsg-7")
    (fresh.apt / "does-qemu-system-riscv").write_text(become_qemu(fresh, "10.0.2"))
    code, said = fresh.setup()
    assert code == 0, said
    assert "-backports" in (fresh.path / "build/apt/host/sources.list").read_text()
    assert "--no-remove qemu-system-riscv opensbi" in fresh.asked_of_apt()


def test_a_failed_update_is_said(fresh):
    fresh.lacks("dtc")
    (fresh.apt / "update-fails").touch()
    code, said = fresh.setup()
    assert code == 1
    assert "apt knows no package 'device-tree-compiler', and apt-get update failed" in said
    assert "install" not in fresh.asked_of_apt()


@pytest.mark.parametrize("tool", ["clang-format", "clang-tidy", "cppcheck", "shellcheck"])
def test_a_lint_tool_that_cannot_be_had_is_named(fresh, tool):
    fresh.lacks(tool)
    assert fresh.setup()[0] == 0
    code, said = fresh.setup("lint")
    assert code == 1 and f"'{tool}'" in said


def test_dt_schema_is_installed_where_the_release_has_it(fresh):
    fresh.lacks("dt-validate")
    fresh.knows("dt-schema", "2022.08.2-5")
    code, said = fresh.setup("lint")
    assert code == 0, said
    assert "install --no-install-recommends dt-schema" in fresh.asked_of_apt()


@pytest.mark.parametrize("lists", [False, True])
def test_a_release_without_dt_schema_goes_on_without_it(fresh, lists):
    fresh.lacks("dt-validate")
    fresh.knows("python3-jsonschema", "4.19.2-6")
    if lists:
        (fresh.apt / "lists").touch()
    code, said = fresh.setup("lint")
    assert code == 0, said
    assert "no package dt-schema in this release" in said
    assert ("update" in fresh.asked_of_apt()) != lists
    assert "install" not in fresh.asked_of_apt()


def test_without_apt_get_lint_goes_on_without_dt_schema(fresh):
    fresh.lacks("dt-validate", "apt-get", "apt-cache")
    code, said = fresh.setup("lint")
    assert code == 0, said
    assert "no dt-schema, and it cannot be installed from here" in said


@pytest.mark.parametrize("script", ["setup-linux.sh", "setup-verify.sh"])
def test_the_other_scripts_name_what_they_lack(fresh, script):
    fresh.lacks("spin", "bison", "apt-get", "apt-cache")
    code, said = fresh.setup(script=script)
    assert code == 1
    assert ("bison" if "linux" in script else "spin") in said


def debian(fresh, *lacks, free=5000):
    """tools/setup-debian.sh where all is there but for @lacks, and its disk."""
    for tool in ("debootstrap", "wget", "gpgv", "debugfs", "sfdisk", "ssh-keygen", "flock"):
        fresh.script(tool, "#!/bin/sh\n")
    fresh.script("df", f"#!/bin/sh\nprintf 'Filesystem\\nx 1 1 {free}\\n'\n")
    fresh.lacks(*lacks)
    return fresh.setup(script="setup-debian.sh")


def debian_inputs(fresh):
    for folder, file in (("guest", "Image"), ("debian", "initramfs.cpio.gz"), ("debian", "ssh_key")):
        (fresh.path / "build" / folder).mkdir(exist_ok=True)
        (fresh.path / "build" / folder / file).touch()


def test_debian_systems_want_root(fresh):
    fresh.script("id", NO_ROOT)
    code, said = debian(fresh, "sudo")
    assert code == 1
    assert "needs root" in said and "Run make debian-disk as root" in said
    assert not (fresh.path / "build/debian").exists()


@pytest.mark.parametrize("inputs, free, says", [
    (False, 5000, "no build/guest/Image: make debian-disk makes it"),
    (True, 100, "build/ has 100 MiB of free space; making the systems takes up to"),
])
def test_what_debian_systems_want_is_named(fresh, inputs, free, says):
    if inputs:
        debian_inputs(fresh)
    code, said = debian(fresh, free=free)
    assert code == 1
    assert says in said
    assert "install" not in fresh.asked_of_apt()


def test_no_mirror_for_debian_systems_is_told(fresh):
    debian_inputs(fresh)
    fresh.script("tee", "#!/bin/sh\nexec cat\n")
    fresh.script("apt-config", "#!/bin/sh\n")
    code, said = debian(fresh)
    assert code == 1
    assert "debootstrap could not fetch the packages" in said and "DEBIAN_MIRROR=URI make debian-disk" in said
