"""Why a negotiation failed, ours and theirs, and what to change on which side.

A diagnosis names the true cause, or the smallest set of causes that the protocol lets this side
tell apart, likeliest first.  What the peer did not say reads ``not told``; a guess is never shown
as a fact.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

NOT_TOLD: Final = "not told"


class Code(StrEnum):
    """The catalogue's codes; their texts are in :data:`CATALOGUE`."""

    PEER_NO_RESPONSE = "PEER_NO_RESPONSE"
    PEER_UNREACHABLE = "PEER_UNREACHABLE"
    PEER_NAME_UNRESOLVED = "PEER_NAME_UNRESOLVED"
    IKE_VERSION_MISMATCH = "IKE_VERSION_MISMATCH"
    MODE_MISMATCH = "MODE_MISMATCH"
    ENCRYPTION_MISMATCH = "ENCRYPTION_MISMATCH"
    INTEGRITY_MISMATCH = "INTEGRITY_MISMATCH"
    PRF_MISMATCH = "PRF_MISMATCH"
    DH_GROUP_MISMATCH = "DH_GROUP_MISMATCH"
    AUTH_METHOD_MISMATCH = "AUTH_METHOD_MISMATCH"
    PROPOSAL_REFUSED_BY_PEER = "PROPOSAL_REFUSED_BY_PEER"
    PSK_MISMATCH = "PSK_MISMATCH"
    PEER_IDENTITY_MISMATCH = "PEER_IDENTITY_MISMATCH"
    AUTH_REFUSED_BY_PEER = "AUTH_REFUSED_BY_PEER"
    KEY_MISSING = "KEY_MISSING"
    USER_REFUSED = "USER_REFUSED"
    ADDRESS_MISSING = "ADDRESS_MISSING"
    ESP_PROPOSAL_MISMATCH = "ESP_PROPOSAL_MISMATCH"
    PROTOCOL_MISMATCH = "PROTOCOL_MISMATCH"
    ENCAPSULATION_MISMATCH = "ENCAPSULATION_MISMATCH"
    PFS_MISMATCH = "PFS_MISMATCH"
    TS_MISMATCH = "TS_MISMATCH"
    TS_NARROWED = "TS_NARROWED"
    NAT_FORBIDDEN = "NAT_FORBIDDEN"
    INVALID_SYNTAX = "INVALID_SYNTAX"
    PEER_ERROR = "PEER_ERROR"
    CHILD_INSTALL_FAILED = "CHILD_INSTALL_FAILED"
    DPD_TIMEOUT = "DPD_TIMEOUT"
    BOTH_MOVED = "BOTH_MOVED"
    PEER_DELETED = "PEER_DELETED"
    ADMIN_DOWN = "ADMIN_DOWN"
    ANOTHER_STAYS = "ANOTHER_STAYS"
    LIMIT_REACHED = "LIMIT_REACHED"
    LIFETIME = "LIFETIME"
    INTERNAL_ERROR = "INTERNAL_ERROR"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a code means, and what to do here and at the peer."""

    title: str
    here: str
    there: str


# fmt: off
CATALOGUE: Final[dict[Code, Entry]] = {
    Code.PEER_NO_RESPONSE: Entry(
        "the peer does not answer",
        "check the peer's address, and that UDP 500 and 4500 pass both ways",
        "check that its IKE daemon runs and listens; if it is behind NAT, let it start"),
    Code.PEER_UNREACHABLE: Entry(
        "the network reports that the peer cannot be reached",
        "check the route to the peer and the firewalls on the way",
        "check that its IKE daemon listens on UDP 500 and 4500"),
    Code.PEER_NAME_UNRESOLVED: Entry(
        "the peer's host name has no address",
        "check the name and this host's resolver", "register the name"),
    Code.IKE_VERSION_MISMATCH: Entry(
        "the two ends speak different IKE versions",
        "set ike.version to what the peer uses", "set it to the same IKE version"),
    Code.MODE_MISMATCH: Entry(
        "one end wants IKEv1's main mode, the other aggressive mode",
        "set ike.mode to what the peer uses (as its responder, aggressive mode also needs "
        "ike.allow_aggressive_psk)",
        "set its mode to ours; main mode wherever both can"),
    Code.ENCRYPTION_MISMATCH: Entry(
        "no common encryption algorithm for IKE",
        "add one of theirs to ike.proposals", "add one of ours to its IKE proposals"),
    Code.INTEGRITY_MISMATCH: Entry(
        "no common integrity algorithm for IKE",
        "add one of theirs to ike.proposals", "add one of ours to its IKE proposals"),
    Code.PRF_MISMATCH: Entry(
        "no common PRF for IKE",
        "add one of theirs to ike.proposals (prfsha256, …)", "add one of ours"),
    Code.DH_GROUP_MISMATCH: Entry(
        "no common key exchange group for IKE",
        "add one of theirs to ike.proposals", "add one of ours to its IKE proposals"),
    Code.AUTH_METHOD_MISMATCH: Entry(
        "the two ends want to authenticate in different ways over IKEv1",
        "set xauth.role where the peer wants a user's password beside the PSK, and only there",
        "set its method to a pre-shared key, with XAUTH if we have that"),
    Code.PROPOSAL_REFUSED_BY_PEER: Entry(
        "the peer accepts none of our proposals",
        "compare proposals with the peer's", "its log tells which algorithms it wanted"),
    Code.PSK_MISMATCH: Entry(
        "the pre-shared keys differ",
        "enter the PSK again", "enter the same PSK again"),
    Code.PEER_IDENTITY_MISMATCH: Entry(
        "the peer's identity is not the one expected",
        "set remote_id to the identity the peer sends (local_id to what it expects)",
        "set its own identity to our remote_id, and the one it expects to our local_id"),
    Code.AUTH_REFUSED_BY_PEER: Entry(
        "the peer refused our key or our identity",
        "check psk, local_id and remote_id", "its log tells which of them it refused"),
    Code.KEY_MISSING: Entry(
        "no pre-shared key for this peer",
        "give the connection a psk", "nothing to do there"),
    Code.USER_REFUSED: Entry(
        "the user name or the password was refused (XAUTH)",
        "check xauth.user and xauth.password; as server, the [[user]] and xauth.users",
        "check the name and the password it has for this user"),
    Code.ADDRESS_MISSING: Entry(
        "no inner address was given (mode config)",
        "as server, see whether the [[pool]] has an address left; as client, whether "
        "address.method is the peer's",
        "see whether its pool has an address left, and whether it pulls or pushes"),
    Code.ESP_PROPOSAL_MISMATCH: Entry(
        "no common ESP proposal",
        "add one of theirs to ipsec.proposals", "add one of ours to its ESP proposals"),
    Code.PROTOCOL_MISMATCH: Entry(
        "one end wants ESP, the other AH",
        "set ipsec.protocol to the peer's", "set its protocol to ours"),
    Code.ENCAPSULATION_MISMATCH: Entry(
        "one end wants transport mode, the other tunnel mode",
        "set ipsec.mode to the peer's", "set its mode to ours"),
    Code.PFS_MISMATCH: Entry(
        "no common group for the child's own key exchange (PFS)",
        "set ipsec.pfs to a group of the peer's", "add our group to its ESP proposals"),
    Code.TS_MISMATCH: Entry(
        "the networks of the two ends do not mirror each other",
        "our local_subnets must be its remote ones, our remote_subnets its local ones",
        "mirror the networks: its remote ones are our local_subnets"),
    Code.TS_NARROWED: Entry(
        "the peer took only part of the networks",
        "compare local_subnets and remote_subnets", "compare its networks with ours"),
    Code.NAT_FORBIDDEN: Entry(
        "there is a NAT on the way and nat_traversal is off",
        "set nat_traversal = true", "switch NAT traversal on"),
    Code.INVALID_SYNTAX: Entry(
        "the peer sent, or says we sent, a message that breaks the protocol",
        "capture the exchange with --keylog and report it", "look at its log for the reason"),
    Code.PEER_ERROR: Entry(
        "the peer answered with an error",
        "see the notify's name", "look at its log for the reason"),
    Code.CHILD_INSTALL_FAILED: Entry(
        "the packet worker did not take the SA",
        "look at the log of this daemon", "nothing to do there"),
    Code.DPD_TIMEOUT: Entry(
        "the peer stopped answering",
        "check the path; the tunnel starts again as dpd.action says",
        "check that its daemon runs"),
    Code.BOTH_MOVED: Entry(
        "both ends may have left their addresses at once, for ones the other was not told of",
        "find out where the peer is now; a host name that follows it, as its remote address, "
        "lets the next try reach it",
        "let one end keep its address, or have a second one before it loses the first"),
    Code.PEER_DELETED: Entry(
        "the peer deleted the tunnel",
        "nothing to do here, unless it repeats", "its log tells why"),
    Code.ADMIN_DOWN: Entry(
        "taken down by the operator", "ikebana up NAME", "nothing to do there"),
    Code.ANOTHER_STAYS: Entry(
        "the peer is connected already, and uniqueness = keep lets the older one stay",
        "set uniqueness to replace or never", "end the older connection first"),
    Code.LIMIT_REACHED: Entry(
        "a limit of this gateway was reached",
        "raise the limit, or find who opens so many", "nothing to do there"),
    Code.LIFETIME: Entry(
        "the SA reached its lifetime", "nothing to do here", "nothing to do there"),
    Code.INTERNAL_ERROR: Entry(
        "a bug of ours closed this SA; the log has the traceback",
        "report it with the log", "nothing to do there"),
}
# fmt: on


@dataclass(frozen=True, slots=True)
class Finding:
    """One possible cause: what we have, what the peer has (or ``not told``)."""

    code: Code
    ours: str = ""
    theirs: str = NOT_TOLD

    @property
    def entry(self) -> Entry:
        """Return the catalogue's texts for this cause."""
        return CATALOGUE[self.code]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Stage 1 (IKE) or 2 (ESP), the headline, the possible causes, and what was seen.

    ``findings`` are likeliest first; one alone is the cause.  ``proven`` is False when the only
    evidence was unauthenticated.
    """

    stage: int
    code: Code
    findings: tuple[Finding, ...]
    evidence: str = ""
    proven: bool = True

    @property
    def certain(self) -> bool:
        """Return whether this is the cause, and not one of several or mere hearsay."""
        return self.proven and len(self.findings) == 1

    def lines(self) -> tuple[str, ...]:
        """Return the text that CLI, API, log and console all show."""
        out = [f"Stage {self.stage} failure: {self.code}: {CATALOGUE[self.code].title}"]
        if self.evidence:
            out.append(f"  seen: {self.evidence}" + ("" if self.proven else " (not authenticated)"))
        if not self.certain:
            several = len(self.findings) > 1
            out.append(f"  possible cause{'s, likeliest first' if several else ''}:")
        for finding in self.findings:
            if not self.certain:
                out.append(f"  * {finding.code}: {finding.entry.title}")
            if finding.ours:
                out += [f"    ours:   {finding.ours}", f"    theirs: {finding.theirs}"]
            out.append(f"    here:   {finding.entry.here}")
            out.append(f"    there:  {finding.entry.there}")
        return tuple(out)


def diagnose(
    stage: int, code: Code, ours: str = "", theirs: str = NOT_TOLD, evidence: str = ""
) -> Diagnosis:
    """Return a diagnosis with one certain cause."""
    return Diagnosis(stage, code, (Finding(code, ours, theirs),), evidence)
