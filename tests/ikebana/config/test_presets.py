from ikebana.config.presets import PRESETS, PRESETS_OF_IKEV1, CryptoPreset, preset_of
from ikebana.config.vocabulary import inexpressible
from ikecore.keywords import parse_proposal
from ikecore.profile import IkeVersion
from ikecore.proposals import Protocol


def test_every_proposal_of_a_preset_can_be_read() -> None:
    for preset in PRESETS.values():
        for texts, protocol in ((preset.ike, Protocol.IKE), (preset.ipsec, Protocol.ESP)):
            assert all(parse_proposal(text, protocol).protocol is protocol for text in texts)


def test_cloud_compat_lasts_a_day_as_the_documents_promise() -> None:
    """S0-14, S0-20."""
    preset = PRESETS[CryptoPreset.CLOUD_COMPAT]
    assert (preset.ike_lifetime, preset.ipsec_lifetime) == (86_400, 86_400)


def test_a_preset_has_a_form_that_ikev1_can_say() -> None:
    for name in PRESETS:
        preset = preset_of(name, IkeVersion.IKEV1)
        assert preset == PRESETS_OF_IKEV1[name]
        for texts, protocol in ((preset.ike, Protocol.IKE), (preset.ipsec, Protocol.ESP)):
            assert not [found for text in texts for found in inexpressible(text, protocol)]
    for version in (IkeVersion.IKEV2, IkeVersion.ANY):
        assert preset_of(CryptoPreset.MODERN, version) == PRESETS[CryptoPreset.MODERN]
