"""The files of deploy/: each is what its reader takes, and they agree with the product and with each other."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tidegate import __version__
from tidegate.cli.open_files import open_files_for
from tidegate.settings import load
from tidegate.settings.tables import Server
from tidegate.store.embedded import OPTIONS

ROOT = Path(__file__).parents[1]
UNIT = ROOT / "deploy/systemd/tidegate.service"
KUBERNETES = ROOT / "deploy/kubernetes"
MANIFESTS = sorted(file for file in KUBERNETES.glob("*.yaml") if file.name != "kustomization.yaml")
SECRETS = "/run/secrets/tidegate"
#: A node takes so long to drain, at most.
DRAINS_S = 30


@cache
def documents(file: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(file.read_text()) if document]


def manifest(kind: str, name: str) -> dict[str, Any]:
    (found,) = [
        document
        for file in MANIFESTS
        for document in documents(file)
        if (document["kind"], document["metadata"]["name"]) == (kind, name)
    ]
    return found


def node() -> dict[str, Any]:
    spec: dict[str, Any] = manifest("StatefulSet", "tidegate")["spec"]["template"]["spec"]
    return spec


@pytest.mark.parametrize("file", [pytest.param(file, id=file.name) for file in MANIFESTS])
def test_a_manifest_is_what_kubernetes_takes(file: Path) -> None:
    for document in documents(file):
        kubernetes_validate.validate(document, "1.33", strict=True)


def test_the_kustomization_has_every_manifest_but_the_secret() -> None:
    (listed,) = documents(KUBERNETES / "kustomization.yaml")
    assert set(listed["resources"]) == {file.name for file in MANIFESTS} - {"secret.example.yaml"}


def test_the_configuration_of_the_pods_is_good_with_the_secrets_of_the_example(tmp_path: Path) -> None:
    text = manifest("ConfigMap", "tidegate")["data"]["tidegate.toml"]
    for name, value in manifest("Secret", "tidegate")["stringData"].items():
        (tmp_path / name).write_text(value + "\n")
    file = tmp_path / "tidegate.toml"
    file.write_text(text.replace(SECRETS, str(tmp_path)))

    settings = load(file, {})

    assert settings.store.url.get_secret_value().startswith("redis://")
    named = set(re.findall(rf'"{SECRETS}/([a-z_]+)"', text))
    assert named | {"store_password"} == set(manifest("Secret", "tidegate")["stringData"])


def test_pods_drain_before_they_are_killed_and_are_asked_where_they_listen() -> None:
    spec = node()
    (container,) = spec["containers"]
    settings = tomllib.loads(manifest("ConfigMap", "tidegate")["data"]["tidegate.toml"])
    ports = {port["name"]: str(port["containerPort"]) for port in container["ports"]}
    waits_s = int(container["lifecycle"]["preStop"]["exec"]["command"][1])

    assert spec["terminationGracePeriodSeconds"] > waits_s + DRAINS_S
    assert container["image"] == f"tidegate:{__version__}"
    assert settings["server"]["listen"].endswith(":" + ports["graph"])
    assert settings["server"]["control_listen"].endswith(":" + ports["control"])
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_every_selector_finds_pods_and_every_mount_its_volume() -> None:
    for name in ("tidegate", "store"):
        stateful = manifest("StatefulSet", name)["spec"]
        labels = stateful["template"]["metadata"]["labels"]
        assert stateful["selector"]["matchLabels"].items() <= labels.items()
        (container,) = stateful["template"]["spec"]["containers"]
        volumes = {volume["name"] for volume in stateful["template"]["spec"]["volumes"]}
        volumes |= {claim["metadata"]["name"] for claim in stateful["volumeClaimTemplates"]}
        assert {mount["name"] for mount in container["volumeMounts"]} == volumes
        assert manifest("NetworkPolicy", name)["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
        assert manifest("Service", stateful["serviceName"])["spec"]["selector"].items() <= labels.items()
    budget = manifest("PodDisruptionBudget", "tidegate")["spec"]
    assert budget["selector"]["matchLabels"] == manifest("StatefulSet", "tidegate")["spec"]["selector"]["matchLabels"]


def test_the_stores_of_pods_and_compose_are_set_as_the_embedded_one_is() -> None:
    (container,) = manifest("StatefulSet", "store")["spec"]["template"]["spec"]["containers"]
    (composed,) = documents(ROOT / "docker-compose.yml")
    for command in (shlex.split(" ".join(container["args"])), composed["services"]["store"]["command"]):
        given = {command[i][2:]: command[i + 1] for i in range(len(command) - 1) if command[i].startswith("--")}
        assert given.items() >= OPTIONS.items()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    # It is verified that what is run is there.
    unit.write_text(UNIT.read_text().replace("/opt/tidegate/bin/tidegate", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_leaves_time_to_drain_and_files_to_open() -> None:
    written = dict(line.split("=", 1) for line in UNIT.read_text().splitlines() if re.match("[A-Za-z]+=", line))
    assert int(written["TimeoutStopSec"]) > DRAINS_S
    assert int(written["LimitNOFILE"]) == open_files_for(Server().max_connections)
    assert written["RestartPreventExitStatus"] == "78"
    assert written["ExecReload"].endswith("-HUP $MAINPID")


def test_compose_leaves_time_to_drain() -> None:
    (composed,) = documents(ROOT / "docker-compose.yml")
    for name in ("gateway-a", "gateway-b"):
        assert int(composed["services"][name]["stop_grace_period"].rstrip("s")) > DRAINS_S
