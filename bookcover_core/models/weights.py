"""Where a backbone's weights come from, and getting them into it.

A file that the settings name wins; then come the weights that Keras published, by their digest; random ones only where
the settings ask for them. They are numbers in an HDF5 file, laid into a network built in code: nothing is unpickled.
"""

import logging
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bookcover_core.errors import WeightsError
from bookcover_core.models.backbones import Backbone
from bookcover_core.models.encoders import Encoder
from bookcover_core.pipeline.manifests import digest_of, known_digest
from bookcover_core.settings import StudySettings

logger = logging.getLogger(__name__)

_DOWNLOAD_TIMEOUT = 20.0  # seconds without a byte after which a download is given up


@dataclass(frozen=True)
class WeightsSource:
    """Which weights a backbone gets."""

    kind: Literal["file", "imagenet", "random"]
    digest: str
    """SHA-256 of the file, or of an encoder and how it is used; "imagenet:" and the published digest (the file name
    where there is none); "random:" and the seed."""
    file: str | None = None  # name of the file, for kinds file and imagenet


def weights_source(settings: StudySettings, backbone: Backbone) -> WeightsSource:
    """Which weights `backbone` gets under `settings`; `WeightsError` where a file that they name cannot be read."""
    if isinstance(backbone, Encoder):
        if not backbone.file.is_file():
            raise WeightsError(
                f"the encoder {backbone.name} is not there", where=backbone.file, advice="Correct models.encoders."
            )
        way = [known_digest(backbone.file), backbone.size, backbone.preprocessing, backbone.output]
        return WeightsSource("file", digest_of(way), backbone.file.name)
    if backbone.name in settings.models.weight_files:
        file = _named_file(settings, backbone)
        return WeightsSource("file", known_digest(file), file.name)
    if settings.models.weights == "imagenet":
        published = backbone.weights
        return WeightsSource("imagenet", f"imagenet:{published.digest or published.file}", published.file)
    return WeightsSource("random", f"random:{settings.seed}")


def build_backbone(settings: StudySettings, backbone: Backbone) -> Any:
    """The backbone as a frozen `keras.Model` with its weights: preprocessed pictures to feature maps.

    Frozen means `trainable = False`: its batch normalisations then keep their statistics, in training too.
    The last one built is kept and given again, for the stages that follow one another want the same: do not alter it.
    """
    source = weights_source(settings, backbone)
    key = f"{backbone.name} {backbone.size} {source.digest}"
    if key in _last_built:
        return _last_built[key]
    _last_built.clear()
    model = backbone.build()
    if isinstance(backbone, Encoder):
        logger.info("%s: %s", backbone.name, backbone.file)
    elif source.kind == "random":
        logger.warning("%s: random weights, as models.weights says: it has never seen a picture", backbone.name)
        from bookcover_core.models.networks import randomise  # noqa: PLC0415 - imports TensorFlow

        randomise(model, backbone, settings.seed)
    else:
        file = _named_file(settings, backbone) if source.kind == "file" else _published_file(backbone)
        logger.info("%s: weights from %s", backbone.name, file)
        load_weights(model, file, backbone.name)
    model.trainable = False
    _last_built[key] = model
    return model


# The last network that was built, by its name, its size and the digest of its weights.
_last_built: dict[str, Any] = {}


def load_weights(model: Any, file: Path, name: str) -> None:
    """Lay the weights in `file` (HDF5, Keras 3's layout or the older one) into `model`; `WeightsError` if others'."""
    try:
        # Of the older layout by name where names agree: by their order, layers of one shape beside a shortcut could
        # change places. They do not where Keras numbers the unnamed layers of a network.
        names = {layer.name for layer in model.layers if layer.weights}
        options = {"by_name": True} if _named_layers(file) == names else {}
        model.load_weights(file, **options)
    except (ValueError, KeyError, OSError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"these are not weights of {name} without its top ({' '.join(str(error).split())[:300]})",
            where=file,
            advice=f"If it was cut short, remove it. Otherwise name a file of {name}'s weights, saved by Keras without "
            "the top, in models.weight_files.",
        ) from error


def _named_layers(file: Path) -> set[str]:
    """Names of the layers with weights in an HDF5 file of Keras' older layout; empty for Keras 3's layout."""
    import h5py  # noqa: PLC0415 - comes with Keras, and is needed only where weights are loaded

    with h5py.File(file) as content:
        group = content.get("model_weights", content)
        names = [name.decode() if isinstance(name, bytes) else str(name) for name in group.attrs.get("layer_names", [])]
        return {name for name in names if len(group[name].attrs["weight_names"])}


def _named_file(settings: StudySettings, backbone: Backbone) -> Path:
    file = Path(settings.models.weight_files[backbone.name]).expanduser()
    if not file.is_file():
        what = f"there is no such file of weights for {backbone.name}"
        advice = f"Put it there, correct models.weight_files, or leave {backbone.name} out of it."
        raise WeightsError(what, where=file, advice=advice)
    if file.suffix not in {".h5", ".hdf5"}:
        what = f"weights of {backbone.name} are read from HDF5 files only (.h5, .weights.h5)"
        advice = "Save the weights with Keras' `model.save_weights`."
        raise WeightsError(what, where=file, advice=advice)
    return file


def _published_file(backbone: Backbone) -> Path:
    """The weights that Keras published, from its cache or downloaded, their digest checked where there is one."""
    from bookcover_core.models.tensorflow_setup import keras  # noqa: PLC0415 - TensorFlow takes seconds to import

    published, before = backbone.weights, socket.getdefaulttimeout()
    socket.setdefaulttimeout(_DOWNLOAD_TIMEOUT)  # Keras' download waits without end otherwise
    try:
        file, address, digest = published.file, published.address, published.digest
        return Path(keras.utils.get_file(file, address, cache_subdir="models", file_hash=digest))
    except Exception as error:
        # Keras raises a bare Exception for a download that failed, a ValueError for a digest that differs.
        raise no_published_weights(backbone, f"gives: {' '.join(str(error).split())[:300]}") from error
    finally:
        socket.setdefaulttimeout(before)


def cached_file(backbone: Backbone) -> Path:
    """Where Keras keeps the weights that it published for a network."""
    return Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "models" / backbone.weights.file


def no_published_weights(backbone: Backbone, why: str) -> WeightsError:
    """The error that says what their address does: "answers 404"."""
    published = backbone.weights
    digest = "no digest published"
    if published.digest:
        digest = f"{'MD5' if len(published.digest) == 32 else 'SHA-256'} {published.digest}"
    return WeightsError(
        f"the ImageNet weights of {backbone.name} cannot be had: {published.file} ({digest}) is not in Keras' cache,"
        f" and {published.address} {why}",
        where=cached_file(backbone),
        advice=f'Put the file there, or name it in models.weight_files ({backbone.name} = "/path/to/file.h5").',
    )
