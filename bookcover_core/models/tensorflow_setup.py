"""TensorFlow and Keras, imported in one place, with TensorFlow told to keep its start-up chatter to itself.

Importing this module takes seconds. Modules that import it at their top are themselves imported only inside functions,
so that a command that trains nothing starts at once.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

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


with without_chatter():
    import keras
    import tensorflow as tf

    # Looking for GPUs has words of its own, the first time. Of their memory TensorFlow takes what it needs, not all.
    for _gpu in tf.config.list_physical_devices("GPU"):
        with suppress(RuntimeError):  # TensorFlow is at work already: it was imported, and used, elsewhere
            tf.config.experimental.set_memory_growth(_gpu, enable=True)

# Its warning about graphs traced anew is for loops; here every training traces its own, once.
tf.get_logger().setLevel("ERROR")

__all__ = ["keras", "tf", "without_chatter"]
