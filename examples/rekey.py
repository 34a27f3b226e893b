"""What two_sas.py made is renewed, in memory: the child first, then the IKE SA under it."""

from examples.two_sas import OTHER, ends, seen  # which prints how it was made
from ikebana.render.ladder import ladder
from ikecore import actions, events

(child,) = (one for one in seen if isinstance(one, actions.ChildEstablished))
seen.clear()
lesson: list[events.Event] = [events.RekeyWanted(child.inbound_spi, "shown")]
lesson.append(events.RekeyIkeWanted(child.sa, "shown"))
for minute, wanted in enumerate(lesson, start=1):
    todo = [("moon", wanted)]
    for name, event in todo:
        for one in ends[name].handle(event, now=60.0 * minute):
            if isinstance(one, actions.Send):
                todo.append((OTHER[name], events.DatagramReceived(one.data, one.path.reversed)))
            elif name == "moon":
                seen.append(one)
print(*ladder((a.record for a in seen if isinstance(a, actions.Traced)), "moon", "sun"), sep="\n")
for told in seen:
    if isinstance(told, actions.ChildEstablished):
        print(f"child {told.replaces:08x} is {told.inbound_spi:08x} now")
    elif isinstance(told, actions.Established):
        print(f"IKE SA {told.replaces.hex()} is {told.sa.hex()} now")
