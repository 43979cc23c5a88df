-- Runs of consecutive numbers of a writer for which the node holds equally many ledger rows and movements.
select writer, min(number), max(number), ledger_rows, movement_rows
from (select writer, number, coalesce(l.found, 0) as ledger_rows, coalesce(m.found, 0) as movement_rows,
             number - row_number() over (partition by writer, coalesce(l.found, 0), coalesce(m.found, 0)
                                         order by number) as run
      from (select writer, number, count(*) as found from public.ledger group by writer, number) l
      full join (select writer, number, count(*) as found from warehouse.movements group by writer, number) m
      using (writer, number)) numbers
group by writer, ledger_rows, movement_rows, run
order by 1, 2
