"""What does not fit together within one connection: peer, networks, modes."""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from ikebana.config.crypto import IpsecSettings
from ikebana.config.life import CloseAction, DpdAction, Initiation, RoutingMode
from ikebana.config.networks import NO_COMMON_VERSION, on_both_sides
from ikebana.config.problems import Refusal
from ikebana.config.treatment import treatment_refusals

if TYPE_CHECKING:
    from ikebana.config.connection import Connection

SIDES: Final = ("local_subnets", "remote_subnets")


def can_move(nat_traversal: bool, ipsec: IpsecSettings) -> bool:
    """Tell whether MOBIKE is offered unasked: tunnel mode, and a NAT may come (RFC 4555)."""
    return nat_traversal and ipsec.mode == "tunnel"


def refusals_within(one: "Connection") -> Iterator[Refusal]:
    """Find what does not fit together, places relative to the connection; algorithms aside."""
    if one.is_any_peer:
        if one.remote_id is None:
            yield Refusal(
                ("remote_id",),
                'required with peer = "any"',
                "the identity the peer sends, usually its inner address",
            )
        if one.initiation is not Initiation.PASSIVE:
            yield Refusal(
                ("initiation",),
                f'peer_address_unknown: {one.initiation} needs to know where the peer = "any" is',
                "passive, or give the peer's address",
            )
        else:
            yield from _held_for_nobody(one)
    if one.force_encap and not one.nat_traversal:
        yield Refusal(
            ("force_encap",), "needs nat_traversal", "nat_traversal = true, or leave it out"
        )
    if one.mobike and one.ipsec.mode != "tunnel":  # without NAT traversal: NO_NATS_ALLOWED
        needs = 'ipsec.mode = "tunnel"'
        yield Refusal(("mobike",), f"needs {needs}", f"{needs}, or leave mobike out")
    if one.ipsec.protocol == "ah" and one.nat_traversal:
        yield Refusal(("ipsec", "protocol"), "AH does not pass a NAT", "add nat_traversal = false")
    yield from treatment_refusals(one.packets, one.ipsec.protocol, one.ipsec.mode)
    yield from _address_refusals(one)
    yield from _rule_refusals(one)
    yield from _transport_refusals(one)


def _held_for_nobody(one: "Connection") -> Iterator[Refusal]:
    held = (
        (("close_action",), one.close_action is CloseAction.HOLD),
        (("dpd", "action"), one.dpd.action is DpdAction.HOLD),
    )
    for place, is_held in held:
        if is_held:
            yield Refusal(
                place,
                'peer_address_unknown: hold needs to know where the peer = "any" is',
                "clear, or give the peer's address",
            )


def _address_refusals(one: "Connection") -> Iterator[Refusal]:
    if one.local_address is None or not one.peer_address:
        return
    if ip_address(one.local_address).version != ip_address(one.peer_address).version:
        yield Refusal(
            ("local_address",),
            "of the other IP version than the peer's address",
            "both IPv4 or both IPv6",
        )
    elif one.local_address == one.peer_address:
        yield Refusal(("peer",), "the peer has our own address", "give the other gateway's")


def _rule_refusals(one: "Connection") -> Iterator[Refusal]:
    given = [name for name in SIDES if name in one.model_fields_set]
    is_policy = one.routing_mode is RoutingMode.POLICY
    if one.spd_policies:
        for name in given:
            yield Refusal((name,), "excluded by spd_policies", "keep one of the two")
        if not is_policy:
            yield Refusal(("spd_policies",), "only in policy mode", 'add routing_mode = "policy"')
        if given or not is_policy:
            return
    elif is_policy and not one.is_between_ends:
        for name in SIDES:
            if name not in given:
                yield Refusal((name,), "required in policy mode", 'for instance ["10.1.0.0/24"]')
        if len(given) < 2:
            return
    if is_policy:
        yield from _overlaps(one)
    for at, rule in enumerate(one.rules):
        if not rule.size:
            yield Refusal(one.place(at), *NO_COMMON_VERSION)


def _overlaps(one: "Connection") -> Iterator[Refusal]:
    for at, index, remote, local in on_both_sides(one.rules):
        yield Refusal(
            (*one.place(at), index),
            f"{remote} overlaps the local network {local}",
            "no network is on both sides in policy mode",
        )


def _transport_refusals(one: "Connection") -> Iterator[Refusal]:
    """Transport mode is between two hosts: its networks are addresses (RFC 7296 2.23.1)."""
    if one.ipsec.mode == "tunnel":
        return
    if one.is_between_ends:
        if one.is_any_peer:
            yield Refusal(
                ("remote_subnets",),
                'required in transport mode with peer = "any"',
                "the addresses that peers may have",
            )
        return
    given = [name for name in SIDES if name in one.model_fields_set]
    if len(given) == 1:
        (missing,) = set(SIDES) - set(given)
        yield Refusal(
            (missing,),
            f"required beside {given[0]} in transport mode",
            "give both, or none for the addresses of the two ends",
        )
        return
    for at, rule in enumerate(one.rules):
        for field, side in (("local", rule.local_cidrs), ("remote", rule.remote_cidrs)):
            for index, net in enumerate(side):
                if not net.prefixlen:
                    yield Refusal(
                        (*one.place(at, field), index),
                        f"{net} in transport mode, which is between two hosts",
                        "an address, or leave the networks out for those of the two ends",
                    )
