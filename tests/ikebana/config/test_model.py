from ikebana.config.fields import Model
from ikebana.config.gateway import Gateway
from ikebana.config.model import LATER, SECTIONS, Config
from ikebana.config.problems import ConfigProblem


def test_what_is_to_come_is_not_there_yet() -> None:
    for kind, names in LATER.items():
        if kind is not None:
            assert not names & kind.model_fields.keys()


def test_every_table_of_the_model_is_a_section() -> None:
    kinds = {kind for _, kind in SECTIONS}
    for kind in kinds:
        for field in kind.model_fields.values():
            if isinstance(field.annotation, type) and issubclass(field.annotation, Model):
                assert field.annotation in kinds


def test_every_field_says_what_it_means() -> None:
    for _, kind in SECTIONS:
        for name, field in kind.model_fields.items():
            assert field.description, f"{kind.__name__}.{name}"
            assert field.description.endswith("."), f"{kind.__name__}.{name}"


def test_a_configuration_keeps_its_warnings() -> None:
    warning = ConfigProblem("a", 1, "unwise")
    assert Config(Gateway.model_validate({}), (), (warning,)).warnings() == (warning,)
