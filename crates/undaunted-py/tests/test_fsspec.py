"""The file system for fsspec: modes, lists, errors and transfers, in memory and over an S3."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import io
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.callbacks import Callback

from real_s3 import RealS3, serve
from undaunted import (
    RetryBudget,
    RetryConfig,
    StorageConfigurationError,
    StorageError,
    StorageUnsupportedError,
)
from undaunted.fsspec import File, FileSystem, MemoryFileSystem, S3FileSystem, register

PART = 5 * 2**20


@pytest.fixture
def memory() -> Any:
    return MemoryFileSystem(skip_instance_cache=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealS3]:
    with serve(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def s3fs(server: RealS3) -> Any:
    fs = S3FileSystem(**server.options)
    yield fs
    with contextlib.suppress(FileNotFoundError):
        fs.rm("bucket/t", recursive=True)


def test_importing_undaunted_does_not_import_fsspec() -> None:
    code = "import sys, undaunted, undaunted.blocking; assert 'fsspec' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_protocols_of_our_own_are_entry_points() -> None:
    code = """if True:
        import fsspec
        with fsspec.open("undaunted+memory://a.txt", "w") as file:
            file.write("hello")
        assert fsspec.filesystem("undaunted+memory").cat("a.txt") == b"hello"
        for name in ("s3", "gs", "az"):
            cls = fsspec.get_filesystem_class(f"undaunted+{name}")
            assert cls.__module__ == "undaunted.fsspec", cls
    """
    subprocess.run([sys.executable, "-c", code], check=True)


def test_register_takes_over_protocols() -> None:
    code = """if True:
        import fsspec, undaunted.fsspec
        undaunted.fsspec.register("s3", "gs")
        assert fsspec.get_filesystem_class("s3") is undaunted.fsspec.S3FileSystem
        assert fsspec.get_filesystem_class("gs") is undaunted.fsspec.GcsFileSystem
        undaunted.fsspec.register()
        assert fsspec.get_filesystem_class("abfss") is undaunted.fsspec.AzureFileSystem
    """
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(StorageConfigurationError, match="no file system for the protocol 'ftp'"):
        register("ftp")


@pytest.mark.parametrize("mode", ["w", "wt", "wb", "x", "xb", "a", "ab"])
def test_a_file_is_written_in_every_mode(memory: Any, mode: str) -> None:
    content: Any = b"hello" if "b" in mode else "hello"
    with memory.open("d/a", mode) as file:
        assert file.writable() and not file.readable()
        assert file.write(content) == 5
        assert not memory.exists("d/a")
    assert memory.cat("d/a") == b"hello"


@pytest.mark.parametrize("mode", ["r+b", "w+", "rw", "", "z", "rbt"])
def test_other_modes_are_refused(memory: Any, mode: str) -> None:
    with pytest.raises(ValueError, match="an object cannot be changed in place"):
        memory.open("a", mode)


def test_text_has_an_encoding(memory: Any) -> None:
    with memory.open("a", "w", encoding="latin-1", newline="\r\n") as file:
        file.write("ä\n")
    assert memory.cat("a") == b"\xe4\r\n"
    with memory.open("a", "r", encoding="latin-1") as file:
        assert file.read() == "ä\n"
    with pytest.raises(ValueError, match="encoding"):
        memory.open("a", "rb", encoding="latin-1")


def test_a_wrong_encoding_leaves_no_file(memory: Any) -> None:
    with pytest.raises(LookupError):
        memory.open("a", "w", encoding="no-such-encoding")
    assert not memory.exists("a")


@pytest.mark.parametrize("compression", ["gzip", "bz2", "xz", "infer"])
@pytest.mark.parametrize("text", [True, False])
def test_compressed_files(memory: Any, compression: str, text: bool) -> None:
    name, kind = "a.gz", "t" if text else "b"
    content: Any = "hello" * 1000 if text else b"hello" * 1000
    with memory.open(name, "w" + kind, compression=compression) as file:
        file.write(content)
    assert memory.size(name) < 200
    with memory.open(name, "r" + kind, compression=compression) as file:
        assert file.read() == content


@pytest.mark.parametrize("cache_type", ["readahead", "none", "bytes", "all", "blockcache", "first"])
def test_reads_seek(memory: Any, cache_type: str) -> None:
    content = bytes(range(256)) * 1000
    memory.pipe("a", content)
    with memory.open("a", "rb", block_size=1000, cache_type=cache_type) as file:
        assert file.size == len(content) and file.seekable()
        assert file.read(10) == content[:10]
        assert file.seek(-10, io.SEEK_END) == len(content) - 10
        assert file.read() == content[-10:]
        assert file.read() == b""
        assert file.seek(100_000) == 100_000
        assert file.seek(5, io.SEEK_CUR) == 100_005
        buffer = bytearray(7)
        assert file.readinto(buffer) == 7
        assert buffer == content[100_005:100_012]
        with pytest.raises(ValueError, match="before start"):
            file.seek(-1)


def test_unknown_caches_are_refused(memory: Any) -> None:
    memory.pipe("a", b"a")
    with pytest.raises(ValueError, match="cache_type is 'block', but must be one of .*readahead"):
        memory.open("a", cache_type="block")


def test_lines(memory: Any) -> None:
    memory.pipe("a", b"one\ntwo\n\nthree")
    with memory.open("a", "rb", block_size=5) as file:
        assert file.readline() == b"one\n"
        assert list(file) == [b"two\n", b"\n", b"three"]
    with memory.open("a", "r") as file:
        assert file.readlines() == ["one\n", "two\n", "\n", "three"]


def test_exclusive_creation(memory: Any) -> None:
    memory.pipe("a", b"old")
    for mode in ("x", "xb"):
        with pytest.raises(FileExistsError) as caught:
            memory.open("a", mode)
        assert (caught.value.errno, caught.value.filename) == (errno.EEXIST, "a")
    # Another writer comes between the opening and the end.
    file = memory.open("b", "xb")
    file.write(b"mine")
    memory.pipe("b", b"theirs")
    with pytest.raises(FileExistsError) as caught:
        file.close()
    assert caught.value.filename == "b"
    assert memory.cat("b") == b"theirs"
    with pytest.raises(FileExistsError):
        memory.pipe_file("b", b"mine", mode="create")


@pytest.mark.parametrize("old", [0, 10, PART, PART + 1, 2 * PART + 7])
@pytest.mark.parametrize("new", [0, 10, PART, 3 * PART])
def test_append(s3fs: Any, old: int, new: int) -> None:
    before, after = b"o" * old, b"n" * new
    s3fs.pipe("bucket/t/a", before)
    with s3fs.open("bucket/t/a", "ab", block_size=PART) as file:
        assert file.tell() == old
        file.write(after)
    assert s3fs.cat("bucket/t/a") == before + after


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 3 * PART, 3 * PART + 5])
@pytest.mark.parametrize("piece", [1_000_000, 20_000_000])
def test_files_of_all_sizes(s3fs: Any, size: int, piece: int) -> None:
    content = (bytes(range(251)) * (size // 251 + 1))[:size]
    with s3fs.open("bucket/t/a", "wb", block_size=PART, content_type="text/x-own") as file:
        for start in range(0, size, piece):
            file.write(content[start : start + piece])
        assert file.tell() == size
    assert s3fs.cat("bucket/t/a") == content
    assert s3fs.info("bucket/t/a")["ContentType"] == "text/x-own"


@pytest.mark.parametrize("how", ["open", "fsspec.open", "text", "gzip", "closing", "stack"])
@pytest.mark.parametrize("size", [10, 3 * PART])
def test_a_block_that_raises_leaves_no_file(s3fs: Any, how: str, size: int) -> None:
    path, options = "bucket/t/a", {"block_size": PART}
    stack = contextlib.ExitStack()
    block: Any = {
        "open": lambda: s3fs.open(path, "wb", **options),
        "fsspec.open": lambda: fsspec.core.OpenFile(s3fs, path, "wb"),
        "text": lambda: s3fs.open(path, "w", **options),
        "gzip": lambda: s3fs.open(path, "wb", compression="gzip", **options),
        "closing": lambda: contextlib.closing(s3fs.open(path, "wb", **options)),
        "stack": lambda: stack,
    }[how]()
    with pytest.raises(KeyError), block as file:
        if how == "stack":
            file = stack.enter_context(contextlib.closing(s3fs.open(path, "wb", **options)))
        file.write("a" * size if how == "text" else b"a" * size)
        raise KeyError
    assert not s3fs.exists(path)


def test_a_block_that_raises_aborts_its_upload(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        fs = S3FileSystem(**server.options)
        with pytest.raises(KeyError), fs.open("bucket/a", "wb", block_size=PART) as file:
            file.write(b"a" * 3 * PART)
            raise KeyError
    multipart = [
        each["operation"] for each in server.requests() if "multipart" in each["operation"]
    ]
    assert multipart == ["create_multipart", "abort_multipart"]


def test_a_file_that_reports_an_exception_is_written(memory: Any) -> None:
    """Only the block around a file counts, not one around the code that writes it."""

    class Reporting:
        def __enter__(self) -> None: ...

        def __exit__(self, kind: object, error: object, trace: object) -> None:
            file = memory.open("report", "wb")
            file.write(repr(error).encode())
            file.close()

    with pytest.raises(KeyError), Reporting():
        raise KeyError
    assert memory.cat("report") == b"KeyError()"
    file = memory.open("late", "wb")
    file.write(b"whole")
    try:
        raise KeyError
    except KeyError:
        file.close()
    assert memory.cat("late") == b"whole"


def test_a_file_that_nobody_closed_is_written_with_a_warning(memory: Any) -> None:
    with pytest.warns(ResourceWarning, match="unclosed file"):
        memory.open("a", "wb").write(b"hello")
    assert memory.cat("a") == b"hello"


def test_a_file_that_changes_while_it_is_read_is_an_error(s3fs: Any) -> None:
    s3fs.pipe("bucket/t/a", b"a" * 100)
    with s3fs.open("bucket/t/a", "rb", cache_type="none") as file:
        assert file.read(10) == b"a" * 10
        s3fs.pipe("bucket/t/a", b"b" * 100)
        with pytest.raises(StorageError, match="was changed while it was open"):
            file.read(10)


def test_cat_slices_like_python(memory: Any) -> None:
    content = bytes(range(100))
    memory.pipe("a", content)
    for start in (None, 0, 5, 99, 100, 150, -5, -150):
        for end in (None, 0, 5, 99, 100, 150, -5, -150):
            assert memory.cat_file("a", start, end) == content[start:end], (start, end)
    memory.pipe("empty", b"")
    assert memory.cat_file("empty", 0, 10) == b""


def test_cat_ranges_reads_near_ones_together(tmp_path: Path) -> None:
    content = bytes(range(256)) * 2000
    starts = [0, 300, 100, 500_000, -5, 0, 0]
    ends = [10, 400, 350, 500_100, None, 10, 600_000]
    paths = ["bucket/a"] * 5 + ["bucket/b", "bucket/missing"]
    with serve(tmp_path) as server:
        s3fs = S3FileSystem(**server.options)
        s3fs.pipe({"bucket/a": content, "bucket/b": content[::-1]})
        ranges = s3fs.cat_ranges(paths, starts, ends)
    for place, (start, end) in enumerate(zip(starts[:5], ends[:5], strict=True)):
        assert ranges[place] == content[start:end]
    assert ranges[5] == content[::-1][:10]
    assert isinstance(ranges[6], FileNotFoundError)
    reads = [request["key"] for request in server.requests() if request["method"] != "PUT"]
    # Two for `a`, its size and its end, one each for `b` and the missing one.
    assert len(reads) <= 6, reads


def test_cat_ranges_raises_if_asked_to(s3fs: Any) -> None:
    s3fs.pipe("bucket/t/a", b"hello")
    with pytest.raises(FileNotFoundError):
        s3fs.cat_ranges(["bucket/t/a", "bucket/t/missing"], [0, 0], [1, 1], on_error="raise")
    assert s3fs.cat_ranges(["bucket/t/a"] * 2, 0, [1, 2]) == [b"h", b"he"]


def tree(fs: Any, root: str) -> None:
    for name in ("a.txt", "b.csv", "x/c.txt", "x/y/d.txt", "xx/e.txt"):
        fs.pipe(f"{root}/{name}", name.encode())


def test_lists(s3fs: Any) -> None:
    tree(s3fs, "bucket/t")

    def names(found: Any) -> list[str]:
        return [name.removeprefix("bucket/") for name in found]

    assert names(s3fs.ls("bucket/t", detail=False)) == ["t/a.txt", "t/b.csv", "t/x", "t/xx"]
    assert names(s3fs.ls("s3://bucket/t/a.txt", detail=False)) == ["t/a.txt"]
    everything = ["t/a.txt", "t/b.csv", "t/x/c.txt", "t/x/y/d.txt", "t/xx/e.txt"]
    assert names(s3fs.find("bucket/t")) == everything
    assert names(s3fs.find("bucket/t/x")) == ["t/x/c.txt", "t/x/y/d.txt"]
    assert names(s3fs.find("bucket/t", maxdepth=1)) == ["t/a.txt", "t/b.csv"]
    assert names(s3fs.find("bucket/t", prefix="x")) == everything[2:]
    assert names(s3fs.find("bucket/t/x", withdirs=True)) == [
        "t/x",
        *everything[2:3],
        "t/x/y",
        *everything[3:4],
    ]
    assert names(s3fs.glob("bucket/t/*.txt")) == ["t/a.txt"]
    assert names(s3fs.glob("bucket/t/**/*.txt")) == [n for n in everything if n.endswith("txt")]
    assert names(s3fs.glob("bucket/t/x*/*")) == ["t/x/c.txt", "t/x/y", "t/xx/e.txt"]
    assert s3fs.glob("bucket/t/none*") == []
    walked = [(path, sorted(dirs), sorted(files)) for path, dirs, files in s3fs.walk("bucket/t")]
    assert walked[0] == ("bucket/t", ["x", "xx"], ["a.txt", "b.csv"])
    assert ("bucket/t/x/y", [], ["d.txt"]) in walked
    assert s3fs.du("bucket/t") == 5 + 5 + 7 + 9 + 8
    assert s3fs.du("bucket/t", total=False)["bucket/t/x/c.txt"] == 7
    assert s3fs.find("bucket/t/missing") == []
    with pytest.raises(FileNotFoundError):
        s3fs.ls("bucket/t/missing")
    with pytest.raises(StorageUnsupportedError, match="name one"):
        s3fs.ls("")


def test_descriptions(s3fs: Any) -> None:
    s3fs.pipe_file("bucket/t/a", b"hello", content_type="text/plain", metadata={"mine": "1"})
    entry = s3fs.info("s3://bucket/t/a")
    assert (entry["name"], entry["size"], entry["type"]) == ("bucket/t/a", 5, "file")
    assert (entry["ContentType"], entry["metadata"]) == ("text/plain", {"mine": "1"})
    assert s3fs.info("bucket/t") == {"name": "bucket/t", "size": 0, "type": "directory"}
    assert s3fs.info("bucket")["type"] == "directory"
    assert s3fs.exists("bucket/t/a") and s3fs.exists("bucket/t") and not s3fs.exists("bucket/q")
    assert not s3fs.exists("bucket/t/a/") and not s3fs.exists("no-such-bucket/a")
    assert s3fs.isfile("bucket/t/a") and not s3fs.isdir("bucket/t/a")
    assert s3fs.isdir("bucket/t") and not s3fs.isfile("bucket/t")
    modified = s3fs.modified("bucket/t/a")
    assert isinstance(modified, datetime) and s3fs.created("bucket/t/a") == modified
    checksum = s3fs.checksum("bucket/t/a")
    assert checksum == 0x5D41402ABC4B2A76B9719D911017C592
    s3fs.pipe("bucket/t/a", b"other")
    assert s3fs.checksum("bucket/t/a") != checksum
    assert s3fs.sign("bucket/t/a", expiration=60).startswith("http")
    assert s3fs.unstrip_protocol("bucket/t/a") == "undaunted+s3://bucket/t/a"


def test_errors_say_what_and_where(s3fs: Any, server: RealS3) -> None:
    for act in (s3fs.info, s3fs.cat, s3fs.open, s3fs.ls, s3fs.rm, s3fs.size, s3fs.checksum):
        with pytest.raises(FileNotFoundError) as caught:
            act("s3://bucket/t/missing")
        assert caught.value.filename == "bucket/t/missing", act
        assert caught.value.errno == errno.ENOENT
        assert str(caught.value) == "[Errno 2] No such file or directory: 'bucket/t/missing'"
    wrong = S3FileSystem(**{**server.options, "aws_secret_access_key": "wrong"})
    for act in (wrong.info, wrong.exists, wrong.isdir, wrong.find, wrong.open):
        with pytest.raises(PermissionError) as denied:
            act("bucket/t/a")
        assert denied.value.errno == errno.EACCES
    unreachable = S3FileSystem(
        **{**server.options, "aws_endpoint": "http://127.0.0.1:9"}, retry={"max_retries": 0}
    )
    for act in (unreachable.exists, unreachable.isfile, unreachable.find, unreachable.ls):
        with pytest.raises(ConnectionError):
            act("bucket/t/a")
    with pytest.raises(ConnectionError):
        list(unreachable.walk("bucket/t"))
    tree(s3fs, "bucket/t")
    with pytest.raises(IsADirectoryError):
        s3fs.rm("bucket/t/x")
    with pytest.raises(IsADirectoryError):
        s3fs.open("bucket", "wb")
    with pytest.raises(TypeError, match="colour"):
        s3fs.open("bucket/t/a", "wb", colour="red")


def test_copies_moves_and_deletes(s3fs: Any) -> None:
    tree(s3fs, "bucket/t/from")
    s3fs.cp("bucket/t/from", "bucket/t/to", recursive=True)
    assert len(s3fs.find("bucket/t/to")) == 5
    s3fs.mv("bucket/t/to", "bucket/t/there", recursive=True)
    assert s3fs.find("bucket/t/to") == [] and len(s3fs.find("bucket/t/there")) == 5
    s3fs.mv("bucket/t/there/a.txt", "bucket/t/there/a2.txt")
    assert s3fs.cat("bucket/t/there/a2.txt") == b"a.txt"
    assert not s3fs.exists("bucket/t/there/a.txt")
    # Onto itself, in two spellings: nothing is lost.
    s3fs.mv("bucket/t/there/a2.txt", "s3://bucket/t/there/a2.txt")
    s3fs.cp("bucket/t/there/a2.txt", "bucket/t/there/a2.txt")
    assert s3fs.cat("bucket/t/there/a2.txt") == b"a.txt"
    with pytest.raises(FileNotFoundError):
        s3fs.mv("bucket/t/missing", "bucket/t/x")
    s3fs.rm("bucket/t/there/*.txt")
    assert s3fs.find("bucket/t/there", maxdepth=1) == ["bucket/t/there/b.csv"]
    s3fs.rm(["bucket/t/there", "bucket/t/from/a.txt"], recursive=True)
    assert s3fs.find("bucket/t/there") == []
    s3fs.rm_file("bucket/t/from/b.csv")
    assert len(s3fs.find("bucket/t/from")) == 3
    s3fs.touch("bucket/t/empty")
    assert s3fs.size("bucket/t/empty") == 0
    with pytest.raises(StorageUnsupportedError):
        s3fs.touch("bucket/t/empty", truncate=False)


def test_directories_need_no_making(s3fs: Any) -> None:
    s3fs.mkdir("bucket/t/new")
    s3fs.makedirs("bucket/t/new/er", exist_ok=True)
    s3fs.rmdir("bucket/t/new")
    with pytest.raises(FileExistsError):
        s3fs.mkdir("bucket")
    s3fs.touch("bucket/t/new/a")
    with pytest.raises(FileExistsError):
        s3fs.makedirs("bucket/t/new")
    with pytest.raises(OSError) as caught:
        s3fs.rmdir("bucket/t/new")
    assert caught.value.errno == errno.ENOTEMPTY
    with pytest.raises(StorageUnsupportedError):
        s3fs.mkdir("another-bucket")


class Counting(Callback):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def call(self, *_: object, **__: object) -> None:
        self.seen.append(self.value)

    def branched(self, *_: object, **__: object) -> Counting:
        return self


def test_transfers_report_their_progress(s3fs: Any, tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_bytes(b"x" * (2 * PART))
    up, down = Counting(), Counting()
    s3fs.put_file(str(source), "bucket/t/a.csv", callback=up)
    assert (up.size, up.value) == (2 * PART, 2 * PART)
    assert s3fs.info("bucket/t/a.csv")["ContentType"] == "text/csv"
    target = tmp_path / "deep" / "b.csv"
    s3fs.get_file("bucket/t/a.csv", str(target), callback=down)
    assert (down.size, down.value) == (2 * PART, 2 * PART)
    assert target.read_bytes() == source.read_bytes()
    assert [path.name for path in target.parent.iterdir()] == ["b.csv"]
    opened = io.BytesIO()
    s3fs.get_file("bucket/t/a.csv", opened)
    assert opened.tell() == 2 * PART


def test_a_download_that_fails_leaves_the_old_file(s3fs: Any, tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.write_bytes(b"old")
    s3fs.pipe("bucket/t/a", b"x" * PART)

    class Breaking(Callback):
        def relative_update(self, inc: int = 1) -> None:
            raise KeyError

    with pytest.raises(KeyError):
        s3fs.get_file("bucket/t/a", str(target), callback=Breaking())
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_transactions(s3fs: Any, tmp_path: Path) -> None:
    local = tmp_path / "local"
    local.write_bytes(b"local")

    def write() -> None:
        with s3fs.open("bucket/t/small", "wb") as file:
            file.write(b"small")
        with s3fs.open("bucket/t/large", "wb", block_size=PART) as file:
            file.write(b"l" * (2 * PART))
        with s3fs.open("bucket/t/zipped", "wt", compression="gzip") as file:
            file.write("zipped")
        s3fs.pipe("bucket/t/piped", b"piped")
        s3fs.put_file(str(local), "bucket/t/put")
        assert s3fs.find("bucket/t") == []

    with pytest.raises(KeyError), s3fs.transaction:
        write()
        raise KeyError
    assert s3fs.find("bucket/t") == []
    with s3fs.transaction:
        write()
        with contextlib.suppress(KeyError), s3fs.open("bucket/t/failed", "wb") as file:
            file.write(b"half")
            raise KeyError
    names = ["large", "piped", "put", "small", "zipped"]
    assert s3fs.find("bucket/t") == [f"bucket/t/{name}" for name in names]
    assert s3fs.size("bucket/t/large") == 2 * PART


def test_listings_are_cached_if_asked_for(server: RealS3, s3fs: Any) -> None:
    cached: Any = S3FileSystem(**server.options, use_listings_cache=True)
    s3fs.pipe("bucket/t/a", b"a")
    assert len(cached.ls("bucket/t")) == 1
    s3fs.pipe("bucket/t/b", b"b")
    assert len(cached.ls("bucket/t")) == 1 and len(s3fs.ls("bucket/t")) == 2
    assert len(cached.ls("bucket/t", refresh=True)) == 2
    cached.pipe("bucket/t/c", b"c")
    assert len(cached.ls("bucket/t")) == 3
    cached.rm("bucket/t/c")
    assert not cached.exists("bucket/t/c") and len(cached.ls("bucket/t")) == 2


def test_instances_are_cached(server: RealS3) -> None:
    options: Any = server.options
    assert S3FileSystem(**options) is S3FileSystem(**options)
    assert S3FileSystem(**options) is not S3FileSystem(**options, retry={"max_retries": 1})
    assert FileSystem("s3", **options) is S3FileSystem(**options)
    assert isinstance(FileSystem("gs"), FileSystem)
    # Two budgets look alike, and are not one.
    retry = RetryConfig.storage
    first = RetryConfig(budget=RetryBudget())
    second = RetryConfig(budget=RetryBudget())
    assert S3FileSystem(**options, retry=first) is not S3FileSystem(**options, retry=second)
    assert S3FileSystem(**options, retry=first) == S3FileSystem(**options, retry=first)
    assert S3FileSystem(**options, retry=first) != S3FileSystem(**options, retry=second)
    assert S3FileSystem(**options, retry=retry()) == S3FileSystem(**options)


def test_coroutines(server: RealS3, s3fs: Any) -> None:
    async def main() -> None:
        fs: Any = S3FileSystem(**server.options, asynchronous=True)
        await fs._pipe("bucket/t/a", b"hello")
        assert await fs._cat("bucket/t/a") == b"hello"
        assert await fs._find("bucket/t") == ["bucket/t/a"]
        content = bytes(range(256)) * 100_000
        async with await fs.open_async("bucket/t/b", "wb", block_size=PART) as file:
            for start in range(0, len(content), 1_000_000):
                await file.write(content[start : start + 1_000_000])
        async with await fs.open_async("bucket/t/b") as file:
            assert await file.read(1000) == content[:1000]
            assert await file.read(5) == content[1000:1005]
            file.seek(2_000_000)
            assert await file.read(7) == content[2_000_000:2_000_007]
            assert await file.read() == content[2_000_007:]
            assert await file.read(1) == b""
        with pytest.raises(KeyError):
            async with await fs.open_async("bucket/t/c", "wb", block_size=PART) as file:
                await file.write(content)
                raise KeyError
        assert not await fs._exists("bucket/t/c")
        async with await fs.open_async("bucket/t/empty", "wb"):
            pass
        assert await fs._size("bucket/t/empty") == 0
        with pytest.raises(FileNotFoundError):
            await fs.open_async("bucket/t/missing")
        await fs._rm("bucket/t", recursive=True)
        assert not await fs._exists("bucket/t")

    asyncio.run(main())
    # In another event loop, with the same connections.
    asyncio.run(main())


def test_a_mapper(memory: Any) -> None:
    mapper = memory.get_mapper("root")
    mapper["a/b"] = b"1"
    assert (dict(mapper), "a/b" in mapper, len(mapper)) == ({"a/b": b"1"}, True, 1)
    with pytest.raises(KeyError):
        mapper["missing"]
    del mapper["a/b"]
    assert list(mapper) == []


def test_an_unfinished_file_is_not_committed(memory: Any) -> None:
    file: Any = None
    with pytest.raises(ValueError, match="still open"), memory.transaction:
        file = memory.open("a", "wb")
        file.write(b"a")
    assert isinstance(file, File)
    file.close()
    assert not memory.exists("a")
