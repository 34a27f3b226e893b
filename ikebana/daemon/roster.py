"""Every tunnel of the gateway: by name, and by the inbound SPIs of its children."""

from collections.abc import Sequence

from ikebana.daemon.tunnels import Tunnel


class Roster:
    """A look-up costs the same however many tunnels there are."""

    def __init__(self) -> None:
        self.by_name: dict[str, Tunnel] = {}
        """In the operator's order."""
        self._by_spi: dict[int, Tunnel] = {}

    def add(self, tunnel: Tunnel) -> None:
        """Take a tunnel."""
        self.by_name[tunnel.name] = tunnel

    def remove(self, tunnel: Tunnel) -> None:
        """Forget a tunnel and its children."""
        del self.by_name[tunnel.name]
        for spi in tunnel.counts:
            self._by_spi.pop(spi, None)

    def order(self, names: Sequence[str]) -> None:
        """Keep these tunnels in this order: the first policy that matches a packet counts."""
        self.by_name = {name: self.by_name[name] for name in names}

    def add_child(self, spi: int, tunnel: Tunnel) -> None:
        """Take note whose child this is."""
        self._by_spi[spi] = tunnel

    def remove_child(self, spi: int) -> None:
        """Forget a child."""
        self._by_spi.pop(spi, None)

    def of_child(self, spi: int) -> Tunnel | None:
        """Return the tunnel whose child has this inbound SPI."""
        return self._by_spi.get(spi)
