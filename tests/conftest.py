"""How hard Hypothesis searches: HYPOTHESIS_PROFILE is dev, ci, oldest or thorough."""

import os

from hypothesis import settings

# No deadlines: a first call pays for imports, and machines are shared.
settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, max_examples=30, derandomize=True)
# What other versions may break is seen in a few examples.
settings.register_profile("oldest", deadline=None, max_examples=10, derandomize=True)
settings.register_profile(
    "thorough", deadline=None, max_examples=500, stateful_step_count=50, print_blob=True
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))
