"""Reads the figures that the scripts here show: `halconv bench --json`, and those of other libraries (README.md)."""
import json


def lines(path):
    with open(path) as file:
        return [json.loads(line) for line in file if line.strip()]


def ours(path):
    """The machine's line, and of each layer its fastest kernel's line."""
    machine, layers = {}, {}
    for line in lines(path):
        machine = line.get("machine", machine)
        if "kernel" in line and line["gflops"] > layers.get(line["name"], {"gflops": 0})["gflops"]:
            layers[line["name"]] = line
    return machine, layers


def others(path):
    """GFLOP/s by layer and library."""
    return {line["name"]: line["gflops_nominal"] for line in lines(path) if "gflops_nominal" in line} if path else {}


def describe(machine):
    bandwidth = ", ".join(f"{level['level']} {level['gbs']:.0f}" for level in machine["read_gbs"])
    threads = f"{machine['threads']} thread{'' if machine['threads'] == 1 else 's'}"
    clock = f" at {machine['clock_mhz'] / 1000:.1f} GHz" if "clock_mhz" in machine else ""
    return (f"{machine['cpu']}{clock}, {threads}, {machine['target']}: multiply-add peak {machine['fma_peak']:.1f} "
            f"GFLOP/s a core; reads in GB/s: {bandwidth}")
