"""Where webhooks may go: named hosts only, and no private address in any spelling."""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from understudy.errors import UsageError
from understudy.registry.addresses import check_url, is_private, is_public, normalized

ORIGIN = "understudy.toml [webhooks.ops]"
LOOPBACK = IPv4Address("127.0.0.1")


def private_v4() -> st.SearchStrategy[IPv4Address]:
    networks = ["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"]
    networks += ["100.64.0.0/10", "0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4"]
    return st.sampled_from(networks).flatmap(
        lambda network: st.ip_addresses(v=4, network=network).map(lambda a: IPv4Address(int(a)))
    )


def spellings(address: IPv4Address) -> list[str]:
    """Return what resolvers and parsers take for an IPv4 address."""
    number = int(address)
    a, b, c, d = address.packed
    wide = str.maketrans("0123456789.", "０１２３４５６７８９。")
    wrapped = [f"::ffff:{address}", f"::{address}", f"64:ff9b::{address}", f"64:ff9b:1::{address}"]
    wrapped += [f"2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1", f"::ffff:0:{address}"]
    wrapped += [f"2001:0:{a:02x}{b:02x}:{c:02x}{d:02x}::1", f"fe80::5efe:{address}"]
    return [
        str(address),
        f"{address}.",
        str(number),
        hex(number),
        f"0{number:o}",
        f"{a}.{int.from_bytes(address.packed[1:])}",
        f"{a}.{b}.{c << 8 | d}",
        f"0x{a:x}.{b}.{c}.{d}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"{a:03}.{b:03}.{c:03}.{d:03}",
        str(address).replace(".", "%2e"),
        str(address).translate(wide),
        *(f"[{one}]" for one in wrapped),
    ]


@given(private_v4())
@example(LOOPBACK)
@example(IPv4Address("169.254.169.254"))
def test_no_spelling_of_a_private_address_is_let_through(address: IPv4Address) -> None:
    for spelling in spellings(address):
        hosts = [spelling, spelling.strip("[]"), str(address)]  # even where it is named
        for scheme in ("https", "http"):
            with pytest.raises(UsageError):
                check_url(f"{scheme}://{spelling}/hook", origin=ORIGIN, hosts=hosts)


@given(st.ip_addresses())
def test_no_address_that_python_does_not_call_global_is_public(
    address: IPv4Address | IPv6Address,
) -> None:
    if not address.is_global or address.is_multicast or address.is_reserved:
        assert not is_public(address)
    assert not (is_public(address) and is_private(address))
    mapped = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    assert not (mapped and is_public(address))


@pytest.mark.parametrize(
    "text",
    ["127.0.0.1", "::1", "10.1.2.3", "100.64.0.1", "fd00::1", "192.168.1.1", "172.31.255.255"],
)
def test_networks_of_ones_own_are_private(text: str) -> None:
    assert is_private(ipaddress.ip_address(text))
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0",  # noqa: S104
        "::",
        "169.254.169.254",
        "fe80::1",
        "fe80::1%eth0",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
        "240.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2002:808:808::1",
        "2001:0:808:808::1",
        "2001:db8::1",
        "192.0.2.1",
        "198.18.0.1",
        "fec0::1",
    ],
)
def test_what_is_nobodys_or_in_disguise_is_neither(text: str) -> None:
    assert not is_private(ipaddress.ip_address(text))
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111"])
def test_others_are_public(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    ("named", "url"),
    [
        ("hooks.example.com", "https://HOOKS.Example.com/x"),
        ("Hooks.Example.com.", "https://hooks.example.com/x"),
        ("hooks.example.com", "https://hooks.example.com.:8443/x"),
        ("bücher.example", "https://xn--bcher-kva.example/"),
        ("xn--bcher-kva.example", "https://Bücher.example/"),
        ("2606:4700:4700::1111", "https://[2606:4700:4700:0:0:0:0:1111]/"),
        ("[2606:4700:4700::1111]", "https://[2606:4700:4700::1111]/"),
        ("8.8.8.8", "https://8.8.8.8/"),
    ],
)
def test_a_host_is_named_in_any_spelling_of_the_same(named: str, url: str) -> None:
    assert check_url(url, origin=ORIGIN, hosts=[named]).host == normalized(named)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/",
        "https://evil.hooks.example.com/",
        "https://hooks.example.com.evil.org",
        "https://hooks.example.co/",
        "https://xhooks.example.com/",
    ],
)
def test_a_host_that_is_not_named_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match=r"\[webhooks.ops\].*not among the hosts") as caught:
        check_url(url, origin=ORIGIN, hosts=["hooks.example.com"])
    assert "webhook_hosts" in caught.value.hint


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.com",
        "//hooks.example.com/",
        "ftp://hooks.example.com/",
        "file:///etc/passwd",
        "https://",
        "https:///canary",
        "http://hooks.example.com/canary",
        "https://canary:secret@hooks.example.com/",
        "https://canary@hooks.example.com/",
        "https://:@hooks.example.com/",
        "https://@hooks.example.com/",
        "https://hooks.example.com/#canary",
        "https://hooks.example.com/#",
        "https://hooks.example.com:99999/canary",
        "https://hooks.example.com:0/canary",
        "https://hooks.example.com\\@canary/",
        "https://hooks.example.com\t.canary/",
        "https://hooks.example.com\n/canary",
        "https://hooks.example.com%00.canary/",
        "https://hooks..example.com/canary",
        "https://[hooks.example.com/canary",
        "https://-hooks.example.com/canary",
    ],
)
def test_a_url_that_can_be_read_in_two_ways_or_says_too_much_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match=r"\[webhooks.ops\]") as caught:
        check_url(url, origin=ORIGIN, hosts=["hooks.example.com", "-hooks.example.com"])
    assert "canary" not in str(caught.value)


def test_http_goes_to_private_addresses_only_and_https_to_both_where_that_is_allowed() -> None:
    plain = check_url("http://box.lan/", origin=ORIGIN, hosts=["box.lan"], allow_private=True)
    assert plain.allows("192.168.1.1")
    assert not plain.allows("8.8.8.8")
    both = check_url("https://box.lan/", origin=ORIGIN, hosts=["box.lan"], allow_private=True)
    assert both.allows("192.168.1.1")
    assert both.allows("8.8.8.8")
    assert not both.allows("169.254.169.254")
    assert not both.allows("box.lan")
    only = check_url("https://box.lan/", origin=ORIGIN, hosts=["box.lan"])
    assert only.allows("8.8.8.8")
    assert not only.allows("192.168.1.1")


def test_a_query_is_neither_shown_nor_in_a_repr() -> None:
    found = check_url("https://h.example/a?key=canary", origin=ORIGIN, hosts=["h.example"])
    assert found.shown == "https://h.example/a"
    assert "canary" not in repr(found) + str(found)
