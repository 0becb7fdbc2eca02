"""Commands of a process that has imported Prefect and the flows: each is a fork of it, and begins at once.

As a program, `python -m tests.deployments.forked_commands`, it takes a line of JSON on its standard input for each
command, and answers with the command's exit code.
"""

import gc
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

PROJECT = Path(__file__).parents[2]


class Commands:
    """The process, and what it is asked to run.

    Args:
        surroundings: Its environment; what Prefect reads of it when it is imported holds for all commands.
    """

    def __init__(self, surroundings: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            env={**surroundings, "PYTHONPATH": str(PROJECT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: object, folder: Path, output: Path, **surroundings: str) -> subprocess.CompletedProcess:
        """A finished `bookcover`.

        Args:
            arguments: Its words.
            folder: Where it is typed.
            output: A folder for what it writes.
            surroundings: What its environment has besides.
        """
        output.mkdir(exist_ok=True)
        words = list(map(str, arguments))
        streams = [output / name for name in ("stdout", "stderr")]
        order = {"words": words, "folder": str(folder), "streams": list(map(str, streams)), "environ": surroundings}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        return subprocess.CompletedProcess(words, code, *(stream.read_text(encoding="utf-8") for stream in streams))

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def _serve() -> None:
    # What any command may import, so that none does.
    import bookcover_core.report.report_files  # noqa: F401
    import deployments.run_command  # noqa: F401
    import flows.study  # noqa: F401
    from bookcover_core.pipeline.graph import stages
    from deployments.command_line import main

    stages()
    gc.freeze()  # nothing of this is searched for garbage, which would copy its memory for every command

    for line in sys.stdin:
        order = json.loads(line)
        if pid := os.fork():
            _, status = os.waitpid(pid, 0)
            sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
            sys.stdout.flush()
            continue
        for number, file in enumerate(order["streams"], start=1):
            os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.environ.update(order["environ"])
        os.chdir(order["folder"])
        sys.argv = ["bookcover", *order["words"]]
        main()
        return


if __name__ == "__main__":
    _serve()
