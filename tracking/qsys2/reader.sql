-- Who may read the views without the portal: whoever is given this role.
do $$
begin
    if to_regrole('mwa_reader') is null then
        create role mwa_reader nologin;
    end if;
exception
    when duplicate_object or unique_violation then null;  -- made for another database at the same moment
    when insufficient_privilege then null;
end $$;
do $$
begin
    if to_regrole('mwa_reader') is null then
        raise notice 'role mwa_reader is missing, and % may not create it', current_user using hint =
            'create role mwa_reader nologin; grant usage on schema qsys2 to mwa_reader; '
            'grant select on all tables in schema qsys2 to mwa_reader; '
            'grant execute on all functions in schema qsys2 to mwa_reader';
    else
        grant usage on schema qsys2 to mwa_reader;
        grant select on all tables in schema qsys2 to mwa_reader;
        grant execute on all functions in schema qsys2 to mwa_reader;  -- whoever may not call it could not read
    end if;
end $$;
