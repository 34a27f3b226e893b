"""Two IKEv1 endpoints run main mode and quick mode in memory, without root; moon's view of it."""

from os import urandom
from types import SimpleNamespace

from ikebana.render.ladder import ladder
from ikecore import actions, events, identities, keywords, profile, proposals, spipool
from ikev1.endpoint import Endpoint
from policy.path import Path
from policy.selectors import any_of
from suites.secret import Secret

OTHER, TS = {"moon": "sun", "sun": "moon"}, (profile.ChildProfile((any_of(4),), (any_of(4),)),)
IKE = (keywords.parse_proposal("aes128-sha256-ecp256", proposals.Protocol.IKE),)
ESP = (keywords.parse_proposal("aes128gcm16-ecp256", proposals.Protocol.ESP),)  # with PFS
ids, dice = {n: identities.Identity.parse(n) for n in OTHER}, SimpleNamespace(octets=urandom)
ends = {n: Endpoint(dice, spipool.SpiPool(dice)) for n in OTHER}
V1 = profile.IkeVersion.IKEV1
nets = {n: profile.Profile("net", ids[OTHER[n]], IKE, ESP, TS, ids[n], version=V1) for n in OTHER}
todo: list[tuple[str, events.Event]] = [(n, events.Configured((nets[n],))) for n in OTHER]
todo.append(("moon", events.Initiate(nets["moon"], Path(("192.0.2.1", 500), ("192.0.2.2", 500)))))
seen: list[actions.Action] = []  # what moon did and told
for name, event in todo:  # each event's actions are the next events
    for action in ends[name].handle(event, now=0.0):
        if isinstance(action, actions.Send):
            todo.append((OTHER[name], events.DatagramReceived(action.data, action.path.reversed)))
        elif isinstance(action, actions.Authorize):
            todo.append((name, events.Authorized(action.sa, Secret(b"a shared secret"))))
        elif name == "moon":
            seen.append(action)
print(*ladder((a.record for a in seen if isinstance(a, actions.Traced)), "moon", "sun"), sep="\n")
