"""Weights come from where the settings say, and are never made up unless the settings ask for it."""

import numpy as np
import pytest

from bookcover_core.errors import WeightsError
from bookcover_core.models.backbones import find_backbone
from bookcover_core.models.weights import build_backbone, weights_source
from bookcover_core.pipeline.manifests import file_digest
from bookcover_core.settings import StudySettings

MOBILENET = find_backbone("MobileNetV2")


def settings(seed=2020, **models):
    return StudySettings.model_validate({"seed": seed, "models": models})


# The same network for pictures of 96 pixels: with a fifth of the work.
SMALL = find_backbone("MobileNetV2", 96)


@pytest.fixture(scope="module")
def random_network():
    return build_backbone(settings(weights="random"), SMALL)


def draw_pictures(seed):
    """Two smooth pictures and two noisy ones."""
    generator = np.random.default_rng(seed)
    smooth = np.repeat(np.repeat(generator.uniform(-1, 1, (2, 4, 4, 3)), 24, axis=1), 24, axis=2)
    return np.concatenate([smooth, generator.uniform(-1, 1, (2, 96, 96, 3))]).astype(np.float32)


def test_random_features_tell_pictures_apart(random_network):
    """Calibrated batch normalisation keeps features of a deep random network from vanishing: they differ by picture."""
    features = np.asarray(random_network(draw_pictures(1))).mean(axis=(1, 2))
    assert np.isfinite(features).all()
    assert features.std(axis=0).mean() > 0.1 * features.mean()


def test_random_weights_hang_on_the_seed_alone(random_network):
    """The same seed gives the same features, another seed others; the digest says which."""
    pictures = draw_pictures(2)
    again = build_backbone(settings(weights="random"), SMALL)
    other = build_backbone(settings(weights="random", seed=1), SMALL)
    np.testing.assert_allclose(random_network(pictures), again(pictures), atol=1e-5)
    assert np.abs(np.asarray(random_network(pictures)) - np.asarray(other(pictures))).max() > 0.1
    assert weights_source(settings(weights="random", seed=1), MOBILENET).digest == "random:1"


def test_a_backbone_is_frozen(random_network):
    """Nothing of a backbone is trainable, and its statistics stay even when it is called for training."""
    assert random_network.trainable_variables == []
    before = [variable.numpy() for variable in random_network.variables]
    random_network(draw_pictures(3), training=True)
    assert all(np.array_equal(a, b) for a, b in zip(before, map(np.asarray, random_network.variables), strict=True))


def test_a_file_of_weights_wins(random_network, tmp_path):
    """A file that the settings name is loaded, in Keras 3's layout too, and its digest is that of its bytes."""
    file = tmp_path / "mine.weights.h5"
    random_network.save_weights(file)
    chosen = settings(weights="imagenet", weight_files={"MobileNetV2": str(file)})
    assert weights_source(chosen, MOBILENET).kind == "file"
    assert weights_source(chosen, MOBILENET).digest == file_digest(file)
    pictures = draw_pictures(4)
    np.testing.assert_allclose(build_backbone(chosen, SMALL)(pictures), random_network(pictures), atol=1e-5)


def test_a_missing_file_of_weights_is_named(tmp_path):
    """A name in models.weight_files that leads nowhere is an error before any work."""
    with pytest.raises(WeightsError, match=r"nowhere\.h5: there is no such file of weights for MobileNetV2"):
        weights_source(settings(weight_files={"MobileNetV2": str(tmp_path / "nowhere.h5")}), MOBILENET)


def test_pickles_are_not_read(tmp_path):
    """Weights are numbers in HDF5: any other format is refused by its name."""
    file = tmp_path / "weights.pkl"
    file.write_bytes(b"")
    with pytest.raises(WeightsError, match="HDF5 files only"):
        weights_source(settings(weight_files={"MobileNetV2": str(file)}), MOBILENET)


def test_a_file_that_is_no_hdf5_is_refused(tmp_path):
    """A damaged file is named, with what to do."""
    file = tmp_path / "damaged.h5"
    file.write_bytes(b"<html>not found</html>")
    with pytest.raises(WeightsError, match=r"damaged\.h5: these are not weights of MobileNetV2"):
        build_backbone(settings(weight_files={"MobileNetV2": str(file)}), MOBILENET)


@pytest.mark.parametrize(
    ("name", "file", "digest", "released"),
    [
        (
            "ResNeXt50",
            "resnext50_weights_tf_dim_ordering_tf_kernels_notop.h5",
            "MD5 62527c363bdd9ec598bed41947b379fc",
            "/resnet/resnext50_weights_tf_dim_ordering_tf_kernels_notop.h5",
        ),
        (
            "ConvNeXtTiny",
            "convnext_tiny_notop.h5",
            "SHA-256 d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
            "/convnext/convnext_tiny_notop.h5",
        ),
        (
            "NASNetMobile",
            "nasnet_mobile_no_top.h5",
            "MD5 1ed92395b5b598bdda52abe5c0dbfd63",
            "/nasnet/NASNet-mobile-no-top.h5",
        ),
        ("MobileNet", "mobilenet_1_0_224_tf_no_top.h5", "no digest published", "/mobilenet/mobilenet_1_0_224_tf"),
    ],
)
def test_weights_that_cannot_be_had_are_described(monkeypatch, tmp_path, name, file, digest, released):
    """Without network and cache, the message names file, digest, address, the cache's folder and the setting."""
    from bookcover_core.models.tensorflow_setup import keras

    def refuse(*_, **__):
        raise Exception("URL fetch failure: None -- [Errno -3] Temporary failure in name resolution")  # noqa: TRY002 - as Keras does

    monkeypatch.setattr(keras.utils, "get_file", refuse)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with keras.StatelessScope(), pytest.raises(WeightsError) as caught:  # without values, which take half of a build
        build_backbone(settings(weights="imagenet"), find_backbone(name))
    message = str(caught.value)
    assert message.startswith(str(tmp_path / "models" / file))
    for part in (f"{file} ({digest})", released, "name resolution", f"models.weight_files ({name} = "):
        assert part in message


def test_published_digests_stand_for_the_weights():
    """What the stages behind depend on is Keras' MD5, which needs neither network nor file."""
    backbone = find_backbone("InceptionResNetV2")
    assert weights_source(settings(weights="imagenet"), backbone).digest == "imagenet:d19885ff4a710c122648d3b5c3b684e4"


def test_resnext_50_is_the_one_that_keras_published():
    """Keras still lists the digest and the folder of the weights, though it no longer builds the network."""
    from bookcover_core.models.tensorflow_setup import keras

    resnet, weights = keras.src.applications.resnet, find_backbone("ResNeXt50").weights
    assert resnet.WEIGHTS_HASHES["resnext50"][1] == weights.digest
    assert resnet.BASE_WEIGHTS_PATH + weights.file == weights.address


def test_real_weights_load(real_data):
    """MobileNetV2's ImageNet weights, in Keras' published layout, give features that tell real covers apart."""
    from bookcover_core.models.input_pipeline import read_pictures
    from bookcover_core.models.networks import build_pooled

    file = real_data / "weights" / "mobilenet_v2_1.0_224_imagenet_no_top.h5"
    network = build_backbone(settings(weight_files={"MobileNetV2": str(file)}), MOBILENET)
    pictures = read_pictures(sorted((real_data / "covers").iterdir())[:60], 224)
    features = build_pooled(MOBILENET, network).predict(pictures, batch_size=20, verbose=0)
    assert features.shape == (60, 1280)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    alike = (unit @ unit.T)[~np.eye(60, dtype=bool)]
    assert alike.mean() < 0.8


def test_weights_with_the_top_are_refused(real_data):
    """A file with the 1,000-class head is not the backbone's, and is not loaded in part."""
    file = real_data / "weights" / "mobilenet_v2_1.0_224_imagenet_top.h5"
    with pytest.raises(WeightsError, match="without its top"):
        build_backbone(settings(weight_files={"MobileNetV2": str(file)}), MOBILENET)


def test_known_photos_get_known_labels(real_data):
    """Through this project's preprocessing, ImageNet's own head sees a cat and an espresso."""
    data = pytest.importorskip("skimage.data", reason="scikit-image brings the photos")
    from bookcover_core.models.networks import build_preprocessing
    from bookcover_core.models.tensorflow_setup import keras, tf

    top = keras.applications.MobileNetV2(weights=None)
    top.load_weights(real_data / "weights" / "mobilenet_v2_1.0_224_imagenet_top.h5")
    # 281, 282 and 285: tabby, tiger cat, Egyptian cat; 967: espresso.
    for photo, labels in ((data.chelsea(), {281, 282, 285}), (data.coffee(), {967})):
        picture = build_preprocessing(MOBILENET)(tf.image.resize(photo, (224, 224), antialias=True)[None])
        assert int(np.argmax(top(picture))) in labels


def wanted(**settings: object) -> StudySettings:
    return StudySettings.model_validate(settings)
