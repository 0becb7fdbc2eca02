"""OpenVINO tells nobody that it is used, and computes in the precision that it is told."""

import subprocess
import sys

import numpy as np
import pytest

from bookcover_core.errors import SettingsError
from bookcover_core.reading import openvino_runtime
from bookcover_core.reading.openvino_runtime import check_precision, compile_network, load_openvino


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
