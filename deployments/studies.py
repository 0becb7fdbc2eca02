"""Running a study's flows from the command line."""

import logging
import signal
import threading
from collections.abc import Callable

from bookcover_core.errors import BookcoverError, SettingsError
from bookcover_core.models.weights import check_networks
from bookcover_core.settings import StudySettings
from bookcover_core.study import Study
from deployments.server import Dashboard, dashboard
from deployments.terminal import print_results, say

# The parts of a study that can be run alone, in their order.
PARTS = ("listings", "download", "curate", "prepare", "compare", "train", "evaluate", "report")


def run_study(settings: StudySettings, *, only: str | None = None, stay: bool = False) -> None:
    """Run a study, or one part of it, on a Prefect server, and print what came out.

    Args:
        settings: The study.
        only: One of `PARTS`; none: the whole study.
        stay: Keep the dashboard up afterwards, until Ctrl-C.

    Raises:
        SettingsError: There is no such part.
        BookcoverError: Whatever stopped the study.
    """
    if only is not None and only not in PARTS:
        raise SettingsError(f"there is no part {only!r}", where="--only", advice=f"The parts are {', '.join(PARTS)}.")
    # What is wrong at once is said at once, before a server is started.
    Study(settings).begin()
    check_networks(settings)
    with dashboard() as shown:
        say(f"Dashboard: {shown.address}")
        silence_tracebacks()
        _flow_for(only)(settings)
        if only in {None, "report"}:
            print_results(settings)
        if stay:
            _stay(shown)


def _flow_for(part: str | None) -> Callable[[StudySettings], None]:
    """The flow of one part of a study, or of the whole."""
    # Prefect is imported here, when its server is known.
    from flows import comparison, covers, curation, evaluation, listings, preparation, report, study, training  # noqa: PLC0415

    def train(settings: StudySettings) -> None:
        for backbone in settings.training.backbones:
            training.train_backbone(settings, backbone)

    flows: dict[str | None, Callable[[StudySettings], None]] = {
        None: study.study,
        "listings": listings.read_listings,
        "download": covers.download_covers,
        "curate": curation.curate,
        "prepare": preparation.prepare,
        "compare": comparison.compare_preparations,
        "train": train,
        "evaluate": evaluation.evaluate,
        "report": report.write_report,
    }
    return flows[part]


class _PlainErrors(logging.Filter):
    """Leaves the traceback out of a record whose error explains itself."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and isinstance(record.exc_info[1], BookcoverError):
            record.exc_info = None
            record.exc_text = None
        return True


def silence_tracebacks() -> None:
    """Let our own errors appear in logs as their message, without a traceback."""
    for name in ("prefect.flow_runs", "prefect.task_runs"):
        logger = logging.getLogger(name)
        if not any(isinstance(present, _PlainErrors) for present in logger.filters):
            logger.addFilter(_PlainErrors())


def _stay(shown: Dashboard) -> None:
    """Wait until Ctrl-C, where the dashboard would end with this command."""
    if not shown.is_ours:
        return
    say(f"The dashboard stays at {shown.address} until you press Ctrl-C.")
    done = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: done.set())
    try:
        done.wait()
    except KeyboardInterrupt:
        say("Good-bye.")
