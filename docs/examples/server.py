"""Send a picture, get its overlay: `uvicorn --factory server:resnet`, and then
`curl --data-binary @photo.jpg "localhost:8000/explain?method=scorecam" -o overlay.png`."""

import io

import torch
from PIL import Image
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from torchvision.models import ResNet18_Weights, resnet18

import camkit_core as camkit


def application(model, prepare):
    """The server of a model in evaluation mode; `prepare` makes its images of pictures."""

    def explained(picture, method):
        explanation = camkit.explain(model, images_of(picture), method)
        overlay = io.BytesIO()
        explanation.render("overlay").save(overlay, "PNG")
        return Response(overlay.getvalue(), media_type="image/png")

    def predicted(picture):
        with torch.inference_mode():
            return JSONResponse({"scores": model(images_of(picture))[0].tolist()})

    def images_of(picture):
        return prepare(Image.open(io.BytesIO(picture)).convert("RGB"))[None]

    async def explain(request):
        method = request.query_params.get("method", "gradcam")
        return await run_in_threadpool(explained, await request.body(), method)

    async def predict(request):
        return await run_in_threadpool(predicted, await request.body())

    async def refuse(request, error):
        return JSONResponse({"error": str(error)}, status_code=400)

    refused = {camkit.CamkitError: refuse, OSError: refuse, Image.DecompressionBombError: refuse}
    routes = [Route(f"/{each.__name__}", each, methods=["POST"]) for each in (explain, predict)]
    return Starlette(routes=routes, exception_handlers=refused)


def resnet():
    """The server of a ResNet-18."""
    weights = ResNet18_Weights.DEFAULT
    return application(resnet18(weights=weights).eval(), weights.transforms())
