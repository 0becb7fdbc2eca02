"""The appendices: the networks in numbers (A), and the machines and software that the study was made with (B)."""

import re
from importlib.metadata import PackageNotFoundError, requires, version
from platform import python_version

from bookcover_core.models.machine_info import Machine, this_machine
from bookcover_core.report.findings import Findings
from bookcover_core.report.table import Column, Table, integers, numbers

_PROJECT = "bookcover"


def architecture_table(findings: Findings) -> Table | None:
    """A row for each network with its numbers; None where no card has them."""
    known = [(each.title, each.card.architecture) for each in findings.systems if each.card and each.card.architecture]
    if not known:
        return None
    return Table.of(
        "architectures",
        [
            Column("Network", "0"),
            integers("Input, pixels", "1.input_size", "input side"),
            integers("Layers", "1.layers"),
            integers("with weights", "1.layers_with_weights", "layers with weights"),
            integers("Depth", "1.depth"),
            numbers("Parameters, M", lambda each: round(each[1].parameters / 1e6, 2), "parameters in millions"),
            numbers(
                "Multiply-adds, G",
                lambda each: round(each[1].multiply_adds / 1e9, 3),
                "multiply-adds in thousand millions",
            ),
        ],
        known,
        is_grouped=any("ResNeXt" in each.name for each in findings.systems),
    )


def machine_table(findings: Findings) -> Table:
    """The machines on which networks were trained, with their names, and the one that wrote the report."""
    trained: dict[Machine, list[str]] = {}
    for each in findings.systems:
        if each.card is not None and each.card.machine is not None:
            trained.setdefault(each.card.machine, []).append(each.title)
    machines = [(f"trained {', '.join(names)}", machine) for machine, names in trained.items()]
    return Table.of(
        "machines",
        [
            Column("What it did", "0", name="did"),
            Column("Operating system", "1.system"),
            Column("Processor", "1.processor"),
            integers("Cores", "1.cores"),
            numbers("Memory, GiB", lambda each: each[1].memory and round(each[1].memory / 2**30, 2), "memory in GiB"),
            Column("GPUs", lambda each: ", ".join(each[1].accelerators) or "none"),
        ],
        [*machines, ("wrote this report", this_machine())],
    )


def software_table(findings: Findings) -> Table:
    """Versions of Python and of the packages that the project asks for: when the networks were trained, and now."""
    now = {"python": python_version(), _PROJECT: _version(_PROJECT)} | {name: _version(name) for name in _packages()}
    then: dict[str, set[str]] = {}
    for each in findings.systems:
        for name, number in each.card.software.items() if each.card is not None else ():
            then.setdefault(name, set()).add(number)
    return Table.of(
        "software",
        [
            Column("Package", "0"),
            Column("Version", "1"),
            Column("Networks trained with", lambda each: ", ".join(sorted(then.get(each[0], ()))), name="trained with"),
        ],
        now.items(),
    )


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
