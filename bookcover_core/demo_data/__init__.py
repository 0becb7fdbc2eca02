"""An invented publisher: draws covers, lists them, serves them on loopback, and misbehaves on request."""

from bookcover_core.demo_data.catalogue import Catalogue, publish
from bookcover_core.demo_data.faults import Fault
from bookcover_core.demo_data.host import ImageHost, pictures_of_listing
from bookcover_core.demo_data.study import POOL_PER_GENRE, TEST_PER_GENRE, TRAIN_PER_GENRE, rehearsal_settings

__all__ = [
    "POOL_PER_GENRE",
    "TEST_PER_GENRE",
    "TRAIN_PER_GENRE",
    "Catalogue",
    "Fault",
    "ImageHost",
    "pictures_of_listing",
    "publish",
    "rehearsal_settings",
]
