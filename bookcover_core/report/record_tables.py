"""How a study was made: what every stage kept and dropped and how long it took, its networks, machines and software.

Counted from the files of the study, so that they hold whatever a stage chose to count in its manifest.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, requires
from itertools import chain
from pathlib import Path

from bookcover_core.covers.chunks import DRAWN
from bookcover_core.covers.ledger import CoverOutcome
from bookcover_core.curation.box_set_candidates import COVER_CANDIDATES, candidate_files
from bookcover_core.models.machine_info import Machine, this_machine
from bookcover_core.models.model_cards import ModelCard, software_versions
from bookcover_core.pipeline.graph import stages
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.report.findings import Findings
from bookcover_core.report.table import Table

# The project's name as a package.
_PROJECT = "bookcover"


def funnel(findings: Findings) -> Iterator[tuple[str, int, int, str]]:
    """Each stage in words, the books after it, those that it dropped, and why."""
    workspace, settings = findings.study.workspace, findings.study.settings
    if workspace.books.exists():
        roles = Counter(read_table(workspace.books, ("role",))["role"])
        malformed = workspace.listings / "malformed.csv"
        dropped = len(read_table(malformed)) if malformed.exists() else 0
        why = _counted({"malformed": dropped} if dropped else {role: roles[role] for role in roles if role})
        yield "Records in the listings", roles.total(), dropped, why
    if outcomes := _ledger(findings):
        usable = outcomes.pop(CoverOutcome.OK, 0)
        drawn = [manifest.counts for manifest in findings.manifests["download"] if manifest.part == DRAWN]
        of_pool = "; {records:,} of the pool's {of the pool:,} were drawn and fetched"
        why = "".join([_counted(outcomes), *(of_pool.format(**counts) for counts in drawn)]).removeprefix("; ")
        yield "Covers", usable, outcomes.total(), why
    for stage, file in candidate_files(findings.study).items():
        if not file.exists():
            continue
        terms = Counter(read_table(file, ("term",))["term"])
        undecided = sum(int(manifest.counts.get("undecided", 0)) for manifest in findings.manifests.get("curate", []))
        kept = f"; {undecided:,} on which nobody decided were kept" if settings.curation.undecided == "keep" else ""
        found_by = "cover" if stage == COVER_CANDIDATES else "title"
        yield f"Candidates for box sets, by {found_by}", terms.total(), 0, _counted(terms) + (kept if undecided else "")
    if workspace.selection.exists() and (file := workspace.curation / "replacements.csv").exists():
        left = read_table(file)
        replaced = int((left["replaced_by"] != "").sum())
        why = _counted(Counter(left["reason"]))
        why += f" ({replaced:,} of them replaced like for like)" if replaced else ""
        yield "Books chosen", len(read_table(workspace.selection, ("key",))), len(left), why
    if splits := split_counts(findings):
        yield "Training, validation and test books", sum(splits.values()), 0, _counted(splits)
    if rows := _prepared(findings):
        methods = settings.preparation.methods
        why = f"each in {len(methods)} preparation{'s' if len(methods) > 1 else ''}: {', '.join(methods)}"
        yield "Covers prepared", rows, 0, why
    if findings.systems:
        yield "Test books judged", findings.test_books, 0, ""


def time_table(findings: Findings) -> Table | None:
    """Time of every stage and, where it works on covers, covers a second."""
    covers = {
        "download": _ledger(findings).total(),
        "prepare": _prepared(findings),
        "evaluate": findings.test_books * len(findings.systems),
    } | {
        name: sum(int(manifest.counts.get("covers", 0)) for manifest in findings.manifests.get(name, []))
        for name in ("hashes", "features")
    }
    rows = [
        (stage.title, len(done), sum(each.seconds for each in done), covers.get(stage.name) or None)
        for stage in stages()
        if (done := findings.manifests.get(stage.name))
    ]
    return Table.of("times", [*rows, ("All stages", None, sum((row[2] for row in rows), 0.0), None)], foot=1)


def split_counts(findings: Findings) -> dict[str, int]:
    """Books by split: train, validation, test; empty while nothing is split."""
    if "split" not in findings.manifests:
        return {}
    counts = Counter(read_table(findings.study.workspace.splits, ("split",))["split"])
    return {side: counts[side] for side in ("train", "validation", "test")}


def _ledger(findings: Findings) -> Counter[str]:
    """Records by what became of their covers."""
    return Counter(_column(findings, "download", findings.study.workspace.ledger, "outcome"))


def _prepared(findings: Findings) -> int:
    """Covers that were prepared."""
    folder = findings.study.workspace.prepared / "measurements"
    return sum(1 for _ in _column(findings, "prepare", folder, "key"))


def _column(findings: Findings, stage: str, folder: Path, name: str) -> Iterable[str]:
    """A column of the tables in `folder` of all parts of a stage."""
    files = (folder / f"{manifest.part}.csv" for manifest in findings.manifests.get(stage, []))
    return chain.from_iterable(read_table(file, (name,))[name] for file in files if file.exists())


def _counted(counts: Mapping[str, int]) -> str:
    """Names with their numbers, the commonest first: "missing 12, truncated 3"."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {count:,}" for name, count in ordered if count)


def architecture_table(findings: Findings) -> Table | None:
    """A row for each network with its numbers; None where no card has them."""
    known = [each for each in findings.systems if each.card and each.card.architecture]
    return Table.of("architectures", known, is_grouped=any("ResNeXt" in each.name for each in findings.systems))


def machine_table(findings: Findings) -> Table | None:
    """The machines on which networks were trained, with their names, and the one that wrote the report."""
    trained: dict[tuple[Machine, str], list[str]] = {}
    for each in findings.systems:
        if each.card is not None and each.card.machine is not None:
            trained.setdefault((each.card.machine, _engine(each.card)), []).append(each.title)
    machines = [(f"trained {', '.join(names)}", *way) for way, names in trained.items()]
    return Table.of("machines", [*machines, ("wrote this report", this_machine(), "")])


def _engine(card: ModelCard) -> str:
    """What computed a network's features, in words; nothing where none were."""
    if card.engine == "openvino":
        return f"OpenVINO {card.software['openvino']}, {card.precision}"
    return f"TensorFlow {card.software['tensorflow']}" if card.is_frozen else ""


def software_table(findings: Findings) -> Table | None:
    """Versions of Python and of the packages that the project asks for: when the networks were trained, and now."""
    now = software_versions(*_packages())
    then: dict[str, set[str]] = {}
    for each in findings.systems:
        for name, number in each.card.software.items() if each.card is not None else ():
            then.setdefault(name, set()).add(number)
    rows = [(name, now[name]) for name in ("python", _PROJECT, *_packages())]
    return Table.of("software", rows, then=then)


def _packages() -> list[str]:
    """Names of the packages that the project itself asks for, without its extras; none where it is not installed."""
    try:
        wanted = requires(_PROJECT) or []
    except PackageNotFoundError:
        return []
    names = [re.match(r"[A-Za-z0-9._-]+", each) for each in wanted if "extra ==" not in each]
    return sorted(name.group() for name in names if name)
