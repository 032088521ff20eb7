"""Known differences between the emulator's S3 and S3: the tests that run on `local/objects` only, and why."""

_NO_CHECK_AT_COMPLETE = "it completes an upload without looking at order, sizes and checksums of the parts"

GAPS = {
    "test_a_key_of_more_than_1024_bytes_is_refused": "it takes keys of any length",
    "test_an_unsupported_range_returns_the_whole_object": "it refuses what RFC 9110 and S3 ignore",
    "test_no_response_lets_a_browser_guess_its_type": "S3 sends no such header; ours stands on the open LAN",
    "test_an_unknown_sub_resource_is_never_taken_for_the_object": "it implements more calls than ours",
    "test_an_empty_page_is_the_end": "it says that more follows a page of none",
    "test_a_token_that_we_did_not_give_is_refused": "it takes any token",
    "test_the_list_of_parts_names_the_checksum": "it lists the parts' checksums, but not their algorithm",
    "test_a_part_without_the_announced_checksum_is_refused": "it takes parts with any checksum or none",
    "test_a_missing_checksum_is_refused": _NO_CHECK_AT_COMPLETE,
    "test_parts_out_of_order_are_refused": _NO_CHECK_AT_COMPLETE,
    "test_a_small_part_before_the_last_is_refused": _NO_CHECK_AT_COMPLETE,
    "test_an_upload_without_parts_is_refused": _NO_CHECK_AT_COMPLETE,
    "test_a_put_returns_the_verified_checksum": "it verifies checksums, but repeats none in its response",
    "test_a_checksum_that_is_none_is_refused": "it says BadDigest where S3 says InvalidRequest",
    "test_a_body_other_than_the_signed_one_is_refused": "it compares no body with its signed SHA-256",
    "test_more_than_5_gib_in_one_put_is_refused_before_it_is_sent": "it reads a body before it looks at its size",
    "test_an_unsigned_header_that_changes_the_request_is_refused": "it takes headers that nobody signed",
    "test_another_secret_is_refused": "it verifies no signature in headers, only presigned ones",
    "test_signed_twice_is_refused": "it looks at the presigned URL alone",
    "test_uploads_of_one_key_are_listed_by_age": "it lists them in the order of their random ids",
    "test_a_bad_rule_is_refused": "it keeps any CORS rule",
}
"""Reasons by test name."""
