"""Where packets from the TUN device are read to: slots of one size, so that equal ones are rows.

    slot    0        6              16                                      2048
            | unused | virtio header | packet, and room for its trailer ... |

A packet larger than its slot goes on into the ones after it.
"""

from typing import Final

SLOT: Final = 2048
SLOTS: Final = 128
START: Final = 16
"""Where the packet begins: the virtio header is right before it, and fields are aligned."""
LARGEST: Final = SLOT - START - 64
"""A packet up to here leaves room for its trailer in its own slot."""
_WHOLE: Final = 1 << 16


class Arena:
    """Buffers to read into.

    ``places`` has, for each slot, the memory from its virtio header on, and ``packets`` the same
    from its packet on; each holds the largest packet.
    """

    __slots__ = ("octets", "packets", "places", "view")

    def __init__(self, header: int) -> None:
        """Make an arena for packets with a virtio header of ``header`` octets, 10 or 0."""
        self.octets = bytearray(SLOTS * SLOT + _WHOLE)
        self.view = memoryview(self.octets)
        starts = range(START, SLOTS * SLOT, SLOT)
        self.places = [self.view[at - header : at + _WHOLE] for at in starts]
        self.packets = [self.view[at : at + _WHOLE] for at in starts]
