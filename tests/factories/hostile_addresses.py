"""Addresses that must never lead to a connection: spellings, network addresses, redirects."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

#: Network addresses that no fetch may reach, and what they are.
NOT_PUBLIC_IPV4 = [
    *("0.0.0.0", "0.0.0.1", "0.255.255.255"),
    *("10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255"),
    *("127.0.0.1", "127.0.1.1", "127.255.255.254"),
    *("168.63.129.16", "169.254.0.1", "169.254.169.254", "169.254.170.2", "169.254.255.255"),
    *("172.16.0.1", "172.17.0.1", "172.31.255.255"),
    *("192.0.0.1", "192.0.0.9", "192.0.0.10", "192.0.0.170", "192.0.0.192", "192.0.2.1"),
    *("192.31.196.1", "192.52.193.1", "192.88.99.1", "192.168.0.1", "192.168.255.255", "192.175.48.1"),
    *("198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1"),
    *("224.0.0.1", "232.1.1.1", "239.255.255.250", "240.0.0.1", "255.255.255.254", "255.255.255.255"),
]

NOT_PUBLIC_IPV6 = [
    *("::", "::1", "::2", "::127.0.0.1", "::169.254.169.254", "::8.8.8.8"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "::ffff:8.8.8.8"),
    *("::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8"),
    *("64:ff9b::127.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b::8.8.8.8"),
    *("64:ff9b:1::10.0.0.1", "64:ff9b:1:ffff::1"),
    *("100::1", "100:0:0:1::1", "200::1", "400::1", "1000::1"),
    *("2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:1::1", "2001:2::1", "2001:3::1"),
    *("2001:4:112::1", "2001:10::1", "2001:20::1", "2001:30::1", "2001:1ff:ffff::1", "2001:db8::1"),
    *("2002:7f00:1::1", "2002:a9fe:a9fe::1", "2002:c0a8:1::", "2002:808:808::1"),
    *("2606:4700::5efe:10.0.0.1", "2606:4700::200:5efe:169.254.169.254", "2a00:1450::100:5efe:8.8.8.8"),
    *("2620:4f:8000::1", "3ffe::1", "3fff::1", "3fff:fff::1", "4000::1", "5f00::1", "8000::1"),
    *("fc00::1", "fd00:ec2::254", "fdff::1", "fe00::1", "fe80::1", "fe80::a9fe:a9fe", "febf::1"),
    *("fec0::1", "feff::1", "ff01::1", "ff02::1", "ff05::2", "ff0e::1", "ffff::1"),
]

PUBLIC = ["8.8.8.8", "93.184.215.14", "192.0.1.1", "100.63.255.255", "172.32.0.1", "223.255.255.255"]
PUBLIC += ["2606:4700:4700::1111", "2001:200::1", "2a00:1450:4001:80b::200e", "2003::1", "2620:fe::fe"]


def _number(address: str) -> int:
    return int(ipaddress.IPv4Address(address))


def _each(address: str, form: str) -> str:
    return ".".join(form.format(int(part)) for part in address.split("."))


def _moved(address: str, zero: int) -> str:
    """With the digits of another script or shape; ``zero`` is that script's."""
    return "".join(chr(zero + int(one)) if one.isdigit() else one for one in address)


def _circled(address: str) -> str:
    return "".join("⓪①②③④⑤⑥⑦⑧⑨"[int(one)] if one.isdigit() else one for one in address)


def _short(address: str) -> str:
    """The last three numbers as one: 127.0.0.1 is 127.1."""
    head, rest = address.split(".", 1)
    return f"{head}.{_number('0.' + rest)}"


def _two_and_one(address: str) -> str:
    one, two, rest = address.split(".", 2)
    return f"{one}.{two}.{_number('0.0.' + rest)}"


#: How a host that is an IPv4 address may be written so that some reader understands it.
SPELLINGS: dict[str, Callable[[str], str]] = {
    "decimal": lambda address: str(_number(address)),
    "hexadecimal": lambda address: hex(_number(address)),
    "HEXADECIMAL": lambda address: f"0X{_number(address):08X}",
    "long hexadecimal": lambda address: f"0x{_number(address):016x}",
    "octal": lambda address: f"0{_number(address):o}",
    "octal parts": lambda address: _each(address, "0{:o}"),
    "long octal parts": lambda address: _each(address, "00000{:o}"),
    "hexadecimal parts": lambda address: _each(address, "0x{:x}"),
    "padded parts": lambda address: _each(address, "{:03d}"),
    "one number less": _two_and_one,
    "two numbers less": _short,
    "dot at the end": lambda address: f"{address}.",
    "full-width digits": lambda address: _moved(address, ord("０")),
    "full-width dots": lambda address: address.replace(".", "．"),
    "ideographic dots": lambda address: address.replace(".", "。"),
    "mathematical digits": lambda address: _moved(address, ord("𝟎")),
    "circled digits": _circled,
    "superscript dot": lambda address: address.replace(".", "｡"),
    "escaped": lambda address: "".join(f"%{ord(one):02x}" for one in address),
    "escaped dots": lambda address: address.replace(".", "%2e"),
    "escaped twice": lambda address: address.replace(".", "%252e"),
    "in brackets": lambda address: f"[{address}]",
    "mapped": lambda address: f"[::ffff:{address}]",
    "mapped in full": lambda address: (
        f"[0:0:0:0:0:ffff:{_number(address) >> 16:x}:{_number(address) & 65535:x}]"
    ),
    "compatible": lambda address: f"[::{address}]",
    "NAT64": lambda address: f"[64:ff9b::{address}]",
    "6to4": lambda address: f"[2002:{_number(address) >> 16:x}:{_number(address) & 65535:x}::1]",
    "with a zone": lambda address: f"[::ffff:{address}%25lo]",
    "soft hyphen": lambda address: address[:1] + "\u00ad" + address[1:],
    "zero width space": lambda address: address[:1] + "\u200b" + address[1:],
}

_WITHOUT_SPACES = r"""
http://user@public.example/ http://user:word@public.example/ http://@public.example/
http://127.0.0.1@public.example/ http://public.example@127.0.0.1/ http://public.example:80@127.0.0.1
http://public.example\@127.0.0.1/ http://127.0.0.1\@public.example/ http:\\127.0.0.1\a
http://public.example\.internal.example/ http://public.example%5c@127.0.0.1/ http:/127.0.0.1/
http:127.0.0.1 http:///127.0.0.1/ //127.0.0.1/ 127.0.0.1 http:// http://127.0.0.1#@public.example/
http://127.0.0.1?@public.example/ http://127.0.0.1;@public.example/ http://127.0.0.1&@public.example/
http://public.example:22/ http://public.example:8080/ http://public.example:0/ http://public.example:65616/
http://public.example:443/ https://public.example:80/ http://public.example:080/ http://public.example:/
http://public.example:８０/ http://public.example:80:80/ http://public.example:-80/ http://127.0.0.1:80/
http://[::1]:80/ http://public.example%00.internal.example/ http://127.0.0.1%00/
http://public.example%0d%0a/ http://public.example%20/ http://public.example%2f@127.0.0.1/
http://public.example%23.internal/ http://public.example%3f/ http://public.example%40127.0.0.1/
http://%31%32%37.1/ http://p%75blic.example/ http://public.example./ http://public.example../
http://public..example/ http://.public.example/ http://ｐublic.example/ http://public．example/
http://pubʟic。example/ http://ⓔxample.example/ http://℀.example/ http://straße.example/
http://xn--.example/ http://xn--a-.example/ http://xn--zzzzzzzzz.example/ http://ｌocalhost/
http://localhost/ http://LOCALHOST/ http://localhost./ http://localhost.localdomain/ http://loc%61lhost/
http://foo.localhost/ http://printer.local/ http://metadata.google.internal/ http://metadata/
http://router.home.arpa/ http://abcdefghijklmnop.onion/ http://x.invalid/ http://name.alt/
http://127.0.0.1.:80/ http://localhost%2e/ http://0/ http://00/ http://0x0/ http://0x/ http://1e3/
http://256.256.256.256/ http://1.2.3.4.5/ http://4294967296/ http://0x100000000/ http://09.1/
http://127.0.0.1.0x/ http://-1/ http://[::1]/ http://[::]/ http://[0:0:0:0:0:0:0:1]/ http://[::0001]/
http://[::1%25lo]/ http://[fe80::1%25eth0]/ http://[::1 http://::1/ http://[::1]a/ http://[]/
http://[v1.a]/ http://[::1].public.example/ http://[public.example]/ http://[::ffff:7f00:1]/
http://[::7f00:1]/ file:///etc/passwd file://127.0.0.1/etc/passwd FILE:///etc/passwd
gopher://127.0.0.1:6379/_INFO dict://127.0.0.1:11211/stats ftp://127.0.0.1/ ldap://127.0.0.1/
tftp://127.0.0.1/a ssh://127.0.0.1/ data:text/plain,a javascript:alert(1) jar:http://127.0.0.1!/
netdoc:///etc/passwd unix:///run/a http+unix://%2frun%2fdocker.sock/ ws://127.0.0.1/
wss://public.example/ view-source:http://public.example/ blob:http://127.0.0.1/ about:blank
mailto:a@b.example httpſ://127.0.0.1/ httpı://127.0.0.1/
"""

#: Addresses wrong in themselves. The host that is named would be reached, or another, or none.
ODD = [
    *_WITHOUT_SPACES.split(),
    *("", " ", "http:// /", " http://public.example/", "http://public.example/ ", "\nhttp://public.example/"),
    *("http://public.example\r\n/", "http://public.example/a\nb", "http://public.example/\x00"),
    *("http://public.example/\r\nHost: 127.0.0.1", "http://pub\tlic.example/", "http://public .example/"),
    "http://faceboo\N{KELVIN SIGN}.example/",
    "http://public.example/" + "a" * 10_000,
    "http://" + "a" * 64 + ".example/",
    "http://" + "a." * 200 + "example/",
]

_REDIRECTS = r"""
http://169.254.169.254/latest/meta-data/ http://127.0.0.1/ //127.0.0.1/ http://[::1]/ http://0/
http://2852039166/ http://0xa9fea9fe/ http://127.1/ http://[::ffff:169.254.169.254]/ http://0177.1/
http://localhost/ http://private.example/ //private.example/a http://mixed.example/ http:///127.0.0.1
file:///etc/passwd gopher://127.0.0.1/ data:text/plain,a javascript:alert(1) ftp://127.0.0.1/
http://public.example:22/ //public.example:8080/ http://u:p@public.example/
http://127.0.0.1\@public.example/ \\127.0.0.1\a /\127.0.0.1/ http://public.example%00@127.0.0.1/
http://127.0.0.1%2f/ http://[::1 http://１２７.0.0.1/ http://127。0。0。1/ http://public.example./
http://p%75blic.example/ //@127.0.0.1/ https:127.0.0.1 http://[fe80::1%25lo]/ http://[64:ff9b::7f00:1]/
"""

#: Where a public server may try to send us on to.
REDIRECTS = _REDIRECTS.split()
