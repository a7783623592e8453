"""Least-squares problems are those of the papers' scripts to the bit, and plain descent on them is plain descent."""

import pytest
import torch

from analogcli.data import descend, problem
from analogcli.data.least_squares import draw
from analogcli.spec import LeastSquaresTask

CPU = torch.device("cpu")


def task(**fields: object) -> LeastSquaresTask:
    """The problem of the 2024 paper's figure 1, with some fields changed."""
    return LeastSquaresTask.model_validate({"dimension": 40, "w_scale": 0.45, "iterations": 10, "lr": 0.1} | fields)


@pytest.mark.parametrize(
    ("dimension", "w_scale", "a_scale", "bias"), [(40, 0.45, 1.0, 0.0), (40, 0.3, 0.5, 0.0), (50, 0.5, 1.0, 0.1)]
)
def test_it_is_what_torch_draws_with_seed_42(dimension: int, w_scale: float, a_scale: float, bias: float) -> None:
    a_ND, y_NK, w_DK = draw(task(dimension=dimension, w_scale=w_scale, a_scale=a_scale, bias_true=bias))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(42)
        w_true = torch.randn(dimension, 1) * w_scale
        x = torch.randn(100, dimension) * a_scale
        y = x @ w_true + bias
    assert torch.equal(w_DK, w_true) and torch.equal(a_ND, x) and torch.equal(y_NK, y)


def test_the_error_begins_where_figure_1_does() -> None:
    _, y_NK, _ = draw(task())
    assert y_NK.square().mean().item() / 40 == pytest.approx(0.25, rel=0.02)


def test_the_mean_singular_value_is_the_one_that_the_noise_of_figure_3_is_divided_by() -> None:
    a_ND, _, _ = draw(task(w_scale=0.3, a_scale=0.5))
    assert torch.linalg.svdvals(a_ND).mean().item() == pytest.approx(4.663, abs=5e-4)


def test_as_a_data_set_what_is_learnt_is_tested() -> None:
    data = problem(task(), CPU)
    assert data.train_x_BCHW.shape == (100, 1, 1, 40) and data.train_y_B.shape == (100, 1)
    assert data.n_classes is None and data.n_outputs == 1
    assert data.test_x_BCHW is data.train_x_BCHW
    assert data.fingerprint != problem(task(data_seed=43), CPU).fingerprint


@pytest.mark.parametrize("loss", ["mse", "half-mse"])
def test_descent_follows_torchs_gradient(loss: str) -> None:
    own = task(loss=loss, bias_true=0.1)
    a_ND, y_NK, _ = draw(own)
    layer = torch.nn.Linear(40, 1)
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    for _ in range(20):
        optimizer.zero_grad()
        ((1.0 if loss == "mse" else 0.5) * torch.nn.functional.mse_loss(layer(a_ND), y_NK)).backward()
        optimizer.step()
    weight, bias = descend(own, 20)
    torch.testing.assert_close(weight, layer.weight.detach(), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(bias, layer.bias.detach(), rtol=1e-4, atol=1e-6)


def test_a_grid_has_2_to_the_16_values_from_minus_1_to_1_and_a_matrix_of_ones() -> None:
    a_ND, y_NK, w_DK = draw(task(numbers="grid", dimension=1, rows=3, outputs=5000))
    assert a_ND.tolist() == [[1.0]] * 3 and torch.equal(y_NK, w_DK.expand(3, -1))
    k_DK = (w_DK.double() + 1) * (2**16 - 1) / 2
    torch.testing.assert_close(k_DK, k_DK.round(), rtol=0, atol=0.01)
    assert w_DK.min() < -0.99 and w_DK.max() > 0.99 and w_DK.abs().max() <= 1
    # Uniform from −1 to 1: the mean square is 1/3 ± 0.3 √(1/5000), within five standard errors.
    assert w_DK.square().mean().item() == pytest.approx(1 / 3, abs=0.022)


def test_outputs_are_problems_of_their_own_and_a_layer_may_have_no_bias() -> None:
    own = task(numbers="grid", dimension=1, rows=1, outputs=3, bias=False, lr=0.3)
    _, y_NK, _ = draw(own)
    weight_KD, bias_K = descend(own, 200)
    torch.testing.assert_close(weight_KD.T, y_NK, rtol=0, atol=1e-5)
    assert bias_K.tolist() == [0, 0, 0]
    assert own.model.bias is False and problem(own, CPU).n_outputs == 3
