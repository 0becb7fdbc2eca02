"""Pictures of nothing in particular: patterns, diagrams and abstract compositions."""

from itertools import pairwise

from bookcover_core.demo_data.canvas import Canvas, smooth, turn
from bookcover_core.demo_data.figures import hero, portrait, runner
from bookcover_core.demo_data.palettes import BLACK, WHITE, mix
from bookcover_core.demo_data.places import skyline


def paper(canvas: Canvas) -> None:
    """Plain paper."""
    canvas.fill(
        canvas.palette.ground, mix(canvas.palette.ground, canvas.palette.second, canvas.chance.between(0, 0.35))
    )


def stripes(canvas: Canvas) -> None:
    """Stripes, upright or slanting."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(p.ground)
    count, lean = chance.whole(4, 12), chance.pick((0.0, 0.0, 0.3, -0.3, 0.6))
    shade = mix(p.second, p.ground, chance.between(0, 0.5))
    for number in range(-count, 2 * count, 2):
        x = number / count
        canvas.poly([(x, 0), (x + 1 / count, 0), (x + 1 / count + lean, 1), (x + lean, 1)], shade)


def halftone(canvas: Canvas) -> None:
    """Dots that grow."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(p.ground)
    rows = chance.whole(10, 18)
    step = 1 / rows
    for row in range(rows + 1):
        for column in range(int(rows * canvas.width / canvas.height) + 2):
            x = (column + 0.5 * (row % 2)) * step * canvas.height / canvas.width
            canvas.disc(x, row * step, 0.004 + 0.045 * row / rows, p.second)


def burst(canvas: Canvas) -> None:
    """Rays from one point."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(p.ground)
    y = chance.between(0.4, 0.6)
    for number in range(0, 360, 20):
        canvas.slice(0.5, y, 1.7, number, number + 10, mix(p.ground, p.second, 0.75))
    spikes = [
        turn(step / 28) if step % 2 else (turn(step / 28)[0] * 0.68, turn(step / 28)[1] * 0.68) for step in range(28)
    ]
    canvas.shape(0.5, y, 0.42, spikes, p.accent)


def blocks(canvas: Canvas) -> None:
    """Rectangles between black lines."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(mix(WHITE, p.ground, 0.2))
    xs = [0, *sorted(chance.between(0.1, 0.9) for _ in range(3)), 1]
    ys = [0, *sorted(chance.between(0.1, 0.9) for _ in range(4)), 1]
    for left, right in pairwise(xs):
        for top, bottom in pairwise(ys):
            if chance.happens(0.45):
                canvas.rect(left, top, right, bottom, chance.pick((p.accent, p.second, p.ink, p.ground)))
            canvas.line([(left, top), (right, top)], BLACK, 0.016)
            canvas.line([(left, top), (left, bottom)], BLACK, 0.016)


def brushwork(canvas: Canvas) -> None:
    """Broad strokes of paint."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(mix(p.ground, WHITE, 0.3))
    for _ in range(chance.whole(6, 13)):
        shade = mix(chance.pick((p.accent, p.second, p.ink)), WHITE, chance.between(0, 0.4))
        x, y = chance.share(), chance.share()
        points = [
            (x, y),
            (x + chance.between(-0.4, 0.4), y + chance.between(-0.2, 0.2)),
            (x + chance.between(-0.6, 0.6), y + chance.between(-0.3, 0.3)),
        ]
        for hair in range(5):
            shift = (hair - 2) * 0.02
            canvas.line(
                smooth([(a + shift, b + shift) for a, b in points], 6), mix(shade, WHITE, 0.08 * (hair % 3)), 0.026
            )


def circles(canvas: Canvas) -> None:
    """Circles over circles."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(p.ground)
    for _ in range(chance.whole(4, 9)):
        x, y, radius = chance.share(), chance.share(), chance.between(0.08, 0.32)
        shade = mix(chance.pick((p.accent, p.second)), p.ground, chance.between(0, 0.5))
        if chance.happens(0.4):
            canvas.ring(x, y, radius, shade, 0.02)
        else:
            canvas.disc(x, y, radius, shade)


def circuit(canvas: Canvas) -> None:
    """Traces on a board, or the nodes of a network."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(p.ground, mix(p.ground, BLACK, 0.25))
    if chance.happens(0.5):
        nodes = [(chance.between(0.05, 0.95), chance.between(0.05, 0.95)) for _ in range(16)]
        for number, node in enumerate(nodes):
            for other in sorted(nodes, key=lambda end: abs(end[0] - node[0]) + abs(end[1] - node[1]))[1:4]:
                canvas.line([node, other], mix(p.second, p.ground, 0.3), 0.006)
            canvas.disc(*node, 0.012 + 0.02 * (number % 3 == 0), p.accent)
        return
    for _ in range(22):
        x, y = chance.share(), chance.share()
        dx, dy = chance.between(-0.25, 0.25), chance.between(-0.25, 0.25)
        shade = chance.pick((p.second, p.accent, mix(p.second, WHITE, 0.3)))
        canvas.line([(x, y), (x + dx, y), (x + dx, y + dy)], shade, 0.01)
        canvas.disc(x, y, 0.02, shade)
        canvas.disc(x + dx, y + dy, 0.014, shade)


def code(canvas: Canvas) -> None:
    """Lines of a program."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(mix(p.ground, BLACK, 0.55))
    for row in range(26):
        x, y = 0.06 + 0.06 * chance.whole(0, 3), 0.03 + row * 0.038
        for _ in range(chance.whole(1, 4)):
            width = chance.between(0.04, 0.2)
            canvas.rect(
                x,
                y,
                x + width,
                y + 0.015,
                mix(chance.pick((p.accent, p.second, WHITE)), BLACK, chance.between(0.05, 0.4)),
            )
            x += width + 0.025


def curves(canvas: Canvas) -> None:
    """Curves on graph paper."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(mix(p.ground, WHITE, 0.05))
    for number in range(13):
        canvas.line([(number / 12, 0), (number / 12, 1)], mix(p.ground, p.second, 0.4), 0.003)
        canvas.line([(0, number / 12), (1, number / 12)], mix(p.ground, p.second, 0.4), 0.003)
    canvas.line([(0.1, 0), (0.1, 1)], p.ink, 0.007)
    canvas.line([(0, 0.8), (1, 0.8)], p.ink, 0.007)
    for shade in (p.accent, p.second, mix(p.accent, p.ink, 0.5)):
        points = [(step / 5, chance.between(0.2, 0.85)) for step in range(6)]
        canvas.line(smooth(points), shade, 0.016)


def orbits(canvas: Canvas) -> None:
    """An atom and its orbits."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(p.ground, mix(p.ground, p.second, 0.4))
    x, y = 0.5, chance.between(0.45, 0.6)
    canvas.glow(x, y, 0.4, p.second, 0.6)
    for lean in (0.0, 1 / 6, 1 / 3):
        ux, uy = turn(lean)
        points = []
        for step in range(37):
            a, b = turn(step / 36)
            a, b = a * 0.4, b * 0.15
            points.append((x + canvas.across(a * ux - b * uy), y + canvas.down(a * uy + b * ux)))
        canvas.line(points, mix(p.accent, WHITE, 0.2), 0.009)
        canvas.disc(*points[chance.whole(0, 35)], 0.026, p.accent)
    canvas.disc(x, y, 0.06, p.accent)


def molecule(canvas: Canvas) -> None:
    """Rings of atoms and their bonds."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(p.ground, mix(p.ground, p.second, 0.35))
    for _ in range(chance.whole(3, 5)):
        x, y, radius = chance.between(0.15, 0.85), chance.between(0.2, 0.85), chance.between(0.1, 0.17)
        ring = [
            (x + canvas.across(dx * radius), y + canvas.down(dy * radius))
            for dx, dy in (turn(step / 6) for step in range(6))
        ]
        canvas.line([*ring, ring[0], ring[1]], p.second, 0.016)
        for number, corner in enumerate(ring):
            canvas.disc(*corner, 0.036 if number % 2 else 0.026, p.accent if number % 3 else mix(p.accent, p.ink, 0.5))
            canvas.disc(corner[0] - 0.008, corner[1] - 0.008, 0.009, WHITE)


def heartbeat(canvas: Canvas) -> None:
    """The trace of a heart, and the cross of medicine."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(p.ground, mix(p.ground, p.second, 0.5))
    x, y = chance.between(0.3, 0.7), chance.between(0.32, 0.45)
    for wide, tall in ((0.17, 0.058), (0.058, 0.17)):
        canvas.rect(
            x - canvas.across(wide),
            y - canvas.down(tall),
            x + canvas.across(wide),
            y + canvas.down(tall),
            mix(p.second, p.accent, 0.3),
        )
    level = chance.between(0.6, 0.72)
    beat = [
        (0.0, 0.0),
        (0.3, 0.0),
        (0.36, -0.05),
        (0.42, 0.02),
        (0.48, -0.24),
        (0.55, 0.16),
        (0.6, 0),
        (0.75, 0),
        (0.8, -0.05),
        (0.86, 0),
        (1, 0),
    ]
    canvas.line([(a, level + b) for a, b in beat], p.accent, 0.02)


def helix(canvas: Canvas) -> None:
    """A double helix."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(p.ground, mix(p.ground, p.second, 0.45))
    x, swing, winds = chance.between(0.35, 0.65), chance.between(0.12, 0.2), chance.between(1.2, 2.0)
    strands: list[list[tuple[float, float]]] = [[], []]
    for step in range(41):
        offset = canvas.across(turn(step / 40 * winds)[1] * swing)
        strands[0].append((x + offset, step / 40))
        strands[1].append((x - offset, step / 40))
    for left, right in list(zip(*strands, strict=True))[::2]:
        canvas.line([left, right], mix(p.second, p.accent, 0.3), 0.012)
    for strand, shade in zip(strands, (p.accent, mix(p.accent, p.ink, 0.4)), strict=True):
        canvas.line(strand, shade, 0.026)


def cells(canvas: Canvas) -> None:
    """Cells under a microscope."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(mix(p.second, p.ground, 0.3), p.ground)
    for _ in range(26):
        x, y, radius = chance.share(), chance.share(), chance.between(0.05, 0.13)
        shade = mix(p.accent, WHITE, chance.between(0.2, 0.65))
        canvas.disc(x, y, radius, shade)
        canvas.disc(x, y, radius * 0.86, mix(shade, WHITE, 0.3))
        canvas.disc(x + chance.between(-0.02, 0.02), y, radius * 0.3, mix(p.accent, p.ink, 0.3))


def letters(canvas: Canvas) -> None:
    """Tabs of a register, as dictionaries have them."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(p.ground)
    canvas.rect(0, 0, 1, chance.between(0.1, 0.2), p.second)
    shades = (p.accent, p.second, mix(p.accent, WHITE, 0.4), mix(p.second, p.ink, 0.3))
    for number in range(9):
        y = 0.08 + number * 0.1
        canvas.rect(0.86, y, 1, y + 0.07, shades[number % 4])
        canvas.rect(0.9, y + 0.025, 0.96, y + 0.045, canvas.light)


def mandala(canvas: Canvas) -> None:
    """A mandala."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(p.ground, mix(p.ground, canvas.dark, 0.25))
    x, y = 0.5, chance.between(0.48, 0.56)
    spokes = chance.pick((8, 12, 16))
    for radius, shade in ((0.4, p.second), (0.3, p.accent), (0.2, mix(p.accent, WHITE, 0.5))):
        for number in range(spokes):
            dx, dy = turn(number / spokes)
            canvas.disc(x + canvas.across(dx * radius), y + canvas.down(dy * radius), radius * 2.2 / spokes, shade)
            canvas.disc(x + canvas.across(dx * radius), y + canvas.down(dy * radius), radius * 1.3 / spokes, p.ground)
        canvas.ring(x, y, radius * 0.86, shade, 0.012)
    canvas.disc(x, y, 0.08, p.accent)


def quilt(canvas: Canvas) -> None:
    """Patchwork."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(p.ground)
    columns = chance.whole(4, 6)
    rows = max(2, round(columns * canvas.height / canvas.width))
    shades = (
        p.accent,
        p.second,
        mix(p.accent, WHITE, 0.5),
        mix(p.second, WHITE, 0.5),
        p.ground,
        mix(p.ink, p.second, 0.4),
    )
    for row in range(rows):
        for column in range(columns):
            left, top, right, bottom = column / columns, row / rows, (column + 1) / columns, (row + 1) / rows
            canvas.rect(left, top, right, bottom, chance.pick(shades))
            middle = ((left + right) / 2, (top + bottom) / 2)
            first, second = chance.sample(shades, 2)
            canvas.poly([(left, top), (right, top), middle], first)
            canvas.poly([(left, bottom), (right, bottom), middle], second)
            if chance.happens(0.3):
                canvas.disc(*middle, 0.35 / columns, chance.pick(shades))


def bunting(canvas: Canvas) -> None:
    """Balloons and flags for a party."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(p.ground, mix(p.second, WHITE, 0.3))
    shades = (p.accent, p.second, (255, 214, 70), (120, 200, 120), (90, 170, 230))
    for number in range(9):
        x = number / 8
        canvas.shape(x, 0.06 + 0.04 * (1 - (x * 2 - 1) ** 2), 0.08, [(-0.7, 0), (0.7, 0), (0, 1.3)], shades[number % 5])
    for _ in range(chance.whole(3, 7)):
        x, y = chance.between(0.1, 0.9), chance.between(0.3, 0.7)
        shade = chance.pick(shades)
        canvas.line([(x, y), (x + chance.between(-0.05, 0.05), 1)], mix(p.ink, WHITE, 0.3), 0.005)
        canvas.oval(x, y, 0.085, 0.105, shade)
        canvas.oval(x - 0.03, y - 0.03, 0.02, 0.035, mix(shade, WHITE, 0.6))


def speech(canvas: Canvas) -> None:
    """Speech bubbles and a grin."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(p.ground)
    if chance.happens(0.5):
        x, y = 0.5, chance.between(0.5, 0.62)
        canvas.disc(x, y, 0.3, p.accent if chance.happens(0.5) else (255, 208, 60))
        for side in (-1, 1):
            canvas.disc(x + canvas.across(0.11 * side), y - canvas.down(0.08), 0.075, WHITE)
            canvas.disc(x + canvas.across(0.11 * side) + 0.015, y - canvas.down(0.07), 0.032, BLACK)
        canvas.slice(x, y + canvas.down(0.04), 0.17, 0, 180, (120, 24, 30))
        canvas.rect(
            x - canvas.across(0.14), y + canvas.down(0.04), x + canvas.across(0.14), y + canvas.down(0.08), WHITE
        )
        return
    for _ in range(chance.whole(2, 4)):
        x, y = chance.between(0.25, 0.75), chance.between(0.25, 0.8)
        shade = chance.pick((WHITE, p.second, p.accent))
        canvas.shape(x, y, 0.2, [(-0.3, 0.5), (0.2, 0.5), (-0.6, 1.25)], shade)
        canvas.oval(x, y, 0.24, 0.15, shade)
        for row in range(3):
            canvas.line(
                [(x - 0.13, y - 0.035 + row * 0.035), (x + 0.13 - 0.06 * (row == 2), y - 0.035 + row * 0.035)],
                mix(p.ink, shade, 0.3),
                0.01,
            )


def panels(canvas: Canvas) -> None:
    """A page of a comic."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(WHITE)
    rows = [0.02, chance.between(0.3, 0.42), chance.between(0.6, 0.7), 0.98]
    painters = (hero, burst, halftone, runner, skyline, portrait)
    for top, bottom in pairwise(rows):
        cut = chance.pick((0.0, chance.between(0.35, 0.65)))
        for left, right in ((0.02, cut - 0.01), (cut + 0.01, 0.98)) if cut else ((0.02, 0.98),):
            corner, end = canvas.at((left, top)), canvas.at((right, bottom - 0.015))
            size = (max(8, (end[0] - corner[0]) // 2), max(8, (end[1] - corner[1]) // 2))
            inner = Canvas(size, p, chance)
            chance.pick(painters)(inner)
            canvas.image.paste(inner.image, corner)
            canvas.draw.rectangle((corner, end), outline=BLACK, width=canvas.size_of(0.012))


def flag(canvas: Canvas) -> None:
    """Stripes and stars of some country."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(canvas.light)
    red, blue = mix(p.accent, (178, 34, 52), 0.6), mix(p.ground, (40, 60, 120), 0.7)
    for number in range(0, 13, 2):
        canvas.rect(0, number / 13, 1, (number + 1) / 13, red)
    canvas.rect(0, 0, 0.46, 7 / 13, blue)
    for row in range(5):
        for column in range(4):
            points = [
                turn(step / 10 + 0.75)
                if step % 2 == 0
                else (turn(step / 10 + 0.75)[0] * 0.4, turn(step / 10 + 0.75)[1] * 0.4)
                for step in range(10)
            ]
            canvas.shape(0.06 + column * 0.11, 0.06 + row * 0.105, 0.04, points, WHITE)
    canvas.grain(chance.between(0.3, 0.8), size=12)


def swirls(canvas: Canvas) -> None:
    """Flourishes, as on bindings and invitations."""
    p, chance = canvas.palette, canvas.chance
    canvas.fill(p.ground, mix(p.ground, p.second, 0.3))
    for _ in range(chance.whole(5, 9)):
        x, y, radius = chance.share(), chance.share(), chance.between(0.08, 0.25)
        start = chance.share()
        points = []
        for step in range(24):
            dx, dy = turn(start + step / 14)
            points.append(
                (x + canvas.across(dx * radius * (1 - step / 26)), y + canvas.down(dy * radius * (1 - step / 26)))
            )
        canvas.line(points, mix(p.second, p.accent, chance.between(0, 0.8)), 0.012)


PATTERNS = (
    paper, stripes, halftone, burst, blocks, brushwork, circles, circuit, code, curves, orbits, molecule, heartbeat,
    helix, cells, letters, mandala, quilt, bunting, speech, panels, flag, swirls,
)  # fmt: skip
