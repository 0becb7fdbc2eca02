"""Clusters of workers, Dask's or Ray's: started on this machine for a while, or there already.

What reaches such a cluster can run code as the person who started it. One that is started here listens on loopback
alone, and knows its own by certificates (Dask) or a token (Ray) that are made for it and forgotten with it.

A cluster of several machines is started by people, on every machine in an environment that holds the same version of
this project, and where the folder of studies is mounted at the same path, or `shared_store` can be reached:

    dask scheduler --host 10.0.0.5                                          on one machine
    dask worker tcp://10.0.0.5:8786 --nthreads 1 --nworkers 1               on each
    bookcover run --set spreading.how=dask --set spreading.address=tcp://10.0.0.5:8786

    ray start --head --node-ip-address 10.0.0.5 --num-cpus 1                on one machine
    ray start --address 10.0.0.5:6379 --num-cpus 1                          on each other
    bookcover run --set spreading.how=ray --set spreading.address=10.0.0.5:6379

Workers tell the Prefect server of their tasks, so PREFECT_API_URL must be an address that all machines reach.
"""

import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from importlib.util import find_spec
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from bookcover_core.errors import SettingsError, WorkerError
from bookcover_core.settings import SpreadingSettings, StudySettings

if TYPE_CHECKING:
    from prefect.task_runners import TaskRunner

# Cluster by its package, and the package's own name for an installer.
_PACKAGES = {"dask": "prefect_dask", "ray": "prefect_ray"}

_LOOPBACK = "127.0.0.1"

# How long a cluster that is there is waited for where none of its workers has come yet.
_SECONDS_FOR_A_WORKER = 60

# Loggers whose news are no news to people: who comes and goes.
_CHATTERS = ("distributed", "prefect.task_runner.dask", "prefect.task_runner.ray")


def check_cluster(settings: StudySettings) -> None:
    """Return where the cluster that `settings` ask for, if any, can be had.

    Raises:
        SettingsError: What it needs is not installed.
    """
    how = settings.spreading.how
    if how and find_spec(_PACKAGES[how]) is None:
        raise SettingsError(
            f"work is to be spread over {how.capitalize()}, which is not installed",
            where="spreading.how",
            advice=f'Install it with `pip install "bookcover[{how}]"`, or leave the setting empty.',
        )


@contextmanager
def cluster(wanted: SpreadingSettings) -> Iterator["TaskRunner[Any]"]:
    """A task runner that hands tasks to the workers of a cluster.

    A cluster that was started for it ends with the block, whatever its workers are at.

    Args:
        wanted: Which cluster: `how` is not empty.

    Raises:
        WorkerError: The cluster does not answer, or cannot be started.
    """
    with ExitStack() as stack:
        # Both put words into the environment that are for their workers alone.
        stack.callback(_restore, dict(os.environ))
        folder = stack.enter_context(TemporaryDirectory(prefix=f"bookcover-{wanted.how}-", ignore_cleanup_errors=True))
        runner = _dask(wanted, folder) if wanted.how == "dask" else _ray(wanted, folder)
        for chatter in _CHATTERS:
            logging.getLogger(chatter).setLevel(logging.WARNING)
        try:
            stack.enter_context(runner)
            _reach(runner)
        except (OSError, RuntimeError, ValueError) as error:
            raise WorkerError(
                f"the {wanted.how.capitalize()} cluster does not answer ({' '.join(str(error).split())[:200]})",
                where=f"spreading.address = {wanted.address!r}" if wanted.address else "spreading",
                advice="Start it, and its workers, or correct the address. What is done is kept.",
            ) from error
        yield runner


def _restore(environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)


def _reach(runner: "TaskRunner[Any]") -> None:
    """Connect to the cluster, and wait for its first worker: Dask's task runner would wait for ever, with a task."""
    client = getattr(runner, "client", None)
    if client is not None:
        client.wait_for_workers(1, timeout=_SECONDS_FOR_A_WORKER)


def _dask(wanted: SpreadingSettings, folder: str) -> "TaskRunner[Any]":
    from prefect_dask.task_runners import DaskTaskRunner  # noqa: PLC0415 - an extra

    if wanted.address:
        return DaskTaskRunner(address=wanted.address)
    return DaskTaskRunner(
        cluster_kwargs={
            "n_workers": wanted.workers,
            "threads_per_worker": 1,
            "security": True,
            "host": _LOOPBACK,
            "scheduler_kwargs": {"dashboard": False, "dashboard_address": f"{_LOOPBACK}:0"},
            "local_directory": folder,
            # A worker's own memory is small: pictures and networks are in processes of their own.
            "memory_limit": None,
            "env": _share(wanted.workers),
        }
    )


def _ray(wanted: SpreadingSettings, folder: str) -> "TaskRunner[Any]":
    from prefect_ray.task_runners import RayTaskRunner  # noqa: PLC0415 - an extra

    # Ray reads these when it starts. It would tell its makers of its use.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    init: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.WARNING}
    if not wanted.address:
        # Without a way to other machines it listens on loopback alone.
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": _token(), "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
        init |= {
            "num_cpus": wanted.workers,
            "include_dashboard": False,
            "_node_ip_address": _LOOPBACK,
            "_temp_dir": folder,
            "runtime_env": {"env_vars": _share(wanted.workers)},
        }
    runner: TaskRunner[Any] = RayTaskRunner(address=wanted.address, init_kwargs=init)
    return runner


@cache
def _token() -> str:
    """What this process and its clusters of Ray know each other by: Ray asks for it once, for all of them."""
    return secrets.token_hex(32)


def _share(workers: int) -> dict[str, str]:
    """What the environment of one of `workers` on this machine says of the cores that it may use.

    Neither pictures nor features depend on it: they are the same to the byte on any number of cores.
    """
    from loky import cpu_count  # noqa: PLC0415 - for those alone who start a cluster

    cores = str(max(1, cpu_count() // workers))
    return {"LOKY_MAX_CPU_COUNT": cores, "TF_NUM_INTRAOP_THREADS": cores}
