"""python -m training.train: trains for so many minutes on the processor and writes reader.onnx."""

from __future__ import annotations

import argparse
import itertools
import math
import random
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from edge.vision.plates.own_reader import TABLE
from tests.drawn_plates import book_face
from training.examples import Example, RealCrops, examples, plates_of
from training.glyphs import GlyphBank
from training.network import Reader, export

_NUMBER = {sign: number for number, sign in enumerate(TABLE)}
_NO_O = _NUMBER["0"]  # the table has no O: plates of offices are learned, and spelled again, with a 0
_COLOR_WEIGHT, _MOST_NORM, _WARM_STEPS, _KEEP = 0.05, 4.0, 200, 0.998
_SAY_EVERY = 50


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.train", description=__doc__)
    parser.add_argument("--real", type=Path, action="append", default=[], help="a folder of crops named by their plate")
    parser.add_argument("--leave-out", type=Path, action="append", default=[], help="labels.csv of a measure")
    parser.add_argument("--glyphs", type=Path, help="a folder of the signs of real plates; else a book's font")
    parser.add_argument("--real-share", type=float, default=0.4)
    parser.add_argument("--minutes", type=float, default=45)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=2.5e-3)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    torch.manual_seed(asked.seed)
    real = RealCrops(asked.real, plates_of(asked.leave_out))
    face = GlyphBank(asked.glyphs, random.Random(asked.seed)) if asked.glyphs else book_face
    print(f"{len(real)} real crops", flush=True)
    source = examples(asked.seed, real, asked.real_share, face)
    export(trained(source, asked.batch, asked.rate, asked.minutes * 60), asked.out)


def trained(source: Iterator[Example], batch: int, rate: float, seconds: float) -> Reader:
    """The running mean of the weights, once the time is over."""
    reader, began = Reader(), time.monotonic()
    mean = AveragedModel(reader, multi_avg_fn=get_ema_multi_avg_fn(_KEEP), use_buffers=True)
    optimizer = torch.optim.AdamW(reader.parameters(), lr=rate, weight_decay=0.02)
    for step in itertools.count():
        done = (time.monotonic() - began) / seconds
        if done >= 1 and step > 0:
            break
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / _WARM_STEPS) * (1 + math.cos(math.pi * min(1.0, done))) / 2
        loss = _loss(reader, list(itertools.islice(source, batch)))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(reader.parameters(), _MOST_NORM)
        optimizer.step()
        mean.update_parameters(reader)
        if step % _SAY_EVERY == 0:
            print(f"step {step}, {done:.0%} of the time, loss {loss.item():.3f}", flush=True)
    return mean.module


def _loss(reader: Reader, batch: list[Example]) -> Tensor:
    pictures = torch.from_numpy(np.stack([picture for picture, _, _ in batch])).permute(0, 3, 1, 2).float()
    signs, colors = reader.train()(pictures)
    wanted = torch.tensor([_NUMBER.get(sign, _NO_O) for _, plate, _ in batch for sign in plate])
    lengths = torch.tensor([len(plate) for _, plate, _ in batch])
    steps = torch.full((len(batch),), signs.shape[1])
    spelled = nn.functional.ctc_loss(signs.log_softmax(2).transpose(0, 1), wanted, steps, lengths, zero_infinity=True)
    colored = nn.functional.cross_entropy(colors, torch.tensor([color for _, _, color in batch]), label_smoothing=0.02)
    return spelled + _COLOR_WEIGHT * colored


if __name__ == "__main__":
    main()
