"""What torch's calls do to positions and values, by their names."""

from __future__ import annotations


def named(names: str) -> frozenset[str]:
    """The names in a text, which white space separates."""
    return frozenset(names.split())


# The value is handed on as it is.
IDENTITIES = named(
    """
    clone contiguous to float double half bfloat16 type type_as dropout dropout1d
    dropout2d dropout3d feature_dropout alpha_dropout feature_alpha_dropout alias identity
    requires_grad_ detach as_subclass
    """
)
# Each value of the result is made of the value at the same place, and of constants.
ELEMENTWISE = IDENTITIES | named(
    """
    relu relu_ relu6 hardtanh hardtanh_ leaky_relu leaky_relu_ elu elu_ selu selu_ celu
    celu_ gelu silu mish hardswish hardsigmoid sigmoid sigmoid_ logsigmoid tanh tanh_
    softplus softsign prelu rrelu _threshold threshold threshold_ clamp clamp_ clamp_min
    clamp_min_ clamp_max clamp_max_ square sqrt rsqrt abs exp log log1p pow __pow__ mul
    mul_ __mul__ __rmul__ __imul__ multiply add add_ __add__ __radd__ __iadd__ sub sub_
    __sub__ __rsub__ __isub__ rsub subtract div div_ __truediv__ __itruediv__ __rtruediv__
    true_divide divide neg neg_ __neg__ batch_norm
    """
)
# The values at a position are made of the values at that position and about it, of maps alone.
MAP_TO_MAP = named(
    """
    conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d max_pool1d
    max_pool2d max_pool3d avg_pool1d avg_pool2d avg_pool3d lp_pool1d lp_pool2d
    fractional_max_pool2d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d
    adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d group_norm instance_norm
    local_response_norm interpolate upsample upsample_bilinear upsample_nearest pad
    pixel_shuffle pixel_unshuffle channel_shuffle
    """
)
# Beside the element-wise calls: each position of the result stands where it stood.
SAME_SHAPE = ELEMENTWISE | named(
    """
    maximum minimum addcmul addcdiv lerp where softmax log_softmax normalize layer_norm
    group_norm instance_norm rms_norm masked_fill nan_to_num expand expand_as view_as
    reshape_as
    """
)
# The result is an affine function of what is read.
AFFINE = named(
    """
    adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d avg_pool1d avg_pool2d
    avg_pool3d flatten unflatten reshape view permute transpose swapaxes movedim
    contiguous squeeze unsqueeze clone mean sum select narrow chunk split unbind expand
    flip roll __getitem__ linear conv1d conv2d conv3d conv_transpose1d conv_transpose2d
    conv_transpose3d pixel_shuffle div div_ __truediv__ true_divide neg __neg__ float
    double half bfloat16 to interpolate upsample upsample_bilinear pad add sub add_ sub_
    __add__ __radd__ __iadd__ __sub__ __rsub__ __isub__ rsub cat concat stack hstack mul
    mul_ __mul__ __rmul__ matmul __matmul__ dropout dropout2d dropout3d feature_dropout
    batch_norm type_as crop repeat expand_as view_as reshape_as masked_select index_select
    gather requires_grad_ einsum mT swapdims concatenate
    """
)
# Affine in one operand while the others are constants.
PRODUCTS = named(
    """
    mul mul_ __mul__ __rmul__ matmul __matmul__ einsum linear conv1d conv2d conv3d
    conv_transpose1d conv_transpose2d conv_transpose3d div div_ __truediv__ true_divide
    """
)
# The product of two tensors.
MULTIPLIED = named(
    """
    mul mul_ __mul__ __rmul__ __imul__ multiply matmul __matmul__ __rmatmul__ mm bmm einsum
    """
)
# A head's last function, which keeps the order of the scores.
LINKS = named(
    """
    sigmoid sigmoid_ softmax log_softmax logsigmoid tanh clamp clamp_ softplus exp sqrt log
    log1p
    """
)
# Many numbers become one, or fewer, such as those of the channels at a place.
REDUCTIONS = named(
    """
    mean sum amax amin max min norm vector_norm linalg_vector_norm logsumexp std var median
    nanmedian quantile prod topk sort cosine_similarity pairwise_distance cdist
    """
)
# The values are handed on as they are, or their order is: cut, joined, moved, rescaled, squashed.
HANDED_ON = named(
    """
    clone contiguous view reshape flatten permute transpose cat concat stack split chunk
    __getitem__ select narrow unbind sigmoid softmax log_softmax interpolate float to
    squeeze unsqueeze movedim swapaxes upsample unflatten hstack detach alias clamp mul
    div __mul__ __truediv__ add __add__ sub requires_grad_ as_subclass exp softplus relu
    __sub__ __rsub__ rsub neg __neg__ sqrt log log1p mT swapdims concatenate
    """
)
# Of all positions of a channel, one is read.
MAXIMA = named(
    """
    adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d max_pool1d max_pool2d
    max_pool3d amax max
    """
)
# Values from places that another argument says.
RESAMPLERS = named(
    """
    grid_sample grid_sampler grid_sampler_2d grid_sampler_3d roi_align roi_pool ps_roi_align
    ps_roi_pool
    """
)
# Values from places that an index says.
TAKEN = named(
    """
    __getitem__ narrow gather index_select take_along_dim
    """
)
