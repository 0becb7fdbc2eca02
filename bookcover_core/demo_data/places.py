"""Pictures of places, outdoors and in: what covers show behind, or instead of, people and things."""

from bookcover_core.demo_data.canvas import Canvas, turn
from bookcover_core.demo_data.palettes import BLACK, WHITE, mix


def sunset(canvas: Canvas) -> None:
    """A sun low over water."""
    p, chance = canvas.palette, canvas.chance
    level = chance.between(0.55, 0.7)
    sun = chance.between(0.3, 0.7)
    canvas.shade(0, level, mix(p.ground, p.ink, 0.15), mix(p.accent, canvas.light, 0.5))
    canvas.glow(sun, level - 0.08, 0.55, mix(p.accent, WHITE, 0.6), 0.8)
    canvas.disc(sun, level - canvas.down(0.09), 0.13, mix(p.accent, WHITE, 0.75))
    canvas.shade(level, 1, mix(p.second, p.ground, 0.4), mix(p.ground, p.ink, 0.35))
    for row in range(9):
        y = level + 0.012 + row * row * 0.0035
        half = chance.between(0.03, 0.1) + row * 0.012
        canvas.rect(sun - half, y, sun + half, y + 0.006, mix(p.accent, WHITE, 0.6))


def mountains(canvas: Canvas) -> None:
    """Ranges behind ranges."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(mix(p.second, p.ground, 0.3), canvas.light)
    if chance.happens(0.6):
        canvas.disc(chance.between(0.2, 0.8), chance.between(0.15, 0.35), 0.1, mix(p.accent, WHITE, 0.4))
    for depth in range(4):
        haze = mix(mix(p.ground, p.ink, 0.4), canvas.light, 0.65 - depth * 0.2)
        canvas.peaks(0.5 + depth * 0.13, 0.24 - depth * 0.04, haze, count=chance.whole(3, 5))


def countryside(canvas: Canvas) -> None:
    """Green hills with a few trees."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(mix(p.second, WHITE, 0.35), canvas.light)
    for _ in range(3):
        x, y = chance.between(0, 1), chance.between(0.08, 0.3)
        for number in range(4):
            canvas.oval(
                x + (number - 1.5) * 0.06, y + chance.between(-0.01, 0.01), 0.08, 0.045, mix(WHITE, p.second, 0.1)
            )
    field = mix(p.ground, (96, 150, 62), 0.55)
    for depth in range(3):
        canvas.hills(0.5 + depth * 0.16, 0.05, mix(field, p.ink, depth * 0.22))
    for _ in range(chance.whole(2, 5)):
        _tree(canvas, chance.between(0.08, 0.92), chance.between(0.56, 0.8), chance.between(0.05, 0.09))


def _tree(canvas: Canvas, x: float, y: float, size: float) -> None:
    leaf = mix(canvas.palette.ink, (70, 120, 50), 0.6)
    canvas.rect(x - 0.006, y, x + 0.006, y + canvas.down(size * 1.6), mix(leaf, BLACK, 0.5))
    for dx, dy in ((0, -0.7), (-0.6, 0), (0.6, 0), (0, 0.1)):
        canvas.disc(x + canvas.across(dx * size), y + canvas.down(dy * size), size * 0.8, leaf)


def skyline(canvas: Canvas) -> None:
    """A city against the sky."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(p.ground, mix(p.second, p.accent, 0.35))
    canvas.glow(0.5, 0.75, 0.7, mix(p.accent, WHITE, 0.3), 0.6)
    for depth in range(2):
        x = -0.02
        wall = mix(canvas.dark, p.second, 0.5 - depth * 0.5)
        while x < 1:
            width, top = chance.between(0.06, 0.14), chance.between(0.36, 0.66) + depth * 0.1
            canvas.rect(x, top, x + width, 1, wall)
            if chance.happens(0.2):
                canvas.line([(x + width / 2, top - 0.09), (x + width / 2, top)], wall, 0.01)
            if depth:
                for _ in range(7):
                    wx, wy = x + chance.between(0.01, width - 0.02), chance.between(top + 0.02, 0.95)
                    canvas.rect(wx, wy, wx + 0.012, wy + 0.014, mix(p.accent, WHITE, 0.35))
            x += width + 0.004


def palms(canvas: Canvas) -> None:
    """A beach with palm trees."""
    p, chance = canvas.palette, canvas.chance
    canvas.shade(0, 0.6, mix(p.second, (90, 170, 220), 0.4), mix(canvas.light, p.accent, 0.2))
    canvas.disc(chance.between(0.3, 0.8), chance.between(0.2, 0.4), 0.11, mix(p.accent, WHITE, 0.4))
    canvas.shade(0.6, 0.8, mix(p.ground, (20, 120, 160), 0.5), mix(p.second, WHITE, 0.3))
    canvas.hills(0.8, 0.02, (236, 214, 168))
    for _ in range(chance.whole(1, 3)):
        x, y = chance.between(0.1, 0.9), chance.between(0.3, 0.5)
        lean = chance.between(-0.08, 0.08)
        canvas.line([(x + lean, 0.88), (x + lean * 0.3, 0.7), (x, y)], canvas.dark, 0.025)
        for number in range(7):
            dx, dy = turn(0.5 + number / 12)
            tip = (x + canvas.across(dx * 0.22), y + canvas.down(dy * 0.12 + 0.05))
            canvas.poly([(x, y - 0.012), tip, (x, y + 0.015)], canvas.dark)


def road(canvas: Canvas) -> None:
    """A road that runs to the horizon."""
    p, chance = canvas.palette, canvas.chance
    level, aim = chance.between(0.4, 0.55), chance.between(0.35, 0.65)
    canvas.shade(0, level, mix(p.ground, p.second, 0.5), mix(canvas.light, p.accent, 0.25))
    canvas.peaks(level, 0.1, mix(p.ground, p.ink, 0.35), count=5)
    canvas.shade(level, 1, mix(p.second, p.ground, 0.6), mix(p.ground, p.ink, 0.4))
    canvas.poly([(aim - 0.012, level), (aim + 0.012, level), (1.0, 1), (0.0, 1)], mix(p.ink, (70, 70, 74), 0.7))
    for number in range(6):
        near, far = level + (1 - level) * (number / 6) ** 2, level + (1 - level) * ((number + 0.5) / 6) ** 2
        canvas.line(
            [
                (aim + (0.5 - aim) * (near - level) / (1 - level), near),
                (aim + (0.5 - aim) * (far - level) / (1 - level), far),
            ],
            p.accent,
            0.006 + 0.012 * number / 6,
        )


def forest(canvas: Canvas) -> None:
    """Bare trunks in mist, and something bright between them."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(mix(p.second, p.ground, 0.5), mix(p.second, canvas.light, 0.4))
    canvas.glow(chance.between(0.35, 0.65), 0.55, 0.5, mix(p.accent, WHITE, 0.4), 0.7)
    for depth in range(3):
        trunk = mix(canvas.dark, p.second, 0.6 - depth * 0.3)
        for _ in range(6 - depth):
            x, width = chance.between(0, 1), 0.012 + depth * 0.016
            canvas.poly([(x - width / 2, 0), (x + width / 2, 0), (x + width, 1), (x - width, 1)], trunk)
            for _ in range(3):
                y, reach = chance.between(0.1, 0.6), chance.between(-0.12, 0.12)
                canvas.line([(x, y), (x + reach, y - 0.08)], trunk, 0.008)
    canvas.shade(0.9, 1, canvas.dark, BLACK)


def lit_house(canvas: Canvas) -> None:
    """A dark house with one lit window."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(mix(p.ground, BLACK, 0.3), mix(p.second, p.ground, 0.3))
    canvas.disc(chance.between(0.15, 0.85), chance.between(0.12, 0.25), 0.08, mix(p.second, WHITE, 0.6))
    x = chance.between(0.3, 0.6)
    canvas.hills(0.82, 0.02, BLACK)
    wall = mix(BLACK, p.ground, 0.35)
    canvas.rect(x - 0.17, 0.6, x + 0.17, 0.86, wall)
    canvas.poly([(x - 0.21, 0.61), (x, 0.46), (x + 0.21, 0.61)], wall)
    canvas.rect(x + 0.08, 0.46, x + 0.12, 0.56, wall)
    canvas.glow(x - 0.06, 0.69, 0.3, mix(p.accent, (255, 220, 120), 0.5), 0.8)
    canvas.rect(x - 0.09, 0.66, x - 0.03, 0.72, (255, 232, 160))
    for side in (0.04, 0.94):
        canvas.line([(side, 1), (side + 0.02, 0.55), (side - 0.05, 0.38)], BLACK, 0.03)
        canvas.line([(side + 0.02, 0.6), (side + 0.09, 0.45)], BLACK, 0.015)


def alley(canvas: Canvas) -> None:
    """A lamp and a lone figure in a dark street."""
    p = canvas.palette
    x = canvas.chance.between(0.3, 0.65)
    canvas.fill(BLACK, mix(p.ground, p.second, 0.4))
    canvas.glow(x, 0.32, 0.75, mix(p.accent, (255, 226, 150), 0.5), 0.75)
    canvas.poly([(0, 0), (0.24, 0.3), (0.24, 0.86), (0, 1)], mix(BLACK, p.ground, 0.3))
    canvas.poly([(1, 0), (0.78, 0.3), (0.78, 0.86), (1, 1)], mix(BLACK, p.ground, 0.3))
    canvas.poly([(0.24, 0.86), (0.78, 0.86), (1, 1), (0, 1)], mix(p.second, BLACK, 0.6))
    canvas.line([(x - 0.1, 0.3), (x - 0.1, 0.9)], BLACK, 0.016)
    canvas.disc(x - 0.1, 0.29, 0.028, (255, 240, 190))
    _walker(canvas, x + 0.06, 0.88, 0.3)


def _walker(canvas: Canvas, x: float, foot: float, tall: float) -> None:
    """A figure in a long coat, `tall` in shares of the height."""
    head = foot - tall
    canvas.disc(x, head + tall * 0.09, 0.035 * tall / 0.3, BLACK)
    canvas.poly(
        [
            (x - 0.03, head + tall * 0.17),
            (x + 0.03, head + tall * 0.17),
            (x + 0.07, foot - tall * 0.22),
            (x - 0.07, foot - tall * 0.22),
        ],
        BLACK,
    )
    canvas.rect(x - 0.045, foot - tall * 0.24, x - 0.012, foot, BLACK)
    canvas.rect(x + 0.012, foot - tall * 0.24, x + 0.045, foot, BLACK)


def castle(canvas: Canvas) -> None:
    """A castle under a moon."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(p.ground, mix(p.second, p.accent, 0.4))
    x = chance.between(0.35, 0.65)
    canvas.glow(x, 0.35, 0.6, canvas.light, 0.5)
    canvas.disc(x + chance.between(-0.1, 0.1), 0.34, 0.17, mix(p.accent, WHITE, 0.6))
    canvas.peaks(0.85, 0.16, mix(canvas.dark, p.second, 0.35))
    for dx, top, width in ((-0.14, 0.56, 0.05), (-0.06, 0.48, 0.06), (0.03, 0.4, 0.055), (0.12, 0.53, 0.06)):
        canvas.rect(x + dx, top, x + dx + width, 0.9, canvas.dark)
        canvas.poly([(x + dx - 0.01, top), (x + dx + width / 2, top - 0.09), (x + dx + width + 0.01, top)], canvas.dark)
    canvas.rect(x - 0.14, 0.66, x + 0.18, 0.9, canvas.dark)
    canvas.hills(0.88, 0.03, canvas.dark)


def planets(canvas: Canvas) -> None:
    """Worlds and a ship among the stars."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(mix(p.ground, BLACK, 0.5), mix(p.second, p.ground, 0.4))
    stars(canvas)
    x, y, radius = chance.between(0.2, 0.8), chance.between(0.35, 0.75), chance.between(0.22, 0.4)
    canvas.glow(x, y, radius * 1.5, p.accent, 0.5)
    canvas.disc(x, y, radius, mix(p.second, p.accent, 0.3))
    canvas.disc(
        x + canvas.across(radius * 0.16), y + canvas.down(radius * 0.12), radius * 0.88, mix(p.second, BLACK, 0.45)
    )
    if chance.happens(0.5):
        canvas.line(
            [(x - canvas.across(radius * 1.6), y + 0.06), (x + canvas.across(radius * 1.6), y - 0.06)],
            canvas.light,
            0.012,
        )
    canvas.disc(
        chance.between(0.1, 0.9), chance.between(0.08, 0.25), chance.between(0.03, 0.07), mix(p.accent, WHITE, 0.4)
    )
    sx, sy = chance.between(0.2, 0.8), chance.between(0.15, 0.45)
    canvas.shape(sx, sy, 0.09, [(-1, 0.1), (0.4, -0.25), (1, 0), (0.4, 0.25), (-0.6, 0.5)], mix(WHITE, p.second, 0.35))
    canvas.glow(sx - canvas.across(0.1), sy, 0.07, p.accent, 0.9)


def galaxy(canvas: Canvas) -> None:
    """A spiral of stars."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(mix(p.ground, BLACK, 0.65), mix(p.ground, BLACK, 0.3))
    x, y = chance.between(0.35, 0.65), chance.between(0.4, 0.6)
    canvas.glow(x, y, 0.6, p.second, 0.7)
    canvas.glow(x, y, 0.25, mix(p.accent, WHITE, 0.5), 0.9)
    for number in range(170):
        dx, dy = turn(number / 46 + (0.5 if number % 2 else 0) + chance.between(-0.04, 0.04))
        reach = 0.04 + number / 170 * 0.46
        shade = mix(p.accent, WHITE, chance.share())
        canvas.disc(
            x + canvas.across(dx * reach), y + canvas.down(dy * reach * 0.6), chance.between(0.003, 0.011), shade
        )
    stars(canvas, 40)


def stars(canvas: Canvas, count: int = 80) -> None:
    """Stars on what is there."""
    chance = canvas.chance
    for _ in range(count):
        canvas.disc(
            chance.share(),
            chance.share(),
            chance.between(0.001, 0.005),
            mix(WHITE, canvas.palette.accent, chance.share() * 0.4),
        )


def temple(canvas: Canvas) -> None:
    """Columns and a pediment."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(mix(p.second, p.ground, 0.3), canvas.light)
    stone = mix(p.ground, (214, 200, 172), 0.65)
    shadow = mix(stone, p.ink if sum(p.ink) < 380 else BLACK, 0.45)
    top = chance.between(0.36, 0.44)
    canvas.poly([(0.08, top), (0.5, top - 0.17), (0.92, top)], stone)
    canvas.poly([(0.2, top - 0.015), (0.5, top - 0.125), (0.8, top - 0.015)], shadow)
    canvas.rect(0.08, top, 0.92, top + 0.045, stone)
    columns = chance.whole(4, 6)
    for number in range(columns):
        x = 0.12 + 0.76 * (number + 0.5) / columns
        canvas.rect(x - 0.045, top + 0.05, x + 0.045, 0.86, stone)
        canvas.rect(x + 0.012, top + 0.05, x + 0.045, 0.86, mix(stone, shadow, 0.5))
    for step in range(3):
        canvas.rect(
            0.07 - step * 0.03,
            0.86 + step * 0.035,
            0.93 + step * 0.03,
            0.895 + step * 0.035,
            mix(stone, shadow, 0.2 * step),
        )
    canvas.rect(0, 0.965, 1, 1, shadow)


def church(canvas: Canvas) -> None:
    """A church on a hill."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(mix(p.second, WHITE, 0.2), mix(canvas.light, p.accent, 0.2))
    x = chance.between(0.35, 0.65)
    canvas.glow(x, 0.5, 0.6, WHITE, 0.7)
    canvas.rect(x, 0.58, x + 0.22, 0.78, canvas.dark)
    canvas.poly([(x - 0.02, 0.59), (x + 0.11, 0.51), (x + 0.24, 0.59)], canvas.dark)
    canvas.rect(x - 0.09, 0.5, x + 0.01, 0.78, canvas.dark)
    canvas.poly([(x - 0.105, 0.505), (x - 0.04, 0.33), (x + 0.025, 0.505)], canvas.dark)
    canvas.line([(x - 0.04, 0.25), (x - 0.04, 0.34)], canvas.dark, 0.012)
    canvas.line([(x - 0.065, 0.275), (x - 0.015, 0.275)], canvas.dark, 0.012)
    canvas.hills(0.78, 0.03, mix(p.ground, canvas.dark, 0.6))


def room(canvas: Canvas) -> None:
    """A window and a chair in an empty room."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(p.ground, mix(p.ground, p.second, 0.5))
    canvas.rect(0, 0.76, 1, 1, mix(p.second, p.ink, 0.35))
    x = chance.between(0.14, 0.4)
    canvas.rect(x, 0.2, x + 0.36, 0.58, mix(canvas.light, p.accent, 0.15))
    for share in (0, 0.5, 1):
        canvas.line([(x + 0.36 * share, 0.2), (x + 0.36 * share, 0.58)], p.ink, 0.014)
        canvas.line([(x, 0.2 + 0.38 * share), (x + 0.36, 0.2 + 0.38 * share)], p.ink, 0.014)
    canvas.poly([(x + 0.1, 0.8), (x + 0.45, 0.8), (x + 0.62, 1), (x + 0.2, 1)], mix(canvas.light, p.second, 0.4))
    cx = chance.between(0.6, 0.8)
    for leg in (cx - 0.09, cx + 0.09):
        canvas.line([(leg, 0.7), (leg, 0.88)], p.accent, 0.018)
    canvas.rect(cx - 0.1, 0.69, cx + 0.1, 0.72, p.accent)
    canvas.rect(cx + 0.075, 0.5, cx + 0.1, 0.7, p.accent)


def globe(canvas: Canvas) -> None:
    """The globe with its lines."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(mix(p.ground, p.second, 0.2), p.ground)
    x, y, radius = 0.5, chance.between(0.45, 0.6), 0.36
    canvas.disc(x, y, radius, mix(p.second, (80, 140, 190), 0.4))
    for _ in range(6):
        dx, dy = turn(chance.share())
        reach = chance.between(0, 0.22)
        blob = [
            (chance.between(0.6, 1) * turn(step / 7)[0], chance.between(0.5, 1) * turn(step / 7)[1])
            for step in range(7)
        ]
        canvas.shape(
            x + canvas.across(dx * reach),
            y + canvas.down(dy * reach),
            chance.between(0.05, 0.12),
            blob,
            p.accent,
            curved=True,
        )
    for share in (0.33, 0.7, 1):
        box = canvas.at((x, y))
        across, down = round(radius * share * canvas.unit), round(radius * canvas.unit)
        canvas.draw.ellipse(
            (box[0] - across, box[1] - down, box[0] + across, box[1] + down), outline=canvas.light, width=3
        )
    for share in (-0.5, 0, 0.5):
        half = canvas.across(radius * (0.866 if share else 1))
        canvas.line(
            [(x - half, y + canvas.down(radius * share)), (x + half, y + canvas.down(radius * share))],
            canvas.light,
            0.004,
        )


def old_map(canvas: Canvas) -> None:
    """An old map with coasts, a route and a compass."""
    p, chance = canvas.palette, canvas.chance
    paper = mix((226, 205, 160), p.ground, 0.3)
    canvas.fill(paper, mix(paper, p.ink, 0.12))
    for _ in range(4):
        x, y, size = chance.share(), chance.share(), chance.between(0.15, 0.35)
        coast = [
            (chance.between(0.5, 1.1) * turn(step / 11)[0], chance.between(0.5, 1.1) * turn(step / 11)[1])
            for step in range(11)
        ]
        canvas.shape(x, y, size * 1.06, coast, mix(paper, p.second, 0.6), curved=True)
        canvas.shape(x, y, size, coast, mix(paper, p.accent, 0.35), curved=True)
    route = [(step / 4, chance.between(0.25, 0.75)) for step in range(5)]
    canvas.line(route, p.accent, 0.008)
    x, y = chance.between(0.2, 0.8), chance.between(0.7, 0.85)
    canvas.ring(x, y, 0.09, mix(p.ink, paper, 0.3), 0.006)
    for number in range(8):
        dx, dy = turn(number / 8)
        reach = 0.13 if number % 2 == 0 else 0.07
        canvas.line(
            [(x, y), (x + canvas.across(dx * reach), y + canvas.down(dy * reach))], mix(p.ink, paper, 0.2), 0.008
        )


PLACES = (
    sunset, mountains, countryside, skyline, palms, road, forest, lit_house, alley, castle, planets, galaxy, temple,
    church, room, globe, old_map,
)  # fmt: skip
