"""The stages of a study, and the settings and code that each one's outcome hangs on.

A setting that is named at no stage changes no outcome (how many requests are in flight, say): changing it recomputes
nothing. A setting that is named at a stage reruns it and, where its outcome is then another, the stages behind it.
"""

import ast
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True)
class Stage:
    """One stage of a study."""

    name: str
    """Name of the stage, of its manifests and of its flow."""
    title: str
    """What the stage does, for people."""
    settings: tuple[str, ...]
    """Dotted paths of the settings that its outcome hangs on."""
    code: tuple[str, ...]
    """Modules and packages whose code its outcome hangs on."""


# What fits a network to pictures.
_PIXELS = (
    "bookcover_core.training.accelerator",
    "bookcover_core.training.augmentation",
    "bookcover_core.training.batch_predictor",
    "bookcover_core.training.image_run",
    "bookcover_core.training.image_trainer",
    "bookcover_core.training.image_dataset",
)

# What the heads on pooled features hang on, wherever they are trained.
_HEADS = (
    "seed",
    "head",
    "training.optimizer",
    "training.learning_rate",
    "training.batch_size",
    "training.weight_decay",
    "training.label_smoothing",
)
_FITTING = (
    "bookcover_core.models.extra_inputs",
    "bookcover_core.models.networks",
    "bookcover_core.training.features",
    "bookcover_core.training.head_trainer",
    "bookcover_core.training.hyperparameters",
    "bookcover_core.training.measurement_inputs",
    "bookcover_core.training.feature_table",
    "bookcover_core.training.head_run",
    "bookcover_core.training.feature_store",
    "bookcover_core.training.wame",
    "bookcover_core.training.feature_batches",
)

STAGES = (
    Stage(
        "listings",
        "Read the listings",
        # Not books.chunks: which chunks are downloaded does not change what the listings say.
        (
            "books.source",
            "books.train_listing",
            "books.test_listing",
            "books.pool_listing",
            "books.listing",
            "books.folder",
            "books.groups",
            "books.malformed",
            "books.chunk_records",
        ),
        ("bookcover_core.listings",),
    ),
    Stage(
        "download",
        "Fetch the covers",
        ("covers.source", "covers.location", "covers.min_side", "covers.max_bytes", "covers.max_pixels"),
        ("bookcover_core.covers",),
    ),
    Stage(
        "candidates",
        "Find box sets by title",
        ("curation.title_terms",),
        ("bookcover_core.curation.eligible_books", "bookcover_core.curation.box_set_candidates"),
    ),
    Stage(
        "hashes",
        "Hash the covers",
        (),
        ("bookcover_core.covers.image_io", "bookcover_core.curation.fingerprints"),
    ),
    Stage(
        "twins",
        "Find covers that look the same",
        ("curation.twins", "curation.twin_distance"),
        (
            "bookcover_core.curation.eligible_books",
            "bookcover_core.curation.connected_components",
            "bookcover_core.curation.hamming_search",
            "bookcover_core.curation.near_duplicates",
        ),
    ),
    Stage(
        "curate",
        "Replace unusable books",
        ("seed", "curation.undecided", "curation.pool_exhausted"),
        (
            "bookcover_core.curation.eligible_books",
            "bookcover_core.curation.selection",
            "bookcover_core.curation.curate",
            "bookcover_core.curation.decisions",
            "bookcover_core.curation.exclusions",
            "bookcover_core.curation.leakage_groups",
            "bookcover_core.curation.file_lock",
            "bookcover_core.curation.seeded_draw",
            "bookcover_core.curation.replacement",
            "bookcover_core.curation.review_queue",
            "bookcover_core.curation.near_duplicates",
        ),
    ),
    Stage(
        "split",
        "Split into training, validation and test",
        ("seed", "splits"),
        (
            "bookcover_core.curation.grouped_split",
            "bookcover_core.curation.seeded_draw",
            "bookcover_core.curation.splits",
        ),
    ),
    Stage(
        "prepare",
        "Measure and prepare the covers",
        ("preparation",),
        ("bookcover_core.covers.image_io", "bookcover_core.preparation"),
    ),
    Stage(
        "features",
        "Compute pooled features",
        (),  # the digest of the weights, which the stage is given, stands for the settings that choose them
        (
            "bookcover_core.models.keras_applications",
            "bookcover_core.models.backbones",
            "bookcover_core.models.input_pipeline",
            "bookcover_core.models.feature_extractor",
            "bookcover_core.models.random_weights",
            "bookcover_core.models.resnext",
            "bookcover_core.models.weights",
            "bookcover_core.training.accelerator",
            "bookcover_core.training.feature_extraction",
            "bookcover_core.training.features",
            "bookcover_core.training.feature_store",
        ),
    ),
    Stage(
        "compare",
        "Compare the preparations",
        (*_HEADS, "comparison.epochs", "comparison.patience"),
        (*_FITTING, "bookcover_core.training.preparation_comparison"),
    ),
    Stage(
        "search",
        "Search for better hyperparameters",
        (*_HEADS, "training.epochs", "training.patience", "training.monitor", "search"),
        (*_FITTING, "bookcover_core.training.hyperparameter_search"),
    ),
    Stage(
        "train",
        "Train the networks",
        (*_HEADS, "training.epochs", "training.patience", "training.monitor"),
        (
            *_FITTING,
            "bookcover_core.models.keras_applications",
            "bookcover_core.models.architecture",
            "bookcover_core.models.keras_graph",
            "bookcover_core.models.backbones",
            "bookcover_core.models.model_cards",
            "bookcover_core.models.feature_extractor",
            "bookcover_core.models.random_weights",
            "bookcover_core.models.resnext",
            "bookcover_core.models.weights",
            "bookcover_core.training.train_head",
        ),
    ),
    Stage(
        "finetune",
        "Fine-tune the networks",
        ("seed", "fine_tuning"),
        ("bookcover_core.models", *_PIXELS, "bookcover_core.training.fine_tune"),
    ),
    Stage(
        "scratch",
        "Train LeNet and AlexNet from nothing",
        # The steps of a network are given to its own part.
        ("seed", "scratch.learning_rate", "scratch.batch_size", "scratch.patience"),
        ("bookcover_core.models", *_PIXELS, "bookcover_core.training.from_scratch"),
    ),
    Stage(
        "ensemble",
        "Let systems judge together",
        (),  # how and who, which the stage is given, stand for the settings that choose them
        ("bookcover_core.training.ensemble", "bookcover_core.training.split_predictions"),
    ),
    Stage(
        "evaluate",
        "Evaluate on the test books",
        ("seed", "evaluation.confidence", "evaluation.resamples"),
        (
            "bookcover_core.evaluation.intervals",
            "bookcover_core.evaluation.metrics",
            "bookcover_core.evaluation.predictions",
            "bookcover_core.evaluation.scores",
            "bookcover_core.evaluation.evaluate",
            "bookcover_core.training.split_predictions",
        ),
    ),
    Stage(
        "analyse",
        "Analyse colour, shape, overlap and agreement",
        ("seed", "evaluation"),
        (
            "bookcover_core.evaluation",
            "bookcover_core.training.measurement_inputs",
            "bookcover_core.training.split_predictions",
        ),
    ),
    Stage(
        "visualise",
        "Look into a network",
        ("seed", "visualisation"),
        (
            "bookcover_core.models.networks",
            "bookcover_core.models.input_pipeline",
            "bookcover_core.visualisation.activation_ascent",
            "bookcover_core.visualisation.maximisation_state",
            "bookcover_core.visualisation.grad_cam_overlay",
            "bookcover_core.visualisation.grad_cam",
            "bookcover_core.visualisation.network_insight",
            "bookcover_core.models.keras_graph",
            "bookcover_core.visualisation.logits",
            "bookcover_core.visualisation.visualise",
            "bookcover_core.visualisation.contact_sheet",
        ),
    ),
    Stage(
        "report",
        "Write the report",
        (),
        ("bookcover_core.evaluation", "bookcover_core.visualisation", "bookcover_core.report"),
    ),
)

_BY_NAME = {stage.name: stage for stage in STAGES}


def find_stage(name: str) -> Stage:
    """The stage called `name`.

    Raises:
        KeyError: There is none.
    """
    return _BY_NAME[name]


@cache
def code_digest(modules: tuple[str, ...]) -> str:
    """SHA-256 over the code of `modules` and of all modules in those that are packages.

    Comments, docstrings and layout do not count: what they change is not what the code does.
    """
    digest = hashlib.sha256()
    for module in modules:
        for file in _source_files(module):
            digest.update(file.name.encode())
            digest.update(ast.unparse(_without_docstrings(ast.parse(file.read_bytes()))).encode())
    return digest.hexdigest()


def _source_files(module: str) -> list[Path]:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(module)
    origin = Path(spec.origin)
    return sorted(origin.parent.rglob("*.py")) if spec.submodule_search_locations else [origin]


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [
                statement
                for statement in node.body
                if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
            ] or [ast.Pass()]
    return tree
