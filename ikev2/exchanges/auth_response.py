"""IKE_AUTH with a pre-shared key as its responder (RFC 7296 sections 1.2 and 2.15).

The connection is found by the identities, among those whose addresses and IKE proposals fitted
IKE_SA_INIT; the key is asked for; the answer leaves when the worker has the child.
"""

from collections.abc import Sequence

from ikecore.actions import Action, Authorize, Reason, Send
from ikecore.diagnosis import Code, Diagnosis, diagnose
from ikecore.identities import Identity
from ikecore.profile import Profile
from ikev2 import life
from ikev2.children import Agreed, Refusal, agree, install
from ikev2.exchanges.informational import delete
from ikev2.exchanges.keyed import Keyed, established
from ikev2.failures import identity_mismatch, psk_mismatch
from ikev2.keys import is_auth_good, psk_auth
from ikev2.message import Message, parse_header, parse_init
from ikev2.payloads.auth import Authentication, AuthMethod
from ikev2.payloads.ident import IdInitiator, IdResponder
from ikev2.payloads.ke import KeyExchangeData
from ikev2.payloads.nonce import Nonce
from ikev2.payloads.notify import Notify
from ikev2.payloads.sa import SecurityAssociation
from ikev2.payloads.ts import SelectorsInitiator, SelectorsResponder
from ikev2.payloads.types import NotifyType
from ikev2.sa import IkeSa, State, Waiting
from policy.path import Path
from suites.secret import Secret


class AwaitAuth(Waiting):
    """A half-open SA's knowledge: what IKE_SA_INIT settled, and which connections it may be."""

    def __init__(self, keyed: Keyed, candidates: Sequence[Profile]) -> None:
        self._keyed = keyed
        self._candidates = candidates
        self._requests: tuple[bytes, ...] = (keyed.request,)

    def on_cookie(self, sa: IkeSa, message: Message, path: Path) -> list[Action]:
        """Take it that AUTH may speak of this request, and answer it as the first.

        We had asked for the cookie, then the crowd was gone and the first request came once more
        (section 2.6): the initiator cannot tell which of its two requests was answered.
        """
        first = parse_init(self._keyed.request, parse_header(self._keyed.request))
        for kind in (SecurityAssociation, KeyExchangeData, Nonce):
            if message.one(kind) != first.one(kind):
                return super().on_cookie(sa, message, path)
        self._requests = (self._keyed.request, message.raw)
        sa.responses.reword(message.raw)
        return [sa.trace_received(message, path), Send(sa.responses.response, path)]

    def configured(self, sa: IkeSa, profiles: tuple[Profile, ...], now: float) -> list[Action]:
        """Forget the connections that are not what they were; without one left, end."""
        self._candidates = tuple(p for p in self._candidates if p in profiles)
        return [] if self._candidates else sa.close(Reason.RECONFIGURED, now)

    def on_request(self, sa: IkeSa, message: Message, now: float) -> list[Action]:
        """Find the connection, and ask for its key."""
        identity, auth = message.one(IdInitiator), message.one(Authentication)
        if identity is None or auth is None or message.one(SecurityAssociation) is None:
            return refuse(sa, message, diagnose(1, Code.INVALID_SYNTAX), now)
        wanted = message.one(IdResponder)
        found = _select(self._candidates, identity.identity, wanted.identity if wanted else None)
        if isinstance(found, Diagnosis):
            sa.connection = self._candidates[0].name if len(self._candidates) == 1 else ""
            return refuse(sa, message, found, now)
        sa.profile, sa.connection = found, found.name
        sa.waiting = RespondAuth(self._keyed, self._requests, message, identity, auth)
        return [
            sa.become(State.AUTHORIZING, f"IKE_AUTH from {identity.identity}"),
            Authorize(sa.sa, found.name, found.local_id, identity.identity),
        ]


def _select(
    candidates: Sequence[Profile], initiator: Identity, responder: Identity | None
) -> Profile | Diagnosis:
    known = [p for p in candidates if p.remote_id.matches(initiator)]
    if not known:
        return identity_mismatch([p.remote_id for p in candidates], initiator)
    ours = [p for p in known if responder is None or p.local_id.matches(responder)]
    if not ours and responder is not None:
        we_are = ", ".join(str(p.local_id) for p in known)
        return diagnose(
            1, Code.PEER_IDENTITY_MISMATCH, f"we are {we_are}", f"takes us for {responder}"
        )
    return ours[0]


class RespondAuth(Waiting):
    """The initiator's IKE_AUTH while its key is being fetched."""

    def __init__(
        self,
        keyed: Keyed,
        requests: tuple[bytes, ...],
        message: Message,
        identity: IdInitiator,
        auth: Authentication,
    ) -> None:
        self._keyed = keyed
        self._requests = requests  # AUTH signs one of them
        self._message = message
        self._identity = identity  # as it came: AUTH signs its octets
        self._auth = auth

    def authorized(self, sa: IkeSa, psk: Secret, now: float) -> list[Action]:
        """Check AUTH; answer with ours and the child, or with why not."""
        sa.waiting = Waiting()
        keyed, profile, message = self._keyed, sa.profile, self._message
        if not self._is_proven(psk):
            return refuse(sa, message, psk_mismatch(profile), now)
        we = IdResponder(profile.local_id)
        ours = psk_auth(
            keyed.keys, psk, keyed.response, keyed.nonces[0], we.body(), initiator=False
        )
        head = (we, Authentication(AuthMethod.SHARED_KEY, ours))
        sa.initial_contact = message.notify(NotifyType.INITIAL_CONTACT) is not None
        life.begin(sa, now)
        up: list[Action] = [
            sa.become(State.ESTABLISHED, "both ends authenticated"),
            established(sa, keyed.suite, self._identity.identity),
        ]
        agreed = _offered_child(profile, message)
        if isinstance(agreed, Refusal):
            answer = sa.answer(message.header, (*head, Notify(agreed.notify)), now)
            failed = sa.fail(agreed.diagnosis)
            return [*answer, *up, failed, *delete(sa, Reason.FAILED, now)]
        spi = sa.offer_spi(now)
        before, after = install(sa, profile, keyed.keys, agreed, spi)
        accepted = SecurityAssociation((agreed.suite.proposal(spi.to_bytes(4, "big")),))
        answer = sa.answer(
            message.header,
            (
                *head,
                accepted,
                SelectorsInitiator(agreed.remote_ts),
                SelectorsResponder(agreed.local_ts),
            ),
            now,
        )
        return [*before, *answer, *up, *after]

    def _is_proven(self, psk: Secret) -> bool:
        keyed, identity = self._keyed, self._identity.body()
        expected = [
            psk_auth(keyed.keys, psk, request, keyed.nonces[1], identity, initiator=True)
            for request in self._requests
        ]
        return self._auth.method == AuthMethod.SHARED_KEY and any(
            is_auth_good(one, self._auth.data) for one in expected
        )

    def refused(self, sa: IkeSa, now: float) -> list[Action]:
        """End: there is no key for this peer."""
        return refuse(sa, self._message, diagnose(1, Code.KEY_MISSING), now)


def _offered_child(profile: Profile, message: Message) -> Agreed | Refusal:
    offered = message.one(SecurityAssociation)
    tsi, tsr = message.one(SelectorsInitiator), message.one(SelectorsResponder)
    return agree(
        profile,
        offered.proposals if offered is not None else (),
        tsi.selectors if tsi is not None else (),
        tsr.selectors if tsr is not None else (),
    )


def refuse(sa: IkeSa, message: Message, diagnosis: Diagnosis, now: float) -> list[Action]:
    """Answer that authentication failed, and no more: a stranger learns nothing (2.21.2)."""
    answer = sa.answer(message.header, (Notify(NotifyType.AUTHENTICATION_FAILED),), now)
    return [*answer, sa.fail(diagnosis), *sa.close(Reason.FAILED, now)]
