"""Methods that are known to mislead say so where one chooses them, and nowhere else."""

from __future__ import annotations

import json
import warnings

import torch
from click.testing import CliRunner

import pellucid
from pellucid.cli import main

MISLEADING = {"deconvolution", "eigen_cam", "guided_backprop", "guided_grad_cam", "input_x_gradient"}


def test_one_sentence_each_in_the_list():
    found = {m.name: m.caution for m in pellucid.methods() if m.caution}
    assert set(found) == MISLEADING
    assert all(text.endswith(".") and text.count(". ") == 0 for text in found.values())


def test_the_command_line_shows_it():
    listed = CliRunner().invoke(main, ["methods"]).output
    assert "Hardly depends on the class" in listed
    records = json.loads(CliRunner().invoke(main, ["methods", "--json"]).output)
    assert {r["name"] for r in records if r["caution"]} == MISLEADING


def test_never_a_nag_at_run_time():
    net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    torch.nn.init.ones_(net[0].weight)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pellucid.GuidedBackprop()(net, torch.ones(2, 4), target=0)
