"""The virtio header before each packet of a TUN device with IFF_VNET_HDR.

``struct virtio_net_hdr`` of ``<linux/virtio_net.h>`` (VIRTIO 1.2 section 5.1.6), native byte order:

     flags  gso_type  hdr_len  gso_size  csum_start  csum_offset
       1        1        2        2          2            2       octets

On the way in the kernel leaves checksums (NEEDS_CSUM) and the cutting into segments (gso_type) to
us; on the way out we leave both to the kernel.
"""

import struct
from typing import Final

VNET: Final = struct.Struct("=BBHHHH")
VNET_NONE: Final = bytes(VNET.size)
"""Before a packet that is complete as it is."""

NEEDS_CSUM: Final = 1
"""The checksum field holds the sum of the pseudo header; what follows csum_start is to be added."""

GSO_NONE: Final = 0
GSO_TCP4: Final = 1
GSO_TCP6: Final = 4
GSO_UDP: Final = 5
"""VIRTIO_NET_HDR_GSO_UDP_L4: datagrams of one size, Linux 6.2 and later."""
GSO_ECN: Final = 0x80
"""Beside TCP4 or TCP6: the packet carries CWR, which only its first segment keeps."""
