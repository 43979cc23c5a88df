"""The client programs that work for us."""

import subprocess

from nodes.postgres import programs
from tracking.save.child import psql, server_message


def test_a_password_is_never_on_a_command_line():
    conninfo = "host=h user=u password='top secret' dbname=d"
    line = psql(conninfo, "select 1")
    assert "top secret" not in " ".join(line) and "host=h" in line[-1]
    assert programs.environment(conninfo)["PGPASSWORD"] == "top secret"


def test_the_servers_words_are_found_whatever_its_language():
    said = "NOTICE:  00000: x\nFEHLER:  23505: doppelter Schlüsselwert verletzt „a“\nORT:  f, g.c:12\n"
    assert server_message(said) == ("23505", "doppelter Schlüsselwert verletzt „a“")


def test_where_no_server_has_spoken_all_is_said(servers):
    line = psql("host=/nowhere", "select 1")
    said = subprocess.run(line, capture_output=True, text=True, check=False).stderr
    sqlstate, message = server_message(said)
    assert sqlstate == "" and "/nowhere" in message and "No such file" in message
