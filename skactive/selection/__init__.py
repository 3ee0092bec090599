"""Arrays in, positions out: one file per algorithm."""

from .bait import bait
from .batch_bald import batch_bald
from .cluster_margin import cluster_margin
from .coral import coral
from .d2_sampling import d2_sampling
from .density import density
from .distances import nearest_squared_distances
from .drop_query import drop_query
from .falcun import falcun
from .greedy import greedy_xy, greedy_y
from .herding import max_herding, uncertainty_herding
from .k_center import k_center
from .k_center_blocks import k_center_in_blocks
from .k_means import k_means
from .k_medoids import k_medoids
from .lcmd import lcmd
from .prob_cover import prob_cover
from .ranked_batch import ranked_batch
from .top import top
from .typiclust import typiclust
from .vessal import gradient_covariance, vessal

__all__ = [
    "bait",
    "batch_bald",
    "cluster_margin",
    "coral",
    "d2_sampling",
    "density",
    "drop_query",
    "falcun",
    "gradient_covariance",
    "greedy_xy",
    "greedy_y",
    "k_center",
    "k_center_in_blocks",
    "k_means",
    "k_medoids",
    "lcmd",
    "max_herding",
    "nearest_squared_distances",
    "prob_cover",
    "ranked_batch",
    "top",
    "typiclust",
    "uncertainty_herding",
    "vessal",
]
