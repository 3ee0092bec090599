"""What strategies and models of your own must keep to, as checks."""

from .models import check_model, model_checks
from .strategies import check_strategy, strategy_checks

__all__ = ["check_model", "check_strategy", "model_checks", "strategy_checks"]
