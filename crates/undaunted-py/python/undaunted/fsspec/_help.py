"""The docstrings of the methods of a file system that others define: fsspec names them, and our
coroutine functions do the work. It is one table, and so longer than other files.
"""

from __future__ import annotations


def set_help(cls: type) -> None:
    """Gives the methods of a class their docstrings."""
    for name, text in HELP.items():
        setattr(getattr(cls, name), "__doc__", text)


HELP = {
    "cat": """Fetches the content of a file, or of each of many.

    Args:
        path: The path of a file, a pattern, or a list of them.
        recursive: Whether a directory stands for all that is in it.
        on_error: ``"raise"``, or ``"return"`` for exceptions in place of contents, or ``"omit"``.
        batch_size: Files side by side; default: that of the file system.
        kwargs: As for :meth:`cat_file`.

    Raises:
        FileNotFoundError: If there is no such file.

    Example:
        >>> from undaunted.fsspec import FileSystem
        >>> fs = FileSystem("memory")
        >>> fs.pipe({"cat/a.csv": b"1,2", "cat/b.csv": b"1,2"})
        >>> fs.cat("cat/*.csv")
        {'cat/a.csv': b'1,2', 'cat/b.csv': b'1,2'}
    """,
    "cat_file": """The content of a file, or of a part of it.

    Args:
        path: The path of the file, with the bucket.
        start: Where the part begins; negative from the end.
        end: Where it ends; negative from the end.

    Raises:
        FileNotFoundError: If there is no such file.

    Example:
        >>> from undaunted.fsspec import FileSystem
        >>> fs = FileSystem("memory")
        >>> fs.pipe({"cat-file/a.csv": b"1,2"})
        >>> fs.cat_file("cat-file/a.csv", start=-1)
        b'2'
    """,
    "cat_ranges": """Parts of files. Those of a file that are at most ``max_gap`` bytes apart are
    read by one request.

    Args:
        paths: The path of the file, for each part.
        starts: Where the parts begin; one number is for all.
        ends: Where they end; one number is for all.
        max_gap: Default: 64 KiB.
        batch_size: Files side by side; default: that of the file system.
        on_error: ``"return"`` for exceptions in place of parts, or ``"raise"``.
        kwargs: Not used.

    Raises:
        ValueError: If there are not as many starts and ends as paths.
        TypeError: If ``paths`` is no list.

    Example:
        >>> from undaunted.fsspec import FileSystem
        >>> fs = FileSystem("memory")
        >>> fs.pipe({"cat-ranges/a.csv": b"1,2"})
        >>> fs.cat_ranges(["cat-ranges/a.csv"] * 2, [0, 2], [1, 3])
        [b'1', b'2']
    """,
    "copy": """Copies files, within a bucket by the service itself.

    Args:
        path1: The path of a file or a directory, a pattern, or a list of them.
        path2: Where it is copied to.
        recursive: Whether a directory stands for all that is in it.
        on_error: ``"ignore"`` to leave out what is missing.
        maxdepth: The depth to which directories are followed; default: all.
        batch_size: Files side by side; default: that of the file system.
        kwargs: Not used.

    Raises:
        FileNotFoundError: If there is no such file.

    Example:
        >>> from undaunted.fsspec import FileSystem
        >>> fs = FileSystem("memory")
        >>> fs.pipe({"copy/a.csv": b"1,2"})
        >>> fs.copy("copy/a.csv", "copy/b.csv")
        >>> fs.ls("copy", detail=False)
        ['copy/a.csv', 'copy/b.csv']
    """,
    "cp_file": """Copies one file.

    Args:
        path1: The path of the file.
        path2: The path that the copy gets.
        copied: A list that gets the path of the file once it is copied.

    Raises:
        FileNotFoundError: If there is no such file.

    Example:
        >>> from undaunted.fsspec import FileSystem
        >>> fs = FileSystem("memory")
        >>> fs.pipe({"cp-file/a.csv": b"1,2"})
        >>> fs.cp_file("cp-file/a.csv", "cp-file/b.csv")
        >>> fs.cat_file("cp-file/b.csv")
        b'1,2'
    """,
    "du": """The bytes of a file, or of all files in a directory.

    Args:
        path: The path of a file or a directory.
        total: Whether there is one sum, or the size of each file.
        maxdepth: The depth to which directories are followed; default: all.
        withdirs: Whether directories are among the sizes.
        kwargs: As for :meth:`find`.

    Raises:
        StorageError: If the storage fails, so that nobody knows.

    Example:
        >>> from undaunted.fsspec import FileSystem
        >>> fs = FileSystem("memory")
        >>> fs.pipe({"du/a.csv": b"1,2", "du/b.csv": b"1,2"})
        >>> fs.du("du")
        6
    """,
    "exists": """Whether there is a file or a directory.

    Args:
        path: The path, with the bucket.
        kwargs: As for :meth:`info`.

    Raises:
        StorageError: If the storage fails, so that nobody knows.

    Example:
        >>> from undaunted.fsspec import FileSystem
        >>> fs = FileSystem("memory")
        >>> fs.pipe({"exists/a.csv": b"1,2"})
        >>> fs.exists("exists/a.csv"), fs.exists("exists/b.csv")
        (True, False)
    """,
    "expand_path": """The paths that patterns and directories stand for.

    Args:
        path: A path, a pattern, or a list of them.
        recursive: Whether a directory stands for all that is in it.
        maxdepth: The depth to which directories are followed; default: all.
        assume_literal: Whether ``*``, ``?`` and ``[`` stand for themselves.

    Raises:
        FileNotFoundError: If there is no such file.

    Example:
        >>> from undaunted.fsspec import FileSystem
        >>> fs = FileSystem("memory")
        >>> fs.pipe({"expand-path/a.csv": b"1,2", "expand-path/b.csv": b"1,2"})
        >>> fs.expand_path("expand-path/*.csv")
        ['expand-path/a.csv', 'expand-path/b.csv']
    """,
    "find": """The files in a directory, at any depth, by name. Without ``maxdepth`` this
    is one list.

    Args:
        path: The path of the directory.
        maxdepth: The depth to which directories are followed; default: all.
        withdirs: Whether directories are among them.
        detail: Whether each has its description.
        prefix: What names within the directory begin with.
        kwargs: ``refresh``, for lists that are not cached.

    Raises:
        ValueError: If ``maxdepth`` is less than 1.
        StorageError: If the storage fails, so that nobody knows.

    Example:
        >>> from undaunted.fsspec import FileSystem
        >>> fs = FileSystem("memory")
        >>> fs.pipe({"find/a.csv": b"1,2", "find/2026/b.csv": b"1,2"})
        >>> fs.find("find")
        ['find/2026/b.csv', 'find/a.csv']
    """,
    "get": """Downloads files. A local file appears, or is replaced, only once it is
    complete.

    Args:
        rpath: The path of a file or a directory, a pattern, or a list of them.
        lpath: The local path, or a list of them.
        recursive: Whether a directory stands for all that is in it.
        callback: An fsspec callback for progress.
        maxdepth: The depth to which directories are followed; default: all.
        batch_size: Files side by side; default: that of the file system.
        kwargs: As for :meth:`get_file`.

    Raises:
        FileNotFoundError: If there is no such file.
        OSError: If a local file cannot be written.

    Example:
        >>> from undaunted.fsspec import FileSystem
        >>> fs = FileSystem("memory")
        >>> fs.pipe({"get/a.csv": b"1,2"})
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     fs.get("get/a.csv", f"{folder}/a.csv")
        ...     pathlib.Path(folder, "a.csv").read_bytes()
        b'1,2'
    """,
    "get_file": """Downloads one file. The local file appears, or is replaced, only once it is
    complete.

    Args:
        rpath: The path of the file, with the bucket.
        lpath: The local path, or a file that is open for writing.
        callback: An fsspec callback for progress.

    Raises:
        FileNotFoundError: If there is no such file.
        OSError: If the local file cannot be written.

    Example:
        >>> from undaunted.fsspec import FileSystem
        >>> fs = FileSystem("memory")
        >>> fs.pipe({"get-file/a.csv": b"1,2"})
        >>> import io
        >>> file = io.BytesIO()
        >>> fs.get_file("get-file/a.csv", file)
        >>> file.getvalue()
        b'1,2'
    """,
    "glob": """The paths that a pattern stands for.

    Args:
        path: The pattern, with ``*``, ``**``, ``?`` and ``[``.
        maxdepth: The depth to which directories are followed; default: all.
        kwargs: ``detail``, for the description of each.

    Raises:
        StorageError: If the storage fails, so that nobody knows.

    Example:
        >>> from undaunted.fsspec import FileSystem
        >>> fs = FileSystem("memory")
        >>> fs.pipe({"glob/a.csv": b"1,2", "glob/2026/b.csv": b"1,2"})
        >>> fs.glob("glob/**/*.csv")
        ['glob/2026/b.csv', 'glob/a.csv']
    """,
    "info": """The description of a file or a directory: its name, size and type, and of a
    file ``ETag``, ``LastModified``, ``ContentType`` and metadata.

    Args:
        path: The path, with the bucket.
        refresh: Whether cached lists are passed by.

    Raises:
        FileNotFoundError: If there is no such file.

    Example:
        >>> from undaunted.fsspec import FileSystem
        >>> fs = FileSystem("memory")
        >>> fs.pipe({"info/a.csv": b"1,2"})
        >>> fs.info("info/a.csv")["size"], fs.info("info")["type"]
        (3, 'directory')
    """,
    "isdir": """Whether there is a directory.

    Args:
        path: The path, with the bucket.

    Raises:
        StorageError: If the storage fails, so that nobody knows.

    Example:
        >>> from undaunted.fsspec import FileSystem
        >>> fs = FileSystem("memory")
        >>> fs.pipe({"isdir/a.csv": b"1,2"})
        >>> fs.isdir("isdir"), fs.isdir("isdir/a.csv")
        (True, False)
    """,
    "isfile": """Whether there is a file.

    Args:
        path: The path, with the bucket.

    Raises:
        StorageError: If the storage fails, so that nobody knows.

    Example:
        >>> from undaunted.fsspec import FileSystem
        >>> fs = FileSystem("memory")
        >>> fs.pipe({"isfile/a.csv": b"1,2"})
        >>> fs.isfile("isfile"), fs.isfile("isfile/a.csv")
        (False, True)
    """,
    "ls": """What is directly in a directory.

    Args:
        path: The path of the directory.
        detail: Whether each has its description.
        refresh: Whether cached lists are passed by.

    Raises:
        FileNotFoundError: If there is no such directory.

    Example:
        >>> from undaunted.fsspec import FileSystem
        >>> fs = FileSystem("memory")
        >>> fs.pipe({"ls/a.csv": b"1,2", "ls/2026/b.csv": b"1,2"})
        >>> fs.ls("ls", detail=False)
        ['ls/2026', 'ls/a.csv']
    """,
    "makedirs": """Does nothing: a directory exists while there is a file in it.

    Args:
        path: The path of the directory.
        exist_ok: Whether it may exist.

    Raises:
        FileExistsError: If it exists and may not.

    Example:
        >>> from undaunted.fsspec import FileSystem
        >>> fs = FileSystem("memory")
        >>> fs.makedirs("makedirs/new/deep")
    """,
    "mkdir": """Does nothing: a directory exists while there is a file in it.

    Args:
        path: The path of the directory.
        create_parents: Has no effect.

    Raises:
        FileExistsError: If it is a bucket that exists.
        StorageUnsupportedError: If it is a bucket that does not: none can be created here.

    Example:
        >>> from undaunted.fsspec import FileSystem
        >>> fs = FileSystem("memory")
        >>> fs.mkdir("mkdir/new")
    """,
    "pipe": """Writes files from memory.

    Args:
        path: The path of a file, or a mapping of paths to contents.
        value: The content of the one file.
        batch_size: Files side by side; default: that of the file system.
        kwargs: As for :meth:`pipe_file`.

    Raises:
        StorageError: If a file could not be written.

    Example:
        >>> from undaunted.fsspec import FileSystem
        >>> fs = FileSystem("memory")
        >>> fs.pipe({"pipe/a.csv": b"1,2", "pipe/b.csv": b"3,4"})
        >>> fs.cat_file("pipe/b.csv")
        b'3,4'
    """,
    "pipe_file": """Writes a file from memory.

    Args:
        path: The path of the file, with the bucket.
        value: The content.
        mode: ``"create"`` if no file may be replaced.
        content_type: The type of the content.
        metadata: Your own names and values.

    Raises:
        FileExistsError: If the mode is ``"create"`` and the file exists.
        StorageError: If it could not be written.

    Example:
        >>> from undaunted.fsspec import FileSystem
        >>> fs = FileSystem("memory")
        >>> fs.pipe_file("pipe-file/a.csv", b"1,2", content_type="text/csv")
        >>> fs.size("pipe-file/a.csv")
        3
    """,
    "put": """Uploads files. A file that fails leaves no parts.

    Args:
        lpath: The local path of a file or a directory, a pattern, or a list of them.
        rpath: Where it is uploaded to.
        recursive: Whether a directory stands for all that is in it.
        callback: An fsspec callback for progress.
        batch_size: Files side by side; default: that of the file system.
        maxdepth: The depth to which directories are followed; default: all.
        kwargs: As for :meth:`put_file`.

    Raises:
        FileNotFoundError: If there is no such local file.
        StorageError: If a file could not be written.

    Example:
        >>> from undaunted.fsspec import FileSystem
        >>> fs = FileSystem("memory")
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     local = pathlib.Path(folder, "a.csv")
        ...     written = local.write_bytes(b"1,2")
        ...     fs.put(str(local), "put/a.csv")
        >>> fs.cat_file("put/a.csv")
        b'1,2'
    """,
    "put_file": """Uploads one file, in parts if it is large.

    Args:
        lpath: The local path of the file.
        rpath: The path that it gets.
        mode: ``"create"`` if no file may be replaced.
        callback: An fsspec callback for progress.
        content_type: The type of the content.
        metadata: Your own names and values.

    Raises:
        FileNotFoundError: If there is no such local file.
        FileExistsError: If the mode is ``"create"`` and the file exists.

    Example:
        >>> from undaunted.fsspec import FileSystem
        >>> fs = FileSystem("memory")
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     local = pathlib.Path(folder, "a.csv")
        ...     written = local.write_bytes(b"1,2")
        ...     fs.put_file(str(local), "put-file/a.csv")
        >>> fs.cat_file("put-file/a.csv")
        b'1,2'
    """,
    "rm": """Deletes files, many in a request where the service can.

    Args:
        path: The path of a file or a directory, a pattern, or a list of them.
        recursive: Whether a directory stands for all that is in it.
        batch_size: Files side by side; default: that of the file system.
        maxdepth: The depth to which directories are followed; default: all.
        kwargs: Not used.

    Raises:
        FileNotFoundError: If there is no such file.
        IsADirectoryError: If it is a directory and ``recursive`` is false.

    Example:
        >>> from undaunted.fsspec import FileSystem
        >>> fs = FileSystem("memory")
        >>> fs.pipe({"rm/a.csv": b"1,2", "rm/2026/b.csv": b"1,2"})
        >>> fs.rm("rm", recursive=True)
        >>> fs.exists("rm")
        False
    """,
    "rm_file": """Deletes one file. One that does not exist is no error: services do not tell.

    Args:
        path: The path of the file, with the bucket.

    Raises:
        StoragePermissionError: If the credentials do not allow it.

    Example:
        >>> from undaunted.fsspec import FileSystem
        >>> fs = FileSystem("memory")
        >>> fs.pipe({"rm-file/a.csv": b"1,2"})
        >>> fs.rm_file("rm-file/a.csv")
        >>> fs.exists("rm-file/a.csv")
        False
    """,
    "size": """The bytes of a file.

    Args:
        path: The path of the file, with the bucket.

    Raises:
        FileNotFoundError: If there is no such file.

    Example:
        >>> from undaunted.fsspec import FileSystem
        >>> fs = FileSystem("memory")
        >>> fs.pipe({"size/a.csv": b"1,2"})
        >>> fs.size("size/a.csv")
        3
    """,
    "sizes": """The bytes of each of many files.

    Args:
        paths: The paths, with the bucket.
        batch_size: Files side by side; default: that of the file system.

    Raises:
        FileNotFoundError: If there is no such file.

    Example:
        >>> from undaunted.fsspec import FileSystem
        >>> fs = FileSystem("memory")
        >>> fs.pipe({"sizes/a.csv": b"1,2", "sizes/b.csv": b"1,2"})
        >>> fs.sizes(["sizes/a.csv", "sizes/b.csv"])
        [3, 3]
    """,
    "walk": """Each directory, with the names of the directories and files in it. What
    could not be listed is an error, unless it does not exist.

    Args:
        path: The path of the directory.
        maxdepth: The depth to which directories are followed; default: all.
        topdown: Whether a directory comes before those in it.
        on_error: ``"omit"``, ``"raise"`` or a function that gets the exception.
        kwargs: ``detail``, for descriptions.

    Raises:
        StorageError: If the storage fails, so that nobody knows.

    Example:
        >>> from undaunted.fsspec import FileSystem
        >>> fs = FileSystem("memory")
        >>> fs.pipe({"walk/a.csv": b"1,2", "walk/2026/b.csv": b"1,2"})
        >>> list(fs.walk("walk"))
        [('walk', ['2026'], ['a.csv']), ('walk/2026', [], ['b.csv'])]
    """,
    "unstrip_protocol": """The URL of a path.

    Args:
        name: The path, with the bucket.

    Raises:
        TypeError: If it is no path.

    Example:
        >>> from undaunted.fsspec import FileSystem
        >>> FileSystem("s3").unstrip_protocol("bucket/a.csv")
        's3://bucket/a.csv'
    """,
    "invalidate_cache": """Forgets the cached listings in which a path may be; without a path, all
    of them.

    Args:
        path: The path that another process has changed.

    Raises:
        TypeError: If it is no path.

    Example:
        >>> from undaunted.fsspec import FileSystem
        >>> fs = FileSystem("memory")
        >>> fs.pipe({"invalidate-cache/a.csv": b"1,2"})
        >>> fs.invalidate_cache("invalidate-cache/a.csv")
    """,
}
