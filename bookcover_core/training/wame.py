"""WAME, the optimiser that section 4.1 names as the more advanced choice: a learning rate of its own for each weight.

Mosca and Magoulas, "Training convolutional networks with weight-wise adaptive learning rates", ESANN 2017. It joins
Rprop's rule (a weight whose gradient keeps its sign takes larger steps, one whose gradient flips takes smaller ones)
with RMSprop's division by the gradient's running size.
"""

from typing import Any

from bookcover_core.models.tensorflow_setup import keras

# Decays of the running means of zeta and of the squared gradient, and the one that the bias correction takes for a
# first moment; growth and shrinkage of zeta, and its bounds; what keeps divisors from 0.
_BETA_A, _BETA_2, _BETA_1 = 0.9, 0.999, 0.9
_ETA_PLUS, _ETA_MINUS = 1.2, 0.1
_ZETA_MIN, _ZETA_MAX = 0.01, 100.0
_EPSILON = 1e-11


class Wame(keras.optimizers.Optimizer):  # type: ignore[misc]  # Keras ships no types
    """The WAME optimiser, as its author wrote it for Keras (class WAME of nitbix/keras-oldfork, keras/optimizers.py).

    For a weight w with gradient g, at step t = 1, 2, ...:

        zeta = min(1.2 zeta, 100)   where g has the sign of the last gradient
               max(0.1 zeta, 0.01)  where it has the other sign; unchanged where either is 0
        Z    = 0.9 Z + 0.1 zeta
        v    = 0.999 v + 0.001 g^2
        w    = w - learning_rate sqrt(1 - 0.999^t) / (1 - 0.9^t) (zeta / Z) g / (sqrt(v) + 1e-11)

    zeta and Z begin at 1, v at 0. The correction is Adam's, and makes the first steps up to ten times as long as later
    ones. Two things follow the paper where the author's code departs from it: signs are compared with the last gradient
    (the code keeps the weight in its place), and zeta itself stays within its bounds (the code bounds a copy). Other
    public implementations, made from the paper alone, multiply by Z or divide by v instead of its root.
    """

    def build(self, variables: list[keras.Variable]) -> None:
        """Make the state that goes with `variables`: the last gradient, zeta, Z and v of each weight."""
        if self.built:
            return
        super().build(variables)
        self._last = self.add_optimizer_variables(variables, "last_gradient")
        self._zetas = self.add_optimizer_variables(variables, "zeta", initializer="ones")
        self._means = self.add_optimizer_variables(variables, "mean_zeta", initializer="ones")
        self._squares = self.add_optimizer_variables(variables, "mean_square")

    def update_step(self, gradient: Any, variable: keras.Variable, learning_rate: Any) -> None:
        """Take one step with `variable`, whose gradient is `gradient`."""
        ops = keras.ops
        gradient = ops.cast(gradient, variable.dtype)
        place = self._get_variable_index(variable)
        last, zeta, mean, square = (state[place] for state in (self._last, self._zetas, self._means, self._squares))

        # Of signs, for the product of two small gradients may be rounded to 0.
        agreement = ops.sign(gradient) * ops.sign(last)
        factor = ops.where(agreement > 0, _ETA_PLUS, ops.where(agreement < 0, _ETA_MINUS, 1.0))
        self.assign(zeta, ops.clip(zeta * factor, _ZETA_MIN, _ZETA_MAX))
        self.assign(mean, _BETA_A * mean + (1 - _BETA_A) * zeta)
        self.assign(square, _BETA_2 * square + (1 - _BETA_2) * ops.square(gradient))
        self.assign(last, gradient)
        step = ops.cast(self.iterations + 1, variable.dtype)
        corrected = ops.sqrt(1 - ops.power(_BETA_2, step)) / (1 - ops.power(_BETA_1, step))
        rate = ops.cast(learning_rate, variable.dtype) * corrected * zeta / mean
        self.assign_sub(variable, rate * gradient / (ops.sqrt(square) + _EPSILON))
