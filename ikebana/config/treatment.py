"""How the packets of a connection are wrapped: what one end alone decides, nothing negotiated."""

from collections.abc import Iterator
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Field, PlainValidator, Strict

from ikebana.config.fields import Model
from ikebana.config.problems import Refusal, refuse
from policy.treatment import PLAIN, WHOLE_PATH, DontFragment, Treatment

REPLAY_WINDOW: Final = (32, 4096)
_CODE_POINTS: Final = 64
_LEAST_TFC: Final = 4
_MOST_TFC: Final = 65_535

Dscp: TypeAlias = int | Literal["copy"]
Ttl: TypeAlias = int | Literal["system"]
Window: TypeAlias = int
Tfc: TypeAlias = int | Literal["mtu"]


def _number(value: object, low: int, high: int) -> int | None:
    """Return a whole number within bounds; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return value
    return None


def _dscp(value: object) -> Dscp:
    found = _number(value, 0, _CODE_POINTS - 1)
    if value == "copy":
        return "copy"
    if found is None:
        raise refuse("no code point", '"copy", or 0 to 63 (46 is expedited forwarding)')
    return found


def _ttl(value: object) -> Ttl:
    found = _number(value, 1, 255)
    if value == "system":
        return "system"
    if found is None:
        raise refuse("no number of hops", '"system", or 1 to 255')
    return found


def _window(value: object) -> Window:
    low, high = REPLAY_WINDOW
    if value == "off":
        return 0
    found = _number(value, 0, high)
    if found is None or 0 < found < low:
        raise refuse("no window that this version has", f'{low} to {high}, or "off"')
    return found


def _tfc(value: object) -> Tfc:
    if value == "mtu":
        return "mtu"
    found = _number(value, 0, _MOST_TFC)
    if found is None or 0 < found < _LEAST_TFC:
        raise refuse("nothing to pad to", f'0 (not), {_LEAST_TFC} to {_MOST_TFC}, or "mtu"')
    return found


class PacketSettings(Model):
    """How packets are wrapped and unwrapped: ``[connection.packets]``."""

    dscp: Annotated[Dscp, PlainValidator(_dscp)] = Field(
        default="copy",
        description="Differentiated services code point of the outer header: that of the packet "
        "inside (`copy`, which shows to anybody what kind of traffic it is), or this one. "
        "Congestion marks (ECN) are carried across both ways whatever is chosen (RFC 6040).",
        json_schema_extra={"type": "`copy` or 0-63"},
    )
    df: Annotated[DontFragment, Strict(False)] = Field(
        default=PLAIN.df,
        description="Whether routers may fragment the outer IPv4 packet: always (`clear`), never "
        "(`set`), or as the packet inside has it (`copy`). `clear` works on every path and "
        "believes no ICMP; the other two learn the path's MTU from it, and lose what is larger "
        "where a firewall swallows it. Over IPv6 the path's MTU is learned in any case.",
    )
    ttl: Annotated[Ttl, PlainValidator(_ttl)] = Field(
        default="system",
        description="TTL or hop limit of the outer header; `system`: the host's own. That of the "
        "packet inside loses one at each gateway, where the host forwards it.",
        json_schema_extra={"type": "`system` or 1-255"},
    )
    replay_window: Annotated[Window, PlainValidator(_window)] = Field(
        default=PLAIN.replay_window,
        description="How many sequence numbers back a packet may come late; `off`: packets sent "
        "twice are taken twice, by whoever recorded them.",
        json_schema_extra={"type": "32-4096 or `off`"},
    )
    tfc: Annotated[Tfc, PlainValidator(_tfc)] = Field(
        default=0,
        description="Whether packets are padded so that their sizes tell less: up to a multiple "
        "of so many octets, or `mtu` to the largest the path takes; 0: not. Needs ESP in tunnel "
        "mode; left out for a peer that does not take it.",
        json_schema_extra={"type": "0, 4-65535 or `mtu`"},
    )
    dummy_s: int = Field(
        default=0,
        ge=0,
        le=3600,
        description="Seconds between packets that hold nothing and that the peer drops (RFC 4303 "
        "section 2.6), to see how it takes them; 0: none.",
    )

    @property
    def treatment(self) -> Treatment:
        """Return it as the packet path knows it."""
        return Treatment(
            dscp=None if self.dscp == "copy" else self.dscp,
            df=self.df,
            ttl=0 if self.ttl == "system" else self.ttl,
            replay_window=self.replay_window,
            tfc=WHOLE_PATH if self.tfc == "mtu" else self.tfc,
            dummy=self.dummy_s,
        )


def treatment_refusals(packets: PacketSettings, protocol: str, mode: str) -> Iterator[Refusal]:
    """Find what AH or transport mode have no room for, places relative to the connection."""
    if packets.tfc and mode != "tunnel":
        yield Refusal(("packets", "tfc"), 'needs ipsec.mode = "tunnel"', "leave it out")
    if protocol == "ah":
        for name in ("tfc", "dummy_s"):
            if getattr(packets, name):
                yield Refusal(("packets", name), "AH has neither", "leave it out, or take ESP")
