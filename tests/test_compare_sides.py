"""Rows that differ, side by side."""

from tracking.compare.results import RowDifference
from tracking.compare.sides import kept, sides


def different(source, copy, kind="different", key="{1}") -> RowDifference:
    return RowDifference(kind, key, source, copy, int(source is not None), int(copy is not None))


def test_columns_that_differ_come_first_and_are_marked():
    [row] = kept([different({"id": "1", "a": "x", "b": None}, {"id": "1", "a": "y", "b": None})])
    shown = sides(row)
    assert [cell.column for cell in shown.differing] == ["a"]
    assert [cell.column for cell in shown.same] == ["id", "b"]
    assert (shown.differing[0].primary, shown.differing[0].secondary) == ("x", "y")


def test_null_and_an_empty_text_differ():
    [row] = kept([different({"a": None}, {"a": ""})])
    assert sides(row).differing[0].primary is None and sides(row).differing[0].secondary == ""


def test_a_row_that_one_node_does_not_have_differs_in_every_column():
    [row] = kept([different({"id": "1", "a": None}, None, "missing")])
    shown = sides(row)
    assert (shown.on_primary, shown.on_secondary) == (True, False)
    assert len(shown.differing) == 2 and not shown.same


def test_of_a_long_value_the_place_is_kept_where_it_differs():
    here, there = "x" * 50_000 + "1" + "y" * 9, "x" * 50_000 + "2" + "y" * 9
    [row] = kept([different({"doc": here}, {"doc": there})])
    [cell] = sides(row).differing
    assert cell.primary.startswith("[50,010 characters, from number 49,801] xxx")
    assert cell.primary.endswith("1yyyyyyyyy") and cell.secondary.endswith("2yyyyyyyyy")
    assert len(cell.primary) < 1_100


def test_two_long_values_that_differ_only_beyond_what_is_kept_are_different_all_the_same():
    [row] = kept([different({"doc": "x" * 5_000}, {"doc": "x" * 5_000 + "y" * 5_000})])
    [cell] = sides(row).differing
    assert cell.differs and cell.primary.startswith("[5,000 characters, from number 4,801]")


def test_neither_many_rows_nor_wide_ones_are_kept_without_an_end():
    assert len(kept([different({"id": str(n)}, None) for n in range(500)])) == 100
    wide = {f"c{n}": "x" * 900 for n in range(200)}
    assert len(kept([different(wide, None)] * 100)) == 2


def test_what_an_earlier_version_has_kept_is_shown_too():
    shown = sides(
        {"kind": "different", "key": "{1}", "source": {"id": "1", "n": "2"}, "copy": {"id": "1", "n": "3"}}
    )
    assert [cell.column for cell in shown.differing] == ["n"] and [c.column for c in shown.same] == ["id"]
