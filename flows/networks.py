"""The networks that a form offers to choose from."""

from typing import Annotated

from pydantic import Field

from bookcover_core.models.backbones import BACKBONES
from bookcover_core.models.lenet_alexnet import SCRATCH

_NAMES = [*BACKBONES, *SCRATCH]

Network = Annotated[str, Field(json_schema_extra={"enum": list(_NAMES)})]
"""Name of a network, chosen in a form from all that there are."""

NetworkOrEncoder = Annotated[
    str,
    Field(
        json_schema_extra={
            "anyOf": [
                {"type": "string", "enum": list(_NAMES), "title": "network"},
                {"type": "string", "title": "encoder"},
            ]
        }
    ),
]
"""The same, or the name of an encoder of the study's settings."""
