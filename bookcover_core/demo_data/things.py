"""Pictures of things: hearts, gears, scales, balls and whatever else stands for a genre."""

from bookcover_core.demo_data.canvas import Canvas, turn
from bookcover_core.demo_data.palettes import BLACK, WHITE, mix


def heart(canvas: Canvas) -> None:
    """A heart, or several."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(p.ground, mix(p.ground, p.second, 0.5))
    for _ in range(chance.pick((1, 1, 3, 7))):
        x, y, size = chance.between(0.25, 0.75), chance.between(0.3, 0.75), chance.between(0.1, 0.26)
        shade = mix(p.accent, canvas.light, chance.between(0, 0.35))
        for side in (-1, 1):
            canvas.disc(x + canvas.across(0.45 * side * size), y - canvas.down(0.35 * size), size * 0.58, shade)
        canvas.shape(x, y, size, [(-0.97, -0.12), (0.97, -0.12), (0, 1.05)], shade)


def gears(canvas: Canvas) -> None:
    """Gears that mesh."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(p.ground, mix(p.ground, p.second, 0.45))
    x, y = chance.between(0.3, 0.5), chance.between(0.4, 0.55)
    for dx, dy, radius, teeth, shade in (
        (0, 0, 0.24, 14, p.accent),
        (0.32, 0.2, 0.15, 10, p.second),
        (-0.16, 0.33, 0.11, 8, mix(p.second, canvas.light, 0.5)),
    ):
        gx, gy = x + canvas.across(dx), y + canvas.down(dy)
        for number in range(teeth):
            tx, ty = turn(number / teeth)
            canvas.line(
                [(gx, gy), (gx + canvas.across(tx * radius * 1.2), gy + canvas.down(ty * radius * 1.2))],
                shade,
                radius * 0.24,
            )
        canvas.disc(gx, gy, radius, shade)
        canvas.disc(gx, gy, radius * 0.45, mix(p.ground, canvas.dark, 0.3))


def car(canvas: Canvas) -> None:
    """A car from its side."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(mix(p.ground, p.second, 0.5), mix(p.ground, canvas.dark, 0.25))
    y = chance.between(0.6, 0.68)
    canvas.shade(y + 0.07, 1, mix(canvas.dark, p.second, 0.35), canvas.dark)
    canvas.glow(0.5, y - 0.1, 0.5, canvas.light, 0.4)
    body = chance.pick((p.accent, mix(p.accent, WHITE, 0.3), (178, 30, 34), (30, 80, 150)))
    canvas.shape(
        0.5,
        y,
        0.4,
        [
            (-1, 0.15),
            (-0.95, -0.12),
            (-0.5, -0.2),
            (-0.25, -0.48),
            (0.25, -0.48),
            (0.55, -0.18),
            (0.98, -0.08),
            (1, 0.15),
        ],
        body,
    )
    canvas.shape(
        0.5, y, 0.4, [(-0.38, -0.2), (-0.2, -0.42), (0, -0.42), (0, -0.2)], mix(canvas.light, (120, 160, 190), 0.4)
    )
    canvas.shape(
        0.5, y, 0.4, [(0.05, -0.2), (0.05, -0.42), (0.22, -0.42), (0.4, -0.2)], mix(canvas.light, (120, 160, 190), 0.4)
    )
    for side in (-0.24, 0.24):
        canvas.disc(0.5 + canvas.across(side), y + canvas.down(0.06), 0.085, BLACK)
        canvas.disc(0.5 + canvas.across(side), y + canvas.down(0.06), 0.042, (200, 200, 204))


def aeroplane(canvas: Canvas) -> None:
    """An aeroplane above the clouds."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(mix(p.ground, p.second, 0.4), canvas.light)
    for _ in range(9):
        canvas.oval(
            chance.share(),
            chance.between(0.68, 1),
            chance.between(0.1, 0.25),
            chance.between(0.04, 0.09),
            mix(WHITE, p.second, chance.between(0.05, 0.3)),
        )
    x, y = chance.between(0.4, 0.6), chance.between(0.4, 0.55)
    hull = mix(p.accent, (200, 204, 210), 0.35)
    canvas.shape(x, y, 0.4, [(-0.1, 0.05), (0.25, 0.55), (0.4, 0.55), (0.18, 0.02)], mix(hull, BLACK, 0.3))
    canvas.shape(
        x,
        y,
        0.4,
        [(-1, -0.3), (-0.85, -0.3), (-0.7, -0.08), (0.75, -0.12), (1, 0), (0.75, 0.1), (-0.7, 0.1), (-0.9, 0)],
        hull,
    )
    canvas.shape(x, y, 0.4, [(-0.05, -0.05), (0.1, -0.45), (0.2, -0.45), (0.2, -0.05)], mix(hull, BLACK, 0.2))


def scales(canvas: Canvas) -> None:
    """The scales of justice."""
    p = canvas.palette
    canvas.fill(p.ground, mix(p.ground, canvas.dark, 0.35))
    y = canvas.chance.between(0.28, 0.34)
    tilt = canvas.chance.between(-0.03, 0.03)
    canvas.line([(0.5, y - 0.04), (0.5, 0.84)], p.accent, 0.03)
    canvas.disc(0.5, y - 0.05, 0.035, p.accent)
    canvas.line([(0.18, y + tilt), (0.82, y - tilt)], p.accent, 0.022)
    canvas.poly([(0.32, 0.88), (0.4, 0.83), (0.6, 0.83), (0.68, 0.88)], p.accent)
    for x, top in ((0.18, y + tilt), (0.82, y - tilt)):
        canvas.line([(x - 0.12, top + 0.22), (x, top), (x + 0.12, top + 0.22)], p.accent, 0.008)
        canvas.slice(x, top + 0.22, 0.14, 0, 180, p.accent)


def gavel(canvas: Canvas) -> None:
    """A gavel on its block."""
    p = canvas.palette
    canvas.fill(mix(p.ground, p.second, 0.3), mix(p.ground, canvas.dark, 0.3))
    wood = mix(p.accent, (120, 66, 30), 0.6)
    y = canvas.chance.between(0.45, 0.55)
    canvas.line([(0.36, y), (0.9, y + canvas.down(0.34))], mix(wood, BLACK, 0.15), 0.05)
    canvas.shape(0.36, y, 0.2, [(-0.75, 0.5), (0.2, -1), (0.8, -0.6), (-0.15, 0.9)], wood)
    canvas.shape(0.36, y, 0.2, [(-0.8, 0.42), (-0.66, 0.2), (-0.06, 0.6), (-0.2, 0.82)], p.accent)
    canvas.shape(0.36, y, 0.2, [(0.12, -0.88), (0.26, -1.1), (0.86, -0.7), (0.72, -0.48)], p.accent)
    canvas.oval(0.3, y + canvas.down(0.32), 0.22, 0.05, mix(wood, BLACK, 0.35))


def bulb(canvas: Canvas) -> None:
    """A light bulb that has an idea."""
    p = canvas.palette
    canvas.fill(p.ground)
    x, y = 0.5, canvas.chance.between(0.45, 0.52)
    for number in range(12):
        dx, dy = turn(number / 12)
        canvas.line(
            [
                (x + canvas.across(dx * 0.27), y + canvas.down(dy * 0.27)),
                (x + canvas.across(dx * 0.36), y + canvas.down(dy * 0.36)),
            ],
            p.accent,
            0.018,
        )
    canvas.disc(x, y, 0.2, mix(p.accent, (255, 226, 90), 0.5))
    canvas.shape(
        x, y, 0.2, [(-0.6, 0.75), (0.6, 0.75), (0.42, 1.35), (-0.42, 1.35)], mix(p.accent, (255, 226, 90), 0.5)
    )
    canvas.shape(x, y, 0.2, [(-0.42, 1.4), (0.42, 1.4), (0.3, 1.95), (-0.3, 1.95)], canvas.dark)


def key_and_lock(canvas: Canvas) -> None:
    """An old key."""
    p = canvas.palette
    canvas.fill(p.ground, mix(p.ground, p.second, 0.4))
    x, y = 0.5, canvas.chance.between(0.3, 0.4)
    canvas.ring(x, y, 0.13, p.accent, 0.04)
    canvas.line([(x, y + canvas.down(0.12)), (x, y + canvas.down(0.56))], p.accent, 0.04)
    for reach, drop in ((0.11, 0.54), (0.08, 0.46), (0.11, 0.4)):
        canvas.line([(x, y + canvas.down(drop)), (x + canvas.across(reach), y + canvas.down(drop))], p.accent, 0.035)


def steps(canvas: Canvas) -> None:
    """Steps that climb to the light."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(mix(p.ground, p.second, 0.3), canvas.light)
    canvas.glow(0.8, 0.3, 0.5, mix(p.accent, WHITE, 0.5), 0.9)
    count = chance.whole(4, 6)
    for number in range(count):
        canvas.rect(number / count, 0.86 - 0.5 * number / count, 1, 1, mix(p.accent, p.ground, number / count * 0.6))
    canvas.disc(1 - 0.5 / count, 0.36 - 0.5 / count, 0.03, canvas.dark)


def chart(canvas: Canvas) -> None:
    """Columns and an arrow that rise."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(p.ground)
    for number in range(5):
        canvas.line([(0.1, 0.3 + number * 0.13), (0.92, 0.3 + number * 0.13)], mix(p.ground, p.second, 0.5), 0.004)
    points = []
    for number in range(6):
        rise = 0.72 - number * 0.075 + chance.between(-0.05, 0.05)
        x = 0.14 + number * 0.13
        canvas.rect(x, rise, x + 0.085, 0.85, mix(p.second, p.accent, 0.15 * number))
        points.append((x + 0.04, rise - 0.07))
    canvas.line(points, p.accent, 0.022)
    x, y = points[-1]
    canvas.shape(x, y, 0.07, [(-0.8, -0.4), (1, -1), (0.5, 0.8)], p.accent)


def coins(canvas: Canvas) -> None:
    """Piles of coins."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(p.ground, mix(p.ground, p.second, 0.3))
    gold = mix(p.accent, (236, 190, 60), 0.6)
    for column in range(4):
        x = 0.2 + column * 0.2
        for number in range(2 + column * 2 + chance.whole(0, 2)):
            y = 0.86 - number * 0.042
            canvas.oval(x, y + 0.008, 0.095, 0.03, mix(gold, BLACK, 0.45))
            canvas.oval(x, y, 0.095, 0.03, mix(gold, WHITE, 0.1 + 0.2 * (number % 2)))


def ball(canvas: Canvas) -> None:
    """A football, basketball or baseball."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(mix(p.ground, canvas.dark, 0.2), p.ground)
    canvas.glow(0.5, 0.35, 0.7, mix(p.second, WHITE, 0.4), 0.6)
    x, y, radius = chance.between(0.4, 0.6), chance.between(0.45, 0.62), chance.between(0.26, 0.36)
    kind = chance.whole(0, 2)
    canvas.disc(x, y, radius, ((240, 240, 236), (222, 116, 40), (246, 242, 230))[kind])
    ax, ay = canvas.across(radius), canvas.down(radius)
    if kind == 0:
        for number in range(6):
            dx, dy = turn(number / 5) if number else (0.0, 0.0)
            spot = [turn(step / 5 + 0.05) for step in range(5)]
            canvas.shape(x + dx * ax * 0.66, y + dy * ay * 0.66, radius * 0.25, spot, (24, 24, 28))
    elif kind == 1:
        canvas.line([(x - ax, y), (x + ax, y)], BLACK, 0.012)
        canvas.line([(x, y - ay), (x, y + ay)], BLACK, 0.012)
        canvas.arc(x - ax * 1.2, y, radius, 305, 415, BLACK, 0.012)
        canvas.arc(x + ax * 1.2, y, radius, 125, 235, BLACK, 0.012)
    else:
        canvas.arc(x - ax * 1.3, y, radius, 310, 410, (196, 40, 40), 0.014)
        canvas.arc(x + ax * 1.3, y, radius, 130, 230, (196, 40, 40), 0.014)


def cross(canvas: Canvas) -> None:
    """A cross in a beam of light."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(mix(p.ground, p.second, 0.4), canvas.light)
    canvas.hills(0.84, 0.03, canvas.dark)
    x, y = chance.between(0.35, 0.65), 0.38
    canvas.glow(x, y + 0.06, 0.7, mix(p.accent, WHITE, 0.6), 0.8)
    for number in range(16):
        dx, dy = turn(number / 16 + 0.03)
        canvas.line(
            [
                (x + canvas.across(dx * 0.2), y + canvas.down(dy * 0.2)),
                (x + canvas.across(dx * 0.9), y + canvas.down(dy * 0.9)),
            ],
            mix(canvas.light, p.accent, 0.2),
            0.006,
        )
    canvas.line([(x, y - 0.14), (x, 0.87)], canvas.dark, 0.04)
    canvas.line([(x - canvas.across(0.15), y), (x + canvas.across(0.15), y)], canvas.dark, 0.04)


def lotus(canvas: Canvas) -> None:
    """A lotus on still water."""
    p = canvas.palette
    canvas.fill(mix(p.ground, p.second, 0.3), p.ground)
    x, y = 0.5, canvas.chance.between(0.55, 0.65)
    canvas.glow(x, y - 0.1, 0.5, mix(p.accent, WHITE, 0.5), 0.6)
    for reach, tall, light in ((1.1, 0.5, 0.1), (0.75, 0.85, 0.3), (0.4, 1.1, 0.5), (0.0, 1.25, 0.65)):
        for side in (-1, 1):
            petal = [
                (0, 0.25),
                (-0.3 + reach * side * 0.5, -0.3),
                (reach * side, -tall),
                (0.3 + reach * side * 0.5, -0.2),
            ]
            canvas.shape(x, y, 0.27, petal, mix(mix(p.accent, p.ground, 0.2), WHITE, light), curved=True)
    for number in range(4):
        canvas.line(
            [(x - 0.24 + number * 0.02, y + 0.1 + number * 0.03), (x + 0.24 - number * 0.02, y + 0.1 + number * 0.03)],
            mix(p.second, p.accent, 0.4),
            0.006,
        )


def pencil(canvas: Canvas) -> None:
    """A pencil over a sheet of answers."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(mix(WHITE, p.ground, 0.15))
    for row in range(12):
        y = 0.08 + row * 0.077
        canvas.rect(0.06, y - 0.01, 0.11, y + 0.012, mix(p.second, p.ink, 0.3))
        chosen = chance.whole(0, 4)
        for column in range(5):
            x = 0.2 + column * 0.15
            canvas.ring(x, y, 0.03, p.accent, 0.006)
            if column == chosen:
                canvas.disc(x, y, 0.026, (56, 58, 64))
    canvas.line([(0.48, 0.62), (0.96, 0.2)], (244, 190, 48), 0.07)
    canvas.shape(0.45, 0.645, 0.09, [(-0.75, 0.6), (0.0, -0.65), (0.75, 0.25)], (226, 190, 150))
    canvas.disc(0.405, 0.68, 0.02, (40, 40, 44))


def yarn(canvas: Canvas) -> None:
    """Balls of yarn and needles."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(p.ground, mix(p.ground, p.second, 0.5))
    for side in (-1, 1):
        canvas.line([(0.5 - 0.3 * side, 0.24), (0.5 + 0.22 * side, 0.8)], (176, 130, 84), 0.018)
        canvas.disc(0.5 - 0.3 * side, 0.24, 0.022, (120, 80, 48))
    for shade in (p.accent, p.second, mix(p.accent, WHITE, 0.45)):
        x, y, radius = chance.between(0.25, 0.75), chance.between(0.5, 0.78), chance.between(0.13, 0.21)
        canvas.disc(x, y, radius, mix(shade, BLACK, 0.12))
        for number in range(9):
            start = number * 40 + chance.whole(0, 30)
            canvas.arc(
                x + canvas.across(chance.between(-0.3, 0.3) * radius),
                y,
                radius * chance.between(0.45, 0.95),
                start,
                start + 110,
                mix(shade, WHITE, 0.35),
                0.01,
            )


def books(canvas: Canvas) -> None:
    """A pile of books."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(p.ground, mix(p.ground, p.second, 0.3))
    y = 0.9
    shades = (p.accent, p.second, mix(p.accent, p.second, 0.5), canvas.dark, mix(p.second, WHITE, 0.4))
    for number in range(chance.whole(4, 7)):
        thick, left = chance.between(0.06, 0.09), chance.between(0.12, 0.24)
        right = left + chance.between(0.52, 0.64)
        canvas.rect(left, y - thick, right, y, shades[number % 5], rounded=0.01)
        canvas.rect(left + 0.05, y - thick, left + 0.065, y, mix(shades[number % 5], WHITE, 0.5))
        canvas.rect(right - 0.02, y - thick + 0.01, right + 0.01, y - 0.01, (240, 232, 214))
        y -= thick


def camera(canvas: Canvas) -> None:
    """A camera."""
    p = canvas.palette
    canvas.fill(p.ground)
    y = canvas.chance.between(0.5, 0.58)
    half = canvas.down(0.2)
    canvas.rect(0.16, y - half, 0.84, y + half, canvas.dark, rounded=0.05)
    canvas.rect(0.24, y - half - canvas.down(0.07), 0.42, y, canvas.dark, rounded=0.02)
    canvas.rect(0.16, y - half * 0.45, 0.84, y - half * 0.3, p.accent)
    for radius, shade in (
        (0.17, (210, 210, 214)),
        (0.14, (30, 32, 40)),
        (0.09, mix(p.accent, BLACK, 0.5)),
        (0.03, WHITE),
    ):
        canvas.disc(0.54, y, radius, shade)


THINGS = (
    heart, gears, car, aeroplane, scales, gavel, bulb, key_and_lock, steps, chart, coins, ball, cross, lotus, pencil,
    yarn, books, camera,
)  # fmt: skip
