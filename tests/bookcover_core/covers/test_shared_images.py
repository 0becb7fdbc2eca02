"""Tests of what chunks have to do with each other."""

from collections.abc import Callable

from bookcover_core.covers.download import download_chunk
from bookcover_core.covers.ledger import read_rows
from bookcover_core.pipeline.study import Study
from tests.bookcover_core.covers.loopback import LoopbackHost, picture, reply

MakeStudy = Callable[..., Study]


def shared(host: LoopbackHost, make_study: MakeStudy) -> Study:
    """Two chunks of five books; "one" of the first and "other" of the second have one picture."""
    url = host.add("/shared.jpg", reply(200, picture(colour=(1, 2, 3))))
    spare = {f"s{n}": host.add(f"/s{n}.jpg", reply(200, picture())) for n in range(2)}
    # After the six books that are well, four of them in the first chunk.
    study = make_study({"one": url, **spare, "other": url}, books={"chunk_records": 7})
    assert download_chunk(study, 1).counts == {"records": 7, "ok": 7}
    return study


def test_one_picture_in_two_chunks_is_fetched_once(host: LoopbackHost, make_study: MakeStudy):
    """The second chunk's book gets the cover that the first has, as if it had come for it, and no host is asked."""
    study = shared(host, make_study)
    assert download_chunk(study, 2).counts == {"records": 3, "ok": 3}
    assert host.count("/shared.jpg") == 1
    [one] = [row for row in read_rows(study.workspace.ledger / "chunk-0001.csv") if row.key == "one"]
    [other] = read_rows(study.workspace.ledger / "chunk-0002.csv", {"other"})
    assert (other.outcome, other.sha256, other.address, other.attempts) == ("ok", one.sha256, one.address, 0)
    assert (study.workspace.root / other.path).read_bytes() == picture(colour=(1, 2, 3))
    assert download_chunk(study, 2).reused


def test_a_cover_of_another_chunk_that_was_altered_is_not_copied(host: LoopbackHost, make_study: MakeStudy):
    """What does not stand any more as it came is fetched."""
    study = shared(host, make_study)
    [one] = read_rows(study.workspace.ledger / "chunk-0001.csv", {"one"})
    (study.workspace.root / one.path).write_bytes(picture(colour=(9, 9, 9)))
    assert download_chunk(study, 2).counts == {"records": 3, "ok": 3}
    assert host.count("/shared.jpg") == 2
