#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What overcommit does to locks, as a picture: two Linux guests on two harts, whose vcpus fight for a lock, without PV locks and with.

    make trace-demo        build/trace-demo/{without,with}.json for ui.perfetto.dev, and docs/trace-demo.svg

Each guest has two vcpus and runs the kernel's locktorture on a queued spinlock. It runs under icount, one instruction a nanosecond, so
what is seen does not depend on the machine that this runs on.
"""

from __future__ import annotations

import argparse
import importlib.machinery
import importlib.util
import json
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "system"))
import hv  # noqa: E402
from control import HARTCTL, Channel  # noqa: E402

LINUX, OUT = hv.BUILD / "linux", hv.BUILD / "trace-demo"
VCPUS = 2
PANELS = {"without": ('pv = "none";', "Without PV locks"), "with": ("", "With PV locks")}
TOTAL = re.compile(r"\[(\w+)\] \[ *(\d+\.\d+)\] Writes:  Total: (\d+)")
TORTURE = ("torture_type=spin_lock", f"nwriters_stress={VCPUS}", "nreaders_stress=0", "stat_interval=1", "stutter=0",
           "shuffle_interval=0", "long_hold=0", "rt_boost=0")


def overcommit():
    """tools/bench-overcommit.py, which knows how to make a guest take queued locks."""
    loader = importlib.machinery.SourceFileLoader("overcommit", str(ROOT / "tools" / "bench-overcommit.py"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("overcommit", loader))
    sys.modules["overcommit"] = module
    loader.exec_module(module)
    return module


def record(name: str, properties: str, seconds: float, fdt: pathlib.Path) -> float:
    """Trace the guests while they fight. Returns how many locks a second they took, together."""
    words = " ".join(["console=hvc0 earlycon=sbi S=4 hold=9", *(f"locktorture.{word}" for word in TORTURE)])
    vms = [hv.Vm(vm, LINUX / "Image", cpus=VCPUS, memory=256 * hv.MIB, ramdisk=LINUX / "overcommit.cpio.gz", bootargs=words,
                 more=properties, fdt=fdt) for vm in ("one", "two")]
    with tempfile.TemporaryDirectory(prefix="hv-") as folder:
        ctl = Channel(folder)
        icount = ["-icount", "shift=0,sleep=off", "-rtc", "clock=vm", "-seed", "1"]
        with hv.Machine(f"trace-demo-{name}", hv.bundle(f"trace-demo-{name}", vms), args=[*ctl.arguments(), *icount]) as m:
            m.expect(r"\[one\] [^\r\n]*Writes:  Total: [1-9]", timeout=3600)
            subprocess.run([sys.executable, HARTCTL, "-s", ctl.path, "--timeout", "600", "trace", "-t", str(seconds), "--memory", "16",
                            "-o", OUT / f"{name}.json"], check=True)
            m.expect(r"\[one\] GUEST-END", timeout=3600)
            totals = TOTAL.findall(m.text())
    rate = 0.0
    for vm in ("one", "two"):
        lines = [(float(t), int(total)) for name_of, t, total in totals if name_of == vm and int(total)]
        rate += (lines[-1][1] - lines[0][1]) / (lines[-1][0] - lines[0][0])
    return rate


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=6, help="of the recording, by the clock on the wall (6)")
    parser.add_argument("--begin", default="20", help="the picture's first ms of it (20)")
    parser.add_argument("--length", default="24", help="how many ms the picture shows (24)")
    parser.add_argument("--draw", action="store_true", help="only draw again what was recorded")
    parser.add_argument("--out", default=str(ROOT / "docs" / "trace-demo.svg"))
    args = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    rates = OUT / "rates.json"
    if not args.draw:
        fdt = overcommit().isa_overlay("trace-demo", VCPUS, "q")
        rates.write_text(json.dumps({name: record(name, properties, args.seconds, fdt) for name, (properties, _) in PANELS.items()}))
    found = json.loads(rates.read_text())
    panels = [f"{title}: {found[name]:,.0f} locks a second={OUT / name}.json" for name, (_, title) in PANELS.items()]
    subprocess.run([sys.executable, ROOT / "tools" / "trace_svg.py", args.out, *panels, "--begin", args.begin, "--length", args.length,
                    "--text", "Two Linux guests with two vcpus each, on two harts; both vcpus of a guest fight for one spinlock."], check=True)
    print(f"  {args.out}; {OUT}/with.json and without.json are for ui.perfetto.dev")
    return 0


if __name__ == "__main__":
    sys.exit(main())
