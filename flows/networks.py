"""The networks that a form offers to choose from."""

from typing import Annotated

from pydantic import Field

from bookcover_core.models.backbones import BACKBONES
from bookcover_core.models.lenet_alexnet import SCRATCH

_NAMES = [*BACKBONES, *SCRATCH]

Network = Annotated[str, Field(json_schema_extra={"enum": list(_NAMES)})]
"""Name of a network, chosen in a form from all that there are."""

NetworkOrEncoder = Annotated[str, Field(json_schema_extra={"examples": list(_NAMES)})]
"""Name of a network, or of an encoder of the study's settings. A form whose choice had another way in would be nested,
which the dialog of a schedule spoils (`flows.studies`): what is no name is answered with those that there are."""
