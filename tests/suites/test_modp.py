import hashlib

import pytest

from suites.exchange import BadPublicValue, Group
from suites.kex import GROUP_BY_NAME
from suites.modp import GROUP_24, Field, LibraryModp, PlainModp, oakley_prime

SIZES = (768, 1024, 1536, 2048, 3072, 4096, 6144, 8192)
OAKLEY = [pytest.param(GROUP_BY_NAME[f"modp{bits}"], bits, id=f"{bits}") for bits in SIZES]
MODP = [
    *[pytest.param(GROUP_BY_NAME[f"modp{n}"], Field(oakley_prime(n), 2), id=f"{n}") for n in SIZES],
    pytest.param(GROUP_BY_NAME["modp2048s256"], GROUP_24, id="2048s256"),
]


def pi_floor(bits: int) -> int:
    """Return floor(2**bits * pi) by Machin's formula, with 64 guard bits."""
    one = 1 << (bits + 64)

    def arctan(inverse: int) -> int:
        power = one // inverse
        total, odd, sign = power, 1, 1
        while power:
            power //= inverse * inverse
            odd, sign = odd + 2, -sign
            total += sign * (power // odd)
        return total

    return 4 * (4 * arctan(5) - arctan(239)) >> 64


@pytest.mark.parametrize("bits", SIZES)
def test_an_oakley_prime_is_made_of_pi(bits: int) -> None:
    prime = oakley_prime(bits)
    assert prime.bit_length() == bits
    assert prime >> (bits - 64) == prime & (1 << 64) - 1 == (1 << 64) - 1
    middle = (prime >> 64) & ((1 << (bits - 128)) - 1)
    pi = pi_floor(bits - 130) & ((1 << (bits - 128)) - 1)
    assert 0 < middle - pi < 1 << 24


@pytest.mark.parametrize("bits", [bits for bits in SIZES if bits <= 4096])
def test_an_oakley_prime_is_a_safe_prime(bits: int) -> None:
    prime = oakley_prime(bits)
    assert pow(3, prime - 1, prime) == 1
    assert pow(3, prime // 2 - 1, prime // 2) == 1


@pytest.mark.parametrize(
    ("bits", "tail"),
    [
        (768, "e485b576625e7ec6f44c42e9a63a3620"),
        (1024, "ee386bfb5a899fa5ae9f24117c4b1fe649286651ece65381"),
        (1536, "670c354e4abc9804f1746c08ca237327"),
        (2048, "3995497cea956ae515d2261898fa051015728e5a8aacaa68"),
    ],
)
def test_an_oakley_prime_ends_as_the_rfcs_print_it(bits: int, tail: str) -> None:
    assert f"{oakley_prime(bits):x}".endswith(tail + "f" * 16)


def test_group_24_generates_a_subgroup_of_its_order() -> None:
    assert GROUP_24.order is not None
    assert GROUP_24.order.bit_length() == 256
    assert (GROUP_24.prime - 1) % GROUP_24.order == 0
    assert pow(GROUP_24.generator, GROUP_24.order, GROUP_24.prime) == 1


# RFC 5114 appendix A.3.
X_A = "0881382cdb87660c6dc13e614938d5b9c8b2f248581cc5e31b35454397fce50e"
Y_A = """
2e9380c8 323af975 45bc4941 deb0ec37 42c62fe0 ece824a6 abdbe66c 59bee024
2911bfb9 67235ceb a35ae13e 4ec752be 630b92dc 4bde2847 a9c62cb8 15274542
1fb7eb60 a63c0fe9 159fcce7 26ce7cd8 523d7450 667ef840 e4919121 eb5f01c8
c9b0d3d6 48a93bfb 75689e82 44ac134a f544711c e79a02dc c3422668 4780dddc
b4985941 06c37f5b c7985648 7af5ab02 2a2e5e42 f09897c1 a85a11ea 0212af04
d9b4cebc 937c3c1a 3e15a8a0 342e3376 15c84e7f e3b8b9b8 7fb1e73a 15af12a3
0d746e06 dfc34f29 0d797ce5 1aa13aa7 85bf6658 aff5e4b0 93003cbe af665b3c
2e113a3a 4e905269 341dc071 1426685f 4ef37e86 8a8126ff 3f2279b5 7ca67e29
"""
X_B = "7d62a7e3ef36de617b13d1afb82c780d83a23bd4ee6705645121f371f546a53d"
Y_B = """
575f0351 bd2b1b81 7448bdf8 7a6c362c 1e289d39 03a30b98 32c5741f a250363e
7acbc7f7 7f3dacbc 1f131add 8e03367e ff8fbbb3 e1c57844 24809b25 afe4d226
2a1a6fd2 fab64105 ca30a674 e07f7809 85208863 2fc04923 3791ad4e dd083a97
8b883ee6 18bc5e0d d047415f 2d95e683 cf14826b 5fbe10d3 ce41c6c1 20c78ab2
0008c698 bf7f0bca b9d7f407 bed0f43a fb2970f5 7f8d1204 3963e66d dd320d59
9ad9936c 8f44137c 08b180ec 5e985ceb e186f3d5 49677e80 607331ee 17af3380
a725b078 2317d7dd 43f59d7a f9568a9b b63a84d3 65f92244 ed120988 219302f4
2924c7ca 90b89d24 f71b0ab6 97823d7d eb1aff5b 0e8e4a45 d49f7f53 757e1913
"""
Z = """
86c70bf8 d0bb81bb 01078a17 219cb7d2 7203db2a 19c877f1 d1f19fd7 d77ef225
46a68f00 5ad52dc8 4553b78f c60330be 51ea7c06 72cac151 5e4b35c0 47b9a551
b88f39dc 26da14a0 9ef74774 d47c762d d177f9ed 5bc2f11e 52c879bd 95098504
cd9eecd8 a8f9b3ef bd1f008a c5853097 d9d1837f 2b18f77c d7be01af 80a7c7b5
ea3ca54c c02d0c11 6fee3f95 bb873993 85875d7e 86747e67 6e728938 acbff709
8e05be4d cfb24052 b83aeffb 14783f02 9adbde7f 53fae920 84224090 e007cee9
4d4bf2ba ce9ffd4b 57d2af7c 724d0caa 19bf0501 f6f17b4a a10f425e 3ea76080
b4b9d6b3 cefea115 b2ceb878 9bb8a3b0 ea87febe 63b6c8f8 46ec6db0 c26c5d7c
"""


def test_group_24_of_rfc_5114() -> None:
    group = GROUP_BY_NAME["modp2048s256"]
    ours = group.from_private(bytes.fromhex(X_A))
    theirs = group.from_private(bytes.fromhex(X_B))
    assert ours.public == bytes.fromhex(Y_A)
    assert theirs.public == bytes.fromhex(Y_B)
    assert ours.shared(theirs.public) == theirs.shared(ours.public) == bytes.fromhex(Z)


@pytest.mark.parametrize(("group", "field"), MODP)
def test_an_exchange_is_two_modular_exponentiations(group: Group, field: Field) -> None:
    private = hashlib.sha256(group.name.encode()).digest()
    exponent = int.from_bytes(private, "big")
    ours, theirs = group.from_private(private), group.generate()
    assert int.from_bytes(ours.public, "big") == pow(field.generator, exponent, field.prime)
    peer = int.from_bytes(theirs.public, "big")
    shared = ours.shared(theirs.public)
    assert int.from_bytes(shared, "big") == pow(peer, exponent, field.prime)
    assert shared == theirs.shared(ours.public)
    assert len(shared) == len(ours.public) == group.public == field.octets


@pytest.mark.parametrize(("group", "bits"), OAKLEY)
def test_a_shared_secret_with_leading_zeros_keeps_the_length_of_the_prime(
    group: Group, bits: int
) -> None:
    prime, octets = oakley_prime(bits), bits // 8
    power, exponent = pow(2, 1 << 200, prime), 1 << 200
    while power >> (bits - 8):
        power, exponent = power * 2 % prime, exponent + 1
    exchange = group.from_private(exponent.to_bytes(26, "big"))
    expected = power.to_bytes(octets, "big")
    assert expected[0] == 0
    assert exchange.public == expected
    # 2 is what a peer with the private value 1 would send.
    assert exchange.shared((2).to_bytes(octets, "big")) == expected


def test_both_ways_to_compute_give_the_same() -> None:
    group, field = GROUP_BY_NAME["modp1024"], Field(oakley_prime(1024), 2)
    private, peer = b"\x5a" * 32, group.generate().public
    plain, library = PlainModp(group, field, private), LibraryModp(group, field, private)
    assert plain.public == library.public
    assert plain.shared(peer) == library.shared(peer)


@pytest.mark.parametrize(("group", "field"), MODP)
def test_a_value_outside_2_to_p_minus_2_is_refused(group: Group, field: Field) -> None:
    exchange = group.from_private(b"\x77" * 32)
    prime = field.prime
    highest = (1 << 8 * field.octets) - 1
    for value, why in (
        (0, "is 0"),
        (1, "is 1"),
        (prime - 1, "p-1"),
        (prime, "not below the prime"),
        (prime + 1, "not below the prime"),
        (prime + 2, "not below the prime"),
        (highest, "not below the prime"),
    ):
        with pytest.raises(BadPublicValue, match=why):
            exchange.shared(value.to_bytes(field.octets, "big"))


def test_a_value_outside_the_subgroup_of_group_24_is_refused() -> None:
    exchange = GROUP_BY_NAME["modp2048s256"].generate()
    prime, order = GROUP_24.prime, GROUP_24.order
    assert order is not None
    confined = pow(2, order, prime)  # its order divides (p-1)/q: the small-subgroup attack
    strangers = [2, 3, 5, prime - 2, confined, confined * GROUP_24.generator % prime]
    for value in strangers:
        assert pow(value, order, prime) != 1
        with pytest.raises(BadPublicValue, match="not in the subgroup"):
            exchange.shared(value.to_bytes(256, "big"))


@pytest.mark.parametrize(("group", "field"), MODP)
def test_a_private_value_outside_2_to_p_minus_2_is_a_value_error(
    group: Group, field: Field
) -> None:
    for value in (0, 1, field.prime - 1, field.prime, field.prime + 5):
        with pytest.raises(ValueError, match="not a private value"):
            group.from_private(value.to_bytes(field.octets + 1, "big"))
