"""OpenVINO tells nobody that it is used, and computes in the precision that it is told."""

import gc
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from bookcover_core.errors import SettingsError
from bookcover_core.reading import openvino_runtime
from bookcover_core.reading.openvino_runtime import check_precision, compile_network, computed, load_openvino


def test_nobody_is_told():
    """Importing OpenVINO would send an event to its makers, by a package that is made out to be missing."""
    program = (
        "import sys\n"
        "from bookcover_core.reading.openvino_runtime import load_openvino\n"
        "load_openvino().convert_model\n"
        "from openvino.tools import ovc\n"
        "print(ovc.telemetry_utils.tm.__name__, [name for name in sys.modules if name.startswith('openvino_tel')])\n"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert told.split() == ["openvino.tools.ovc.telemetry_stub", "['openvino_telemetry']"]


def test_the_precision_is_told():
    """A compiled network says which precision it was given, whatever the processor would rather take."""
    openvino = load_openvino()
    from openvino import opset13

    given = opset13.parameter([2], np.float32)
    network = openvino.Model([opset13.relu(given)], [given])
    compiled = compile_network(network, "float32", INFERENCE_NUM_THREADS=1)
    assert compiled.get_property("INFERENCE_PRECISION_HINT") == openvino.Type.f32
    assert compiled.get_property("INFERENCE_NUM_THREADS") == 1


def test_a_processor_without_bfloat16_is_told(monkeypatch):
    """OpenVINO would take float32 and call it bfloat16."""

    class Package:
        class Core:
            def get_property(self, *_):
                return ["FP32", "INT8"]

    monkeypatch.setattr(openvino_runtime, "load_openvino", lambda: Package)
    check_precision("float32", "models.precision")
    with pytest.raises(SettingsError, match=r"does not compute in bfloat16.*models.precision=float32"):
        check_precision("bfloat16", "models.precision")


class Request:
    """One that only two may be at work of, and that is used again."""

    at_work: ClassVar[list["Request"]] = []

    def start_async(self, given):
        assert self not in self.at_work
        assert len(self.at_work) < 2
        self.at_work.append(self)
        self.given = given

    def wait(self):
        if self in self.at_work:
            self.at_work.remove(self)


def test_what_is_computed_comes_in_its_order():
    """However many requests there are, as many are at work; none is left so by who breaks off."""
    requests = [Request(), Request()]
    assert [each.given for each in computed(requests, range(7))] == [*range(7)]
    assert [*computed(requests, [])] == []
    for each in computed(requests, range(7)):
        if each.given == 3:
            break
    gc.collect()
    assert not Request.at_work


def test_nothing_is_called_back_by_threads_of_openvino():
    """A process that dropped its network meanwhile hung, or was aborted at its end."""
    sources = [file.read_text("utf-8") for file in Path(openvino_runtime.__file__).parents[1].rglob("*.py")]
    assert len(sources) > 100
    assert not [each for each in sources if "AsyncInferQueue" in each or "set_callback" in each]
