"""Augmentation that keeps a cover a cover: each time it is shown, it is a little nearer, moved, lighter or stronger.

Never mirrored and never turned, for a cover carries text; never stretched, for its proportions tell of its genre. What
becomes of a picture depends on its seed alone, so that a training that was cut off sees what it would have seen.
"""

from bookcover_core.models.input_pipeline import scale_picture
from bookcover_core.models.tensorflow_setup import tf

# Share of the side that stays in sight, at least: the rest is cut off at the edges. Few covers have text nearer.
_NEAREST = 0.9

# What brightness is shifted by at most (of 255), and what contrast and saturation are multiplied by, more or less.
_BRIGHTNESS, _CONTRAST, _SATURATION = 20.0, 0.1, 0.15

# Purpose of the generator of chance.
_AUGMENTATION = 502

# How bright red, green and blue look: ITU-R BT.601, as in Pillow's conversion to grey.
_GREY = (0.299, 0.587, 0.114)


def picture_seed(seed: int, epoch: "tf.Tensor", position: "tf.Tensor") -> "tf.Tensor":
    """The seed (2,) of what becomes of the picture at `position` in `epoch` of a training with `seed`."""
    start = tf.constant([seed, _AUGMENTATION], tf.int64)
    of_epoch = tf.random.experimental.stateless_fold_in(start, tf.cast(epoch, tf.int64))
    return tf.random.experimental.stateless_fold_in(of_epoch, tf.cast(position, tf.int64))


def augment(picture: "tf.Tensor", size: int, seed: "tf.Tensor") -> "tf.Tensor":
    """A picture (rows, columns, 3) in 0..255, varied and scaled to (size, size, 3), as float32 in 0..255.

    Args:
        picture: A square picture, uint8.
        size: Side of what is given.
        seed: Two integers, which decide everything.
    """
    chance = tf.random.stateless_uniform([6], seed)
    shape = tf.shape(picture)[:2]
    window = tf.cast(tf.round(tf.cast(shape, tf.float32) * (1 - (1 - _NEAREST) * chance[0])), tf.int32)
    corner = tf.cast(tf.cast(shape - window + 1, tf.float32) * chance[1:3], tf.int32)
    seen = tf.slice(picture, [corner[0], corner[1], 0], [window[0], window[1], 3])
    return _recolour(scale_picture(seen, size), *tf.unstack(chance[3:] * 2 - 1))


def _recolour(picture: "tf.Tensor", brightness: "tf.Tensor", contrast: "tf.Tensor", colour: "tf.Tensor") -> "tf.Tensor":
    """A picture with other brightness, contrast and saturation: -1..1, 0 for each leaves it as it is."""
    grey = tf.tensordot(picture, tf.constant(_GREY), 1)[..., tf.newaxis]
    picture = grey + (picture - grey) * (1 + _SATURATION * colour)
    middle = tf.reduce_mean(grey)
    picture = middle + (picture - middle) * (1 + _CONTRAST * contrast)
    return tf.clip_by_value(picture + _BRIGHTNESS * brightness, 0, 255)
