"""Tests of IKEv2; what the shared ones find is told with the values, as in a test itself."""

import pytest

pytest.register_assert_rewrite("tests.ikev2.network", "tests.ikev2.races.scene")
