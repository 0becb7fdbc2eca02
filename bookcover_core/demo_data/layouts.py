"""Layouts: how picture, title and author come together on a cover."""

import re
from collections.abc import Callable
from types import MappingProxyType

from bookcover_core.demo_data.page import Page
from bookcover_core.demo_data.palettes import WHITE, luminance, mix
from bookcover_core.demo_data.typography import FACES, Align

_WEEKDAYS = "MTWTFSS"
_YEAR = re.compile(r"20\d\d")


def _full(page: Page) -> None:
    """The picture everywhere, type on it."""
    page.art(0, 0, 1, 1)
    high = page.chance.happens(0.6)
    top, bottom = (0.05, 0.36) if high else (0.52, 0.84)
    page.scrim(0, 0.58 if high else 0.3, 0.95 if high else 0.5)
    page.scrim(0.75 if high else 0.38, 1, 0.6 if high else 1.0)
    end = page.text((0.07, top, 0.93, bottom), page.title, fancy=True, rise=0.2)
    page.text((0.1, end + 0.01, 0.9, end + 0.09), page.subtitle, page.quiet, lines=2, largest=0.06)
    _author(page, 0.9, 0.96) if high or page.chance.happens(0.6) else _author(page, 0.04, 0.1)


def _banner(page: Page) -> None:
    """A picture above a coloured field, or below it."""
    cut = page.chance.between(0.34, 0.48)
    shade = page.chance.pick((page.palette.ground, page.palette.accent, page.palette.second, WHITE))
    if page.chance.happens(0.5):
        page.art(0, cut, 1, 1)
        page.rect(0, 0, 1, cut, shade)
        top, bottom = 0.03, cut - 0.02
    else:
        page.art(0, 0, 1, 1 - cut)
        page.rect(0, 1 - cut, 1, 1, shade)
        top, bottom = 1 - cut + 0.02, 0.98
    if page.chance.happens(0.4):
        edge = cut if top < 0.3 else 1 - cut
        page.rect(0, edge - 0.008, 1, edge + 0.008, page.palette.ink)
    room = bottom - top
    align: Align = page.chance.pick(("centre", "left"))
    end = page.text((0.06, top, 0.94, top + room * 0.62), page.title, align=align)
    page.text(
        (0.06, end + 0.005, 0.94, top + room * 0.82),
        page.subtitle,
        page.quiet,
        align=align,
        rise=0,
        lines=2,
        largest=0.06,
    )
    page.text((0.06, bottom - room * 0.16, 0.94, bottom), page.author, page.quiet, align=align, lines=1, largest=0.055)


def _window(page: Page) -> None:
    """A picture with broad margins."""
    page.image.paste(page.palette.ground, (0, 0, page.width, page.height))
    if page.chance.happens(0.5):
        page.art(0.1, 0.36, 0.9, 0.86)
        end = page.text((0.1, 0.05, 0.9, 0.27), page.title)
        page.text((0.1, end + 0.005, 0.9, 0.35), page.subtitle, page.quiet, rise=0, lines=2, largest=0.05)
        _author(page, 0.89, 0.96)
    else:
        page.art(0.1, 0.1, 0.9, 0.62)
        end = page.text((0.1, 0.65, 0.9, 0.82), page.title, rise=0)
        page.text((0.1, end + 0.005, 0.9, 0.89), page.subtitle, page.quiet, rise=0, lines=2, largest=0.05)
        _author(page, 0.9, 0.96)


def _typographic(page: Page) -> None:
    """Type, large, and little else."""
    shade = page.palette.ground if page.chance.happens(0.7) else page.palette.accent
    page.image.paste(shade, (0, 0, page.width, page.height))
    align: Align = page.chance.pick(("left", "centre", "left"))
    picture = page.chance.happens(0.55)
    if picture:
        left = 0.28 if align == "centre" else 0.5
        page.art(left, 0.56, left + 0.44, 0.56 + 0.44 * page.width / page.height)
    end = page.text((0.08, 0.08, 0.92, 0.53 if picture else 0.66), page.title, align=align, rise=0.1, largest=0.34)
    page.rect(
        0.08,
        end + 0.012,
        0.3 if align == "left" else 0.92,
        end + 0.018,
        page.palette.accent if shade != page.palette.accent else page.palette.ink,
    )
    page.text(
        (0.08, end + 0.03, 0.92, end + 0.11),
        page.subtitle,
        page.quiet,
        align=align,
        rise=0,
        lines=3,
        largest=0.055,
    )
    _author(page, 0.9, 0.96, align)


def _framed(page: Page) -> None:
    """A binding with gilt rules and an emblem."""
    page.image.paste(page.palette.ground, (0, 0, page.width, page.height))
    page.frame(0.04, page.palette.accent, 3)
    page.frame(0.065, page.palette.accent, 1)
    title_first = page.chance.happens(0.6)
    page.art(0.24, 0.46 if title_first else 0.14, 0.76, 0.78 if title_first else 0.46)
    top = 0.1 if title_first else 0.5
    gilt = page.palette.accent if abs(luminance(page.palette.accent) - luminance(page.palette.ground)) > 70 else None
    end = page.text((0.12, top, 0.88, top + 0.26), page.title, shade=gilt)
    page.text((0.14, end + 0.005, 0.86, end + 0.08), page.subtitle, page.quiet, lines=2, largest=0.045)
    page.rect(0.35, 0.83, 0.65, 0.834, page.palette.accent)
    _author(page, 0.85, 0.92)


def _label(page: Page) -> None:
    """A plate on a picture or pattern."""
    page.art(0, 0, 1, 1)
    top = page.chance.pick((0.1, 0.3, 0.3, 0.52))
    plate = page.chance.pick((mix(page.palette.ground, WHITE, 0.6), page.palette.accent, WHITE, page.palette.ground))
    page.rect(0.1, top, 0.9, top + 0.38, plate)
    edge = page.palette.ink if abs(luminance(page.palette.ink) - luminance(plate)) > 60 else page.palette.accent
    page.draw.rectangle(page.box(0.125, top + 0.018, 0.875, top + 0.362), outline=edge, width=2)
    end = page.text((0.16, top + 0.03, 0.84, top + 0.22), page.title)
    page.text((0.16, end + 0.005, 0.84, top + 0.29), page.subtitle, page.quiet, rise=0, lines=2, largest=0.05)
    page.text((0.16, top + 0.29, 0.84, top + 0.35), page.author, page.quiet, lines=1, largest=0.05)


def _textbook(page: Page) -> None:
    """A band, a title on colour, a picture: an academic press."""
    light = mix(page.palette.ground, WHITE, page.chance.pick((0.0, 0.85)))
    page.image.paste(light, (0, 0, page.width, page.height))
    band = page.palette.accent if page.chance.happens(0.5) else mix(page.palette.second, page.palette.ink, 0.15)
    if page.chance.happens(0.5):
        page.art(0.14, 0.46, 1, 0.9)
        page.rect(0, 0, 0.14, 1, band)
        left = 0.2
    else:
        page.art(0, 0.44, 1, 0.88)
        page.rect(0, 0, 1, 0.07, band)
        left = 0.07
    end = page.text((left, 0.1, 0.94, 0.3), page.title, align="left", rise=0.2, largest=0.2)
    page.text((left, end + 0.008, 0.94, 0.4), page.subtitle, page.quiet, align="left", rise=0, lines=2, largest=0.05)
    _author(page, 0.91, 0.97, "left", left)


def _workbook(page: Page) -> None:
    """Bands, a large number and promises: test preparation."""
    page.image.paste(page.palette.ground, (0, 0, page.width, page.height))
    cut = page.chance.between(0.3, 0.4)
    page.rect(0, 0, 1, cut, page.palette.accent)
    page.rect(0, cut, 1, cut + 0.05, page.palette.ink)
    page.text((0.06, 0.03, 0.94, cut - 0.03), page.title, largest=0.34, lines=3)
    page.text((0.06, cut + 0.008, 0.94, cut + 0.044), page.subtitle, page.quiet, lines=1, largest=0.05)
    if page.chance.happens(0.55):
        page.art(0.5, cut + 0.08, 0.96, 0.86)
    else:
        page.text((0.5, cut + 0.1, 0.94, 0.8), f"{page.chance.whole(3, 12)}", FACES["grotesque"], largest=0.6)
    for number in range(4):
        y = cut + 0.12 + number * 0.1
        page.rect(0.07, y, 0.11, y + 0.027, page.palette.accent)
        page.rect(0.14, y + 0.004, 0.14 + page.chance.between(0.15, 0.32), y + 0.022, page.palette.ink)
    page.rect(0, 0.9, 1, 1, page.palette.second)
    page.text((0.06, 0.915, 0.94, 0.985), page.author or "PRACTICE EDITION", FACES["grotesque"], lines=1, largest=0.07)


def _masthead(page: Page) -> None:
    """A name across the top, as on comics and bestsellers."""
    page.art(0, 0, 1, 1)
    strip = page.chance.happens(0.5)
    if strip:
        page.rect(0, 0, 1, 0.26, page.chance.pick((page.palette.accent, page.palette.ink, page.palette.ground)))
    page.text((0.05, 0.03, 0.95, 0.24), page.title, lines=2, largest=0.4, fancy=True)
    page.text((0.05, 0.265, 0.95, 0.33), page.subtitle, page.quiet, lines=1, largest=0.06)
    page.rect(0, 0.93, 1, 1, page.palette.ink)
    page.text((0.05, 0.94, 0.95, 0.99), page.author, page.quiet, lines=1, largest=0.06)


def _storybook(page: Page) -> None:
    """A picture and a title in a cloud."""
    page.art(0, 0, 1, 1)
    shade = page.chance.pick((WHITE, page.palette.accent, mix(page.palette.second, WHITE, 0.4)))
    for left, top, right, bottom in ((0.05, 0.08, 0.6, 0.27), (0.35, 0.03, 0.95, 0.26), (0.15, 0.1, 0.85, 0.33)):
        page.draw.ellipse(page.box(left, top, right, bottom), fill=shade)
    page.text((0.16, 0.08, 0.84, 0.28), page.title, lines=3)
    _author(page, 0.91, 0.97)


def _calendar(page: Page) -> None:
    """A picture, the year, and a month of days."""
    page.image.paste(mix(page.palette.ground, WHITE, 0.75), (0, 0, page.width, page.height))
    wide = page.width > page.height * 1.1
    year = next((word for word in page.title.split() if _YEAR.fullmatch(word)), str(page.chance.whole(2014, 2017)))
    if page.chance.happens(0.35):
        page.art(0, 0, 1, 1)
        page.text((0.06, 0.06, 0.94, 0.26), page.title, lines=2, largest=0.12, fancy=True)
        page.text((0.6, 0.78, 0.95, 0.96), year, largest=0.2, fancy=True)
        return
    if wide:
        page.art(0, 0, 0.64, 1)
        corner, text = (0.68, 0.5, 0.96, 0.94), (0.67, 0.05, 0.97, 0.28)
        number = (0.67, 0.3, 0.97, 0.46)
    else:
        page.art(0, 0, 1, 0.66)
        corner, text = (0.58, 0.69, 0.96, 0.96), (0.04, 0.69, 0.54, 0.84)
        number = (0.04, 0.85, 0.54, 0.97)
    page.text(text, page.title, lines=3, largest=0.1)
    page.text(number, year, shade=page.palette.accent, largest=0.16)
    left, top, right, bottom = corner
    for row in range(6):
        for column in range(7):
            day = row * 7 + column - 9
            mark = _WEEKDAYS[column] if row == 0 else str(day) if 1 <= day <= 30 else ""
            x, y = left + (right - left) * column / 7, top + (bottom - top) * row / 6
            page.text(
                (x, y, x + (right - left) / 7 - 0.004, y + (bottom - top) / 6),
                mark,
                FACES["sans"],
                shade=(70, 70, 76),
                lines=1,
                largest=0.032,
            )


def _author(page: Page, top: float, bottom: float, align: Align = "centre", left: float = 0.08) -> None:
    face = page.quiet if page.chance.happens(0.6) else page.design.face
    page.text((left, top, 0.92, bottom), page.author, face, align=align, lines=1, largest=0.075)


LAYOUTS: MappingProxyType[str, Callable[[Page], None]] = MappingProxyType(
    {
        "full": _full,
        "banner": _banner,
        "window": _window,
        "typographic": _typographic,
        "framed": _framed,
        "label": _label,
        "textbook": _textbook,
        "workbook": _workbook,
        "masthead": _masthead,
        "storybook": _storybook,
        "calendar": _calendar,
    }
)
