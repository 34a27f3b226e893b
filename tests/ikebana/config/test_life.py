from ikebana.config.life import Dpd, DpdAction, Retry


def test_the_defaults_are_those_of_the_model() -> None:
    """S2-21, S3-10, S4-22, S4-28."""
    dpd, retry = Dpd.model_validate({}), Retry.model_validate({})
    assert (dpd.interval_s, dpd.timeout_s, dpd.action) == (8, 30, DpdAction.RESTART)
    assert (retry.count, retry.interval_s, retry.try_timeout_s) == (3, 12, 10)
