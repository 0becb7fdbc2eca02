"""Appendix B: what the study was made with: machines and software. How long it took is in the table of times."""

import re
from importlib.metadata import PackageNotFoundError, requires, version
from platform import python_version

from bookcover_core.models.machine_info import Machine, this_machine
from bookcover_core.report.findings import Findings
from bookcover_core.report.table import Cell, Column, Kind, Table

_PROJECT = "bookcover"


def machine_table(findings: Findings) -> Table:
    """The machines on which networks were trained, with their names, and the one that wrote the report."""
    trained: dict[Machine, list[str]] = {}
    for network in findings.networks:
        if network.card is not None and network.card.machine is not None:
            trained.setdefault(network.card.machine, []).append(network.title)
    rows = [_row(f"trained {', '.join(names)}", machine) for machine, names in trained.items()]
    return Table(
        name="machines",
        caption="Machines",
        columns=[
            Column("What it did", name="did"),
            Column("Operating system"),
            Column("Processor"),
            Column("Cores", Kind.COUNT),
            Column("Memory, GiB", Kind.NUMBER, "memory in GiB"),
            Column("GPUs"),
        ],
        rows=[*rows, _row("wrote this report", this_machine())],
        notes=("Cores are those that the process could use.",),
    )


def software_table(findings: Findings) -> Table:
    """Versions of Python and of the packages that the project asks for: when the networks were trained, and now."""
    now = {"python": python_version(), _PROJECT: _version(_PROJECT)} | {name: _version(name) for name in _packages()}
    then: dict[str, set[str]] = {}
    for network in findings.networks:
        for name, number in network.card.software.items() if network.card is not None else ():
            then.setdefault(name, set()).add(number)
    return Table(
        name="software",
        caption="Software",
        columns=[Column("Package"), Column("Version"), Column("Networks trained with", name="trained with")],
        rows=[[Cell(name), Cell(number), Cell(", ".join(sorted(then.get(name, ()))))] for name, number in now.items()],
        notes=("Versions are those that wrote this report; beside them those that a network's numbers hang on.",),
    )


def _row(did: str, machine: Machine) -> list[Cell]:
    memory = None if machine.memory is None else round(machine.memory / 2**30, 2)
    return [
        Cell(did),
        Cell(machine.system),
        Cell(machine.processor),
        Cell(machine.cores),
        Cell(memory),
        Cell(", ".join(machine.accelerators) or "none"),
    ]


def _packages() -> list[str]:
    """Names of the packages that the project itself asks for, without its extras; none where it is not installed."""
    try:
        wanted = requires(_PROJECT) or []
    except PackageNotFoundError:
        return []
    names = [re.match(r"[A-Za-z0-9._-]+", each) for each in wanted if "extra ==" not in each]
    return sorted(name.group() for name in names if name)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
