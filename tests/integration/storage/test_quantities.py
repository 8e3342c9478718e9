"""Random quantities against the API server's own normalisation: what it reads back is the number that we read."""

from __future__ import annotations

import random

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.quantities import parse_quantity

from tests.sandbox import Sandbox
from tests.sandbox.errors import SandboxError

pytestmark = [pytest.mark.storage, pytest.mark.xdist_group("aks-gpu")]

SLICES = "/apis/resource.k8s.io/v1/resourceslices"
# As many as one ResourceSlice may hold.
DEVICES, CAPACITIES, ROUNDS = 100, 32, 4
UNITS = ["", "", "Ki", "Mi", "Gi", "Ti", "Pi", "n", "u", "m", "k", "M", "G", "T", "P", "e3", "E-2", "e+1", "e0"]
# What the server caps at 2^63-1 lies beyond any storage.
LARGEST = 2**62


def some_quantity(source: random.Random) -> str:
    """A positive quantity, in one of the many ways to write it."""
    while True:
        whole = str(source.choice([0, 1, 7, 512, 1000, 1024, source.randrange(10**6), source.randrange(10**12)]))
        part = source.choice(["", "", ".", ".5", ".25", f".{source.randrange(10**4)}", f".{source.randrange(10**12)}"])
        text = source.choice(["", "", "+", "0"]) + whole + part + source.choice(UNITS)
        if 0 < parse_quantity(text) < LARGEST:
            return text


def devices(texts: list[str]) -> list[dict[str, object]]:
    rows = [texts[start : start + CAPACITIES] for start in range(0, len(texts), CAPACITIES)]
    return [{"name": f"d{n}", "capacity": {f"c{m}": {"value": text} for m, text in enumerate(row)}} for n, row in enumerate(rows)]


def slice_of(name: str, texts: list[str]) -> dict[str, object]:
    """An object of Kubernetes' own that holds thousands of free quantities."""
    pool = {"name": name, "generation": 1, "resourceSliceCount": 1}
    spec = {"driver": "quantities.example.com", "nodeName": "node", "pool": pool, "devices": devices(texts)}
    return {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": name}, "spec": spec}


def test_the_server_reads_the_same_numbers(aks_gpu: Sandbox) -> None:
    source = random.Random(6)
    anew = 0
    for number in range(ROUNDS):
        sent = [some_quantity(source) for _ in range(DEVICES * CAPACITIES)]
        aks_gpu.request("POST", SLICES, slice_of(f"q{number}", sent))
        read = aks_gpu.request("GET", f"{SLICES}/q{number}")["spec"]["devices"]
        got = [device["capacity"][f"c{place}"]["value"] for device in read for place in range(CAPACITIES)]
        pairs = list(zip(sent, got, strict=True))
        assert [(ours, theirs) for ours, theirs in pairs if parse_quantity(ours) != parse_quantity(theirs)] == []
        anew += sum(ours != theirs for ours, theirs in pairs)
    assert anew > ROUNDS * DEVICES * CAPACITIES / 4, "the server wrote many anew"


REFUSED = ["", " ", "1gi", "1KI", "1K", "1GB", "1,5Gi", "1e", "1e3Gi", "0x1", "1_000", "--1", "1 Gi", "one", "1.2.3"]
# The server takes these for nothing, or ignores a blank; a person who writes them has made a mistake.
TAKEN_FOR_SOMETHING = ["Gi", "+", "1Gi "]
ACCEPTED = ["1", "1.", ".5", "1Gi", "+1", "1E", "1e3", "0"]


def test_the_server_refuses_what_we_refuse(aks_gpu: Sandbox) -> None:
    def theirs(text: str) -> bool:
        try:
            aks_gpu.request("POST", f"{SLICES}?dryRun=All", slice_of("q", [text]))
        except SandboxError as error:
            assert error.status in (400, 422), error
            return False
        return True

    def ours(text: str) -> bool:
        try:
            parse_quantity(text)
        except ValueError:
            return False
        return True

    texts = [*REFUSED, *TAKEN_FOR_SOMETHING, *ACCEPTED]
    assert [text for text in texts if theirs(text)] == [*TAKEN_FOR_SOMETHING, *ACCEPTED]
    assert [text for text in texts if ours(text)] == ACCEPTED
