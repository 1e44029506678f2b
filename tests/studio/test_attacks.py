"""What a page somewhere else, a file, or a client with ill will may try: nothing leaks or dies."""

from __future__ import annotations

import os
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from camkit_core.studio import application as routes
from camkit_core.studio.photos import of_files
from helpers.picture_bytes import png


def test_only_the_address_with_the_token_is_answered(client, studio):
    assert client.get("").status_code == 200
    for path in ("/", "/x/", f"/{studio.token}", f"/{studio.token[:-1]}/", "/api/start", "//"):
        answer = client.get(f"http://127.0.0.1{path}")
        assert answer.status_code == 404
        assert studio.token not in answer.text


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.2", "[::1]"])
def test_a_name_that_somebody_points_here_gets_nothing(client, host):
    answer = client.get("api/start", headers={"host": host})
    assert answer.status_code == 421
    assert "gradcam" not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_another_sites_page_gets_nothing_and_hands_nothing_in(client, headers):
    assert client.get("api/start", headers=headers).status_code == 403
    assert client.post("api/photos", content=png(), headers=headers).status_code == 403
    assert client.post(
        "api/photos", content=png(), headers={"origin": "http://127.0.0.1"}
    ).is_success


def test_every_answer_forbids_what_a_page_could_be_made_to_do(client):
    for path in ("", "static/main.js", "api/start", "nothing", "photo/nothing"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("prefix", ["static/", "photo/", ""])
@pytest.mark.parametrize(
    "name",
    [
        "../secret.txt",
        "%2e%2e/secret.txt",
        "..%2fsecret.txt",
        "....//secret.txt",
        "%2e%2e%5csecret.txt",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "secret.txt",
        "__init__.py",
        "%00",
    ],
)
def test_no_file_is_read_by_its_path(client, folder, prefix, name):
    (folder.parent / "secret.txt").write_text("a secret of this machine")
    answer = client.get(prefix + name)
    assert answer.status_code in (400, 404)
    assert "secret of" not in answer.text
    assert "root:" not in answer.text


@pytest.mark.parametrize("photo", ["../one.png", "/etc/passwd", "one.png", "", 7, None, ["x"], {}])
def test_a_question_names_photos_by_their_keys_alone(client, photo):
    answer = client.post("api/explain", json={"photo": photo})
    assert answer.status_code == 400
    assert "root:" not in answer.text


def test_a_link_out_of_the_folder_is_no_photo_of_it(folder):
    outside = folder.parent / "outside.png"
    outside.write_bytes(png())
    (folder / "link.png").symlink_to(outside)
    names = [source.name for source in of_files(sorted(folder.iterdir()), [folder])]
    assert names == ["one.png", "two.png"]


def test_a_photo_that_becomes_a_link_is_no_longer_shown(client, key, folder):
    outside = folder.parent / "outside.png"
    outside.write_bytes(png())
    (folder / "one.png").unlink()
    (folder / "one.png").symlink_to(outside)
    answer = client.get(f"photo/{key}")
    assert answer.status_code == 400
    assert str(folder) not in answer.text


def test_more_bytes_than_allowed_are_refused_also_unannounced(client, monkeypatch):
    monkeypatch.setattr(routes, "MOST_BYTES", 1000)
    assert client.post("api/photos", content=bytes(2000)).status_code == 413

    def unannounced():
        for _ in range(50):
            yield bytes(100)

    assert client.post("api/photos", content=unannounced()).status_code == 413
    assert client.post("api/explain", content=bytes(2**20 + 1)).status_code == 413


def bomb(width: int, height: int) -> bytes:
    """A small file whose header states a picture that fills the memory."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(100_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "data",
    [bomb(40_000, 40_000), bomb(2**31 - 1, 1), b"", b"GIF89a", b"no picture", b"<svg onload=x>"],
)
def test_what_is_no_photo_is_refused_before_it_fills_the_memory(client, data):
    answer = client.post("api/photos", content=data)
    assert answer.status_code == 400
    assert len(answer.json()["error"]) > 10


def test_names_are_texts_wherever_they_are_sent(client):
    name = "..%2F..%2F%3Cimg%20src%3Dx%3E%0A%1b.png"
    handed = client.post("api/photos", content=png(), headers={"x-name": name}).json()
    assert handed["name"] == "<img src=x>.png"
    programs = client.post(
        "api/programs", json={"photo": handed["key"], "target": 0, "methods": ["gradcam"]}
    ).json()
    compile(programs["python"], "copied", "exec")
    assert "target=0)  # <img src=x onerror=alert(1)>\n" in programs["python"]
    assert "'<img src=x>.png'" in programs["command"]


@pytest.mark.parametrize(
    "question",
    [
        b"{",
        b"[" * 100_000,
        b"7",
        b'{"photo": "KEY", "methods": []}',
        b'{"photo": "KEY", "methods": ["nonsense"]}',
        b'{"photo": "KEY", "methods": "gradcam"}',
        b'{"photo": "KEY", "target": 99}',
        b'{"photo": "KEY", "target": -1}',
        b'{"photo": "KEY", "target": "no such class"}',
        b'{"photo": "KEY", "layer": "nowhere"}',
        b'{"photo": "KEY", "painted": [[1, 2, 3]]}',
        b'{"photo": "KEY", "painted": [[1, 2, 3, 1e9]]}',
        b'{"photo": "KEY", "painted": [[true, 0, 1, 1]]}',
        b'{"photo": "KEY", "painted": "all"}',
    ],
)
def test_a_wrong_question_is_told_what_is_wrong_with_it(client, key, question):
    answer = client.post("api/explain", content=question.replace(b"KEY", key.encode()))
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert "Traceback" not in answer.text


def test_fifty_requests_at_once_are_all_answered_alike(client, key):
    def ask(number: int) -> str:
        answer = client.post("api/explain", json={"photo": key, "target": number % 5})
        return str(answer.json()["grid"]["values"])

    alone = [ask(number) for number in range(5)]
    with ThreadPoolExecutor(25) as pool:
        together = list(pool.map(ask, range(50)))
    assert together == alone * 10


def test_the_oldest_photos_make_room(studio, monkeypatch):
    files = [png(seed=seed) for seed in range(4)]
    monkeypatch.setattr("camkit_core.studio.photos.KEPT_BYTES", 2 * len(files[0]) + 100)
    keys = [studio.photos.add(data, "x.png").key for data in files]
    assert studio.photos[keys[-1]].name == "x.png"
    with pytest.raises(LookupError, match="no longer here"):
        studio.photos[keys[0]]


def test_a_photo_keeps_the_path_of_its_folder_to_itself(client, key, folder):
    (folder / "one.png").write_bytes(b"no longer a picture")
    answer = client.get(f"photo/{key}")
    assert answer.status_code == 400
    assert str(Path(os.path.abspath(folder))) not in answer.text
