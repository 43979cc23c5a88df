-- What the writers do: statements by name. All of `effects` is put before each one-statement transaction,
-- whose own part is a list of further CTEs and a last statement.

-- name: effects
with ledger_row as (
    insert into public.ledger (writer, number) values (%(writer)s, %(number)s)
), movement as (
    insert into warehouse.movements (writer, number, product_id, quantity)
    values (%(writer)s, %(number)s, %(product)s, %(quantity)s)
), stock_row as (
    update warehouse.stock set quantity = quantity - %(quantity)s where product_id = %(product)s
)

-- name: order
, placed as (
    insert into public.orders (customer_id, note) values (%(customer)s, %(text)s) returning id
)
insert into public.order_lines (order_id, line, product_id, quantity, price)
select placed.id, n, 1 + (%(product)s + n * 11) %% %(products)s, %(quantity)s, n + 0.50
from placed, generate_series(1, %(quantity)s::integer) n

-- name: pay
insert into public.payments (order_id, amount) select id, 10.25 from public.orders where id = %(order)s

-- name: move stock
select 1

-- name: change customer
update public.customers set address = address || jsonb_build_object('zip', %(number)s),
    tags = tags[1:3] || %(text)s::text
where id = %(customer)s

-- name: new customer
insert into public.customers (reference, email, name, address)
values (gen_random_uuid(), %(text)s || '@example.net', 'New ''Künde''', '{"street": null}')

-- name: change price
update public.products set price = 1 + %(quantity)s + price %% 400 where id = %(product)s

-- name: change description
update public.products set description = left(%(text)s || reverse(description), 4000)
where id = %(product)s

-- name: new product
, made as (
    insert into public.products (sku, name, price, description) values (%(text)s, 'New', 5.00, repeat(%(text)s, 200))
    returning id
)
insert into warehouse.stock (product_id, initial, quantity) select id, 50, 50 from made

-- name: ship
insert into public.shipments (planned_on, order_id)
select date '2026-01-01' + %(day)s::integer, id from public.orders where id = %(order)s

-- name: postpone
update public.shipments set planned_on = date '2026-01-01' + %(day)s::integer, carrier = 'road'
where id = %(order)s / 4

-- name: wish
insert into public."Wünsche der ""Kunden"" – o'clock" as w values (%(customer)s, %(product)s, 1)
on conflict (customer_id, "Prödukt") do update set "many?" = w."many?" + 1

-- name: change wish
update public."Wünsche der ""Kunden"" – o'clock" as w set "Prödukt" = %(product)s where customer_id = %(customer)s
and (select count(*) from public."Wünsche der ""Kunden"" – o'clock" where customer_id = %(customer)s) = 1

-- name: renumber lines
update public.order_lines set line = line + 10 where order_id = %(order)s

-- name: return lines
delete from public.order_lines where order_id = %(order)s and line %% 10 = 1

-- name: cancel order
delete from public.orders where id = %(order)s

-- name: update many
update public.orders set status = 'shipped' where id between %(order)s and %(order)s + 20

-- name: log
insert into public.audit_log (writer, number, message, details)
values (%(writer)s, %(number)s, %(text)s, jsonb_build_object('day', %(day)s))

-- name: correct log
update public.audit_log set message = message || '!' where at = (select max(at) from public.audit_log)

-- name: bulk
update public.order_lines set quantity = 1 + quantity %% 9
where (order_id, line) in (select order_id, line from public.order_lines
                           where order_id >= %(order)s order by order_id, line limit 1000)

-- name: choose customer
select id from public.customers where id = %(customer)s for share

-- name: open order
insert into public.orders (customer_id, note) values (%(customer)s, 'by hand') returning id

-- name: add line
insert into public.order_lines (order_id, line, product_id, quantity, price)
values (%(opened)s, 1, %(product)s, %(quantity)s, 3.33)

-- name: settle
insert into public.payments (order_id, amount, method) values (%(opened)s, 3.33, 'invoice')

-- name: start
select coalesce((select max(number) from public.ledger where writer = %(writer)s), 0), system_identifier,
       (select coalesce(max(id), 1) from public.orders), value
from pg_control_system(), public.settings where key = 'rows'
