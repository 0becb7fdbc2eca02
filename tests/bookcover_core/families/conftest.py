"""The small study of the tests of `bookcover_core.training`."""

from tests.bookcover_core.training.conftest import invented_features, small_study

__all__ = ["invented_features", "small_study"]
