"""A study in a script or a notebook, without a server: `docs/python.md` shows how it is used."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Self

import pandas as pd
from PIL import Image, ImageOps
from rich.progress import Progress

from bookcover_core.covers.ledger import CoverOutcome
from bookcover_core.errors import InputError, StageOrderError
from bookcover_core.evaluation.scores import read_scores, sound_models
from bookcover_core.families.systems import find_system, study_parts, validation_figures_of
from bookcover_core.inference.answers import CoverVerdict, Guess, Unreadable
from bookcover_core.inference.cover_sources import CoverInput, find_covers
from bookcover_core.listings.books import BookText, read_genres
from bookcover_core.models.model_cards import is_untrained
from bookcover_core.pipeline.stage_process import run_part, shared_process
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.preflight import check
from bookcover_core.settings import StudySettings
from bookcover_core.settings.short_form import settings_of_folder
from bookcover_core.settings.toml_file import load_settings, named_study
from bookcover_core.tracking import record
from bookcover_core.training.stored_probabilities import choose_by_validation


@dataclass(frozen=True)
class StudyResults:
    """How well the systems of a study do on its test books. A notebook shows it as a table."""

    table: pd.DataFrame  # by system, the best first: preparation, top1, low, high (its interval), top3, top5, as shares
    test_books: int
    confidence: float
    chance: float  # top-1 accuracy of always naming the commonest genre
    untrained: tuple[str, ...] = ()  # systems whose networks have random weights: their numbers mean nothing

    @property
    def caption(self) -> str:
        """What the numbers are of."""
        interval = f"{100 * self.confidence:g} % intervals"
        said = f"{self.test_books:,} test books, {interval}; the commonest genre alone: {100 * self.chance:.1f} %"
        doubt = f"; of random weights, so that their numbers mean nothing: {', '.join(self.untrained)}"
        return said + (doubt if self.untrained else "")

    def __repr__(self) -> str:
        return f"{self.table.to_string(float_format='{:.3f}'.format)}\n{self.caption}"

    def _repr_html_(self) -> str:
        return f"{self.table.to_html(float_format='{:.3f}'.format)}<p>{self.caption}</p>"


@dataclass(frozen=True)
class JudgedCover:
    """A verdict on a cover. A notebook shows it with the cover and with what spoke for its genre."""

    verdict: CoverVerdict  # all that is known: similar covers, warnings, sizes
    markdown: str  # the same for people, pictures among it

    @property
    def genres(self) -> list[Guess]:
        """The most probable genres, the first of them first."""
        return self.verdict.genres

    def __repr__(self) -> str:
        genres = ", ".join(f"{guess.genre} {100 * guess.probability:.1f} %" for guess in self.genres)
        return f"{self.verdict.source}: {genres}"

    def _repr_markdown_(self) -> str:
        return self.markdown


class CoverStudy:
    """A study, imported as `bookcover_core.Study`: made of its settings, a file or folder of them, or of pictures."""

    def __init__(self, settings: StudySettings) -> None:
        self.settings = settings
        self._study = Study(settings)
        self._judges: dict[tuple[str, bool], Any] = {}

    @classmethod
    def open(cls, study: str | Path, *changes: str) -> Self:
        """The study of a settings file, of a study's folder, or of that name below `data/studies`.

        Settings are changed as `bookcover run --set` does: "training.epochs=50". `SettingsError` where there is no such
        study, or a setting is unknown or impossible.
        """
        return cls(load_settings(named_study(Path(study)), changes))

    @classmethod
    def from_folder(
        cls, folder: str | Path, *changes: str, backbones: Sequence[str] = ("MobileNetV2",), name: str = ""
    ) -> Self:
        """A study of the pictures in `folder`, which has a subfolder for each genre. Possible box sets are kept.

        Settings are changed as `open` does; without a `name`, the study has the folder's. `FolderError` where there is
        no such folder, `SettingsError` where a setting is unknown or impossible.
        """
        return cls(settings_of_folder(str(folder), changes, networks=backbones, name=name))

    def __repr__(self) -> str:
        return f"Study({self.settings.name!r} in {self.folder})"

    @property
    def folder(self) -> Path:
        """Where the study lies."""
        return self.settings.root

    @property
    def report(self) -> Path:
        """The page that says all; it is there when the study has been run."""
        return self._study.workspace.report / "index.html"

    def run(self, *, progress: bool = True) -> StudyResults:
        """Take the study to its end, from its listings to its report. What is done is not done again.

        With `progress`, a terminal or a notebook shows how far it is.

        Raises:
            PreflightError: Several things are missing or wrong; it lists them all before anything is done.
            ReviewNeededError: People are to decide on possible box sets first.
            BookcoverError: Something is missing or wrong, or cannot be trained. Run it again when that is mended.
        """
        check(self.settings)
        with self._study.alone(), shared_process(), Progress(transient=True, disable=not progress) as bar:
            self._study.begin()
            task = bar.add_task("listings")
            study = Study(self.settings, lambda done, total: bar.update(task, completed=done, total=total))
            for part in study_parts(study):
                bar.reset(task, total=None, description=part.title)
                run_part(study, part)
                record(study, part)
        self.close()
        return self.results

    @property
    def results(self) -> StudyResults:
        """How well its systems do that are evaluated by today's settings; `StageOrderError` where none is."""
        workspace, models = self._study.workspace, sound_models(self._study).values()
        figures = {model: validation_figures_of(workspace.models / model) for model in models}
        best_first = choose_by_validation(figures).names if figures else ()
        scores = [read_scores(workspace.evaluation / model / "metrics.json") for model in best_first]
        if not scores:
            raise StageOrderError("no system has been evaluated", where=self.folder, advice="Run the study: `run()`.")
        rows = [
            [one.title, one.preparation, one.accuracy.value, *one.accuracy.ends, one.top(3).value, one.top(5).value]
            for one in scores
        ]
        columns = pd.Index(["system", "preparation", "top1", "low", "high", "top3", "top5"])
        table = pd.DataFrame(rows, columns=columns).set_index("system")
        untrained = tuple(one.title for one in scores if is_untrained(workspace.models / one.model))
        return StudyResults(table, scores[0].books, scores[0].confidence, scores[0].chance, untrained)

    @property
    def books(self) -> pd.DataFrame:
        """The books of the study: key, title, author, genre, split, path of the cover, and more.

        `StageOrderError` where they have not been divided.
        """
        self._study.manifest("split")
        return read_table(self._study.workspace.splits, label="int64")

    def predictions(self, system: str) -> pd.DataFrame:
        """Of each test book: key, genre, and its probability of every genre, 0 to 1, a column each.

        `SettingsError` where the study has no such system ("MobileNetV2", "Ensemble-mean"), `StageOrderError` where it
        has not been evaluated.
        """
        table = read_table(self._evaluation(system) / "predictions.csv", label="int64").drop(columns="group")
        genres = read_genres(self._study.workspace)
        names = [f"{each.name} ({each.label})" if each.name in {"key", "genre"} else each.name for each in genres]
        labels, table.columns = table.pop("label"), pd.Index(["key", *names])
        table.insert(1, "genre", [genres[label].name for label in labels])
        return table.astype(dict.fromkeys(names, "float64"))

    def confusion(self, system: str) -> pd.DataFrame:
        """Test books by true genre (rows) and predicted genre (columns); raises as `predictions` does."""
        scores = read_scores(self._evaluation(system) / "metrics.json")
        names = [genre.name for genre in scores.genres]
        return pd.DataFrame(
            scores.confusion, index=pd.Index(names, name="true"), columns=pd.Index(names, name="predicted")
        )

    def history(self, system: str) -> pd.DataFrame:
        """By epoch: loss, accuracy, val_loss, val_accuracy, seconds.

        `SettingsError` where the study has no such system, `StageOrderError` where it has not been trained in epochs.
        """
        study, found = self._study, find_system(self.settings, system)
        study.manifest(found.label(study))
        file = study.workspace.models / found.model(study) / "history.csv"
        if not file.is_file():
            raise StageOrderError(f"{found.title} is not trained in epochs", where=file, advice="Name a network.")
        return pd.read_csv(file, index_col="epoch")

    def judge(
        self,
        cover: str | Path | bytes | Image.Image,
        *,
        title: str = "",
        author: str = "",
        model: str = "",
        top: int = 5,
        near: int = 3,
    ) -> JudgedCover:
        """What genre a cover is of.

        Args:
            cover: A file, an http or https address, the content of a file, or a picture.
            title: Title of its book, for systems that read it.
            author: Its author, likewise.
            model: Which model judges, such as "MobileNetV2-padded"; default: the best by validation accuracy, with a
                title one that reads it.
            top: How many genres are named.
            near: How many of the study's most similar covers are named.

        Raises:
            InputError: It is no cover; the message says what it is.
            WeightsError: There is no trained model, none of that name, or its weights are altered.
        """
        from bookcover_core.inference.judge_covers import Judge, judge_and_show  # noqa: PLC0415 - imports TensorFlow

        if top < 1 or near < 0:
            advice = "Name at least one genre, and 0 covers or more."
            raise InputError(f"top is {top}, near is {near}", where="judge", advice=advice)
        given = _as_input(cover)
        by = (model, bool(title))
        if by not in self._judges:
            self._judges[by] = Judge.load(self._study, model, is_titled=by[1])
        if isinstance(given, CoverInput):
            given = given._replace(text=BookText(title, author))
        [verdict], markdown = judge_and_show(self._judges[by], [given], top=top, near=near)
        if isinstance(verdict, Unreadable):
            raise InputError(verdict.detail, where=verdict.source, advice="Give a picture: JPEG, PNG, WebP, TIFF …")
        return JudgedCover(verdict, markdown)

    def export(self, folder: str | Path, *, model: str = "", tables: bool = False) -> list[Path]:
        """The files that a trained model was written to: Keras, ONNX, labels, preparation, cards (`export`).

        Args:
            folder: Where they go.
            model: As for `judge`.
            tables: Whether the study's predictions and features are written too, as Parquet.

        Raises:
            SettingsError: The extra `export` is not installed, or the model is no network of pictures alone.
            WeightsError: There is no trained model, none of that name, or its weights are altered.
            WorkspaceError: The folder cannot be written, or lies in a study.
        """
        from bookcover_core.export import export_model, export_tables  # noqa: PLC0415 - imports TensorFlow

        written = export_model(self._study, Path(folder), model)
        return written + (export_tables(self._study, Path(folder)) if tables else [])

    def close(self) -> None:
        """Let go of the models that have judged: the next verdict loads them anew."""
        for judge in self._judges.values():
            judge.close()
        self._judges.clear()

    def _evaluation(self, system: str) -> Path:
        model = find_system(self.settings, system).model(self._study)
        self._study.manifest(f"evaluate/{model}")
        return self._study.workspace.evaluation / model


# By the mode of a picture, the format of files that holds it, and the mode in which it does so.
_KINDS = dict.fromkeys(("CMYK", "YCbCr", "LAB", "F", "I"), "TIFF")
_KINDS |= dict.fromkeys(("1", "L", "LA", "P", "RGB", "RGBA", "I;16"), "PNG")
_HELD_AS = {"RGBa": "RGBA", "La": "LA", "PA": "RGBA"}


def _as_input(cover: str | Path | bytes | Image.Image) -> CoverInput | Unreadable:
    """What was given, a picture as the content of a file: upright, with its colours and their profile."""
    if isinstance(cover, Image.Image):
        stream = BytesIO()
        try:
            upright = ImageOps.exif_transpose(cover)
            if upright.mode not in _KINDS:
                upright = upright.convert(_HELD_AS.get(upright.mode, "RGB"))
            upright.save(stream, _KINDS[upright.mode])
        except (OSError, ValueError, SystemError, AttributeError) as error:  # of one that is closed, cut or empty
            return Unreadable(source="the picture", outcome=CoverOutcome.NOT_AN_IMAGE, reason=str(error))
        cover = stream.getvalue()
    if not isinstance(cover, str | Path | bytes):
        advice = "Give a file, an address, the content of a file, or a picture of Pillow's."
        raise InputError(f"{type(cover).__name__} is no cover", where="judge", advice=advice)
    if isinstance(cover, bytes):
        return CoverInput("the picture", cover)
    if cover and Path(cover).is_dir():
        return Unreadable(source=str(cover), outcome=CoverOutcome.NOT_AN_IMAGE, reason="a folder")
    return next(find_covers([str(cover)]))
