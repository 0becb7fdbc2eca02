"""Every knob of a study, with the dissertation's value as its default.

One frozen object, `StudySettings`, goes through the whole study: it is the parameter of every flow,
is stored with the study, and can be written as a TOML file:

    name = "my-covers"

    [books]
    source = "folder"
    folder = "~/covers"

    [training]
    backbones = ["MobileNetV2"]

`bookcover_core.settings.toml_file` reads such a file, and lays single settings ("training.epochs=50") over it.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from bookcover_core.settings.form import TEXT_OR_NONE, describe_bounds

# The listings of Iwana et al., as the uchidalab/book-dataset repository serves them.
_UCHIDALAB = "https://raw.githubusercontent.com/uchidalab/book-dataset/master"


class _Group(BaseModel):
    """A group of settings: frozen, and strict about names that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The schema that the form of a run is made from."""
        schema = handler(core)
        describe_bounds(handler.resolve_ref_schema(schema))
        return schema


# TOML has no null: an empty text stands for none.
_Text = Annotated[str | None, BeforeValidator(lambda value: value or None), WithJsonSchema(TEXT_OR_NONE)]


class BookSource(StrEnum):
    """Where a study's books come from."""

    BOOKCOVER30 = "bookcover30"
    """The listings of BookCover30 (train and test), and a pool to take replacements from."""
    LISTING = "listing"
    """One listing; test and validation books are drawn from it, genre by genre."""
    FOLDER = "folder"
    """A folder of pictures, one subfolder for each genre."""


class BookSettings(_Group):
    """Where the books come from: section 3.1."""

    source: BookSource = BookSource.BOOKCOVER30
    """bookcover30: train, test and pool listings. listing: one listing. folder: pictures in one subfolder per genre."""
    train_listing: str = f"{_UCHIDALAB}/Task1/book30-listing-train.csv"
    """Address or file of the training listing (source bookcover30)."""
    test_listing: str = f"{_UCHIDALAB}/Task1/book30-listing-test.csv"
    """Address or file of the test listing (source bookcover30)."""
    pool_listing: _Text = f"{_UCHIDALAB}/Task2/book32-listing.csv"
    """Address or file of the listing that replacements come from (source bookcover30); none: nothing is replaced."""
    listing: _Text = None
    """Address or file of the only listing (source listing)."""
    folder: _Text = None
    """Folder with one subfolder of pictures per genre (source folder)."""
    groups: _Text = None
    """File of two columns, FILENAME and group (no header): books of one group never stand on two sides of a split.
    Without it, books with one main title are a group. Twins (curation.twins) always are."""
    malformed: Literal["refuse", "skip"] = "refuse"
    """What to do when a record of a listing is malformed: stop, or go on without it and say so in the report."""
    chunk_records: Annotated[int, Field(ge=1, le=1_000_000)] = 20_000
    """Records in a chunk of the download. The dissertation split its 207,572 into chunks of 20,000."""
    chunks: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """Numbers of the chunks to download, from 1; none named: all (11 for Book32)."""

    @model_validator(mode="after")
    def _source_is_named(self) -> Self:
        if self.source is BookSource.LISTING and not self.listing:
            raise ValueError('with source = "listing", `listing` must name the file or address of the listing')
        if self.source is BookSource.FOLDER and not self.folder:
            raise ValueError('with source = "folder", `folder` must name the folder of pictures')
        return self


class CoverSource(StrEnum):
    """Where the pictures come from."""

    HTTP = "http"
    """The addresses in the listing."""
    FOLDER = "folder"
    """A local folder: FILENAME directly in it, or anywhere below it."""
    ARCHIVE = "archive"
    """A zip file, searched the same way."""


class CoverSettings(_Group):
    """How covers are fetched, and what counts as one."""

    source: CoverSource = CoverSource.HTTP
    """http: the addresses in the listing. folder or archive: a local folder or zip file that holds the FILENAMEs.
    Not used with books.source = folder, whose pictures are at hand."""
    location: _Text = None
    """The folder or zip file (source folder or archive)."""
    hosts: dict[str, tuple[str, ...]] = {
        "ecx.images-amazon.com": (
            "https://images-na.ssl-images-amazon.com",
            "https://m.media-amazon.com",
            "http://ecx.images-amazon.com",
        )
    }
    """Where to look for a host of the listing: addresses (scheme, host, port), tried in order. A host that is not named
    is asked itself."""
    allowed_private_hosts: tuple[str, ...] = ()
    """Hosts that may be asked although their address is private or loopback; all others of that kind are refused."""
    concurrency: Annotated[int, Field(ge=1, le=256)] = 8
    """Requests in flight to one host."""
    requests_per_second: Annotated[float, Field(gt=0, le=100_000)] = 20.0
    """Requests a second to one host, at most."""
    connect_timeout: Annotated[float, Field(gt=0, le=600)] = 10.0
    """Seconds to wait for a connection."""
    read_timeout: Annotated[float, Field(gt=0, le=600)] = 30.0
    """Seconds to wait for the next bytes."""
    total_timeout: Annotated[float, Field(gt=0, le=3600)] = 60.0
    """Seconds that one cover may take in all."""
    attempts: Annotated[int, Field(ge=1, le=20)] = 4
    """Times that one address is asked while it fails in a way that may pass."""
    backoff: Annotated[float, Field(ge=0, le=600)] = 1.0
    """Seconds before the second attempt; doubled, with jitter, before each further one."""
    contact: _Text = None
    """An address or e-mail that the User-Agent names, so that a host's owner can write to you."""
    max_bytes: Annotated[int, Field(ge=1_000)] = 10 * 1024 * 1024
    """Bytes of one picture, at most."""
    max_pixels: Annotated[int, Field(ge=1_000)] = 50_000_000
    """Pixels of one picture, at most: guards against decompression bombs."""
    min_side: Annotated[int, Field(ge=1, le=10_000)] = 64
    """Smaller side of a cover in pixels, at least; what is smaller is a placeholder."""
    max_failed_share: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Share of a chunk that may fail for now (time-outs, refusals) before the chunk as a whole counts as failed."""
    retry_missing: bool = False
    """Ask again for covers that their host said it does not have (404)."""

    @model_validator(mode="after")
    def _location_is_named(self) -> Self:
        if self.source is not CoverSource.HTTP and not self.location:
            raise ValueError(f'with source = "{self.source}", `location` must name the {self.source}')
        return self


Undecided = Literal["ask", "keep", "reject", "fail"]


class CurationSettings(_Group):
    """Box sets, unusable covers and their replacements: section 3.1."""

    title_terms: tuple[str, ...] = ("boxed set", "boxset", "box set", "anthology", "bundle", "#-book", "# book")
    """Terms that make a title a candidate for a box set, without regard to case; # stands for a number."""
    undecided: Undecided = "ask"
    """What to do with candidates that nobody has decided on. ask: wait until people have, on the review page or in the
    dashboard; keep or reject them and go on, for studies that nobody attends to; fail: stop."""
    pool_exhausted: Literal["shrink", "short", "fail"] = "short"
    """When a genre's pool has no replacement left: shrink all genres alike, leave the genre short, or fail."""
    twins: Literal["near", "exact"] = "near"
    """Which books are twins, and never stand on two sides of a split. near: those whose covers look the same; exact:
    those whose covers are the same file."""
    twin_distance: Annotated[int, Field(ge=0, le=16)] = 6
    """Bits of 64 in which the perceptual hashes of near twins differ, at most. On real covers 28 of 35 pairs within 6
    bits are one picture, and 18 of 22 within 4; the others are volumes of one series."""


class SplitSettings(_Group):
    """Training, validation and test books: section 3.1."""

    validation_share: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Share of each genre's training books that is held out for validation."""
    test_share: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Share of each genre's books drawn for the test, where the source brings no test listing."""


class Preparation(StrEnum):
    """The ways to make a cover square: section 3.2."""

    NOPREP = "noprep"
    """Scaled straight to the square."""
    PADDED = "padded"
    """White borders left and right, or above and below, then scaled."""
    CROPPED = "cropped"
    """The centre square, then scaled."""


class Interpolation(StrEnum):
    """How pixels are computed when a picture is scaled."""

    NEAREST = "nearest"
    BOX = "box"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    LANCZOS = "lanczos"


class PreparationSettings(_Group):
    """How covers become squares: section 3.2."""

    methods: Annotated[tuple[Preparation, ...], Field(min_length=1)] = tuple(Preparation)
    """Ways to make a cover square."""
    size: Annotated[int, Field(ge=32, le=1024)] = 299
    """Side of the square in pixels: the largest input of the dissertation's networks."""
    interpolation: Interpolation = Interpolation.BICUBIC
    """How pixels are computed when a cover is scaled."""
    image_format: Literal["jpeg", "png"] = "jpeg"
    """Format of the prepared pictures. PNG loses nothing and is about five times as large and slow."""
    jpeg_quality: Annotated[int, Field(ge=50, le=100)] = 95
    """Quality of prepared JPEGs, which keep full colour resolution (4:4:4)."""
    shard_records: Annotated[int, Field(ge=16, le=100_000)] = 2_000
    """Covers prepared, and their features computed, as one resumable piece."""


class SpreadingSettings(_Group):
    """Preparation and features on many processes or machines at once. No outcome hangs on it."""

    how: Literal["", "dask", "ray"] = ""
    """dask or ray: covers are prepared, and features computed, by the workers of such a cluster, a shard
    (preparation.shard_records) each at a time; it wants bookcover[dask] or bookcover[ray]. Empty: by this run alone, a
    shard after the other."""
    workers: Annotated[int, Field(ge=1, le=1_024)] = 2
    """Workers of a cluster on this machine, which is started for the run and ends with it. They share its cores. Each
    holds a network of its own in memory."""
    address: _Text = None
    """Address of a cluster that is there already, such as "tcp://10.0.0.5:8786" (dask) or "10.0.0.5:6379" (ray); none:
    one is started on this machine. Its machines see the folder of studies at the same path, and run the same version
    of this project."""


class ModelSettings(_Group):
    """The networks and their weights."""

    weights: Literal["imagenet", "random"] = "imagenet"
    """imagenet: Keras' published weights, digest checked. random: untrained networks, for rehearsals, and every result
    says so."""
    weight_files: dict[str, str] = {}
    """Weights from files of your own, by backbone; they win over `weights`."""


class ComparisonSettings(_Group):
    """The short training that chooses a preparation: section 3.2."""

    backbone: str = "MobileNetV2"
    """Network that compares the preparations."""
    per_backbone: bool = False
    """Compare them for every network on its own features, and train each on its own best, as section 5.4 asks."""
    epochs: Annotated[int, Field(ge=1, le=100_000)] = 30
    """Epochs at most."""
    patience: Annotated[int, Field(ge=1, le=100_000)] = 15
    """Epochs without a better validation accuracy after which training stops."""


ExtraInput = Literal["aspect_ratio", "width", "height", "mean_colour"]


class HeadSettings(_Group):
    """What stands on the pooled features: sections 4.1 and 5.4."""

    hidden_units: tuple[Annotated[int, Field(ge=1, le=16_384)], ...] = ()
    """Units of each hidden layer (ReLU) between pooled features and genres; none: the dissertation's single layer."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of its inputs that each layer of the head loses at random while it is trained."""
    extra_inputs: tuple[ExtraInput, ...] = ()
    """What the head is told of the original cover beside its features: any of aspect_ratio, width, height,
    mean_colour."""


Monitor = Literal["accuracy", "loss"]


class TrainingSettings(_Group):
    """Transfer learning: sections 4.1 and 4.2."""

    backbones: Annotated[tuple[str, ...], Field(min_length=1)] = ("MobileNetV2", "InceptionResNetV2", "ResNeXt50")
    """Networks to train a head on: those of the dissertation, any other image model of keras.applications (DenseNet121,
    EfficientNetV2B0, VGG16 ...), or LeNet and AlexNet, which are trained from nothing."""
    preparation: Literal["best", "noprep", "padded", "cropped"] = "best"
    """Preparation to train on; best: the one with the best validation accuracy in the comparison."""
    optimizer: Literal["adam", "wame"] = "adam"
    """Optimiser of the head. adam: as in section 4.1. wame: a learning rate of its own for each weight (Mosca and
    Magoulas 2017), which the section names as the more advanced choice; it wants a learning_rate of about 0.01."""
    learning_rate: Annotated[float, Field(gt=0, le=10)] = 0.001
    """Learning rate; the other parameters of Adam are TensorFlow's defaults, as in section 4.1."""
    weight_decay: Annotated[float, Field(ge=0, le=10)] = 0.0
    """Share of the kernels' weights, times the learning rate, that each step takes off (decoupled, as in AdamW)."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of each label that is spread evenly over all genres."""
    batch_size: Annotated[int, Field(ge=1, le=65_536)] = 32
    """Covers in a step of training: Keras' default."""
    epochs: Annotated[int, Field(ge=1, le=1_000_000)] = 200
    """Epochs at most."""
    patience: Annotated[int, Field(ge=1, le=1_000_000)] = 20
    """Epochs without a better one, as `monitor` has it, after which training stops."""
    monitor: Monitor = "accuracy"
    """What tells on the validation books which epoch, and which head of a search, is the best. accuracy: as in section
    4.2. loss: it sees small gains, where the books are too few for accuracy to."""
    time_limit: Annotated[float, Field(ge=0)] = 0.0
    """Minutes that one training may take before its process is ended; 0: no limit. What it did by then is kept."""


class SearchSettings(_Group):
    """A search for better hyperparameters of the heads: section 5.4. The validation books choose (training.monitor).

    The ranges lie around what helps on 3,876 real covers of 30 genres (MobileNetV2's features, batches of 32, 5 folds
    three times). One layer as it stands is right on 23.1 %; with a weight decay of 1 or 3 on 23.7 or 24.1 %; with a
    dropout of 0.5 or 0.7 on 23.5 or 23.8 %; with 256 hidden units on 22.2 %, and on 24.4 % with a dropout of 0.5.
    """

    trials: Annotated[int, Field(ge=0, le=10_000)] = 0
    """Heads tried for each frozen network, drawn by chance from the ranges below; the first is the settings' own.
    0: no search."""
    learning_rate: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(le=10)]] = (0.0001, 0.003)
    """Least and greatest learning rate, drawn evenly on a logarithmic scale."""
    batch_size: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (32, 64, 128, 256)
    """Batch sizes to choose from."""
    hidden_units: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] = (0, 256, 512, 1024)
    """Units of one hidden layer to choose from; 0: no hidden layer."""
    dropout: Annotated[tuple[Annotated[float, Field(ge=0, lt=1)], ...], Field(min_length=1)] = (0.0, 0.2, 0.5, 0.7)
    """Dropouts to choose from."""
    weight_decay: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(le=10)]] = (0.01, 3.0)
    """Least and greatest weight decay, drawn evenly on a logarithmic scale."""
    label_smoothing: Annotated[tuple[Annotated[float, Field(ge=0, lt=1)], ...], Field(min_length=1)] = (0.0, 0.1)
    """Label smoothings to choose from."""

    @model_validator(mode="after")
    def _ranges_are_ranges(self) -> Self:
        for name in ("learning_rate", "weight_decay"):
            least, greatest = getattr(self, name)
            if least > greatest:
                raise ValueError(f"{name} names its least value, {least}, before a smaller one, {greatest}")
        return self


class FineTuningSettings(_Group):
    """Training the top of a network itself, from its trained head on: section 5.4."""

    blocks: Annotated[int, Field(ge=0, le=1_000)] = 0
    """Blocks of each network, from its top, that are trained as well; 0: none, nothing is fine-tuned."""
    learning_rate: Annotated[float, Field(gt=0, le=10)] = 0.0001
    """Learning rate of Adam: low, for the weights are good already."""
    batch_size: Annotated[int, Field(ge=1, le=4_096)] = 32
    """Covers in a step."""
    epochs: Annotated[int, Field(ge=1, le=100_000)] = 20
    """Epochs at most."""
    patience: Annotated[int, Field(ge=1, le=100_000)] = 5
    """Epochs without a better one, as `monitor` has it, after which it stops."""
    monitor: Monitor = "loss"
    """What tells on the validation books which epoch is the best. The head was kept for its accuracy: where the books
    are few, much of that is luck, which no epoch of fine-tuning has again. The loss sees what they gain."""
    augment: bool = True
    """Show each cover a little moved, scaled, lighter or darker each time; never mirrored or turned far, for a cover
    carries text."""


class ScratchSettings(_Group):
    """LeNet and AlexNet, trained from nothing, after Iwana et al. 2016."""

    learning_rate: Annotated[float, Field(gt=0, le=10)] = 0.01
    """Learning rate of stochastic gradient descent with a momentum of 0.9."""
    batch_size: Annotated[int, Field(ge=1, le=4_096)] = 64
    """Covers in a step."""
    lenet_steps: Annotated[int, Field(ge=1)] = 30_000
    """Steps that LeNet is trained for, at most."""
    alexnet_steps: Annotated[int, Field(ge=1)] = 450_000
    """Steps that AlexNet is trained for, at most."""
    patience: Annotated[int, Field(ge=1, le=100_000)] = 20
    """Epochs without a better validation accuracy after which training stops."""


class EnsembleSettings(_Group):
    """Networks that judge together: section 5.4."""

    methods: tuple[Literal["mean", "weighted"], ...] = ()
    """mean: the mean of all members' probabilities. weighted: a weighted mean, its weights fitted on the validation
    books. None: no ensemble."""
    members: tuple[str, ...] = ()
    """Names of the members, such as "MobileNetV2" or "MobileNetV2-finetuned"; none named: all networks of the study."""


class EvaluationSettings(_Group):
    """What is said of the trained networks: sections 5.1 and 5.2."""

    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """Confidence of every interval."""
    resamples: Annotated[int, Field(ge=100, le=1_000_000)] = 2_000
    """Bootstrap resamples behind the intervals of totals."""
    overlap_threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Class overlap (equation 5.2) above which two genres are named: Figure 5.5 shows those above 0.5."""


class VisualisationSettings(_Group):
    """Looking into a network: section 5.3."""

    model: str = ""
    """Name of the system that is looked into, such as "MobileNetV2"; empty: the best by validation accuracy."""
    genres: Annotated[int, Field(ge=0, le=100)] = 3
    """Genres that ideal pictures are made for (activation maximisation): those with the best recall; 0: none."""
    steps: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    """Steps of activation maximisation. Raised later, it goes on from where it ended."""
    total_variation: Annotated[float, Field(ge=0)] = 2.0
    """Weight of the total variation of such a picture, which keeps it from being noise."""
    l2: Annotated[float, Field(ge=0)] = 0.05
    """Weight of its distance from grey (L2), which keeps its colours from running to their ends."""
    grad_cam: Annotated[int, Field(ge=0, le=100)] = 6
    """Most confident right covers, and as many wrong ones, that are shown with what the network saw in them
    (Grad-CAM); 0: none."""


class StudySettings(_Group):
    """A whole study: every knob, with the dissertation's value as its default."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")] = "bookcover30"
    """Name of the study, and of its folder: letters, digits, dots, dashes and underscores."""
    workspace: str = "data/studies"
    """Folder that holds the studies, each in a folder of its own. A relative one begins in the folder that
    BOOKCOVER_HOME names or, without it, where the command or the worker was started."""
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 2020
    """Seed of everything that is drawn by chance."""
    books: BookSettings = BookSettings()
    covers: CoverSettings = CoverSettings()
    curation: CurationSettings = CurationSettings()
    splits: SplitSettings = SplitSettings()
    preparation: PreparationSettings = PreparationSettings()
    spreading: SpreadingSettings = SpreadingSettings()
    models: ModelSettings = ModelSettings()
    comparison: ComparisonSettings = ComparisonSettings()
    head: HeadSettings = HeadSettings()
    training: TrainingSettings = TrainingSettings()
    search: SearchSettings = SearchSettings()
    fine_tuning: FineTuningSettings = FineTuningSettings()
    scratch: ScratchSettings = ScratchSettings()
    ensemble: EnsembleSettings = EnsembleSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    visualisation: VisualisationSettings = VisualisationSettings()

    @model_validator(mode="after")
    def _preparation_is_made(self) -> Self:
        wanted = self.training.preparation
        if wanted != "best" and wanted not in self.preparation.methods:
            raise ValueError(f"training.preparation is {wanted!r}, which preparation.methods does not make")
        return self

    @property
    def root(self) -> Path:
        """The study's folder."""
        return Path(self.workspace).expanduser().resolve() / self.name

    def part(self, path: str) -> Any:
        """The JSON value of the setting or group of settings at a dotted path, such as "covers.min_side"."""
        value: Any = self.model_dump(mode="json")
        for step in path.split("."):
            value = value[step]
        return value
