"""The project as people have it: its wheel in an environment, and a folder with packages of their own."""

import subprocess
import sys
import sysconfig
from pathlib import Path

PROJECT = Path(__file__).parents[1]

# Packages that this project has too, or imports: in a folder where a command is started, they mean something else.
NAMES = ("flows", "tasks", "deployments", "bookcover_core", "prefect", "httpx", "numpy")


def programs_in(folder: Path) -> Path:
    """Where the programs of the environment are that `install` made."""
    return folder / "environment" / "bin"


def install(folder: Path) -> None:
    """Make an environment in `folder`, in which the wheel is, and what it needs from this one."""
    python = [sys.executable, "-m"]
    _run([*python, "hatchling", "build", "--target", "wheel", "--directory", str(folder / "wheel")])
    [wheel] = (folder / "wheel").glob("*.whl")
    environment = folder / "environment"
    _run([*python, "venv", "--without-pip", str(environment)])
    into = Path(sysconfig.get_path("purelib", vars={"base": str(environment), "platbase": str(environment)}))
    # Files that are named there are not themselves followed: the checkout, if it is installed, stays out.
    (into / "needed.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    to = ["--python", str(programs_in(folder) / "python")]
    _run([*python, "pip", *to, "install", "--no-index", "--no-deps", str(wheel)])


def folder_of_somebody_else(folder: Path) -> Path:
    """A folder whose packages have names that mean something else in this project, and cannot be imported."""
    for name in NAMES:
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(
            f"raise RuntimeError('the package {name} of the working folder was imported')\n", encoding="utf-8"
        )
    return folder


def _run(command: list[str]) -> None:
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
