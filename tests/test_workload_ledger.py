import struct
import time

import pytest

from mwaportal.workload import acknowledgements, gaps, ledger, shop
from mwaportal.workload.acknowledgements import LedgerFile, LedgerInUse

MS = 1_000_000


def write(directory, writer, records):
    """A ledger file by hand: (number, milliseconds) each."""
    data = b"".join(struct.pack("=qqq", number, at * MS, 7) for number, at in records)
    (directory / f"writer-{writer}.ledger").write_bytes(data)


@pytest.fixture
def sold(database, tmp_path):
    """A shop in which two writers have committed and acknowledged 1 to 100 each."""
    shop.create_roles(database.source_conninfo)
    shop.create(database.source)
    shop.fill(database.source_conninfo, 1000)
    database.source.execute("""
        insert into ledger select w, n from generate_series(1, 2) w, generate_series(1, 100) n;
        insert into warehouse.movements (writer, number, product_id, quantity)
        select writer, number, 1 + number % 3, 2 from ledger;
        update warehouse.stock s set quantity = initial - (
            select sum(m.quantity) from warehouse.movements m where m.product_id = s.product_id)
    """)
    for writer in (1, 2):
        write(tmp_path, writer, [(n, n) for n in range(1, 101)])
    return database.source


def verdict(report):
    return report.lost, report.duplicated, report.unacknowledged


def test_a_faithful_node_shows_nothing_lost_and_nothing_duplicated(sold, tmp_path):
    report = ledger.check(tmp_path, sold)
    assert report.acknowledged == 200
    assert verdict(report) == (0, 0, 0) and report.examples == []


def test_a_lost_transaction_is_found(sold, tmp_path):
    sold.execute("delete from ledger where writer = 2 and number in (7, 8, 51)")
    sold.execute("delete from warehouse.movements where writer = 2 and number in (7, 8, 51)")
    sold.execute("update warehouse.stock set quantity = quantity + 2")  # as if they had never been
    report = ledger.check(tmp_path, sold)
    assert verdict(report) == (3, 0, 0)
    assert report.examples[0] == "writer 2: 2 acknowledged from 7 on are not there"


def test_a_lost_ledger_row_is_found_once(sold, tmp_path):
    sold.execute("delete from ledger where writer = 1 and number = 100")
    report = ledger.check(tmp_path, sold)
    assert verdict(report) == (1, 0, 0)
    assert report.examples == ["writer 1, 100 to 100: 0 ledger rows, 1 movements each"]


def test_a_lost_movement_is_found_with_the_stock_it_should_have_changed(sold, tmp_path):
    sold.execute("delete from warehouse.movements where writer = 1 and number = 9")
    assert verdict(ledger.check(tmp_path, sold)) == (1, 1, 0)


def test_a_movement_that_was_made_twice_is_found(sold, tmp_path):
    sold.execute("""
        insert into warehouse.movements (writer, number, product_id, quantity)
        select writer, number, product_id, quantity from warehouse.movements where writer = 1 and number = 9;
        update warehouse.stock set quantity = quantity - 2 where product_id = 1
    """)
    assert verdict(ledger.check(tmp_path, sold)) == (0, 1, 0)


def test_a_doubled_row_is_found_where_the_copy_lacks_the_key_that_forbids_it(sold, tmp_path):
    sold.execute("alter table ledger drop constraint ledger_pkey")
    sold.execute("insert into ledger select * from ledger where number = 5")
    assert verdict(ledger.check(tmp_path, sold)) == (0, 2, 0)


@pytest.mark.parametrize(("change", "found"), [(+1, (1, 0, 0)), (-1, (0, 1, 0))])
def test_a_stock_that_its_movements_do_not_explain_is_found(sold, tmp_path, change, found):
    sold.execute("update warehouse.stock set quantity = quantity + %s where product_id = 2", (change,))
    report = ledger.check(tmp_path, sold)
    assert verdict(report) == found
    assert report.examples[0].startswith("product 2: ")


def test_what_was_committed_but_never_acknowledged_is_legal(sold, tmp_path):
    write(tmp_path, 1, [(n, n) for n in range(1, 101) if n not in (3, 100)])
    report = ledger.check(tmp_path, sold)
    assert report.acknowledged == 198
    assert verdict(report) == (0, 0, 2)


def test_a_writer_of_whom_the_node_knows_nothing_has_lost_everything(sold, tmp_path):
    write(tmp_path, 3, [(1, 1), (2, 2)])
    assert verdict(ledger.check(tmp_path, sold)) == (2, 0, 0)


def test_the_gap_is_the_longest_time_in_which_no_writer_was_served(tmp_path):
    write(tmp_path, 1, [(1, 1000), (2, 1100), (3, 1500), (4, 1600)])
    write(tmp_path, 2, [(1, 1050), (2, 1200), (3, 1550), (4, 1900)])
    assert gaps.write_gap_ms(tmp_path, (1000 * MS, 1700 * MS)) == 300  # from 1200 to 1500, and 1600 to 1900
    assert gaps.write_gap_ms(tmp_path, (1000 * MS, 1160 * MS)) == 100  # from 1100 to 1200
    assert gaps.client_gaps_ms(tmp_path, (1000 * MS, 1560 * MS)) == {1: 400, 2: 350}


def test_a_gap_that_reaches_beyond_the_times_asked_for_counts_in_full(tmp_path):
    write(tmp_path, 1, [(1, 1000), (2, 5000)])
    assert gaps.write_gap_ms(tmp_path, (2000 * MS, 2100 * MS)) == 4000
    assert gaps.write_gap_ms(tmp_path, (4900 * MS, 6000 * MS)) == 4000


def test_silence_is_a_gap_up_to_the_edges(tmp_path):
    assert gaps.write_gap_ms(tmp_path, (1000 * MS, 1300 * MS)) == 300
    write(tmp_path, 1, [(1, 2000)])
    assert gaps.write_gap_ms(tmp_path, (1000 * MS, 2500 * MS)) == 1000


def test_a_writer_that_has_ended_long_before_makes_no_gap(tmp_path):
    write(tmp_path, 1, [(1, 10)])
    write(tmp_path, 2, [(n, 1000 + 10 * n) for n in range(100)])
    assert gaps.write_gap_ms(tmp_path, (1500 * MS, 1700 * MS)) == 10


def test_the_rate_counts_all_writers(tmp_path):
    for writer in (1, 2):
        write(tmp_path, writer, [(n, 1000 + n) for n in range(2000)])
    assert gaps.commits_per_second(tmp_path, (1500 * MS, 2500 * MS)) == pytest.approx(2000, rel=0.01)


def test_a_ledger_is_written_by_one_process_and_continued_after_a_torn_record(tmp_path):
    file = LedgerFile(tmp_path, 1)
    before = time.time_ns()
    file.add(1, 7)
    with pytest.raises(LedgerInUse, match="is being written by another process"):
        LedgerFile(tmp_path, 1)
    file.close()
    with (tmp_path / "writer-1.ledger").open("ab") as raw:
        raw.write(b"half a record")
    assert list(acknowledgements.read(tmp_path)[1].numbers) == [1]
    file = LedgerFile(tmp_path, 1)
    file.add(2, 8)
    file.close()
    found = acknowledgements.read(tmp_path)[1]
    assert list(found.numbers) == [1, 2] and list(found.servers) == [7, 8]
    assert before - 50 * MS < found.times[0] <= found.times[1] < time.time_ns() + 50 * MS
