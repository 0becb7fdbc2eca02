"""The judge: what it says of covers, and of what is no cover."""

import io
import json
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bookcover_core.covers.ledger import CoverOutcome
from bookcover_core.errors import SettingsError
from bookcover_core.evaluation.metrics import read_predictions
from bookcover_core.families import network_predictor
from bookcover_core.families.cover_text import fit_cover_text
from bookcover_core.families.ensemble import combine
from bookcover_core.families.text import fit_text
from bookcover_core.genres import number_genres
from bookcover_core.inference import answers, cover_sources, similar_covers
from bookcover_core.inference.answers import CoverVerdict, Unreadable
from bookcover_core.inference.cover_sources import CoverInput, find_covers
from bookcover_core.inference.judge_covers import Judge
from bookcover_core.inference.model_choice import candidates, choose, describe
from bookcover_core.listings.books import BookText, each_book, read_genres
from bookcover_core.models.model_cards import MODEL_WEIGHTS, ModelCard, read_card, write_card
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table, write_table, write_text
from bookcover_core.preparation.prepare import shards
from bookcover_core.reading import read_covers, text_reader
from bookcover_core.reading.cover_words import Word
from bookcover_core.reading.read_covers import read_shard
from bookcover_core.training.features import load_features
from tests.bookcover_core.inference.trained import GENRES, draw, settings_in

WHOLE = {"top": 3, "near": 0}


def file_of(picture: Image.Image, kind: str = "JPEG") -> bytes:
    output = io.BytesIO()
    picture.save(output, kind)
    return output.getvalue()


def a_cover(number: int = 100) -> CoverInput:
    """A cover that is none of the study's."""
    return CoverInput(f"cover {number}", file_of(draw(GENRES["Law"], number, (120, 170))))


def verdicts_of(judge: Judge, covers, *, top: int = 5, near: int = 3):
    """The verdict on each cover, or why there is none."""
    for found in judge.judge_covers(covers, top=top, near=near):
        yield found if isinstance(found, Unreadable) else found.verdict


@pytest.fixture
def judge(trained):
    with Judge.load(trained, "Tiny") as judge:
        yield judge


@pytest.mark.parametrize("model", ["Tiny-padded", "Ensemble-mean-padded"])
def test_a_cover_of_the_study_is_judged_as_the_evaluation_judged_it(trained, model):
    """The same pixels, the same extra inputs, the same members: the same probabilities, up to rounding."""
    predictions = read_predictions(trained.workspace.evaluation / model / "predictions.csv")
    paths = read_table(trained.workspace.selection).set_index("key")["path"]
    files = [str(trained.workspace.root / paths[key]) for key in predictions.keys]
    labels = {genre.slug: genre.label for genre in read_genres(trained.workspace)}
    with Judge.load(trained, model) as judge:
        verdicts = list(verdicts_of(judge, find_covers(files), **WHOLE))
    for verdict, probabilities in zip(verdicts, predictions.probabilities, strict=True):
        found = {labels[guess.slug]: guess.probability for guess in verdict.genres}
        np.testing.assert_allclose([found[label] for label in range(3)], probabilities, atol=2e-5)
        assert list(found.values()) == sorted(found.values(), reverse=True)


def test_a_hundred_covers_cost_one_load_of_the_network(trained, monkeypatch):
    """However many covers, and however often it is asked; in their order."""
    loads = []
    load = network_predictor.load_model
    monkeypatch.setattr(network_predictor, "load_model", lambda folder: loads.append(folder.name) or load(folder))
    with Judge.load(trained, "Tiny") as judge:
        covers = [a_cover(number) for number in range(100)]
        verdicts = list(verdicts_of(judge, covers, near=1))
        alone = [next(verdicts_of(judge, [cover], near=0)) for cover in covers[::33]]
    assert loads == ["Tiny-padded"]
    assert [verdict.source for verdict in verdicts] == [cover.name for cover in covers]
    for one, other in zip(verdicts[::33], alone, strict=True):
        np.testing.assert_allclose(*([guess.probability for guess in each.genres] for each in (one, other)), atol=1e-5)


def test_what_cannot_be_read_is_named_and_the_others_are_judged(judge, tmp_path):
    """Nothing stops the round: each cover has a verdict, or says why it has none, in its place."""
    whole = file_of(draw(GENRES["Law"], 100, (300, 400)))
    (tmp_path / "page.jpg").write_bytes(b"<!DOCTYPE html><html></html>")
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "large.jpg").write_bytes(b"\xff\xd8" + bytes(200_000))
    (tmp_path / "well.gif").write_bytes(whole)
    (tmp_path / "empty").mkdir()
    names = ["gone.jpg", "page.jpg", "well.gif", "cut.jpg", "large.jpg", "empty", "well.gif"]
    found = list(verdicts_of(judge, find_covers([*(str(tmp_path / name) for name in names), "http://"]), **WHOLE))
    assert [each.outcome if isinstance(each, Unreadable) else each.format for each in found] == [
        CoverOutcome.MISSING,
        CoverOutcome.NOT_AN_IMAGE,
        "JPEG",
        CoverOutcome.TRUNCATED,
        CoverOutcome.TOO_LARGE,
        CoverOutcome.MISSING,
        "JPEG",
        CoverOutcome.REFUSED,
    ]
    assert "a web page" in found[1].detail
    assert found[2].genres == found[6].genres


def test_a_placeholder_is_judged_with_a_warning(judge):
    """Who asks for a verdict on a tiny picture gets one, and is told what it is worth."""
    [verdict] = verdicts_of(judge, [CoverInput("tiny", file_of(Image.new("RGB", (20, 30))))], near=0)
    assert (verdict.width, verdict.height) == (20, 30)
    assert any("20 x 30 pixels" in warning for warning in verdict.warnings)
    assert any("random weights" in warning for warning in verdict.warnings)


def test_a_corrected_label_is_named_beside_similar_covers(tmp_path):
    """The genre that the model learnt, not the one that was published."""
    study = Study(settings_in(tmp_path))
    known = pd.DataFrame([dict.fromkeys(("title", "author", "path", "sha256"), "x")] * 2)
    known = known.assign(key=["a", "b"], genre="Law", label=0, split="")
    write_table(study.workspace.selection, known)
    write_table(study.workspace.splits, known.assign(genre=["Travel", "Law"], split="train"))
    assert [(book.key, book.genre) for book in similar_covers.CoverIndex(study).books] == [
        ("a", "Travel"),
        ("b", "Law"),
    ]


def test_a_picture_of_two_books_is_known_as_the_one_that_was_learnt_from(tmp_path):
    """A test book whose picture a training book has too was seen in training."""
    study = Study(settings_in(tmp_path))
    books = pd.DataFrame([dict.fromkeys(("title", "author", "path", "genre"), "x")] * 3)
    books = books.assign(key=["a", "b", "c"], sha256=["1", "1", "2"], split=["test", "train", "test"])
    for file in (study.workspace.selection, study.workspace.splits):
        write_table(file, books)
    index = similar_covers.CoverIndex(study)
    assert [book and book.key for book in map(index.known, ("1", "2", "3"))] == ["b", "c", None]


def test_the_nearest_covers_are_those_of_the_smallest_angle(trained, judge, monkeypatch):
    """Found block by block, they are what comparing with all at once gives; the cover itself is left out, and known."""
    monkeypatch.setattr(similar_covers, "_BLOCK", 5)
    books = read_table(trained.workspace.splits)
    row = int(np.flatnonzero(books["split"] == "train")[0])
    selected = read_table(trained.workspace.selection)["key"].tolist()
    rows = [selected.index(key) for key in books["key"]]
    features = load_features(trained, "Tiny", "padded")[np.array(rows)]
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    likeness = features @ features[row]
    order = [place for place in np.argsort(-likeness, kind="stable") if place != row][:4]
    [verdict] = verdicts_of(judge, find_covers([str(trained.workspace.root / books["path"][row])]), near=4)
    assert [book.key for book in verdict.nearest] == books["key"][order].tolist()
    assert [book.split for book in verdict.nearest] == books["split"][order].tolist()
    np.testing.assert_allclose([book.similarity for book in verdict.nearest], likeness[order], atol=2e-4)
    assert verdict.known.key == books["key"][row]
    assert verdict.known.genre == books["genre"][row]
    assert any("training books" in warning for warning in verdict.warnings)


def test_a_picture_unlike_every_cover_is_told_apart(trained, judge, monkeypatch):
    """It is farther from the training covers than validation covers are; the verdict says so, and how to take that."""
    monkeypatch.setattr(answers, "NOVEL", 0.2)  # twelve validation covers tell no twentieth
    monkeypatch.setattr(similar_covers, "NOVEL", 0.2)
    predictor = judge._predictors["Tiny-padded"]
    predict = predictor.predict
    with monkeypatch.context() as patch:  # features in a direction that no cover's have
        patch.setattr(predictor, "predict", lambda covers: (predict(covers)[0], -predict(covers)[1]))
        [strange] = verdicts_of(judge, [a_cover()], near=0)
    books = read_table(trained.workspace.splits)
    validation = books["split"] == "validation"
    assert strange.novelty.is_novel
    assert (strange.novelty.farther, strange.novelty.validation_covers) == (0, validation.sum())
    [warning] = [each for each in strange.warnings if "unlike the covers" in each]
    assert f"only 0 of {validation.sum()} validation covers" in warning
    assert "wrong on about 20" in warning
    assert json.loads(strange.model_dump_json())["novelty"]["farther"] == 0
    files = [str(trained.workspace.root / path) for path in books["path"][validation]]
    known = list(verdicts_of(judge, find_covers(files), near=0))
    assert sum(each.novelty.is_novel for each in known) <= 0.2 * len(known)


def test_too_few_validation_covers_tell_nothing_of_a_picture(judge):
    """Among twelve no share of a twentieth can be seen: nothing is claimed."""
    [verdict] = verdicts_of(judge, [a_cover()], near=0)
    assert verdict.novelty is None
    assert not any("unlike the covers" in each for each in verdict.warnings)


def test_without_features_the_verdict_says_so(trained, tmp_path):
    """Likeness is left out with its reason; the verdict stands."""
    shutil.copytree(trained.workspace.models, tmp_path / "tiny" / "models")
    with Judge.load(Study(settings_in(tmp_path)), "Tiny") as judge:
        assert judge.about.accuracy is None
        [verdict] = verdicts_of(judge, [a_cover()])
    assert isinstance(verdict, CoverVerdict)
    assert verdict.nearest == []
    assert "no features of Tiny-padded" in verdict.nearest_missing


def test_a_network_that_is_not_frozen_judges_and_a_frozen_one_compares(trained, tmp_path):
    """What was trained from scratch has no features of its own in the study: those of a frozen network serve."""
    from bookcover_core.models.lenet_alexnet import SCRATCH
    from bookcover_core.models.networks import save_weights

    shutil.copytree(trained.workspace.root, tmp_path / "tiny")
    study = Study(settings_in(tmp_path))
    folder = study.workspace.models / "LeNet-cropped"
    card = ModelCard(
        name="LeNet-cropped",
        kind="scratch",
        backbone="LeNet",
        preparation="cropped",
        input_size=56,
        preprocessing="tf",
        weights="scratch",
        weights_file=None,
        weights_digest="scratch",
        genres=number_genres(GENRES),
        settings={},
        inputs={},
        digests={MODEL_WEIGHTS: save_weights(SCRATCH["LeNet"].build(3, 1), folder / MODEL_WEIGHTS)},
        metrics={"validation_accuracy": 0.5},
        parameters={},
        software={},
    )
    write_card(folder, card)
    with Judge.load(study, "lenet") as judge:
        [judged] = judge.judge_covers([a_cover()], near=2)
        assert judge.explain(judged).size == judged.cover.shown.size
    assert (judged.verdict.model, judged.verdict.preparation) == ("LeNet-cropped", "cropped")
    assert len(judged.verdict.nearest) == 2
    assert not any("random weights" in warning for warning in judged.verdict.warnings), "it has learnt from covers"
    assert judged.verdict.nearest_doubt.startswith("Tiny compares covers and was never trained on pictures")
    imagenet = read_card(study.workspace.models / "Tiny-padded").model_copy(update={"weights": "imagenet"})
    assert not similar_covers.likeness_doubt(imagenet)


def test_it_prepares_covers_as_the_study_did(trained, tmp_path):
    """Settings that were changed since the training do not change what a network is shown."""
    shutil.copytree(trained.workspace.root, tmp_path / "tiny")
    changed = settings_in(tmp_path).model_copy(
        update={"preparation": settings_in(tmp_path).preparation.model_copy(update={"size": 200})}
    )
    verdicts = []
    for study in (trained, Study(changed)):
        with Judge.load(study, "Tiny") as judge:
            verdicts += verdicts_of(judge, [a_cover()], **WHOLE)
    assert verdicts[0].genres == verdicts[1].genres


def test_what_spoke_for_a_genre_is_shown_on_the_cover(judge):
    """A picture of the cover's own size, nowhere brighter than the cover; of any genre, and of no other."""
    white = CoverInput("white", file_of(Image.new("RGB", (300, 400), "white"), "PNG"))
    [judged] = judge.judge_covers([white], near=0)
    for genre in ("", "travel"):
        explained = judge.explain(judged, genre)
        assert explained.size == (300, 400)
    with pytest.raises(KeyError):
        judge.explain(judged, "nonsense")


def test_a_verdict_is_json(judge):
    """What is printed for machines can be read back."""
    [verdict] = verdicts_of(judge, [a_cover()])
    assert CoverVerdict.model_validate_json(verdict.model_dump_json()) == verdict
    assert json.loads(verdict.model_dump_json())["kind"] == "verdict"


def test_a_damaged_preparation_manifest_falls_back_on_the_settings(trained, tmp_path):
    """Where nothing tells how covers were prepared, the settings do."""
    shutil.copytree(trained.workspace.models, tmp_path / "tiny" / "models")
    write_text(tmp_path / "tiny" / "manifests" / "prepare" / "shard-0001.json", "{}")
    with Judge.load(Study(settings_in(tmp_path)), "Tiny") as judge:
        [verdict] = verdicts_of(judge, [a_cover()], **WHOLE)
    assert len(verdict.genres) == 3


def test_a_reader_of_titles_is_told_the_title(trained, tmp_path):
    """A book of the study is known by its cover; of others the title is asked for. Networks join in."""
    shutil.copytree(trained.workspace.root, tmp_path / "tiny")
    wanted = trained.settings.model_dump(mode="json") | {
        "workspace": str(tmp_path),
        "text": {"systems": ["Title"]},
        "ensemble": {"methods": ["product"], "members": ["Tiny", "Title"]},
    }
    study = Study(type(trained.settings).model_validate(wanted))
    fit_text(study, "Title")
    combine(study, "Ensemble-product")
    book = next(each for each in each_book(study.workspace) if each.category == "Law")
    paths = read_table(study.workspace.selection).set_index("key")["path"]
    own = CoverInput("its own", study.workspace.root / paths[book.key])
    cover = a_cover()
    with Judge.load(study, "Title") as judge:
        known, told, unknown = verdicts_of(
            judge, [own, cover._replace(text=BookText(book.title)), cover], near=0, top=3
        )
    assert unknown.outcome is None  # the picture is not at fault
    assert unknown.detail == "Title reads the title of a book, and this one's is not known: give its title"
    assert known.genres == told.genres
    with Judge.load(study, is_titled=True) as judge:  # one that looks too is preferred to one that only reads
        assert judge.about.model.startswith("Ensemble-product")
        assert judge.about.reads_titles
        [joined] = verdicts_of(judge, [cover._replace(text=BookText(book.title))], near=0, top=3)
    assert sum(guess.probability for guess in joined.genres) == pytest.approx(1, abs=1e-5)
    assert joined.genres != told.genres
    assert "counts for nothing" not in "".join(joined.warnings)
    with Judge.load(study) as judge:
        [untold] = verdicts_of(judge, [cover._replace(text=BookText(book.title))], near=0, top=3)
    assert "Tiny reads no titles: what was given of the book counts for nothing." in untold.warnings


class ColourReader:
    """Reads a word that the colour of a cover decides, and one that stands on all; where it is told so, nothing."""

    says = ("statute", "atlas", "voyage")

    def read(self, covers):
        if self.says is None:
            raise RuntimeError("no contour")
        return [self._words(cover) for cover in covers]

    def _words(self, cover):
        if not self.says:
            return ()
        word = self.says[np.asarray(cover).mean(axis=(0, 1)).argmax()]
        return (
            Word("the", 0.9, (0.1, 0.1, 0.3, 0.2)),
            Word(word, 0.8, (0.4, 0.5, 0.8, 0.6)),
            Word("smear", 0.1, (0, 0, 1, 1)),
        )


@pytest.fixture
def reading(trained, tmp_path, monkeypatch):
    """The study whose covers are read too, and the reader, which is invented."""
    reader = ColourReader()
    monkeypatch.setattr(read_covers, "text_reader", lambda _settings, _threads: reader)
    monkeypatch.setattr(read_covers, "cpu_count", lambda: 1)
    monkeypatch.setattr(cover_sources, "text_reader", lambda _settings: reader)
    shutil.copytree(trained.workspace.root, tmp_path / "tiny")
    wanted = trained.settings.model_dump(mode="json") | {
        "workspace": str(tmp_path),
        "text": {"systems": ["CoverText"]},
        "ensemble": {"fusions": ["CoverAlone"]},
    }
    study = Study(type(trained.settings).model_validate(wanted))
    for shard in shards(study):
        read_shard(study, shard)
    fit_cover_text(study, "CoverText")
    combine(study, "CoverAlone")
    return study, reader


def test_a_cover_is_read_and_told_which_words_spoke(reading):
    """Words that the reader is sure of count; those that raise the first genre are named, and framed where they are."""
    study, _ = reading
    with Judge.load(study, "CoverAlone") as judge:
        [judged] = judge.judge_covers([a_cover()], top=3, near=0)
        explained = np.asarray(judge.explain(judged, "law"), np.int16)
    verdict = judged.verdict
    assert verdict.genres[0].genre == "Law"
    assert [word.text for word in verdict.words] == ["the", "statute"]
    assert verdict.telling[0] == "statute"
    assert json.loads(verdict.model_dump_json())["words"][1]["speaks"] > 0
    left, top = (round(share * side) for share, side in zip((0.4, 0.5), judged.cover.shown.size, strict=True))
    assert np.abs(explained[top - 1, left + 5] - (20, 18, 16)).max() == 0  # the dark line of its frame
    with Judge.load(study, "CoverText") as judge:
        [only] = judge.judge_covers([a_cover()], top=3, near=0)
        marked = np.asarray(judge.explain(only))
    assert (marked[-1, -1] == np.asarray(only.cover.shown)[-1, -1]).all()  # no veil where nobody looks


@pytest.mark.parametrize(("says", "warning"), [((), "No words were read"), (None, "could not be read (no contour)")])
def test_a_cover_without_words_is_judged_by_its_picture_and_said_so(reading, says, warning):
    """Whether there are none or the reader fails: the networks decide as if nobody read."""
    study, reader = reading
    reader.says = says
    with Judge.load(study, "CoverAlone") as judge:
        [verdict] = verdicts_of(judge, [a_cover()], top=3, near=0)
    with Judge.load(study, "Tiny") as judge:
        list(verdicts_of(judge, [a_cover()], top=3, near=0))
    assert any(warning in each for each in verdict.warnings)
    assert verdict.words == []
    assert verdict.telling == []
    assert sum(guess.probability for guess in verdict.genres) == pytest.approx(1, abs=1e-5)


def test_whoever_looks_and_reads_may_judge_unasked_where_it_can(reading, monkeypatch):
    """Without the extra a network takes its place, and says so; asked for by name, it says what to install."""
    study, _ = reading
    fused = {each.system: each for each in candidates(study)}["CoverAlone"]
    assert fused.competes
    assert not fused.missing
    assert choose(study).system in {"CoverAlone", "Tiny", "Small"}
    monkeypatch.setattr(text_reader, "_PACKAGES", ("no-such-reader",))
    chosen = choose(study)
    assert chosen.system in {"Tiny", "Small"}
    assert any("CoverAlone would read the words" in each for each in describe(study, chosen).warnings)
    monkeypatch.setattr(cover_sources, "text_reader", text_reader.TextReader)
    with pytest.raises(SettingsError, match=r"bookcover\[text\]"):
        Judge.load(study, "CoverAlone")
