-- A database with one of everything that a definition can be.
create schema "Über";
create type mood as enum ('sad', 'ok');
create type pair as (a int, b text);
create domain posint as int check (value > 0);
create function twice(int) returns int language sql immutable as 'select $1 * 2';
create table customers (
    id bigint generated always as identity primary key, name text not null,
    email text unique deferrable initially deferred, nick text unique deferrable, m mood, p pair, ms mood[],
    d posint, twice int generated always as (d * 2) stored);
comment on table customers is 'people; who -- buy';
comment on constraint customers_pkey on customers is 'the key';
create index customers_lower on customers (lower(name)) with (fillfactor = 70);
alter index customers_lower alter column 1 set statistics 77;
comment on index customers_lower is 'by name';
create unique index customers_sad on customers (d) include (m) nulls not distinct where m = 'sad';
create table orders (id int not null, customer bigint references customers, day date not null,
                     primary key (id, day)) partition by range (day);
create table orders_1 partition of orders for values from ('2020-01-01') to ('2021-01-01');
create table orders_rest partition of orders default;
create index on orders (customer);
comment on constraint orders_customer_fkey on orders is 'of a partitioned table';
create table "Über"."we""ird tab" ("select" int primary key, "a""b" text, exclude using btree ("a""b" with =));
create table items (
    id int, order_id int, day date, c bigint constraint items_c references customers on delete cascade,
    foreign key (order_id, day) references orders);
comment on constraint items_c on items is 'to customers';
alter table items replica identity full;
create table by_index (a int not null, b int);
create unique index by_index_a on by_index (a);
alter table by_index replica identity using index by_index_a;
create index by_index_b on by_index (b);
alter table by_index cluster on by_index_b;
alter table by_index add constraint b_pos check (b > 0) not valid;
create table base (a int primary key, n text not null);
create table derived (c int) inherits (base);
create table nothing ();
create unlogged table scratch (a int);
create table kids (id int primary key, parent int);
alter table kids add constraint kids_parent foreign key (parent) references kids not valid;
create view v as select id, name from customers;
create materialized view mv_a as select c from (select 1 as c) x;
create materialized view mv_count as select count(*) c from v;
create view over_mv as select c from mv_count;
create materialized view aa_reads_mv as select c from over_mv;
create unique index on aa_reads_mv (c);
create view needs_key as select id, name, count(*) from customers group by id;
create materialized view mv_needs_key as select id, name, count(*) from customers group by id;
create unique index on mv_needs_key (id);
create materialized view mv_empty as select 1 as a with no data;
create statistics customer_statistics on id, name from customers;
create function keep() returns trigger language plpgsql as 'begin return new; end';
create trigger t before insert on customers for each row execute function keep();
alter table customers enable always trigger t;
create trigger off before update on customers for each row execute function keep();
alter table customers disable trigger off;
create rule r as on insert to v do instead nothing;
alter table customers enable row level security;
create policy pol on customers using (id > 0);
comment on policy pol on customers is 'all';
create function note() returns event_trigger language plpgsql as
    'begin insert into public.noted values (tg_tag); end';
create table noted (tag text);
create sequence s cache 10;
grant select on customers to pg_monitor;
grant select (name) on customers to pg_read_all_data;
alter default privileges grant select on tables to pg_monitor;
create event trigger of_the_user on ddl_command_end execute function note();
create publication of_the_user for table customers, items where (id > 5);
create publication whole_schema for tables in schema "Über";
create subscription of_the_user connection 'dbname=nowhere password=secret' publication p
    with (connect = false, slot_name = 'elsewhere');
-- What is ours
create schema mwa;
create table mwa.x (a int);
create function mwa.f() returns event_trigger language plpgsql as 'begin end';
create event trigger mwa_definition on ddl_command_end execute function mwa.f();
create publication mwa for table customers, items;
comment on publication mwa is 'ours';
create publication mwa_other for tables in schema public;
create subscription mwa_1 connection 'dbname=nowhere' publication p with (connect = false, slot_name = 'mwa_1');
