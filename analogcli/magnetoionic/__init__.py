"""Networks of magneto-ionic double devices: laws, pairs and how R of them learn at once.

::

    laws      what pulses do to a device                    own       a law by name, or of the user's own
    pairs     one step of learning, any law and device      kernels   the same as compiled loops on the CPU
    layer     R layers of pairs with their normalisation    network   layers behind one another, forward and backward
"""

from analogcli.magnetoionic.laws import DeviceLaw, ExponentialLaw, LinearLaw
from analogcli.magnetoionic.network import PairNetwork, weights_of
from analogcli.magnetoionic.own import law_of

__all__ = ["DeviceLaw", "ExponentialLaw", "LinearLaw", "PairNetwork", "law_of", "weights_of"]
