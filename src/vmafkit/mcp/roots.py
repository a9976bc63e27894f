"""What a call may read and write: named roots for reading, one folder for writing.

A name is resolved once, then walked from the root's own handle without following a link, so a
link that is swapped between the check and the use is never followed. The file stays open for
the whole call, and at the end its name must still lead to it, with no sign that it led elsewhere
meanwhile; else the result is withheld.
What is written goes into a new folder of the call's own, under a bare file name.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from vmafkit import fsio
from vmafkit.errors import Changed, InputError, OutputError, Refused, Unreadable, UsageError
from vmafkit.mcp import leftovers
from vmafkit.media.hashing import show

_PROTOCOL = re.compile(r"[A-Za-z][A-Za-z0-9+.,-]*:")
_BARE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_ .()+-]{0,119}")
_LONGEST = 4096
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without waiting, since the other end of a pipe may never come.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# What it means when a name leads to something else now; other failures say nothing about that.
_ELSEWHERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
_TOO_MANY = (errno.EMFILE, errno.ENFILE)
_MOST_HELD = 65536


def is_inside(path: str, folder: str) -> bool:
    """Whether a resolved path is the resolved folder or lies below it."""
    return os.path.commonpath([path, folder]) == folder


@dataclass(frozen=True, slots=True)
class Root:
    """A folder that may be read.

    Attributes:
        name: as clients see it.
        path: resolved.
        handle: of the folder itself, whatever its name leads to later.
    """

    name: str
    path: str
    handle: int


@dataclass(frozen=True, slots=True)
class _Step:
    """A folder or file on the way to a file, as it was.

    Renaming and removing change an inode's status time, even when all is put back.
    """

    device: int
    inode: int
    status_ns: int
    content_ns: int

    @classmethod
    def of(cls, handle: int) -> _Step:
        """What is known of an open one."""
        found = os.fstat(handle)
        return cls(found.st_dev, found.st_ino, found.st_ctime_ns, found.st_mtime_ns)

    def has_stayed(self, now: _Step, *, is_folder: bool) -> bool:
        """Whether nobody moved or changed it; others may come and go in a folder."""
        if (self.device, self.inode) != (now.device, now.inode):
            return False
        busy = is_folder and self.content_ns != now.content_ns
        return busy or self.status_ns == now.status_ns


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file that a call reads.

    Attributes:
        path: resolved, below a root.
        handle: open for reading.
        way: the folders below the root, and the file.
    """

    path: Path
    handle: int
    root: Root
    way: tuple[_Step, ...] = ()

    def is_still_there(self) -> bool:
        """Whether its name leads to it and always did, with no link on the way. Raises: OSError."""
        try:
            if not os.path.samestat(os.lstat(self.root.path), os.fstat(self.root.handle)):
                return False
            again, way = _walk(self.root, str(self.path))
        except OSError as error:
            if error.errno in _ELSEWHERE:
                return False
            raise
        os.close(again)
        file = len(self.way) - 1
        return len(way) == len(self.way) and all(
            before.has_stayed(now, is_folder=number < file)
            for number, (before, now) in enumerate(zip(self.way, way, strict=True))
        )


class Roots:
    """The folders that a server may use.

    Args:
        read: folders, or `NAME=FOLDER`.
        out: the folder that gets a folder for each call that writes; it may be read too.

    Attributes:
        held: handles of the files that calls read now.
        most_held: how many there may be.

    Raises:
        UsageError: a folder is not there, or is the whole disk.
    """

    def __init__(self, read: Sequence[str], out: str) -> None:
        self.held: set[int] = set()
        self.most_held = _most_held()
        self.read = [_root(word) for word in read]
        self.out = _root(out, name="out", flag="--out")
        names = [root.name for root in self.all]
        for name in names:
            if names.count(name) > 1:
                raise UsageError(f"two roots have the name {name}", hint="write --root NAME=FOLDER")

    @property
    def all(self) -> list[Root]:
        """Every folder that may be read."""
        return [*self.read, self.out]

    def look_up(self, name: str) -> OpenFile:
        """Open a file for reading.

        Args:
            name: absolute; or relative to one of the roots, with or without the root's name as
                its first part.

        Raises:
            Refused: it leads out of the roots, is no name of a plain file, or names several.
            Unreadable: it is not there, or may not be read.
        """
        _check_text(name)
        found: list[OpenFile] = []
        last: OSError | None = None
        is_other = False
        places, leads_out = self._places(name)
        for root, real in places:
            try:
                handle, way = _walk(root, real)
            except OSError as error:
                last = error
                continue
            if stat.S_ISREG(os.fstat(handle).st_mode):
                found.append(OpenFile(Path(real), handle, root, way))
            else:
                os.close(handle)
                is_other = True
        if len(found) == 1:
            return found[0]
        for file in found:
            os.close(file.handle)
        if found:
            names = " and ".join(file.root.name for file in found)
            paths = " or ".join(show(file.path) for file in found)
            raise Refused(f"{_shown(name)} is in {names}", hint=f"name {paths}")
        if is_other:
            raise Refused(f"{_shown(name)} is not a plain file", hint="name one file")
        if leads_out:
            raise Refused(f"{_shown(name)} lies outside the roots", hint=self._hint())
        if last is not None and last.errno in _TOO_MANY:
            raise _too_many_files()
        if last is not None and last.errno not in (errno.ENOENT, errno.ENOTDIR):
            raise Unreadable(f"{_shown(name)} cannot be read: {last.strerror}")
        raise Unreadable(f"{_shown(name)} is not there", hint=self._hint())

    def _places(self, name: str) -> tuple[list[tuple[Root, str]], bool]:
        """Where a name may lead, below which root; and whether none of its ways stays in them."""
        path = Path(name)
        ways = [name] if path.is_absolute() else [f"{root.path}/{name}" for root in self.all]
        ways += [
            f"{root.path}/{name.partition('/')[2]}"
            for root in self.all
            if name.startswith(f"{root.name}/")
        ]
        found: dict[str, Root] = {}
        leads_out = False
        for way in ways:
            try:
                real = os.path.realpath(way)
            except OSError as error:
                # A link that goes away while it is read is told even by the lenient form.
                raise Refused(f"{_shown(name)} changed while it was looked up") from error
            inside = [root for root in self.all if is_inside(real, root.path)]
            if inside:
                found.setdefault(real, inside[0])
            leads_out = leads_out or not inside
        return [(root, real) for real, root in found.items()], leads_out

    def _hint(self) -> str:
        names = ", ".join(root.name for root in self.all)
        return f"files below {names} may be named, such as {self.all[0].name}/FILE"


@dataclass
class CallFiles:
    """The files of one call.

    Args:
        name: of the folder for what it writes, in the output root.
    """

    roots: Roots
    name: str
    _read: list[OpenFile] = field(default_factory=list[OpenFile])
    _names: list[str] = field(default_factory=list[str])
    _folder: OpenFile | None = None

    def read(self, name: str) -> Path:
        """A file to read, by its resolved path. Raises: Refused, Unreadable."""
        try:
            return self.hold(self.roots.look_up(name))
        except InputError:
            self.close()
            raise

    def hold(self, file: OpenFile) -> Path:
        """Keep an open file as one that this call reads. Raises: Refused: there are too many."""
        if any(file.path == each.path and file.way == each.way for each in self._read):
            os.close(file.handle)
        elif len(self.roots.held) >= self.roots.most_held:
            os.close(file.handle)
            raise _too_many_files()
        else:
            self._read.append(file)
            self.roots.held.add(file.handle)
        return file.path

    def beside(self, path: Path) -> None:
        """Hold a file that is read along with another, where it is there. Raises: Refused."""
        if os.path.lexists(path):
            self.read(str(path))

    def write(self, name: str) -> Path:
        """A new file in the call's own folder, which `begin` makes.

        Raises:
            Refused: it is more than a bare name, or is asked for twice.
        """
        if not _BARE_NAME.fullmatch(name) or name.endswith((".", " ")):
            self.close()
            raise Refused(
                f"{_shown(name)} is not a bare file name",
                hint="letters, digits, _ . + - and spaces; the server chooses the folder",
            )
        if name in self._names:
            raise Refused(f"{_shown(name)} is asked for twice", hint="name another file")
        self._names.append(name)
        return Path(self.roots.out.path) / self.name / name

    def write_if(self, name: str | None) -> Path | None:
        """As `write`, where there is a name."""
        return self.write(name) if name else None

    def read_if(self, name: str | None) -> Path | None:
        """As `read`, where there is a name."""
        return self.read(name) if name else None

    def begin(self) -> None:
        """Hold that all is as it was, and make the folder where anything is written.

        Raises:
            Changed: as `verify`.
            OutputError: the folder cannot be made, or somebody else made it.
        """
        self.verify()
        if not self._names:
            return
        root = self.roots.out
        path = Path(root.path) / self.name
        if os.path.lexists(path):
            raise OutputError(f"{show(path)} is there already")
        try:
            with leftovers.making_folder(root.handle):
                fsio.ensure_folder(path)
                handle = os.open(self.name, _FOLDER, dir_fd=root.handle)
                leftovers.mark(handle)
        except OSError as error:
            if error.errno in _TOO_MANY:
                raise _too_many_files() from error
            raise OutputError(f"{show(path)} is no folder of ours") from error
        self._folder = OpenFile(path, handle, root)
        if os.listdir(handle):  # noqa: PTH208
            raise OutputError(f"{show(path)} is no folder of ours")

    def written(self) -> list[Path]:
        """The files in the call's folder, whatever is in folders below included."""
        if self._folder is None:
            return []
        found = sorted(self._folder.path.rglob("*"))
        return [path for path in found if path.is_file() and not path.is_symlink()]

    def verify(self) -> None:
        """Hold that every name still leads to what was opened.

        Raises:
            Changed: a file or a folder on the way to it was put in its place.
            Unreadable: that cannot be told.
        """
        for each in self._read:
            try:
                is_still_there = each.is_still_there()
            except OSError as error:
                raise Unreadable(
                    f"{show(each.path)} cannot be looked up again: {error.strerror}",
                    hint="the result is withheld, since the file may have been replaced",
                ) from error
            if not is_still_there:
                raise Changed(
                    f"{show(each.path)} was replaced during the call",
                    hint="its result is withheld; run it again when the files are at rest",
                )
        folder = self._folder
        if folder is not None:
            try:
                same = os.path.samestat(os.lstat(folder.path), os.fstat(folder.handle))
            except OSError:
                same = False
            if not same:
                raise Changed(f"{show(folder.path)} was replaced during the call")

    def __del__(self) -> None:
        # A call that is refused halfway has opened files that no job will close.
        self.close()

    def close(self) -> None:
        """Let go of all files; an empty folder is removed."""
        for each in [*self._read, *([self._folder] if self._folder else [])]:
            # First, since another call may get the same number as soon as it is closed.
            self.roots.held.discard(each.handle)
            with suppress(OSError):
                os.close(each.handle)
        folder, self._folder = self._folder, None
        self._read.clear()
        if folder is not None:
            with suppress(OSError):
                if not os.listdir(folder.path):  # noqa: PTH208
                    fsio.remove_folder(folder.path)


def read_bytes(file: OpenFile, limit_bytes: int, *, offset: int = 0) -> bytes:
    """Bytes of an open file. Raises: Unreadable."""
    try:
        return os.pread(file.handle, limit_bytes, offset)
    except OSError as error:
        raise Unreadable(f"{show(file.path)} cannot be read: {error.strerror}") from error


def _most_held() -> int:
    """Three quarters of what this process may open; the rest is for its jobs and its client."""
    try:
        import resource
    except ImportError:
        return 1024
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST_HELD if soft == resource.RLIM_INFINITY else min(_MOST_HELD, soft * 3 // 4)


def _too_many_files() -> Refused:
    return Refused(
        "the calls that run hold as many files as the server may open",
        hint="wait for one to end, name fewer files, or raise the server's limit (ulimit -n)",
    )


def _root(word: str, name: str = "", *, flag: str = "--root") -> Root:
    given, separator, rest = word.partition("=")
    if not name and separator and re.fullmatch(r"[A-Za-z0-9_-]{1,40}", given):
        name, word = given, rest
    real = os.path.realpath(word)
    if real == os.path.sep:
        raise UsageError(f"{flag} / would open the whole disk", hint="name a folder below it")
    try:
        handle = os.open(real, _FOLDER)
    except OSError as error:
        is_absent = isinstance(error, FileNotFoundError)
        raise UsageError(
            f"{flag} {word} is no folder: {error.strerror}",
            hint="make it first, with mkdir" if is_absent else "name a folder",
        ) from error
    return Root(name or Path(real).name, real, handle)


def _walk(root: Root, real: str) -> tuple[int, tuple[_Step, ...]]:
    """Open a path below a root, step by step, following no link. Raises: OSError, Refused."""
    parts = Path(real).relative_to(root.path).parts
    if not parts or ".." in parts:
        raise Refused(f"{show(Path(real))} is a folder", hint="name one file in it")
    way: list[_Step] = []
    handle = os.open(".", _FOLDER, dir_fd=root.handle)
    try:
        for part in parts[:-1]:
            inner = os.open(part, _FOLDER, dir_fd=handle)
            os.close(handle)
            handle = inner
            way.append(_Step.of(handle))
        file = os.open(parts[-1], _FILE, dir_fd=handle)
    finally:
        os.close(handle)
    return file, (*way, _Step.of(file))


def _check_text(name: str) -> None:
    if not name or len(name) > _LONGEST or any(not c.isprintable() for c in name):
        raise Refused("a file name is empty, too long, or holds control characters")
    if _PROTOCOL.match(name):
        raise Refused(
            f"{_shown(name)} names a protocol", hint="plain paths only; ./a:b.mkv for a colon"
        )


def _shown(name: str) -> str:
    return show(Path(name.replace("\0", "\\0")[:200]))
