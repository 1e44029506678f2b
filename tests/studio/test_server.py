"""The server itself, over its socket: who hangs holds nobody up, and Ctrl-C ends it at once."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from camkit_core.studio.worker import Worker
from helpers import slow_classifier
from helpers.checkout import ROOT
from helpers.studios import served

UNFINISHED = b"Content-Length: 9000\r\n\r\nx"


@pytest.fixture
def url(studio):
    """The address of a studio that is served in this process."""
    return served(studio)


def ask(url: str, path: str, **question) -> dict:
    data = json.dumps(question).encode() if question else None
    with urlopen(Request(url + path, data), timeout=20) as answer:
        return json.load(answer)


def raw(url: str, request: bytes) -> socket.socket:
    """A connection that has sent so much, and no more."""
    port = int(url.split(":")[2].split("/")[0])
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    connection.sendall(request.replace(b"HOST", b"127.0.0.1:%d" % port))
    return connection


def test_who_hangs_holds_nobody_up(url, key):
    path = url.split("/", 3)[3].encode()
    hanging = [
        raw(url, b"POST /" + path + b"api/photos HTTP/1.1\r\nHost: HOST\r\n" + UNFINISHED),
        raw(url, b"GET /" + path + b"api/st"),
        raw(url, b""),
    ]
    assert ask(url, "api/explain", photo=key)["grid"]["rows"] == 8
    assert [connection.close() for connection in hanging] == [None] * 3
    assert ask(url, "api/start")["classes"][2] == "虎斑猫"


@pytest.mark.parametrize(
    "path",
    [
        "static/../../../../etc/passwd",
        "static/..%2f..%2fetc%2fpasswd",
        "photo//etc/passwd",
        "%2e%2e/",
    ],
)
def test_a_path_that_no_client_made_straight_reads_no_file(url, path):
    token = url.split("/")[3]
    line = f"GET /{token}/{path} HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n"
    with raw(url, line.encode()) as connection, connection.makefile("rb") as answer:
        text = answer.read()
    assert text.startswith(b"HTTP/1.1 404")
    assert b"root:" not in text


def test_it_is_there_on_this_machine_alone(url):
    port = int(url.split(":")[2].split("/")[0])
    assert url.startswith(f"http://127.0.0.1:{port}/")
    with pytest.raises(OSError, match=r"refused|unreachable|timed out"):
        socket.create_connection(("127.0.0.2", port), timeout=2)


def test_work_whose_turn_has_not_come_can_be_taken_back():
    worker, wait, done = Worker(), threading.Event(), []
    first = worker.submit(wait.wait)
    second, third = worker.submit(lambda: done.append(2)), worker.submit(lambda: done.append(3))
    assert second.cancel()
    wait.set()
    third.result(10)
    assert (first.result(10), done) == (True, [3])


def test_an_error_of_one_job_is_its_own():
    worker = Worker()
    with pytest.raises(ZeroDivisionError):
        worker.submit(lambda: 1 / 0).result(10)
    assert worker.submit(lambda: 7).result(10) == 7


@pytest.fixture
def begun(folder: Path):
    """Begins the command with a network of a name, and ends it with the test."""
    processes = []

    def begin(model: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "camkit_core", "studio", str(folder), "--no-browser"]
        command += ["--model", model, "--device", "cpu"]
        paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
        environment = {**os.environ, "PYTHONPATH": paths}
        pipe = subprocess.PIPE
        started = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment)
        processes.append(started)
        return started

    yield begin
    for started in processes:
        started.kill()
        started.communicate()


def test_ctrl_c_ends_it_at_once_while_a_client_hangs_and_the_model_is_at_work_for_minutes(begun):
    process = begun(slow_classifier.FACTORY)
    url = process.stdout.readline().strip()
    while slow_classifier.BEGUN not in process.stderr.readline():
        assert process.poll() is None
    photos = ask(url, "api/start")["photos"]
    assert [photo["name"] for photo in photos] == ["one.png", "two.png"]
    hanging = raw(url, b"POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 9\r\n\r\n")
    question = json.dumps({"photo": photos[1]["key"]}).encode()
    waiting = raw(
        url,
        b"POST /%b/api/explain HTTP/1.1\r\nHost: HOST\r\nContent-Length: %d\r\n\r\n%b"
        % (url.split("/")[3].encode(), len(question), question),
    )
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 130
    waiting.close()
    hanging.close()
    errors = process.stderr.read()
    assert "interrupted" in errors
    assert "Traceback" not in errors
