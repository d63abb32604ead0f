"""The folder of monitor files: one file's fault hides no other's monitor, and a change is seen."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from service.config.monitor_folder import read_folder, signature
from service.errors import ConfigurationError
from tests.unit.config.test_monitor_file import GOOD


def test_a_file_with_a_fault_hides_no_other(tmp_path: Path) -> None:
    """What is good is there by its name, what is not with its line."""
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text("sauce: {}\n")
    found = read_folder(tmp_path, tmp_path)
    assert found.monitors.keys() == {"good"}
    assert found.monitors["good"].path == tmp_path / "good.yaml"
    assert found.faults.keys() == {tmp_path / "bad.yaml"}
    assert "bad.yaml:1: sauce: no such key" in found.faults[tmp_path / "bad.yaml"]
    assert found.names == {"good", "bad"}
    (tmp_path / "bad.yaml").write_text("sauce: {}\nname: 'shop'  # a name that the file's own is not\n")
    renamed = read_folder(tmp_path, tmp_path)
    assert renamed.names == {"good", "shop"}
    assert renamed.path_of("shop") == tmp_path / "bad.yaml"


def test_the_second_of_a_name_is_a_fault(tmp_path: Path) -> None:
    """The first file defines the monitor; the other says which it is."""
    (tmp_path / "a.yaml").write_text(GOOD + "name: shop\n")
    (tmp_path / "b.yaml").write_text(GOOD + "name: shop\n")
    found = read_folder(tmp_path, tmp_path)
    assert found.monitors["shop"].path == tmp_path / "a.yaml"
    assert "a.yaml is named shop as well" in found.faults[tmp_path / "b.yaml"]


def test_an_empty_folder_defines_nothing_and_a_missing_one_is_refused(tmp_path: Path) -> None:
    """Files may all have been deleted; a folder that is not there is a mistake in its name."""
    assert read_folder(tmp_path, tmp_path).names == set()
    with pytest.raises(ConfigurationError, match="no such folder; set TIDEGAUGE_MONITORS_DIR"):
        read_folder(tmp_path / "nowhere", tmp_path)


def test_the_signature_changes_with_a_file(tmp_path: Path) -> None:
    """An edit, a new file, a replaced and a deleted one are seen; what is no monitor file is not."""
    path = tmp_path / "one.yaml"
    path.write_text(GOOD)
    (tmp_path / "notes.txt").write_text("a")
    seen = [signature(tmp_path)]
    path.write_text(GOOD + "# edited\n")
    seen.append(signature(tmp_path))
    (tmp_path / "two.yml").write_text(GOOD)
    seen.append(signature(tmp_path))
    (tmp_path / "new").write_text(GOOD)
    (tmp_path / "new").rename(tmp_path / "two.yml")
    seen.append(signature(tmp_path))
    path.unlink()
    seen.append(signature(tmp_path))
    assert all(one != other for one, other in pairwise(seen))
    (tmp_path / "notes.txt").write_text("b")
    (tmp_path / ".hidden.yaml").write_text(GOOD)
    (tmp_path / "link.yaml").symlink_to(tmp_path / "nowhere")
    assert signature(tmp_path) == seen[-1]
