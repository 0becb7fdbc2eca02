"""docker-compose.yml, started by hand: what it declares, as processes of this machine, where no Docker engine is.

The file itself is read: images, commands, environment, volumes, health checks, and who waits for whom. What a container
would see is translated: host names to loopback, ports to free ones, mounts to folders (one for each volume, shared by
all who mount it, and one for each container). What only an engine can do is left out: limits, networks, a root file
system that cannot be written.
"""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psutil
import yaml

PROJECT = Path(__file__).parents[2]
FILE = PROJECT / "docker-compose.yml"

# Where Debian keeps Postgres' programs.
POSTGRES = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)

# Seconds that a service may take to be healthy, or to be done.
_PATIENCE = 180

# Ports that services listen at, within their containers.
_PORTS = {"postgres": 5432, "redis": 6379, "server": 4200}
_HEALTH_PORT = 8080

_VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<text>[^}]*))?\})")


class MissingVariableError(Exception):
    """A variable that the file demands is not set."""


def missing_programs() -> str:
    """What cannot be started on this machine; empty where everything can."""
    missing = [name for name in ("redis-server", "setpriv") if shutil.which(name) is None]
    return ", ".join([*missing, *(["PostgreSQL"] if POSTGRES is None else [])])


def declared(variables: Mapping[str, str], file: Path = FILE) -> dict[str, Any]:
    """What the file says, its variables filled in as compose does it.

    Raises:
        MissingVariableError: One that has no default is unset or empty.
    """

    def fill(match: re.Match[str]) -> str:
        if match["dollar"]:
            return "$"
        if value := variables.get(match["name"]):
            return value
        if match["kind"] == "?":
            raise MissingVariableError(match["text"])
        return match["text"] or ""

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: walk(each) for key, each in value.items()}
        if isinstance(value, list):
            return [walk(each) for each in value]
        return _VARIABLE.sub(fill, value) if isinstance(value, str) else value

    return walk(yaml.safe_load(file.read_text(encoding="utf-8")))


def image_environment() -> dict[str, str]:
    """What the Dockerfile's last stage puts into the environment, but for the path of programs."""
    stage = (PROJECT / "Dockerfile").read_text(encoding="utf-8").rsplit("\nFROM ", 1)[1].replace("\\\n", " ")
    said = " ".join(re.findall(r"^ENV (.*)$", stage, flags=re.MULTILINE))
    return {name: value for name, value in (word.split("=", 1) for word in shlex.split(said)) if name != "PATH"}


@dataclass
class Container:
    """One process that stands for a container, and what it started."""

    name: str
    folder: Path
    process: subprocess.Popen[bytes]
    environment: dict[str, str]
    log: Path

    def processes(self) -> list[psutil.Process]:
        """It and all that it started."""
        try:
            top = psutil.Process(self.process.pid)
            return [top, *top.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def kill(self) -> None:
        """End it and all that it started at once, as when its machine is lost."""
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it as an engine does: asked first, killed after a while."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT if self.name.startswith("postgres") else signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=15)
        if self.process.poll() is None:
            self.kill()

    @property
    def tail(self) -> str:
        """The last lines that it wrote."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-25:])


@dataclass
class Composition:
    """All services of the file, at work."""

    folder: Path
    """Where volumes, containers and logs lie."""
    variables: Mapping[str, str]
    """What `.env` would say."""
    scale: Mapping[str, int] = field(default_factory=dict)
    """How many containers of a service; one where it is not named."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """Environment of all our services beyond what the file says."""
    containers: dict[str, Container] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.services: dict[str, Any] = declared(self.variables)["services"]
        self._ports = {port: _free_port() for port in _PORTS.values()}
        self._volumes: dict[str, Path] = {}
        self._private: list[Path] = []

    def __enter__(self) -> Self:
        try:
            for name in self._order():
                self.start(name)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for container in reversed(self.containers.values()):
            container.stop()
        for folder in self._private:
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def api(self) -> str:
        """Address of the server's API."""
        return f"http://127.0.0.1:{self._ports[_PORTS['server']]}/api"

    def volume(self, name: str) -> Path:
        """The folder of a volume."""
        if name not in self._volumes:
            if name == "postgres" and os.geteuid() == 0:
                # Postgres refuses to be root, and the folders of tests are for their owner alone.
                folder = Path(tempfile.mkdtemp(prefix="bookcover-postgres-"))
                shutil.chown(folder, "postgres", "postgres")
                self._private.append(folder)
            else:
                folder = self.folder / "volumes" / name
                folder.mkdir(parents=True)
            self._volumes[name] = folder
        return self._volumes[name]

    def start(self, name: str) -> None:
        """Start a service, when those that it waits for are so far."""
        for other, how in self.services[name].get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                self._wait_until_healthy(other)
            else:
                assert how["condition"] == "service_completed_successfully"
                self._wait_until_done(other)
        for number in range(1, self.scale.get(name, 1) + 1):
            self._start(name, f"{name}-{number}")

    def wait_until_healthy(self) -> None:
        """Return when every service that has a health check passes it."""
        for name, service in self.services.items():
            if "healthcheck" in service:
                self._wait_until_healthy(name)

    def _order(self) -> Iterator[str]:
        """Services, each behind those that it depends on."""
        waiting = dict(self.services)
        while waiting:
            ready = [name for name in waiting if not waiting.keys() & self.services[name].get("depends_on", {}).keys()]
            assert ready, f"these wait for each other: {sorted(waiting)}"
            for name in ready:
                del waiting[name]
                yield name

    def _start(self, service: str, name: str) -> None:
        said = self.services[service]
        folder = self.folder / "containers" / name
        mounts = self._mounts(said, folder)
        ports = self._ports | {_HEALTH_PORT: _free_port()}
        environment = self.environment(service, mounts, ports)
        environment |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "TMPDIR": str(folder / "tmp")}
        environment["PWD"] = str(mounts.get("/data", folder / "srv" / "bookcover"))
        command = [self._translated(word, mounts, ports) for word in said.get("command", [])]
        if service == "postgres":
            command = self._postgres(environment)
            environment = {"PATH": environment["PATH"]}
        log = self.folder / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd="/" if service == "postgres" else environment["PWD"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        environment["HEALTH_PORT"] = str(ports[_HEALTH_PORT])
        self.containers[name] = Container(name, folder, process, environment, log)

    def environment(self, service: str, mounts: Mapping[str, Path], ports: Mapping[int, int]) -> dict[str, str]:
        """What a container of a service finds in its environment, of this machine as `extra` is already."""

        def here(said: Mapping[str, str]) -> dict[str, str]:
            return {
                key: self._translated(each, mounts, ports, whole=key.endswith("_HOST")) for key, each in said.items()
            }

        ours = {} if service in {"postgres", "redis"} else here(image_environment()) | dict(self.extra)
        return ours | here(self.services[service]["environment"])

    def _mounts(self, said: Mapping[str, Any], folder: Path) -> dict[str, Path]:
        """Folders of this machine that stand for those of a container."""
        mounts = {target: folder / target.strip("/") for target in [*said["tmpfs"], "/srv/bookcover"]}
        for made in mounts.values():
            made.mkdir(parents=True, exist_ok=True)
        for volume, target in (each.split(":") for each in said.get("volumes", [])):
            mounts[target] = self.volume(volume)
            inside = folder / target.strip("/")
            inside.parent.mkdir(parents=True, exist_ok=True)
            inside.symlink_to(mounts[target])
        return mounts

    def _translated(
        self, text: str, mounts: Mapping[str, Path], ports: Mapping[int, int], *, whole: bool = False
    ) -> str:
        """What a container would be told, as it is on this machine.

        Args:
            text: A value of its environment, or a word of a command.
            mounts: Its folders.
            ports: Ports by those that are declared.
            whole: Whether the text as a whole may be a host.
        """
        hosts = "|".join(self.services)
        if whole and re.fullmatch(rf"{hosts}|0\.0\.0\.0", text):
            return "127.0.0.1"
        text = re.sub(rf"(//(?:[^/@ ]*@)?|-h |--host=)(?:{hosts})(?=[: ]|$)", r"\g<1>127.0.0.1", text)
        for port, mine in ports.items():
            text = re.sub(rf"(?<![\w.]){port}(?!\w)", str(mine), text)
        for target in sorted(mounts, key=len, reverse=True):
            if text == target or text.startswith(f"{target}/"):
                return f"{mounts[target]}{text.removeprefix(target)}"
        return text

    def _postgres(self, environment: Mapping[str, str]) -> list[str]:
        """What the image's entrypoint does: a new cluster with its user and database, then the server itself."""
        data = self.volume("postgres") / "data"
        word = data.with_name("password")
        word.write_text(environment["POSTGRES_PASSWORD"], encoding="utf-8")
        user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []
        assert POSTGRES is not None

        def call(*words: str, **options: Any) -> None:
            subprocess.run([*user, *words], check=True, capture_output=True, cwd="/", **options)

        call(
            str(POSTGRES / "initdb"),
            f"--pgdata={data}",
            f"--username={environment['POSTGRES_USER']}",
            f"--pwfile={word}",
            "--no-sync",
            *environment["POSTGRES_INITDB_ARGS"].split(),
        )
        call(
            *(str(POSTGRES / "postgres"), "--single", "-D", str(data), "postgres"),
            input=f"CREATE DATABASE {environment['POSTGRES_DB']}\n".encode(),
        )
        port = self._ports[_PORTS["postgres"]]
        settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "fsync": "off"}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [*user, str(POSTGRES / "postgres"), "-D", str(data), *options]

    def _wait_until_healthy(self, service: str) -> None:
        said = self.services[service]["healthcheck"]["test"]
        for container in [each for each in self.containers.values() if each.name.rpartition("-")[0] == service]:
            ports = self._ports | {_HEALTH_PORT: int(container.environment["HEALTH_PORT"])}
            words = [self._translated(word, {}, ports) for word in said[1:]]
            command = ["sh", "-c", *words] if said[0] == "CMD-SHELL" else words
            self._wait_for(container, lambda c=command, e=container.environment: _succeeds(c, e))

    def _wait_until_done(self, service: str) -> None:
        for container in [each for each in self.containers.values() if each.name.rpartition("-")[0] == service]:
            self._wait_for(container, lambda p=container.process: p.poll() is not None)
            assert container.process.returncode == 0, f"{container.name} failed:\n{container.tail}"

    def _wait_for(self, container: Container, is_so_far: Any) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not is_so_far():
            assert container.process.poll() in {None, 0}, f"{container.name} ended:\n{container.tail}"
            assert time.monotonic() < deadline, f"{container.name} is not healthy:\n{container.tail}"
            time.sleep(1)  # a check is a process that begins, and so do those who are waited for


def _succeeds(command: list[str], environment: Mapping[str, str]) -> bool:
    return subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False).returncode == 0


def _free_port() -> int:
    with socket.socket() as candidate:
        candidate.bind(("127.0.0.1", 0))
        return int(candidate.getsockname()[1])
