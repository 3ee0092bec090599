"""What strategies, models and sources of rows of your own must keep to, as checks."""

from ..data.source_checks import check_source
from .models import check_model, model_checks
from .strategies import check_strategy, strategy_checks

__all__ = ["check_model", "check_source", "check_strategy", "model_checks", "strategy_checks"]
