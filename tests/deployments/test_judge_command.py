"""The command `bookcover judge`."""

import io
import json
import re
import signal
import subprocess
import sys

import httpx
import pytest
from PIL import Image
from typer.testing import CliRunner

from bookcover_core.errors import SettingsError, WeightsError, WorkspaceError
from bookcover_core.settings.toml_file import to_toml
from deployments.command_line import app
from tests.bookcover_core.inference.trained import GENRES, draw, settings_in


@pytest.fixture
def judge(trained, trained_files, tmp_path):
    """Runs the command for the tiny trained study; errors of ours are raised."""
    file = tmp_path / "study.toml"
    file.write_text(to_toml(settings_in(trained_files)), encoding="utf-8")

    def run(*arguments, given=b"", study=file):
        ended = CliRunner().invoke(
            app, ["judge", *map(str, arguments), "--study", str(study)], input=given, env={"COLUMNS": "100"}
        )
        if ended.exception and not isinstance(ended.exception, SystemExit):
            raise ended.exception
        return ended

    return run


@pytest.fixture
def folder(tmp_path):
    """Three covers in two folders."""
    for number, name in enumerate(("a/one.jpg", "b/one.jpg", "b/two.jpg")):
        (tmp_path / "new" / name).parent.mkdir(parents=True, exist_ok=True)
        draw(GENRES["Travel"], 50 + number).save(tmp_path / "new" / name)
    return tmp_path / "new"


def test_verdicts_are_printed_with_what_the_network_is_worth(judge, folder):
    """First how often it is right, then for each cover its genres and the covers most like it."""
    ended = judge(folder, "--model", "tiny", "--near", "2")
    assert ended.exit_code == 0
    first, *_ = ended.output.splitlines()
    assert "Tiny, on padded covers, of the study tiny. It is right on" in first
    for name in ("a/one.jpg", "b/one.jpg", "b/two.jpg"):
        assert f"{folder / name}  90 x 120 pixels" in ended.output
    assert ended.output.count("Maps & Atlases\n") >= 3
    assert ended.output.count("like  ") == 3
    assert ended.output.count("random weights") == 1, "said once, not for every cover"
    told = " ".join(ended.output.split())  # a narrow terminal folds it
    assert told.count("their likeness means nothing") == 3, "beside all covers like one"


def test_machines_get_a_line_of_json_for_each_cover(judge, folder):
    """Nothing else is on the standard output; what failed is there too, and the exit code says so."""
    (folder / "b" / "page.png").write_text("<html>")
    ended = judge(folder, "nowhere.jpg", "--json", "--top", "2", "--near", "1")
    assert ended.exit_code == 1
    found = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [each["kind"] for each in found] == ["verdict", "verdict", "unreadable", "verdict", "unreadable"]
    assert found[0]["source"] == str(folder / "a" / "one.jpg")
    assert len(found[0]["genres"]) == 2
    assert len(found[0]["nearest"]) == 1
    assert found[2]["outcome"] == "not an image"


def test_explanations_are_written_and_named(judge, folder, tmp_path):
    """Covers of one name do not overwrite each other's pictures."""
    ended = judge(folder, "--json", "--explain", tmp_path / "why")
    written = [json.loads(line)["explanation"] for line in ended.stdout.splitlines()]
    assert written == [str(tmp_path / "why" / name) for name in ("one.png", "one-2.png", "two.png")]
    with Image.open(written[0]) as picture:
        assert (picture.format, picture.size) == ("PNG", (90, 120))


def test_explanations_replace_no_cover(judge, tmp_path):
    """Whatever lies in their folder stays as it was, but for explanations of an earlier command."""
    covers = tmp_path / "covers"
    covers.mkdir()
    for name in ("one.png", "two.jpg"):
        draw(GENRES["Law"], 60).save(covers / name)
    (covers / "two.png").write_text("mine")
    before = {file.name: file.read_bytes() for file in covers.iterdir()}
    for _ in range(2):
        ended = judge(covers / "one.png", covers / "two.jpg", "--json", "--explain", covers)
        written = [json.loads(line)["explanation"] for line in ended.stdout.splitlines()]
        assert written == [str(covers / name) for name in ("one-2.png", "two-2.png")]
    assert {name: (covers / name).read_bytes() for name in before} == before
    assert len(list(covers.iterdir())) == len(before) + 2


def test_explanations_among_covers_are_not_judged_with_them(judge, folder):
    """The second time, the folder holds those of the first; one that is named itself is judged."""
    covers = folder / "a"
    for _ in range(2):
        [verdict] = map(json.loads, judge(covers, "--json", "--explain", covers).stdout.splitlines())
        assert verdict["source"] == str(covers / "one.jpg")
    made = verdict["explanation"]
    assert json.loads(judge(made, "--json").stdout)["source"] == made
    (covers / "one.jpg").unlink()
    with pytest.raises(SettingsError, match="nothing but pictures that --explain made"):
        judge(covers)


def test_a_folder_for_explanations_that_cannot_be_written_is_told_before_a_cover_is_judged(
    judge, folder, tmp_path, monkeypatch
):
    """By its option, not by a setting of the study; whatever the system says of it: of /proc, that it is not there."""
    from bookcover_core.inference import judge_covers as loaded

    monkeypatch.setattr(loaded, "Judge", None)
    (tmp_path / "why").write_text("a file")
    for place in (tmp_path / "why", tmp_path / "why" / "below", "/proc/x"):
        told = rf"^{place}: the folder cannot be written \(.+\)\. Mend the permissions of the folder given to --explain"
        with pytest.raises(WorkspaceError, match=told):
            judge(folder, "--explain", place)


def test_a_folder_for_explanations_may_become_read_only_meanwhile(judge, folder, tmp_path, monkeypatch):
    """It could be written at first: the option is named all the same."""

    def refuse(file, _):
        raise WorkspaceError("cannot be written (Read-only file system)", where=file, advice="Mend its permissions.")

    monkeypatch.setattr("deployments.judge_command.write_bytes", refuse)
    with pytest.raises(WorkspaceError, match=r"one\.png: cannot be written.*the folder given to --explain"):
        judge(folder, "--explain", tmp_path / "why")


def test_a_cover_can_come_from_the_standard_input(judge):
    """For pipes."""
    output = io.BytesIO()
    draw(GENRES["Law"], 70).save(output, "PNG")
    [line] = judge("-", "--json", given=output.getvalue()).stdout.splitlines()
    assert (json.loads(line)["source"], json.loads(line)["format"]) == ("standard input", "PNG")


def test_names_with_terminal_escapes_are_spelt_in_json(judge):
    """All control characters, and the name comes back."""
    ended = judge("gone\x1b\x7f\x9b31m.jpg", "--json")
    assert not {"\x1b", "\x7f", "\x9b"} & set(ended.stdout)
    assert json.loads(ended.stdout)["source"] == "gone\x1b\x7f\x9b31m.jpg"


def test_nobody_waits_for_a_network_that_has_nothing_to_look_at(judge, monkeypatch, tmp_path):
    """Where no cover is there, that is said at once, trained network or not."""
    from bookcover_core.inference import judge_covers as loaded

    monkeypatch.setattr(loaded, "Judge", None)
    monkeypatch.setattr("deployments.judge_command.choose", None)
    (tmp_path / "empty").mkdir()
    ended = judge("gone.jpg", tmp_path / "empty")
    assert ended.exit_code == 1
    assert "gone.jpg  not judged: missing (there is no such file, folder or address)" in ended.output
    assert "no images" in ended.output


def test_without_a_trained_network_the_command_that_trains_one_is_named(judge, folder, tmp_path):
    """With the very settings that were given."""
    file = tmp_path / "other.toml"
    file.write_text(to_toml(settings_in(tmp_path)), encoding="utf-8")
    with pytest.raises(WeightsError, match=f"`bookcover run {file}`"):
        judge(folder, study=file)


def test_a_title_is_of_one_book(judge, folder):
    """It is refused for several covers; a model that reads none says that it counts for nothing."""
    with pytest.raises(SettingsError, match="one title or author is given for 3 covers"):
        judge(folder, "--title", "Lonely Planet Italy")
    ended = judge(folder / "a", "--author", "Somebody", "--model", "tiny")
    assert "Tiny reads no titles: what was given of the book counts for nothing." in ended.output


@pytest.mark.parametrize("arguments", [[], ["cover.jpg", "--page"]])
def test_covers_or_a_page(judge, arguments):
    """One of both, or it is said what to do."""
    with pytest.raises(SettingsError, match="--page"):
        judge(*arguments)


@pytest.mark.parametrize("password", [None, "", "too short"])
def test_a_page_is_not_shared_without_a_good_password(judge, trained_files, monkeypatch, password):
    """Nor is anything else than the page."""
    monkeypatch.delenv("BOOKCOVER_PASSWORD", raising=False)
    if password is not None:
        monkeypatch.setenv("BOOKCOVER_PASSWORD", password)
    with pytest.raises(SettingsError, match="BOOKCOVER_PASSWORD: a page is shared behind a password of 16"):
        judge("--page", "--share", "covers.example:4281")
    with pytest.raises(SettingsError, match="the page alone can be shared"):
        judge("cover.jpg", "--share", "covers.example:4281")


def test_the_page_is_served_until_ctrl_c(trained_files):
    """On loopback, at the address that is printed; it needs no TensorFlow to begin."""
    given = ["--set", "name=tiny", "--set", f"workspace={trained_files}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "deployments", "judge", "--page", "--no-open", "--model", "Tiny", *given],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        address = re.search(r"http://127\.0\.0\.1:\d+/tiny/", process.stdout.readline()).group()
        assert "Ctrl-C" in process.stdout.readline()
        assert "Judge a cover" in httpx.get(address).text
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=120) == 0
        assert process.stderr.read() == ""
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()
