"""A graph with real groups, from the NetworkX wheel."""

import numpy as np


def karate_club():
    """Who met whom in a karate club of 34 members, and where each went when it split in two.

    Returns edges (34, 34) bool, symmetric, without self-loops, 78 friendships; and groups (34,) int64,
    0 for those who followed the instructor (member 0), 1 for those who stayed with the administrator (member 33).
    Raises ModuleNotFoundError, saying what to install, without NetworkX.
    Source: Zachary 1977, "An information flow model for conflict and fission in small groups".

    >>> edges, groups = karate_club()
    >>> edges.sum() // 2, np.bincount(groups)
    (np.int64(78), array([17, 17]))
    """
    try:
        import networkx
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "karate_club: the graph is inside NetworkX, which is not installed. Run: pip install networkx"
        ) from None
    graph = networkx.karate_club_graph()
    edges = networkx.to_numpy_array(graph, nodelist=range(34), dtype=bool, weight=None)
    groups = [int(graph.nodes[member]["club"] == "Officer") for member in range(34)]
    return edges, np.array(groups, np.int64)
