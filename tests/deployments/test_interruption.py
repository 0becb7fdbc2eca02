"""Ctrl-C before a command is at work: a word and the exit code, whatever is being imported."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from deployments.interruption import INTERRUPTED
from tests.conftest import PROJECT

# How Python begins its lines on imports, each written when one is done.
_IMPORTED = "import time:"


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """The settings of a study that lacks nothing."""
    for genre in ("Maps", "Poetry"):
        (tmp_path / "covers" / genre).mkdir(parents=True)
        for number in range(3):
            Image.new("RGB", (90, 120), (number * 90, 80, 120)).save(tmp_path / "covers" / genre / f"{number}.png")
    file = tmp_path / "study.toml"
    networks = '[training]\nbackbones = ["LeNet"]\npreparation = "padded"\n[models]\nweights = "random"\n'
    file.write_text(f'[books]\nsource = "folder"\nfolder = "covers"\n{networks}', "utf-8")
    return file


def interrupt(command: list[object], *, after: str, home: Path) -> tuple[int, list[str]]:
    """The exit code of a command that is interrupted when a module was imported, and the lines that it ends with."""
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "deployments", *map(str, command)],
        env={**os.environ, "PYTHONPATH": str(PROJECT), "BOOKCOVER_HOME": str(home)},
        cwd=home,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        for line in process.stderr:
            if line.startswith(_IMPORTED) and line.split("|")[-1].strip() == after:
                process.send_signal(signal.SIGINT)
                break
        left = [line for line in process.stderr if not line.startswith(_IMPORTED)]
    return process.returncode, [line for line in left if line.strip()]


@pytest.mark.parametrize(
    "module",
    [
        "typer.models",  # the command line
        "bookcover_core.errors",
        "pydantic",
        "deployments.home_server",  # what the command needs
        "prefect.types",  # Prefect
    ],
)
def test_a_run_that_has_not_begun_ends_with_a_word(study, module):
    """No traceback of whatever was being imported, nor silence: a line, and exit code 130."""
    code, said = interrupt(["run", study], after=module, home=study.parent)
    assert code == 130
    assert len(said) == 1
    assert said[0].startswith(INTERRUPTED.strip())


@pytest.mark.parametrize("command", [["status"], ["judge", "cover.jpg"], ["serve", "--no-open"], ["export", "a", "b"]])
def test_so_does_every_command(command, tmp_path):
    """Those too that have nothing to tidy up."""
    assert interrupt(command, after="typer", home=tmp_path) == (130, [f"{INTERRUPTED.strip()}\n"])


def run(*lines: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a program of its own: whoever runs tests hears Ctrl-C, too."""
    script = "\n".join(("import os, signal, threading", "from deployments.interruption import *", *lines))
    ended = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout, ended.stderr


def test_the_word_is_written_where_errors_went_at_first():
    """While TensorFlow is imported, that stream leads nowhere. What was said before is not lost."""
    ended = run(
        "end_at_once()",
        "print('said')",
        "os.dup2(os.open(os.devnull, os.O_WRONLY), 2)",
        "signal.raise_signal(signal.SIGINT)",
    )
    assert ended == (130, "said\n", f"{INTERRUPTED}\n")


def test_a_command_at_work_tidies_up():
    """It is interrupted as any program of Python; one that is to hear no Ctrl-C hears none."""
    _, said, _ = run(
        "usual = signal.getsignal(signal.SIGINT)",
        "end_at_once()",
        "print(signal.getsignal(signal.SIGINT) is usual)",
        "raise_as_usual()",
        "print(signal.getsignal(signal.SIGINT) is usual)",
        "signal.signal(signal.SIGINT, signal.SIG_IGN)",
        "end_at_once()",
        "raise_as_usual()",
        "print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)",
    )
    assert said.split() == ["False", "True", "True"]


def test_an_import_is_brought_to_its_end_first():
    """Then the interruption is as it would have been; in a thread, which hears none, the block is nothing else."""
    _, said, _ = run(
        "usual = signal.getsignal(signal.SIGINT)",
        "try:",
        "    with held_back():",
        "        signal.raise_signal(signal.SIGINT)",
        "        print('imported')",
        "    print('not reached')",
        "except KeyboardInterrupt:",
        "    print('interrupted')",
        "thread = threading.Thread(target=lambda: held_back().__enter__())",
        "thread.start()",
        "thread.join()",
        "print(signal.getsignal(signal.SIGINT) is usual)",
    )
    assert said.split() == ["imported", "interrupted", "True"]
