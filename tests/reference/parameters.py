"""Draw every parameter of a model, and show that every one of them has an effect."""

import copy
import re

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedModel

# A matrix keeps the size of what it is given, times this: scores in attention spread by about its square.
GAIN = 1.2
EMBEDDING = 0.3
ADDED_TO_RESIDUAL = r"(output\.dense|attention\.dense|ffn_output)\.weight$"
# Tables of relative positions are not normalised as the others are, and must be as large as the rest of the scores.
RELATIVE = 1.0

# The least change of a row that a test can't miss.
EFFECT = 1e-3
ORDER_EFFECT = 1e-2


def fill(model: PreTrainedModel, seed: int, bias_shift: float, layer_gain: float = GAIN) -> None:
    """No parameter keeps its initial value, so that none can be left out unnoticed.

    numpy's generator draws the same numbers on every CPU; torch's does not promise to.
    """
    rng = np.random.default_rng(seed)
    owner = {id(parameter): module for module in model.modules() for parameter in module.parameters(recurse=False)}
    bias = decoder_bias(model)
    for name, parameter in model.named_parameters():
        noise = rng.standard_normal(tuple(parameter.shape))
        if parameter is bias:
            values = bias_shift + 0.5 * noise
        elif isinstance(owner[id(parameter)], nn.LayerNorm):
            values = 0.2 * noise + (1.0 if name.endswith("weight") else 0.0)
        elif name.endswith("bias"):
            values = 0.2 * noise
        elif re.search(r"(relative_attention_bias|rel_embeddings)\.weight$", name):
            values = RELATIVE * noise
        elif isinstance(owner[id(parameter)], nn.Embedding) or parameter is decoder_weight(model):
            values = EMBEDDING * noise
        else:
            gain = layer_gain if re.search(ADDED_TO_RESIDUAL, name) else GAIN
            values = gain / np.sqrt(parameter[0].numel()) * noise
        parameter.data.copy_(torch.from_numpy(values.astype(np.float32)))


def decoder_weight(model: PreTrainedModel) -> nn.Parameter | None:
    decoder = model.get_output_embeddings()
    return decoder.weight if decoder is not None else None


def decoder_bias(model: PreTrainedModel) -> nn.Parameter | None:
    if hasattr(model, "lm_predictions"):
        return model.lm_predictions.lm_head.bias  # DeBERTa gives its dense layer for get_output_embeddings
    decoder = model.get_output_embeddings()
    return decoder.bias if decoder is not None else None


def idle(model: PreTrainedModel, input_ids: list[int]) -> list[str]:
    """Names of the parameters whose change changes no weight of this row."""
    before = row(model, input_ids)
    rng = np.random.default_rng(0)
    names = []
    for name, parameter in model.named_parameters():
        kept = parameter.data.clone()
        noise = torch.from_numpy(rng.standard_normal(tuple(kept.shape)).astype(np.float32))
        parameter.data.add_(0.5 * kept.std() * noise)
        if (row(model, input_ids) - before).abs().max() < EFFECT:
            names.append(name)
        parameter.data.copy_(kept)
    return names


def check_order_matters(model: PreTrainedModel, input_ids: list[int]) -> None:
    """Without positions a row would be the same for the same tokens in another order."""
    first, *inner, last = input_ids
    moved = row(model, [first, *inner[::-1], last]) - row(model, input_ids)
    assert moved.abs().max() > ORDER_EFFECT, f"positions move a weight by {moved.abs().max()} only"


def check_attention(model: PreTrainedModel, input_ids: list[int]) -> None:
    """It neither looks at one token alone nor at all of them alike."""
    usual = model.config._attn_implementation
    model.set_attn_implementation("eager")
    attentions = model(input_ids=torch.tensor([input_ids]), output_attentions=True).attentions
    model.set_attn_implementation(usual)
    largest = [probabilities[0].amax(dim=-1).mean().item() * len(input_ids) for probabilities in attentions]
    assert all(2 < times < 0.6 * len(input_ids) for times in largest), largest


def check_config_matters(model: PreTrainedModel, changes: dict, input_ids: list[int]) -> None:
    config = copy.deepcopy(model.config)
    for key, value in changes.items():
        setattr(config, key, value)
    other = type(model)(config).eval()
    other.load_state_dict(model.state_dict())
    moved = (row(other, input_ids) - row(model, input_ids)).abs().max()
    assert moved > EFFECT, f"{changes} move a weight by {moved} only"


def row(model: PreTrainedModel, input_ids: list[int]) -> torch.Tensor:
    """SPLADE of one text; of a model without a head, its hidden states."""
    output = model(input_ids=torch.tensor([input_ids]))
    if hasattr(output, "logits"):
        return output.logits[0].relu().log1p().amax(dim=0)
    return output.last_hidden_state[0].amax(dim=0)
