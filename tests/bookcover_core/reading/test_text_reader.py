"""What is read on covers: the reader itself, at work on a few that are drawn here."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from bookcover_core.demo_data.typesetting import set_text
from bookcover_core.errors import SettingsError
from bookcover_core.reading import text_reader
from bookcover_core.reading.cover_words import joined
from bookcover_core.reading.text_reader import TextReader, scaled
from bookcover_core.settings import ReadingSettings

INK = (20, 20, 60)


@pytest.fixture(scope="module")
def reader() -> TextReader:
    return TextReader(ReadingSettings(side=320), threads=1)


def cover(*lines: tuple[str, tuple[int, int, int, int]], size=(240, 320)) -> Image.Image:
    """A cover with lines of text, each in its box."""
    picture = Image.new("RGB", size, (240, 235, 220))
    for text, box in lines:
        set_text(picture, box, text, "sans", INK)
    return picture


def test_words_are_read_where_they_stand(reader):
    """In reading order, each with a box around it and with what the reader is sure of."""
    title, author = (20, 30, 220, 90), (60, 260, 180, 300)
    [words] = reader.read([cover(("Garden Soups", title), ("Ada Byron", author))])
    assert joined(words, 0.5) == "Garden Soups Ada Byron"
    for word, (left, top, right, bottom) in zip(words, [title, title, author, author], strict=True):
        across, down = np.mean(word.box[::2]) * 240, np.mean(word.box[1::2]) * 320
        assert left < across < right
        assert top < down < bottom
        assert word.confidence > 0.8
    assert words[0].box[2] <= words[1].box[0] + 0.03


def test_what_is_read_does_not_depend_on_the_covers_beside_it(reader):
    """Alone or in a batch with others, the same words, confidences and boxes."""
    covers = [
        cover(("Garden Soups", (20, 30, 220, 90))),
        cover(("A very long title of a very long book", (5, 120, 235, 160)), ("The War", (60, 200, 180, 240))),
        cover(),
    ]
    together = reader.read(covers)
    alone = [reader.read([each])[0] for each in covers]
    assert [[(word.text, word.box) for word in each] for each in together] == [
        [(word.text, word.box) for word in each] for each in alone
    ]
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose([word.confidence for word in one], [word.confidence for word in other], atol=2e-4)
    assert together[2] == ()


def test_what_is_told_of_a_column_is_what_the_whole_recogniser_says(reader):
    """Its likeliest class, and that class's share of the softmax, which is left out of the network, unless blank."""
    import openvino
    import rapidocr

    file = Path(rapidocr.__file__).parent / "models" / "PP-OCRv6_rec_small.onnx"
    kind = {"INFERENCE_PRECISION_HINT": "f32"}
    whole = openvino.Core().compile_model(file, "CPU", kind).create_infer_request()
    drawn = [cover((text, (10, 4, 310, 44)), size=(320, 48)) for text in ("Garden Soups", "The War of 1812")]
    strips = [np.asarray(each) for each in drawn]
    filled = np.stack([strip.transpose(2, 0, 1).astype(np.float32) / 127.5 - 1 for strip in strips])
    expected = whole.infer([filled])[0]
    best, chances = reader._recognise([(0, strip) for strip in strips], 320)
    np.testing.assert_array_equal(best, expected.argmax(axis=2))
    assert (best > 0).sum() > 20
    np.testing.assert_allclose(chances, np.where(best > 0, expected.max(axis=2), 0), atol=2e-5)


def test_a_line_that_runs_downwards_is_read_and_marked(reader):
    """Its words have boxes one below the other."""
    lying = cover(("Garden Soups", (20, 90, 300, 150)), size=(320, 240))
    [words] = reader.read([lying.transpose(Image.Transpose.ROTATE_270)])
    assert joined(words, 0.5) == "Garden Soups"
    first, second = (word.box for word in words)
    assert first[3] < second[1] + 0.03
    assert first[3] - first[1] > first[2] - first[0]


def test_small_scans_are_enlarged_where_the_settings_say_so():
    """Both sides are multiples of what the detector takes; a large cover is made smaller either way."""
    small, large = Image.new("RGB", (120, 180)), Image.new("RGB", (1000, 1500))
    assert scaled(small, ReadingSettings()).size == (416, 640)
    assert scaled(small, ReadingSettings(enlarge=False)).size == (128, 192)
    assert scaled(large, ReadingSettings(enlarge=False)).size == (416, 640)
    assert scaled(Image.new("RGB", (1, 900)), ReadingSettings()).size == (32, 640)


def test_a_script_that_it_does_not_know_gives_no_words_that_it_is_sure_of(reader):
    """Cyrillic is not among PP-OCRv6's characters: nothing is made up for it, and nothing fails."""
    assert joined(reader.read([cover(("КНИГА", (20, 60, 220, 140)))])[0], 0.5) == ""


def test_the_precision_is_the_one_that_was_asked_for(reader):
    """Float32 unless the settings say otherwise, whatever the processor has."""
    for request in (reader._detector, reader._recogniser):
        taken = request.get_compiled_model().get_property("INFERENCE_PRECISION_HINT")
        assert taken.to_string() == "f32"


def test_a_precision_that_the_processor_lacks_is_refused():
    """OpenVINO itself would compute in float32 then, and call it bfloat16."""
    import openvino

    wanted = ReadingSettings(side=160, precision="bfloat16")
    if "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        assert TextReader(wanted, threads=1).read([cover()]) == [()]
    else:
        with pytest.raises(SettingsError, match="does not compute in bfloat16"):
            TextReader(wanted)


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    """The input is wrong, and the message names what is missing."""
    monkeypatch.setattr(text_reader, "_PACKAGES", ("rapidocr", "no-such-reader"))
    with pytest.raises(SettingsError, match=r"no-such-reader is not installed.*bookcover\[text\]") as caught:
        TextReader(ReadingSettings())
    assert caught.value.exit_code == 2


def test_a_photograph_without_words_gives_none(reader):
    """Noise and shapes are not read as words that the reader is sure of."""
    picture = Image.fromarray(np.random.default_rng(3).integers(0, 255, (32, 24, 3)).astype(np.uint8)).resize(
        (240, 320)
    )
    ImageDraw.Draw(picture).ellipse((40, 40, 200, 200), fill=(200, 30, 30))
    assert joined(reader.read([picture])[0], 0.5) == ""
