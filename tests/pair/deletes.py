"""Which SAs were deleted, and who knows it: whose keys nobody may use any more."""

from dataclasses import dataclass, field


def of_both() -> dict[str, set[int]]:
    """Return nothing of either end yet."""
    return {"moon": set(), "sun": set()}


@dataclass
class Deletes:
    """What both ends know to be deleted; ``misuse`` is who used such keys all the same.

    ``told`` are the ESP SPIs (the end's own, inbound) that an end has deleted; ``obeyed`` those of
    its peer's that it knows deleted.
    """

    told: dict[str, set[int]] = field(default_factory=of_both)
    obeyed: dict[str, set[int]] = field(default_factory=of_both)
    misuse: list[str] = field(default_factory=list)

    def judge(self, sender: str, inbound: int, outbound: int, now: float) -> None:
        """Note it if ``sender`` may not seal under this pair any more."""
        if inbound in self.told[sender]:
            self.misuse.append(f"{now:.3f} {sender} seals under a child it deleted itself")
        if outbound in self.obeyed[sender]:
            self.misuse.append(f"{now:.3f} {sender} seals under a child its peer deleted")
