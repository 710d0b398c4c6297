"""Other programs that compute a network: ONNX Runtime, OpenVINO, TensorRT; extras, all of them."""
