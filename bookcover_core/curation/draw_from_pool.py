"""The stage `pool`: with `covers.pool` = "as-needed", covers of the pool are fetched when they are drawn (section 3.1).

Of the 150,572 covers of Book32's pool some 600 replace another book. Books are drawn in rounds, anew in each run: a
cover that was not fetched yet counts as usable and unlike any other, and what is new is fetched and hashed, until a
round draws nothing new. So the selection is the one that the whole pool would give, but that books which look alike
only by way of a picture that nobody fetched are no twins. The journal, ledger/pool.jsonl, keeps what was ever fetched.
"""

from importlib.metadata import version
from itertools import count

from bookcover_core.covers.chunks import DRAWN, chunks, is_open, ledger_parts
from bookcover_core.covers.download import download_chunk, get_covers, refuse_failures, without_texts
from bookcover_core.covers.ledger import (
    CoverOutcome,
    LedgerJournal,
    LedgerRow,
    count_outcomes,
    read_journal,
    rows_digest,
    write_rows,
)
from bookcover_core.covers.local_sources import open_local_source
from bookcover_core.curation.box_set_candidates import candidate_files
from bookcover_core.curation.fingerprints import (
    LIBRARY,
    Fingerprint,
    fingerprints_file,
    hash_covers,
    known_fingerprints,
    read_fingerprints,
)
from bookcover_core.curation.near_duplicates import find_duplicates
from bookcover_core.curation.selection import BookSelector, CoverRecord, cover_records, read_ledgers, selection_inputs
from bookcover_core.listings.books import POOL, each_book
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.manifests import digest_of
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_csv

_FEW_FAILURES = 8  # covers that may fail for now, however few were drawn


def _inputs(study: Study) -> Inputs:
    given = {LIBRARY: version(LIBRARY), **selection_inputs(study)}
    if (source := open_local_source(study)) is not None:
        pool = [book for book in each_book(study.workspace) if book.role == POOL]
        given["pictures"] = digest_of({book.key: source.find(book) for book in pool})
    behind = [f"{name}/chunk-{chunk:04d}" for chunk in chunks(study) for name in ("download", "hashes")]
    return Inputs(DRAWN, after=["listings", *candidate_files(study), *behind], given=given)


@stage(
    "pool",
    "Fetch replacements from the pool",
    label="download",
    step="curate",
    settings=(*download_chunk.settings, "seed", "curation.undecided", "curation.twins", "curation.twin_distance"),
    inputs=_inputs,
    parts=lambda study: [()] if study.settings.draws_from_pool else [],
    is_open=lambda study, manifest: is_open(manifest, study.settings.covers),
    asks_hosts=True,
)
def draw_from_pool(study: Study, run: StageRun) -> Result:
    """The manifest of `download/pool`: a row in ledger/pool.csv for every drawn book of the pool.

    Usable covers have a fingerprint in curation/hashes/pool.csv. Raises `DownloadError` where more than
    `covers.max_failed_share` of the drawn covers failed for now, and more than eight.
    """
    workspace, settings = study.workspace, study.settings
    selector = BookSelector(study)
    books = {book.key: book for book in selector.books}
    pool = {book.key: without_texts(book) for book in each_book(workspace) if book.role == POOL and book.key in books}
    parts = [part for part in ledger_parts(study) if part != DRAWN]
    listed = read_ledgers(study, parts)
    hashed = read_fingerprints(study, parts, books)
    file, journal = fingerprints_file(workspace, DRAWN), workspace.ledger / f"{DRAWN}.jsonl"
    known = known_fingerprints(study, run, file)
    # A row stands as long as what it depends on: not the decisions, nor what else is drawn.
    asked_with = {path: run.settings[path] for path in download_chunk.settings}
    made_by = digest_of([asked_with, download_chunk.code, run.inputs.get("pictures")])
    drawn: dict[str, LedgerRow] = {}
    fingerprints: list[Fingerprint] = []
    for rounds in count():
        twins = find_duplicates(hashed + fingerprints, books, settings.curation)
        covers = {key: CoverRecord(CoverOutcome.OK, "", "", key) for key in pool}
        covers |= cover_records(study, [*listed, *drawn.values()], twins)
        # A rejected book is drawn and fetched too, before the rejection counts: the page shows what was decided.
        unseen = pool.keys() - drawn.keys()
        wanted = [pool[book.key] for book in selector.select(covers, unseen).added if book.key in unseen]
        if not wanted:
            break
        label = f"{run.label}, round {rounds + 1}"
        rows = get_covers(study, label, wanted, read_journal(journal), LedgerJournal(journal, made_by))
        drawn |= {row.key: row for row in rows}
        most = max(settings.covers.max_failed_share * len(drawn), _FEW_FAILURES)
        refuse_failures([pool[key] for key in drawn], drawn.values(), most, run.label)
        fingerprints += hash_covers(study, rows, known)
    rows = [row for _, row in sorted(drawn.items())]
    table = workspace.ledger / f"{DRAWN}.csv"
    write_rows(table, rows)
    write_csv(file, Fingerprint._fields, sorted(fingerprints))
    return Result(
        outputs=[file],
        indexes=[table],
        counts={"records": len(rows), **count_outcomes(rows), "of the pool": len(pool), "rounds": rounds},
        digest=digest_of([rows_digest(rows), sorted(fingerprints)]),
    )
