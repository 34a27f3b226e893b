"""The files: who may read them, and what is refused."""

import os
import stat
from pathlib import Path

import pytest

from ikebana.render.keylog import esp_lines, ike_lines, ikev1_lines
from ikebana.render.keylog_files import KeyLog, KeyLogError

from .test_keylog import child, derived, old


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_the_owner_may_read_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        KeyLog(tmp_path / "keys").close()
    finally:
        os.umask(before)
    assert mode(tmp_path / "keys") == 0o700
    assert {file.name: mode(file) for file in (tmp_path / "keys").iterdir()} == {
        "ikev2_decryption_table": 0o600,
        "ikev1_decryption_table": 0o600,
        "esp_sa": 0o600,
    }


def test_lines_are_appended_and_the_head_stands_once(tmp_path: Path) -> None:
    for _ in range(2):
        log = KeyLog(tmp_path / "keys")
        log.ike(derived("aes128", "sha1"))
        log.esp(child("aes128", "sha1"))
        log.close()
    head, *lines = (tmp_path / "keys" / "ikev2_decryption_table").read_text().splitlines()
    assert "SECRET" in head
    assert lines == ike_lines(derived("aes128", "sha1")) * 2
    _, *lines = (tmp_path / "keys" / "esp_sa").read_text().splitlines()
    assert lines == esp_lines(child("aes128", "sha1")) * 2


def test_ikev1_has_a_table_of_its_own(tmp_path: Path) -> None:
    log = KeyLog(tmp_path / "keys")
    log.ike(old("aes128"))
    log.close()
    tables = {
        name: (tmp_path / "keys" / f"{name}_decryption_table").read_text().splitlines()[1:]
        for name in ("ikev1", "ikev2")
    }
    assert tables == {"ikev1": ikev1_lines(old("aes128")), "ikev2": []}


def test_what_comes_after_the_close_is_not_written(tmp_path: Path) -> None:
    log = KeyLog(tmp_path / "keys")
    log.close()
    log.close()
    log.esp(child("aes128", "sha1"))
    assert len((tmp_path / "keys" / "esp_sa").read_text().splitlines()) == 1


def test_folder_that_others_may_enter_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "open").chmod(0o755)
    with pytest.raises(KeyLogError, match="chmod 700"):
        KeyLog(tmp_path / "open")
    assert mode(tmp_path / "open") == 0o755


def test_file_readable_by_others_is_closed_to_them(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir(mode=0o700)
    (tmp_path / "keys" / "esp_sa").touch(mode=0o644)
    KeyLog(tmp_path / "keys").close()
    assert mode(tmp_path / "keys" / "esp_sa") == 0o600


def test_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir(mode=0o700)
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "keys" / "esp_sa").symlink_to(tmp_path / "victim")
    with pytest.raises(KeyLogError, match="esp_sa"):
        KeyLog(tmp_path / "keys")
    assert (tmp_path / "victim").read_text() == "mine"


def test_missing_parent_or_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    with pytest.raises(KeyLogError, match="No such file"):
        KeyLog(tmp_path / "no" / "keys")
    (tmp_path / "file").write_text("")
    with pytest.raises(KeyLogError, match="not a directory"):
        KeyLog(tmp_path / "file")
