"""What docs/python.md and the notebook beside it show is run as it stands, in a folder with drawn covers."""

import ast
import json
import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from bookcover_core import Study
from bookcover_core.errors import FolderError, InputError, SettingsError, StageOrderError

DOCS = Path(__file__).parents[1] / "docs"
TINTS = {"Crime": (40, 40, 60), "Romance": (220, 120, 150), "Travel": (90, 170, 210)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with covers of three genres, told apart by a tint."""
    made = tmp_path_factory.mktemp("python")
    chance = np.random.default_rng(3)
    for genre, tint in TINTS.items():
        (made / "covers" / genre).mkdir(parents=True)
        for number in range(12):
            pixels = np.array(tint) + chance.integers(-40, 40, (150, 100, 3))
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(made / "covers" / genre / f"{number}.png")
    return made


@pytest.fixture(autouse=True)
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.delenv("BOOKCOVER_HOME", raising=False)


def run(code: str, names: dict) -> object:
    """The value of the last expression of `code`, as a notebook would show it."""
    *first, last = ast.parse(code).body
    if not isinstance(last, ast.Expr):
        first, last = [*first, last], None
    exec(compile(ast.Module(first, []), "<docs>", "exec"), names)
    return eval(compile(ast.Expression(last.value), "<docs>", "eval"), names) if last else None


@pytest.fixture(scope="module")
def page(folder):
    """Every block of the page, run one after the other: the names that they leave, and what they print."""
    names: dict = {}
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as said:
        patch.chdir(folder)
        patch.delenv("BOOKCOVER_HOME", raising=False)
        for block in re.findall(r"```python\n(.*?)```", (DOCS / "python.md").read_text("utf-8"), re.DOTALL):
            run(block, names)
    return names, said.getvalue()


def test_the_page_runs(page, folder):
    """A study is begun, run, read and judged with, and an error is caught."""
    names, said = page
    assert re.search(r"is right on \d+% \(\d+% to \d+%\)", said)
    assert "there is no such file" in said
    study = names["study"]
    assert study.report.is_file()
    files = {"model.keras", "model.onnx", "labels.txt", "prepare.py", "data-card.md", "model-card.md"}
    assert {file.name for file in (folder / "exported").iterdir()} == files | {"predictions.parquet"}
    assert list(study.predictions("LeNet").columns) == ["key", "genre", *TINTS]
    np.testing.assert_allclose(study.predictions("LeNet")[[*TINTS]].sum(axis=1), 1, atol=1e-5)
    assert study.confusion("LeNet").to_numpy().sum() == len(study.predictions("LeNet"))
    assert list(study.history("LeNet").columns) == ["loss", "accuracy", "val_loss", "val_accuracy", "seconds"]
    assert names["answer"].genres[0].genre in TINTS
    assert "data:image/" in names["answer"]._repr_markdown_()
    assert "<table" in study.results._repr_html_()
    assert repr(study.results).count("%") >= 2
    picture = Image.open(folder / "covers" / "Travel" / "3.png")
    assert study.judge(picture).genres == study.judge("covers/Travel/3.png").genres


@pytest.mark.usefixtures("page")
def test_the_notebook_runs():
    """Its cells show a table, and the verdict on a cover; what the page has done is not done again."""
    mpl.use("Agg")
    cells = json.loads((DOCS / "judge-a-cover.ipynb").read_text("utf-8"))["cells"]
    names: dict = {}
    shown = [run("".join(cell["source"]), names) for cell in cells if cell["cell_type"] == "code"]
    assert hasattr(shown[0], "_repr_html_")
    assert hasattr(shown[1], "_repr_html_")
    assert hasattr(shown[-1], "_repr_markdown_")


@pytest.mark.usefixtures("page")
def test_a_study_is_opened_by_file_folder_and_name(folder):
    """The three mean one study; what is there for none of them is an error that says so."""
    (folder / "covers.toml").write_text('name = "covers"\nbooks = {source = "folder", folder = "covers"}\n')
    assert Study.open("covers.toml", "seed=7").settings.seed == 7
    begun = Study.open("covers")
    assert begun.folder == Study.open(begun.folder).folder == Study.open("covers.toml").folder
    with pytest.raises(SettingsError, match=r"nothing.toml"):
        Study.open("nothing.toml")


@pytest.mark.usefixtures("page")
def test_what_is_not_there_is_named():
    """A system that the study has not, one that is not evaluated, a study that was never run, and no cover."""
    study = Study.open("covers")
    with pytest.raises(SettingsError, match="no system called 'Lenet'"):
        study.predictions("Lenet")
    with pytest.raises(StageOrderError, match="not trained in epochs"):
        study.history("Baseline-colour")
    with pytest.raises(InputError, match="not an image"):
        study.judge(b"nothing of the kind")
    fresh = Study.from_folder("covers", name="fresh", backbones=["LeNet"])
    for look in (lambda: fresh.results, lambda: fresh.books, lambda: fresh.predictions("LeNet")):
        with pytest.raises(StageOrderError):
            look()


def test_no_folder_is_not_the_dissertations_study():
    """An empty variable for a folder is refused: it must not begin a download of 207,572 covers."""
    for nothing in ("", "  "):
        with pytest.raises(FolderError, match="no folder is named"):
            Study.from_folder(nothing)
