"""Sentence encoders that people bring (`text.encoder`): networks from a text to a vector, used as they are.

Such a network is a folder, as hubs keep them: `model.onnx`, which OpenVINO computes in float32, and `tokenizer.json`.
"""

from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bookcover_core.errors import SettingsError
from bookcover_core.pipeline.manifests import digest_of, known_digest
from bookcover_core.pipeline.workspace import copy_file
from bookcover_core.reading.openvino_runtime import compile_network, computed, load_openvino, requests_of

SENTENCE_FILES = ("model.onnx", "tokenizer.json")
_TOKENS = 64  # of a text, at most: longer titles are cut off
_BATCH = 64  # texts that go through the network together, of about the same length

Floats = npt.NDArray[np.float32]


class SentenceEncoder:
    """The encoder in a folder; it is read when first used.

    A text's vector is the mean over its tokens of the network's first output (Reimers and Gurevych 2019, section 3), or
    that output itself where it is one vector a text, scaled to length 1.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def digest(self) -> str:
        """What tells it from any other; raises `SettingsError` where a file of it is missing."""
        missing = [name for name in SENTENCE_FILES if not (self.folder / name).is_file()]
        if missing:
            raise _fault(self.folder, f"has no {' and no '.join(missing)}", "Name a folder that has both.")
        return digest_of([known_digest(self.folder / name) for name in SENTENCE_FILES])

    def check(self) -> None:
        """Return where it can be used; raise `SettingsError` where it is no such encoder, or its extra is missing."""
        self.check_packages()
        try:
            found = self.vectors(["A Tale of Two Cities", "Calculus"])
        except SettingsError:
            raise
        except Exception as error:  # whatever the files make OpenVINO or the tokenizer say
            reason = " ".join(str(error).split())[:300]
            raise _fault(self.folder, f"cannot be read or computed ({reason})", "Export it anew.") from error
        if not np.isfinite(found).all():
            raise _fault(self.folder, "gives vectors that are no numbers", "Name another one.")

    def check_packages(self) -> None:
        """Return where what computes it is installed; raise `SettingsError` where it is not."""
        if missing := [name for name in ("openvino", "tokenizers") if find_spec(name) is None]:
            advice = 'Install it with `pip install "bookcover[sentences]"`, or leave text.encoder out.'
            raise _fault(self.folder, f"wants {' and '.join(missing)}, which is not installed", advice)

    def copy_to(self, folder: Path) -> list[Path]:
        """Its files, copied into a folder."""
        copies = [folder / name for name in SENTENCE_FILES]
        for copy in copies:
            copy_file(self.folder / copy.name, copy)
        return copies

    def vectors(self, texts: Sequence[str]) -> Floats:
        """(texts, size), each of length 1; a text without a letter has zeros. None depends on those beside it."""
        tokenizer, network = self._load()
        tokens = [each.ids for each in tokenizer.encode_batch(list(texts))]
        order = np.argsort([len(each) for each in tokens], kind="stable")
        found = np.zeros((len(texts), network.output(0).partial_shape[-1].get_length()), np.float32)
        batches = [order[start : start + _BATCH].tolist() for start in range(0, len(order), _BATCH)]

        def given(places: list[int]) -> dict[str, npt.NDArray[np.int64]]:
            ids = np.zeros((len(places), len(tokens[places[-1]])), np.int64)
            for row, place in zip(ids, places, strict=True):
                row[: len(tokens[place])] = tokens[place]
            lengths = np.array([len(tokens[place]) for place in places])
            mask = (np.arange(ids.shape[1]) < lengths[:, None]).astype(np.int64)
            inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
            return {each.get_any_name(): inputs[each.get_any_name()] for each in network.inputs}

        for places, request in zip(batches, computed(requests_of(network), map(given, batches)), strict=True):
            found[places] = _pooled(request)
        found[[place for place, text in enumerate(texts) if not text.strip()]] = 0
        return found

    def _load(self) -> tuple[Any, Any]:
        """Tokenizer and compiled network."""
        from tokenizers import Tokenizer  # noqa: PLC0415 - an extra

        if self.digest not in _last_read:
            network, tokenizer = (self.folder / name for name in SENTENCE_FILES)
            read = Tokenizer.from_file(str(tokenizer))
            read.enable_truncation(_TOKENS)
            read.no_padding()
            model = load_openvino().Core().read_model(network)
            _last_read.clear()
            _last_read[self.digest] = read, compile_network(model, "float32", PERFORMANCE_HINT="THROUGHPUT")
        return _last_read[self.digest]


# The last encoder that was read, by its digest: systems of one study share it, each with a copy of the files.
_last_read: dict[str, tuple[Any, Any]] = {}


def _pooled(request: Any) -> Floats:
    """(texts, size) of what the network gave for one batch."""
    found = request.get_output_tensor(0).data
    with np.errstate(invalid="ignore"):
        if found.ndim == 3:
            found = (found * request.get_tensor("attention_mask").data[:, :, None]).sum(axis=1)
        pooled: Floats = (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)
    return pooled


def _fault(folder: Path, what: str, advice: str) -> SettingsError:
    return SettingsError(f"the sentence encoder {folder} {what}", where="text.encoder", advice=advice)
