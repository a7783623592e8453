"""How a layer's weights lie on tiles and what is digital around them (AIHWKit: MappingParameter, same defaults)."""

from pydantic import Field

from analogcli.spec.base import Spec


class Mapping(Spec):
    """From a layer to its tiles."""

    max_input_size: int = Field(512, ge=0)
    """Layers with more inputs are split into tiles of at most this size; 0: no splitting."""
    max_output_size: int = Field(512, ge=0)
    """Layers with more outputs are split into tiles of at most this size; 0: no splitting."""
    learn_out_scaling: bool = False
    """A digital factor on each tile's output, starting at 1 and trained by plain SGD."""
    weight_scaling_omega: float = Field(0.0, ge=0)
    """Initial weights are scaled so that max|W| = omega on the tile [weight units]; 0: not scaled (papers: ω)."""
    weight_scaling_columnwise: bool = False
    """Scale every output row by its own maximum; without effect when weight_scaling_omega is 0."""
