"""The invented publisher: which books there are, in which listing, and what is odd about them."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from bookcover_core.demo_data.faults import Fault
from bookcover_core.demo_data.random_stream import RandomStream
from bookcover_core.demo_data.styles import styles
from bookcover_core.genres import BOOK32, BOOKCOVER30

HOST = "ecx.images-amazon.com"  # the host that the listings of uchidalab/book-dataset name

# Shares as they are in the 5,700 records of the official test listing.
_LEADING_ZEROS, _NO_ISBN, _NO_AUTHOR, _PERCENT_ENCODED = 0.46, 0.022, 0.07, 0.11
# The dissertation found 264 candidates among 57,000 (section 3.1); so few would leave a demo study nothing to review.
_BOX_SET, _SEVERAL_COVERS = 0.025, 0.7
_SUBTITLES, _PRESSES, _MIDDLE_INITIALS = 0.6, 0.05, 0.25

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
# What has become of a typographic apostrophe in the official listings.
_BROKEN_APOSTROPHE = b"\x81E\x80\x81E".decode("utf-8", "surrogateescape")


@dataclass
class PublishedBook:
    """A book of the publisher, as it is and as the listings have it."""

    key: str
    url: str
    title: str  # as it is printed on the cover
    author: str
    category_id: int
    role: str  # "train", "test", or "extra" for a book that only the pool lists
    listed_title: str
    listed_author: str
    volumes: int = 1  # books on the picture: more than 1 for a box set that shows its volumes
    candidate: bool = False
    twin: str = ""  # key of another book that it shares its picture's address with
    fault: Fault | None = None

    @property
    def filename(self) -> str:
        """Name of its picture; leading zeros kept."""
        return f"{self.key}.jpg"

    @property
    def asin(self) -> str:
        """The listing's first column, which has lost leading zeros."""
        return self.key.lstrip("0")

    @property
    def category(self) -> str:
        """Name of its category."""
        return BOOK32[self.category_id]

    @property
    def path(self) -> str:
        """Path of its picture on the host, percent-encoded as in the listing."""
        return urlsplit(self.url).path


class Publisher:
    """The books of one publisher: so many of each genre in two listings, and of each of 32 categories in the pool's."""

    def __init__(self, seed: int, *, train_per_genre: int, test_per_genre: int, pool_per_genre: int) -> None:
        self.seed = seed
        self._keys: set[str] = set()
        self._titles: set[str] = set()
        self.books = [
            self._invent(category_id, role, number)
            for role, count in (("train", train_per_genre), ("test", test_per_genre), ("extra", pool_per_genre))
            for category_id in range(len(BOOK32 if role == "extra" else BOOKCOVER30))
            for number in range(count)
        ]
        self._add_quirks()
        self._add_faults()

    def listing(self, *roles: str) -> list[PublishedBook]:
        """The books of these roles, in the order of their listing."""
        chosen = [book for book in self.books if book.role in roles]
        return RandomStream(self.seed, "order", *roles).sample(chosen, len(chosen))

    def _invent(self, category_id: int, role: str, number: int) -> PublishedBook:
        category = BOOK32[category_id]
        random = RandomStream(self.seed, category_id, role, number)
        while (key := _invent_key(random)) in self._keys:
            pass
        self._keys.add(key)
        candidate = random.happens(_BOX_SET)
        pattern = str(random.pick(styles()["box_sets"])) if candidate else ""
        title = self._new_title(category, random)
        if candidate:
            title = pattern.format(title=title.partition(":")[0])
        author = invent_author(random)
        return PublishedBook(
            key=key,
            url=f"http://{HOST}/images/I/{_invent_picture_name(random)}.jpg",
            title=title,
            author=author,
            category_id=category_id,
            role=role,
            listed_title=title,
            listed_author="" if random.happens(_NO_AUTHOR) else author,
            candidate=candidate,
            volumes=random.whole(3, 5) if candidate and random.happens(_SEVERAL_COVERS) else 1,
        )

    def _new_title(self, category: str, random: RandomStream) -> str:
        """A title whose main part no other book has; after fifty tries, one with a number behind it."""
        for _ in range(50):
            main, colon, rest = invent_title(category, random).partition(":")
            if main not in self._titles:
                break
        else:
            main = f"{main} {len(self._titles)}"
        self._titles.add(main)
        return f"{main}{colon}{rest}"

    def _add_quirks(self) -> None:
        """Give books the rare oddities of the official listings: each to at least one in train and in test."""
        for role in ("train", "test", "extra"):
            ordinary = [book for book in self.books if book.role == role]
            drawn = RandomStream(self.seed, "quirks", role).sample(ordinary, len(ordinary))
            for share, column, change in _QUIRKS:
                for _ in range(min(len(drawn), max(1, round(share * len(ordinary))))):
                    book = drawn.pop()
                    setattr(book, column, change(book))
            if role == "test" and drawn:
                drawn.pop().listed_author = "The Committee on Letters of the Society\nof Readers"
        # A test book has the picture of a training book of another genre.
        first = next((book for book in self.books if book.role == "train"), None)
        other = next((book for book in reversed(self.books) if book.role == "test"), None)
        if first and other and first.category_id != other.category_id:
            other.url, other.twin, other.volumes = first.url, first.key, first.volumes

    def _add_faults(self) -> None:
        """Give books the faults of the host: each to at least one, where there are books enough."""
        twins = {book.twin for book in self.books}
        sound = [book for book in self.books if not book.twin and book.key not in twins]
        drawn = RandomStream(self.seed, "faults").sample(sound, len(sound))
        for fault in filter(lambda each: each.share, Fault):
            for _ in range(min(len(drawn), max(1, round(fault.share * len(self.books))))):
                drawn.pop().fault = fault


def invent_title(category: str, random: RandomStream) -> str:
    """A title for a book of `category`, with or without a subtitle behind a colon."""
    words = styles()["categories"][category]
    title = str(random.pick(words["patterns"])).format(a=random.pick(words["a"]), b=random.pick(words["b"]))
    with_subtitle = ":" not in title and random.happens(_SUBTITLES)
    return f"{title}: {random.pick(words['subtitles'])}" if with_subtitle else title


def invent_author(random: RandomStream) -> str:
    """The name of an author or of a publishing house."""
    names = styles()["authors"]
    if random.happens(_PRESSES):
        return str(random.pick(names["presses"]))
    middle = f" {random.pick('ABCDEFGHJKLMRSTW')}." if random.happens(_MIDDLE_INITIALS) else ""
    return f"{random.pick(names['first'])}{middle} {random.pick(names['last'])}"


def _invent_key(random: RandomStream) -> str:
    """An ISBN-10 with its check digit, or now and then an Amazon number."""
    if random.happens(_NO_ISBN):
        return "B00" + "".join(random.pick(_ALPHABET[:26] + "0123456789") for _ in range(7))
    first = 0 if random.happens(_LEADING_ZEROS) else 1
    digits = [first, *(random.whole(0, 9) for _ in range(8))]
    check = -sum((10 - place) * digit for place, digit in enumerate(digits)) % 11
    return "".join(map(str, digits)) + ("X" if check == 10 else str(check))


def _invent_picture_name(random: RandomStream) -> str:
    """Eleven characters, the last an L; a plus among them is percent-encoded."""
    letters = [random.pick(("51", "41", "61")), *(random.pick(_ALPHABET) for _ in range(8))]
    if random.happens(_PERCENT_ENCODED):
        letters[random.whole(1, 8)] = "%2B"
    return "".join(letters) + "L"


# Shares as above, and what becomes of a book: bytes that are not UTF-8, doubled quotes, the address of a GIF.
_QUIRKS: tuple[tuple[float, str, Callable[[PublishedBook], str]], ...] = (
    (0.004, "listed_title", lambda book: f"{book.title}, a Reader{_BROKEN_APOSTROPHE}s Edition"),
    (0.005, "listed_title", lambda book: f'{book.title} ("{book.category}" Classics)'),
    (0.003, "url", lambda book: book.url.removesuffix(".jpg") + ".gif"),
)
