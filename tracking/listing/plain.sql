select found.id, 0, found.sort::text
from unnest(%(owners)s::{owner}[]) as o(owner)
cross join lateral (
    select v.id, v.{sort} as sort
    from {view} v cross join lateral (select v.*, 0 as rank) c
    where v.owner = o.owner and {wanted} and {behind}
    order by v.{sort} {way}, v.id {way} limit %(limit)s) found
order by found.sort {way}, found.id {way} limit %(limit)s
