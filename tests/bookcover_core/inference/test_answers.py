"""What is returned for a cover."""

from bookcover_core.covers.ledger import CoverOutcome
from bookcover_core.inference.answers import Unreadable


def test_a_name_that_is_not_utf_8_can_be_written_as_json():
    """One odd file name stops no folder."""
    unreadable = Unreadable(source="caf\udce9.jpg", outcome=CoverOutcome.MISSING, reason="gone")
    assert unreadable.source == r"caf\udce9.jpg"
    assert "caf" in unreadable.model_dump_json()
