"""The machine that a network was trained on (Appendix B): what its seconds, and its last digits, depend on."""

import os
import platform
import sys
from pathlib import Path

from pydantic import BaseModel, Field

_CPUINFO = Path("/proc/cpuinfo")


class Machine(BaseModel, frozen=True):
    """A machine, as far as it tells."""

    system: str = Field(description='Operating system: "Debian GNU/Linux 12 (bookworm)".')
    processor: str
    cores: int = Field(description="Cores that this process may use.")
    memory: int | None = Field(description="Bytes; None where the system does not tell.")
    accelerators: tuple[str, ...] = Field(
        description="Names of the GPUs that TensorFlow sees; none where it is not loaded."
    )


def this_machine() -> Machine:
    """The machine that this process runs on. TensorFlow is asked for GPUs only if it is loaded already."""
    try:
        system = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        system = platform.platform(terse=True)
    return Machine(
        system=system, processor=_processor(), cores=usable_cores(), memory=_memory(), accelerators=_accelerators()
    )


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def computes_int8(cpuinfo: Path = _CPUINFO) -> bool:
    """Whether the processor has instructions for products of int8 (VNNI, AMX); True where it does not tell."""
    flags = _told(cpuinfo, "flags").split()
    return not flags or not {"avx512_vnni", "avx_vnni", "amx_int8"}.isdisjoint(flags)


def _processor(cpuinfo: Path = _CPUINFO) -> str:
    """Name of the processor: as Linux tells it, or as Python knows it elsewhere."""
    return _told(cpuinfo, "model name", "Model") or platform.processor() or platform.machine()


def _told(cpuinfo: Path, *names: str) -> str:
    """What Linux tells of the first processor under one of these names; empty where it tells nothing."""
    try:
        lines = cpuinfo.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(names)), "")


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _accelerators() -> tuple[str, ...]:
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None:
        return ()
    devices = tensorflow.config
    gpus = devices.list_physical_devices("GPU")
    return tuple(str(devices.experimental.get_device_details(gpu).get("device_name", gpu.name)) for gpu in gpus)
