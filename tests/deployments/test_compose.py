"""docker-compose.yml, the Dockerfile and what goes with them, as far as they can be checked without an engine."""

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from deployments.command_line import app
from deployments.server import RUN_ENVIRONMENT
from tests.deployments.composition import FILE, PROJECT, Composition, MissingVariableError, declared, image_environment

VARIABLES = {"BOOKCOVER_AUTH": "reader:a1b2c3", "POSTGRES_PASSWORD": "d4e5f6", "REDIS_PASSWORD": "a7b8c9"}

# Services that end when they are done.
ONCE = {"migrate", "setup"}

SERVICES = declared(VARIABLES)["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
DOCKERFILE = (PROJECT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
FINAL = DOCKERFILE.rsplit("\nFROM ", 1)[1]


@pytest.mark.parametrize("name", VARIABLES)
def test_nothing_starts_without_its_passwords(name):
    """A password has no default; the message says which one is missing, and that .env is its place."""
    with pytest.raises(MissingVariableError, match=rf"set {name} in \.env"):
        declared({**VARIABLES, name: ""})


def test_the_example_of_env_names_every_variable_and_no_password():
    """Whoever copies it sees all that can be set; it is committed, so it holds no secret."""
    example = (PROJECT / ".env.example").read_text(encoding="utf-8")
    assert set(re.findall(r"\$\{(\w+)", FILE.read_text(encoding="utf-8"))) == set(
        re.findall(r"^#? ?(\w+)=", example, re.MULTILINE)
    )
    assert all(re.search(rf"^{name}=$", example, flags=re.MULTILINE) for name in VARIABLES)
    assert ".env" in (PROJECT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_passwords_come_from_the_environment_alone():
    """No value of the file holds one: each is filled in."""
    blank = declared(dict.fromkeys(VARIABLES, "PASSWORD"))
    for service in blank["services"].values():
        for name, value in service["environment"].items():
            if re.search(r"AUTH_STRING$|PASSWORD$|REDISCLI_AUTH", name):
                assert value == "PASSWORD"


def test_the_dashboard_alone_is_published_and_on_loopback_alone():
    """Neither Postgres nor Redis nor a worker can be reached from outside."""
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published == ["127.0.0.1:4200:4200"]
    assert not any("network_mode" in service or "expose" in service for service in SERVICES.values())


def test_those_who_run_flows_reach_neither_postgres_nor_redis():
    """What a flow does, and covers from anywhere, are kept apart from the state of the server."""
    networks = {name: set(service["networks"]) for name, service in SERVICES.items()}
    assert declared(VARIABLES)["networks"]["state"] == {"internal": True}
    assert networks["postgres"] == networks["redis"] == {"state"}
    assert all("state" not in networks[name] for name in ("conductor", "worker", "setup"))
    secrets = {VARIABLES["POSTGRES_PASSWORD"], VARIABLES["REDIS_PASSWORD"]}
    for name in ("conductor", "worker", "setup"):
        assert not any(secret in value for secret in secrets for value in SERVICES[name]["environment"].values())


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_healthy_or_ends(name):
    """Who listens or works for good has a health check and is started again; who does one thing is waited for."""
    service = SERVICES[name]
    if name in ONCE:
        assert "healthcheck" not in service
        conditions = [other.get("depends_on", {}).get(name) for other in SERVICES.values()]
        assert {"condition": "service_completed_successfully"} in conditions
    else:
        assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
        assert service["restart"] == "unless-stopped"
    for other, how in service.get("depends_on", {}).items():
        assert how == {"condition": "service_completed_successfully" if other in ONCE else "service_healthy"}


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_closed(name):
    """No privileges to gain, nothing to write on but volumes and /tmp, limits, and an image of a certain version."""
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert "/tmp" in service["tmpfs"]
    assert not service.keys() & {"privileged", "cap_add", "devices", "pid", "ipc"}
    assert re.fullmatch(r"[a-z]+:\d+\.\d+(\.\d+)?(-bookworm)?", service["image"])
    assert name in OURS or service["user"] == name


def test_the_password_is_asked_of_everyone():
    """Server and services know it, and whoever asks the server brings it."""
    for name in ("server", "services", "migrate"):
        assert SERVICES[name]["environment"]["PREFECT_SERVER_API_AUTH_STRING"] == VARIABLES["BOOKCOVER_AUTH"]
    for name in ("setup", "conductor", "worker"):
        assert SERVICES[name]["environment"]["PREFECT_API_AUTH_STRING"] == VARIABLES["BOOKCOVER_AUTH"]


def test_workers_share_studies_and_weights():
    """A study that one of them began is found by all others, and published weights are fetched once."""
    assert SERVICES["conductor"]["volumes"] == SERVICES["worker"]["volumes"]
    home = SERVICES["worker"]["environment"]["BOOKCOVER_HOME"]
    assert f"studies:{home}/data/studies" in SERVICES["worker"]["volumes"]
    assert f"WORKDIR {home}" in FINAL


def test_runs_behave_as_under_the_commands():
    """What the commands tell Prefect of runs is told to workers too: where logs go, how often a run gives a sign."""
    for name in ("conductor", "worker"):
        assert RUN_ENVIRONMENT.items() <= SERVICES[name]["environment"].items()


def test_prefect_knows_every_setting_that_is_set():
    """A setting that Prefect does not know would do nothing, and nobody would see it."""
    from prefect.settings.models.root import Settings

    known = _setting_names(Settings)
    set_here = {name for service in OURS.values() for name in service["environment"] if name.startswith("PREFECT_")}
    assert {name for name in set_here if not name.startswith("PREFECT_REDIS_MESSAGING_")} <= known


@pytest.mark.parametrize("name", OURS)
def test_every_command_is_one_that_is_there(name):
    """Prefect, or this project, takes each word of a service's command; nothing of it is run."""
    program, *words = SERVICES[name]["command"]
    if program == "prefect":
        from prefect.cli._app import _app

        _app.parse_args(words, exit_on_error=False, print_error=False)
    else:
        assert program == "bookcover"
        get_command(app).commands[words[0]].make_context(words[0], words[1:])


def test_the_image_holds_what_was_named_and_nothing_else():
    """Every source that is copied is there, and let through by .dockerignore; studies and secrets are not."""
    sources = [
        word for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE) for word in line.split()[:-1]
    ]
    assert {"requirements-image.lock", "bookcover_core", "deployments"} <= set(sources)
    rules = [
        rule
        for rule in (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if rule and not rule.startswith("#")
    ]
    assert rules[0] == "*"
    assert {rule.removeprefix("!") for rule in rules if rule.startswith("!")} == set(sources)
    assert all((PROJECT / source).exists() for source in sources)
    assert not any(fnmatch(path, source) for path in (".env", ".git", "data/studies", "tests") for source in sources)


def test_the_image_installs_by_digest_and_runs_as_nobody_special():
    """What is downloaded has a digest; the final stage installs nothing, and its user is not root."""
    installs = re.findall(r"pip [^&\n]*\binstall ([^&\n]*)", DOCKERFILE)
    assert len(installs) == 3
    assert all("--no-deps --require-hashes" in words or "--no-index --no-deps" in words for words in installs)
    assert not re.search(r"pip install|apt|curl|wget", FINAL)
    (user,) = re.findall(r"^USER (\d+):\d+$", FINAL, re.MULTILINE)
    assert int(user) > 1000
    (base,) = re.findall(r"^ARG PYTHON_IMAGE=(\S+)$", DOCKERFILE, re.MULTILINE)
    assert re.fullmatch(r"\S+:\d+\.\d+\.\d+-slim-bookworm", base)
    assert re.findall(r"^FROM (.*)$", DOCKERFILE, re.MULTILINE) == ["${PYTHON_IMAGE} AS build", "${PYTHON_IMAGE}"]
    pinned = f"{base}@sha256:{'0' * 64}"
    given = {"PYTHON_IMAGE": pinned, "POSTGRES_IMAGE": "postgres@sha256:1", "REDIS_IMAGE": "redis@sha256:2"}
    services = declared(VARIABLES | given)["services"]
    assert services["server"]["build"]["args"] == {"PYTHON_IMAGE": pinned}
    assert [services[name]["image"] for name in ("postgres", "redis")] == ["postgres@sha256:1", "redis@sha256:2"]
    assert image_environment()["HOME"] == "/tmp"


def test_what_stands_for_a_container_is_told_paths_of_this_machine_as_they_are(tmp_path):
    """A checkout may lie below /tmp, a folder that containers have too: its files are not looked for in theirs."""
    ours = {"SSL_CERT_FILE": "/tmp/checkout/nobody.pem", "TOLD": "4200"}
    composition = Composition(tmp_path, VARIABLES, extra=ours)
    told = composition.environment("server", {"/tmp": tmp_path / "inside"}, {4200: 4321})
    assert {name: told[name] for name in ours} == ours
    assert told["PREFECT_HOME"] == str(tmp_path / "inside" / "prefect")
    assert told["HOME"] == str(tmp_path / "inside")
    assert "HOME" not in composition.environment("redis", {}, {})


def test_the_image_has_the_versions_that_are_tested():
    """requirements-image.lock names what requirements.lock names, and prefect-redis; no tool of development."""
    ours, tested = (_pinned(PROJECT / name) for name in ("requirements-image.lock", "requirements.lock"))
    assert {name for name in ours if name not in tested} <= {"prefect-redis"}
    assert all(ours[name] <= tested[name] for name in ours if name in tested)
    assert "prefect-redis" in ours
    assert not ours.keys() & {"pytest", "ruff", "mypy", "hatchling"}
    build = _pinned(PROJECT / "requirements-build.lock")
    assert all(versions <= tested[name] for name, versions in build.items())


def _pinned(lock: Path) -> dict[str, set[str]]:
    """Versions by name; a name can have one for each version of Python."""
    versions: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^ ;]+)", lock.read_text(encoding="utf-8"), re.MULTILINE):
        versions.setdefault(name, set()).add(version)
    return versions


def _setting_names(model) -> set[str]:
    """The environment variables of Prefect's settings."""
    from pydantic import BaseModel

    names = set()
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            names |= _setting_names(field.annotation)
        names.add(f"{model.model_config.get('env_prefix', '')}{name}".upper())
        choices = getattr(field.validation_alias, "choices", [])
        names |= {choice.upper() for choice in choices if isinstance(choice, str)}
    return names


def test_the_file_is_plain_yaml():
    """It needs no extension that older engines would not know: anchors and merges are all that is used."""
    assert yaml.safe_load(FILE.read_text(encoding="utf-8"))["name"] == "bookcover"
