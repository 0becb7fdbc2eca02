"""The review: a study waits here until people have decided on its box-set candidates (section 3.1).

A run that came from a deployment is suspended: its process ends, and when it is resumed it starts from the top and
finds everything that was done. Any other run is paused, and goes on where it is. Both are resumed by the last decision
on the review page, or by the form that the dashboard shows for them, whichever comes first.
"""

import re
from collections.abc import Callable
from typing import Annotated, Any, ClassVar
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext
from prefect.flow_runs import pause_flow_run, suspend_flow_run
from prefect.input import RunInput
from prefect.input.run_input import Keyset, keyset_from_base_key
from prefect.logging import get_run_logger
from prefect.variables import Variable
from pydantic import Field, create_model

from bookcover_core.curation.decisions import append_decision
from bookcover_core.curation.review_queue import ReviewItem, find_open, review_queue
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings
from tasks.pages import page_of

# A review may take days, and nobody is to come back to a run that gave up: a year.
_PATIENCE = 365 * 24 * 3600

# Seconds between two looks whether a paused run was resumed.
_POLL_INTERVAL = 2

_KEY = "review-"

# Candidates that the form describes; the page shows them all.
_DESCRIBED = 100


PAGE_VARIABLES = "bookcover_review_"
"""How Prefect's variables begin that hold addresses of review pages: see `page_variable`."""


class Answer(RunInput):
    """What a person decides in the dashboard's form."""

    study: ClassVar[Study]
    """The study that asks."""

    reject: list[str] = Field(default=[], description="Box sets among them: they leave the study.")
    keep_all_others: bool = Field(
        default=False, description="Keep all the others. Without it, the run waits for those that are still open."
    )
    reviewer: str = Field(default="", description="Who decides.")

    @classmethod
    def save(cls, keyset: Keyset, flow_run_id: UUID | None = None) -> None:
        """Store the form, which Prefect does when the run waits already, and go on where there is nothing left to ask.

        Whoever made the last decision in between found no run that could be resumed.
        """
        super().save(keyset, flow_run_id)
        context = FlowRunContext.get()
        if not find_open(cls.study) and context is not None and context.flow_run is not None:
            with get_client(sync_client=True) as client:
                client.resume_flow_run(context.flow_run.id, run_input={})


def page_variable(settings: StudySettings) -> str:
    """Name of Prefect's variable that holds the address of a study's review page, while one is served."""
    return f"{PAGE_VARIABLES}{re.sub('[^a-z0-9]', '_', settings.name.lower())}"


def wait_for_review(settings: StudySettings, draw: Callable[[], None] | None = None) -> None:
    """Return when no candidate is open, or where `curation.undecided` says that nobody is to be asked.

    `draw`, if there is one, fetches what the decisions of an answer bring in, before anybody is asked of that.

    Only the run that a person started can be suspended, so this belongs into that one, not into a run within it.
    """
    context = FlowRunContext.get()
    if settings.curation.undecided != "ask" or context is None or context.flow_run is None:
        return
    study = Study(settings)
    answer = _last_answer(context.flow_run)
    while True:
        if answer is not None:
            _record(study, answer)
            if draw is not None:
                draw()
        waiting = find_open(study)
        if not waiting:
            return
        answer = _ask(context.flow_run, study, waiting, _page(settings))


def _page(settings: StudySettings) -> str | None:
    """Address of the study's review page, if `bookcover review`, `run` or `serve` serves it."""
    page = Variable.get(page_variable(settings), default=None)
    return str(page) if page else page_of(settings, "review")


def _ask(run: FlowRun, study: Study, waiting: list[ReviewItem], page: str | None) -> Answer:
    """The answer to the form, if this process is there when it comes."""
    where = f"at {page}" if page else "with `bookcover review`, or in the form of this run"
    # A person is to act on it, so it is more than information.
    get_run_logger().warning("%d box-set candidates are to be decided on, %s", len(waiting), where)
    form = _form(waiting, page)
    form.study = study
    key = f"{_KEY}{len(_asked(run)) + 1}"
    if run.deployment_id is not None:
        return suspend_flow_run(wait_for_input=form, key=key)
    return pause_flow_run(wait_for_input=form, key=key, timeout=_PATIENCE, poll_interval=_POLL_INTERVAL)


def _last_answer(run: FlowRun) -> Answer | None:
    """What the form brought for which this run was suspended; None if it never was."""
    asked = _asked(run)
    if not asked:
        return None
    answer = Answer.load(keyset_from_base_key(f"suspended-{_KEY}{len(asked)}"))
    assert isinstance(answer, Answer)
    return answer


def _asked(run: FlowRun) -> set[str]:
    """Keys of the times that this run has asked."""
    with get_client(sync_client=True) as client:
        keys = client.read_flow_run(run.id).empirical_policy.pause_keys or set()
    return {key for key in keys if key.startswith(_KEY)}


def _form(waiting: list[ReviewItem], page: str | None) -> type[Answer]:
    """The form that the dashboard shows: the open candidates to choose from, described above it."""
    choices = {"enum": [_choice(item) for item in waiting]}
    reject: Any = (list[Annotated[str, Field(json_schema_extra=choices)]], Answer.model_fields["reject"])
    form = create_model("Answer", __base__=Answer, reject=reject)
    return form.with_initial_data(description=_description(waiting, page))


def _choice(item: ReviewItem) -> str:
    """A candidate as the form names it: a picture of a folder has its title for a key."""
    return item.title if item.title == item.key else f"{item.key} {item.title}"


def _reason(item: ReviewItem) -> str:
    """What makes a book a candidate: the term in its title, or what its cover says."""
    return f"{item.term}, read on the cover: {item.read}" if item.read else item.term


def _record(study: Study, answer: Answer) -> None:
    """Add the decisions of an answer to the study's, for the candidates that are still open."""
    for item in review_queue(study).open:
        if _choice(item) in answer.reject:
            append_decision(study, item.key, "reject", by=answer.reviewer, why="box set, said in the form")
        elif answer.keep_all_others:
            append_decision(study, item.key, "keep", by=answer.reviewer, why="said in the form")


def _description(waiting: list[ReviewItem], page: str | None) -> str:
    """The open candidates as Markdown."""
    lines = [f"### {len(waiting)} box-set candidates are to be decided on", ""]
    if page:
        lines += [f"**[Open the review page]({page})**: it shows the covers, and this run goes on by itself.", ""]
    lines += ["| book | genre | found by |", "|---|---|---|"]
    lines += [
        f"| {_plain(_choice(item))} | {_plain(item.genre)} | {_plain(_reason(item))} |" for item in waiting[:_DESCRIBED]
    ]
    if len(waiting) > _DESCRIBED:
        lines += ["", f"and {len(waiting) - _DESCRIBED} more."]
    return "\n".join(lines)


def _plain(text: str) -> str:
    """`text` as Markdown that says just that."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]<>()#+-.!|~&" else sign for sign in text).replace("\n", " ")
