"""The text reader: the networks PP-OCRv6 (small), which come inside RapidOCR's package, run by OpenVINO.

    covers ─ scaled ─ detector ─ lines ─ strips of one height, gathered by width ─ recogniser ─ words

RapidOCR's own pipeline takes one cover at a time, and cannot be told a precision: the networks, and what finds and cuts
out lines, are RapidOCR's, not public; the way through them is here. A strip is filled up to one of a few widths: what
is read on a cover does not depend on the covers that it shares a batch with. The recogniser's softmax over 18,710
classes is left out of it, and computed for the columns with a character alone.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from bookcover_core.errors import SettingsError
from bookcover_core.reading.cover_words import Word
from bookcover_core.reading.openvino_runtime import check_precision, compile_network, load_openvino
from bookcover_core.settings import ReadingSettings

_PACKAGES = ("rapidocr", "openvino")
_STRIDE = 32  # what the detector takes is a multiple of this

# Height of a line for the recogniser; widths that strips are filled up to: multiples of the step, from twice the step
# on. A longer line is squeezed. With twice this step 64 real covers take 15 % longer, and no more titles are read.
_HEIGHT, _WIDTH_STEP, _MOST_STEPS = 48, 80, 32
_BATCH = 8  # strips that are recognised at a time

# The detector's map becomes lines as in RapidOCR's own settings.
_LINES: dict[str, Any] = {
    "thresh": 0.3,
    "box_thresh": 0.5,
    "max_candidates": 1_000,
    "unclip_ratio": 1.6,
    "use_dilation": True,
}

_TURNED = 1.5  # from this ratio of height to width on, RapidOCR turns a line
_BLANK = 0  # the class of "no character" among those of the recogniser
_DIGITS = 4

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]


def missing_packages() -> str:
    """What is missing for covers to be read, for people; empty where nothing is."""
    return " and ".join(name for name in _PACKAGES if find_spec(name) is None)


def check_reader() -> None:
    """Return where covers can be read on this machine; `SettingsError` where the extra `text` is not installed."""
    if missing := missing_packages():
        what = f"covers are to be read, and {missing} is not installed"
        advice = 'Install what reads with `pip install "bookcover[text]"`, or leave CoverText and read_box_sets out.'
        raise SettingsError(what, where="text.systems, curation.read_box_sets", advice=advice)


def reader_version() -> str:
    """What reads, in words: networks, packages and their versions."""
    return f"PP-OCRv6 small ({', '.join(f'{name} {version(name)}' for name in _PACKAGES)})"


@lru_cache(maxsize=1)
def text_reader(settings: ReadingSettings, threads: int = 0) -> "TextReader":
    """The reader of this process, loaded once: see `TextReader`."""
    return TextReader(settings, threads)


class TextReader:
    """Reads words off covers, with so many threads (0: one a core); any number of callers may share it.

    Raises `SettingsError` where the extra `text` is missing, or another version, or the processor lacks the precision.
    """

    def __init__(self, settings: ReadingSettings, threads: int = 0) -> None:
        check_reader()
        import rapidocr  # noqa: PLC0415 - an extra
        from rapidocr.ch_ppocr_det.utils import DBPostProcess  # noqa: PLC0415 - an extra

        self._settings = settings
        self._find_lines = DBPostProcess(**_LINES)
        check_precision(settings.precision, "reading.precision")
        core, folder = load_openvino().Core(), Path(rapidocr.__file__).parent / "models"
        options = {"INFERENCE_NUM_THREADS": threads} if threads else {}
        networks = {}
        for name in ("det", "rec"):
            file = folder / f"PP-OCRv6_{name}_small.onnx"
            if not file.is_file():
                what = f"this version of rapidocr ({version('rapidocr')}) does not bring {file.name} along"
                advice = 'Install the one that was tested: `pip install "bookcover[text]"`.'
                raise SettingsError(what, where="reading", advice=advice)
            network = core.read_model(file) if name == "det" else _without_softmax(core.read_model(file))
            networks[name] = compile_network(network, settings.precision, **options)
        self._detector = networks["det"].create_infer_request()
        self._recogniser = networks["rec"].create_infer_request()
        framework = core.read_model(folder / "PP-OCRv6_rec_small.onnx").get_rt_info()["framework"]
        self._characters = ["", *framework["character"].value.splitlines(), " "]
        self._turn = Lock()

    def read(self, covers: Sequence[Image.Image]) -> list[tuple[Word, ...]]:
        """The words on each cover (RGB, of any size), in reading order."""
        with self._turn:
            return self._read(covers)

    def _read(self, covers: Sequence[Image.Image]) -> list[tuple[Word, ...]]:
        strips: defaultdict[int, list[tuple[tuple[int, int], Pixels]]] = defaultdict(list)
        corners: dict[tuple[int, int], Floats] = {}
        for place, cover in enumerate(covers):
            pixels = np.ascontiguousarray(np.asarray(scaled(cover, self._settings))[..., ::-1])
            size = np.array(pixels.shape[1::-1], np.float32)
            for number, line in enumerate(self._lines(pixels)):
                strip, turned = _cut_out(pixels, line)
                corners[place, number] = turned / size
                strips[-(-strip.shape[1] // _WIDTH_STEP)].append(((place, number), strip))
        found: dict[tuple[int, int], list[Word]] = {}
        for steps, alike in sorted(strips.items()):
            width = max(2, steps) * _WIDTH_STEP
            for start in range(0, len(alike), _BATCH):
                batch = alike[start : start + _BATCH]
                for (line, strip), best, chances in zip(batch, *self._recognise(batch, width), strict=True):
                    found[line] = list(self._words(best, chances, strip.shape[1] / width, corners[line]))
        return [
            tuple(word for line in sorted(found) if line[0] == place for word in found[line])
            for place in range(len(covers))
        ]

    def _lines(self, pixels: Pixels) -> Floats:
        """Corners (lines, 4, 2) of the lines of a cover (height, width, 3), in reading order."""
        from rapidocr.ch_ppocr_det.main import TextDetector  # noqa: PLC0415 - an extra

        heat = self._detector.infer([_as_input(pixels)[None]])
        lines, _ = self._find_lines(heat[0], pixels.shape[:2])
        return np.asarray(TextDetector.sorted_boxes(lines), np.float32).reshape(-1, 4, 2)

    def _recognise(self, strips: Sequence[tuple[Any, Pixels]], width: int) -> tuple[npt.NDArray[np.int64], Floats]:
        """The likeliest class of each column (strips, columns), and its probability; 0 for that of a blank."""
        filled = np.zeros((len(strips), 3, _HEIGHT, width), np.float32)
        for row, (_, strip) in enumerate(strips):
            filled[row, :, :, : strip.shape[1]] = _as_input(strip)
        scores = self._recogniser.infer([filled], share_inputs=True, share_outputs=True)[0]
        best = scores.argmax(axis=2)
        told, chances = best != _BLANK, np.zeros(best.shape, np.float32)
        some = scores[told]
        chances[told] = 1 / np.exp(some - some.max(axis=1, keepdims=True)).sum(axis=1)
        return best, chances

    def _words(self, best: npt.NDArray[np.int64], chances: Floats, filled: float, corners: Floats) -> Iterator[Word]:
        """The words of a line: characters are what is left of its columns without repeats and blanks.

        `best` is the likeliest class of each column, `chances` its probability, `filled` the share of the columns that
        the line takes, and `corners` (4, 2) are shares of the cover, clockwise from where the line begins.
        """
        is_first = np.append(True, best[1:] != best[:-1]) & (best != _BLANK)
        word: list[int] = []
        for column in [*np.flatnonzero(is_first), None]:
            if column is not None and self._characters[best[column]].strip():
                word.append(column)
            elif word:
                text = "".join(self._characters[best[each]] for each in word)
                span = np.clip(np.array([word[0], word[-1] + 1]) / (len(best) * filled), 0, 1)[:, None]
                ends = [(1 - span) * corners[one] + span * corners[other] for one, other in ((0, 1), (3, 2))]
                low, high = np.min(ends, axis=(0, 1)), np.max(ends, axis=(0, 1))
                left, top, right, bottom = (round(float(each), _DIGITS) for each in (*low, *high))
                yield Word(text, round(float(chances[word].mean()), _DIGITS), (left, top, right, bottom))
                word = []


def _without_softmax(network: Any) -> Any:
    """The recogniser up to what its softmax, the last of its layers, is computed from."""
    last = network.outputs[0].get_node().input_value(0).get_node()
    if last.get_type_name() != "Softmax":
        raise RuntimeError(f"PP-OCRv6's recogniser ends in {last.get_type_name()}, not in a softmax")
    return load_openvino().Model([last.input_value(0)], network.get_parameters())


def scaled(cover: Image.Image, settings: ReadingSettings) -> Image.Image:
    """The cover in the size that it is read in: its longer side is `settings.side`, both are multiples of 32."""
    factor = settings.side / max(cover.size)
    if not settings.enlarge:
        factor = min(1.0, factor)
    width, height = (max(_STRIDE, round(side * factor / _STRIDE) * _STRIDE) for side in cover.size)
    return cover.resize((width, height), Image.Resampling.BICUBIC)


def _cut_out(pixels: Pixels, line: Floats) -> tuple[Pixels, Floats]:
    """A line, straightened, in the recogniser's height; and its corners, clockwise from where it begins."""
    import cv2  # noqa: PLC0415 - an extra
    from rapidocr.utils.process_img import get_rotate_crop_image  # noqa: PLC0415 - an extra

    strip = get_rotate_crop_image(pixels, line)
    wide, high = (
        int(max(np.linalg.norm(line[one] - line[other]) for one, other in sides))
        for sides in (((0, 1), (2, 3)), ((0, 3), (1, 2)))
    )
    width = min(_MOST_STEPS * _WIDTH_STEP, -(-_HEIGHT * strip.shape[1] // strip.shape[0]))
    turned = line[[1, 2, 3, 0]] if high >= _TURNED * wide else line  # RapidOCR reads such a line downwards
    return np.asarray(cv2.resize(strip, (width, _HEIGHT)), np.uint8), turned


def _as_input(picture: Pixels) -> Floats:
    """A picture (height, width, 3) in 0..255 as the networks take it: (3, height, width) in -1..1."""
    return np.asarray(picture.transpose(2, 0, 1).astype(np.float32) / 127.5 - 1)
