"""One line that says what a document is about, in its own words."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aihandler.backends.builtin.summarise import Summary, summarise

MAIL = """From: Jo <jo@acme.example>
To: help@shop.example
Subject: Re: [External] Parcel 7741 arrived damaged
Date: Mon, 04 Nov 2024 09:12:44 +0000

Hi team,

I hope this finds you well. The box was open when it came and the lamp inside is broken.

Kind regards
Jo

> On Friday you wrote that the parcel had left.
"""


def test_the_subject_of_a_mail_is_its_summary():
    assert summarise(MAIL).text == "Parcel 7741 arrived damaged"


def test_a_subject_that_says_nothing_gives_way_to_the_body():
    text = MAIL.replace("Re: [External] Parcel 7741 arrived damaged", "Question")
    expected = "The box was open when it came and the lamp inside is broken."
    assert summarise(text).text == expected


@pytest.mark.parametrize(
    "text",
    [
        "Hello,\nthe backup server in Porto failed on Friday.\nBest, Tara",
        "the backup server in Porto failed on Friday.\n\nOn Mon, 4 Nov 2024 Jo wrote:\n> Sales of "
        "the large printer in Leeds rose by 30 percent in May, said the report.",
        "Sehr geehrte Damen und Herren,\n\nthe backup server in Porto failed on Friday.\n\n"
        "Mit freundlichen Grüßen\nUwe Maier, Leiter der Abteilung Drucker und Toner in Berlin",
        "Dear Sir or Madam, please help. the backup server in Porto failed on Friday. Thanks!",
        "the backup server in Porto failed on Friday.\nThis message is confidential and intended "
        "only for the backup server department of the addressee in Porto on Friday.",
        "<html><body><p>Hi,</p><p>the backup server in Porto failed on Friday.</p></body></html>",
    ],
)
def test_greetings_signatures_quotes_and_disclaimers_are_dropped(text):
    assert summarise(text).text == "the backup server in Porto failed on Friday."


def test_a_long_sentence_is_cut_where_a_clause_ends():
    text = (
        "The data centre in Ghent stopped working on Tuesday night, because the cooling of the "
        "second hall failed and nobody was on site to switch to the reserve in time."
    )
    assert summarise(text, max_chars=100).text == (
        "The data centre in Ghent stopped working on Tuesday night"
    )


def test_an_empty_text_has_an_empty_summary():
    for text in ("", "  \n ", "> only\n> quoted", "Hi,\n\nBest regards\nJo"):
        assert summarise(text) == Summary("", 0.0)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "the ",
                "server ",
                "failed",
                ". ",
                "\n",
                "\n\n",
                "Subject: ",
                "> ",
                "Hi, ",
                "Best, Jo",
                "1.5 ",
                "e.g. ",
                "Ltd. ",
                "!",
                "?",
                "<p>",
                "ü",
                "very",
                "long-word",
                ", ",
                "On a wrote:",
            ]
        ),
        max_size=60,
    ).map("".join)
    | st.text(max_size=300),
    st.integers(min_value=-1, max_value=80),
)
def test_every_word_stands_in_the_text_and_the_line_is_short(text, limit):
    summary = summarise(text, max_chars=limit)
    assert len(summary.text) <= max(0, limit)
    assert "\n" not in summary.text
    assert 0.0 <= summary.confidence <= 1.0
    assert set(re.findall(r"\w+", summary.text)) <= set(re.findall(r"\w+", text))
    assert summarise(text, max_chars=limit) == summary
