with recursive there as (
    (select o.owner, first.*
     from unnest(%(owners)s::{owner}[]) as o(owner)
     cross join lateral (
         select {kinds} from {view} v where v.owner = o.owner order by {kinds} limit 1) first)
    union all
    select c.owner, following.*
    from there c
    cross join lateral (
        select {next} from {view} v where v.owner = c.owner and ({next}) > ({known})
        order by {kinds} limit 1) following
), asked as (
    select c.*, {rank} as rank from there c where {wanted}
)
select found.id, c.rank, found.sort::text
from asked c
cross join lateral (
    select v.id, v.{sort} as sort from {view} v
    where v.owner = c.owner and {same} and {behind}
    order by v.{sort} {way}, v.id {way} limit %(limit)s) found
order by c.rank {rank_way}, found.sort {way}, found.id {way} limit %(limit)s
