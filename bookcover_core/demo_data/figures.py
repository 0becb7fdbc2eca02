"""Pictures of people and animals, mostly as silhouettes."""

from bookcover_core.demo_data.canvas import Canvas, Point, turn
from bookcover_core.demo_data.palettes import BLACK, WHITE, Colour, mix

# Skin and hair of the invented people.
_SKINS: tuple[Colour, ...] = ((246, 214, 186), (224, 172, 136), (176, 122, 84), (112, 72, 50))
_HAIRS: tuple[Colour, ...] = ((40, 28, 22), (92, 58, 34), (196, 150, 84), (150, 60, 30), (176, 176, 180))


def portrait(canvas: Canvas) -> None:
    """Head and shoulders."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(mix(p.second, canvas.dark, 0.25), mix(p.second, p.ground, 0.5))
    canvas.glow(0.3, 0.3, 0.7, canvas.light, 0.5)
    _bust(canvas, chance.between(0.42, 0.58), chance.between(0.4, 0.5), chance.between(0.2, 0.26))


def _bust(canvas: Canvas, x: float, y: float, size: float) -> None:
    """A person from the chest up; `size` is half the height of the head."""
    chance = canvas.chance
    skin, hair = chance.pick(_SKINS), chance.pick(_HAIRS)
    coat = chance.pick((canvas.dark, canvas.palette.accent, mix(canvas.palette.ink, canvas.palette.ground, 0.3)))
    lengths = chance.whole(0, 2)
    if lengths:
        canvas.oval(x, y + canvas.down(size * (0.15 * lengths)), size * 0.95, size * (1.0 + 0.25 * lengths), hair)
    canvas.shape(x, y, size, [(-0.35, 0.6), (0.35, 0.6), (0.45, 1.5), (-0.45, 1.5)], mix(skin, BLACK, 0.18))
    canvas.shape(x, y, size, [(-2.1, 4), (-1.8, 1.9), (-0.5, 1.25), (0, 1.5), (0.5, 1.25), (1.8, 1.9), (2.1, 4)], coat)
    canvas.shape(x, y, size, [(-0.5, 1.25), (0, 2.2), (0.5, 1.25), (0, 1.5)], mix(WHITE, coat, 0.12))
    canvas.oval(x, y, size * 0.72, size * 0.95, skin)
    canvas.slice(x, y - canvas.down(size * 0.3), size * 0.78, 180, 360, hair)
    for side in (-1, 1):
        canvas.oval(
            x + canvas.across(0.27 * side * size), y + canvas.down(size * 0.02), size * 0.08, size * 0.055, (40, 34, 34)
        )
    canvas.arc(x, y + canvas.down(size * 0.32), size * 0.26, 30, 150, mix(skin, (150, 40, 40), 0.6), size * 0.07)


def face_close(canvas: Canvas) -> None:
    """Half of a face, in shadow."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(mix(p.ground, BLACK, 0.35), p.ground)
    side = chance.pick((0.12, 0.88))
    skin = mix(chance.pick(_SKINS), p.second, 0.3)
    canvas.oval(side, 0.5, 0.62, 0.72, mix(skin, BLACK, 0.25))
    canvas.oval(side - (0.5 - side) * 0.1, 0.5, 0.52, 0.66, skin)
    x = side + (0.5 - side) * 0.75
    canvas.oval(x, 0.45, 0.1, 0.05, WHITE)
    canvas.disc(x, 0.45, 0.045, mix(p.accent, (60, 110, 120), 0.5))
    canvas.disc(x, 0.45, 0.02, BLACK)
    canvas.arc(x, 0.47, 0.13, 215, 325, BLACK, 0.014)
    canvas.arc(x, 0.43, 0.16, 220, 320, chance.pick(_HAIRS), 0.028)
    canvas.oval(side + (0.5 - side) * 0.3, 0.74, 0.11, 0.03, mix(p.accent, (180, 40, 60), 0.5))


def couple(canvas: Canvas) -> None:
    """Two people, close, before a setting sun."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(mix(p.ground, p.second, 0.3), mix(p.accent, WHITE, 0.4))
    canvas.glow(0.5, 0.48, 0.6, mix(p.accent, WHITE, 0.7), 0.9)
    canvas.disc(0.5, 0.5, 0.2, mix(p.second, WHITE, 0.75))
    shade = mix(canvas.dark, p.ground, 0.15)
    gap = chance.between(0.085, 0.11)
    for side, tall in ((-1, 1.0), (1, chance.between(0.86, 0.95))):
        x, y = 0.5 + canvas.across(gap * side), 0.52 + (1 - tall) * 0.3
        canvas.oval(x, y, 0.062, 0.08, shade)
        if side == 1:
            canvas.oval(x + canvas.across(0.03), y + canvas.down(0.06), 0.06, 0.13, shade)
        body = [(-0.5, 0.45), (0.5, 0.45), (0.85, 0.95), (0.95, 3.6), (-0.95, 3.6), (-0.85, 0.95)]
        canvas.shape(x, y, 0.16, body, shade)
    canvas.hills(0.93, 0.02, shade)


def embrace(canvas: Canvas) -> None:
    """A gown, a curve of cloth and a hand's breadth of skin."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(mix(p.ground, BLACK, 0.2), p.second)
    for number in range(7):
        y = number / 7 + chance.between(-0.05, 0.05)
        curve = [
            (-0.1, y + 0.2),
            (0.25, y),
            (0.6, y + 0.22),
            (1.1, y + chance.between(-0.05, 0.1)),
            (1.1, 1.1),
            (-0.1, 1.1),
        ]
        canvas.shape(
            0,
            0,
            1 / canvas.across(1),
            [(a, b / canvas.down(1) * canvas.across(1)) for a, b in curve],
            mix(p.accent, (p.second, p.ground)[number % 2], chance.between(0.2, 0.8)),
            curved=True,
        )
    skin = chance.pick(_SKINS)
    x = chance.between(0.4, 0.6)
    canvas.shape(
        x,
        0.42,
        0.3,
        [(-0.3, -0.7), (0.3, -0.7), (0.35, -0.2), (1.0, 0.1), (0.8, 1.1), (-0.8, 1.1), (-1.0, 0.1), (-0.35, -0.2)],
        skin,
        curved=True,
    )
    canvas.shape(x, 0.42, 0.3, [(-0.85, 0.55), (0, 0.95), (0.85, 0.55), (1.2, 2.9), (-1.2, 2.9)], p.accent, curved=True)
    hair = chance.pick(_HAIRS)
    canvas.shape(
        x,
        0.42,
        0.3,
        [(-0.2, -1.3), (0.35, -1.3), (0.6, -0.7), (0.5, 0.3), (0.2, -0.3), (-0.35, -0.6)],
        hair,
        curved=True,
    )


def family(canvas: Canvas) -> None:
    """Grown-ups and children, hand in hand."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(mix(p.ground, p.second, 0.3), canvas.light)
    canvas.disc(chance.between(0.2, 0.8), 0.3, 0.13, mix(p.accent, WHITE, 0.4))
    canvas.hills(0.84, 0.02, mix(p.second, (120, 170, 90), 0.5))
    heights = chance.sample((0.5, 0.46, 0.28, 0.22), chance.whole(2, 4))
    shade = mix(canvas.dark, p.ground, 0.12)
    for number, tall in enumerate(heights):
        x = 0.5 + (number - (len(heights) - 1) / 2) * 0.2
        head = 0.88 - tall
        canvas.disc(x, head + 0.03, 0.05 + tall * 0.05, shade)
        canvas.poly(
            [
                (x - 0.05, head + 0.08),
                (x + 0.05, head + 0.08),
                (x + 0.075, 0.72),
                (x + 0.04, 0.89),
                (x - 0.04, 0.89),
                (x - 0.075, 0.72),
            ],
            shade,
        )
        if number:
            canvas.line([(x - 0.16, 0.75), (x - 0.1, 0.77), (x - 0.04, 0.74)], shade, 0.022)


def baby(canvas: Canvas) -> None:
    """A sleeping baby's face."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(mix(p.ground, WHITE, 0.3), mix(p.second, WHITE, 0.25))
    x, y = chance.between(0.42, 0.58), chance.between(0.48, 0.58)
    skin = chance.pick(_SKINS)
    canvas.oval(x, y + canvas.down(0.28), 0.42, 0.24, p.second)
    canvas.disc(x, y, 0.27, skin)
    for side in (-1, 1):
        canvas.disc(x + canvas.across(0.27 * side), y, 0.05, mix(skin, BLACK, 0.06))
        canvas.arc(x + canvas.across(0.11 * side), y - canvas.down(0.03), 0.05, 20, 160, (70, 50, 46), 0.012)
        canvas.disc(x + canvas.across(0.15 * side), y + canvas.down(0.08), 0.045, mix(skin, (240, 120, 120), 0.4))
    canvas.arc(x, y + canvas.down(0.09), 0.05, 20, 160, (150, 70, 70), 0.012)
    canvas.arc(x, y - canvas.down(0.25), 0.06, 120, 300, chance.pick(_HAIRS), 0.016)


def runner(canvas: Canvas) -> None:
    """Somebody who runs."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(p.ground, mix(p.ground, p.second, 0.5))
    for _ in range(6):
        y = chance.between(0.3, 0.85)
        canvas.line([(0, y), (chance.between(0.2, 0.5), y)], mix(p.second, WHITE, 0.3), 0.01)
    shade = chance.pick((canvas.dark, p.accent))
    x, y, s = chance.between(0.45, 0.58), chance.between(0.45, 0.55), 0.34
    dx, dy = canvas.across(s), canvas.down(s)

    def limb(points: list[Point], width: float) -> None:
        canvas.line([(x + a * dx, y + b * dy) for a, b in points], shade, width)

    canvas.disc(x + 0.22 * dx, y - 0.78 * dy, 0.05, shade)
    limb([(0.14, -0.6), (-0.05, 0.05)], 0.1)
    limb([(-0.05, 0.0), (0.35, 0.2), (0.22, 0.62)], 0.06)
    limb([(-0.05, 0.0), (-0.3, 0.38), (-0.72, 0.4)], 0.06)
    limb([(0.12, -0.52), (0.4, -0.22), (0.66, -0.42)], 0.042)
    limb([(0.12, -0.52), (-0.22, -0.4), (-0.38, -0.12)], 0.042)
    canvas.rect(0, 0.86, 1, 0.875, shade)


def yoga(canvas: Canvas) -> None:
    """Somebody who sits cross-legged."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(mix(p.ground, p.second, 0.35), p.ground)
    canvas.disc(0.5, 0.46, 0.32, mix(p.second, p.accent, chance.between(0.1, 0.5)))
    shade = canvas.dark
    canvas.disc(0.5, 0.4, 0.065, shade)
    canvas.shape(0.5, 0.6, 0.25, [(-0.4, -0.5), (0.4, -0.5), (0.26, 0.35), (-0.26, 0.35)], shade, curved=True)
    for side in (-1, 1):
        canvas.line(
            [
                (0.5 + canvas.across(0.09 * side), 0.52),
                (0.5 + canvas.across(0.2 * side), 0.63),
                (0.5 + canvas.across(0.24 * side), 0.71),
            ],
            shade,
            0.04,
        )
    canvas.shape(
        0.5,
        0.73,
        0.3,
        [(-1, 0.05), (-0.5, -0.2), (0.5, -0.2), (1, 0.05), (0.4, 0.22), (-0.4, 0.22)],
        shade,
        curved=True,
    )


def crowd(canvas: Canvas) -> None:
    """Many heads and a few banners."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(p.ground, mix(p.ground, p.accent, 0.35))
    for _ in range(3):
        x, y = chance.between(0.12, 0.8), chance.between(0.34, 0.5)
        canvas.line([(x, y), (x, 0.85)], canvas.dark, 0.012)
        canvas.rect(x - 0.09, y - 0.08, x + 0.09, y + 0.03, chance.pick((p.accent, p.second, WHITE)))
    for depth in range(4):
        y = 0.64 + depth * 0.1
        for number in range(8):
            x = (number + 0.5 * (depth % 2) + chance.between(-0.15, 0.15)) / 7.5
            shade = mix(canvas.dark, p.second, 0.45 - depth * 0.13)
            canvas.disc(x, y, 0.05, shade)
            canvas.oval(x, y + 0.1, 0.085, 0.1, shade)


def soldiers(canvas: Canvas) -> None:
    """A rank of soldiers on a ridge."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(mix(p.second, p.ground, 0.3), mix(p.accent, canvas.light, 0.45))
    for _ in range(4):
        canvas.glow(
            chance.share(), chance.between(0.3, 0.6), chance.between(0.2, 0.4), mix(p.second, canvas.dark, 0.5), 0.45
        )
    for number in range(chance.whole(4, 7)):
        x = 0.08 + number * 0.145 + chance.between(-0.02, 0.02)
        canvas.disc(x, 0.6, 0.034, canvas.dark)
        canvas.rect(x - 0.04, 0.585, x + 0.04, 0.595, canvas.dark)
        canvas.poly([(x - 0.04, 0.635), (x + 0.04, 0.635), (x + 0.035, 0.86), (x - 0.035, 0.86)], canvas.dark)
        canvas.line([(x - 0.03, 0.74), (x + 0.05, 0.52)], canvas.dark, 0.012)
    canvas.hills(0.83, 0.02, canvas.dark)


def hero(canvas: Canvas) -> None:
    """A hero with a cape before rays of colour."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(p.ground)
    for number in range(0, 24, 2):
        canvas.slice(0.5, 0.6, 1.6, number * 15, number * 15 + 15, mix(p.ground, p.second, 0.8))
    suit, cape = chance.sample((p.accent, canvas.dark, p.second, (36, 60, 150)), 2)
    canvas.shape(
        0.5,
        0.56,
        0.34,
        [(-0.35, -0.55), (0.35, -0.55), (1.2, 0.9), (0.5, 0.75), (0, 1.0), (-0.5, 0.75), (-1.2, 0.9)],
        cape,
    )
    canvas.disc(0.5, 0.36, 0.065, chance.pick(_SKINS))
    canvas.slice(0.5, 0.355, 0.072, 180, 360, suit)
    canvas.shape(
        0.5,
        0.56,
        0.34,
        [
            (-0.5, -0.5),
            (0.5, -0.5),
            (0.22, 0.2),
            (0.4, 1.25),
            (0.15, 1.25),
            (0, 0.4),
            (-0.15, 1.25),
            (-0.4, 1.25),
            (-0.22, 0.2),
        ],
        suit,
    )
    for side in (-1, 1):
        canvas.line(
            [
                (0.5 + canvas.across(0.16 * side), 0.47),
                (0.5 + canvas.across(0.27 * side), 0.57),
                (0.5 + canvas.across(0.12 * side), 0.64),
            ],
            suit,
            0.05,
        )
    canvas.shape(
        0.5,
        0.5,
        0.06,
        [
            turn(step / 10 + 0.75)
            if step % 2 == 0
            else (turn(step / 10 + 0.75)[0] * 0.45, turn(step / 10 + 0.75)[1] * 0.45)
            for step in range(10)
        ],
        WHITE,
    )


def bear(canvas: Canvas) -> None:
    """The face of a friendly animal."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(mix(p.second, WHITE, 0.15), p.ground)
    if chance.happens(0.6):
        canvas.hills(0.82, 0.04, mix((122, 190, 90), p.second, 0.25))
    x, y, size = chance.between(0.42, 0.58), chance.between(0.5, 0.62), chance.between(0.2, 0.27)
    fur = chance.pick(((156, 106, 66), (238, 196, 120), (150, 156, 168), (244, 240, 232), (240, 150, 60)))
    kind = chance.whole(0, 2)
    canvas.oval(x, y + canvas.down(size * 1.5), size * 0.95, size, mix(fur, BLACK, 0.08))
    for side in (-1, 1):
        ear = x + canvas.across(0.7 * size * side)
        if kind == 0:
            canvas.disc(ear, y - canvas.down(size * 0.75), size * 0.4, fur)
            canvas.disc(ear, y - canvas.down(size * 0.75), size * 0.22, mix(fur, (250, 150, 150), 0.5))
        elif kind == 1:
            canvas.shape(ear, y - canvas.down(size * 0.8), size, [(-0.4, 0.35), (0.2 * side, -0.6), (0.4, 0.35)], fur)
        else:
            canvas.oval(
                x + canvas.across(0.4 * size * side), y - canvas.down(size * 1.3), size * 0.24, size * 0.75, fur
            )
            canvas.oval(
                x + canvas.across(0.4 * size * side),
                y - canvas.down(size * 1.3),
                size * 0.11,
                size * 0.55,
                mix(fur, (250, 150, 150), 0.5),
            )
    canvas.disc(x, y, size, fur)
    canvas.oval(x, y + canvas.down(size * 0.35), size * 0.5, size * 0.4, mix(fur, WHITE, 0.55))
    canvas.oval(x, y + canvas.down(size * 0.2), size * 0.17, size * 0.12, (50, 36, 34))
    canvas.arc(x, y + canvas.down(size * 0.35), size * 0.25, 20, 160, (50, 36, 34), size * 0.07)
    for side in (-1, 1):
        canvas.disc(x + canvas.across(0.38 * size * side), y - canvas.down(size * 0.2), size * 0.14, (34, 28, 30))
        canvas.disc(x + canvas.across(0.42 * size * side), y - canvas.down(size * 0.25), size * 0.05, WHITE)


def horse(canvas: Canvas) -> None:
    """A horse on a plain."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(mix(p.second, p.ground, 0.3), mix(canvas.light, p.accent, 0.35))
    canvas.disc(chance.between(0.2, 0.8), 0.5, 0.16, mix(p.accent, WHITE, 0.5))
    canvas.hills(0.8, 0.02, mix(p.ground, canvas.dark, 0.5))
    shade = canvas.dark
    x, y, s = 0.5, 0.64, 0.3
    canvas.shape(
        x,
        y,
        s,
        [
            (-0.75, -0.25),
            (0.3, -0.25),
            (0.6, -0.85),
            (0.75, -1.0),
            (1.05, -0.65),
            (0.98, -0.55),
            (0.78, -0.6),
            (0.62, 0.1),
            (0.4, 0.25),
            (-0.6, 0.25),
            (-0.85, 0.05),
        ],
        shade,
    )
    for leg in (-0.72, -0.5, 0.32, 0.5):
        canvas.line(
            [(x + canvas.across(leg * s), y), (x + canvas.across((leg + 0.06) * s), y + canvas.down(0.85 * s))],
            shade,
            0.028,
        )
    canvas.shape(x, y, s, [(-0.78, -0.25), (-1.05, 0.0), (-1.1, 0.5), (-0.9, 0.1)], shade, curved=True)


def dove(canvas: Canvas) -> None:
    """A dove that flies into the light."""
    p = canvas.palette
    canvas.fill(p.ground, mix(p.second, WHITE, 0.3))
    canvas.glow(0.5, 0.45, 0.6, WHITE, 0.75)
    x, y, s = canvas.chance.between(0.42, 0.58), canvas.chance.between(0.45, 0.55), 0.32
    shade = mix(WHITE, p.second, 0.12)
    canvas.shape(
        x,
        y,
        s,
        [(-1, 0.3), (-0.3, -0.1), (0.3, -0.25), (0.65, -0.35), (0.9, -0.2), (0.6, 0), (0.2, 0.25), (-0.4, 0.3)],
        shade,
        curved=True,
    )
    canvas.shape(x, y, s, [(-0.1, 0.0), (-0.7, -0.9), (-0.25, -0.85), (0.3, -0.2)], shade, curved=True)
    canvas.shape(
        x, y, s, [(0.0, -0.05), (0.1, -1.0), (0.45, -0.8), (0.35, -0.15)], mix(shade, p.second, 0.3), curved=True
    )


FIGURES = (portrait, face_close, couple, embrace, family, baby, runner, yoga, crowd, soldiers, hero, bear, horse, dove)
