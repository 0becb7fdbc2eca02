"""The demo study: everything at work, within minutes."""

import pytest

from bookcover_core.demo_data.catalogue import publish
from bookcover_core.demo_data.demo_settings import demo_settings
from bookcover_core.demo_data.faults import Fault
from bookcover_core.settings import BookSource, StudySettings


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return publish(tmp_path_factory.mktemp("publisher"), seed=4, train_per_genre=1, test_per_genre=1, pool_per_genre=1)


def test_the_settings_lead_to_the_demo_study(published):
    """Listings are the publisher's, the covers' host is the loopback address, and LeNet alone learns from scratch."""
    settings = demo_settings(published, "http://127.0.0.1:4711", "studies")
    assert settings.name == "demo"
    assert settings.books.source is BookSource.BOOKCOVER30
    assert settings.books.pool_listing == str(published.pool)
    assert settings.covers.hosts == {"ecx.images-amazon.com": ("http://127.0.0.1:4711",)}
    assert settings.covers.allowed_private_hosts == ("127.0.0.1",)
    assert settings.models.weights == "random"
    assert settings.curation.undecided == "reject"
    assert settings.training.backbones == ("LeNet", *StudySettings().training.backbones)
    assert StudySettings.model_validate(settings.model_dump(mode="json")) == settings


def test_only_the_hosts_address_changes_between_runs(published):
    """Two runs with other ports differ in `covers.hosts` alone, which no stage depends on."""
    first, second = (demo_settings(published, f"http://127.0.0.1:{port}", "studies") for port in (1, 2))
    assert first.model_copy(update={"covers": second.covers}) == second
    assert first.covers.model_copy(update={"hosts": second.covers.hosts}) == second.covers


def test_every_fault_occurs_and_its_outcome_is_known(published):
    """Every kind of fault with a share strikes at least one book, none strikes two books with one address."""
    faults = [book.fault for book in published.books if book.fault]
    assert set(faults) == {fault for fault in Fault if fault.share}
    assert len(published.faults) == len(faults)
    assert {fault.outcome for fault in faults} == {
        "ok",
        "missing",
        "placeholder",
        "truncated",
        "not an image",
        "refused",
        "too large",
    }


def test_nobody_waits_for_a_time_out_in_a_demo_study():
    """Faults that cost a study its time-outs have no share of the publisher's books."""
    waits = (Fault.HANG, Fault.DRIP, Fault.HANG_UP, Fault.ERRORS, Fault.BROKEN, Fault.WRONG_LENGTH)
    assert not any(fault.share for fault in waits)
