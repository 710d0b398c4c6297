"""What a run is computed on, in words."""

import platform
import subprocess
import sys
from pathlib import Path

import torch

CPUINFO = Path("/proc/cpuinfo")


def hardware(device: torch.device) -> str:
    """The GPU, or the processor and how many of its cores are used, and the version of torch."""
    if device.type == "cuda":
        machine = torch.cuda.get_device_name(device)
    elif device.type == "cpu":
        cores = torch.get_num_threads()
        machine = f"{_processor()}, {cores} core{'' if cores == 1 else 's'}"
    else:
        machine = f"{_processor()}, {device.type.upper()}"
    return f"{machine}, torch {torch.__version__}"


def _processor() -> str:
    found = ""
    try:
        if sys.platform == "darwin":
            command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
            found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        elif sys.platform == "win32":
            import winreg

            place = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, place) as key:
                found = str(winreg.QueryValueEx(key, "ProcessorNameString")[0])
        else:
            lines = CPUINFO.read_text("utf-8", errors="replace").splitlines()
            found = next(text.partition(":")[2] for text in lines if text.startswith("model name"))
    except (OSError, StopIteration, subprocess.SubprocessError):
        # Not every system names its processor; its kind is known everywhere.
        pass
    return " ".join(found.split()) or platform.processor() or platform.machine() or "a processor"
