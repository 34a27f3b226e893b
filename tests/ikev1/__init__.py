"""Tests of IKEv1; what the shared ones find is told with the values, as in a test itself."""

import pytest

pytest.register_assert_rewrite("tests.ikev1.attack", "tests.ikev1.tunnel")
