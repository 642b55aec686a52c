"""Modules in the ways in which tutorials write them, small: each with examples of its input."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

F = nn.functional

__all__ = ["TUTORIALS", "Shared", "TwoOutputs"]


class FirstState(nn.Module):
    """An LSTM that is given a first state of zeros, as large as the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.fc = nn.LSTM(3, 4, 2, batch_first=True), nn.Linear(4, 2)

    def forward(self, x: Any) -> Any:
        h0 = torch.zeros(2, x.size(0), 4).to(x.device)
        c0 = torch.zeros(2, x.size(0), 4).to(x.device)
        out, _ = self.lstm(x, (h0, c0))
        return self.fc(out[:, -1, :])


class LastState(FirstState):
    """The state of the last of two layers."""

    def forward(self, x: Any) -> Any:
        _, (h, _) = self.lstm(x)
        return self.fc(h[-1])


class StepsFirst(nn.Module):
    """The steps along the first axis, as is PyTorch's default."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.fc = nn.GRU(2, 3), nn.Linear(3, 1)

    def forward(self, x: Any) -> Any:
        out, _ = self.gru(x)
        return self.fc(out[-1])


class Digits(nn.Module):
    """Two convolutions, as the first example of PyTorch has them; modules are made on the way."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 3, 3, 1), nn.Conv2d(3, 4, 3, 1)
        self.dropout = nn.Dropout(0.25)
        self.fc1, self.fc2 = nn.Linear(4, 5), nn.Linear(5, 3)

    def forward(self, x: Any) -> Any:
        x = nn.ReLU()(self.conv1(x))
        x = nn.MaxPool2d(2)(F.relu(self.conv2(x)))
        x = self.dropout(torch.flatten(x, 1))
        return F.log_softmax(self.fc2(F.relu(self.fc1(x))), dim=1)


class AsksForAxes(nn.Module):
    """A forward pass that looks at the number of axes."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(16, 5), nn.Linear(5, 3)

    def forward(self, x: Any) -> Any:
        if len(x.shape) == 4:
            x = x.view(-1, 16)
        return F.softmax(self.fc2(F.relu(self.fc1(x))), dim=-1)


class OwnArrays(nn.Module):
    """Matrices of one's own, with a row for each input."""

    def __init__(self) -> None:
        super().__init__()
        self.W1, self.b1 = nn.Parameter(torch.randn(2, 2)), nn.Parameter(torch.randn(2))
        self.W2, self.b2 = nn.Parameter(torch.randn(2, 1)), nn.Parameter(torch.randn(1))

    def forward(self, x: Any) -> Any:
        return torch.sigmoid(torch.relu(x @ self.W1 + self.b1) @ self.W2 + self.b2)


class Positions(nn.Module):
    """Waves that are added, from a buffer that is longer than the sequence."""

    def __init__(self, width: int, longest: int) -> None:
        super().__init__()
        code = torch.zeros(longest, width)
        at = torch.arange(longest).unsqueeze(1)
        pace = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000.0) / width))
        code[:, 0::2], code[:, 1::2] = torch.sin(at * pace), torch.cos(at * pace)
        self.register_buffer("code", code.unsqueeze(0))

    def forward(self, x: Any) -> Any:
        return x + self.code[:, : x.size(1)]


class Transformer(nn.Module):
    """Tokens, positions, two blocks, the mean."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.positions = nn.Embedding(7, 4), Positions(4, 5)
        block = nn.TransformerEncoderLayer(4, 2, 6, dropout=0.0, batch_first=True)
        self.blocks, self.fc = nn.TransformerEncoder(block, 2), nn.Linear(4, 2)

    def forward(self, x: Any) -> Any:
        h = self.positions(self.table(x) * math.sqrt(4))
        return self.fc(self.blocks(h).mean(dim=1))


class Block(nn.Module):
    """Of a residual network of pictures."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels).eval()
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Any) -> Any:
        out = self.norm1(self.conv1(x))
        out += x
        return self.relu(out)


class Residual(nn.Module):
    """Channels in, a residual block, the mean of each channel."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.block = nn.Conv2d(3, 2, 3, padding=1), Block(2)
        self.pool, self.fc = nn.AdaptiveAvgPool2d((1, 1)), nn.Linear(2, 2)

    def forward(self, x: Any) -> Any:
        return self.fc(torch.flatten(self.pool(self.block(self.stem(x))), 1))


class Shared(nn.Module):
    """One layer, used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 2)

    def forward(self, x: Any) -> Any:
        return self.fc(torch.relu(self.fc(x)))


class TwoOutputs(nn.Module):
    """Two arrays come out."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.head = nn.Linear(2, 2), nn.Linear(2, 1)

    def forward(self, x: Any) -> Any:
        h = torch.relu(self.fc(x))
        return self.head(h), h


TUTORIALS: dict[str, tuple[type[nn.Module], tuple[int, ...]]] = {
    "first state": (FirstState, (3, 2, 3)),
    "last state": (LastState, (3, 2, 3)),
    "steps first": (StepsFirst, (2, 3, 2)),
    "digits": (Digits, (2, 1, 6, 6)),
    "axes": (AsksForAxes, (2, 1, 4, 4)),
    "own arrays": (OwnArrays, (3, 2)),
    "transformer": (Transformer, (2, 3)),
    "residual": (Residual, (2, 3, 3, 3)),
}
