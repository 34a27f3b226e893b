"""Which connections a new peer may be: found by its address, in the operator's order."""

from collections.abc import Sequence

from ikecore.profile import Profile
from policy.path import Path


class Candidates:
    """Connections indexed by the peer's address: a look-up costs the same however many there are.

    Those that admit any address are candidates for every peer.  ``major`` is our version of IKE.
    """

    def __init__(self, profiles: Sequence[Profile] = (), major: int = 2) -> None:
        self._major = major
        self._anybody: list[tuple[int, Profile]] = []
        self._by_address: dict[str, list[tuple[int, Profile]]] = {}
        for place, profile in enumerate(profiles):
            if not profile.remote:
                self._anybody.append((place, profile))
            for address in profile.remote:
                self._by_address.setdefault(address, []).append((place, profile))

    def knows(self, address: str) -> bool:
        """Return whether a connection admits a peer from ``address``, to whichever of ours."""
        return bool(self._anybody) or address in self._by_address

    def at(self, path: Path) -> tuple[Profile, ...]:
        """Return the connections that a peer on this path may reach with our version of IKE."""
        return tuple(one for one in self._reached(path) if one.version.speaks(self._major))

    def elsewhere(self, path: Path) -> tuple[Profile, ...]:
        """Return those that it could only reach with another version of IKE."""
        return tuple(one for one in self._reached(path) if not one.version.speaks(self._major))

    def _reached(self, path: Path) -> tuple[Profile, ...]:
        local, remote = path.local[0], path.remote[0]
        named = self._by_address.get(remote, [])
        found = sorted([*named, *self._anybody], key=lambda one: one[0]) if named else self._anybody
        return tuple(profile for _, profile in found if profile.admits(local, remote))
