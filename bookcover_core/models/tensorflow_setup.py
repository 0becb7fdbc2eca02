"""TensorFlow and Keras, imported in one place, with TensorFlow told to keep its start-up chatter to itself.

Importing this module takes seconds. Modules that import it at their top are themselves imported only inside functions,
so that a command that trains nothing starts at once.
"""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.abc import MetaPathFinder
from threading import get_ident

# A level that the person has set stays, and then nothing is held back.
_IS_CHATTY = "TF_CPP_MIN_LOG_LEVEL" in os.environ
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


@contextmanager
def without_chatter() -> Iterator[None]:
    """Keep what TensorFlow's C++ code writes past its own log level off the terminal; errors are exceptions anyway."""
    if _IS_CHATTY:
        yield
        return
    stream = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(stream, 2)
        os.close(stream)
        os.close(nowhere)


class _NotForKeras(MetaPathFinder):
    """Hides libraries from the thread that it is made in. Keras imports them, for extras that nothing here asks for."""

    def __init__(self) -> None:
        self._thread = get_ident()

    def find_spec(self, name: str, *_: object) -> None:
        """Say that there is no such library; nothing of all others."""
        if name in {"sklearn", "matplotlib"} and get_ident() == self._thread:
            raise ModuleNotFoundError(name=name)


@contextmanager
def _quickly() -> Iterator[None]:
    """Import TensorFlow in three fifths of the time: without those libraries, and without searches for garbage."""
    hiding, searched = _NotForKeras(), gc.isenabled()
    sys.meta_path.insert(0, hiding)
    gc.disable()
    try:
        yield
    finally:
        sys.meta_path.remove(hiding)
        gc.freeze()
        if searched:
            gc.enable()


with without_chatter():
    with _quickly():
        import keras
        import tensorflow as tf

    # Looking for GPUs has words of its own, the first time. Of their memory TensorFlow takes what it needs, not all.
    for _gpu in tf.config.list_physical_devices("GPU"):
        with suppress(RuntimeError):  # TensorFlow is at work already: it was imported, and used, elsewhere
            tf.config.experimental.set_memory_growth(_gpu, enable=True)

# Its warning about graphs traced anew is for loops; here every training traces its own, once.
tf.get_logger().setLevel("ERROR")

__all__ = ["keras", "tf", "without_chatter"]
