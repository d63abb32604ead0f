"""The manifests are what each version of Kubernetes takes, and say what the service needs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from service.config.monitor_file import load_all
from service.config.settings import Settings

FOLDER = Path("config/kubernetes")
BASE = FOLDER / "base"
OVERLAYS = ("example", "three")
VERSIONS = ("1.30", "1.32", "1.34", "1.36")
SKIPPED = {"kustomization.yaml"}

RENDERERS = (["kubectl", "kustomize"], ["kustomize", "build"])


def _documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text()))


def _files() -> list[Path]:
    found = sorted(path for path in FOLDER.rglob("*.yaml") if path.parent.name != "monitors")
    return [path for path in found if path.name not in SKIPPED]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_file_is_valid(version: str) -> None:
    """Kinds, keys and values are those of the version's schemas; an unknown key is a fault."""
    assert len(_files()) >= 6
    for path in _files():
        for document in _documents(path):
            kubernetes_validate.validate(document, version, strict=True)


def test_kustomizations_name_what_is_there() -> None:
    """Each file of the folder is listed, and each that is listed is there."""
    for path in FOLDER.rglob("kustomization.yaml"):
        content = yaml.safe_load(path.read_text())
        named = {name for name in content["resources"] if name.endswith(".yaml")}
        assert named == {other.name for other in path.parent.glob("*.yaml")} - SKIPPED
        folders = [path.parent / name for name in content["resources"] if name not in named]
        assert all((folder / "kustomization.yaml").is_file() for folder in folders)


def _rendered(overlay: str, tmp_path: Path) -> list[dict[str, Any]]:
    command = next((each for each in RENDERERS if shutil.which(each[0])), None)
    if command is None:
        pytest.skip("neither kubectl nor kustomize is installed")
    shutil.copytree(FOLDER, tmp_path / "kubernetes")
    example = tmp_path / "kubernetes/overlays/example"
    shutil.copy(example / "secret.env.example", example / "secret.env")
    done = subprocess.run(
        [*command, str(tmp_path / "kubernetes/overlays" / overlay)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_is_valid_and_selects_its_pods(overlay: str, tmp_path: Path) -> None:
    """As it is applied it is valid in every version, and service, budget and policy mean the same pods."""
    found = _rendered(overlay, tmp_path)
    for version in VERSIONS:
        for document in found:
            kubernetes_validate.validate(document, version, strict=True)
    by_kind = {document["kind"]: document for document in found}
    (pods,) = (document for document in found if document["kind"] == "StatefulSet")
    labels = pods["spec"]["template"]["metadata"]["labels"]
    assert labels
    selectors = [
        pods["spec"]["selector"]["matchLabels"],
        by_kind["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        by_kind["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
        *(each["spec"]["selector"] for each in found if each["kind"] == "Service"),
    ]
    assert all(selector == labels for selector in selectors)
    assert pods["spec"]["replicas"] == {"example": 2, "three": 3}[overlay]
    containers = [*pods["spec"]["template"]["spec"]["initContainers"], *_containers(pods)]
    secrets = {each["metadata"]["name"] for each in found if each["kind"] == "Secret"}
    for container in containers:
        assert container["image"].startswith("registry.example.org/tidegauge:")
        assert {each["secretRef"]["name"] for each in container["envFrom"]} == secrets


def _containers(pods: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pods["spec"]["template"]["spec"]["containers"]
    return found


def test_the_pods_are_confined_and_probed() -> None:
    """Not root, nothing to write but volumes, no capability; a failing monitor closes no replica's door."""
    (pods,) = _documents(BASE / "statefulset.yaml")
    spec = pods["spec"]["template"]["spec"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert f"--uid {spec['securityContext']['runAsUser']} " in Path("Dockerfile").read_text()
    for container in [*spec["initContainers"], *spec["containers"]]:
        confined = container["securityContext"]
        assert confined["readOnlyRootFilesystem"]
        assert confined["capabilities"] == {"drop": ["ALL"]}
        assert not confined["allowPrivilegeEscalation"]
        assert container["resources"]["limits"]["memory"]
    (service,) = spec["containers"]
    probes = {name: service[name]["httpGet"]["path"] for name in service if name.endswith("Probe")}
    assert probes == {
        "startupProbe": "/healthz",
        "livenessProbe": "/healthz",
        "readinessProbe": "/readyz/ingest",
    }
    (data,) = pods["spec"]["volumeClaimTemplates"]
    mounts = {mount["name"]: mount["mountPath"] for mount in service["volumeMounts"]}
    environment = {each["name"]: each["value"] for each in service["env"]}
    assert mounts[data["metadata"]["name"]] == environment["TIDEGAUGE_DATA_DIR"]


def test_variables_and_the_example_monitor_are_the_services(tmp_path: Path) -> None:
    """Each variable of a manifest is a setting; the monitor file of the example can be read."""
    known = {f"TIDEGAUGE_{name.upper()}" for name in Settings.model_fields}
    (pods,) = _documents(BASE / "statefulset.yaml")
    used = {each["name"] for each in _containers(pods)[0]["env"]}
    secret = (FOLDER / "overlays/example/secret.env.example").read_text().splitlines()
    used |= {line.split("=")[0] for line in secret if not line.startswith("#")}
    assert used <= known
    assert [monitor.name for monitor in load_all(FOLDER / "overlays/example/monitors", tmp_path)] == [
        "checkout"
    ]
