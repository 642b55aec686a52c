"""PyTorch's optimisers and schedulers, as [training] and its schedule.

Each rule of ours is PyTorch's optimiser of that name; what it has besides is written as a rule of
one's own, with the numbers in its formulas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bpsheet.models.imported import Draft
from bpsheet.models.weights import part_of, root_of
from bpsheet.textbook.rules import RULES

__all__ = ["memory_of", "schedule_of", "settings_of"]

Group = Mapping[str, Any]
COVERED_SCHEDULERS = (
    "StepLR, MultiStepLR, ExponentialLR, CosineAnnealingLR, CosineAnnealingWarmRestarts, "
    "PolynomialLR, LinearLR and OneCycleLR are covered"
)


class _Unfit(Exception):  # noqa: N818 - an answer: what of an optimiser is covered
    """What of an optimiser is not covered; the message says what is."""


def _sgd(group: Group) -> dict[str, Any]:
    momentum, dampening = group["momentum"], group["dampening"]
    if not momentum:
        return {"rule": "gradient_descent"}
    if not dampening:
        return {"rule": "nesterov" if group["nesterov"] else "momentum", "momentum": momentum}
    # The first velocity is the whole gradient.
    velocity = f"if(t = 1, g, {momentum!r}*last + {1 - dampening!r}*g)"
    return {"rule": "formula", "adjustment": "rate*v", "remember": {"v": velocity}}


def _adam(group: Group) -> dict[str, Any]:
    beta1, beta2 = group["betas"]
    rule = "adam"
    if group.get("decoupled_weight_decay"):
        rule = "adamw"
    if group.get("amsgrad"):
        if rule == "adamw":
            raise _Unfit("AdamW with amsgrad is not covered")
        rule = "amsgrad"
    return {"rule": rule, "beta1": beta1, "beta2": beta2, "epsilon": group["eps"]}


def _adamax(group: Group) -> dict[str, Any]:
    beta1, beta2 = group["betas"]
    return {"rule": "adamax", "beta1": beta1, "beta2": beta2, "epsilon": group["eps"]}


def _nadam(group: Group) -> dict[str, Any]:
    if group.get("decoupled_weight_decay"):
        raise _Unfit("decoupled_weight_decay=False is covered")
    return _adamax(group) | {"rule": "nadam", "momentum_decay": group["momentum_decay"]}


def _radam(group: Group) -> dict[str, Any]:
    if group.get("decoupled_weight_decay"):
        raise _Unfit("decoupled_weight_decay=False is covered")
    return _adamax(group) | {"rule": "radam"}


def _rmsprop(group: Group) -> dict[str, Any]:
    a, epsilon, momentum = group["alpha"], group["eps"], group["momentum"]
    if not momentum and not group["centered"]:
        return {"rule": "rmsprop", "decay": a, "epsilon": epsilon}
    remember = {"s": f"{a!r}*last + {1 - a!r}*g^2"}
    variance = "s"
    if group["centered"]:
        remember["q"] = f"{a!r}*last + {1 - a!r}*g"
        variance = "s - q^2"
    step = f"g/(sqrt({variance}) + {epsilon!r})"
    if momentum:
        remember["v"] = f"{momentum!r}*last + {step}"
        step = "v"
    return {"rule": "formula", "adjustment": f"rate*{step}", "remember": remember}


def _adagrad(group: Group) -> dict[str, Any]:
    settings: dict[str, Any] = {"rule": "adagrad", "epsilon": group["eps"]}
    if group["lr_decay"]:
        settings["schedule"] = {"kind": "inverse_time", "decay": group["lr_decay"]}
    return settings


def _rprop(group: Group) -> dict[str, Any]:
    (minus, plus), (smallest, largest) = group["etas"], group["step_sizes"]
    return {
        "rule": "rprop",
        "eta_minus": minus,
        "eta_plus": plus,
        "smallest_step": smallest,
        "largest_step": largest,
    }


OPTIMISERS: Mapping[str, Callable[[Group], dict[str, Any]]] = {
    "SGD": _sgd,
    "Adam": _adam,
    "AdamW": lambda group: _adam({**group, "decoupled_weight_decay": True}),
    "Adamax": _adamax,
    "NAdam": _nadam,
    "RAdam": _radam,
    "RMSprop": _rmsprop,
    "Adagrad": _adagrad,
    "Adadelta": lambda group: {
        "rule": "adadelta",
        "decay": group["rho"],
        "epsilon": group["eps"],
    },
    "Rprop": _rprop,
}
# What of a group of parameters says nothing about the steps.
MACHINERY = (
    "params",
    "foreach",
    "capturable",
    "differentiable",
    "fused",
    "param_names",
    "initial_lr",
)


def settings_of(optimizer: Any, draft: Draft) -> dict[str, Any]:
    """The keys of [training] that say what an optimiser does. What is not covered is noted."""
    name = type(optimizer).__name__
    groups = [
        {key: _number(value) for key, value in group.items() if key not in MACHINERY}
        for group in optimizer.param_groups
    ]
    if name not in OPTIMISERS:
        draft.refuse(f"optimizer ({name})", f"{', '.join(OPTIMISERS)} are covered")
        return {}
    if any(group != groups[0] for group in groups[1:]):
        said = "groups of parameters with the same settings are covered; these differ"
        draft.refuse(f"optimizer ({name})", said)
    group = groups[0]
    if group.get("maximize"):
        draft.refuse(f"optimizer ({name})", "maximize=False is covered")
    try:
        settings = OPTIMISERS[name](group)
    except _Unfit as unfit:
        draft.refuse(f"optimizer ({name})", str(unfit))
        return {}
    # A schedule begins at the rate that the optimiser was made with.
    initial = optimizer.param_groups[0].get("initial_lr", group["lr"])
    settings["learning_rate"] = float(_number(initial))
    if group.get("weight_decay"):
        settings["weight_decay"] = float(group["weight_decay"])
    elif settings["rule"] == "adamw":
        settings["weight_decay"] = 0.0
    return settings


# What PyTorch remembers of each parameter, by the quantity of our rule.
MEMORY: Mapping[str, Mapping[str, str]] = {
    "momentum": {"velocity": "momentum_buffer"},
    "nesterov": {"velocity": "momentum_buffer"},
    "adam": {"first_moment": "exp_avg", "second_moment": "exp_avg_sq"},
    "adamw": {"first_moment": "exp_avg", "second_moment": "exp_avg_sq"},
    "amsgrad": {
        "first_moment": "exp_avg",
        "second_moment": "exp_avg_sq",
        "largest_moment": "max_exp_avg_sq",
    },
    "adamax": {"first_moment": "exp_avg", "largest_gradient": "exp_inf"},
    "nadam": {"first_moment": "exp_avg", "second_moment": "exp_avg_sq"},
    "radam": {"first_moment": "exp_avg", "second_moment": "exp_avg_sq"},
    "rmsprop": {"squares": "square_avg"},
    "adagrad": {"squares": "sum"},
    "adadelta": {"squares": "square_avg", "step_squares": "acc_delta"},
    "rprop": {"gradient_kept": "prev", "step_size": "step_size"},
    # The rules of one's own that stand for SGD with dampening and for RMSprop.
    "formula": {"v": "momentum_buffer", "s": "square_avg", "q": "grad_avg"},
}


def memory_of(
    optimizer: Any, module: Any, settings: Mapping[str, Any], draft: Draft
) -> dict[str, Any]:
    """What an optimiser that has made updates remembers: into the draft, and as keys of [training].

    Parameters that have been updated more or less often than others are not covered.
    """
    states = {
        name: optimizer.state[parameter]
        for name, parameter in module.named_parameters()
        if optimizer.state.get(parameter)
    }
    counts = {int(_number(state.get("step", 0))) for state in states.values()}
    begun = any(_is_begun(state) for state in states.values())
    if not begun:
        return {}
    place = f"optimizer ({type(optimizer).__name__})"
    updates = max(counts)
    if len(counts) > 1 or (updates and settings.get("schedule")):
        said = "one that has updated all parameters equally often, without lr_decay, is covered"
        draft.refuse(place, said)
        return {}
    for quantity, key in MEMORY.get(str(settings["rule"]), {}).items():
        arrays = {
            own: part_of(name, state[key].detach().cpu().double().numpy()).tolist()
            for own, name in draft.names.items()
            if (state := states.get(root_of(name))) and state.get(key) is not None
        }
        if arrays:
            draft.memory[quantity] = arrays
    rule = RULES.get(settings["rule"])
    if settings["rule"] == "nadam":
        product = {float(_number(state["mu_product"])) for state in states.values()}
        draft.memory["mu_product"] = {"mu_product": product.pop()}
    # SGD counts nothing; its first velocity is the whole gradient only once.
    is_counted = settings["rule"] == "formula" or (rule is not None and rule.counts)
    return {"updates_before": updates or 1} if is_counted else {}


def _is_begun(state: Mapping[str, Any]) -> bool:
    """Whether an optimiser has made an update of a parameter."""
    if state.get("step") is not None and int(_number(state["step"])):
        return True
    return any(hasattr(one, "any") and bool(one.any()) for one in state.values())


def _number(value: Any) -> Any:
    """A hyper-parameter that is a tensor, as Python's number."""
    return value.item() if hasattr(value, "item") else value


def _cosine(scheduler: Any) -> dict[str, Any]:
    return {"kind": "cosine", "over": float(scheduler.T_max), "lowest": float(scheduler.eta_min)}


def _restarts(scheduler: Any) -> dict[str, Any]:
    return {
        "kind": "restarts",
        "every": float(scheduler.T_0),
        "growth": float(scheduler.T_mult),
        "lowest": float(scheduler.eta_min),
    }


def _multi_step(scheduler: Any) -> dict[str, Any]:
    milestones = [float(n) for n in sorted(scheduler.milestones.elements())]
    return {"kind": "multi_step", "milestones": milestones, "factor": scheduler.gamma}


def _linear(scheduler: Any) -> dict[str, Any]:
    if scheduler.start_factor != 1 or scheduler.end_factor > 1:
        raise _Unfit("start_factor=1 and an end_factor below it are covered")
    rate = scheduler.base_lrs[0]
    return {
        "kind": "linear",
        "over": float(scheduler.total_iters),
        "lowest": rate * scheduler.end_factor,
    }


def _one_cycle(scheduler: Any) -> dict[str, Any]:
    group = scheduler.optimizer.param_groups[0]
    if scheduler._schedule_phases[-1].keys() and len(scheduler._schedule_phases) > 2:  # noqa: SLF001
        raise _Unfit("three_phase=False is covered")
    phases, total = scheduler._schedule_phases, scheduler.total_steps  # noqa: SLF001
    if scheduler._anneal_func_type != "cos" or scheduler.cycle_momentum:  # noqa: SLF001
        raise _Unfit('anneal_strategy="cos" and cycle_momentum=False are covered')
    return {
        "kind": "one_cycle",
        "over": float(total),
        "rise": (phases[0]["end_step"] + 1) / total,
        "first_divisor": group["max_lr"] / group["initial_lr"],
        "last_divisor": group["initial_lr"] / group["min_lr"],
    }


SCHEDULERS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "StepLR": lambda s: {"kind": "step", "every": float(s.step_size), "factor": s.gamma},
    "MultiStepLR": _multi_step,
    "ExponentialLR": lambda s: {"kind": "exponential", "factor": s.gamma},
    "CosineAnnealingLR": _cosine,
    "CosineAnnealingWarmRestarts": _restarts,
    "PolynomialLR": lambda s: {
        "kind": "polynomial",
        "over": float(s.total_iters),
        "power": s.power,
    },
    "LinearLR": _linear,
    "OneCycleLR": _one_cycle,
}


def schedule_of(scheduler: Any, draft: Draft) -> dict[str, Any]:
    """The table [training.schedule] of a scheduler that has not begun. It counts epochs, as usual;
    OneCycleLR counts updates.
    """
    name = type(scheduler).__name__
    place = f"scheduler ({name})"
    if name not in SCHEDULERS:
        draft.refuse(place, COVERED_SCHEDULERS)
        return {}
    if scheduler.last_epoch > 0:
        draft.refuse(place, f"one that has not begun is covered; it is at {scheduler.last_epoch}")
    try:
        table = SCHEDULERS[name](scheduler)
    except _Unfit as unfit:
        draft.refuse(place, str(unfit))
        return {}
    changes: dict[str, Any] = {}
    if name == "OneCycleLR":
        changes["learning_rate"] = scheduler.optimizer.param_groups[0]["max_lr"]
    else:
        table["per"] = "epoch"
    return {"schedule": table} | changes
