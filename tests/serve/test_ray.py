"""The application on a Ray cluster of two nodes, on this machine: `make test-ray` installs Ray."""

import time
from collections import Counter

import pytest

from penjing.errors import BundleError, TaskError
from penjing.serve.on_ray import Scale, Wanted, deploy, parse_scale
from penjing.serve.run import Address
from penjing.serve.settings import Limits
from tests.serve.running import Client

PORT = 8177
RAYS_OWN = pytest.mark.filterwarnings("ignore")  # what Ray says of its own code is no concern of ours


def on_ray(test):
    """Mark a test that needs Ray."""
    return pytest.mark.ray(RAYS_OWN(test))


@pytest.mark.parametrize("text", ["0", "4-1", "x", "1-2-3", "1-5000", "-2", ""])
def test_numbers_of_replicas_that_mean_nothing(text):
    with pytest.raises(TaskError, match="replicas"):
        parse_scale(text)


def test_numbers_of_replicas():
    assert (parse_scale("3"), parse_scale("1-4")) == (Scale(3, 3), Scale(1, 4))


def wanted(bundle, keys=None):
    return Wanted((f"tiny={bundle}",), threads=1, context=None, keys=keys, limits=Limits())


@pytest.fixture(scope="module")
def cluster():
    pytest.importorskip("ray", reason="Ray is not installed: make test-ray")
    import ray
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", "")  # Ray's own processes speak to each other under this machine's other names
        found = Cluster(initialize_head=True, head_node_args={"num_cpus": 2})
        found.add_node(num_cpus=2)
        ray.init(found.address, log_to_driver=False)
        yield found
        ray.shutdown()
        found.shutdown()


@pytest.fixture
def client():
    return Client(PORT)


@on_ray
def test_two_replicas_answer_as_one_server_does_and_one_that_dies_is_replaced(cluster, client, tiny_bundle):
    import ray

    serve = deploy(wanted(tiny_bundle), address=Address("127.0.0.1", PORT), scale=Scale(2, 2))
    try:
        status, headers, found = client.post("/v1/classify", {"input": "good film"})
        assert (status, found["results"][0]["label"]) == (200, "good")
        assert "x-request-id" in {name.lower() for name in headers}
        assert client.post("/v1/classify", {"input": 3})[0] == 400
        assert client.ask("GET", "/v1/models", Host="evil.example")[0] == 403
        assert client.post("/admin/reload", {})[2]["error"]["code"] == "not_reloadable"
        assert client.get("/v1/models")[2]["data"][0]["id"] == "tiny"
        actors = replicas(ray)
        assert len(actors) == 2
        ray.kill(ray.get_actor(actors[0], namespace="serve"))
        statuses = Counter(client.post("/v1/classify", {"input": f"good film {turn}"})[0] for turn in range(50))
        assert statuses[200] >= 48
        until = time.monotonic() + 60
        while time.monotonic() < until and (len(replicas(ray)) < 2 or actors[0] in replicas(ray)):
            client.get("/health/ready")
        assert len(replicas(ray)) == 2
    finally:
        serve.delete("penjing")


def replicas(ray):
    """Return the names of the replicas' actors."""
    return [one["name"] for one in ray.util.list_named_actors(all_namespaces=True) if "penjing#penjing" in one["name"]]


@on_ray
def test_keys_hold_on_ray_too(cluster, client, tiny_bundle, tmp_path):
    (tmp_path / "keys.txt").write_text("anna:a-long-enough-key\n", encoding="utf-8")
    serve = deploy(wanted(tiny_bundle, keys=tmp_path / "keys.txt"), address=Address("127.0.0.1", PORT), scale=Scale())
    try:
        assert client.post("/v1/classify", {"input": "good"})[0] == 401
    finally:
        serve.delete("penjing")


@on_ray
def test_a_bundle_that_is_not_there_is_refused_before_a_replica_starts(cluster, tmp_path):
    with pytest.raises(BundleError, match="no bundle here"):
        deploy(wanted(tmp_path / "nothing"), address=Address("127.0.0.1", PORT), scale=Scale())
