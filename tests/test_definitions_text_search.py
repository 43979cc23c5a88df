"""Text search parsers, templates, dictionaries and configurations."""

import pytest

from tests.definitions import followed

BEFORE = """
    do $$ begin create role "some %one"; exception when duplicate_object then null; end $$;
    create schema other;
    create schema "We ird%s ""é";
    create table document (id int primary key, body text);
    create text search dictionary plain (template = simple, accept = false);
    create text search configuration words (copy = english);
    create index on document using gin (to_tsvector('words', body))
"""

CHANGES = {
    "a parser": [
        'create text search parser "We ird%s ""é"."100 %" (start = prsd_start, gettoken ='
        " prsd_nexttoken, end = prsd_end, lextypes = prsd_lextype, headline = prsd_headline)",
        'comment on text search parser "We ird%s ""é"."100 %" is \'it\'\'s %I\'',
        'alter text search parser "We ird%s ""é"."100 %" rename to p',
        'alter text search parser "We ird%s ""é".p set schema other',
        "create text search configuration parsed (parser = other.p)",
        "alter text search configuration parsed add mapping for word, int with plain",
        "drop text search parser other.p cascade",
    ],
    "a template": [
        'create text search template "We ird%s ""é"."100 %" (init = dsimple_init, lexize = dsimple_lexize)',
        'comment on text search template "We ird%s ""é"."100 %" is \'it\'\'s %I\'',
        'alter text search template "We ird%s ""é"."100 %" rename to t',
        'alter text search template "We ird%s ""é".t set schema other',
        "create text search template bare (lexize = dsimple_lexize)",
        "create text search dictionary simple2 (template = other.t, stopwords = english)",
        "drop text search template other.t cascade",
        "drop text search template bare",
    ],
    "a dictionary": [
        'create text search dictionary "We ird%s ""é"."100 %" (template = snowball, language ='
        " english, stopwords = 'english')",
        'comment on text search dictionary "We ird%s ""é"."100 %" is \'it\'\'s %I\'',
        'alter text search dictionary "We ird%s ""é"."100 %" (stopwords = german, language = \'german\')',
        'alter text search dictionary "We ird%s ""é"."100 %" (stopwords)',
        'alter text search dictionary "We ird%s ""é"."100 %" rename to d',
        'alter text search dictionary "We ird%s ""é".d owner to "some %one"',
        'alter text search dictionary "We ird%s ""é".d set schema other',
        "alter text search dictionary other.d (language = french, stopwords = french)",
        "alter text search dictionary plain (accept, stopwords = english)",
        "alter text search dictionary plain (stopwords)",
        "alter text search dictionary plain (accept = 'true')",
        "drop text search dictionary other.d, plain",
    ],
    "a configuration": [
        'create text search configuration "We ird%s ""é"."100 %" (parser = "default")',
        'alter text search configuration "We ird%s ""é"."100 %" add mapping for asciiword, word,'
        " hword_part with plain, simple",
        'alter text search configuration "We ird%s ""é"."100 %" alter mapping for word with english_stem',
        'alter text search configuration "We ird%s ""é"."100 %" alter mapping replace plain with german_stem',
        'alter text search configuration "We ird%s ""é"."100 %" drop mapping for hword_part',
        'alter text search configuration "We ird%s ""é"."100 %" rename to c',
        "comment on text search configuration \"We ird%s \"\"é\".c is 'it''s %I'",
        'alter text search configuration "We ird%s ""é".c owner to "some %one"',
        'alter text search configuration "We ird%s ""é".c set schema other',
        "alter text search dictionary plain rename to plainer",
        "alter text search configuration other.c alter mapping for asciiword with plainer",
        "alter text search configuration other.c drop mapping if exists for email, word",
        "drop text search configuration other.c",
    ],
    "a configuration in use": [
        "alter text search configuration words alter mapping for asciiword, word with plain",
        "insert into document values (1, 'the words')",
        "alter text search configuration words drop mapping for email, url, host, url_path",
        'alter text search configuration words rename to "w %"',
        "insert into document values (2, 'more words')",
        "drop text search dictionary plain cascade",
    ],
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_to_text_search_arrives_in_the_stream(database, what):
    with followed(database, BEFORE) as pair:
        pair.assert_arrive(CHANGES[what])


@pytest.mark.parametrize("what", CHANGES)
def test_what_was_changed_while_the_stream_was_off_arrives(database, what):
    with followed(database, BEFORE) as pair:
        pair.assert_arrive_after_a_pause(CHANGES[what])


def test_options_with_quotes_and_backslashes_arrive(database):
    with followed(database, BEFORE) as pair:
        pair.each(
            # An init function that looks at no option: it takes any.
            "create function any_init(internal) returns internal language internal strict as 'prsd_lextype'",
            "create text search template bare (init = any_init, lexize = dsimple_lexize)",
            r"""create text search dictionary d (template = bare, "a %I" = 'it''s', b = E'\\x''=, c = d',"""
            " n = 12)",
        )
        pair.assert_same()
        pair.application(
            r"""alter text search dictionary d (n = 'x, y', "a %I", new = E'%s\\', "q""q" = 'é')"""
        )
        pair.assert_same()
        pair.application(r"""alter text search dictionary d (n, b, "q""q" = 2, new)""")
        pair.assert_same()
        pair.assert_known()
