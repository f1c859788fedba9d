"""One agent for all of the stand-in's own tests, as new for each."""

import pytest

from .client import Agent


@pytest.fixture(scope="session")
def started(tmp_path_factory):
    with Agent(unix=tmp_path_factory.mktemp("standin") / "api.sock") as agent:
        yield agent


@pytest.fixture
def agent(started):
    started.reset()
    return started
