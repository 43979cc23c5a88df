-- One statement per table, independent of each other (foreign keys and triggers are off): see shop.fill.
insert into public.order_lines (order_id, line, product_id, quantity, price)
select g, n, 1 + (g * 7 + n * 13) %% %(products)s, 1 + (g + n) %% 5, 1 + (g * n) %% 90 + 0.95
from generate_series(1::bigint, %(orders)s) g, generate_series(1, 1 + g %% 4) n;

insert into public.orders (id, customer_id, status, paid, note, placed_at, updated_at)
select g, 1 + g %% %(customers)s, case when g <= %(payments)s then 'paid' else 'new' end::public.order_status,
       case when g <= %(payments)s then 1 + g %% 200 else 0 end,
       case when g %% 10 = 0 then 'gift wrap, no. ' || g end,
       timestamptz '2025-06-01 00:00Z' + g * interval '30 s', timestamptz '2025-12-31 00:00Z'
from generate_series(1::bigint, %(orders)s) g;

insert into public.payments (id, order_id, amount, method, paid_at)
select g, g, 1 + g %% 200, (array['card', 'invoice', 'Überweisung'])[1 + g %% 3],
       timestamptz '2025-06-01 01:00Z' + g * interval '30 s'
from generate_series(1::bigint, %(payments)s) g;

insert into public.customers (reference, email, name, address, tags, created_at)
select md5(g::text)::uuid, 'customer' || g || '@example.com', (array['Ada', 'Zoë', '李雷', 'Jürgen'])[1 + g %% 4] || ' ' || g,
       jsonb_build_object('street', 'Road ' || g %% 977, 'zip', g %% 100000),
       case when g %% 3 = 0 then array['regular', 'zone ' || g %% 9] else '{}' end,
       timestamptz '2025-01-01 00:00Z' + g * interval '1 min'
from generate_series(1::bigint, %(customers)s) g;

insert into public.shipments (id, planned_on, order_id, carrier)
select g, date '2026-01-01' + (g %% 240)::integer, g, (array['rail', 'road', null])[1 + g %% 3]
from generate_series(1::bigint, %(shipments)s) g;

insert into public.products (id, sku, name, price, attributes, description)
select g, 'SKU-' || lpad(g::text, 7, '0'), 'Product ' || g, 1 + g %% 500 + 0.99,
       jsonb_build_object('colour', (array['red', 'grün', 'blue'])[1 + g %% 3], 'weight', g %% 50),
       (select string_agg(md5(g * 100 + n || 'text'), '') from generate_series(1, 80) n)
from generate_series(1, %(products)s) g;

insert into warehouse.stock (product_id, initial, quantity)
select g, 1000 + g %% 100, 1000 + g %% 100 from generate_series(1, %(products)s) g;

insert into public."Wünsche der ""Kunden"" – o'clock" (customer_id, "Prödukt", "many?")
select g, 1 + g %% %(products)s, 1 + g %% 3 from generate_series(1::bigint, %(wishes)s) g;

insert into public.audit_log (at, message, details)
select timestamptz '2025-12-01 00:00Z' + g * interval '1 min', 'imported batch ' || g, jsonb_build_object('batch', g)
from generate_series(1, %(audit)s) g
