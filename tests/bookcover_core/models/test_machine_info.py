"""The machine of a card: what the system tells of it."""

import platform

import pytest

from bookcover_core.models.machine_info import Machine, _processor, this_machine


def test_this_machine_tells_of_itself():
    """There is a system, a processor and a core at least, and what is told survives the card's JSON."""
    found = this_machine()
    assert found.system
    assert found.processor
    assert found.cores >= 1
    assert found.memory is None or found.memory > 2**28
    assert Machine.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize(
    ("cpuinfo", "name"),
    [
        ("processor\t: 0\nmodel name\t: AMD EPYC 7B13\nmodel name\t: other\n", "AMD EPYC 7B13"),
        ("processor\t: 0\nModel\t\t: Raspberry Pi 5\n", "Raspberry Pi 5"),
        ("processor\t: 0\n", platform.processor() or platform.machine()),
        (None, platform.processor() or platform.machine()),
    ],
)
def test_the_processor_is_named_where_linux_names_it(tmp_path, cpuinfo, name):
    """The first name counts; where Linux tells none, Python's own knowledge does."""
    file = tmp_path / "cpuinfo"
    if cpuinfo is not None:
        file.write_text(cpuinfo)
    assert _processor(file) == name
