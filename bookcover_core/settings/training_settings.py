"""Networks, heads and their training (chapter 4, section 5.4), systems that read, and evaluation (chapter 5)."""

from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, model_validator

from bookcover_core.settings.settings_section import PathText, SettingsSection

_SMALLEST_INPUT = 75  # InceptionV3 and InceptionResNetV2 take nothing smaller


def _check_input_size(size: int) -> int:
    if 0 < size < _SMALLEST_INPUT:
        raise ValueError(f"a backbone sees {_SMALLEST_INPUT} pixels at least; 0 gives each its published size")
    return size


EngineName = Literal["tensorflow", "openvino"]
Precision = Literal["float32", "bfloat16", "int8"]


class EncoderSettings(SettingsSection):
    """A network of your own in a file, from pictures to features, which any network's place may be given to."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.]{0,49}$")]
    """Name in `training.backbones` and in tables: letters, digits, dots and underscores."""
    file: PathText
    """An ONNX or `.keras` file. ONNX wants the engine openvino."""
    size: Annotated[int, Field(ge=16, le=1024)]
    """Side of its pictures in pixels."""
    scaling: Literal["torch", "clip", "tf", "unit", "none"] = "torch"
    """Scale of pixels. torch, clip: 0..1, normalised as ImageNet or CLIP. tf: -1..1. unit: 0..1. none: 0..255."""
    output: str = ""
    """Output of an ONNX file, or layer of a `.keras` file, with the features: a vector, or a map. Empty: its first."""


class ModelSettings(SettingsSection):
    """The networks and their weights."""

    weights: Literal["imagenet", "random"] = "imagenet"
    """imagenet: Keras' published weights, digest checked. random: untrained networks; every result says so."""
    weight_files: dict[str, str] = Field(default={})
    """Weights from files of your own, by backbone; they win over `weights`."""
    engine: Literal["auto", EngineName] = "auto"
    """What computes frozen networks. openvino: made for processors, and faster on them; the extra of that name. auto:
    OpenVINO where it is installed and there is no GPU, TensorFlow otherwise."""
    precision: Precision = "float32"
    """What OpenVINO computes in. float32: the same features on every processor. bfloat16: faster, where the processor
    has it; MobileNetV2's features then differ by 16 % in the mean. int8: faster still, on any processor with VNNI; each
    network is calibrated on 300 training covers, which wants bookcover[int8]."""
    encoders: tuple[EncoderSettings, ...] = ()
    """Networks of your own, a table each: name, file, size, scaling, output. `training.backbones` may name them."""
    input_size: Annotated[int, Field(ge=0, le=1024), AfterValidator(_check_input_size)] = 0
    """Side in pixels of the pictures that every backbone sees, 75 or more; 0: the size that each was made for (224, or
    299 for InceptionResNetV2). A quarter of the pixels takes a quarter of the time."""


class ComparisonSettings(SettingsSection):
    """The short training that chooses a preparation: section 3.2."""

    backbone: str = "MobileNetV2"
    """Network that compares the preparations."""
    per_backbone: bool = False
    """Compare them for every network on its own features, and train each on its own best, as section 5.4 asks."""
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the training books that a comparison learns from. Below 1, features on the preparations that are not
    chosen are computed of those books, and of the validation and test books, alone."""
    epochs: Annotated[int, Field(ge=1, le=100_000)] = 30
    """Epochs at most."""
    patience: Annotated[int, Field(ge=1, le=100_000)] = 15
    """Epochs without a better validation accuracy after which training stops."""


ExtraInput = Literal["aspect_ratio", "width", "height", "mean_colour"]


class HeadSettings(SettingsSection):
    """The classification head on the pooled features: sections 4.1 and 5.4."""

    hidden_units: tuple[Annotated[int, Field(ge=1, le=16_384)], ...] = ()
    """Units of each hidden layer (ReLU) between pooled features and genres; none: the dissertation's single layer."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Dropout rate of the inputs of each layer of the head, in training."""
    extra_inputs: tuple[ExtraInput, ...] = ()
    """Measurements of the original cover joined to the features: any of aspect_ratio, width, height, mean_colour."""


Monitor = Literal["accuracy", "loss"]


class TrainingSettings(SettingsSection):
    """Transfer learning: sections 4.1 and 4.2."""

    backbones: Annotated[tuple[str, ...], Field(min_length=1)] = ("MobileNetV2", "InceptionResNetV2", "ResNeXt50")
    """Networks to train a head on: those of the dissertation, any other image model of keras.applications (DenseNet121,
    EfficientNetV2B0, VGG16 ...), or LeNet and AlexNet, which are trained from scratch."""
    preparation: Literal["best", "noprep", "padded", "cropped"] = "best"
    """Preparation to train on; best: the one with the best validation accuracy in the comparison."""
    optimizer: Literal["adam", "wame"] = "adam"
    """Optimiser of the head. adam: as in section 4.1. wame: a learning rate of its own for each weight (Mosca and
    Magoulas 2017), which the section names as the more advanced choice; it wants a learning_rate of about 0.0003."""
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
    """Validation metric that selects the epoch, and the head of a search. accuracy: as in section 4.2. loss: it shows
    small gains for which the books are too few to change the accuracy."""
    time_limit: Annotated[float, Field(ge=0)] = 0.0
    """Minutes that one training may take before its process is ended; 0: no limit. Its progress is kept."""


class SearchSettings(SettingsSection):
    """A search for better hyperparameters of the heads: section 5.4. The validation books choose (training.monitor)."""

    trials: Annotated[int, Field(ge=0, le=10_000)] = 0
    """Heads tried for each frozen network, drawn by chance, the first being the settings' own; 0: no search."""
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


class RepeatSettings(SettingsSection):
    """Trainings of the frozen networks done again: what luck and the number of books have to do with accuracy."""

    seeds: Annotated[int, Field(ge=1, le=100)] = 1
    """Trainings with a seed of their own on the study's split; 1: the study's own alone."""
    folds: Annotated[int, Field(ge=0, le=50)] = 0
    """Cross-validation (section 4.1): parts of all books, with whole groups, each the test set once; 0: none."""
    shares: tuple[Annotated[float, Field(ge=0.001, lt=1)], ...] = ()
    """Learning curve: shares of the training books that are learnt from alone, such as 0.125, 0.25, 0.5."""

    @model_validator(mode="after")
    def _parts_are_parts(self) -> Self:
        if self.folds == 1:
            raise ValueError("folds is 1, which leaves nothing to learn from; 0 means none")
        if len({f"{share:g}" for share in self.shares}) < len(self.shares):  # what trainings are called by
            raise ValueError("shares names a share twice")
        return self


class FineTuningSettings(SettingsSection):
    """Training the top of a network itself, from its trained head on: section 5.4."""

    blocks: Annotated[int, Field(ge=0, le=1_000)] = 0
    """Blocks of each network, from its top, that are trained as well; 0: none, nothing is fine-tuned."""
    learning_rate: Annotated[float, Field(gt=0, le=10)] = 0.0001
    """Learning rate of Adam: low, because the weights are pretrained."""
    batch_size: Annotated[int, Field(ge=1, le=4_096)] = 32
    """Covers in a step."""
    epochs: Annotated[int, Field(ge=1, le=100_000)] = 20
    """Epochs at most."""
    patience: Annotated[int, Field(ge=1, le=100_000)] = 5
    """Epochs without a better one, as `monitor` has it, after which it stops."""
    monitor: Monitor = "loss"
    """Validation metric that selects the epoch. With few validation books much of a head's accuracy is luck, which no
    epoch of fine-tuning repeats; the loss shows smaller gains."""
    augment: bool = True
    """Shift, scale and brighten each cover slightly at random; never mirror or rotate it far, for it carries text."""


class ScratchSettings(SettingsSection):
    """LeNet and AlexNet, trained from scratch (Iwana et al. 2016 fine-tuned their AlexNet from ImageNet's weights)."""

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


class EnsembleSettings(SettingsSection):
    """Ensembles of networks: section 5.4."""

    methods: tuple[Literal["mean", "weighted", "product"], ...] = ()
    """mean: the mean of all members' probabilities. weighted: a weighted mean, its weights fitted on validation books.
    product: their product, raised to such weights, for members that see different things. None: no ensemble."""
    members: tuple[str, ...] = ()
    """Names of the members, such as "MobileNetV2" or "MobileNetV2-finetuned"; none named: all networks of the study."""
    fusions: tuple[Literal["CoverAlone", "CoverAndTitle"], ...] = ()
    """All networks joined with those that read (text.systems), by a product whose weights are fitted on the validation
    books. CoverAlone: with CoverText. CoverAndTitle: with Title or TitleAuthor as well. None: no such system."""


BaselineName = Literal["commonest", "frequencies", "mean-colour", "colour", "shape", "colour-and-shape"]


class BaselineSettings(SettingsSection):
    """Rules that never look at a picture, and stand beside the networks in every table: section 5.2."""

    names: tuple[BaselineName, ...] = get_args(BaselineName)
    """commonest: the commonest genre, always. frequencies: a genre drawn by the genres' frequencies. mean-colour: the
    genre whose mean colour is nearest. colour: a logistic regression on mean colour. shape: the same on width, height
    and aspect ratio. colour-and-shape: on all six. None: no baselines."""


class EvaluationSettings(SettingsSection):
    """Evaluation of the trained networks: sections 5.1 and 5.2."""

    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """Confidence of every interval."""
    resamples: Annotated[int, Field(ge=100, le=1_000_000)] = 2_000
    """Random orders of the colours of test books that colour distance against recall (Figure 5.4) is set beside."""
    overlap_threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Class overlap (equation 5.2) above which two genres are named: Figure 5.5 shows those above 0.5."""


class VisualisationSettings(SettingsSection):
    """Visualisation of a network: section 5.3."""

    model: str = ""
    """Name of the system that is visualised, such as "MobileNetV2"; empty: the best by validation accuracy."""
    genres: Annotated[int, Field(ge=0, le=100)] = 3
    """Genres that ideal pictures are made for (activation maximisation): those with the best recall; 0: none."""
    steps: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    """Steps of activation maximisation, at most. Raised later, it goes on from where it ended."""
    plateau: Annotated[int, Field(ge=0)] = 100
    """It ends where so many steps bring less than 2 % of the rise since the first; 0: after all steps."""
    total_variation: Annotated[float, Field(ge=0)] = 0.3
    """Weight of the total variation of such a picture, which keeps it from being noise."""
    l2: Annotated[float, Field(ge=0)] = 0.05
    """Weight of its distance from grey (L2), which keeps its colours from running to their ends."""
    grad_cam: Annotated[int, Field(ge=0, le=100)] = 6
    """Most confident right covers, and as many wrong ones, that are shown with a Grad-CAM overlay; 0: none."""


class TextSettings(SettingsSection):
    """How much of a genre is in the words. `ensemble.fusions` and `ensemble.members` join readers with networks."""

    systems: tuple[Literal["Title", "TitleAuthor", "CoverText"], ...] = ()
    """Title: reads the title as the listing prints it. TitleAuthor: the title and the author. CoverText: the words on
    the cover (`reading`). None: nothing is read."""
    listings: tuple[PathText, ...] = ()
    """More listings, files or addresses, to learn from: only titles, authors and genres are taken, and no cover is
    wanted. Validation and test books, their other editions and their twins are left out."""
    strengths: Annotated[tuple[Annotated[float, Field(gt=0, le=1e6)], ...], Field(min_length=1)] = (4.0, 16.0, 64.0)
    """Inverse strengths of the L2 penalty (C) that are tried; validation loss chooses."""
    encoder: PathText = ""
    """A sentence encoder, whose vectors of titles, or of the words read, are learnt from beside their n-grams: a folder
    with model.onnx and tokenizer.json, as hubs keep them; it wants bookcover[sentences]. Empty: n-grams alone."""


class ReadingSettings(SettingsSection):
    """Words read off covers (PP-OCRv6 small), where something asks for them; it wants bookcover[text]."""

    side: Annotated[int, Field(ge=160, le=2048)] = 640
    """Longer side in pixels that a cover is scaled to. Half takes 0.6 of the time, and finds fewer small words."""
    enlarge: bool = True
    """Enlarge smaller covers to `side` as well: what is small on a small scan is found then."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """What the reader computes in. bfloat16: faster on processors that have it, with a few words read otherwise."""
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Words that the reader is less sure of are kept, and not used."""


class TrackingSettings(SettingsSection):
    """Systems recorded in other tools too, when they have been evaluated. No result depends on it."""

    mlflow: PathText = ""
    """Where MLflow records: the address of its server, "sqlite:///mlflow.db", or a folder; it wants bookcover[mlflow].
    The experiment is called like the study. Empty: nowhere."""
    tensorboard: bool = False
    """Write what TensorBoard shows to the study's folder tensorboard/; it wants bookcover[tensorboard]."""
