"""Known differences between the emulator's S3 and S3: the tests that run on `local/objects` only, and why."""

_NO_CHECK_AT_COMPLETE = "it completes an upload without checking order, sizes and checksums of the parts"

GAPS = {
    "test_a_key_of_more_than_1024_bytes_is_refused": "it accepts keys of any length",
    "test_an_unsupported_range_returns_the_whole_object": "it refuses what RFC 9110 and S3 ignore",
    "test_no_response_lets_a_browser_guess_its_type": "S3 has no such header; our server is reachable from the LAN",
    "test_an_unknown_sub_resource_is_never_taken_for_the_object": "it implements more calls than our server",
    "test_an_empty_page_is_the_end": "it reports an empty page as truncated",
    "test_a_malformed_continuation_token_is_refused": "it accepts any token",
    "test_the_list_of_parts_names_the_checksum": "it lists the parts' checksums, but not their algorithm",
    "test_a_part_without_the_announced_checksum_is_refused": "it accepts parts with any checksum, or without one",
    "test_a_missing_checksum_is_refused": _NO_CHECK_AT_COMPLETE,
    "test_parts_out_of_order_are_refused": _NO_CHECK_AT_COMPLETE,
    "test_a_small_part_before_the_last_is_refused": _NO_CHECK_AT_COMPLETE,
    "test_an_upload_without_parts_is_refused": _NO_CHECK_AT_COMPLETE,
    "test_a_put_returns_the_verified_checksum": "it verifies checksums, but its response contains none",
    "test_a_checksum_that_is_no_sha256_is_refused": "it returns BadDigest where S3 returns InvalidRequest",
    "test_a_body_other_than_the_signed_one_is_refused": "it does not compare a body with its signed SHA-256",
    "test_more_than_5_gib_in_one_put_is_refused_before_it_is_sent": "it reads a body before it checks the size",
    "test_an_unsigned_header_that_changes_the_request_is_refused": "it accepts unsigned headers",
    "test_another_secret_is_refused": "it verifies presigned URLs, but no signature in headers",
    "test_signed_twice_is_refused": "it checks the presigned URL only",
    "test_uploads_of_one_key_are_listed_by_age": "it lists them in the order of their random ids",
    "test_an_error_response_is_readable_but_not_that_of_an_invalid_signature": "all its responses have CORS headers",
    "test_a_token_that_has_ended_is_refused": "its tokens never end",
    "test_a_token_that_has_not_ended_is_accepted": "it refuses presigned URLs with a session token",
    "test_a_bad_rule_is_refused": "it accepts any CORS rule",
}
"""Reasons by test name."""
