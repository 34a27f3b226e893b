import pytest

from suites.exchange import BadPublicValue, Group
from suites.kex import GROUP_BY_NAME

H = bytes.fromhex
ECP = [GROUP_BY_NAME[name] for name in ("ecp256", "ecp384", "ecp521")]

# group, our private, our public, their private, their public, shared
RFC_5903 = [
    (
        "ecp256",
        "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
        "dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180"
        "5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3",
        "c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53",
        "d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63"
        "56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab",
        "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de",
    ),
    (
        "ecp384",
        "099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655"
        "e35b538041e649ee3faef896783ab194",
        "667842d7d180ac2cde6f74f37551f55755c7645c20ef73e31634fe72b4c55ee6"
        "de3ac808acb4bdb4c88732aee95f41aa"
        "9482ed1fc0eeb9cafc4984625ccfc23f65032149e0e144ada024181535a0f38e"
        "eb9fcff3c2c947dae69b4c634573a81c",
        "41cb0779b4bdb85d47846725fbec3c9430fab46cc8dc5060855cc9bda0aa2942"
        "e0308312916b8ed2960e4bd55a7448fc",
        "e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732bc509d"
        "0d1ac43a0336def96fda41d0774a3571"
        "dcfbec7aacf3196472169e838430367f66eebe3c6e70c416dd5f0c68759dd1ff"
        "f83fa40142209dff5eaad96db9e6386c",
        "11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4"
        "d603135569b9e9d09cf5d4a270f59746",
    ),
    (
        "ecp521",
        "0037ade9319a89f4dabdb3ef411aaccca5123c61acab57b5393dce47608172a0"
        "95aa85a30fe1c2952c6771d937ba9777f5957b2639bab072462f68c27a57382d4a52",
        "0015417e84dbf28c0ad3c278713349dc7df153c897a1891bd98bab4357c9ecbe"
        "e1e3bf42e00b8e380aeae57c2d107564941885942af5a7f4601723c4195d176ced3e"
        "017cae20b6641d2eeb695786d8c946146239d099e18e1d5a514c739d7cb4a10a"
        "d8a788015ac405d7799dc75e7b7d5b6cf2261a6a7f1507438bf01beb6ca3926f9582",
        "0145ba99a847af43793fdd0e872e7cdfa16be30fdc780f97bccc3f078380201e"
        "9c677d600b343757a3bdbf2a3163e4c2f869cca7458aa4a4effc311f5cb151685eb9",
        "00d0b3975ac4b799f5bea16d5e13e9af971d5e9b984c9f39728b5e5739735a21"
        "9b97c356436adc6e95bb0352f6be64a6c2912d4ef2d0433ced2b6171640012d9460f"
        "015c68226383956e3bd066e797b623c27ce0eac2f551a10c2c724d9852077b87"
        "220b6536c5c408a1d2aebb8e86d678ae49cb57091f4732296579ab44fcd17f0fc56a",
        "01144c7d79ae6956bc8edb8e7c787c4521cb086fa64407f97894e5e6b2d79b04"
        "d1427e73ca4baa240a34786859810c06b3c715a3a8cc3151f2bee417996d19f3ddea",
    ),
]
RFC_7748 = [
    (
        "x25519",
        "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
        "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
        "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
        "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
    ),
    (
        "x448",
        "9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28dd9c9baf5"
        "74a9419744897391006382a6f127ab1d9ac2d8c0a598726b",
        "9b08f7cc31b7e3e67d22d5aea121074a273bd2b83de09c63faa73d2c22c5d9bb"
        "c836647241d953d40c5b12da88120d53177f80e532c41fa0",
        "1c306a7ac2a0e2e0990b294470cba339e6453772b075811d8fad0d1d6927c120"
        "bb5ee8972b0d3e21374c9c921b09d1b0366f10b65173992d",
        "3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b43027d8b972"
        "fc3e34fb4232a13ca706dcb57aec3dae07bdc1c67bf33609",
        "07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282bb60c0b56"
        "fd2464c335543936521c24403085d59a449a5037514a879d",
    ),
]
RFC_8031 = [
    (
        "x25519",
        "751fb4308655b476b6789b7325f9ea8cddd16a58533ff6d9e60009464a5f9d94",
        "48d5ddd4061257ba166fa3f9bbdb74f1a4e81c089384fa77f790709f0dfbc766",
        "0a54645253290d60ddadd0e030bacd9e5501efdc220755a1e978f1b839a05688",
        "0be7c1f5aad87d7e448662673298a443478b859745179eaf564c79c0ef6eee25",
        "c74950607a12327f3204d94b6825bfb068b7f8319a9e3708ed3d43ce8130c950",
    ),
]
VECTORS = [
    pytest.param(*vector, id=f"{rfc}-{vector[0]}")
    for rfc, vectors in (("rfc5903", RFC_5903), ("rfc7748", RFC_7748), ("rfc8031", RFC_8031))
    for vector in vectors
]


@pytest.mark.parametrize(
    ("name", "private", "public", "peer_private", "peer_public", "shared"), VECTORS
)
def test_an_exchange_is_the_rfcs(
    name: str, private: str, public: str, peer_private: str, peer_public: str, shared: str
) -> None:
    ours = GROUP_BY_NAME[name].from_private(H(private))
    theirs = GROUP_BY_NAME[name].from_private(H(peer_private))
    assert ours.public == H(public)
    assert theirs.public == H(peer_public)
    assert ours.shared(theirs.public) == theirs.shared(ours.public) == H(shared)


@pytest.mark.parametrize("group", ECP, ids=lambda group: group.name)
def test_a_point_off_the_curve_is_refused(group: Group) -> None:
    exchange, peer = group.generate(), group.generate().public
    half = group.public // 2
    for place in (half - 1, half, group.public - 1):
        moved = bytearray(peer)
        moved[place] ^= 1
        with pytest.raises(BadPublicValue, match="not on the curve"):
            exchange.shared(bytes(moved))
    with pytest.raises(BadPublicValue, match="not on the curve"):
        exchange.shared(peer[half:] + peer[:half])


@pytest.mark.parametrize("group", ECP, ids=lambda group: group.name)
def test_what_stands_for_infinity_or_lies_beyond_the_prime_is_refused(group: Group) -> None:
    exchange, peer = group.generate(), group.generate().public
    half = group.public // 2
    for value in (bytes(2 * half), b"\xff" * 2 * half, peer[:half] + b"\xff" * half):
        with pytest.raises(BadPublicValue, match="not on the curve"):
            exchange.shared(value)


def test_a_coordinate_is_not_reduced_modulo_the_prime() -> None:
    # ecp521 has room for x + p in its 66 octets; the same point must not have two encodings.
    group, prime = GROUP_BY_NAME["ecp521"], 2**521 - 1
    peer = group.generate().public
    for x, y in ((prime, 0), (0, prime)):
        moved = b"".join(
            (int.from_bytes(half, "big") + more).to_bytes(66, "big")
            for half, more in ((peer[:66], x), (peer[66:], y))
        )
        with pytest.raises(BadPublicValue, match="not on the curve"):
            group.generate().shared(moved)


@pytest.mark.parametrize("group", ECP, ids=lambda group: group.name)
def test_a_point_with_the_octet_of_sec_1_in_front_is_too_long(group: Group) -> None:
    with pytest.raises(BadPublicValue, match="octets of public value"):
        group.generate().shared(b"\x04" + group.generate().public)


P_25519, P_448 = 2**255 - 19, 2**448 - 2**224 - 1
SMALL_ORDER = [
    *[("x25519", n.to_bytes(32, "little")) for n in (0, 1, P_25519 - 1, P_25519, P_25519 + 1)],
    ("x25519", H("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")),
    ("x25519", H("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157")),
    *[("x448", n.to_bytes(56, "little")) for n in (0, 1, P_448 - 1, P_448, P_448 + 1)],
]


@pytest.mark.parametrize(("name", "value"), SMALL_ORDER)
def test_a_value_that_makes_the_secret_zero_is_refused(name: str, value: bytes) -> None:
    with pytest.raises(BadPublicValue, match="small order"):
        GROUP_BY_NAME[name].generate().shared(value)


def test_the_unused_top_bit_of_x25519_is_masked() -> None:
    # RFC 7748 section 5: implementations MUST mask it, and RFC 8031 sends the same octets.
    group = GROUP_BY_NAME["x25519"]
    ours, theirs = group.generate(), group.generate()
    high = theirs.public[:-1] + bytes((theirs.public[-1] | 0x80,))
    assert ours.shared(high) == ours.shared(theirs.public)


def test_what_is_no_private_value_is_a_value_error() -> None:
    for name, private in (
        ("ecp256", bytes(32)),
        ("ecp256", b"\xff" * 32),
        ("ecp521", b"\xff" * 66),
        ("x25519", bytes(31)),
        ("x448", bytes(57)),
    ):
        with pytest.raises(ValueError, match=r"."):
            GROUP_BY_NAME[name].from_private(private)
