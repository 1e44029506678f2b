"""A sample of the random cases that `benchmarks/peer_parity.py` compares."""

from __future__ import annotations

import peer_parity
import pytest

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("seed", range(12))
def test_a_random_case_is_the_peers_map_or_that_of_the_peer_with_copies(seed: int) -> None:
    first, again = peer_parity.compared(peer_parity.case(seed, tiny=True))
    assert first.equal or (again is not None and again.equal)


def test_the_page_counts_what_differs_and_why() -> None:
    case = peer_parity.case(0, tiny=True)
    same, other = peer_parity.Difference(0.0, 1e-7), peer_parity.Difference(0.5, 0.1)
    page = peer_parity.page([(case, same, None), (case, other, same), (case, other, other)])
    assert "**1** equal" in page
    assert "**1** do not, and equal it once it keeps a copy" in page
    assert "**1** differ for another reason" in page
    assert page.count("| 0 | Tiny") == 2
