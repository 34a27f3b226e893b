"""The lab with a router in its wan that takes only so large packets, and says so.

    ga wan 10.99.0.1 === a mid b === wan 10.99.0.2 gb

It answers for each gateway's address on the other's side (proxy ARP, proxy NDP), so that both keep
the addresses they have in any lab.  Packets too large are cut into fragments where that is allowed,
else told of by ICMP.
"""

from typing import Final

from tests.lab.needs import find
from tests.lab.topology import ADDRESSES, Lab, set_addresses

_SIDES: Final = (("a", "ga", 1, 253), ("b", "gb", 2, 254))
_OFF: Final = ("tso", "off", "gso", "off", "gro", "off", "tx", "off", "rx", "off")
SMALLEST6: Final = 1280
"""No IPv6 path is narrower (RFC 8200 section 5)."""


class NarrowLab(Lab):
    """A :class:`Lab` with a router in its wan; it begins as wide as the gateways' own devices."""

    def narrow(self, mtu: int) -> None:
        """Take packets of at most so many octets, both ways; IPv6 has 1280 at least.

        What gateways and hosts have learnt about the path so far is forgotten.
        """
        for ifname, _, last, _ in _SIDES:
            self._ip("-4", "route", "replace", f"10.99.0.{last}/32", "dev", ifname,
                     "mtu", "lock", str(mtu))  # fmt: skip
            self._ip("-6", "route", "replace", f"fd99::{last}/128", "dev", ifname,
                     "mtu", "lock", str(max(mtu, SMALLEST6)))  # fmt: skip
        self.forget()

    def forget(self) -> None:
        """Let gateways and hosts forget what they have learnt of any path's MTU."""
        for name in ("ca", "ga", "gb", "cb"):
            for version in ("-4", "-6"):
                self.check(name, [_IP, version, "route", "flush", "cache"])

    def join(self) -> None:
        """Put the router between the gateways."""
        mid = self.spaces.add("mid")
        mid.sysctl("net.ipv4.ip_forward", 1)
        mid.sysctl("net.ipv6.conf.all.forwarding", 1)
        mid.sysctl("net.ipv4.icmp_ratelimit", 0)
        mid.sysctl("net.ipv6.icmp.ratelimit", 0)
        for ifname, name, _, own in _SIDES:
            mid.veth(ifname, self[name], "wan")
            set_addresses(self[name], "wan", *ADDRESSES[name]["wan"])
            set_addresses(mid, ifname, f"10.99.0.{own}/32", f"fd99::{own}/128")
            for version, setting in (("ipv4", "proxy_arp"), ("ipv6", "proxy_ndp")):
                mid.sysctl(f"net.{version}.conf.{ifname}.{setting}", 1)
                mid.sysctl(f"net.{version}.neigh.{ifname}.proxy_delay", 0)
            for where, device in ((name, "wan"), ("mid", ifname)):
                self.check(where, [find("ethtool") or "ethtool", "-K", device, *_OFF])
        for ifname, other in (("a", 2), ("b", 1)):
            self._ip("-6", "neigh", "add", "proxy", f"fd99::{other}", "dev", ifname)
        for name in ("ca", "cb"):  # a tunnel on a path of 576 has less than the 552 they'd believe
            self[name].sysctl("net.ipv4.route.min_pmtu", 68)
        self.narrow(1500)

    def _ip(self, *argv: str) -> None:
        self.check("mid", [_IP, *argv])


_IP: Final = find("ip") or "ip"
