"""The machine that a network was trained on (Appendix B): what its seconds, and its last digits, depend on."""

import os
import platform
import sys
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class Machine(BaseModel):
    """A machine, as far as it tells."""

    model_config = ConfigDict(frozen=True)

    system: str = Field(description='Operating system: "Debian GNU/Linux 12 (bookworm)".')
    processor: str
    cores: int = Field(description="Cores that this process may use.")
    memory: int | None = Field(description="Bytes; None where the system does not tell.")
    accelerators: tuple[str, ...] = Field(
        description="Names of the GPUs that TensorFlow sees; none where it is not loaded."
    )


def this_machine() -> Machine:
    """The machine that this process runs on. TensorFlow is asked for GPUs only if it is loaded already."""
    return Machine(
        system=_system(),
        processor=_processor(Path("/proc/cpuinfo")),
        cores=usable_cores(),
        memory=_memory(),
        accelerators=tuple(_accelerators()),
    )


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def computes_int8(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the processor has instructions for products of int8 (VNNI, AMX); True where it does not tell."""
    try:
        lines = cpuinfo.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return True
    flags = next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), None)
    return flags is None or not {"avx512_vnni", "avx_vnni", "amx_int8"}.isdisjoint(flags)


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.platform(terse=True)


def _processor(cpuinfo: Path) -> str:
    """Name of the processor: as Linux tells it in `cpuinfo`, or as Python knows it elsewhere."""
    try:
        lines = cpuinfo.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model")))
    return next(named, "") or platform.processor() or platform.machine()


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _accelerators() -> list[str]:
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None:
        return []
    gpus = tensorflow.config.list_physical_devices("GPU")
    details = [tensorflow.config.experimental.get_device_details(gpu) for gpu in gpus]
    return [str(detail.get("device_name", gpu.name)) for gpu, detail in zip(gpus, details, strict=True)]
