-- The lists of files go with their root.
alter table tracking_filechange
    add foreign key (root_id) references nodes_fileroot on delete cascade deferrable initially deferred;
alter table tracking_migratedfile
    add foreign key (root_id) references nodes_fileroot on delete cascade deferrable initially deferred;
alter table tracking_filewatch
    add foreign key (root_id) references nodes_fileroot on delete cascade deferrable initially deferred;
