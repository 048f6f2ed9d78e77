"""Fetching over a loopback HTTP server that misbehaves in every way a real one does, from files, and over XRootD."""

import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from prehep.core.config.remote_files import RemoteFile
from prehep.core.errors import FetchError
from prehep.data import fetch as fetch_module
from prehep.data.fetch import Expected, Patience, fetch, local_copy
from prehep.data.recorded import recall, remember

CONTENT = bytes(range(256)) * 12_000
QUICK = Patience(attempts=3, pause_s=0.01, silence_s=0.5)
SHA256 = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


def remote(url: str, **facts: object) -> RemoteFile:
    values = {"name": "data.bin", "size": len(CONTENT), "checksum": SHA256, **facts}
    return RemoteFile.model_validate({"url": url, **values})


def assert_nothing_left(folder: Path) -> None:
    assert [path for path in folder.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    "checksum", [SHA256, f"md5:{hashlib.md5(CONTENT).hexdigest()}", f"adler32:{zlib.adler32(CONTENT):x}", None]
)
def test_good_file(httpserver: HTTPServer, tmp_path: Path, checksum: str | None) -> None:
    httpserver.expect_request("/data.bin").respond_with_data(CONTENT)
    fetch(remote(httpserver.url_for("/data.bin"), checksum=checksum), tmp_path / "data.bin", patience=QUICK)
    assert (tmp_path / "data.bin").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["data.bin"]


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"checksum": f"sha256:{'0' * 64}"}, ["sha256:0000", SHA256, "data.bin"]),
        ({"size": len(CONTENT) + 1}, [str(len(CONTENT)), str(len(CONTENT) + 1), "data.bin"]),
    ],
)
def test_wrong_file_names_expected_and_got(
    httpserver: HTTPServer, tmp_path: Path, facts: dict[str, object], words: list[str]
) -> None:
    httpserver.expect_request("/data.bin").respond_with_data(CONTENT)
    with pytest.raises(FetchError) as caught:
        fetch(remote(httpserver.url_for("/data.bin"), **facts), tmp_path / "data.bin", patience=QUICK)
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)
    assert_nothing_left(tmp_path)


def test_missing_file_is_not_tried_again(httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_request("/data.bin").respond_with_data(b"", status=404)
    with pytest.raises(FetchError, match="404"):
        fetch(remote(httpserver.url_for("/data.bin")), tmp_path / "data.bin", patience=QUICK)
    assert len(httpserver.log) == 1
    assert_nothing_left(tmp_path)


def test_busy_server_then_success(httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_ordered_request("/data.bin").respond_with_data(b"", status=503)
    httpserver.expect_ordered_request("/data.bin").respond_with_data(b"", status=502)
    httpserver.expect_ordered_request("/data.bin").respond_with_data(CONTENT)
    fetch(remote(httpserver.url_for("/data.bin")), tmp_path / "data.bin", patience=QUICK)
    assert (tmp_path / "data.bin").read_bytes() == CONTENT


def test_busy_server_gives_up(httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_request("/data.bin").respond_with_data(b"", status=503)
    with pytest.raises(FetchError, match=r"3 attempts.*503"):
        fetch(remote(httpserver.url_for("/data.bin")), tmp_path / "data.bin", patience=QUICK)
    assert len(httpserver.log) == 3
    assert_nothing_left(tmp_path)


def dropping(requests: list[str | None], *, ranges: bool, cut: int) -> object:
    """Return a handler that drops its first answer after `cut` bytes and then serves (a range of) the content."""

    def handle(request: Request) -> Response:
        wanted = request.headers.get("Range")
        requests.append(wanted)
        if len(requests) == 1:
            # promises everything and stops early
            return Response(iter([CONTENT[:cut]]), headers={"Content-Length": str(len(CONTENT)), "ETag": '"1"'})
        if wanted and ranges:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            header = f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"
            return Response(CONTENT[start:], status=206, headers={"Content-Range": header})
        return Response(CONTENT)

    return handle


@pytest.mark.parametrize("ranges", [True, False])
def test_dropped_connection_goes_on_where_it_broke_or_begins_again(
    httpserver: HTTPServer, tmp_path: Path, ranges: bool
) -> None:
    seen: list[str | None] = []
    cut = 2 << 20
    httpserver.expect_request("/data.bin").respond_with_handler(dropping(seen, ranges=ranges, cut=cut))
    fetch(remote(httpserver.url_for("/data.bin")), tmp_path / "data.bin", patience=QUICK)
    assert (tmp_path / "data.bin").read_bytes() == CONTENT
    assert seen[0] is None
    assert seen[1] is not None
    assert 0 < int(seen[1].removeprefix("bytes=").removesuffix("-")) <= cut


def test_silent_server_is_given_up(httpserver: HTTPServer, tmp_path: Path) -> None:
    def slow(_: Request) -> Response:
        time.sleep(0.4)
        return Response(CONTENT)

    httpserver.expect_request("/data.bin").respond_with_handler(slow)
    with pytest.raises(FetchError, match="no answer in time"):
        fetch(remote(httpserver.url_for("/data.bin")), tmp_path / "data.bin", patience=Patience(2, 0.01, 0.1))
    assert_nothing_left(tmp_path)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_no_server(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"2 attempts: the connection was refused; check the network"):
        fetch(remote(f"http://127.0.0.1:{free_port()}/data.bin"), tmp_path / "data.bin", patience=Patience(2, 0.01))
    assert_nothing_left(tmp_path)


def test_error_page_of_the_portal_is_named(
    httpserver: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = b"<html>" + b"x" * 3840
    monkeypatch.setattr(
        fetch_module, "ERROR_PAGE", (3846, fetch_module.parse_checksum(f"adler32:{zlib.adler32(page):x}"))
    )
    httpserver.expect_request("/data.bin").respond_with_data(page)
    with pytest.raises(FetchError, match="error page of the CERN Open Data portal"):
        fetch(remote(httpserver.url_for("/data.bin")), tmp_path / "data.bin", patience=QUICK)
    assert_nothing_left(tmp_path)


def test_error_page_has_the_size_and_checksum_of_the_real_one() -> None:
    assert str(fetch_module.ERROR_PAGE[1]) == "adler32:a82d5324"
    assert fetch_module.ERROR_PAGE[0] == 3846


def test_web_page_in_place_of_an_unknown_file_is_refused(httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_request("/data.bin").respond_with_data(b"<!DOCTYPE html><p>log in")
    with pytest.raises(FetchError, match="web page"):
        fetch(remote(httpserver.url_for("/data.bin"), size=None, checksum=None), tmp_path / "data.bin", patience=QUICK)
    assert_nothing_left(tmp_path)


def test_no_space(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(CONTENT)
    with pytest.raises(FetchError, match="free some space"):
        fetch(remote(source.as_uri(), size=1 << 60), tmp_path / "out" / "data.bin", patience=QUICK)
    assert_nothing_left(tmp_path / "out")


def test_disk_that_fills_up_on_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fetch_module, "_append", full)
    with pytest.raises(FetchError, match=r"does not fit.*No space left"):
        fetch(remote("http://127.0.0.1/data.bin"), tmp_path / "data.bin", patience=QUICK)
    assert_nothing_left(tmp_path)


def test_file_address(tmp_path: Path) -> None:
    source = tmp_path / "with space"
    source.write_bytes(CONTENT)
    fetch(remote(source.as_uri()), tmp_path / "data.bin", patience=QUICK)
    assert (tmp_path / "data.bin").read_bytes() == CONTENT
    with pytest.raises(FetchError, match="No such file"):
        fetch(remote((tmp_path / "absent").as_uri()), tmp_path / "other.bin", patience=QUICK)
    assert not (tmp_path / "other.bin").exists()


def test_unknown_scheme(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="unknown scheme 'gopher'"):
        fetch(remote("gopher://host/data.bin"), tmp_path / "data.bin", patience=QUICK)


def test_existing_target_survives_a_failed_fetch(tmp_path: Path) -> None:
    target = tmp_path / "data.bin"
    target.write_bytes(b"old")
    with pytest.raises(FetchError):
        fetch(remote((tmp_path / "absent").as_uri()), target, patience=QUICK)
    assert target.read_bytes() == b"old"


def test_local_copy(tmp_path: Path) -> None:
    (tmp_path / "cms").mkdir()
    (tmp_path / "cms" / "a.root").write_bytes(CONTENT)
    file = remote("https://example.org/a.root", sample="cms/a.root")
    assert local_copy(file, tmp_path).url == (tmp_path / "cms" / "a.root").as_uri()
    with pytest.raises(FetchError, match=r"b\.root is missing.*sample_dir"):
        local_copy(remote("https://example.org/b.root", sample="cms/b.root"), tmp_path)


def test_recorded_checksum_is_enforced(tmp_path: Path) -> None:
    record, source = tmp_path / "provenance" / "checksums.json", tmp_path / "source"
    source.write_bytes(CONTENT)
    file = remote(source.as_uri(), size=None, checksum=None)
    assert recall(record, file) is None
    remember(record, file, source)
    expected = recall(record, file)
    assert expected is not None
    assert (expected.size, str(expected.checksum)) == (len(CONTENT), SHA256)
    fetch(file, tmp_path / "data.bin", expected, QUICK)
    source.write_bytes(CONTENT[::-1])
    with pytest.raises(FetchError, match=r"checksums\.json"):
        fetch(file, tmp_path / "again.bin", expected, QUICK)
    remember(record, file, source)
    assert recall(record, file) == expected


def test_damaged_record_is_named(tmp_path: Path) -> None:
    record = tmp_path / "checksums.json"
    record.write_text("{")
    with pytest.raises(FetchError, match=r"checksums\.json is not valid JSON"):
        recall(record, remote("https://example.org/a"))


@pytest.fixture
def xrootd() -> Iterator[tuple[str, Path]]:
    """Serve a folder over XRootD on the loopback interface."""
    if shutil.which("xrootd") is None:
        pytest.skip("no xrootd server here (Debian: xrootd-server)")
    pytest.importorskip("XRootD", reason="the extra prehep[root] is not installed")
    # the server refuses to run as root, so its folder must be open to another user
    with tempfile.TemporaryDirectory() as name:
        home, port = Path(name), free_port()
        data = home / "served"
        for folder in (home, data, home / "admin"):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o777)
        (home / "xrootd.cfg").write_text(
            f"xrd.port {port}\nxrd.network nodnr\nall.export /\noss.localroot {data}\n"
            f"all.adminpath {home}/admin\nall.pidpath {home}/admin\n"
        )
        user = ["-R", "nobody"] if os.geteuid() == 0 else []
        command = ["xrootd", *user, "-I", "v4", "-c", f"{home}/xrootd.cfg", "-n", "test"]
        with (home / "xrootd.log").open("wb") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log, cwd=home)
        try:
            for _ in range(50):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            yield f"root://127.0.0.1:{port}//", data
        finally:
            server.terminate()
            server.wait(10)


def test_xrootd(xrootd: tuple[str, Path], tmp_path: Path) -> None:
    address, data = xrootd
    (data / "data.bin").write_bytes(CONTENT)
    fetch(remote(f"{address}data.bin"), tmp_path / "data.bin", patience=QUICK)
    assert (tmp_path / "data.bin").read_bytes() == CONTENT
    with pytest.raises(FetchError, match="no such file"):
        fetch(remote(f"{address}absent.bin"), tmp_path / "absent.bin", patience=QUICK)
    with pytest.raises(FetchError, match="sha256:0000"):
        fetch(remote(f"{address}data.bin", checksum=f"sha256:{'0' * 64}"), tmp_path / "bad.bin", patience=QUICK)
    assert not list(tmp_path.glob("*.partial"))
    assert not (tmp_path / "bad.bin").exists()


def test_expected_source_is_in_the_message(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(CONTENT)
    with pytest.raises(FetchError, match="the label says 3"):
        fetch(remote(source.as_uri()), tmp_path / "data.bin", Expected(3, None, "the label"), QUICK)
