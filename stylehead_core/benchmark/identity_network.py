"""How well the identity network recognises rendered heads that it has never seen.

``python -m stylehead_core.benchmark.identity_network --data HELD`` prints it.

Distances are 1 - cosine of two embeddings: 0 for the same, about 1 for strangers.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..datasets.attributes import ATTRIBUTES, EDITED
from ..datasets.gallery import Gallery, build_gallery, describe_pictures
from ..datasets.heads import load_heads
from ..evaluation.faces import EYE_CORNERS
from ..evaluation.load_identity_network import EMBEDDED, load_features
from ..networks.feature_network import FeatureNetwork, Predictions
from ..ops.align import LANDMARKS_68

__all__ = ["Calibration", "auc", "calibrate", "stranger_distance"]


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What distances of the identity network mean, measured on people that it has never seen."""

    same: float  # mean distance of two pictures of one person: other expression, in half of them other pose
    same_turned: float  # and of two in other poses alone
    strangers: float  # mean distance of two people's pictures
    auc: float  # how often two pictures of one person are nearer than two of strangers: 0.5..1
    edits: dict[str, float]  # mean distance between the rendered ends of each edit
    moved: dict[str, tuple[float, float, float]]  # of each edit: share that goes the right way, judged and true change
    attributes: dict[str, float]  # correlation with the truth; 0/1 attributes: AUC
    landmarks: float  # mean distance in parts of the eye distance
    expression: float  # mean absolute error, in parts of what the mean expression would have
    rotation: float  # degrees

    def text(self) -> str:
        lines = [
            f"distance  same person {self.same:.3f} (turned {self.same_turned:.3f})  strangers {self.strangers:.3f}  "
            f"AUC {self.auc:.4f}",
            f"landmarks {self.landmarks:.3f} eye distances  expression {self.expression:.2f} of the mean's error  "
            f"rotation {self.rotation:.2f} degrees",
            "attributes  " + "  ".join(f"{name} {value:.2f}" for name, value in self.attributes.items()),
        ]
        for name, distance in self.edits.items():
            right, judged, true = self.moved[name]
            lines.append(
                f"edit {name}: distance {distance:.3f} ({distance / self.strangers:.2f} of strangers'), "
                f"the right way {right:.0%}, by {judged:.2f} of {true:.2f}"
            )
        return "\n".join(lines)


def stranger_distance(identity: Tensor, person: Tensor) -> float:
    """The mean distance of pictures of two people, over all pairs of ``identity`` (N D) of ``person`` (N)."""
    strangers = person[:, None] != person
    return float((1 - identity @ identity.T)[strangers].mean())


def auc(low: Tensor, high: Tensor) -> float:
    """How often a number of ``low`` is below one of ``high``; ties count half."""
    below = torch.searchsorted(low.sort().values, high, right=False).double()
    within = torch.searchsorted(low.sort().values, high, right=True).double()
    return float(((below + within) / 2).mean() / len(low))


def calibrate(network: FeatureNetwork, data: Gallery) -> Calibration:
    """Compare what ``network`` sees in all pictures of ``data`` with the truth."""
    seen = describe_pictures(network, data.pictures)
    plain, names = data.edit < 0, list(ATTRIBUTES)
    identity, person = seen.identity[plain], data.person[plain]
    distance = 1 - identity @ identity.T
    same = torch.triu(person[:, None] == person, diagonal=1)
    turn = (data.rotation[plain][:, None] - data.rotation[plain]).abs().amax(-1)  # M M rad
    strangers = torch.triu(person[:, None] != person, diagonal=1)
    truth, told = data.attributes[plain], seen.attributes[plain]
    edits, moved = {}, {}
    for number, (edit, attribute) in enumerate(EDITED.items()):
        low, high = torch.nonzero(data.edit == number).flatten().view(-1, 2).unbind(1)
        if not len(low):
            continue
        column = names.index(attribute)
        change = (seen.attributes[high] - seen.attributes[low])[:, column]
        true = (data.attributes[high] - data.attributes[low])[:, column]
        edits[edit] = float((1 - (seen.identity[low] * seen.identity[high]).sum(1)).mean())
        moved[edit] = float((change * true > 0).float().mean()), float(change.mean()), float(true.mean())
    return Calibration(
        same=float(distance[same].mean()),
        same_turned=float(distance[same & (turn > 0.2)].mean()),
        strangers=float(distance[strangers].mean()),
        auc=auc(distance[same], distance[strangers]),
        edits=edits,
        moved=moved,
        attributes={name: _agreement(told[:, i], truth[:, i]) for i, name in enumerate(names)},
        landmarks=_landmark_error(seen, data),
        expression=_expression_error(seen, data),
        rotation=float((seen.rotation - data.rotation).abs().mean().rad2deg()),
    )


def _agreement(told: Tensor, truth: Tensor) -> float:
    """Correlation; where the truth is yes or no, the AUC."""
    known = torch.isfinite(truth)
    told, truth = told[known], truth[known]
    if bool(((truth == 0) | (truth == 1)).all()):
        return auc(told[truth == 0], told[truth == 1])
    return float(torch.corrcoef(torch.stack((told, truth)))[0, 1])


def _landmark_error(seen: Predictions, data: Gallery) -> float:
    size = data.pictures.shape[-1]
    found = (seen.landmarks + 1) * (size / 2) - 0.5
    apart = (found - data.landmarks[:, list(LANDMARKS_68), :2]).norm(dim=-1).mean(1)
    eyes = data.landmarks[:, list(EYE_CORNERS), :2]
    return float((apart / (eyes[:, 0] - eyes[:, 1]).norm(dim=-1)).mean())


def _expression_error(seen: Predictions, data: Gallery) -> float:
    usual = (data.expression - data.expression.mean(0)).abs().mean()
    return float((seen.expression - data.expression).abs().mean() / usual)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "file", nargs="?", type=Path, default=EMBEDDED, help="identity network; default: the embedded one"
    )
    parser.add_argument("--data", type=Path, required=True, help="measured heads that are held out")
    args = parser.parse_args()
    print(calibrate(load_features(args.file), build_gallery(load_heads(args.data))).text())


if __name__ == "__main__":
    main()
