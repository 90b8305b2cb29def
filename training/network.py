"""The reader's network: pictures of 168x48 in, 42 steps of signs and one of five colours out."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from edge.vision.plates.colors import COLORS
from edge.vision.plates.own_reader import HEIGHT, TABLE, WIDTH

_CHANNELS = (16, 48, 80, 112, 128)
_MEAN, _SPREAD = 120.0, 60.0


def _layer(into: int, out: int, kernel: int, stride: int | tuple[int, int] = 1) -> nn.Sequential:
    convolution = nn.Conv2d(into, out, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(out), nn.ReLU())


class _Residual(nn.Module):
    def __init__(self, channels: int, kernel: tuple[int, int] = (3, 3)) -> None:
        super().__init__()
        pad = (kernel[0] // 2, kernel[1] // 2)
        halves = [[nn.Conv2d(channels, channels, kernel, 1, pad, bias=False), nn.BatchNorm2d(channels)] for _ in "ab"]
        self.branch = nn.Sequential(*halves[0], nn.ReLU(), *halves[1])

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.branch(x))


class Reader(nn.Module):
    """Height is folded away in four steps, width only to a quarter: what is left of it are the steps of CTC."""

    def __init__(self) -> None:
        super().__init__()
        first, second, third, fourth, last = _CHANNELS
        self.body = nn.Sequential(
            _layer(3, first, 5, 2),
            _layer(first, second, 3, 2),
            _Residual(second),
            _layer(second, third, 3, (2, 1)),
            _Residual(third),
            _layer(third, fourth, 3, (2, 1)),
        )
        self.fold = nn.Sequential(nn.Conv2d(fourth, last, (3, 1), bias=False), nn.BatchNorm2d(last), nn.ReLU())
        self.along = nn.Sequential(_Residual(last, (1, 5)), nn.Dropout(0.1), nn.Conv2d(last, len(TABLE), 1))
        self.color = nn.Sequential(
            nn.Conv2d(fourth, 24, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, len(COLORS))
        )

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Logits: [n, steps, signs] and [n, colours]."""
        deep = self.body((pictures - _MEAN) / _SPREAD)
        return self.along(self.fold(deep)).squeeze(2).transpose(1, 2), self.color(deep)


class _Probabilities(nn.Module):
    def __init__(self, reader: Reader) -> None:
        super().__init__()
        self.reader = reader

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        signs, colors = self.reader(picture)
        return signs.softmax(2), colors.softmax(1)


def export(reader: Reader, path: Path) -> None:
    """As the product loads it."""
    names = ["picture", "characters", "colours"]
    torch.onnx.export(
        _Probabilities(reader).eval(),
        (torch.zeros(1, 3, HEIGHT, WIDTH),),
        str(path),
        input_names=names[:1],
        output_names=names[1:],
        dynamic_axes={name: {0: "n"} for name in names},
        opset_version=17,
        dynamo=False,
    )
