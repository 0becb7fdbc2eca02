"""Tests of `tasks.pages`: runs tell people to open what is served, and nothing else."""

import pytest
from prefect.variables import Variable

from bookcover_core.settings import StudySettings
from tasks.pages import SITE_VARIABLE, page_of, site_value


@pytest.fixture
def site(prefect_server, tmp_path):
    """A site that shows the studies of a folder."""
    Variable.set(SITE_VARIABLE, site_value("http://127.0.0.1:4280/", tmp_path), overwrite=True)
    yield tmp_path
    Variable.unset(SITE_VARIABLE)


def test_a_page_is_named_while_it_is_served(site):
    """By the address of the site and the name of the study."""
    settings = StudySettings(name="little", workspace=str(site))
    assert page_of(settings, "report") == "http://127.0.0.1:4280/report/little/"
    Variable.unset(SITE_VARIABLE)
    assert page_of(settings, "report") is None


def test_a_study_in_another_folder_has_no_page(site):
    """The site does not show it."""
    assert page_of(StudySettings(name="little", workspace=str(site / "other")), "review") is None
