"""Stop words are whole messages."""

from __future__ import annotations

import pytest

from tidegate.policy.opt_out import STOP_WORDS, STOP_WORDS_AFTER_MARKETING, is_opt_out, normalised


@pytest.mark.parametrize(
    ("text", "payload"),
    [
        pytest.param("STOP", None, id="the word"),
        pytest.param("  Stop!! ", None, id="with blanks and punctuation around it"),
        pytest.param("🛑 stop 🙏", None, id="between emoji"),
        pytest.param("ＳＴＯＰ", None, id="in full width"),
        pytest.param("st\u200bop\ufeff", None, id="with invisible characters"),
        pytest.param("opt-out", None, id="hyphenated"),
        pytest.param("Don’t contact me.", None, id="with a typographer's apostrophe"),
        pytest.param("Stop promotions", "Stop promotions", id="Meta's button"),
        pytest.param("No, thanks", "STOP_PROMOTIONS", id="a button whose payload says it"),
        pytest.param("unsubscribe", "menu-7", id="a button whose label says it"),
        pytest.param("Abmelden", None, id="German"),
        pytest.param("Darme de BAJA", None, id="Spanish"),
        pytest.param("cancelar inscricao", None, id="Portuguese without its accents"),
        pytest.param("ARRE\u0302TER", None, id="French, its accent a character of its own"),
        pytest.param("disiscrivimi", None, id="Italian"),
        pytest.param("Abonelikten Çık", None, id="Turkish"),
        pytest.param("СТОП", None, id="Russian"),
        pytest.param("berhenti", None, id="Indonesian"),
        pytest.param("बंद करें", None, id="Hindi"),
        pytest.param("ايقاف", None, id="Arabic without the hamza"),
        pytest.param("إِيقاف", None, id="Arabic with vowel signs"),
        pytest.param("הסר", None, id="Hebrew"),
        pytest.param("退订", None, id="Chinese"),
        pytest.param("수신거부", None, id="Korean"),
    ],
)
def test_an_opt_out(text: str | None, payload: str | None) -> None:
    assert is_opt_out(text, payload)


@pytest.mark.parametrize(
    ("text", "payload"),
    [
        pytest.param(None, None, id="no words at all"),
        pytest.param("", "", id="empty words"),
        pytest.param("!!!", None, id="nothing but punctuation"),
        pytest.param("Where is the bus stop?", None, id="the word within a sentence"),
        pytest.param("don't stop", None, id="the opposite"),
        pytest.param("stopwatch", None, id="the word within a word"),
        pytest.param("s t o p", None, id="letters"),
        pytest.param("बद", None, id="another Hindi word: its signs are letters"),
        pytest.param("राका", None, id="a name with the consonants of a stop word"),
        pytest.param("stop" + " " * 61, None, id="longer than any stop word"),
        pytest.param("\ud800", None, id="half a character"),
    ],
)
def test_no_opt_out(text: str | None, payload: str | None) -> None:
    assert not is_opt_out(text, payload)
    assert not is_opt_out(text, payload, after_marketing=True)


@pytest.mark.parametrize("text", ["CANCEL", "end", "quit", "Basta!", "sair", "İPTAL", "alto", "إلغاء", "बंद"])
def test_an_ambiguous_word_opts_out_only_as_an_answer_to_marketing(text: str) -> None:
    assert is_opt_out(text, None, after_marketing=True)
    assert not is_opt_out(text, None)


def test_the_words_are_normalised_and_in_one_list_only() -> None:
    words = STOP_WORDS | STOP_WORDS_AFTER_MARKETING

    assert "" not in words
    assert all(normalised(word) == word for word in words)
    assert not STOP_WORDS & STOP_WORDS_AFTER_MARKETING
