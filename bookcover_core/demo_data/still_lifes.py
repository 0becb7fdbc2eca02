"""Pictures of what is eaten and what grows: plates, pots, leaves and flowers."""

from bookcover_core.demo_data.canvas import Canvas, turn
from bookcover_core.demo_data.palettes import BLACK, WHITE, Colour, mix

# What lies on plates.
_FOODS: tuple[Colour, ...] = (
    (196, 60, 40),
    (232, 160, 60),
    (110, 150, 60),
    (150, 90, 50),
    (240, 214, 150),
    (120, 40, 70),
)


def plate(canvas: Canvas) -> None:
    """A full plate, seen from above."""
    p, chance = canvas.palette, canvas.chance
    _table(canvas)
    x, y, radius = chance.between(0.4, 0.6), chance.between(0.5, 0.62), chance.between(0.32, 0.42)
    canvas.disc(x + 0.015, y + 0.015, radius * 1.02, mix(p.ground, BLACK, 0.4))
    canvas.disc(x, y, radius, (250, 248, 242))
    canvas.disc(x, y, radius * 0.74, (232, 228, 218))
    foods = chance.sample(_FOODS, 3)
    for number in range(chance.whole(14, 26)):
        dx, dy = turn(chance.share())
        reach = chance.between(0, radius * 0.5)
        food = mix(foods[number % 3], WHITE, chance.between(0, 0.25))
        canvas.oval(
            x + canvas.across(dx * reach),
            y + canvas.down(dy * reach),
            chance.between(0.03, 0.08),
            chance.between(0.03, 0.07),
            food,
        )
    for _ in range(5):
        dx, dy = turn(chance.share())
        canvas.shape(
            x + canvas.across(dx * 0.12),
            y + canvas.down(dy * 0.12),
            0.05,
            [(-1, 0), (0, -0.4), (1, 0), (0, 0.4)],
            (74, 132, 48),
        )
    if chance.happens(0.6):
        side = x - canvas.across(radius + 0.06)
        canvas.line([(side, y - 0.18), (side, y + 0.22)], (190, 190, 194), 0.025)


def _table(canvas: Canvas) -> None:
    """Planks or a chequered cloth."""
    p, chance = canvas.palette, canvas.chance
    if chance.happens(0.5):
        wood = mix(p.second, (140, 96, 60), 0.5)
        canvas.fill(wood)
        for number in range(7):
            canvas.rect(number / 7, 0, (number + 1) / 7 - 0.006, 1, mix(wood, BLACK, chance.between(0, 0.18)))
        return
    canvas.fill(canvas.light)
    for number in range(12):
        canvas.rect(number / 12, 0, (number + 0.5) / 12, 1, mix(canvas.light, p.accent, 0.45))
    for number in range(16):
        y = number / 16
        for column in range(12):
            canvas.rect(column / 12, y, (column + 0.5) / 12, y + 0.5 / 16, mix(canvas.light, p.accent, 0.85))


def pot(canvas: Canvas) -> None:
    """A steaming pot."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(p.ground, mix(p.second, p.ground, 0.4))
    canvas.rect(0, 0.8, 1, 1, mix(p.second, canvas.dark, 0.35))
    canvas.rect(0.22, 0.52, 0.78, 0.83, p.accent, rounded=0.06)
    canvas.rect(0.18, 0.49, 0.82, 0.54, mix(p.accent, BLACK, 0.25), rounded=0.02)
    canvas.rect(0.12, 0.58, 0.24, 0.63, mix(p.accent, BLACK, 0.4), rounded=0.02)
    canvas.rect(0.76, 0.58, 0.88, 0.63, mix(p.accent, BLACK, 0.4), rounded=0.02)
    canvas.rect(0.27, 0.56, 0.31, 0.79, mix(p.accent, WHITE, 0.35), rounded=0.02)
    for number in range(3):
        x = 0.34 + number * 0.16
        canvas.line(
            [(x, 0.46), (x + 0.03, 0.41), (x - 0.02, 0.36), (x + 0.03, 0.3 + chance.between(-0.04, 0.02))],
            canvas.light,
            0.018,
        )


def wine(canvas: Canvas) -> None:
    """A bottle and a glass."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(mix(p.ground, p.second, 0.3), p.ground)
    red = mix((110, 16, 44), p.accent, 0.25)
    x = chance.between(0.28, 0.4)
    canvas.rect(x - 0.08, 0.45, x + 0.08, 0.9, mix((30, 54, 36), canvas.dark, 0.3), rounded=0.03)
    canvas.rect(x - 0.03, 0.22, x + 0.03, 0.5, mix((30, 54, 36), canvas.dark, 0.3), rounded=0.01)
    canvas.rect(x - 0.08, 0.58, x + 0.08, 0.76, canvas.light)
    gx = x + 0.34
    canvas.oval(gx, 0.56, 0.13, 0.17, mix(canvas.light, p.second, 0.3))
    canvas.slice(gx, 0.57, 0.12, 0, 180, red)
    canvas.line([(gx, 0.66), (gx, 0.88)], mix(canvas.light, p.second, 0.3), 0.016)
    canvas.oval(gx, 0.89, 0.1, 0.02, mix(canvas.light, p.second, 0.3))


def apple(canvas: Canvas) -> None:
    """An apple with its leaf."""
    p = canvas.palette
    canvas.fill(p.ground)
    x, y = 0.5, canvas.chance.between(0.52, 0.6)
    canvas.oval(x, y + canvas.down(0.27), 0.24, 0.03, mix(p.ground, BLACK, 0.15))
    for side in (-1, 1):
        canvas.oval(x + canvas.across(0.1 * side), y, 0.19, 0.25, p.accent)
    canvas.oval(x - canvas.across(0.14), y - canvas.down(0.07), 0.04, 0.09, mix(p.accent, WHITE, 0.5))
    canvas.line([(x, y - canvas.down(0.2)), (x + canvas.across(0.03), y - canvas.down(0.32))], (92, 60, 36), 0.022)
    canvas.shape(
        x + canvas.across(0.12),
        y - canvas.down(0.29),
        0.1,
        [(-1, 0.2), (0, -0.5), (1, -0.2), (0.1, 0.4)],
        (88, 150, 60),
        curved=True,
    )


def leaves(canvas: Canvas) -> None:
    """Leaves on a stem."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(p.ground, mix(p.ground, p.second, 0.35))
    for _ in range(chance.whole(1, 3)):
        x, y, size = chance.between(0.25, 0.75), chance.between(0.5, 0.75), chance.between(0.1, 0.17)
        green = mix(p.accent, (80, 150, 70), chance.between(0.3, 0.8))
        canvas.line([(x, y + canvas.down(size * 2.2)), (x, y - canvas.down(size * 2))], mix(green, BLACK, 0.3), 0.012)
        for number in range(-2, 3):
            for side in (-1, 1):
                leaf = [(0, 0), (0.7 * side, -0.55), (1.5 * side, -0.7), (0.9 * side, 0)]
                canvas.shape(
                    x,
                    y + canvas.down(number * size * 0.75),
                    size,
                    leaf,
                    mix(green, WHITE, 0.12 * (number + 2)),
                    curved=True,
                )


def flowers(canvas: Canvas) -> None:
    """A garland of flowers."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(p.ground, mix(p.ground, p.second, 0.4))
    for _ in range(chance.whole(8, 16)):
        x, y = chance.share(), chance.share()
        for _ in range(2):
            canvas.shape(
                x + chance.between(-0.08, 0.08),
                y + chance.between(-0.06, 0.06),
                0.07,
                [(-1, 0), (0, -0.4), (1, 0), (0, 0.4)],
                mix((96, 150, 84), p.ink, 0.2),
            )
        canvas.petals(
            x,
            y,
            chance.between(0.06, 0.14),
            chance.whole(5, 8),
            mix(p.accent, WHITE, chance.between(0, 0.5)),
            mix(p.second, (250, 210, 80), 0.6),
        )


def rose_stem(canvas: Canvas) -> None:
    """One rose, large."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(mix(p.ground, p.second, 0.25), p.ground)
    x, y = chance.between(0.4, 0.6), chance.between(0.4, 0.5)
    canvas.line([(x, y), (x + 0.03, 0.7), (x - 0.02, 0.98)], (60, 100, 56), 0.022)
    for side in (-1, 1):
        canvas.shape(
            x + canvas.across(0.1 * side),
            0.74,
            0.1,
            [(-1 * side, 0.3), (0, -0.5), (1 * side, -0.3), (0.2 * side, 0.5)],
            (66, 116, 62),
            curved=True,
        )
    for ring in range(6):
        radius = 0.23 - ring * 0.036
        for number in range(5):
            dx, dy = turn(number / 5 + ring * 0.09)
            shade = mix(mix(p.accent, BLACK, 0.3), mix(p.accent, WHITE, 0.45), (number % 5) / 4 * 0.6 + ring * 0.06)
            canvas.disc(x + canvas.across(dx * radius * 0.5), y + canvas.down(dy * radius * 0.5), radius * 0.6, shade)


STILL_LIFES = (plate, pot, wine, apple, leaves, flowers, rose_stem)
