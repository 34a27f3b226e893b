"""The client against a real server, and against what is not one."""

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ikebana.control.client import (
    Client,
    ClientError,
    NoDaemon,
    NoSuchConnection,
    Refusal,
    TimedOut,
)

from .fake import BAD, EXPLAINED, NET, RENEWED, STEPS, FakeDaemon, served


@pytest.fixture
def daemon() -> FakeDaemon:
    return FakeDaemon()


@pytest.fixture
def client(daemon: FakeDaemon, tmp_path: Path) -> Iterator[Client]:
    with served(daemon, tmp_path / "s") as path:
        yield Client(path)


def test_every_question_has_its_answer(client: Client, daemon: FakeDaemon) -> None:
    assert client.status().connections == (NET, BAD)
    assert client.status("net").connections == (NET,)
    assert tuple(client.up("net", 12.5)) == STEPS
    assert daemon.timeout == 12.5
    client.down("net")
    assert daemon.downs == ["net"]
    assert client.rekey("net", 5) == client.reauth("net", 6) == client.renegotiate("net", 7.5)
    assert client.rekey("net", 8, ike=True) == RENEWED
    assert daemon.asked == [
        ("rekey", "net", 5.0),
        ("reauth", "net", 6.0),
        ("renegotiate", "net", 7.5),
        ("rekey --ike", "net", 8.0),
    ]
    assert list(client.log()) == daemon.lines
    assert [line.text for line in client.log("net", follow=True)] == [
        "IKE_SA established",
        "one more",
    ]
    assert client.explain("10.1.0.5", "10.2.0.9", "tcp", "443") == EXPLAINED
    assert client.counters() == {"replay": 3, "no_sa": 0}
    client.reload()


def test_name_travels_whatever_it_contains(client: Client) -> None:
    for name in ("a/b", "a?b=c", "../status", "东京", " "):
        with pytest.raises(NoSuchConnection, match="no connection"):
            client.down(name)


def test_unknown_name_has_a_suggestion(client: Client) -> None:
    with pytest.raises(NoSuchConnection) as caught:
        client.status("tokio")
    assert caught.value.hint == "did you mean tokyo?"


def test_problems_of_a_reload_are_handed_on(client: Client, daemon: FakeDaemon) -> None:
    daemon.problems = ["net.toml:3: connection.0.psk: missing"]
    with pytest.raises(Refusal) as caught:
        client.reload()
    assert caught.value.problems == tuple(daemon.problems)


def test_bug_in_the_daemon_is_told(client: Client, daemon: FakeDaemon) -> None:
    daemon.broken = True
    with pytest.raises(Refusal, match="a bug"):
        client.status()


def test_missing_socket_says_how_to_start_the_daemon(tmp_path: Path) -> None:
    with pytest.raises(NoDaemon) as caught:
        Client(str(tmp_path / "s")).status()
    assert "ikebana run" in caught.value.hint


def test_path_that_cannot_be_a_socket_is_told(tmp_path: Path) -> None:
    for path in (tmp_path / ("x" * 200), tmp_path):
        with pytest.raises(ClientError):
            Client(str(path)).status()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open any socket")
def test_foreign_socket_is_permission_denied(client: Client) -> None:
    os.chmod(client.path, 0)
    with pytest.raises(NoDaemon, match="permission denied"):
        client.status()


def test_silent_daemon_times_out(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(tmp_path / "s"))
        mute.listen()
        with pytest.raises(TimedOut):
            Client(str(tmp_path / "s"), patience=0.05).status()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\xff\xfe",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope",
        b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\nnull",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
    ],
)
def test_what_is_not_the_daemon_is_an_error_and_nothing_worse(
    tmp_path: Path, answer: bytes
) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s"))
    listener.listen()

    def serve() -> None:
        for _ in range(2):
            end, _ = listener.accept()
            with end:
                end.recv(65536)
                end.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    client = Client(str(tmp_path / "s"), patience=5)
    with pytest.raises(ClientError):
        client.status()
    with pytest.raises(ClientError):
        next(client.up("net", 1))
    thread.join(10)
    listener.close()
