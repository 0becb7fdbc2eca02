"""An invented publisher: draws covers, lists them, serves them on loopback, and misbehaves on request."""

from bookcover_core.demo_data.catalogue import Catalogue, publish, published
from bookcover_core.demo_data.demo_settings import POOL_PER_GENRE, TEST_PER_GENRE, TRAIN_PER_GENRE, demo_settings
from bookcover_core.demo_data.faults import Fault
from bookcover_core.demo_data.image_host import ImageHost

__all__ = [
    "POOL_PER_GENRE",
    "TEST_PER_GENRE",
    "TRAIN_PER_GENRE",
    "Catalogue",
    "Fault",
    "ImageHost",
    "demo_settings",
    "publish",
    "published",
]
