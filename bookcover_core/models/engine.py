"""TensorFlow and Keras, imported in one place, with TensorFlow told to keep its start-up chatter to itself.

Importing this module takes seconds. Modules that import it at their top (`resnext`, `pictures`, `networks`,
`training.extraction`, `training.heads`) are themselves imported only inside functions, so that a command that trains
nothing starts at once.
"""

import os

# 2 leaves errors; a level that the person has set stays.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import tensorflow as tf

# Its warning about graphs traced anew is for loops; here every training traces its own, once.
tf.get_logger().setLevel("ERROR")

__all__ = ["keras", "tf"]
