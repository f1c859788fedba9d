"""Upper case in names, where the token may not list all services: a task's own identity reads single ones only."""

import pytest

@pytest.fixture
def guarded(agent):
    """An agent at which a workload's identity may read every service by name, and list none."""
    agent.tokens({"identity": {"identity": True}})
    return agent


@pytest.fixture
def identity(guarded):
    """The environment of who has it."""
    return {"NOMAD_TOKEN": guarded.secret("identity")}


def test_exact_spelling(guarded, host, identity):
    """A service in upper case is found by its exact spelling."""
    guarded.register("Web", address="192.0.2.1", port=80)
    assert host.addresses("Web.default.nomad", env=identity) == {"192.0.2.1"}


def test_another_spelling(guarded, host, identity):
    """One in lower case is found in upper case too, as every DNS name is."""
    guarded.register("web", address="192.0.2.1", port=80)
    assert host.addresses("WEB.Default.nomad", env=identity) == {"192.0.2.1"}


def test_a_service_in_upper_case(guarded, host, identity):
    """One in upper case is found in lower case: the list of its namespace is open to every workload."""
    guarded.register("Web", address="192.0.2.1", port=80)
    assert host.addresses("web.default.nomad", env=identity) == {"192.0.2.1"}
    assert host.addresses("web.nomad", env=identity) == {"192.0.2.1"}
    assert host.addresses("Web.default.nomad", env=identity) == {"192.0.2.1"}


def test_a_namespace_in_upper_case(guarded, host, identity):
    """A namespace that is spelled otherwise shows in no list that the token may see: then nobody can tell what is in it."""
    guarded.register("web", address="192.0.2.1", port=80, namespace="Prod")
    guarded.register("db", address="192.0.2.2", port=80, namespace="Prod")
    assert host.code("web.prod.nomad", env=identity) == "EAI_AGAIN"
    assert "spelled otherwise" in host.run(["nomad-lookup", "--refresh", "web.prod.nomad"], env=identity).err
    assert host.addresses("db.Prod.nomad", env=identity) == {"192.0.2.2"}
    assert host.code("nosuch.Prod.nomad", env=identity) == "EAI_NONAME"


def test_unknown_in_every_case(guarded, host, identity):
    """What is not there is unknown, however it is written."""
    assert host.code("web.default.nomad", env=identity) == "EAI_NONAME"
    assert host.code("WEB.default.nomad", env=identity) == "EAI_NONAME"
