"""Many changes at once, as the engine gives them to a carrier."""

import os
import threading
from datetime import UTC, datetime

from tests.trees import NOBODY, Tree, need_root, open_to_all, without_rights
from tracking.ifs.changelist import Entry
from tracking.ifs.local_carrier import LocalCarrier
from tracking.ifs.outcome import Carried
from tracking.ifs.place import Place
from tracking.ifs.roots import Root

NEVER = threading.Event()


def looked_at(root: Root, paths) -> list:
    carrier = LocalCarrier(Place(1, root), 1, 5.0)
    now = datetime.now(UTC)
    try:
        return carrier.look(
            [Entry(1, 1, os.fsencode(path), False, True, b"", "", 0, now, now) for path in paths], NEVER
        )
    finally:
        carrier.close()


def test_hundreds_of_changes_are_on_the_copy(tmp_path):
    tree = Tree(tmp_path)
    paths = [f"{number % 7}/{number}" for number in range(300)]
    for path in paths:
        tree.write(path, path.encode())
    assert {each.what for each in looked_at(tree.root, paths)} == {"created"}
    for number, path in enumerate(paths):
        if number % 3 == 0:
            os.unlink(tree.source / path)
        elif number % 3 == 1:
            tree.write(path, b"%d" % number)
    found = looked_at(tree.root, paths)
    assert [each.path.decode() for each in found] == paths
    assert [each.what for each in found[:6]] == ["removed", "content", "same"] * 2
    looked_at(tree.root, [str(number) for number in range(7)])
    tree.assert_same()
    tree.opened.close()


def test_names_of_one_file_are_one_file_whoever_is_carried_beside_them(tmp_path):
    tree = Tree(tmp_path)
    tree.write("first", b"x")
    for number in range(100):
        tree.write(f"{number}", b"x")
        os.link(tree.source / "first", tree.source / f"name {number}")
    names = ["first", *(f"name {number}" for number in range(100))]
    looked_at(tree.root, [*names, *map(str, range(100)), ""])
    tree.assert_same()
    tree.opened.close()


def test_somebody_without_rights_carries_many_files_of_a_directory_that_forbids_it():
    need_root()
    with open_to_all() as top:
        tree = Tree(top)
        paths = [f"closed/{number}" for number in range(200)]
        for path in paths:
            tree.write(path)
        os.chmod(tree.source / "closed", 0o555)
        os.chown(tree.source / "closed", NOBODY, NOBODY)
        tree.copy.chmod(0o777)
        for kept in (200, 100):
            for path in paths[kept:]:
                os.unlink(tree.source / path)
            found = without_rights(lambda: looked_at(tree.root, paths))
            assert {type(each) for each in found} == {Carried}, found
            assert len(os.listdir(tree.copy / "closed")) == kept
            assert (tree.copy / "closed").stat().st_mode & 0o777 == 0o555
        tree.opened.close()
