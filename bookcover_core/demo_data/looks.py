"""Each genre's leanings: the palettes, pictures, layouts and typefaces that its covers are drawn from.

A table, no code. What neighbouring genres share here, and what a cover borrows from another genre
(`BORROWED`), is what makes the invented covers hard to tell apart.
"""

from dataclasses import dataclass
from types import MappingProxyType

# RandomStream that one element of a cover (palette, picture, layout, type) is taken from another genre.
BORROWED = 0.13
# Of what is borrowed, the share that comes from a neighbour; the rest comes from anywhere.
FROM_NEIGHBOUR = 0.6

PORTRAIT = ((333, 500), (333, 500), (331, 500), (328, 500), (323, 500), (375, 500), (310, 475), (266, 400), (400, 500))
LARGE = ((386, 500), (389, 500), (400, 500), (375, 500), (333, 500))
SQUARE = ((500, 500), (450, 450), (400, 400))
LANDSCAPE = ((500, 386), (500, 333), (500, 400))
COMIC = ((325, 500), (333, 500), (324, 500), (351, 500), (260, 400))


@dataclass(frozen=True)
class Look:
    """What the covers of one genre lean to."""

    palettes: tuple[str, ...]
    pictures: tuple[str, ...]
    layouts: tuple[str, ...]
    faces: tuple[str, ...]
    treatments: tuple[str, ...] = ("plain",)
    sizes: tuple[tuple[int, int], ...] = PORTRAIT
    neighbours: tuple[str, ...] = ()
    badges: tuple[str, ...] = ()


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.replace("|", " ") for word in text.split())


LOOKS = MappingProxyType({
    "Arts & Photography": Look(
        _words("gallery snow gallery linen noir"),
        _words("blocks brushwork circles camera portrait brushwork room"),
        _words("window window typographic full framed"),
        _words("light spaced modern roman"),
        _words("plain mono grain"), sizes=LARGE + SQUARE,
        neighbours=("Crafts, Hobbies & Home", "Calendars", "Biographies & Memoirs"),
    ),
    "Biographies & Memoirs": Look(
        _words("sepia linen storm cream noir"),
        _words("portrait portrait face_close room road"),
        _words("full full banner window"),
        _words("roman bold|roman inscription slab"),
        _words("mono duotone grain soft"),
        neighbours=("History", "Literature & Fiction", "Politics & Social Sciences"),
        badges=("THE TRUE STORY", "A LIFE"),
    ),
    "Business & Money": Look(
        _words("snow signal navy lemon slate royal"),
        _words("chart coins steps paper stripes bulb"),
        _words("typographic typographic banner textbook"),
        _words("grotesque condensed sans slab"),
        neighbours=("Self-Help", "Computers & Technology", "Politics & Social Sciences"),
        badges=("NATIONAL BESTSELLER", "REVISED EDITION"),
    ),
    "Calendars": Look(
        _words("sky sunset meadow lagoon blossom pastel"),
        _words("mountains sunset flowers countryside palms bear horse car"),
        _words("calendar calendar calendar full"),
        _words("light spaced script rounded"),
        _words("plain grain"), sizes=SQUARE + LANDSCAPE + SQUARE,
        neighbours=("Arts & Photography", "Travel"),
    ),
    "Children's Books": Look(
        _words("playroom candy grass nursery sky tangerine"),
        _words("bear bear bunting countryside horse planets castle"),
        _words("storybook storybook full banner"),
        _words("rounded rounded oblique western"),
        sizes=SQUARE + LANDSCAPE + ((385, 500), (400, 500), (333, 500)),
        neighbours=("Teen & Young Adult", "Humor & Entertainment", "Parenting & Relationships"),
        badges=("WITH STICKERS!", "AGES 3-6"),
    ),
    "Comics & Graphic Novels": Look(
        _words("pop signal playroom ember royal candy"),
        _words("hero hero panels panels burst halftone skyline"),
        _words("masthead masthead masthead full"),
        _words("oblique oblique poster condensed"),
        sizes=COMIC,
        neighbours=("Science Fiction & Fantasy", "Children's Books", "Humor & Entertainment"),
        badges=("No. 1", "VOL. 2", "COLLECTED"),
    ),
    "Computers & Technology": Look(
        _words("circuit blueprint steel snow royal teal"),
        _words("circuit circuit code code orbits stripes"),
        _words("textbook textbook banner typographic"),
        _words("grotesque sans monospace light"),
        sizes=LARGE,
        neighbours=("Engineering & Transportation", "Business & Money", "Science & Math"),
        badges=("2ND EDITION", "COVERS VERSION 8"),
    ),
    "Cookbooks, Food & Wine": Look(
        _words("kitchen herb citrus cream tangerine"),
        _words("plate plate plate pot wine apple"),
        _words("full banner label window"),
        _words("script rounded slab modern|bold"),
        _words("plain plain grain"), sizes=LARGE + SQUARE,
        neighbours=("Health, Fitness & Dieting", "Crafts, Hobbies & Home"),
        badges=("100 RECIPES", "QUICK & EASY"),
    ),
    "Crafts, Hobbies & Home": Look(
        _words("linen blossom pastel meadow herb cream"),
        _words("quilt quilt yarn yarn flowers leaves"),
        _words("label banner window full"),
        _words("rounded script light slab"),
        sizes=LARGE + SQUARE,
        neighbours=("Arts & Photography", "Cookbooks, Food & Wine", "Children's Books"),
        badges=("30 PROJECTS", "STEP BY STEP"),
    ),
    "Christian Books & Bibles": Look(
        _words("leather sky oxblood cream royal linen"),
        _words("cross cross church dove sunset swirls"),
        _words("full framed label banner"),
        _words("roman bold|roman inscription italic"),
        _words("plain soft"),
        neighbours=("Religion & Spirituality", "Religion & Spirituality", "Self-Help"),
        badges=("LARGE PRINT", "STUDY GUIDE"),
    ),
    "Engineering & Transportation": Look(
        _words("blueprint steel slate signal olive"),
        _words("gears car car aeroplane curves gears"),
        _words("textbook banner full typographic"),
        _words("condensed grotesque sans poster"),
        _words("plain grain mono"), sizes=LARGE,
        neighbours=("Computers & Technology", "Science & Math", "History"),
        badges=("3RD EDITION", "REPAIR MANUAL"),
    ),
    "Health, Fitness & Dieting": Look(
        _words("mint snow citrus herb sky"),
        _words("yoga yoga apple leaves runner heart"),
        _words("banner typographic window full"),
        _words("grotesque rounded light sans"),
        neighbours=("Self-Help", "Self-Help", "Cookbooks, Food & Wine", "Medical Books"),
        badges=("LOSE 10 POUNDS", "NEW!"),
    ),
    "History": Look(
        _words("parchment sepia oxblood olive storm"),
        _words("old_map old_map soldiers temple flag portrait"),
        _words("full banner framed label"),
        _words("inscription bold|roman epic slab"),
        _words("grain duotone grain mono"),
        neighbours=("Biographies & Memoirs", "Politics & Social Sciences", "Travel"),
    ),
    "Humor & Entertainment": Look(
        _words("lemon tangerine pop candy snow"),
        _words("speech speech speech burst bear portrait"),
        _words("typographic full banner masthead"),
        _words("rounded western oblique grotesque"),
        neighbours=("Comics & Graphic Novels", "Children's Books", "Self-Help"),
        badges=("LOL", "COLOR ME!"),
    ),
    "Law": Look(
        _words("leather leather oxblood navy forest"),
        _words("scales scales gavel temple paper"),
        _words("framed framed textbook label"),
        _words("inscription bold|roman roman modern|bold"),
        sizes=PORTRAIT + LARGE,
        neighbours=("Politics & Social Sciences", "Reference", "Business & Money"),
        badges=("FIFTH EDITION", "CASEBOOK"),
    ),
    "Literature & Fiction": Look(
        _words("linen storm cream plum teal copper"),
        _words("room room road forest brushwork couple countryside"),
        _words("full typographic label window"),
        _words("italic modern roman spaced script"),
        _words("soft grain duotone plain"),
        neighbours=("Mystery, Thriller & Suspense", "Romance", "Biographies & Memoirs", "Teen & Young Adult"),
        badges=("A NOVEL", "WINNER"),
    ),
    "Medical Books": Look(
        _words("clinic clinic teal navy mint"),
        _words("heartbeat heartbeat cells helix molecule heart"),
        _words("textbook textbook banner typographic"),
        _words("sans grotesque light bold|roman"),
        sizes=LARGE,
        neighbours=("Science & Math", "Science & Math", "Health, Fitness & Dieting"),
        badges=("8TH EDITION", "WITH ONLINE ACCESS"),
    ),
    "Mystery, Thriller & Suspense": Look(
        _words("noir night noir ember storm"),
        _words("lit_house alley alley forest skyline road"),
        _words("full full masthead banner"),
        _words("poster condensed poster epic"),
        _words("plain grain soft"),
        neighbours=("Literature & Fiction", "Science Fiction & Fantasy", "Teen & Young Adult"),
        badges=("A THRILLER", "#1 BESTSELLER"),
    ),
    "Parenting & Relationships": Look(
        _words("nursery pastel blossom sky citrus"),
        _words("family family baby baby heart bunting"),
        _words("window banner label typographic"),
        _words("rounded light slab script"),
        _words("plain soft"),
        neighbours=("Self-Help", "Children's Books", "Health, Fitness & Dieting"),
        badges=("FROM BIRTH TO THREE",),
    ),
    "Politics & Social Sciences": Look(
        _words("snow signal slate cream navy"),
        _words("flag flag crowd crowd globe paper"),
        _words("typographic banner window textbook"),
        _words("slab grotesque roman western"),
        _words("plain grain duotone"),
        neighbours=("History", "Business & Money", "Law", "Biographies & Memoirs"),
    ),
    "Reference": Look(
        _words("royal signal forest lemon navy"),
        _words("letters letters globe books letters paper"),
        _words("textbook typographic label banner"),
        _words("slab modern|bold grotesque bold|roman"),
        neighbours=("Test Preparation", "Law", "Travel"),
        badges=("OVER 50,000 ENTRIES", "THIRD EDITION", "POCKET"),
    ),
    "Religion & Spirituality": Look(
        _words("gilt violet lavender oxblood sunset"),
        _words("mandala mandala lotus lotus sunset dove temple"),
        _words("framed label full window"),
        _words("inscription italic roman light"),
        _words("plain soft"),
        neighbours=("Christian Books & Bibles", "Christian Books & Bibles", "Self-Help"),
    ),
    "Romance": Look(
        _words("rose plum rose blossom violet"),
        _words("embrace embrace couple rose_stem flowers swirls"),
        _words("full full label masthead"),
        _words("script script italic bold|italic"),
        _words("soft plain plain"),
        neighbours=("Literature & Fiction", "Teen & Young Adult"),
        badges=("A ROMANCE", "BOOK TWO"),
    ),
    "Science & Math": Look(
        _words("space teal navy clinic blueprint"),
        _words("orbits curves galaxy molecule helix circles"),
        _words("textbook textbook banner full"),
        _words("modern modern|bold sans light"),
        sizes=LARGE + PORTRAIT,
        neighbours=("Medical Books", "Medical Books", "Computers & Technology"),
        badges=("SECOND EDITION",),
    ),
    "Science Fiction & Fantasy": Look(
        _words("space nebula space night emerald"),
        _words("planets planets castle castle galaxy"),
        _words("full full masthead full"),
        _words("epic epic spaced condensed"),
        neighbours=("Teen & Young Adult", "Mystery, Thriller & Suspense", "Comics & Graphic Novels"),
        badges=("BOOK ONE", "THE SAGA BEGINS"),
    ),
    "Self-Help": Look(
        _words("snow citrus sky lemon mint"),
        _words("bulb steps key_and_lock sunset paper yoga"),
        _words("typographic typographic banner window"),
        _words("grotesque slab light bold|roman"),
        neighbours=(
            "Health, Fitness & Dieting", "Health, Fitness & Dieting", "Business & Money", "Parenting & Relationships",
        ),
        badges=("MILLIONS SOLD", "WITH A NEW PREFACE"),
    ),
    "Sports & Outdoors": Look(
        _words("grass signal forest steel tangerine"),
        _words("ball ball runner mountains horse ball"),
        _words("full banner masthead full"),
        _words("oblique condensed poster western"),
        _words("plain grain"),
        neighbours=("Health, Fitness & Dieting", "Travel", "Biographies & Memoirs"),
        badges=("ALL-TIME GREATS", "OFFICIAL GUIDE"),
    ),
    "Teen & Young Adult": Look(
        _words("nebula teal lavender night candy"),
        _words("face_close face_close skyline couple castle forest"),
        _words("full full masthead typographic"),
        _words("spaced script light condensed"),
        _words("plain duotone soft"),
        neighbours=("Science Fiction & Fantasy", "Romance", "Literature & Fiction"),
        badges=("BOOK THREE",),
    ),
    "Test Preparation": Look(
        _words("royal signal lemon tangerine navy"),
        _words("pencil pencil stripes letters pencil"),
        _words("workbook workbook workbook textbook"),
        _words("grotesque grotesque condensed sans"),
        sizes=LARGE,
        neighbours=("Reference", "Computers & Technology", "Medical Books"),
        badges=("600+ QUESTIONS", "6 FULL TESTS", "PASS!"),
    ),
    "Travel": Look(
        _words("lagoon sunset desert sky navy"),
        _words("palms sunset mountains road skyline old_map temple"),
        _words("banner banner full window"),
        _words("grotesque slab sans condensed"),
        _words("plain plain grain"),
        neighbours=("Calendars", "History", "Sports & Outdoors"),
        badges=("WITH PULL-OUT MAP", "TOP 10"),
    ),
    "Gay & Lesbian": Look(
        _words("violet noir candy teal"),
        _words("couple portrait stripes stripes skyline"),
        _words("full typographic window"),
        _words("light italic condensed"),
        neighbours=("Romance", "Biographies & Memoirs", "Literature & Fiction"),
    ),
    "Education & Teaching": Look(
        _words("forest lemon royal snow"),
        _words("books apple pencil letters"),
        _words("textbook banner typographic"),
        _words("grotesque slab rounded"),
        sizes=LARGE,
        neighbours=("Test Preparation", "Reference", "Parenting & Relationships"),
    ),
})  # fmt: skip
