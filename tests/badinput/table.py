"""The bad inputs B01 to B40: what is answered, and which tests show it. `docs/security.md` has the same rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_HERE: Final = "badinput"
_EDGE: Final = "integration/edge"


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of bad input. `tests`: file below `tests/` and name of the function, one at least."""

    id: str
    input: str
    answer: str
    tests: tuple[tuple[str, str], ...]


def _at(file: str, *names: str) -> tuple[tuple[str, str], ...]:
    return tuple((f"{file}.py", name) for name in names)


_BODIES, _PATHS, _SMUGGLING = f"{_HERE}/test_bodies", f"{_HERE}/test_paths", f"{_HERE}/test_smuggling"
_NO_JSON: Final = _at(_BODIES, "test_what_is_no_strict_json_object_is_a_400")
_NO_MESSAGE: Final = _at(_BODIES, "test_what_is_json_and_no_message_is_a_400_that_repeats_nothing")
_SLOW_BODY: Final = _at(_BODIES, "test_a_body_that_does_not_come_is_a_408_and_ends_the_connection")
_BADLY_FRAMED: Final = _at(_SMUGGLING, "test_what_is_badly_framed_is_refused_and_goes_nowhere")
_PASSED_ON: Final = _at(_BODIES, "test_what_is_not_known_is_passed_on_and_never_twice")
_ANY_WEBHOOK: Final = _at(f"{_EDGE}/test_webhook", "test_what_meta_signed_is_a_200_whatever_it_is")

TABLE: Final = (
    Row("B01", "what is not JSON: empty, cut off, trailing bytes, BOM, UTF-16, no UTF-8, NaN", "400", _NO_JSON),
    Row("B02", "nesting of more than 200 levels", "400", _NO_JSON),
    Row("B03", "numbers that neither 64 bits nor a double hold", "400", _NO_JSON),
    Row("B04", "half a surrogate pair", "400", _NO_JSON),
    Row("B05", "a key twice in one object, escaped or not", "400; never forwarded as it came", _NO_JSON),
    Row("B06", "`to` and `recipient` that are two users", "400 `invalid_recipient`", _NO_MESSAGE),
    Row("B07", "wrong types", "400 that names the field", _NO_MESSAGE),
    Row("B08", "unknown fields", "in a message passed on, read once and written anew; elsewhere 400", _PASSED_ON),
    Row(
        "B09",
        "bodies beyond the limit (send 256 KiB, control 64 KiB, webhook 3 MB), compressed ones",
        "413; 415",
        _at(
            _BODIES,
            "test_a_body_of_a_byte_too_many_is_a_413_however_it_comes",
            "test_a_compressed_body_is_a_415_and_is_not_unpacked",
        ),
    ),
    Row(
        "B10",
        "a body in pieces of one byte",
        "read; 413 or 408 when it does not end",
        _at(_BODIES, "test_a_body_in_pieces_of_one_byte_is_one_body"),
    ),
    Row(
        "B11",
        "a head that does not end",
        "408 after `server.header_timeout`",
        _at(f"{_EDGE}/test_limits", "test_one_that_does_not_end_is_given_up", "test_one_that_drips_is_given_up_too"),
    ),
    Row("B12", "a body that drips, or never comes", "408 after 5 s, and the connection ends", _SLOW_BODY),
    Row(
        "B13",
        "request smuggling: lengths, codings, chunks, line ends, folds",
        "400, the same to the byte",
        _BADLY_FRAMED,
    ),
    Row(
        "B14",
        "other versions, absolute and authority targets, trailers, wishes given twice",
        "400; trailers are not read",
        (
            *_BADLY_FRAMED,
            *_at(_SMUGGLING, "test_what_is_well_framed_leaves_as_one_request"),
            *_at(f"{_EDGE}/test_sends", "test_a_wish_given_twice_is_a_400"),
        ),
    ),
    Row("B15", "more than 128 headers, or one of more than 8 kB", "400", _BADLY_FRAMED),
    Row(
        "B16",
        "path tricks: escapes, dots, double slashes, `;`, NUL, digits of other scripts",
        "404, as for what nobody has; nothing leaves",
        _at(
            _PATHS,
            "test_a_path_that_is_no_registered_number_is_not_found_and_tells_nobody_why",
            "test_another_spelling_of_a_path_of_ours_is_not_found",
            "test_a_path_or_query_of_bytes_that_are_no_text_is_a_4xx",
        ),
    ),
    Row(
        "B17",
        "`Idempotency-Key`: too long, twice, no ASCII; with another body; while the first runs",
        "400; 422; 409",
        (
            *_at(f"{_EDGE}/test_sends", "test_a_wish_given_twice_is_a_400"),
            *_at("unit/edge/graph/test_send_options", "test_what_is_not_is_refused"),
            *_at(
                f"{_EDGE}/test_once",
                "test_another_request_with_the_key_is_a_422",
                "test_while_the_first_is_running_it_is_a_409",
            ),
        ),
    ),
    Row(
        "B18",
        "a forged webhook",
        "an empty 401",
        _at(
            f"{_EDGE}/test_webhook",
            "test_a_wrong_one_is_a_constant_empty_401_and_changes_nothing",
            "test_one_that_is_not_ascii_is_a_401_too",
            "test_two_are_a_401",
        ),
    ),
    Row(
        "B19",
        "a signed body, escaped or not",
        "the signature is over the bytes as they came",
        _at(f"{_EDGE}/test_webhook", "test_it_covers_the_bytes_as_they_came_escaped_or_not"),
    ),
    Row(
        "B20",
        "a webhook that is played again",
        "200, and nothing is counted twice",
        _at(f"{_EDGE}/test_deliveries", "test_what_comes_again_for_a_week_counts_nothing_twice"),
    ),
    Row("B21", "a signed webhook of what nobody knows, or of an absurd shape", "200, counted, ignored", _ANY_WEBHOOK),
    Row(
        "B22",
        "a handshake with a wrong token, without a mode, with a script to echo",
        "an empty 403",
        _at(_PATHS, "test_a_handshake_of_somebody_elses_is_an_empty_403"),
    ),
    Row(
        "B23",
        "an address within the house in `webhook_url`, in any spelling",
        "not connected to; redirects are not followed",
        _at("unit/relay/test_addresses", "test_what_is_not_public_is_refused"),
    ),
    Row(
        "B24",
        "a `link` of media",
        "Meta's to read; nobody here opens it",
        _at(_BODIES, "test_a_link_is_metas_to_read_and_nobody_here_opens_it"),
    ),
    Row(
        "B25",
        "guessing of keys",
        "401; 429 `locked_out` after ten different ones",
        _at(f"{_EDGE}/test_keys", "test_a_guesser_is_told_the_same_on_both_faces_and_a_neighbour_goes_on"),
    ),
    Row(
        "B26",
        "telling by the time of an answer",
        "keys are looked up by their SHA-256, and a wrong one takes the same steps however near it comes; what is "
        "another's and what is nobody's is one answer",
        (
            *_at(
                "unit/edge/door/test_keyring",
                "test_a_wrong_key_takes_the_same_steps_to_the_same_answer_however_near_it_comes",
            ),
            *_at("unit/edge/door/test_lockout", "test_a_lock_out_is_told_to_its_end_and_is_the_peers_own"),
            *_at(f"{_EDGE}/test_tenants", "test_what_is_anothers_and_what_is_nobodys_are_one_answer"),
        ),
    ),
    Row(
        "B27",
        "another app's ids",
        "404",
        _at(f"{_EDGE}/test_tenants", "test_one_app_sees_nothing_of_another_on_any_endpoint"),
    ),
    Row(
        "B28",
        "line feeds, escapes, forged lines in any field, header or path",
        "each line of the log is one JSON object of ours",
        _at(_PATHS, "test_what_would_forge_a_line_of_the_log_stands_in_none"),
    ),
    Row(
        "B29",
        "odd template parameters: CR LF, tabs, bidi controls, `{{1}}`, `=cmd`",
        "Meta's to judge; passed on",
        _PASSED_ON,
    ),
    Row("B30", "phone numbers in letters, other digits, with extensions", "400 `invalid_recipient`", _NO_MESSAGE),
    Row(
        "B31",
        "one user in two spellings",
        "one user",
        _at(f"{_EDGE}/test_consent", "test_one_user_in_any_spelling"),
    ),
    Row(
        "B32",
        "one user by number and by user id",
        "one user",
        _at(
            f"{_EDGE}/test_one_user",
            "test_a_cap_on_how_often_counts_all_of_a_user_s_names",
            "test_an_opt_out_by_one_name_holds_for_the_others",
        ),
    ),
    Row(
        "B33",
        "numbers in digits that are not ASCII, with signs, underscores, exponents",
        "400",
        _at(_PATHS, "test_a_number_is_of_ascii_digits_and_in_its_bounds"),
    ),
    Row(
        "B34",
        "absurd times: naive, past the end, in ms, ten years on",
        "400 that names the header",
        _at(
            _BODIES,
            "test_a_time_that_makes_no_sense_is_a_400_that_names_the_header",
            "test_time_is_not_moved_by_what_is_no_span",
        ),
    ),
    Row(
        "B35",
        "many calls in one (`batch`, `ids`, `method`)",
        "400: one request does one thing",
        _at(
            f"{_EDGE}/test_passthrough",
            "test_a_query_that_makes_it_another_request_is_a_400",
            "test_a_body_that_makes_it_another_request_is_a_400",
        ),
    ),
    Row(
        "B36",
        "audiences that are no text, compressed, without an end, of endless lines or broken rows",
        "422; 415; 413 or 408; read as they come, each broken row told by its line",
        (
            *_at(
                f"{_EDGE}/test_campaigns",
                "test_what_is_no_audience_is_refused_as_a_whole",
                "test_how_much_and_how_long_an_upload_may_be",
                "test_a_broken_row_is_told_and_loses_no_other",
            ),
            *_at("unit/policy/campaign/test_lines", "test_of_an_endless_line_next_to_nothing_is_kept"),
        ),
    ),
    Row(
        "B37",
        "other methods, overrides of the method, forged `X-Forwarded-*`",
        "405; not listened to, and not passed on",
        _at(
            _PATHS,
            "test_a_method_that_a_path_has_not_is_a_405",
            "test_no_header_makes_it_another_method_or_another_caller",
        ),
    ),
    Row(
        "B38",
        "a hostile upstream: endless, cut off, no HTTP, redirects, ids with line feeds",
        "`unknown`, sent once; redirects are not followed",
        (
            *_at(f"{_HERE}/test_upstream", "test_an_answer_that_proves_nothing_is_told_as_unknown_and_sent_once"),
            *_at(f"{_HERE}/test_upstream", "test_an_answer_that_is_passed_on_brings_no_header_that_splits_it"),
        ),
    ),
    Row(
        "B39",
        "callback data that looks like ours",
        "kept with the message; what comes back is believed with its MAC only",
        (
            *_at("unit/cloudapi/test_opaque", "test_callback_data_of_others_is_not_ours"),
            *_at(f"{_EDGE}/test_unknown", "test_it_is_given_back_to_its_sender_and_to_nobody_else"),
        ),
    ),
    Row(
        "B40",
        "names that would each make a series of metrics",
        "no label holds what a caller chooses",
        _at(_BODIES, "test_names_that_callers_choose_make_no_series_of_metrics"),
    ),
)
