"""Groups of books that must stay on one side."""

from hypothesis import given
from hypothesis import strategies as st

from bookcover_core.curation.leakage_groups import unite_groups

LINKS = st.sets(st.sampled_from("uvwxyz"), max_size=3)
BOOKS = st.lists(st.tuples(st.sampled_from("abcdef"), LINKS), max_size=20).map(
    lambda rows: [(f"k{number}", group, links) for number, (group, links) in enumerate(rows)]
)


@given(books=BOOKS)
def test_books_that_share_a_group_or_a_link_are_united(books):
    """Two books of one group, or with one link, are in one group afterwards; the order of books does not matter."""
    groups = unite_groups(books)
    assert set(groups) == {key for key, _, _ in books}
    for one in books:
        for other in books:
            if one[1] == other[1] or one[2] & other[2]:
                assert groups[one[0]] == groups[other[0]]
    assert unite_groups(books[::-1]) == groups


def test_only_what_is_linked_is_united():
    """Links go through other books; a group is named after the first of its names, and is no link itself."""
    books = [("1", "b", "x"), ("2", "c", "x"), ("3", "c", "y"), ("4", "a", "yw"), ("5", "d", "z"), ("6", "e", "d")]
    assert unite_groups(books) == {"1": "a", "2": "a", "3": "a", "4": "a", "5": "d", "6": "e"}
