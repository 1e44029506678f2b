"""camkit's own plugins, as its metadata declares them, for where there is no metadata.

So it is in an application frozen into one file, and in a checkout that was never installed. These
are names; what they name is imported when it is used, like everything else.
"""

# ruff: noqa: E501
from __future__ import annotations

DECLARED: dict[str, dict[str, str]] = {
    "camkit.adapters": {
        "torchvision.models.resnet": "camkit_archs.resnet:adapter",
        "timm.models.resnet": "camkit_archs.resnet:adapter",
        "torchvision.models.vgg": "camkit_archs.vgg:adapter",
        "timm.models.vgg": "camkit_archs.vgg:adapter",
        "torchvision.models.densenet": "camkit_archs.densenet:adapter",
        "timm.models.densenet": "camkit_archs.densenet:timm_adapter",
        "torchvision.models.mnasnet": "camkit_archs.mnasnet:adapter",
        "timm.models.efficientnet": "camkit_archs.mnasnet:timm_adapter",
        "torchvision.models.segmentation": "camkit_archs.segmentation:adapter",
        "torchvision.models.detection": "camkit_archs.detection:adapter",
        "torchvision.models.vision_transformer": "camkit_archs.vit:adapter",
        "timm.models.vision_transformer": "camkit_archs.vit:timm_adapter",
        "timm.models.swin_transformer": "camkit_archs.swin:adapter",
        "torchvision.models.swin_transformer": "camkit_archs.swin:adapter",
        "timm.models.swin_transformer_v2": "camkit_archs.swin:adapter",
        "timm.models.swin_transformer_v2_cr": "camkit_archs.swin:cr_adapter",
        "transformers.models.swin.modeling_swin.SwinForImageClassification": (
            "camkit_archs.swin:huggingface_adapter"
        ),
        "transformers.models.swinv2.modeling_swinv2.Swinv2ForImageClassification": (
            "camkit_archs.swin:huggingface_adapter"
        ),
        "torchvision.models.convnext": "camkit_archs.convnext:adapter",
        "timm.models.convnext": "camkit_archs.convnext:timm_adapter",
        "transformers.models.convnext.modeling_convnext.ConvNextForImageClassification": (
            "camkit_archs.convnext:huggingface_adapter"
        ),
        "transformers.models.convnextv2.modeling_convnextv2.ConvNextV2ForImageClassification": (
            "camkit_archs.convnext:huggingface_adapter"
        ),
        "torchvision.models.efficientnet": "camkit_archs.efficientnet:adapter",
        "transformers.models.efficientnet.modeling_efficientnet.EfficientNetForImageClassification": (
            "camkit_archs.efficientnet:huggingface_adapter"
        ),
        "torchvision.models.mobilenetv2": "camkit_archs.mobilenet:adapter",
        "torchvision.models.mobilenetv3": "camkit_archs.mobilenet:adapter",
        "timm.models.mobilenetv3": "camkit_archs.mobilenet:timm_adapter",
        "transformers.models.mobilenet_v1.modeling_mobilenet_v1.MobileNetV1ForImageClassification": (
            "camkit_archs.mobilenet:huggingface_v1_adapter"
        ),
        "transformers.models.mobilenet_v2.modeling_mobilenet_v2.MobileNetV2ForImageClassification": (
            "camkit_archs.mobilenet:huggingface_v2_adapter"
        ),
        "torchvision.models.regnet": "camkit_archs.regnet:adapter",
        "timm.models.regnet": "camkit_archs.regnet:timm_adapter",
        "transformers.models.regnet.modeling_regnet.RegNetForImageClassification": (
            "camkit_archs.resnet:huggingface_adapter"
        ),
        "transformers.models.resnet.modeling_resnet.ResNetForImageClassification": (
            "camkit_archs.resnet:huggingface_adapter"
        ),
        "torchvision.models.googlenet": "camkit_archs.inception:v1_adapter",
        "torchvision.models.inception": "camkit_archs.inception:v3_adapter",
        "timm.models.inception_v3": "camkit_archs.inception:v3_adapter",
        "timm.models.inception_v4": "camkit_archs.inception:v4_adapter",
        "timm.models.inception_resnet_v2": "camkit_archs.inception:resnet_v2_adapter",
        "torchvision.models.maxvit": "camkit_archs.maxvit:adapter",
        "timm.models.maxxvit": "camkit_archs.maxvit:timm_adapter",
        "timm.models.cait": "camkit_archs.class_attention:cait_adapter",
        "timm.models.xcit": "camkit_archs.class_attention:xcit_adapter",
        "timm.models.volo": "camkit_archs.class_attention:volo_adapter",
        "timm.models.crossvit": "camkit_archs.class_attention:crossvit_adapter",
        "timm.models.tnt": "camkit_archs.class_attention:tnt_adapter",
        "timm.models.mvitv2": "camkit_archs.hierarchical_vit:mvit_adapter",
        "timm.models.pvt_v2": "camkit_archs.hierarchical_vit:pvt_adapter",
        "timm.models.hiera": "camkit_archs.hierarchical_vit:hiera_adapter",
        "timm.models.beit": "camkit_archs.vit:timm_adapter",
        "timm.models.eva": "camkit_archs.vit:timm_adapter",
        "transformers.models.vit.modeling_vit.ViTForImageClassification": (
            "camkit_archs.vit:huggingface_adapter"
        ),
        "transformers.models.deit.modeling_deit.DeiTForImageClassification": (
            "camkit_archs.vit:huggingface_adapter"
        ),
        "transformers.models.deit.modeling_deit.DeiTForImageClassificationWithTeacher": (
            "camkit_archs.vit:huggingface_adapter"
        ),
        "transformers.models.beit.modeling_beit.BeitForImageClassification": (
            "camkit_archs.vit:huggingface_adapter"
        ),
        "transformers.models.data2vec.modeling_data2vec_vision.Data2VecVisionForImageClassification": (
            "camkit_archs.vit:huggingface_adapter"
        ),
        "transformers.models.dinov2.modeling_dinov2.Dinov2ForImageClassification": (
            "camkit_archs.vit:huggingface_adapter"
        ),
        "transformers.models.dinov2_with_registers.modeling_dinov2_with_registers.Dinov2WithRegistersForImageClassification": (
            "camkit_archs.vit:huggingface_adapter"
        ),
        "timm.models.mlp_mixer": "camkit_archs.mixer:adapter",
    },
    "camkit.methods": {
        "gradcam": "camkit_methods.gradcam:gradcam",
        "gradcam++": "camkit_methods.gradcam_plusplus:gradcam_plusplus",
        "xgradcam": "camkit_methods.xgradcam:xgradcam",
        "ablationcam": "camkit_methods.ablationcam:ablationcam",
        "scorecam": "camkit_methods.scorecam:scorecam",
        "guided_backprop": "camkit_methods.guided_backprop:guided_backprop",
        "hirescam": "camkit_methods.hirescam:hirescam",
        "layercam": "camkit_methods.layercam:layercam",
        "gradcam_elementwise": "camkit_methods.gradcam_elementwise:gradcam_elementwise",
        "eigencam": "camkit_methods.eigencam:eigencam",
        "eigengradcam": "camkit_methods.eigengradcam:eigengradcam",
        "fem": "camkit_methods.fem:fem",
        "randomcam": "camkit_methods.randomcam:randomcam",
        "finercam": "camkit_methods.finercam:finercam",
        "shapleycam": "camkit_methods.shapleycam:shapleycam",
        "kpcacam": "camkit_methods.kpcacam:kpcacam",
        "reciprocam": "camkit_methods.reciprocam:reciprocam",
        "iscam": "camkit_methods.iscam:iscam",
        "sscam": "camkit_methods.sscam:sscam",
        "groupcam": "camkit_methods.groupcam:groupcam",
        "smoothgradcam++": "camkit_methods.smoothgradcam_plusplus:smoothgradcam_plusplus",
        "fullgrad": "camkit_methods.fullgrad:fullgrad",
        "refinecam": "camkit_methods.refinecam:refinecam",
        "attention_rollout": "camkit_methods.attention_rollout:attention_rollout",
        "chefer": "camkit_methods.chefer:chefer",
        "legrad": "camkit_methods.legrad:legrad",
    },
    "camkit.renderers": {
        "overlay": "camkit_core.renderers.overlay:overlay",
        "heatmap": "camkit_core.renderers.heatmap:heatmap",
        "side_by_side": "camkit_core.renderers.side_by_side:side_by_side",
        "guided_gradcam": "camkit_core.renderers.guided_gradcam:guided_gradcam",
    },
    "camkit.metrics": {
        "insertion": "camkit_core.metrics.insertion:insertion",
        "deletion": "camkit_core.metrics.deletion:deletion",
        "road": "camkit_core.metrics.road:road",
        "road_morf": "camkit_core.metrics.road_morf:road_morf",
        "road_lerf": "camkit_core.metrics.road_lerf:road_lerf",
        "average_drop": "camkit_core.metrics.average_drop:average_drop",
        "average_increase": "camkit_core.metrics.average_increase:average_increase",
        "average_gain": "camkit_core.metrics.average_gain:average_gain",
        "adcc": "camkit_core.metrics.adcc:adcc",
        "sensitivity": "camkit_core.metrics.sensitivity:sensitivity",
        "randomisation": "camkit_core.metrics.randomisation:randomisation",
        "area": "camkit_core.metrics.area:area",
    },
}
