"""Real trees of files for the tests of tracking/ifs, and a look at them that shares no code with it."""

import hashlib
import os
import pickle
import shutil
import stat
import subprocess
import sys
import tempfile
import textwrap
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path

import pytest

from tracking.ifs.carry import carry
from tracking.ifs.opened import Opened
from tracking.ifs.outcome import Carried
from tracking.ifs.roots import Root

NOBODY = 65534
TOP = Path(__file__).resolve().parents[1]


class Tree:
    """A root with both ends, open; paths are bytes or text, relative."""

    def __init__(self, top, *exclusions):
        self.source, self.copy = top / "source", top / "copy"
        self.source.mkdir()
        self.copy.mkdir()
        self.root = Root(self.source, self.copy, exclusions)
        self.opened = Opened(self.root)

    def write(self, path, content=b"content", **kinds):
        """A file on the source, with the directories that lead to it."""
        return write(self.source, path, content)

    def carry(self, path, *arguments):
        """Carry one path; it has to go well."""
        outcome = carry(self.opened, path, *arguments)
        assert isinstance(outcome, Carried), outcome
        return outcome

    def assert_same(self):
        """Both trees are equal in everything that travels."""
        assert seen(self.copy) == seen(self.source)


def open_upwards(path):
    """Everybody may write to a path among the temporary files, and to all that leads there from these."""
    top = Path(tempfile.gettempdir())
    for each in (path, *takewhile(lambda parent: parent != top, path.parents)):
        os.chmod(each, 0o777)


def write(top, path, content=b"content"):
    """A file with the directories that lead to it; returns its whole path as bytes."""
    whole = os.path.join(os.fsencode(top), os.fsencode(path))
    os.makedirs(os.path.dirname(whole), exist_ok=True)
    with open(whole, "wb") as file:
        file.write(content)
    return whole


def seen(top):
    """Everything below a directory: path -> what can be known of it, also who shares an inode."""
    found, inodes = {}, {}
    for directory, names, files in os.walk(os.fsencode(top)):
        for name in [*names, *files, b""]:
            whole = os.path.join(directory, name) if name else directory
            path = os.path.relpath(whole, os.fsencode(top))
            status = os.lstat(whole)
            kind = stat.S_IFMT(status.st_mode)
            content = None
            if kind == stat.S_IFREG:
                with open(whole, "rb") as file:
                    content = hashlib.sha256(file.read()).hexdigest()
                if status.st_nlink > 1:
                    inodes.setdefault(status.st_ino, []).append(path)
            elif kind == stat.S_IFLNK:
                content = os.readlink(whole)
            attributes = {
                name: os.getxattr(whole, name, follow_symlinks=False)
                for name in os.listxattr(whole, follow_symlinks=False)
                if name.startswith(("user.", "trusted.", "system."))
            }
            mode = status.st_mode if kind != stat.S_IFLNK else kind
            times = status.st_mtime_ns
            found[path] = (mode, status.st_uid, status.st_gid, times, status.st_rdev, content, attributes)
    return found, sorted(sorted(names) for names in inodes.values())


def temporary_names(top):
    """What is left of unfinished work."""
    return [
        name
        for _, names, files in os.walk(os.fsencode(top))
        for name in [*names, *files]
        if b".mwa-ifs" in name
    ]


def without_rights(function):
    """Run a function as somebody who may nothing, and return its answer."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            answer = True, function()
        except BaseException as error:
            answer = False, repr(error)
        with os.fdopen(writer, "wb") as pipe:
            pickle.dump(answer, pipe)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        well, answer = pickle.load(pipe)
    os.waitpid(child, 0)
    assert well, answer
    return answer


def process(code, *arguments, **options):
    """A Python process that runs the code, with the arguments in `sys.argv`."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        cwd=TOP, stdout=subprocess.PIPE, text=True, **options,
    )  # fmt: skip


@contextmanager
def small_file_system(top, size="2m", inodes=None):
    """A tmpfs of that size; skips where we may not mount one."""
    top.mkdir()
    options = f"size={size}" + (f",nr_inodes={inodes}" if inodes else "")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", top], capture_output=True)
    if done.returncode:
        pytest.skip(f"may not mount a small file system: {done.stderr.decode().strip()}")
    try:
        yield top
    finally:
        subprocess.run(["umount", "--lazy", top], check=True)


def need_root():
    """Skip without root's rights."""
    if os.geteuid() != 0:
        pytest.skip("needs root's rights")


def need_acl(path):
    """Skip where there is no setfacl, or no ACLs."""
    if shutil.which("setfacl") is None:
        pytest.skip("setfacl is not installed")
    if subprocess.run(["setfacl", "-m", f"u:{NOBODY}:r", path], capture_output=True).returncode:
        pytest.skip("the file system has no ACLs")


@contextmanager
def open_to_all():
    """A temporary directory that others may enter."""
    top = Path(tempfile.mkdtemp(prefix="mwa-ifs-"))
    top.chmod(0o755)
    try:
        yield top
    finally:
        shutil.rmtree(top, ignore_errors=True)
