"""Two ends and what lies between them, for either IKE version."""

import pytest

pytest.register_assert_rewrite("tests.pair.network", "tests.pair.scene", "tests.pair.plan")
