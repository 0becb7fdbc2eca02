"""TensorFlow is imported with what networks need, and nothing besides."""

import subprocess
import sys
from threading import Thread

import pytest

from bookcover_core.models.tensorflow_setup import _NotForKeras

PROGRAM = """
import gc, sys
from bookcover_core.models.tensorflow_setup import keras, tf
print([name for name in ("sklearn", "matplotlib", "scipy.stats") if name in sys.modules], gc.isenabled())
import matplotlib, sklearn
"""


def test_what_keras_offers_besides_networks_is_not_imported():
    """Scikit-learn and Matplotlib take two seconds of every training's process; whoever wants them has them still."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] True"


def test_they_are_hidden_from_one_thread_alone():
    """Another thread of a server may import them at the same moment."""
    hiding, found = _NotForKeras(), []
    with pytest.raises(ModuleNotFoundError):
        hiding.find_spec("sklearn", None)
    other = Thread(target=lambda: found.append(hiding.find_spec("sklearn", None)))
    other.start()
    other.join()
    assert found == [hiding.find_spec("numpy", None)] == [None]
