"""Which hosts a process serves."""

import pytest

from darkroom_process.hosts import AllowedHosts


def allows(hosts: AllowedHosts, host: str, path: str = "/") -> bool:
    return hosts.allows([(b"accept", b"*/*"), (b"host", host.encode())], path)


@pytest.mark.parametrize(
    ("entries", "host", "allowed"),
    [
        ("photos.example.com", "photos.example.com", True),
        ("photos.example.com", "PHOTOS.example.com:8443", True),
        ("photos.example.com:8443", "photos.example.com:8443", True),
        ("photos.example.com:8443", "photos.example.com", False),
        ("photos.example.com", "photos.example.com.evil.org", False),
        ("photos.example.com", "evil.org", False),
        ("a.example, b.example", "b.example", True),
        ("[::1]:8080", "[::1]:8080", True),
        ("photos.example.com", "", False),
        ("photos.example.com", "user@photos.example.com", False),
        ("*", "evil.org", True),
        ("", "127.0.0.1:8080", True),
        ("", "localhost:8080", True),
        ("", "localhost:8081", False),
        ("", "evil.org:8080", False),
    ],
)
def test_a_host_must_match_entirely_and_case_insensitively(entries: str, host: str, allowed: bool) -> None:
    assert allows(AllowedHosts.parse(entries, "127.0.0.1", 8080), host) is allowed


@pytest.mark.parametrize("port", [80, 443])
def test_a_server_on_a_default_port_serves_its_host_with_and_without_the_port(port: int) -> None:
    hosts = AllowedHosts.parse("", "127.0.0.1", port)
    assert [allows(hosts, host) for host in ("127.0.0.1", f"localhost:{port}", "evil.org")] == [True, True, False]


def test_a_request_must_name_exactly_one_host() -> None:
    hosts = AllowedHosts.parse("a.example", "127.0.0.1", 1)
    assert not hosts.allows([], "/")
    assert not hosts.allows([(b"host", b"a.example"), (b"host", b"a.example")], "/")


def test_health_checks_accept_any_ip_address_but_no_unknown_name() -> None:
    hosts = AllowedHosts.parse("a.example", "127.0.0.1", 1)
    assert allows(hosts, "10.1.2.3:8080", "/healthz")
    assert allows(hosts, "[fd00::1]", "/readyz")
    assert not allows(hosts, "evil.org", "/healthz")
    assert not allows(hosts, "10.1.2.3", "/metrics")


def test_a_malformed_host_setting_is_refused_at_startup() -> None:
    with pytest.raises(ValueError, match="not a host"):
        AllowedHosts.parse("https://photos.example.com", "127.0.0.1", 1)


def test_a_server_for_machines_accepts_any_ip_address_on_every_path_but_no_unknown_name() -> None:
    hosts = AllowedHosts.parse("", "10.1.2.3", 9100, any_address=True)
    assert allows(hosts, "10.9.9.9:9100", "/metrics")
    assert not allows(hosts, "evil.org:9100", "/metrics")
