"""Networks: backbones with the input that each expects, their weights, and the head on top.

In: ImageNet weights, or a file of weights, by digest. Out: built networks, and cards and weights in models/<model>/.
Section 4.1 and Appendix A of the dissertation.
"""
